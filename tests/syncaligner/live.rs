//! Live input on a clock: how long it is held, and what is told of latency.

use gst::prelude::*;

use crate::rig::{AUDIO, Item, JSON, PATIENCE, Rig, VIDEO, audio, set_clock, video};

/// No reference, so that a stream alone can be told its offset.
const ALONE: &str = "reference-pad=none";

/// Returns when somebody waits for the clock to be at so many milliseconds.
fn wait_for_wait(clock: &gst_check::TestClock, ms: u64) {
    let begun = std::time::Instant::now();
    let wanted = gst::ClockTime::from_mseconds(ms);
    let waits = || clock.wait_for_multiple_pending_ids(1);
    while waits().iter().all(|id| id.time() != wanted) {
        assert!(begun.elapsed() < PATIENCE, "{wanted} is waited for");
        std::thread::yield_now();
    }
}

#[test]
fn a_stream_leaves_no_earlier_than_its_new_time_and_upstream_s_latency() {
    let (rig, clock) = Rig::live(ALONE);
    let lane = rig.source(VIDEO, 20);
    rig.set_offset(&lane, 100);
    set_clock(&clock, 1020);
    lane.push(video(1000));
    wait_for_wait(&clock, 1120);
    set_clock(&clock, 1119);
    assert!(lane.all().is_empty());
    set_clock(&clock, 1120);
    assert_eq!(lane.times(1), [1100]);
    assert_eq!(rig.stat(&lane, "latency-mean"), 100_000_000);
}

#[test]
fn a_stream_that_is_not_delayed_is_not_held() {
    let (rig, clock) = Rig::live("");
    let lane = rig.source(AUDIO, 20);
    set_clock(&clock, 1020);
    lane.push(audio(1000));
    assert_eq!(lane.times(1), [1000]);
    assert_eq!(rig.stat(&lane, "latency-p99"), 0);
}

#[test]
fn latency_is_the_slowest_upstream_s_and_the_element_s_own() {
    let (rig, clock) = Rig::live("latency=60000000");
    let (slow, fast) = (rig.source(AUDIO, 30), rig.source(VIDEO, 10));
    set_clock(&clock, 1000);
    slow.push(audio(960));
    for lane in [&slow, &fast] {
        assert_eq!(rig.latency(lane), (true, 90, None));
    }
    rig.element.set_property("latency", 100_000_000_u64);
    assert_eq!(rig.latency(&fast), (true, 130, None));

    let file = Rig::playing("");
    let lane = file.file(AUDIO);
    lane.push(audio(0));
    assert_eq!(file.latency(&lane), (false, 0, None));
}

#[test]
fn a_stream_that_is_later_than_latency_delays_the_others() {
    let (rig, clock) = Rig::live("latency=60000000");
    let (reference, late) = (rig.source(AUDIO, 0), rig.source(VIDEO, 0));
    set_clock(&clock, 1000);
    reference.push(audio(980));
    late.push(video(960));
    assert_eq!(rig.latency(&late), (true, 60, None));
    while rig.bus.pop_filtered(&[gst::MessageType::Latency]).is_some() {}
    rig.set_offset(&late, -50);
    assert!(rig.bus.pop_filtered(&[gst::MessageType::Latency]).is_none());
    rig.set_offset(&late, -130);
    assert!(rig.bus.pop_filtered(&[gst::MessageType::Latency]).is_some());
    // 70 ms more, in steps of 20.
    assert_eq!(rig.latency(&reference), (true, 140, None));
}

#[test]
fn media_that_would_be_held_for_too_long_are_dropped_and_that_is_told() {
    let (rig, clock) = Rig::live(ALONE);
    let lane = rig.source(VIDEO, 0);
    rig.set_offset(&lane, 800);
    set_clock(&clock, 1000);
    for ms in (960..1160).step_by(40) {
        lane.push(video(ms));
    }
    let told = rig.message("syncaligner-overflow");
    assert_eq!(told.get::<&str>("pad"), Ok(lane.sink.name().as_str()));
    // From 1000 ms on it waits for no buffer of more than 1520.
    set_clock(&clock, 1260);
    lane.push(video(1240));
    lane.event(gst::event::Eos::new());
    lane.wait_for(gst::EventType::Eos);
    assert!(lane.all().is_empty());
    assert_eq!(rig.stat(&lane, "dropped"), 6);
    assert!(!rig.has_message("syncaligner-overflow"), "once a spell");
}

#[test]
fn what_downstream_does_not_take_is_dropped_from_the_oldest() {
    let (rig, clock) = Rig::live("latency=60000000");
    let (stuck, free) = (rig.source(VIDEO, 0), rig.source(AUDIO, 0));
    stuck.block(true);
    for ms in (0..2000).step_by(40) {
        set_clock(&clock, 1000 + ms);
        stuck.push(video(960 + ms));
        free.push(audio(960 + ms));
        free.push(audio(980 + ms));
        free.buffers(ms as usize / 20 + 2);
    }
    assert_eq!(free.all().len(), 100, "the other goes on");
    rig.message("syncaligner-overflow");
    assert!(rig.stat(&stuck, "buffered-bytes") <= 256 * 4);
    stuck.block(false);
    stuck.end();
    stuck.wait_for(gst::EventType::Eos);
    let shown = stuck.all();
    let dropped = rig.stat(&stuck, "dropped");
    assert_eq!(shown.len() as u64 + dropped, 50);
    assert_eq!(shown.last().and_then(|b| b.pts()), video(2920).pts());
    assert!(shown[1].flags().contains(gst::BufferFlags::DISCONT));
}

#[test]
fn a_burst_that_came_late_is_not_dropped() {
    let (rig, clock) = Rig::live("latency=0");
    let lane = rig.source(VIDEO, 0);
    set_clock(&clock, 1000);
    for ms in (520..1000).step_by(40) {
        lane.push(video(ms));
    }
    assert_eq!(lane.buffers(12).len(), 12);
    assert_eq!(rig.stat(&lane, "dropped"), 0);
}

#[test]
fn what_a_jitter_buffer_hands_out_early_is_kept() {
    let (rig, clock) = Rig::live("latency=0 max-delay=100000000 on-loss=drop");
    let lane = rig.source(AUDIO, 800);
    for now in (1020..=3800).step_by(20) {
        set_clock(&clock, now);
        lane.push(audio(now - 20));
        // What is due has left before the clock goes on.
        if now >= 1800 {
            lane.wait_for_time(now - 780);
        }
    }
    let expected: Vec<u64> = (1000..=3000).step_by(20).collect();
    assert_eq!(lane.times(101), expected);
    assert_eq!(rig.stat(&lane, "dropped"), 0);
    assert!(!rig.has_message("syncaligner-overflow"));
}

#[test]
fn nothing_leaves_while_time_stands() {
    let (rig, clock) = Rig::live(ALONE);
    let lane = rig.source(VIDEO, 0);
    rig.set_offset(&lane, 100);
    set_clock(&clock, 1000);
    lane.push(video(960));
    wait_for_wait(&clock, 1060);
    rig.set_state(gst::State::Paused);
    // It is taken back by the task, which this test does not see; what it can see is that nothing comes.
    set_clock(&clock, 5000);
    assert!(lane.all().is_empty());
    rig.element
        .set_base_time(gst::ClockTime::from_mseconds(4000));
    rig.set_state(gst::State::Playing);
    wait_for_wait(&clock, 5060);
    set_clock(&clock, 5060);
    assert_eq!(lane.times(1), [1060]);
}

#[test]
fn a_flush_ends_the_wait_of_its_stream() {
    let (rig, clock) = Rig::live(ALONE);
    let (flushed, other) = (rig.source(VIDEO, 0), rig.source(AUDIO, 0));
    rig.set_offset(&flushed, 400);
    set_clock(&clock, 1000);
    flushed.push(video(960));
    wait_for_wait(&clock, 1360);
    flushed.event(gst::event::FlushStart::new());
    flushed.event(gst::event::FlushStop::new(true));
    flushed.segment(0);
    other.push(audio(980));
    assert_eq!(other.times(1), [980]);
    set_clock(&clock, 2000);
    flushed.push(video(1960));
    set_clock(&clock, 2360);
    assert_eq!(flushed.times(1), [2360]);
}

#[test]
fn what_a_sink_takes_late_is_no_overflow() {
    let (rig, clock) = Rig::live("latency=60000000");
    let lane = rig.source(AUDIO, 0);
    // A sink takes nothing sooner, and there is no queue before it.
    assert!(
        lane.out
            .push_event(gst::event::Latency::new(gst::ClockTime::from_mseconds(180)))
    );
    lane.block(true);
    for ms in (0..180).step_by(20) {
        set_clock(&clock, ms + 20);
        lane.push(audio(ms));
    }
    lane.block(false);
    assert_eq!(lane.buffers(9).len(), 9);
    assert_eq!(rig.stat(&lane, "dropped"), 0);
    assert!(!rig.has_message("syncaligner-overflow"));
}

#[test]
fn what_is_held_is_bounded_though_its_times_stand_still() {
    let (rig, clock) = Rig::live("");
    let lane = rig.source(JSON, 0);
    lane.block(true);
    for ms in (0..10_000).step_by(100) {
        set_clock(&clock, ms + 100);
        lane.push(gst::Buffer::from_slice([b' '; 1000]));
    }
    assert!(rig.stat(&lane, "dropped") >= 70);
    assert!(rig.stat(&lane, "buffered-bytes") <= 30_000);
    lane.block(false);
}

#[test]
fn nobody_waits_for_what_is_too_late_to_be_held() {
    let (rig, _clock) = Rig::live("latency=60000000 max-delay=500000000");
    let (reference, late) = (rig.source(AUDIO, 0), rig.source(AUDIO, 0));
    for lane in [&reference, &late] {
        lane.push(audio(0));
    }
    rig.set_offset(&late, -1_000_000);
    let (live, least, _) = rig.latency(&late);
    assert!(live && least <= 60 + 500, "{least} ms");
}

#[test]
fn gaps_are_not_silence() {
    let (rig, clock) = Rig::live("");
    let lane = rig.source(AUDIO, 0);
    set_clock(&clock, 20);
    lane.push(audio(0));
    for ms in (20..2000).step_by(20) {
        lane.event(gst::event::Gap::new(
            gst::ClockTime::from_mseconds(ms),
            gst::ClockTime::from_mseconds(20),
        ));
        let gap = |item: &Item| matches!(item, Item::Event(e) if e.type_() == gst::EventType::Gap);
        let gaps = ms as usize / 20;
        lane.wait("the gap", |items| {
            items.iter().filter(|i| gap(i)).count() >= gaps
        });
        set_clock(&clock, ms + 20);
    }
    lane.push(audio(2000));
    lane.wait_for_time(2020);
    assert!(!rig.has_message("syncaligner-lost"));
}

#[test]
fn a_stream_that_downstream_ended_begins_again() {
    let (rig, clock) = Rig::live(ALONE);
    let lane = rig.source(VIDEO, 0);
    rig.set_offset(&lane, 100);
    set_clock(&clock, 1000);
    lane.push(video(920));
    lane.push(video(960));
    lane.end();
    lane.answer(Some(gst::FlowError::Eos));
    set_clock(&clock, 1020);
    lane.wait_for(gst::EventType::Eos);
    lane.answer(None);
    lane.clear();
    lane.event(gst::event::StreamStart::new("again"));
    lane.caps(VIDEO);
    lane.segment(0);
    set_clock(&clock, 2000);
    lane.push(video(1960));
    lane.end();
    set_clock(&clock, 2060);
    // What was left of the old stream went with it.
    assert_eq!(lane.times(1), [2060]);
    lane.wait_for(gst::EventType::Eos);
    let ends = lane.events();
    let ends = ends.iter().filter(|e| e.type_() == gst::EventType::Eos);
    assert_eq!(ends.count(), 1);
}
