//! Times of what comes out.

use gst::prelude::*;

use crate::rig::{AUDIO, JSON, Rig, VIDEO, audio, json, video};

#[test]
fn a_stream_of_which_nothing_is_known_passes_with_its_running_times() {
    let rig = Rig::playing("");
    let lane = rig.silent("sink_%u", None);
    lane.event(gst::event::StreamStart::new("one"));
    lane.caps(AUDIO);
    lane.segment(1000);
    for ms in (1000..1100).step_by(20) {
        lane.push(audio(ms));
    }
    assert_eq!(lane.times(5), [0, 20, 40, 60, 80]);
    let events = lane.events();
    let segment = events.iter().find_map(|e| match e.view() {
        gst::EventView::Segment(s) => Some(s.segment().clone()),
        _ => None,
    });
    let segment = segment.expect("a segment");
    let segment = segment.downcast_ref::<gst::ClockTime>().expect("of times");
    assert_eq!(segment.start(), Some(gst::ClockTime::ZERO));
    let shown = segment.to_stream_time(gst::ClockTime::from_mseconds(20));
    assert_eq!(shown, Some(gst::ClockTime::from_mseconds(1020)));
}

#[test]
fn the_time_that_a_buffer_came_with_stays_on_it() {
    let rig = Rig::playing("");
    let lane = rig.silent("sink_%u", None);
    lane.event(gst::event::StreamStart::new("one"));
    lane.caps(VIDEO);
    lane.segment(1000);
    lane.push(video(1040));
    let out = lane.buffers(1);
    let meta = out[0]
        .meta::<gst::ReferenceTimestampMeta>()
        .expect("a meta");
    assert_eq!(meta.timestamp(), gst::ClockTime::from_mseconds(1040));
    let caps = meta.reference().to_string();
    assert_eq!(caps, gstharmony::elements::syncaligner::ORIGINAL_CAPS);
}

#[test]
fn an_offset_that_is_set_is_added() {
    let rig = Rig::playing("");
    let (reference, other) = (rig.file(AUDIO), rig.file(VIDEO));
    rig.set_offset(&other, 100);
    reference.push(audio(0));
    for ms in (0..200).step_by(40) {
        other.push(video(ms));
    }
    assert_eq!(other.times(5), [100, 140, 180, 220, 260]);
    assert_eq!(reference.times(1), [0]);
    assert_eq!(other.sink.property::<i64>("offset"), 100_000_000);
}

#[test]
fn an_offset_backwards_drops_until_time_passes() {
    let rig = Rig::playing("");
    let (reference, other) = (rig.file(AUDIO), rig.file(VIDEO));
    reference.push(audio(0));
    for ms in (0..200).step_by(40) {
        other.push(video(ms));
    }
    assert_eq!(other.times(5), [0, 40, 80, 120, 160]);
    rig.set_offset(&other, -100);
    for ms in (200..400).step_by(40) {
        other.push(video(ms));
    }
    assert_eq!(other.times(8), [0, 40, 80, 120, 160, 180, 220, 260]);
    assert_eq!(rig.stat(&other, "dropped"), 2);
    let step = rig.message("syncaligner-step");
    assert_eq!(step.get::<i64>("to"), Ok(-100_000_000));
    assert!(other.all()[5].flags().contains(gst::BufferFlags::DISCONT));
}

#[test]
fn text_follows_the_pad_that_it_is_told_to() {
    let rig = Rig::playing("");
    let (reference, camera, events) = (rig.file(AUDIO), rig.file(VIDEO), rig.file(JSON));
    events
        .sink
        .set_property("follow", camera.sink.name().as_str());
    rig.set_offset(&camera, 70);
    reference.push(audio(0));
    events.push(json(500));
    events.push(json(900_000));
    assert_eq!(events.times(2), [570, 900_070]);
}
