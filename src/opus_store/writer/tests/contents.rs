//! Packets, rows, gaps and attributes.

use super::view::Seen;
use super::{SAMPLES, packet, start};
use crate::opus::{Clip, Gap, PreSkipSource};
use crate::opus_store::arrays::{Compression, ZarrFormat};
use crate::opus_store::certify;
use crate::opus_store::decoder::Decoder;
use crate::opus_store::error::StoreError;
use crate::opus_store::writer::{Options, StoreWriter, Summary};

/// Both formats, with the index as it is and compressed.
fn all_options() -> impl Iterator<Item = Options> {
    let formats = [ZarrFormat::V3, ZarrFormat::V2];
    let compressions = [Compression::None, Compression::Zstd];
    formats.into_iter().flat_map(move |format| {
        compressions.map(|index_compression| Options {
            format,
            index_compression,
            ..Options::default()
        })
    })
}

#[test]
fn what_comes_in_is_there() {
    for options in all_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.zarr");
        let mut writer = StoreWriter::create(&path, options).unwrap();
        writer.begin(start(2)).unwrap();
        // More than a chunk of packets, and than two of rows.
        let count = 25_000;
        for number in 0..count {
            match number {
                7 => writer.gap(4800).unwrap(),
                20_001 => writer.packet(&[], Clip::default()).map(drop).unwrap(),
                _ => {}
            }
            let clip = Clip {
                start: if number == 0 { 500 } else { 0 },
                end: if number + 1 == count { 120 } else { 0 },
            };
            writer.packet(&packet(number), clip).unwrap();
        }
        writer.gap(0).unwrap();
        let summary = writer.finish().unwrap();
        let expected = Summary {
            links: 1,
            packets: count,
            gaps: 3,
            samples: count * SAMPLES,
            ignored_clips: 0,
        };
        assert_eq!(summary, expected);

        let seen = Seen::link(&path, 0).unwrap();
        assert_eq!(seen.format, options.format);
        assert_eq!(seen.rows.len() as u64, count);
        for number in 0..count {
            assert_eq!(seen.packet(number as usize), packet(number));
        }
        let gap = |packet, samples| Gap { packet, samples };
        assert_eq!(
            seen.gaps,
            [gap(7, 4800), gap(20_001, SAMPLES), gap(count, 0)]
        );
        assert!(seen.hashes.is_none());
        let attributes = seen.attributes;
        assert!(attributes.complete);
        assert_eq!(attributes.committed_packets, count);
        assert_eq!(attributes.total_samples, count * SAMPLES);
        assert_eq!(attributes.pre_skip, 500);
        assert_eq!(attributes.pre_skip_source, PreSkipSource::ClippingMeta);
        assert_eq!(attributes.end_trim, 120);
        assert_eq!(attributes.opus_head, start(2).head.to_bytes());
        assert_eq!(attributes.opus_tags, b"OpusTags");
        assert_eq!(attributes.modes_seen, ["CELT"]);
        assert_eq!(attributes.links, Some(1));
        assert_eq!(attributes.decoder_fingerprint, None);
        assert_eq!(attributes.libopus_version, Decoder::version());
    }
}

#[test]
fn a_stream_without_packets_makes_a_store_without_rows() {
    for options in all_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.zarr");
        let mut writer = StoreWriter::create(&path, options).unwrap();
        writer.begin(start(1)).unwrap();
        writer.commit().unwrap();
        assert!(!Seen::link(&path, 0).unwrap().attributes.complete);
        writer.finish().unwrap();
        let seen = Seen::link(&path, 0).unwrap();
        assert!(seen.attributes.complete);
        assert!(seen.rows.is_empty() && seen.blob.is_empty() && seen.gaps.is_empty());
    }
}

#[test]
fn a_chunk_of_zeros_is_stored_like_any_other() {
    // SILK, narrowband, 10 ms, one frame of zeros.
    let zeros = vec![0; 1 << 10];
    for options in all_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.zarr");
        let mut writer = StoreWriter::create(&path, options).unwrap();
        writer.begin(start(1)).unwrap();
        for _ in 0..5 << 10 {
            writer.packet(&zeros, Clip::default()).unwrap();
        }
        writer.finish().unwrap();
        // That no chunk is missing is part of looking.
        let seen = Seen::link(&path, 0).unwrap();
        assert_eq!(seen.blob, vec![0; 5 << 20]);
    }
}

#[test]
fn what_is_committed_is_readable_and_what_is_not_is_not_promised() {
    for options in all_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.zarr");
        let mut writer = StoreWriter::create(&path, options).unwrap();
        writer.begin(start(2)).unwrap();
        for number in 0..10 {
            writer.packet(&packet(number), Clip::default()).unwrap();
            let seen = Seen::link(&path, 0).unwrap();
            assert_eq!(seen.attributes.committed_packets, number);
            assert_eq!(seen.attributes.total_samples, number * SAMPLES);
            writer.commit().unwrap();
            let seen = Seen::link(&path, 0).unwrap();
            assert_eq!(seen.rows.len() as u64, number + 1);
            assert_eq!(seen.packet(number as usize), packet(number));
            assert!(!seen.attributes.complete);
        }
        // A gap alone is worth a commit, too.
        writer.gap(120).unwrap();
        writer.commit().unwrap();
        assert_eq!(Seen::link(&path, 0).unwrap().gaps.len(), 1);
    }
}

#[test]
fn rows_are_committed_even_if_nobody_asks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.zarr");
    let mut writer = StoreWriter::create(&path, Options::default()).unwrap();
    writer.begin(start(2)).unwrap();
    for number in 0..45_000 {
        writer.packet(&packet(number), Clip::default()).unwrap();
    }
    drop(writer);
    let seen = Seen::link(&path, 0).unwrap();
    assert_eq!(seen.rows.len(), 40_000);
    assert!(!seen.attributes.complete);
}

#[test]
fn each_link_of_a_chain_is_a_group() {
    for options in all_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.zarr");
        let mut writer = StoreWriter::create(&path, options).unwrap();
        for (link, channels) in (0..).zip([2, 1, 2]) {
            writer.begin(start(channels)).unwrap();
            for number in 0..10 + link {
                let packet = packet(100 * link + number);
                writer.packet(&packet, Clip::default()).unwrap();
            }
            // The link before is at its end, but the store is not.
            let root = Seen::link(&path, 0).unwrap().attributes;
            assert_eq!((root.links, root.complete), (Some(link + 1), false));
            if let Some(before) = link.checked_sub(1) {
                let before = Seen::link(&path, before).unwrap().attributes;
                assert_eq!(before.committed_packets, 9 + link);
            }
        }
        let summary = writer.finish().unwrap();
        assert_eq!((summary.links, summary.packets), (3, 33));
        for (link, channels) in (0..).zip([2, 1, 2]) {
            let seen = Seen::link(&path, link).unwrap();
            assert_eq!(seen.attributes.links, (link == 0).then_some(3));
            assert!(seen.attributes.complete);
            assert_eq!(seen.attributes.channels, channels);
            // Each has a time line of its own.
            assert_eq!(seen.attributes.total_samples, (10 + link) * SAMPLES);
            assert_eq!(seen.packet(9), packet(100 * link + 9));
        }
        assert!(Seen::link(&path, 3).is_none());
    }
}

#[test]
fn a_packet_that_breaks_a_rule_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.zarr");
    let mut writer = StoreWriter::create(&path, Options::default()).unwrap();
    writer.begin(start(2)).unwrap();
    writer.packet(&packet(0), Clip::default()).unwrap();
    // Code 3 of no frames.
    let error = writer.packet(&[0xff, 0], Clip::default()).unwrap_err();
    assert!(
        matches!(error, StoreError::Packet { packet: 1, .. }),
        "{error}"
    );
    writer.packet(&packet(1), Clip::default()).unwrap();
    writer.finish().unwrap();
    let seen = Seen::link(&path, 0).unwrap();
    assert_eq!(seen.rows.len(), 2);
    assert_eq!(seen.packet(1), packet(1));
}

#[test]
fn certified_stores_have_the_hash_of_each_decoded_packet() {
    for options in all_options() {
        let options = Options {
            pcm_hash: true,
            ..options
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.zarr");
        let mut writer = StoreWriter::create(&path, options).unwrap();
        let mut expected = Vec::new();
        for link in 0..2 {
            writer.begin(start(2)).unwrap();
            // Each link is decoded from its start.
            let mut decoder = Decoder::new(&start(2).head).unwrap();
            for number in 0..50 {
                let packet = packet(100 * link + number);
                writer.packet(&packet, Clip::default()).unwrap();
                writer.packet(&[], Clip::default()).unwrap();
                let mut pcm = Vec::new();
                decoder.decode_i16(&packet, &mut pcm).unwrap();
                expected.push(certify::hash(&pcm));
                if number % 20 == 0 {
                    writer.commit().unwrap();
                }
            }
        }
        writer.finish().unwrap();
        for (link, expected) in (0..).zip(expected.chunks(50)) {
            let seen = Seen::link(&path, link).unwrap();
            assert_eq!(seen.hashes.unwrap(), expected);
            assert_eq!(seen.gaps.len(), 50);
            let fingerprint = seen.attributes.decoder_fingerprint;
            assert_eq!(fingerprint.as_deref(), certify::fingerprint().ok());
        }
    }
}

#[test]
fn nothing_is_taken_before_the_first_link_or_after_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.zarr");
    let mut writer = StoreWriter::create(&path, Options::default()).unwrap();
    let refused = |done: Result<(), StoreError>, why| {
        let StoreError::State(found) = done.unwrap_err() else {
            panic!("another error");
        };
        assert_eq!(found, why);
    };
    let why = "no stream has begun";
    refused(writer.packet(&packet(0), Clip::default()).map(drop), why);
    refused(writer.gap(1), why);
    refused(writer.commit(), why);
    refused(writer.finish().map(drop), why);
    assert!(!path.exists());
    writer.begin(start(2)).unwrap();
    writer.finish().unwrap();
    let why = "it is complete";
    refused(writer.packet(&packet(0), Clip::default()).map(drop), why);
    refused(writer.gap(1), why);
    refused(writer.commit(), why);
    refused(writer.begin(start(2)), why);
    refused(writer.finish().map(drop), why);
}
