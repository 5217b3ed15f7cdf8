//! Any packet, and the packet of any sample.

use std::ops::Range;

use gstharmony::opus::{Gap, Row};
use gstharmony::opus_store::{Compression, OpusStore, StoreError};

use crate::made::{END_TRIM, KINDS, Made, PRE_SKIP};
use crate::random::Random;

/// Packets of the stores: rows of several chunks and pages, the last of which are not full.
const COUNT: usize = 3000;

/// The packet of a sample of the time line, by a look at all rows.
fn holder(rows: &[Row], sample: u64) -> (u64, u64) {
    let at = rows.iter().position(|row| row.holds(sample)).unwrap();
    (at as u64, sample - rows[at].cum_start)
}

fn samples(random: &mut Random, total: u64) -> Vec<u64> {
    let mut samples: Vec<u64> = (0..200).map(|_| random.below(total)).collect();
    samples.extend([0, 1, total - 1]);
    samples
}

#[test]
fn any_sample_is_found() {
    for kind in KINDS {
        let made = Made::of(COUNT).kind(kind);
        let rows = made.rows();
        let store = made.write();
        let store = OpusStore::open(store.path()).unwrap();
        let total = rows.last().unwrap().cum_end + 1;
        let mut random = Random::new(1);
        for sample in samples(&mut random, total) {
            let found = store.find_on_timeline(sample).unwrap();
            assert_eq!(
                (found.packet, found.offset),
                holder(&rows, sample),
                "{kind:?}"
            );
            assert_eq!(found.row, rows[found.packet as usize]);
        }
        let pcm = total - PRE_SKIP - END_TRIM;
        assert_eq!(store.info().pcm_samples, pcm);
        for sample in samples(&mut random, pcm) {
            let found = store.find(sample).unwrap();
            assert_eq!(
                (found.packet, found.offset),
                holder(&rows, sample + PRE_SKIP)
            );
        }
    }
}

#[test]
fn any_packets_are_read() {
    for kind in KINDS {
        let made = Made::of(COUNT).kind(kind);
        let rows = made.rows();
        let store = made.write();
        let store = OpusStore::open(store.path()).unwrap();
        let mut random = Random::new(2);
        let mut ranges: Vec<Range<usize>> = (0..50)
            .map(|_| {
                let start = random.below(COUNT as u64) as usize;
                start..start + random.below((COUNT - start) as u64 + 1) as usize
            })
            .collect();
        ranges.extend([0..0, 0..1, 0..COUNT, COUNT - 1..COUNT, COUNT..COUNT]);
        for range in ranges {
            let packets = store.packets(range.start as u64..range.end as u64).unwrap();
            assert_eq!(packets.first, range.start as u64);
            assert_eq!(packets.rows, rows[range.clone()], "{kind:?}");
            let bytes: Vec<&[u8]> = packets.iter().map(|(_, bytes)| bytes).collect();
            assert_eq!(bytes, made.packets[range], "{kind:?}");
        }
        assert_eq!(store.row(17).unwrap(), rows[17]);
        assert_eq!(store.rows(690..710).unwrap(), rows[690..710]);
    }
}

#[test]
fn a_store_without_sums_counts_its_packets() {
    for kind in KINDS {
        for fields in [
            vec!["byte_pos", "byte_len"],
            vec!["byte_len", "note"],
            vec!["sample_count", "byte_pos", "byte_len"],
        ] {
            let made = Made {
                fields,
                ..Made::of(COUNT).kind(kind)
            };
            let rows = made.rows();
            let store = made.write();
            let store = OpusStore::open(store.path()).unwrap();
            assert!(!store.info().sample_index);
            let total = rows.last().unwrap().cum_end + 1;
            for sample in [total - 1, 0, total / 2, 1] {
                let found = store.find_on_timeline(sample).unwrap();
                assert_eq!((found.packet, found.offset), holder(&rows, sample));
            }
            assert_eq!(store.rows(0..COUNT as u64).unwrap(), rows, "{kind:?}");
            let packets = store.packets(1000..1002).unwrap();
            assert_eq!(packets.bytes, made.packets[1000..1002].concat());
        }
    }
}

#[test]
fn columns_may_be_in_any_order() {
    let made = Made {
        fields: vec![
            "cum_end",
            "cum_start",
            "more",
            "sample_count",
            "byte_len",
            "byte_pos",
        ],
        ..Made::of(COUNT)
    };
    let store = made.write();
    let store = OpusStore::open(store.path()).unwrap();
    assert!(store.info().sample_index);
    assert_eq!(store.rows(0..COUNT as u64).unwrap(), made.rows());
}

#[test]
fn samples_behind_the_end_are_out_of_range() {
    let store = Made::of(10).write();
    let store = OpusStore::open(store.path()).unwrap();
    let total = store.info().pcm_samples;
    store.find(total - 1).unwrap();
    for sample in [total, total + END_TRIM + 1, u64::MAX] {
        match store.find(sample).unwrap_err() {
            StoreError::Range {
                start,
                total: found,
                ..
            } => {
                assert_eq!((start, found), (sample, total));
            }
            error => panic!("{error}"),
        }
    }
    store.check_range(&(0..total)).unwrap();
    store.check_range(&(total..total)).unwrap();
    for range in [0..total + 1, Range { start: 2, end: 1 }] {
        let error = store.check_range(&range).unwrap_err();
        assert!(matches!(error, StoreError::Range { .. }), "{error}");
    }
    let timeline = store.attributes().total_samples;
    store.find_on_timeline(timeline - 1).unwrap();
    assert!(store.find_on_timeline(timeline).is_err());
}

#[test]
fn packets_behind_the_end_are_out_of_range() {
    let store = Made::of(10).write();
    let store = OpusStore::open(store.path()).unwrap();
    for range in [0..11, 11..11, Range { start: 3, end: 2 }, 0..u64::MAX] {
        for error in [
            store.rows(range.clone()).unwrap_err(),
            store.packets(range.clone()).unwrap_err(),
            store.hashes(range.clone()).unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::PacketRange { .. }), "{error}");
        }
    }
    let error = store.row(10).unwrap_err().to_string();
    assert_eq!(error, "packets 10 to 11 are out of range: 10 are committed");
}

#[test]
fn an_empty_store_has_nothing() {
    let store = Made::of(0).write();
    let store = OpusStore::open(store.path()).unwrap();
    assert_eq!(store.info().pcm_samples, 0);
    assert!(store.rows(0..0).unwrap().is_empty() && store.gaps().unwrap().is_empty());
    assert!(matches!(store.find(0), Err(StoreError::Range { .. })));
}

#[test]
fn hashes_and_gaps_are_read() {
    let hashes: Vec<u64> = (0..COUNT as u64).map(|n| n * n).collect();
    let gap = |packet, samples| Gap { packet, samples };
    let gaps = vec![gap(0, 960), gap(5, 0), gap(COUNT as u64, 120)];
    let made = Made {
        hashes: Some(hashes.clone()),
        gaps: gaps.clone(),
        ..Made::of(COUNT)
    };
    let with = made.write();
    let with = OpusStore::open(with.path()).unwrap();
    assert_eq!(with.hashes(650..1450).unwrap(), hashes[650..1450]);
    assert_eq!(with.gaps().unwrap(), gaps);
    assert!(with.info().certified && with.info().gaps == 3);
    let without = Made::of(3).write();
    let without = OpusStore::open(without.path()).unwrap();
    assert!(matches!(without.hashes(0..3), Err(StoreError::NoHashes)));
    assert!(!without.info().certified);
}

#[test]
fn links_are_subgroups() {
    let (first, second) = (Made::of(10), Made::of(20));
    let store = first.write();
    second.write_to(&store.path().join("link_1"));
    store.attribute("links", 2.into());
    let root = OpusStore::open(store.path()).unwrap();
    assert_eq!((root.links(), root.info().packets), (2, 10));
    let link = OpusStore::open_link(store.path(), 1).unwrap();
    assert_eq!((link.links(), link.info().packets), (2, 20));
    assert_eq!(link.packets(0..20).unwrap().rows, second.rows());
    let error = OpusStore::open_link(store.path(), 2).unwrap_err();
    assert_eq!(error.to_string(), "link 2 is out of range: the store has 2");
}

#[test]
fn info_says_what_the_store_is() {
    let made = Made::of(100).kind(KINDS[3]);
    let store = made.write();
    let info = OpusStore::open(store.path()).unwrap().info();
    assert_eq!((info.format, info.index_compression), KINDS[3]);
    assert_eq!(info.bytes, made.packets.concat().len() as u64);
    assert_eq!((info.packets, info.link, info.links), (100, 0, 1));
    assert!(info.attributes.complete);
    assert_ne!(info.index_compression, Compression::None);
}

#[test]
fn threads_share_a_store() {
    let made = Made::of(COUNT);
    let rows = made.rows();
    let store = made.write();
    let store = OpusStore::open(store.path()).unwrap();
    let total = store.attributes().total_samples;
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (store, rows) = (&store, &rows);
            scope.spawn(move || {
                let mut random = Random::new(seed);
                for sample in samples(&mut random, total) {
                    let found = store.find_on_timeline(sample).unwrap();
                    assert!(rows[found.packet as usize].holds(sample));
                }
            });
        }
    });
}
