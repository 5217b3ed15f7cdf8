//! What seeks and flushes look like on the pads of the demuxer: segments, running times, ends.

mod common;

use std::path::Path;

use common::pipeline::{PATIENCE, quoted};
use common::{Stream, Tap, launch};
use gst::prelude::*;
use gstharmony::h4mk::{BlockMeta, Kind, Sidecars, Timing, Track, Writer, WriterOptions};

const MS: i64 = 1_000_000;

fn block(n: i64) -> BlockMeta {
    BlockMeta {
        track_id: 1,
        kind: if n % 25 == 0 { Kind::I } else { Kind::P },
        timing: Timing {
            pts: Some(n * 40 * MS),
            dts: Some(n * 40 * MS),
            duration: Some(40_000_000),
        },
        discont: false,
        header: false,
        droppable: false,
        buffer_flags: 0,
        clipping: None,
        len: 4,
    }
}

/// Ten seconds of one video track, 25 blocks a second, a key each second.
fn file(path: &Path) {
    let mut writer = Writer::new(WriterOptions::default());
    let mut out = Vec::new();
    let track = Track {
        track_id: 1,
        name: "camera".into(),
        kind: "video".into(),
        caps: Some("video/x-test".into()),
        ..Track::default()
    };
    writer
        .start(&[track], &Sidecars::default(), &mut out)
        .unwrap();
    for n in 0..250 {
        writer.begin_group(&[block(n)], &mut out).unwrap();
        let crc = writer.block([&b"text"[..]], &mut out).unwrap();
        out.extend(b"text");
        out.extend(crc);
    }
    writer.finish(None, &mut out).unwrap();
    std::fs::write(path, out).unwrap();
}

/// The file in a pipeline, paused, its pad tapped.
struct Player {
    pipeline: gst::Pipeline,
    tap: Tap,
    _folder: tempfile::TempDir,
}

impl Player {
    /// `between` stands between source and demuxer, `sink` has the properties of the sink.
    fn new(between: &str, sink: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.h4mk");
        file(&path);
        let pipeline = launch(&format!(
            "filesrc name=f location={} ! {between} h4mkdemux name=d ! fakesink name=s {sink}",
            quoted(&path)
        ));
        let tap = Tap::default();
        let sink = pipeline.by_name("s").unwrap();
        tap.pad(&sink.static_pad("sink").unwrap());
        pipeline.set_state(gst::State::Paused).unwrap();
        let player = Self {
            pipeline,
            tap,
            _folder: folder,
        };
        player.settle();
        player
    }

    fn settle(&self) {
        self.pipeline.state(PATIENCE).0.unwrap();
    }

    fn play(&self) {
        self.pipeline.set_state(gst::State::Playing).unwrap();
    }

    fn wait(&self, kind: gst::MessageType) -> gst::Message {
        let bus = self.pipeline.bus().unwrap();
        let wanted = [
            gst::MessageType::SegmentDone,
            gst::MessageType::Eos,
            gst::MessageType::Error,
            gst::MessageType::Warning,
        ];
        let message = bus.timed_pop_filtered(PATIENCE, &wanted).expect("it hangs");
        assert_eq!(message.type_(), kind, "{message:?}");
        message
    }

    fn stream(&self) -> Stream {
        self.tap.streams().remove(0)
    }

    fn segments(&self) -> Vec<gst::FormattedSegment<gst::ClockTime>> {
        let segments = self
            .stream()
            .events
            .into_iter()
            .filter_map(|e| match e.view() {
                gst::EventView::Segment(s) => s.segment().clone().downcast().ok(),
                _ => None,
            });
        segments.collect()
    }

    fn count(&self, kind: gst::EventType) -> usize {
        self.stream()
            .events
            .iter()
            .filter(|e| e.type_() == kind)
            .count()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

fn ms(ms: u64) -> gst::ClockTime {
    gst::ClockTime::from_mseconds(ms)
}

const NOWHERE: (gst::SeekType, Option<gst::ClockTime>) = (gst::SeekType::None, None);
const TO_THE_END: (gst::SeekType, Option<gst::ClockTime>) = (gst::SeekType::Set, None);

fn seek(
    player: &Player,
    rate: f64,
    flags: gst::SeekFlags,
    start: (gst::SeekType, Option<gst::ClockTime>),
    stop: (gst::SeekType, Option<gst::ClockTime>),
) {
    player
        .pipeline
        .seek(rate, flags, start.0, start.1, stop.0, stop.1)
        .unwrap();
}

fn at(time: u64) -> (gst::SeekType, Option<gst::ClockTime>) {
    (gst::SeekType::Set, Some(ms(time)))
}

#[test]
fn a_new_rate_alone_goes_on_from_the_key_at_running_time_0() {
    let player = Player::new("", "sync=false");
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT;
    seek(
        &player,
        1.0,
        gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE,
        at(2500),
        NOWHERE,
    );
    player.settle();
    seek(&player, 2.0, flags, NOWHERE, NOWHERE);
    player.settle();
    let before = player.stream().packets.len() - 1;
    let segment = player.segments().pop().unwrap();
    assert_eq!(segment.start(), Some(ms(2000)), "{segment:?}");
    assert_eq!(player.stream().packets[before].pts, Some(0), "{segment:?}");
}

#[test]
fn loops_follow_each_other_without_a_hole() {
    for between in ["", "queue !"] {
        let player = Player::new(between, "sync=false");
        let segment = gst::SeekFlags::SEGMENT;
        seek(
            &player,
            1.0,
            segment | gst::SeekFlags::FLUSH,
            at(1000),
            at(3000),
        );
        player.play();
        player.wait(gst::MessageType::SegmentDone);
        if between.is_empty() {
            for _ in 0..2 {
                seek(&player, 1.0, segment, at(1000), at(3000));
                player.wait(gst::MessageType::SegmentDone);
            }
            let bases: Vec<_> = player
                .segments()
                .iter()
                .map(|s| s.base().unwrap())
                .collect();
            assert_eq!(bases[bases.len() - 3..], [ms(0), ms(2000), ms(4000)]);
            seek(&player, 1.0, segment, at(9000), TO_THE_END);
            player.wait(gst::MessageType::SegmentDone);
            seek(&player, -1.0, segment, at(0), at(2000));
            player.wait(gst::MessageType::SegmentDone);
        }
        seek(&player, 1.0, gst::SeekFlags::FLUSH, at(9000), TO_THE_END);
        player.wait(gst::MessageType::Eos);
        assert_eq!(player.count(gst::EventType::Eos), 1);
        if between.is_empty() {
            let bases: Vec<_> = player
                .segments()
                .iter()
                .map(|s| s.base().unwrap())
                .collect();
            assert_eq!(bases[bases.len() - 3..], [ms(6000), ms(7000), ms(0)]);
        }
    }
}

#[test]
fn a_snap_past_the_stop_ends_at_once() {
    for between in ["", "queue !"] {
        let player = Player::new(between, "sync=false");
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT | gst::SeekFlags::SNAP_AFTER;
        seek(&player, 1.0, flags, at(2100), at(2500));
        player.play();
        player.wait(gst::MessageType::Eos);
        let segment = player.segments().pop().unwrap();
        assert!(segment.start() <= segment.stop(), "{segment:?}");
    }
}

#[test]
fn seeks_to_the_end_and_past_it_and_after_eos_are_carried_out() {
    for between in ["", "queue !"] {
        let player = Player::new(between, "sync=false");
        player.play();
        for time in [10_000, 20_000, 0, 9_990] {
            player.wait(gst::MessageType::Eos);
            let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
            seek(&player, 1.0, flags, at(time), NOWHERE);
        }
        player.wait(gst::MessageType::Eos);
        assert_eq!(player.count(gst::EventType::Eos), 5);
    }
}

#[test]
fn a_start_beyond_the_stop_in_force_lifts_it_and_one_beyond_its_own_stop_is_refused() {
    let player = Player::new("", "sync=false");
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    seek(&player, 1.0, flags, at(0), at(2_000));
    player.play();
    player.wait(gst::MessageType::Eos);
    seek(&player, 1.0, flags, at(9_000), NOWHERE);
    player.wait(gst::MessageType::Eos);
    let streams = player.tap.streams();
    let last = streams[0].packets.last().unwrap();
    // The last block, 9.96 s, in running time from 9 s on.
    assert_eq!(last.pts, Some(960 * MS));
    let refused = gst::event::Seek::new(
        1.0,
        flags,
        gst::SeekType::Set,
        ms(5_000),
        gst::SeekType::Set,
        ms(4_000),
    );
    let demux = player.pipeline.by_name("d").unwrap();
    assert!(!demux.send_event(refused));
}

#[test]
fn seeks_from_many_threads_leave_it_playing() {
    let player = Player::new("", "sync=true");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let player = &player;
            scope.spawn(move || {
                for n in 0..50 {
                    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
                    let time = (thread * 2000 + n * 37) % 9000;
                    let _ = player.pipeline.by_name("d").unwrap().seek(
                        1.0,
                        flags,
                        gst::SeekType::Set,
                        ms(time),
                        gst::SeekType::None,
                        gst::ClockTime::NONE,
                    );
                }
            });
        }
    });
    seek(&player, 1.0, gst::SeekFlags::FLUSH, at(9000), TO_THE_END);
    player.play();
    player.wait(gst::MessageType::Eos);
}

#[test]
fn a_flush_from_upstream_is_followed_by_a_segment() {
    let player = Player::new("queue name=q !", "sync=false");
    let source = player
        .pipeline
        .by_name("q")
        .unwrap()
        .static_pad("src")
        .unwrap();
    let seek = gst::event::Seek::new(
        1.0,
        gst::SeekFlags::FLUSH,
        gst::SeekType::Set,
        gst::format::Bytes::from_u64(0),
        gst::SeekType::None,
        gst::format::Bytes::NONE,
    );
    assert!(source.send_event(seek));
    player.play();
    player.wait(gst::MessageType::Eos);
    let events = player.stream().events;
    let stop = events
        .iter()
        .rposition(|e| e.type_() == gst::EventType::FlushStop);
    let segment = events
        .iter()
        .rposition(|e| e.type_() == gst::EventType::Segment);
    assert!(stop.is_some() && segment > stop, "{events:?}");
}
