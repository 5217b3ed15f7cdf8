//! What the muxers share, seen through `h4mkmux`: order, waiting, live deadlines, flushes, threads.

mod common;

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use common::rig::{Kind, Rig, buffer};
use gst::prelude::*;

const VIDEO: &str = "video/x-h264,stream-format=avc";
const AUDIO: &str = "audio/x-opus,rate=48000,channels=2";
const TEXT: &str = "text/x-raw,format=utf8";

/// Nothing takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Groups of one block: everything that is ready comes out.
const AT_ONCE: &str = "group-duration=0";

#[test]
fn blocks_are_in_the_order_of_their_dts_else_pts() {
    let mut rig = Rig::playing(AT_ONCE);
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    // Decode order 0 120 40 80: the DTS places the blocks, the PTS does not.
    for (dts, pts) in [(0, 0), (40, 120), (80, 40), (120, 80)] {
        let mut buffer = buffer(pts);
        let made = buffer.get_mut().unwrap();
        made.set_dts(gst::ClockTime::from_mseconds(dts));
        video.pad.push(buffer).unwrap();
    }
    video.end();
    [10, 50, 90, 130].into_iter().for_each(|ms| audio.push(ms));
    audio.end();
    let expected = [
        (1, 0),
        (2, 10),
        (1, 120),
        (2, 50),
        (1, 40),
        (2, 90),
        (1, 80),
        (2, 130),
    ];
    assert_eq!(rig.order(), expected);
    assert!(rig.ended());
    assert!(rig.file().whole);
}

#[test]
fn a_file_begins_when_every_stream_is_there() {
    let mut rig = Rig::playing(AT_ONCE);
    let (video, audio) = (
        rig.input("video_0", VIDEO),
        rig.silent("audio_0", Kind::default()),
    );
    (0..10).for_each(|i| video.push(i * 40));
    assert_eq!(rig.drain(), 0, "the other stream has neither caps nor data");
    audio.caps(AUDIO);
    audio.segment();
    assert_eq!(rig.drain(), 0, "the other stream has no data");
    audio.push(100);
    assert_eq!(rig.order(), [(1, 0), (1, 40), (1, 80), (2, 100)]);
    assert_eq!(
        rig.file().tracks()[0].0.len(),
        2,
        "both are in the first TRAK"
    );
}

#[test]
fn a_gap_moves_a_stream_on_and_is_not_recorded() {
    let mut rig = Rig::playing(AT_ONCE);
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    (0..10).for_each(|i| video.push(i * 40));
    assert_eq!(rig.drain(), 0);
    audio.gap(0, 100);
    assert_eq!(rig.order(), [(1, 0), (1, 40), (1, 80)]);
    audio.gap(100, 60);
    assert_eq!(rig.order().len(), 5);
    audio.end();
    assert_eq!(rig.order().len(), 10);
}

#[test]
fn nobody_waits_for_a_sparse_stream() {
    let mut rig = Rig::playing(AT_ONCE);
    let video = rig.input("video_0", VIDEO);
    let by_caps = rig.input("subtitle_0", TEXT);
    let kind = Kind {
        sparse: true,
        ..Kind::default()
    };
    let by_flag = rig.input_of_kind("sink_0", "application/x-sensor", kind);
    [0, 40].into_iter().for_each(|ms| video.push(ms));
    assert_eq!(rig.order(), [(1, 0), (1, 40)]);
    by_caps.push(50);
    by_flag.push(45);
    [80, 120].into_iter().for_each(|ms| video.push(ms));
    assert_eq!(rig.order()[2..], [(3, 45), (2, 50), (1, 80), (1, 120)]);
    let file = rig.file();
    let sparse: Vec<bool> = file.tracks()[0].0.iter().map(|t| t.sparse).collect();
    assert_eq!(sparse, [false, true, true]);
}

#[test]
fn a_sparse_stream_without_caps_is_waited_for_until_a_queue_is_full() {
    let mut rig = Rig::playing(AT_ONCE);
    let video = rig.input("video_0", VIDEO);
    let text = rig.silent(
        "subtitle_0",
        Kind {
            sparse: true,
            ..Kind::default()
        },
    );
    (0..25).for_each(|i| video.push(i * 40));
    assert_eq!(rig.drain(), 0);
    video.push(1000);
    assert_eq!(rig.order().len(), 26, "a second is held");
    text.caps(TEXT);
    text.segment();
    text.push(1020);
    video.push(1040);
    let file = rig.file();
    let ids: Vec<usize> = file.tracks().iter().map(|t| t.0.len()).collect();
    assert_eq!(ids, [1, 2], "it has become a late track");
}

#[test]
fn a_pad_without_a_peer_is_not_waited_for() {
    let mut rig = Rig::playing(AT_ONCE);
    let video = rig.input("video_0", VIDEO);
    let unlinked = rig.mux.request_pad_simple("audio_%u").unwrap();
    video.push(0);
    assert_eq!(rig.order(), [(1, 0)]);
    video.end();
    rig.wait_for_end();
    assert!(rig.file().whole, "nor is the end held back for it");
    rig.mux.release_request_pad(&unlinked);
}

#[test]
fn those_who_wait_go_on_when_the_stream_they_wait_for_is_unlinked_or_released() {
    for release in [false, true] {
        let mut rig = Rig::playing(AT_ONCE);
        let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
        video.push(0);
        audio.push(0);
        video.push(40);
        video.push(80);
        let before = rig.order().len();
        assert!(before < 4);
        audio.pad.unlink(&audio.sink).unwrap();
        if release {
            rig.mux.release_request_pad(&audio.sink);
        }
        for _ in before..4 {
            rig.next();
        }
        assert_eq!(rig.order().last(), Some(&(1, 80)));
        video.end();
        rig.wait_for_end();
    }
}

#[test]
fn what_a_released_pad_brought_is_written() {
    let mut rig = Rig::playing(AT_ONCE);
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    video.push(0);
    [0, 20, 40, 60].into_iter().for_each(|ms| audio.push(ms));
    rig.mux.release_request_pad(&audio.sink);
    video.push(100);
    video.end();
    let expected = [(1, 0), (2, 0), (2, 20), (2, 40), (2, 60), (1, 100)];
    while rig.seen.len() < 8 {
        rig.next();
    }
    assert_eq!(rig.order(), expected);
}

#[test]
fn a_late_pad_joins_the_order() {
    let mut rig = Rig::playing(AT_ONCE);
    let video = rig.input("video_0", VIDEO);
    [0, 40].into_iter().for_each(|ms| video.push(ms));
    let audio = rig.input("audio_%u", AUDIO);
    [80, 120].into_iter().for_each(|ms| video.push(ms));
    assert_eq!(rig.order().len(), 2, "the late one is waited for");
    audio.push(100);
    audio.end();
    assert_eq!(rig.order(), [(1, 0), (1, 40), (1, 80), (2, 100), (1, 120)]);
}

#[test]
fn a_full_queue_holds_its_thread_until_others_bring_data() {
    let mut rig = Rig::playing(AT_ONCE);
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    let feeder = video.clone();
    let thread = std::thread::spawn(move || {
        (0..200).for_each(|i| feeder.push(i));
        feeder.end();
    });
    (0..200).for_each(|i| audio.push(i));
    audio.end();
    thread.join().unwrap();
    rig.wait_for_end();
    let order = rig.order();
    assert_eq!(order.len(), 400);
    assert!(order.windows(2).all(|w| w[0].1 <= w[1].1));
}

/// A thread that pushes until it is refused; returns why.
fn push_until_refused(
    input: &common::Input,
) -> std::thread::JoinHandle<Result<gst::FlowSuccess, gst::FlowError>> {
    let pad = input.pad.clone();
    std::thread::spawn(move || {
        for i in 0.. {
            pad.push(buffer(i))?;
        }
        unreachable!("there is no end to the numbers")
    })
}

#[test]
fn ready_unblocks_every_thread_and_the_next_file_starts_afresh() {
    let mut rig = Rig::playing(AT_ONCE);
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    let blocked = push_until_refused(&video);
    rig.set_state(gst::State::Ready);
    assert_eq!(blocked.join().unwrap(), Err(gst::FlowError::Flushing));
    rig.drain();
    rig.seen.clear();
    rig.set_state(gst::State::Playing);
    for input in [&video, &audio] {
        input.event(gst::event::StreamStart::new("again"));
        input.caps(VIDEO);
        input.segment();
        input.push(7);
        input.end();
    }
    assert_eq!(rig.order(), [(1, 7), (2, 7)]);
    assert!(rig.file().whole);
}

#[test]
fn a_flush_unblocks_its_thread_and_empties_its_queue() {
    let mut rig = Rig::playing(AT_ONCE);
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    let blocked = push_until_refused(&video);
    video.event(gst::event::FlushStart::new());
    assert_eq!(blocked.join().unwrap(), Err(gst::FlowError::Flushing));
    video.event(gst::event::FlushStop::new(true));
    video.segment();
    [500, 540].into_iter().for_each(|ms| video.push(ms));
    audio.push(520);
    video.end();
    audio.end();
    assert_eq!(rig.order(), [(1, 500), (2, 520), (1, 540)]);
    let flushed = |e: &gst::Event| e.type_() == gst::EventType::FlushStart;
    assert!(!rig.events().iter().any(flushed), "the file goes on");
}

#[test]
fn caps_that_a_flush_leaves_are_taken() {
    let mut rig = Rig::playing(AT_ONCE);
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    video.push(0);
    audio.push(10);
    // Behind blocks that wait for the other stream.
    video.push(40);
    video.push(80);
    video.caps("video/x-h265");
    video.event(gst::event::FlushStart::new());
    video.event(gst::event::FlushStop::new(true));
    video.segment();
    [120, 160].into_iter().for_each(|ms| video.push(ms));
    [130, 170].into_iter().for_each(|ms| audio.push(ms));
    video.end();
    audio.end();
    rig.wait_for_end();
    let file = rig.file();
    assert_eq!(file.tracks().last().unwrap().0[0].codec, "h265");
    assert!(
        rig.order()
            .ends_with(&[(1, 120), (2, 130), (1, 160), (2, 170)])
    );
}

#[test]
fn downstream_s_answer_goes_to_every_pad() {
    for (error, what) in [
        (gst::FlowError::Eos, "downstream has enough"),
        (gst::FlowError::Error, "the disk is full"),
        (gst::FlowError::NotLinked, "nobody listens"),
    ] {
        let rig = Rig::playing(AT_ONCE);
        let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
        let blocked = push_until_refused(&video);
        rig.set_answer(Err(error));
        let other = push_until_refused(&audio);
        assert_eq!(other.join().unwrap(), Err(error), "{what}");
        assert_eq!(blocked.join().unwrap(), Err(error), "{what}");
        assert_eq!(rig.ended(), error == gst::FlowError::Eos, "{what}");
    }
}

#[test]
fn after_eos_nothing_is_taken() {
    let rig = Rig::playing(AT_ONCE);
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    video.push(0);
    video.end();
    assert_eq!(video.pad.push(buffer(1)), Err(gst::FlowError::Eos));
    audio.end();
    assert!(rig.ended());
    assert_eq!(audio.pad.push(buffer(1)), Err(gst::FlowError::Eos));
}

/// A rig on a test clock, with a live picture (20 ms latency) and live sound (30 ms).
fn live_rig() -> (Rig, gst_check::TestClock, [common::Input; 2]) {
    let rig = Rig::new("latency=10000000");
    let clock = gst_check::TestClock::new();
    rig.mux.set_clock(Some(&clock)).unwrap();
    rig.mux.set_base_time(gst::ClockTime::ZERO);
    rig.mux.set_start_time(gst::ClockTime::NONE);
    rig.set_state(gst::State::Playing);
    let live = |ms: u64| Kind {
        live: Some(ms * 1_000_000),
        ..Kind::default()
    };
    let video = rig.input_of_kind("video_0", VIDEO, live(20));
    let audio = rig.input_of_kind("audio_0", AUDIO, live(30));
    (rig, clock, [video, audio])
}

#[test]
fn live_input_is_waited_for_until_its_latency_is_over() {
    let (mut rig, clock, [video, audio]) = live_rig();
    video.push(100);
    audio.push(101);
    assert_eq!(rig.order(), [(1, 100)], "all there: nobody waits");
    [140, 180].into_iter().for_each(|ms| video.push(ms));
    assert_eq!(rig.order().len(), 2, "101 is out: 140 waits for more sound");
    // Only the pads that had a buffer were asked: 140 + 30 upstream + 10 of our own.
    assert_eq!(
        clock.next_entry_time(),
        Some(gst::ClockTime::from_mseconds(180))
    );
    clock.set_time(gst::ClockTime::from_mseconds(179));
    assert_eq!(rig.drain(), 0);
    assert!(clock.crank(), "the deadline comes");
    let buffer = rig.next();
    assert_eq!(buffer.pts(), Some(gst::ClockTime::from_mseconds(140)));
    // What comes after its deadline is late, not lost.
    audio.push(120);
    rig.next();
    assert_eq!(rig.order(), [(1, 100), (2, 101), (1, 140), (2, 120)]);
    let pending = clock.wait_for_next_pending_id();
    assert_eq!(pending.time(), gst::ClockTime::from_mseconds(220));
}

#[test]
fn a_live_file_begins_without_those_who_stay_silent() {
    let (mut rig, clock, [video, _audio]) = live_rig();
    video.push(100);
    assert_eq!(rig.drain(), 0);
    // 20 ms of the pad that had a buffer, and our own 10.
    assert_eq!(
        clock.next_entry_time(),
        Some(gst::ClockTime::from_mseconds(130))
    );
    assert!(clock.crank());
    rig.next();
    rig.next();
    assert_eq!(rig.order(), [(1, 100)]);
    assert_eq!(rig.file().tracks()[0].0.len(), 2, "its caps are known");
}

#[test]
fn a_live_file_waits_a_second_for_caps() {
    let (mut rig, clock, [video, _audio]) = live_rig();
    let kind = Kind {
        live: Some(0),
        ..Kind::default()
    };
    let silent = rig.silent("audio_1", kind);
    video.push(100);
    assert_eq!(
        clock.next_entry_time(),
        Some(gst::ClockTime::from_mseconds(1130))
    );
    assert!(clock.crank());
    rig.next();
    rig.next();
    assert_eq!(rig.file().tracks()[0].0.len(), 2);
    silent.caps(AUDIO);
    silent.segment();
    silent.push(110);
    while rig.order().len() < 2 {
        rig.next();
    }
    assert_eq!(
        rig.file().tracks()[1].0.len(),
        3,
        "it comes as a late track"
    );
}

#[test]
fn latency_is_upstream_s_and_our_own() {
    let (rig, _clock, [video, _audio]) = live_rig();
    video.push(0);
    let mut query = gst::query::Latency::new();
    assert!(rig.mux.static_pad("src").unwrap().query(&mut query));
    let (live, min, max) = query.result();
    assert!(live);
    assert_eq!(min, gst::ClockTime::from_mseconds(40));
    assert_eq!(max, None);

    let rig = Rig::playing("latency=10000000");
    let _video = rig.input("video_0", VIDEO);
    assert!(rig.mux.static_pad("src").unwrap().query(&mut query));
    assert!(!query.result().0, "nothing upstream is live");
}

#[test]
fn pausing_stops_the_deadline() {
    let (mut rig, clock, [video, _audio]) = live_rig();
    video.push(100);
    assert_eq!(clock.peek_id_count(), 1);
    rig.set_state(gst::State::Paused);
    assert_eq!(clock.peek_id_count(), 0);
    clock.set_time(gst::ClockTime::from_seconds(5));
    assert_eq!(rig.drain(), 0);
    rig.set_state(gst::State::Playing);
    rig.next();
    rig.next();
    assert_eq!(rig.order(), [(1, 100)]);
}

#[test]
fn a_thread_is_not_kept_writing_for_others() {
    let (mut rig, clock, [video, audio]) = live_rig();
    video.push(0);
    audio.push(0);
    rig.drain();
    // Everything is due, so that there is always more to write.
    clock.set_time(gst::ClockTime::from_seconds(60));
    while rig.order().len() < 2 {
        rig.next();
    }
    // Downstream says when it is asked to take a block, and takes it when it is told to.
    let (asks, asked) = mpsc::channel();
    let (permits, permitted) = mpsc::channel::<()>();
    let permitted = Mutex::new(permitted);
    let src = rig.mux.static_pad("src").unwrap();
    src.add_probe(gst::PadProbeType::BUFFER_LIST, move |_, _| {
        asks.send(()).unwrap();
        // The end of the test permits everything.
        let _ = permitted.lock().unwrap().recv();
        gst::PadProbeReturn::Ok
    });
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        video.push(1);
        done.send(()).unwrap();
    });
    asked.recv_timeout(PATIENCE).unwrap();
    [2, 3, 4].into_iter().for_each(|ms| audio.push(ms));
    permits.send(()).unwrap();
    is_done
        .recv_timeout(PATIENCE)
        .expect("the thread of the picture does not write all the sound");
    drop(permits);
    while rig.order().len() < 6 {
        rig.next();
    }
}
