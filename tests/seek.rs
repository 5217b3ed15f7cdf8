//! Seeks, compared frame by frame with a sequential decode.

mod common;

use std::path::{Path, PathBuf};

use common::pipeline::{PATIENCE, quoted};
use common::{FileServer, GrowingFile, Random, Recipe, media};
use gst::prelude::*;
use sha2::{Digest, Sha256};

/// A decoded frame: stream time and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Frame {
    time: gst::ClockTime,
    duration: gst::ClockTime,
    sha256: String,
}

/// The recipe's streams, recorded to H4MK once.
fn recorded(recipe: &Recipe, streams: usize) -> PathBuf {
    let name = format!("{}.h4mk", recipe.name);
    media::cached(&name, recipe.ffmpeg, |path| {
        let pipeline = common::launch(&format!(
            "{} ! parsebin name=p h4mkmux name=m ! filesink location={} {}",
            recipe.source(),
            quoted(path),
            "p. ! queue ! m. ".repeat(streams)
        ));
        common::run(&pipeline).good();
    })
}

/// A pipeline that decodes the video of an H4MK file into the appsink `s`.
struct Player {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
}

impl Player {
    fn new(source: &str, decoder: &str) -> Self {
        let pipeline = common::launch(&format!(
            "{source} ! h4mkdemux name=d d.video_0 ! queue ! {decoder} max-threads=1 \
             ! appsink name=s sync=false max-buffers=4 wait-on-eos=false \
             d.audio_0 ! queue max-size-time=0 max-size-buffers=0 max-size-bytes=0 ! fakesink sync=false async=false"
        ));
        let sink = pipeline.by_name("s").unwrap();
        let player = Self {
            pipeline,
            sink: sink.downcast().unwrap(),
        };
        player.state(gst::State::Paused);
        player
    }

    fn of_file(path: &Path) -> Self {
        Self::new(
            &format!("filesrc location={}", quoted(path)),
            "h264parse ! avdec_h264",
        )
    }

    fn state(&self, state: gst::State) {
        self.pipeline.set_state(state).unwrap();
        let (result, ..) = self.pipeline.state(PATIENCE);
        result.unwrap_or_else(|_| panic!("no {state:?}: {:?}", self.messages()));
    }

    fn messages(&self) -> Vec<gst::Message> {
        self.pipeline.bus().unwrap().iter().collect()
    }

    fn seek(
        &self,
        rate: f64,
        flags: gst::SeekFlags,
        start: gst::ClockTime,
        stop: Option<gst::ClockTime>,
    ) {
        self.pipeline
            .seek(
                rate,
                flags,
                gst::SeekType::Set,
                start,
                if stop.is_some() {
                    gst::SeekType::Set
                } else {
                    gst::SeekType::None
                },
                stop,
            )
            .unwrap();
    }

    fn frame(sample: &gst::Sample) -> Frame {
        let buffer = sample.buffer().unwrap();
        let segment = sample.segment().unwrap();
        let segment = segment.downcast_ref::<gst::ClockTime>().unwrap();
        Frame {
            time: segment.to_stream_time(buffer.pts()).unwrap(),
            duration: buffer.duration().unwrap_or_default(),
            sha256: format!("{:x}", Sha256::digest(buffer.map_readable().unwrap())),
        }
    }

    /// The frame that a paused pipeline shows.
    fn shown(&self) -> Frame {
        let (result, ..) = self.pipeline.state(PATIENCE);
        result.unwrap_or_else(|_| panic!("no preroll: {:?}", self.messages()));
        let sample = self.sink.try_pull_preroll(PATIENCE).expect("a frame");
        Self::frame(&sample)
    }

    /// Everything up to EOS.
    fn play(&self) -> Vec<Frame> {
        self.pipeline.set_state(gst::State::Playing).unwrap();
        let mut frames = Vec::new();
        while let Some(sample) = self.sink.try_pull_sample(PATIENCE) {
            frames.push(Self::frame(&sample));
        }
        assert!(self.sink.is_eos(), "{:?}", self.messages());
        frames
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

const ACCURATE: gst::SeekFlags = gst::SeekFlags::FLUSH.union(gst::SeekFlags::ACCURATE);

fn sequential(path: &Path) -> Vec<Frame> {
    let frames = Player::of_file(path).play();
    assert!(frames.len() > 60, "{} frames", frames.len());
    frames
}

/// The frame shown at a stream time, or after it where it lies between two: millisecond time stamps leave gaps.
fn frame_at(frames: &[Frame], time: gst::ClockTime) -> &Frame {
    let ended = frames.partition_point(|f| f.time + f.duration <= time);
    &frames[ended.min(frames.len() - 1)]
}

/// The frame with exactly this stream time.
fn frame_of(frames: &[Frame], time: gst::ClockTime) -> &Frame {
    frames.iter().find(|f| f.time == time).unwrap()
}

fn random_times(count: usize, frames: &[Frame], seed: u64) -> Vec<gst::ClockTime> {
    let last = frames.last().unwrap();
    let end = last.time.nseconds() + last.duration.nseconds();
    let mut random = Random::new(seed);
    (0..count)
        .map(|_| gst::ClockTime::from_nseconds(random.below(end)))
        .collect()
}

fn assert_accurate(player: &Player, frames: &[Frame], times: &[gst::ClockTime]) {
    for time in times {
        player.seek(1.0, ACCURATE, *time, None);
        let shown = player.shown();
        let expected = frame_at(frames, *time);
        assert_eq!(
            shown.sha256, expected.sha256,
            "at {time}: {shown:?} for {expected:?}"
        );
    }
}

#[test]
fn accurate_seeks_show_the_frame_of_the_sequential_decode() {
    let path = recorded(&media::H264_AAC, 2);
    let frames = sequential(&path);
    let player = Player::of_file(&path);
    assert_accurate(&player, &frames, &random_times(200, &frames, 1));
}

#[test]
fn accurate_seeks_into_open_gops_show_the_right_frame() {
    // H.265, because libav's H.264 decoder, once flushed, is not exact in open GOPs, whatever demuxer feeds it.
    let path = recorded(&media::H265_OPEN_GOP, 1);
    let source = format!("filesrc location={}", quoted(&path));
    let launch = |source: &str| {
        let pipeline = common::launch(&format!(
            "{source} ! h4mkdemux name=d ! h265parse ! avdec_h265 max-threads=1 \
             ! appsink name=s sync=false max-buffers=4 wait-on-eos=false"
        ));
        let sink = pipeline.by_name("s").unwrap().downcast().unwrap();
        let player = Player { pipeline, sink };
        player.state(gst::State::Paused);
        player
    };
    let frames = launch(&source).play();
    assert!(frames.len() > 60);
    let player = launch(&source);
    assert_accurate(&player, &frames, &random_times(60, &frames, 2));
}

#[test]
fn accurate_seeks_over_http_show_the_right_frame() {
    let path = recorded(&media::H264_AAC, 2);
    let frames = sequential(&path);
    let server = FileServer::new(&path, true);
    let source = format!("souphttpsrc location={}", server.url());
    let player = Player::new(&source, "h264parse ! avdec_h264");
    assert_accurate(&player, &frames, &random_times(20, &frames, 3));
}

#[test]
fn playing_backwards_shows_every_frame_once() {
    let path = recorded(&media::H264_AAC, 2);
    let mut expected: Vec<String> = sequential(&path).into_iter().map(|f| f.sha256).collect();
    expected.reverse();
    let player = Player::of_file(&path);
    let end = player.pipeline.query_duration::<gst::ClockTime>();
    player.seek(-1.0, ACCURATE, gst::ClockTime::ZERO, end);
    let found: Vec<String> = player.play().into_iter().map(|f| f.sha256).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_part_played_backwards_is_that_part() {
    let path = recorded(&media::H264_AAC, 2);
    let frames = sequential(&path);
    let (start, stop) = (
        gst::ClockTime::from_mseconds(700),
        gst::ClockTime::from_mseconds(2900),
    );
    let mut expected: Vec<String> = frames
        .iter()
        .filter(|f| f.time + f.duration > start && f.time < stop)
        .map(|f| f.sha256.clone())
        .collect();
    expected.reverse();
    let player = Player::of_file(&path);
    player.seek(-1.0, ACCURATE, start, Some(stop));
    let found: Vec<String> = player.play().into_iter().map(|f| f.sha256).collect();
    assert_eq!(found, expected);
}

/// Times of the key blocks of the video, in running time.
fn key_times(path: &Path) -> Vec<gst::ClockTime> {
    let (run, streams) = common::packets::capture(&format!(
        "filesrc location={} ! h4mkdemux name=d",
        quoted(path)
    ));
    run.good();
    let video = streams.iter().find(|s| s.pad == "video_0").unwrap();
    video
        .packets
        .iter()
        .filter(|p| !p.flags.contains(gst::BufferFlags::DELTA_UNIT))
        .map(|p| gst::ClockTime::from_nseconds(p.pts.unwrap() as u64))
        .collect()
}

#[test]
fn key_unit_trick_mode_shows_the_key_frames_forwards_and_backwards() {
    let path = recorded(&media::H264_AAC, 2);
    let frames = sequential(&path);
    let keys: Vec<String> = key_times(&path)
        .iter()
        .map(|t| frame_of(&frames, *t).sha256.clone())
        .collect();
    assert!(keys.len() >= 4);
    let flags = ACCURATE | gst::SeekFlags::TRICKMODE | gst::SeekFlags::TRICKMODE_KEY_UNITS;
    let player = Player::of_file(&path);
    player.seek(2.0, flags, gst::ClockTime::ZERO, None);
    let found: Vec<String> = player.play().into_iter().map(|f| f.sha256).collect();
    assert_eq!(found, keys);

    let player = Player::of_file(&path);
    let end = player.pipeline.query_duration::<gst::ClockTime>();
    player.seek(-2.0, flags, gst::ClockTime::ZERO, end);
    let found: Vec<String> = player.play().into_iter().map(|f| f.sha256).collect();
    assert_eq!(found, keys.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn key_unit_seeks_snap_before_after_and_to_the_nearest() {
    let path = recorded(&media::H264_AAC, 2);
    let frames = sequential(&path);
    let keys = key_times(&path);
    let player = Player::of_file(&path);
    let key_unit = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT;
    for time in random_times(40, &frames, 4) {
        let before = *keys.iter().rfind(|k| **k <= time).unwrap();
        let after = keys.iter().find(|k| **k > time).copied().unwrap_or(before);
        let nearest = if after > time && after - time < time - before {
            after
        } else {
            before
        };
        for (snap, expected) in [
            (gst::SeekFlags::empty(), before),
            (gst::SeekFlags::SNAP_BEFORE, before),
            (gst::SeekFlags::SNAP_AFTER, after),
            (gst::SeekFlags::SNAP_NEAREST, nearest),
        ] {
            player.seek(1.0, key_unit | snap, time, None);
            let shown = player.shown();
            assert_eq!(shown.time, expected, "{snap:?} at {time}");
            assert_eq!(shown.sha256, frame_of(&frames, expected).sha256);
            let position = player.pipeline.query_position::<gst::ClockTime>();
            assert_eq!(position, Some(expected), "{snap:?} at {time}");
        }
    }
}

#[test]
fn a_seek_with_a_stop_plays_up_to_it_and_says_segment_done() {
    let path = recorded(&media::H264_AAC, 2);
    let frames = sequential(&path);
    let player = Player::of_file(&path);
    let (start, stop) = (
        gst::ClockTime::from_mseconds(900),
        gst::ClockTime::from_mseconds(2100),
    );
    let inside = |f: &&Frame| f.time + f.duration > start && f.time < stop;
    let expected: Vec<&str> = frames
        .iter()
        .filter(inside)
        .map(|f| f.sha256.as_str())
        .collect();
    player.seek(1.0, ACCURATE, start, Some(stop));
    let found = player.play();
    let shas: Vec<&str> = found.iter().map(|f| f.sha256.as_str()).collect();
    assert_eq!(shas, expected);

    let player = Player::of_file(&path);
    player.seek(1.0, ACCURATE | gst::SeekFlags::SEGMENT, start, Some(stop));
    player.pipeline.set_state(gst::State::Playing).unwrap();
    let bus = player.pipeline.bus().unwrap();
    let mut found = Vec::new();
    while found.len() < expected.len() {
        let sample = player.sink.try_pull_sample(PATIENCE).expect("a frame");
        found.push(Player::frame(&sample).sha256);
    }
    assert_eq!(found, expected);
    let done = bus
        .timed_pop_filtered(PATIENCE, &[gst::MessageType::SegmentDone])
        .expect("segment-done");
    let gst::MessageView::SegmentDone(done) = done.view() else {
        unreachable!()
    };
    assert_eq!(done.get(), gst::GenericFormattedValue::Time(Some(stop)));
}

#[test]
fn a_seek_sent_before_the_start_is_carried_out() {
    let path = recorded(&media::H264_AAC, 2);
    let frames = sequential(&path);
    let time = gst::ClockTime::from_mseconds(1700);
    let pipeline = common::launch(&format!(
        "filesrc location={} ! h4mkdemux name=d d.video_0 ! queue ! h264parse ! avdec_h264 max-threads=1 \
         ! appsink name=s sync=false d.audio_0 ! queue max-size-time=0 max-size-buffers=0 max-size-bytes=0 ! fakesink sync=false async=false",
        quoted(&path)
    ));
    let demux = pipeline.by_name("d").unwrap();
    pipeline.set_state(gst::State::Ready).unwrap();
    assert!(demux.send_event(gst::event::Seek::new(
        1.0,
        ACCURATE,
        gst::SeekType::Set,
        time,
        gst::SeekType::None,
        gst::ClockTime::NONE,
    )));
    let sink = pipeline.by_name("s").unwrap().downcast().unwrap();
    let player = Player { pipeline, sink };
    player.state(gst::State::Paused);
    assert_eq!(player.shown().sha256, frame_at(&frames, time).sha256);
}

#[test]
fn an_unfinished_file_is_sought_in_and_followed_as_it_grows() {
    let path = recorded(&media::H264_AAC, 2);
    let frames = sequential(&path);
    let bytes = std::fs::read(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let total = bytes.len();
    let mut growing = GrowingFile::new(&folder.path().join("growing.h4mk"), bytes);
    growing.grow_to(total * 6 / 10);
    let player = Player::of_file(growing.path());
    let known = player.pipeline.query_duration::<gst::ClockTime>().unwrap();
    let end = frames.last().unwrap().time;
    assert!(known > end / 4 && known < end, "{known} of {end}");
    let early: Vec<_> = random_times(200, &frames, 5)
        .into_iter()
        .filter(|t| *t + gst::ClockTime::from_mseconds(400) < known)
        .take(20)
        .collect();
    assert_accurate(&player, &frames, &early);

    growing.grow_to(total * 7 / 10);
    let longer = player.pipeline.query_duration::<gst::ClockTime>().unwrap();
    assert!(longer > known, "the query looks at the tail");

    growing.grow_to(total * 9 / 10);
    let later: Vec<_> = random_times(200, &frames, 6)
        .into_iter()
        .filter(|t| *t > known && *t < end * 8 / 10)
        .take(10)
        .collect();
    assert_accurate(&player, &frames, &later);
    let longer = player.pipeline.query_duration::<gst::ClockTime>().unwrap();
    assert!(longer > known);
    drop(player);

    // Followed: the frames that are there come out, then those that arrive, then EOS with the footer.
    let mut growing = GrowingFile::new(
        &folder.path().join("followed.h4mk"),
        std::fs::read(&path).unwrap(),
    );
    growing.grow_to(total / 2);
    let source = format!("filesrc location={}", quoted(growing.path()));
    let player = Player::new(&source, "h264parse ! avdec_h264");
    player
        .pipeline
        .by_name("d")
        .unwrap()
        .set_property("follow", true);
    player.pipeline.set_state(gst::State::Playing).unwrap();
    let mut found = Vec::new();
    while let Some(sample) = player.sink.try_pull_sample(PATIENCE) {
        found.push(Player::frame(&sample).sha256);
        if found.len() == 20 {
            growing.finish();
        }
    }
    let expected: Vec<&str> = frames.iter().map(|f| f.sha256.as_str()).collect();
    assert_eq!(found, expected);
}

#[test]
fn an_instant_rate_change_reaches_the_sink_without_a_flush() {
    let path = recorded(&media::H264_AAC, 2);
    // One stream: a sink that has no segment yet can't take the change.
    let pipeline = common::launch(&format!(
        "filesrc location={} ! h4mkdemux name=d d.video_0 ! fakesink sync=true",
        quoted(&path)
    ));
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(PATIENCE).0.unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let seen_by_probe = seen.clone();
    pipeline
        .by_name("d")
        .unwrap()
        .static_pad("video_0")
        .unwrap()
        .add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if let Some(event) = info.event()
                && let gst::EventView::InstantRateChange(e) = event.view()
            {
                *seen_by_probe.lock().unwrap() = Some((e.get().0, event.seqnum()));
            }
            gst::PadProbeReturn::Ok
        });
    let event = gst::event::Seek::builder(
        2.0,
        gst::SeekFlags::INSTANT_RATE_CHANGE,
        gst::SeekType::None,
        gst::ClockTime::NONE,
        gst::SeekType::None,
        gst::ClockTime::NONE,
    )
    .build();
    let seqnum = event.seqnum();
    let demux = pipeline.by_name("d").unwrap();
    assert!(demux.send_event(event));
    assert_eq!(*seen.lock().unwrap(), Some((2.0, seqnum)));
    pipeline.set_state(gst::State::Null).unwrap();
}
