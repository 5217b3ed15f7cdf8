//! Live streams that fall silent and return.

use gst::prelude::*;
use gst_check::TestClock;

use crate::rig::{AUDIO, JSON, Lane, Rig, SENSOR, VIDEO, audio, json, set_clock, video};

/// Sound up to 1 s, on time.
fn until_a_second(clock: &TestClock, lane: &Lane) {
    for ms in (0..1000).step_by(20) {
        set_clock(clock, ms + 20);
        lane.push(audio(ms));
        lane.wait_for_time(ms + 20);
    }
    lane.buffers(50);
}

/// Lets the clock run on, in steps of 10 ms; each is waited for by whoever fills in.
fn run(clock: &TestClock, from: u64, to: u64) {
    for ms in (from..=to).step_by(10) {
        set_clock(clock, ms);
    }
}

#[test]
fn a_stream_is_lost_after_three_buffers_and_silence_flows() {
    let (rig, clock) = Rig::live("on-loss=hold");
    let lane = rig.source(AUDIO, 20);
    until_a_second(&clock, &lane);
    // It ends at 1000, is due at 1020, and three durations are 60.
    set_clock(&clock, 1079);
    assert!(!rig.has_message("syncaligner-lost"));
    set_clock(&clock, 1080);
    let told = rig.message("syncaligner-lost");
    assert_eq!(told.get::<&str>("pad"), Ok(lane.sink.name().as_str()));
    let out = lane.times(53);
    assert_eq!(out[50..53], [1000, 1020, 1040]);
    let silence = lane.all()[52].clone();
    assert!(silence.flags().contains(gst::BufferFlags::GAP));
    assert!(silence.map_readable().unwrap().iter().all(|b| *b == 0));
    assert_eq!(silence.size(), 960 * 4);
    assert!(rig.stat(&lane, "gap") >= 60_000_000);
}

#[test]
fn a_stream_that_returns_goes_on_at_once_with_its_map() {
    let (rig, clock) = Rig::live("on-loss=hold reference-pad=none");
    let lane = rig.source(AUDIO, 0);
    rig.set_offset(&lane, 10);
    until_a_second(&clock, &lane);
    set_clock(&clock, 1060);
    rig.message("syncaligner-lost");
    run(&clock, 1060, 3000);
    lane.wait_for_time(3000);
    for ms in [3000, 3020, 3040, 3060] {
        set_clock(&clock, ms + 30);
        lane.push(audio(ms));
        lane.wait_for_time(ms + 30);
    }
    rig.message("syncaligner-recovered");
    lane.end();
    lane.wait_for(gst::EventType::Eos);
    let out = lane.all();
    let times: Vec<u64> = out.iter().map(|b| b.pts().unwrap().nseconds()).collect();
    assert!(times.windows(2).all(|w| w[0] <= w[1]), "{times:?}");
    let end = out.last().map(|b| b.pts().unwrap() + b.duration().unwrap());
    assert_eq!(end, Some(gst::ClockTime::from_mseconds(3090)));
    assert!(rig.stat(&lane, "recovery-time") < 100_000_000);
    assert_eq!(lane.sink.property::<i64>("offset"), 10_000_000);
}

#[test]
fn the_last_frame_is_shown_again() {
    let (rig, clock) = Rig::live("on-loss=hold");
    let lane = rig.source(VIDEO, 0);
    set_clock(&clock, 1000);
    lane.push(video(960));
    lane.buffers(1);
    run(&clock, 1000, 1400);
    let out = lane.times(7);
    assert_eq!(out[..6], [960, 1000, 1040, 1080, 1120, 1160]);
    let frames = lane.all();
    assert_eq!(
        frames[5].map_readable().unwrap().as_slice(),
        frames[0].map_readable().unwrap().as_slice()
    );
    assert!(rig.stat(&lane, "duplicated") >= 5);
}

#[test]
fn gaps_flow_where_that_is_asked_for() {
    let (rig, clock) = Rig::live("on-loss=gap");
    let lane = rig.source(AUDIO, 0);
    until_a_second(&clock, &lane);
    set_clock(&clock, 1060);
    rig.message("syncaligner-lost");
    run(&clock, 1060, 1200);
    lane.wait("gaps", |items| items.len() >= 58);
    assert_eq!(lane.all().len(), 50);
    let gaps: Vec<_> = lane
        .events()
        .iter()
        .filter_map(|event| match event.view() {
            gst::EventView::Gap(gap) => Some(gap.get().0.mseconds()),
            _ => None,
        })
        .collect();
    assert_eq!(gaps[..3], [1000, 1020, 1040]);
}

#[test]
fn nothing_flows_where_that_is_asked_for() {
    let (rig, clock) = Rig::live("on-loss=drop");
    let lane = rig.source(AUDIO, 0);
    until_a_second(&clock, &lane);
    set_clock(&clock, 1060);
    rig.message("syncaligner-lost");
    set_clock(&clock, 3000);
    lane.push(audio(2980));
    rig.message("syncaligner-recovered");
    assert_eq!(lane.times(51)[49..], [980, 2980]);
    assert!(lane.all()[50].flags().contains(gst::BufferFlags::DISCONT));
}

#[test]
fn sparse_streams_are_never_lost() {
    let (rig, clock) = Rig::live("");
    let (events, sensor) = (rig.source(JSON, 0), rig.silent("sink_%u", Some(0)));
    let start = gst::event::StreamStart::builder("sensor").flags(gst::StreamFlags::SPARSE);
    sensor.event(start.build());
    sensor.caps(SENSOR);
    sensor.segment(0);
    set_clock(&clock, 1000);
    events.push(json(990));
    sensor.push(crate::rig::bytes(990, 10, vec![0; 4]));
    events.buffers(1);
    sensor.buffers(1);
    set_clock(&clock, 60_000);
    events.push(json(59_000));
    sensor.push(crate::rig::bytes(59_000, 10, vec![0; 4]));
    events.buffers(2);
    sensor.buffers(2);
    assert!(!rig.has_message("syncaligner-lost"));
}

#[test]
fn the_loss_of_one_does_nothing_to_others() {
    let (rig, clock) = Rig::live("");
    let (lost, other) = (rig.source(AUDIO, 0), rig.source(VIDEO, 0));
    set_clock(&clock, 1000);
    lost.push(audio(980));
    for ms in (960..3000).step_by(40) {
        set_clock(&clock, ms + 40);
        other.push(video(ms));
        other.buffers((ms as usize - 960) / 40 + 1);
    }
    assert_eq!(rig.stat(&other, "dropped"), 0);
    assert_eq!(rig.stat(&other, "duplicated"), 0);
    rig.message("syncaligner-lost");
}

#[test]
fn a_source_that_begins_anew_goes_on_where_the_clock_is() {
    let (rig, clock) = Rig::live("on-loss=drop");
    let lane = rig.source(AUDIO, 0);
    until_a_second(&clock, &lane);
    set_clock(&clock, 4000);
    // Its timestamps begin at 0 again; the first is not believed.
    for ms in (0..100).step_by(20) {
        set_clock(&clock, 4020 + ms);
        lane.push(audio(ms));
        if ms > 0 {
            lane.wait_for_time(4020 + ms);
        }
    }
    let times = lane.times(54);
    assert!(
        times[50..].iter().all(|ms| (4000..4120).contains(ms)),
        "{times:?}"
    );
    assert!(times.windows(2).all(|w| w[0] < w[1]));
    assert_eq!(rig.stat(&lane, "dropped"), 1);
}

#[test]
fn a_stream_that_begins_again_after_its_end_flows() {
    let (rig, clock) = Rig::live("on-loss=hold");
    let lane = rig.source(AUDIO, 0);
    until_a_second(&clock, &lane);
    for second in (3..60).step_by(3) {
        lane.end();
        lane.wait_for(gst::EventType::Eos);
        lane.clear();
        // Had it not ended, its next buffer were overdue.
        set_clock(&clock, second * 1000);
        lane.event(gst::event::StreamStart::new(&second.to_string()));
        lane.caps(AUDIO);
        lane.segment(0);
        lane.wait_for(gst::EventType::Caps);
        let begin = second * 1000 + 500;
        run(&clock, begin - 400, begin);
        lane.push(audio(begin - 20));
        assert_eq!(lane.times(1), [begin - 20], "nothing fills in before");
    }
    assert!(!rig.has_message("syncaligner-lost"));
}

#[test]
fn a_sensor_that_is_lost_keeps_its_last_reading() {
    for reference in ["sink_0", "none"] {
        let properties = format!("on-loss=hold reference-pad={reference}");
        let (rig, clock) = Rig::live(&properties);
        let lane = rig.source(SENSOR, 0);
        set_clock(&clock, 1000);
        let readings = [3.0_f32, 5.0].map(f32::to_le_bytes).concat();
        lane.push(crate::rig::bytes(980, 20, readings));
        lane.buffers(1);
        set_clock(&clock, 1060);
        rig.message("syncaligner-lost");
        let held = &lane.buffers(2)[1];
        let expected = [5.0_f32, 5.0].map(f32::to_le_bytes).concat();
        assert_eq!(held.map_readable().unwrap().as_slice(), expected);
    }
}
