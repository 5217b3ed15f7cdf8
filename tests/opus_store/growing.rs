//! Stores that are still being written.

use std::fs;

use gstharmony::opus::Gap;
use gstharmony::opus_store::{OpusStore, StoreError};

use crate::made::{KINDS, Made};

/// A store of `all` of which so many packets are committed; the others may be there or not.
fn part(all: &Made, committed: usize, written: usize) -> Made {
    Made {
        packets: all.packets[..written].to_vec(),
        committed,
        complete: false,
        ..all.clone()
    }
}

#[test]
fn nothing_behind_the_committed_packets_is_trusted() {
    for kind in KINDS {
        let all = Made::of(2000).kind(kind);
        let store = part(&all, 900, 2000).write();
        let opened = OpusStore::open(store.path()).unwrap();
        assert_eq!(opened.info().packets, 900);
        assert_eq!(opened.rows(0..900).unwrap(), all.rows()[..900]);
        assert!(matches!(
            opened.row(900),
            Err(StoreError::PacketRange { .. })
        ));
        let readable = opened.info().pcm_samples;
        opened.find(readable - 1).unwrap();
        match opened.find(readable).unwrap_err() {
            StoreError::NotComplete {
                wanted,
                readable: found,
                committed_packets,
            } => {
                assert_eq!(
                    (wanted, found, committed_packets),
                    (readable, readable, 900)
                );
            }
            error => panic!("{error}"),
        }
        let error = opened.check_range(&(0..readable + 5)).unwrap_err();
        assert!(matches!(error, StoreError::NotComplete { wanted, .. } if wanted == readable + 4));
    }
}

#[test]
fn what_is_committed_meanwhile_is_read_after_a_refresh() {
    for kind in KINDS {
        let all = Made::of(3000).kind(kind);
        let rows = all.rows();
        let store = part(&all, 0, 0).write();
        let opened = OpusStore::open(store.path()).unwrap();
        for committed in [1, 2, 600, 700, 701, 1399, 2999] {
            part(&all, committed, committed).write_to(&store.path());
            assert!(opened.refresh().unwrap());
            assert_eq!(opened.rows(0..committed as u64).unwrap(), rows[..committed]);
            let last = rows[committed - 1];
            let found = opened.find_on_timeline(last.cum_end).unwrap();
            assert_eq!(found.packet, committed as u64 - 1, "{kind:?}");
            assert!(!opened.refresh().unwrap(), "nothing has changed");
        }
        all.write_to(&store.path());
        assert!(opened.refresh().unwrap());
        assert!(opened.attributes().complete);
        assert_eq!(opened.packets(0..3000).unwrap().bytes, all.packets.concat());
    }
}

#[test]
fn a_store_without_sums_goes_on_counting() {
    let all = Made {
        fields: vec!["byte_len"],
        ..Made::of(3000)
    };
    let store = part(&all, 10, 10).write();
    let opened = OpusStore::open(store.path()).unwrap();
    for committed in [10, 11, 1400, 2050, 3000] {
        part(&all, committed, committed).write_to(&store.path());
        opened.refresh().unwrap();
        let last = committed as u64 - 1;
        assert_eq!(opened.row(last).unwrap(), all.rows()[committed - 1]);
    }
}

#[test]
fn gaps_behind_the_committed_packets_are_left_out() {
    let gaps = [3, 10, 11].map(|packet| Gap {
        packet,
        samples: 120,
    });
    let made = Made {
        gaps: gaps.to_vec(),
        ..part(&Made::of(20), 10, 20)
    };
    let store = made.write();
    let opened = OpusStore::open(store.path()).unwrap();
    assert_eq!(opened.gaps().unwrap(), gaps[..2]);
}

#[test]
fn another_store_in_the_same_place_is_not_taken_for_more_of_it() {
    let all = Made::of(2000);
    let store = part(&all, 900, 900).write();
    let opened = OpusStore::open(store.path()).unwrap();
    // Fewer packets.
    part(&all, 800, 800).write_to(&store.path());
    assert!(matches!(opened.refresh(), Err(StoreError::Replaced { .. })));
    // A new folder with more of them.
    fs::rename(store.path(), store.path().with_extension("old")).unwrap();
    all.write_to(&store.path());
    assert!(matches!(opened.refresh(), Err(StoreError::Replaced { .. })));
    assert_eq!(opened.info().packets, 900, "it stays as it was");
    fs::remove_dir_all(store.path()).unwrap();
    assert!(matches!(
        opened.refresh(),
        Err(StoreError::NotAStore { .. })
    ));
}
