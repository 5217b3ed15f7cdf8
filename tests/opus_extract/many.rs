//! Many ranges at a time.

use std::ops::Range;

use gstharmony::opus_store::{Certainty, Extraction, Pcm, StoreError};

use crate::common::opus;
use crate::link::{Link, Store};

/// All that is handed out, in the order in which it is.
fn all(store: &Store, ranges: &[Range<u64>], jobs: usize) -> Vec<(usize, Pcm<i16>)> {
    let mut all = Vec::new();
    let each = |number, pcm| {
        all.push((number, pcm));
        Ok::<_, StoreError>(())
    };
    store
        .extract_many(ranges, &Extraction::default(), jobs, each)
        .unwrap();
    all
}

#[test]
fn every_range_is_handed_out_in_order_on_any_number_of_threads() {
    // Some of these take all that is before them.
    let store = Link::of(&opus::SILK_MUSIC).store(true);
    let mut ranges = store.ranges(24, 4800, 5);
    ranges.insert(7, 100..100);
    let alone = |range: &Range<u64>| store.get(range.clone()).unwrap();
    let expected: Vec<_> = ranges.iter().map(alone).enumerate().collect();
    assert!(
        expected
            .iter()
            .all(|(_, pcm)| matches!(pcm.certainty, Certainty::Certified { .. }))
    );
    for jobs in [0, 2, 3, 64] {
        assert!(all(&store, &ranges, jobs) == expected, "{jobs} threads");
    }
    assert!(all(&store, &[], 2).is_empty());
}

#[test]
fn the_first_bad_range_ends_it() {
    let store = Link::of(&opus::CELT).store(false);
    let mut ranges = store.ranges(40, 4800, 6);
    ranges[20] = 0..u64::MAX;
    ranges[22] = 5..u64::MAX;
    for jobs in [1, 2, 5] {
        let mut handed = 0;
        let each = |number, _: Pcm<f32>| {
            assert_eq!(number, handed);
            handed += 1;
            Ok::<_, StoreError>(())
        };
        let done = store.extract_many(&ranges, &Extraction::default(), jobs, each);
        assert!(
            matches!(done, Err(StoreError::Range { start: 0, .. })),
            "{done:?}"
        );
        assert_eq!(handed, 20);
    }
}

#[test]
fn the_taker_may_end_it() {
    #[derive(Debug, PartialEq)]
    enum Stop {
        Enough,
        Store(String),
    }
    impl From<StoreError> for Stop {
        fn from(error: StoreError) -> Self {
            Self::Store(error.to_string())
        }
    }
    let store = Link::of(&opus::CELT).store(false);
    let ranges = store.ranges(40, 4800, 7);
    for jobs in [1, 3] {
        let each = |number, _: Pcm<i16>| match number {
            11 => Err(Stop::Enough),
            _ => Ok(()),
        };
        let done = store.extract_many(&ranges, &Extraction::default(), jobs, each);
        assert_eq!(done, Err(Stop::Enough));
    }
}

#[test]
#[should_panic(expected = "the taker's own")]
fn a_panic_of_the_taker_is_passed_on() {
    let store = Link::of(&opus::CELT).store(false);
    let ranges = store.ranges(40, 4800, 8);
    let each = |_, _: Pcm<i16>| -> Result<(), StoreError> { panic!("the taker's own") };
    let _ = store.extract_many(&ranges, &Extraction::default(), 2, each);
}
