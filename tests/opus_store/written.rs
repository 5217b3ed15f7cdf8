//! Stores as the writer writes them, read at any moment.

use std::path::Path;

use gstharmony::opus::{Clip, Gap, Head, Mapping, Start};
use gstharmony::opus_store::check::{Hashes, Report, check};
use gstharmony::opus_store::rebuild::rebuild;
use gstharmony::opus_store::{Compression, Options, OpusStore, StoreWriter, ZarrFormat};

use crate::made::{KINDS, Made, PRE_SKIP};
use crate::random::Random;

/// More packets than a chunk of the index has.
const COUNT: usize = 21_000;

fn start() -> Start {
    Start {
        head: Head {
            channels: 1,
            pre_skip: PRE_SKIP as u16,
            input_rate: 48_000,
            gain: 0,
            mapping: Mapping::Simple,
        },
        head_bytes: None,
        tags: None,
        pre_skip: Some(PRE_SKIP),
        before_segment: 0,
    }
}

fn writer(path: &Path, kind: (ZarrFormat, Compression), pcm_hash: bool) -> StoreWriter {
    let (format, index_compression) = kind;
    let options = Options {
        format,
        index_compression,
        pcm_hash,
        ..Options::default()
    };
    StoreWriter::create(path, options).unwrap()
}

fn checked(path: &Path) -> Report {
    let report = check(path, true, &mut |_, _| {}).unwrap();
    assert!(report.is_good(), "{:?}", report.problems);
    report
}

/// The first packets of a store are those of `made`, and any sample is found.
fn holds(store: &OpusStore, made: &Made, packets: usize) {
    assert_eq!(store.info().packets, packets as u64);
    let rows = made.rows();
    let mut random = Random::new(packets as u64);
    for _ in 0..50 {
        let packet = random.below(packets as u64) as usize;
        let end = packets.min(packet + 300);
        let read = store.packets(packet as u64..end as u64).unwrap();
        assert_eq!(read.rows, rows[packet..end]);
        assert_eq!(read.bytes, made.packets[packet..end].concat());
        let sample = rows[packet].cum_start + random.below(rows[packet].sample_count);
        let found = store.find_on_timeline(sample).unwrap();
        assert_eq!(
            (found.packet, found.offset),
            (packet as u64, sample - rows[packet].cum_start)
        );
        if let Some(pcm) = sample.checked_sub(PRE_SKIP) {
            assert_eq!(store.find(pcm).unwrap(), found);
        }
    }
}

#[test]
fn what_is_committed_is_read_while_more_is_written() {
    let made = Made::of(COUNT);
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.zarr");
        let mut writer = writer(&path, kind, false);
        writer.begin(start()).unwrap();
        writer.commit().unwrap();
        let store = OpusStore::open(&path).unwrap();
        let mut written = 0;
        for commit in [1, 499, 10_000, 10_001, 15_000] {
            for packet in &made.packets[written..commit] {
                writer.packet(packet, Clip::default()).unwrap();
            }
            written = commit;
            writer.commit().unwrap();
            assert!(store.refresh().unwrap());
            holds(&store, &made, commit);
        }
        for packet in &made.packets[written..] {
            writer.packet(packet, Clip::default()).unwrap();
        }
        assert_eq!(checked(&path).links[0].packets, 15_000, "{kind:?}");
        writer.finish().unwrap();
        assert!(store.refresh().unwrap() && store.attributes().complete);
        holds(&store, &made, COUNT);
        assert_eq!(checked(&path).notes.count(), 0);
    }
}

#[test]
fn hashes_gaps_and_links_are_those_that_were_written() {
    let made = Made::of(500);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.zarr");
    let mut writer = writer(&path, KINDS[0], true);
    for _ in 0..2 {
        writer.begin(start()).unwrap();
        for (number, packet) in made.packets.iter().enumerate() {
            if number == 100 {
                writer.gap(960).unwrap();
            }
            writer.packet(packet, Clip::default()).unwrap();
        }
    }
    writer.finish().unwrap();
    let report = checked(&path);
    assert_eq!(report.notes.count(), 0, "{:?}", report.notes);
    assert_eq!(report.links.len(), 2);
    for link in &report.links {
        assert_eq!(
            (link.packets, link.gaps, link.hashes),
            (500, 1, Hashes::Checked(500))
        );
        let store = OpusStore::open_link(&path, link.link).unwrap();
        holds(&store, &made, 500);
        assert_eq!(
            store.gaps().unwrap(),
            [Gap {
                packet: 100,
                samples: 960
            }]
        );
    }
    let links = [0, 1].map(|link| OpusStore::open_link(&path, link).unwrap());
    let hashes = links.map(|link| link.hashes(0..500).unwrap());
    assert_eq!(hashes[0], hashes[1], "each link is decoded from its start");
}

#[test]
fn a_written_index_is_rebuilt_as_it_was() {
    let made = Made::of(COUNT);
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.zarr");
        let mut writer = writer(&path, kind, false);
        writer.begin(start()).unwrap();
        for packet in &made.packets {
            writer.packet(packet, Clip { start: 0, end: 0 }).unwrap();
        }
        writer.finish().unwrap();
        let before = OpusStore::open(&path).unwrap();
        let attributes = before.attributes();
        rebuild(&path, &mut |_, _| {}).unwrap();
        let after = OpusStore::open(&path).unwrap();
        assert_eq!(after.attributes(), attributes, "{kind:?}");
        holds(&after, &made, COUNT);
        checked(&path);
    }
}
