//! Caps that change in the middle of a file, after seeks to either side of the change.

mod common;

use std::path::Path;

use common::pipeline::{PATIENCE, quoted};
use common::{Tap, launch};
use gst::prelude::*;
use gstharmony::h4mk::{BlockMeta, Kind, Sidecars, Timing, Track, Writer, WriterOptions};

/// Blocks of 40 ms with the same caps, and how often these change.
const PART: i64 = 50;
const PARTS: i64 = 3;

fn block(n: i64) -> BlockMeta {
    BlockMeta {
        track_id: 1,
        kind: if n % 10 == 0 { Kind::I } else { Kind::P },
        timing: Timing {
            pts: Some(n * 40_000_000),
            dts: Some(n * 40_000_000),
            duration: Some(40_000_000),
        },
        discont: false,
        header: false,
        droppable: false,
        buffer_flags: 0,
        clipping: None,
        len: 300,
    }
}

fn track(part: i64) -> Track {
    Track {
        track_id: 1,
        kind: "video".into(),
        caps: Some(format!("video/x-test,part={part}")),
        ..Track::default()
    }
}

/// The file, and where its tail begins.
fn file() -> (Vec<u8>, usize) {
    let mut writer = Writer::new(WriterOptions::default());
    let mut out = Vec::new();
    writer
        .start(&[track(0)], &Sidecars::default(), &mut out)
        .unwrap();
    for n in 0..PART * PARTS {
        if n % PART == 0 && n > 0 {
            writer.set_tracks(&[track(n / PART)], &mut out).unwrap();
        }
        writer.begin_group(&[block(n)], &mut out).unwrap();
        let payload = [n as u8; 300];
        let crc = writer.block([&payload[..]], &mut out).unwrap();
        out.extend(payload);
        out.extend(crc);
    }
    let tail = out.len();
    writer.finish(None, &mut out).unwrap();
    (out, tail)
}

/// Seeks about in the first `last` blocks; the caps of what is shown have to be those of its part.
fn seek_about(path: &Path, between: &str, last: i64) {
    let pipeline = launch(&format!(
        "filesrc location={} ! {between} h4mkdemux name=d ! fakesink name=s sync=false",
        quoted(path)
    ));
    let sink = pipeline.by_name("s").unwrap();
    let tap = Tap::default();
    tap.pad(&sink.static_pad("sink").unwrap());
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(PATIENCE).0.unwrap();
    for n in [120, 20, 70, 149, 0, 99, 50, 100, 49, 10, 60, 130] {
        if n >= last {
            continue;
        }
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        let time = gst::ClockTime::from_mseconds(n as u64 * 40);
        pipeline.seek_simple(flags, time).unwrap();
        pipeline.state(PATIENCE).0.unwrap();
        let stream = tap.streams().remove(0);
        let packet = stream.packets.last().unwrap();
        assert_eq!(packet.dts, Some(0), "the sink drops what lies before");
        let caps = packet.caps.as_ref().unwrap().structure(0).unwrap();
        let part = caps.get::<i32>("part").unwrap();
        assert_eq!(i64::from(part), n / PART, "block {n}, {between} to {last}");
    }
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_late_track_gets_a_name_of_its_own_when_the_kind_of_another_changed() {
    let mut writer = Writer::new(WriterOptions::default());
    let mut out = Vec::new();
    let sidecars = Sidecars::default();
    writer.start(&[track(0)], &sidecars, &mut out).unwrap();
    let (mut first, mut late) = (track(1), track(2));
    first.kind = "audio".into();
    late.track_id = 2;
    writer.set_tracks(&[first, late], &mut out).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.h4mk");
    std::fs::write(&path, out).unwrap();
    let line = format!("filesrc location={} ! h4mkdemux name=d", quoted(&path));
    let (run, streams) = common::packets::capture(&line);
    assert_eq!(run.error, None);
    let names: Vec<_> = streams.iter().map(|s| s.pad.as_str()).collect();
    assert_eq!(names, ["video_0", "video_1"]);
}

#[test]
fn seeks_across_a_change_bring_the_caps_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.h4mk");
    let (bytes, _) = file();
    std::fs::write(&path, &bytes).unwrap();
    seek_about(&path, "", PART * PARTS);
    seek_about(&path, "queue !", PART * PARTS);
}

#[test]
fn seeks_in_an_unfinished_file_bring_the_caps_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.h4mk");
    let (bytes, tail) = file();
    // All blocks, and cuts in each part.
    for (length, last) in [
        (tail, 150),
        (tail * 3 / 4, 112),
        (tail / 2, 75),
        (tail / 4, 37),
    ] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        seek_about(&path, "", last);
    }
}
