//! To the bit.

use std::sync::atomic::{AtomicUsize, Ordering};

use gstharmony::opus::Preroll;
use gstharmony::opus_store::{Certainty, Extraction, StoreError};

use crate::common::opus::{self, Opus};
use crate::link::{Link, part};

/// Files of one link, of all modes and layouts of channels.
const FILES: &[Opus] = &[
    opus::CELT,
    opus::CELT_LOW,
    opus::CELT_2_5,
    opus::SILK,
    opus::SILK_MUSIC,
    opus::HYBRID,
    opus::MIXED,
    opus::SWITCHED,
    opus::FFMPEG_120,
    opus::DTX,
    opus::MERGED_48,
    opus::SURROUND,
    opus::DISCRETE,
];

const CERTIFIED: Extraction = Extraction {
    preroll: Preroll::Certified,
    gain: true,
};

#[test]
fn what_is_certified_is_what_a_decoder_from_the_start_gives() {
    for file in FILES {
        let link = Link::of(file);
        let (store, pcm) = (link.store(true), link.pcm(0));
        for range in store.ranges(6, 48_000, 1) {
            let what = format!("{}, {range:?}", file.name);
            let got = store.extract(range.clone(), &CERTIFIED).unwrap();
            assert_eq!(got.channels, link.channels());
            let expected = part(&pcm, link.channels(), &range);
            assert!(got.samples == expected, "{what}: other samples");
            let certified = matches!(got.certainty, Certainty::Certified { .. });
            assert!(certified, "{what}: {:?}", got.certainty);
        }
        // What is not asked for otherwise is certified as well.
        let range = store.ranges(1, 4800, 1).remove(0);
        let asked = store.extract(range.clone(), &CERTIFIED).unwrap();
        assert!(store.get(range).unwrap() == asked, "{}", file.name);
    }
}

#[test]
fn celt_is_exact_behind_the_recommended_preroll() {
    for file in [opus::CELT, opus::CELT_10, opus::FFMPEG_20, opus::SURROUND] {
        let link = Link::of(&file);
        let (store, pcm) = (link.store(false), link.pcm(0));
        assert_eq!(store.attributes().recommended_preroll_ms, 1200);
        for range in store.ranges(25, 48_000, 2) {
            let got = store.get(range.clone()).unwrap();
            let expected = part(&pcm, link.channels(), &range);
            assert!(got.samples == expected, "{}, {range:?}", file.name);
            let why = "the store has no hashes of its samples".into();
            assert_eq!(got.certainty, Certainty::Uncertified { why });
        }
    }
}

#[test]
fn a_gain_is_applied_as_libopus_does_or_left_out() {
    let link = Link::of(&opus::GAIN);
    assert_eq!(link.head.gain, -1536);
    let (loud, quiet) = (link.pcm(0), link.pcm(-1536));
    assert_ne!(loud, quiet);
    let without = Extraction {
        gain: false,
        ..Extraction::default()
    };
    for pcm_hash in [false, true] {
        let store = link.store(pcm_hash);
        for range in store.ranges(25, 48_000, 3) {
            let got = store.get(range.clone()).unwrap();
            assert!(got.samples == part(&quiet, 2, &range), "{range:?}");
            let got = store.extract(range.clone(), &without).unwrap();
            assert!(got.samples == part(&loud, 2, &range), "{range:?}");
            let certified = matches!(got.certainty, Certainty::Certified { .. });
            assert_eq!(certified, pcm_hash, "{range:?}");
        }
    }
}

#[test]
fn samples_that_no_hash_is_of_are_certified_from_the_start_alone() {
    let link = Link::of(&opus::GAIN);
    let store = link.store(true);
    let late = store.get(480_000..528_000).unwrap().certainty;
    let Certainty::Uncertified { why } = late else {
        panic!("{late:?}");
    };
    assert!(why.starts_with(
        "hashes are of 16-bit samples without gain, which match with a pre-roll of 5"
    ));
    let early = store.get(1000..48_000).unwrap().certainty;
    let preroll_samples = 1000 + u64::from(link.head.pre_skip);
    assert_eq!(early, Certainty::Certified { preroll_samples });
}

#[test]
fn floats_are_those_of_libopus() {
    for file in [opus::CELT, opus::MIXED, opus::DISCRETE] {
        let link = Link::of(&file);
        let (store, floats) = (link.store(true), link.floats());
        for range in store.ranges(8, 48_000, 4) {
            let got = store.extract_f32(range.clone(), &Extraction::default());
            let got = got.unwrap().samples;
            let expected = part(&floats, link.channels(), &range);
            assert_eq!(got.len(), expected.len());
            // They round to the same 16 bits.
            let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1.0 / 32_768.0;
            let what = format!("{}, {range:?}", file.name);
            assert!(got.iter().zip(expected).all(near), "{what}");
        }
        for (store, proven) in [(store, true), (link.store(false), false)] {
            let range = 0..store.total();
            let got = store.extract_f32(range, &Extraction::default()).unwrap();
            assert!(got.samples == floats, "{}, from the start", file.name);
            let certified = matches!(got.certainty, Certainty::Certified { .. });
            assert_eq!(certified, proven);
        }
    }
}

#[test]
fn a_short_preroll_gives_other_values_at_the_right_place_and_says_so() {
    let link = Link::of(&opus::CELT);
    let (store, pcm) = (link.store(true), link.pcm(0));
    let range = 480_000..576_000;
    let expected = part(&pcm, 2, &range);
    let short = Extraction {
        preroll: Preroll::Samples(0),
        gain: true,
    };
    let got = store.extract(range.clone(), &short).unwrap();
    assert_eq!(got.samples.len(), expected.len());
    assert!(got.samples[..1920] != expected[..1920], "not yet");
    let converged = got.samples.len() - 96_000;
    assert!(got.samples[converged..] == expected[converged..], "later");
    let packet = store.find(range.start).unwrap();
    let why = format!(
        "packet {} does not decode to its hash with a pre-roll of {} samples",
        packet.packet, packet.offset
    );
    assert_eq!(got.certainty, Certainty::Uncertified { why });
    let long = Extraction {
        preroll: Preroll::Samples(u64::MAX),
        gain: true,
    };
    let got = store.extract(range.clone(), &long).unwrap();
    let preroll_samples = range.start + u64::from(link.head.pre_skip);
    assert_eq!(got.certainty, Certainty::Certified { preroll_samples });
}

#[test]
fn certified_samples_need_hashes() {
    let store = Link::of(&opus::ODD_TOOLS).store(false);
    let error = store.extract(0..10, &CERTIFIED).unwrap_err();
    assert!(matches!(error, StoreError::NoHashes), "{error}");
}

#[test]
fn who_changes_their_mind_is_heard_between_batches() {
    let store = Link::of(&opus::SILK_MUSIC).store(true);
    let all = 0..store.total();
    let asked = AtomicUsize::new(0);
    let after = |most: usize| {
        asked.store(0, Ordering::Relaxed);
        store.extract_unless(all.clone(), &CERTIFIED, &|| {
            asked.fetch_add(1, Ordering::Relaxed) >= most
        })
    };
    let whole = after(usize::MAX).unwrap();
    assert_eq!(whole, store.extract(all.clone(), &CERTIFIED).unwrap());
    let batches = asked.load(Ordering::Relaxed);
    assert_eq!(
        batches as u64,
        store.attributes().committed_packets.div_ceil(512)
    );
    for most in 0..batches {
        assert!(matches!(after(most), Err(StoreError::Interrupted)));
        assert_eq!(asked.load(Ordering::Relaxed), most + 1);
    }
}
