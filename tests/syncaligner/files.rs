//! Streams that are not live: how far they run ahead of each other, and what waits for a first lock.

use gst::prelude::*;
use gstharmony::elements::syncaligner::PadState;

use crate::analysis_rig::{MICROPHONE, Microphone, PART, hear};
use crate::rig::{AUDIO, JSON, Lane, PATIENCE, Rig, VIDEO, audio, video};

#[test]
fn a_stream_waits_for_another_that_is_more_than_the_window_behind() {
    let rig = Rig::playing("window=1000000000");
    let (ahead, behind) = (rig.file(AUDIO), rig.file(VIDEO));
    behind.push(video(0));
    let feeder = ahead.clone();
    let thread = std::thread::spawn(move || {
        (0..4000).step_by(20).for_each(|ms| feeder.push(audio(ms)));
        feeder.end();
    });
    for ms in (40..4000).step_by(40) {
        behind.push(video(ms));
        let far = ahead.all().last().and_then(|b| b.pts());
        let far = far.map_or(0, gst::ClockTime::mseconds);
        assert!(far <= ms + 40 + 1000, "{far} while the other is at {ms}");
    }
    thread.join().unwrap();
    assert_eq!(ahead.buffers(200).len(), 200);
    assert_eq!(behind.buffers(100).len(), 100);
}

#[test]
fn a_stream_that_brings_nothing_is_not_waited_for_for_long() {
    let rig = Rig::playing("window=1000000000");
    let (alive, _silent) = (rig.file(AUDIO), rig.file(VIDEO));
    (0..3000).step_by(20).for_each(|ms| alive.push(audio(ms)));
    assert_eq!(alive.buffers(150).len(), 150);
}

#[test]
fn nobody_waits_for_text_and_for_what_has_ended() {
    let rig = Rig::playing("window=1000000000");
    let (long, short, _events) = (rig.file(AUDIO), rig.file(VIDEO), rig.file(JSON));
    short.push(video(0));
    short.end();
    let begun = std::time::Instant::now();
    (0..30_000).step_by(20).for_each(|ms| long.push(audio(ms)));
    assert_eq!(long.buffers(1500).len(), 1500);
    // A wait for a stalled stream takes 250 ms.
    assert!(begun.elapsed().as_secs() < 20);
}

#[test]
fn prescan_holds_all_until_the_window_is_full() {
    let rig = Rig::playing("analysis=prescan window=1000000000");
    let (sound, pictures) = (rig.file(AUDIO), rig.file(VIDEO));
    for ms in (0..960).step_by(40) {
        sound.push(audio(ms));
        sound.push(audio(ms + 20));
        pictures.push(video(ms));
    }
    assert!(sound.all().is_empty() && pictures.all().is_empty());
    // What is found while they are held counts from the first buffer on.
    rig.set_offset(&pictures, 70);
    sound.end();
    pictures.end();
    assert_eq!(pictures.times(24)[..3], [70, 110, 150]);
    assert_eq!(sound.times(48)[..3], [0, 20, 40]);
}

#[test]
fn prescan_opens_without_a_lock_when_all_hold_the_window() {
    let rig = Rig::playing("analysis=prescan window=1000000000");
    let (sound, pictures) = (rig.file(AUDIO), rig.file(VIDEO));
    let feed = |lane: &Lane, every: u64, made: fn(u64) -> gst::Buffer| {
        let lane = lane.clone();
        std::thread::spawn(move || {
            for ms in (0..3000).step_by(every as usize) {
                lane.push(made(ms));
                assert!(ms + every >= 1000 || lane.all().is_empty(), "at {ms} ms");
            }
        })
    };
    let threads = [feed(&sound, 20, audio), feed(&pictures, 40, video)];
    while threads.iter().any(|thread| !thread.is_finished()) {
        // A second of sound, and the buffer that was pushed when it was not yet full.
        let held = rig.stat(&sound, "buffered-bytes");
        assert!(held <= 51 * 960 * 4, "{held} bytes");
        std::thread::yield_now();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(sound.buffers(150).len(), 150);
    assert_eq!(pictures.buffers(75).len(), 75);
}

#[test]
fn prescan_opens_when_it_holds_as_many_bytes_as_it_may() {
    const FRAME: usize = 32 << 20;
    let rig = Rig::playing("analysis=prescan window=5000000000");
    let lane = rig.file("video/x-raw,format=GRAY8,width=8192,height=4096,framerate=25/1");
    // All frames are in the same memory.
    let frame = gst::Buffer::from_slice(vec![0_u8; FRAME]);
    let push = |ms: u64| {
        let mut frame = frame.copy();
        let made = frame.get_mut().expect("a new buffer is ours");
        made.set_pts(gst::ClockTime::from_mseconds(ms));
        lane.push(frame);
    };
    (0..320).step_by(40).for_each(push);
    assert_eq!(rig.stat(&lane, "buffered-bytes"), 8 * FRAME as u64);
    assert!(lane.all().is_empty());
    push(320);
    assert_eq!(lane.times(9)[..3], [0, 40, 80]);
}

#[test]
fn prescan_opens_at_the_first_lock_and_all_is_right_from_the_beginning() {
    let rig = Rig::playing("analysis=prescan window=20000000000");
    let reference = Microphone::new(rig.file(MICROPHONE), 1000);
    let stream = Microphone::new(rig.file(MICROPHONE), 1250);
    let mut ms = 0;
    while stream.state() != PadState::Locked {
        assert!(ms < 20_000, "it locks");
        let out = [&reference, &stream].map(|m| m.lane.all().len());
        assert_eq!(out, [0, 0], "nothing goes out before, at {ms} ms");
        hear(&[&reference, &stream], ms, ms + PART);
        ms += PART;
    }
    // It was locked by what is now held: that comes out.
    reference.lane.wait_for_time(ms - PART);
    let out = stream.lane.buffers(20);
    let first = out[0].pts().expect("a PTS").nseconds();
    assert!(first.abs_diff(250_000_000) < 50_000, "{first}");
    assert_eq!(reference.lane.times(3)[..3], [0, 50, 100]);
    assert!(
        !out[1..]
            .iter()
            .any(|b| b.flags().contains(gst::BufferFlags::DISCONT))
    );
}

#[test]
fn a_drain_query_opens_what_is_shut() {
    let rig = Rig::playing("analysis=prescan window=1000000000");
    let lane = rig.file(AUDIO);
    let drain = || {
        let pad = lane.pad.clone();
        let (done, is_done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // Whether downstream knows such queries is not what counts here.
            let _ = pad.peer_query(&mut gst::query::Drain::new());
            done.send(()).expect("somebody waits");
        });
        is_done
    };
    assert!(drain().recv_timeout(PATIENCE).is_ok(), "nothing is held");
    (0..100).step_by(20).for_each(|ms| lane.push(audio(ms)));
    assert!(lane.all().is_empty());
    assert!(drain().recv_timeout(PATIENCE).is_ok());
    assert_eq!(lane.all().len(), 5);
}

#[test]
fn a_stream_that_ended_without_a_link_stops_no_other() {
    let rig = Rig::playing("analysis=prescan window=1000000000");
    let (loose, other) = (rig.file(AUDIO), rig.file(VIDEO));
    loose.src.unlink(&loose.out).expect("it was linked");
    (0..100).step_by(20).for_each(|ms| loose.push(audio(ms)));
    loose.end();
    other.push(video(0));
    other.end();
    other.wait_for(gst::EventType::Eos);
    // Returns when it has tried.
    let _ = loose.pad.peer_query(&mut gst::query::Drain::new());
    // What comes to be linked goes on.
    loose.src.link(&loose.out).expect("the pads link");
    loose.wait_for(gst::EventType::Eos);
    assert_eq!(loose.times(4), [20, 40, 60, 80]);
    assert!(rig.bus.pop_filtered(&[gst::MessageType::Error]).is_none());
}
