//! Which samples: all of a range, and no others.

use gstharmony::opus::Clip;
use gstharmony::opus_store::{Extraction, Options, OpusStore, StoreError, StoreWriter};

use crate::common::opus;
use crate::link::{Link, part};

#[test]
fn first_and_last_samples_and_all_of_them_are_there() {
    for file in [
        opus::ODD_TOOLS,
        opus::PAGES,
        opus::ODD_FFMPEG,
        opus::ODD_GST,
    ] {
        let link = Link::of(&file);
        let (store, pcm) = (link.store(false), link.pcm(0));
        assert_eq!(store.total(), 100_003, "{}", file.name);
        for range in [
            0..100_003,
            0..1,
            0..2,
            1..2,
            100_002..100_003,
            100_000..100_003,
            647..649,
            648..1608,
        ] {
            let got = store.get(range.clone()).unwrap();
            assert!(
                got.samples == part(&pcm, 2, &range),
                "{}, {range:?}",
                file.name
            );
        }
    }
}

#[test]
fn every_edge_of_packets_is_met() {
    let link = Link::of(&opus::CELT_5);
    let (store, pcm) = (link.store(true), link.pcm(0));
    for packet in [400, 401, 800] {
        let start = store.row(packet).unwrap().cum_start - u64::from(link.head.pre_skip);
        for range in [
            start..start + 240,
            start - 1..start + 241,
            start + 1..start + 239,
            start + 239..start + 240,
            start..start + 1,
            start - 1..start,
        ] {
            let got = store.get(range.clone()).unwrap();
            assert_eq!(got.samples, part(&pcm, 2, &range), "{range:?}");
        }
    }
}

#[test]
fn an_empty_range_is_empty() {
    let link = Link::of(&opus::ODD_TOOLS);
    for pcm_hash in [false, true] {
        let store = link.store(pcm_hash);
        for at in [0, 50_000, 100_003] {
            let got = store.get(at..at).unwrap();
            assert_eq!((got.samples.len(), got.channels), (0, 2));
        }
    }
}

#[test]
fn ranges_over_the_end_are_refused() {
    let store = Link::of(&opus::ODD_TOOLS).store(false);
    for (start, stop) in [
        (0, 100_004),
        (100_003, 100_004),
        (100_004, 100_004),
        (5, u64::MAX),
        (u64::MAX, u64::MAX),
        (2, 1),
    ] {
        let error = store.get(start..stop).unwrap_err();
        let refused = matches!(error, StoreError::Range { start: s, stop: e, total: 100_003 }
            if (s, e) == (start, stop));
        assert!(refused, "{error}");
        let error = store.extract_f32(start..stop, &Extraction::default());
        assert!(matches!(error, Err(StoreError::Range { .. })));
    }
}

#[test]
fn what_is_not_written_yet_is_not_there() {
    let link = Link::of(&opus::CELT);
    let pcm = link.pcm(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.zarr");
    let mut writer = StoreWriter::create(&path, Options::default()).unwrap();
    writer.begin(link.start()).unwrap();
    for packet in &link.packets[..300] {
        writer.packet(packet, Clip::default()).unwrap();
    }
    writer.commit().unwrap();
    let store = OpusStore::open(&path).unwrap();
    let readable = 300 * 960 - u64::from(link.head.pre_skip);
    let last = readable - 48_000..readable;
    let got = store.extract(last.clone(), &Extraction::default()).unwrap();
    assert!(got.samples == part(&pcm, 2, &last));
    let error = store.extract(last.start..readable + 1, &Extraction::default());
    let refused =
        matches!(error, Err(StoreError::NotComplete { wanted, .. }) if wanted == readable);
    assert!(refused, "{error:?}");
}

#[test]
fn what_is_lost_is_not_made_up() {
    let link = Link::of(&opus::CELT);
    let whole = link.store(true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.zarr");
    let options = Options {
        pcm_hash: true,
        ..Options::default()
    };
    let mut writer = StoreWriter::create(&path, options).unwrap();
    writer.begin(link.start()).unwrap();
    for (number, packet) in link.packets.iter().enumerate() {
        match number {
            500 => writer.gap(4800).unwrap(),
            600 => writer.packet(&[], Clip::default()).map(drop).unwrap(),
            _ => {}
        }
        writer.packet(packet, Clip::default()).unwrap();
    }
    writer.finish().unwrap();
    let store = OpusStore::open(&path).unwrap();
    assert_eq!(store.gaps().unwrap().len(), 2);
    let across = 499 * 960..602 * 960;
    let got = store.extract(across.clone(), &Extraction::default());
    assert_eq!(got.unwrap(), whole.get(across).unwrap());
}
