//! Files that come over HTTP, and files that are still being written.

mod common;

use std::path::PathBuf;
use std::sync::mpsc;

use common::cut::whole_payloads;
use common::packets::{Stream, Tap, capture, same_streams};
use common::pipeline::{PATIENCE, launch, quoted, run, watch};
use common::{FileServer, GrowingFile, Random};
use gst::prelude::*;

fn file() -> PathBuf {
    common::data("h4x/two-tracks.h4mk")
}

/// What the file gives when it is read from the disk.
fn from_disk() -> Vec<Stream> {
    let (run, streams) = capture(&format!(
        "filesrc location={} ! h4mkdemux name=d",
        quoted(&file())
    ));
    run.good();
    streams
}

#[test]
fn a_file_over_http_plays_as_from_the_disk_with_ranges_and_without() {
    let expected = from_disk();
    for ranges in [true, false] {
        let server = FileServer::new(&file(), ranges);
        let (run, streams) = capture(&format!(
            "souphttpsrc location={} ! h4mkdemux name=d",
            server.url()
        ));
        run.good();
        same_streams(&expected, &streams);
    }
}

/// Payloads from the last key block of the stream at or before `time` on.
fn from_key(stream: &Stream, time: i64) -> Vec<&str> {
    let key = |p: &&common::Packet| {
        !p.flags.contains(gst::BufferFlags::DELTA_UNIT) && p.pts.is_some_and(|pts| pts <= time)
    };
    let start = stream.packets.iter().rposition(|p| key(&p)).unwrap_or(0);
    stream.packets[start..]
        .iter()
        .map(|p| p.sha256.as_str())
        .collect()
}

#[test]
fn seeks_over_http_read_ranges_and_start_at_the_key() {
    let expected = from_disk();
    let server = FileServer::new(&file(), true);
    let mut random = Random::new(3);
    for _ in 0..12 {
        let before = server.seeks();
        let line = format!(
            "souphttpsrc location={} blocksize=2048 ! h4mkdemux name=d",
            server.url()
        );
        let pipeline = launch(&line);
        let demuxer = pipeline.by_name("d").expect("the demuxer");
        let tap = Tap::default();
        tap.sources(&pipeline, &demuxer);
        pipeline.set_state(gst::State::Paused).expect("it starts");
        let time = random.below(7_500_000_000);
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        demuxer
            .seek_simple(flags, gst::ClockTime::from_nseconds(time))
            .expect("it seeks");
        run(&pipeline).good();
        assert!(server.seeks() > before, "the seek reads a range");
        let streams = tap.streams();
        let video = &streams[0];
        let found: Vec<&str> = video.packets.iter().map(|p| p.sha256.as_str()).collect();
        let wanted = from_key(&expected[0], time as i64);
        assert!(
            found.ends_with(&wanted),
            "seek to {time}: {} of {}",
            found.len(),
            wanted.len()
        );
        // What came before the flush can only be the first buffers of the file.
        let rest = &found[..found.len() - wanted.len()];
        assert!(
            expected[0]
                .packets
                .iter()
                .map(|p| p.sha256.as_str())
                .take(rest.len())
                .eq(rest.iter().copied())
        );
    }
}

#[test]
fn a_growing_file_is_followed_to_its_end() {
    let bytes = std::fs::read(file()).expect("the vector");
    let folder = tempfile::tempdir().expect("a folder");
    let mut growing = GrowingFile::new(&folder.path().join("growing.h4mk"), bytes);
    let mut random = Random::new(5);
    growing.grow_to(3_000);
    let line = format!(
        "filesrc location={} ! h4mkdemux name=d follow=true",
        quoted(growing.path())
    );
    let pipeline = launch(&line);
    let demuxer = pipeline.by_name("d").expect("the demuxer");
    let tap = Tap::default();
    tap.sources(&pipeline, &demuxer);
    let (sender, packets) = mpsc::channel();
    demuxer.connect_pad_added(move |_, pad| {
        let sender = sender.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            // The test may have seen enough.
            let _ = sender.send(());
            gst::PadProbeReturn::Ok
        });
    });
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let patience = std::time::Duration::from_secs(PATIENCE.seconds());
    let mut played = 0;
    let mut length = 3_000;
    while length < growing.total() {
        // All that is whole is played before the file goes on.
        let whole = whole_payloads(&file(), length as u64);
        while played < whole {
            packets
                .recv_timeout(patience)
                .expect("what is whole is played");
            played += 1;
        }
        length += 1 + random.below(12_000) as usize;
        growing.grow_to(length);
    }
    growing.finish();
    let bus = pipeline.bus().expect("a bus");
    assert_eq!(watch(&bus).good().error, None);
    pipeline.set_state(gst::State::Null).expect("it stops");
    same_streams(&from_disk(), &tap.streams());
}
