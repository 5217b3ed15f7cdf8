//! Offsets past 4 GiB: a file of 5 GiB whose large blocks are holes on the disk.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use gst::prelude::*;
use gstharmony::h4mk::{BlockMeta, Kind, Sidecars, Timing, Track, Writer, WriterOptions};

use crate::common::packets::Tap;
use crate::common::pipeline::{launch, quoted, run};
use crate::common::v1;

const LARGE: u32 = 256 << 20;
const GROUPS: i64 = 20;
const SECOND: i64 = 1_000_000_000;

fn track(track_id: u16, name: &str) -> Track {
    Track {
        track_id,
        name: name.into(),
        kind: "data".into(),
        codec: "test".into(),
        caps: Some(format!("application/x-test,name={name}")),
        ..Track::default()
    }
}

fn meta(track_id: u16, pts: i64, len: u32) -> BlockMeta {
    BlockMeta {
        track_id,
        kind: Kind::I,
        timing: Timing {
            pts: Some(pts),
            dts: None,
            duration: Some(SECOND as u64),
        },
        discont: false,
        header: false,
        droppable: false,
        buffer_flags: 0,
        clipping: None,
        len,
    }
}

/// The payload of a small block.
fn small(second: i64) -> Vec<u8> {
    format!("block {second}").into_bytes()
}

/// A small and a large block a second; the large ones are zeros that are never written.
fn write(path: &Path) {
    let zeros = vec![0; LARGE as usize];
    let mut file = File::create(path).expect("the file is made");
    let mut writer = Writer::new(WriterOptions::default());
    let mut out = Vec::new();
    let tracks = [track(1, "small"), track(2, "large")];
    writer
        .start(&tracks, &Sidecars::default(), &mut out)
        .expect("it starts");
    for second in 0..GROUPS {
        let payload = small(second);
        let metas = [
            meta(1, second * SECOND, payload.len() as u32),
            meta(2, second * SECOND, LARGE),
        ];
        writer
            .begin_group(&metas, &mut out)
            .expect("a group begins");
        let crc = writer.block([&payload[..]], &mut out).expect("a block");
        out.extend(&payload);
        out.extend(crc);
        let crc = writer.block([&zeros[..]], &mut out).expect("a block");
        file.write_all(&out).expect("it is written");
        file.seek(SeekFrom::Current(i64::from(LARGE)))
            .expect("a hole is left");
        out.clear();
        out.extend(crc);
    }
    writer.finish(None, &mut out).expect("it ends");
    file.write_all(&out).expect("it is written");
    assert_eq!(file.metadata().expect("metadata").len(), writer.position());
    assert!(writer.position() > 5 << 30);
}

#[test]
fn a_file_of_five_gibibytes_plays_seeks_and_is_version_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.h4mk");
    write(&path);

    let file = v1::read(&path, false);
    assert_eq!(v1::blocks(&file, None).len(), 2 * GROUPS as usize);
    // Tables that cannot reach every key block would mislead version 1 readers.
    assert_eq!(
        file["seek_tables"].as_object().map(serde_json::Map::len),
        Some(0)
    );

    let pipeline = launch(&format!(
        "filesrc location={} ! h4mkdemux name=d",
        quoted(&path)
    ));
    let demuxer = pipeline.by_name("d").expect("the demuxer");
    let tap = Tap::default();
    tap.sources(&pipeline, &demuxer);
    pipeline.set_state(gst::State::Paused).expect("it starts");
    // The last second lies past 4 GiB.
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    demuxer
        .seek_simple(flags, gst::ClockTime::from_seconds(19))
        .expect("it seeks");
    run(&pipeline).good();
    let streams = tap.streams();
    let last = |name: &str| {
        let of = |s: &&super::Stream| s.caps.iter().any(|c| c.to_string().contains(name));
        let stream = streams.iter().find(of).expect("the stream");
        stream.packets.last().expect("a packet").clone()
    };
    let hash = <sha2::Sha256 as sha2::Digest>::digest(small(19));
    assert_eq!(last("small").sha256, format!("{hash:x}"));
    assert_eq!(last("large").size, LARGE as usize);
}
