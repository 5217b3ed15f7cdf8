//! What happens to one stream happens to that stream alone.

use gst::prelude::*;

use crate::rig::{AUDIO, Item, Rig, VIDEO, audio, video};

#[test]
fn a_stream_whose_downstream_takes_nothing_holds_up_no_other() {
    let rig = Rig::playing("");
    let (stuck, free) = (rig.file(AUDIO), rig.file(VIDEO));
    stuck.block(true);
    stuck.push(audio(0));
    for ms in (0..2000).step_by(40) {
        free.push(video(ms));
    }
    assert_eq!(free.buffers(50).len(), 50);
    assert_eq!(stuck.all().len(), 0);
    stuck.block(false);
    assert_eq!(stuck.times(1), [0]);
}

#[test]
fn the_end_of_a_stream_ends_that_stream() {
    let rig = Rig::playing("");
    let (short, long) = (rig.file(AUDIO), rig.file(VIDEO));
    short.push(audio(0));
    short.end();
    short.wait_for(gst::EventType::Eos);
    assert_eq!(short.try_push(audio(20)), Err(gst::FlowError::Eos));
    for ms in (0..10_000).step_by(40) {
        long.push(video(ms));
    }
    assert_eq!(long.buffers(250).len(), 250);
    let ended = long
        .events()
        .iter()
        .any(|e| e.type_() == gst::EventType::Eos);
    assert!(!ended);
}

#[test]
fn downstream_s_answer_goes_to_its_own_upstream() {
    for error in [
        gst::FlowError::NotLinked,
        gst::FlowError::Eos,
        gst::FlowError::Error,
    ] {
        let rig = Rig::playing("");
        let (broken, whole) = (rig.file(VIDEO), rig.file(AUDIO));
        broken.answer(Some(error));
        let answer = (0..).find_map(|n| broken.try_push(video(n * 40)).err());
        assert_eq!(answer, Some(error));
        whole.push(audio(0));
        assert_eq!(whole.times(1), [0]);
    }
}

#[test]
fn a_flush_resets_its_stream_alone() {
    let rig = Rig::playing("");
    let (flushed, other) = (rig.file(AUDIO), rig.file(VIDEO));
    flushed.block(true);
    other.push(video(0));
    flushed.push(audio(0));
    flushed.event(gst::event::FlushStart::new());
    assert_eq!(flushed.try_push(audio(20)), Err(gst::FlowError::Flushing));
    flushed.event(gst::event::FlushStop::new(true));
    flushed.block(false);
    flushed.clear();
    flushed.segment(5000);
    flushed.push(audio(5000));
    assert_eq!(flushed.times(1), [0]);
    other.push(video(40));
    assert_eq!(other.times(2), [0, 40]);
    let flush =
        |item: &Item| matches!(item, Item::Event(e) if e.type_() == gst::EventType::FlushStart);
    assert!(!other.items().iter().any(flush));
}

#[test]
fn events_keep_their_order() {
    let rig = Rig::playing("");
    let lane = rig.file(AUDIO);
    let mark = |name: &str| {
        let structure = gst::Structure::new_empty(name);
        gst::event::CustomDownstream::new(structure)
    };
    lane.push(audio(0));
    lane.event(mark("first"));
    lane.push(audio(20));
    lane.event(gst::event::Tag::new(gst::TagList::new()));
    lane.event(mark("second"));
    lane.end();
    lane.wait_for(gst::EventType::Eos);
    let told: Vec<String> = lane
        .items()
        .iter()
        .map(|item| match item {
            Item::Buffer(_) => "buffer".to_owned(),
            Item::Event(e) => match e.structure().filter(|_| !e.is_sticky()) {
                Some(structure) => structure.name().to_string(),
                None => format!("{:?}", e.type_()),
            },
        })
        .collect();
    let expected = "StreamStart Caps Segment buffer first buffer Tag second Eos";
    assert_eq!(told.join(" "), expected);
}

#[test]
fn nothing_is_left_in_a_message_queue_by_streams_that_are_well() {
    let rig = Rig::playing("");
    let lane = rig.file(AUDIO);
    lane.push(audio(0));
    assert_eq!(lane.times(1), [0]);
    assert!(!rig.has_message("syncaligner-step"));
}

#[test]
fn what_fails_behind_the_last_buffer_is_told_at_the_end() {
    for error in [gst::FlowError::Error, gst::FlowError::NotLinked] {
        let rig = Rig::playing("");
        let lane = rig.file(AUDIO);
        lane.answer(Some(error));
        lane.push(audio(0));
        let answer = (1..).find_map(|n| lane.try_push(audio(n * 20)).err());
        assert_eq!(answer, Some(error));
        assert!(!lane.pad.push_event(gst::event::Eos::new()));
        let message = rig.bus.pop_filtered(&[gst::MessageType::Error]);
        let text = match message.expect("an error").view() {
            gst::MessageView::Error(error) => error.debug().expect("it says which").to_string(),
            _ => unreachable!("filtered"),
        };
        assert!(text.contains("src_0"), "{text}");
        lane.wait_for(gst::EventType::Eos);
    }
}
