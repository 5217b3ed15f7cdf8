//! The queue, the file and the messages.

use std::time::Duration;

use gst::prelude::*;
use gstharmony::elements::adaptersink::Callbacks;

use crate::rig::{BLOCKS, Rig, Sketch, block, index, sink, text};

/// Key blocks, each of which has its output at once in mode block with DTS.
fn keys(count: u64) -> Vec<Sketch> {
    (0..count).map(|at| block("I", at)).collect()
}

/// Frames are published at once.
const FRAMES: &str = "audio/x-raw,format=S16LE,rate=8000,channels=1,layout=interleaved";

#[test]
fn a_full_queue_drops_the_oldest_or_the_newest_and_numbers_show_it() {
    for (overflow, kept) in [("drop-oldest", [8, 9]), ("drop-newest", [0, 1])] {
        let mut rig = Rig::new(&format!("max-outputs=2 overflow={overflow}"), FRAMES);
        rig.push_all(&keys(10));
        assert_eq!(rig.stat("queue-level"), 2);
        let indices: Vec<_> = rig.outputs().iter().map(index).collect();
        assert_eq!(indices, kept, "{overflow}");
        assert_eq!(rig.stat("dropped"), 8, "{overflow}");
    }
}

#[test]
fn a_full_queue_holds_up_the_stream_until_an_output_is_pulled() {
    for prefetch in ["", " prefetch=1"] {
        let mut rig = Rig::new(&format!("max-outputs=2{prefetch}"), FRAMES);
        let puller = std::thread::spawn({
            let sink = rig.sink.clone();
            move || {
                let pulled = std::iter::from_fn(|| {
                    assert!(crate::rig::stat(&sink, "queue-level") <= 2);
                    sink.pull_output()
                });
                pulled.map(|sample| index(&sample)).collect::<Vec<_>>()
            }
        });
        rig.push_all(&keys(50));
        rig.end();
        assert_eq!(puller.join().unwrap(), (0..50).collect::<Vec<_>>());
        assert_eq!((rig.stat("dropped"), rig.stat("rendered")), (0, 50));
    }
}

#[test]
fn stopping_ends_every_wait() {
    for prefetch in ["", " prefetch=1"] {
        let rig = Rig::new(&format!("max-outputs=1{prefetch}"), FRAMES);
        let Rig {
            mut harness, sink, ..
        } = rig;
        // It is full from the first on; the second waits. With a thread of its own so do some more.
        let pusher = std::thread::spawn(move || {
            let flow = keys(20)
                .iter()
                .try_for_each(|b| harness.push(b.buffer()).map(|_| ()));
            (flow, harness)
        });
        while crate::rig::stat(&sink, "received") < 2 {
            std::thread::yield_now();
        }
        sink.set_state(gst::State::Null).unwrap();
        let (flow, _harness) = pusher.join().unwrap();
        assert_eq!(flow, Err(gst::FlowError::Flushing), "{prefetch}");
        assert!(sink.pull_output().is_none(), "there is no stream");
    }
}

#[test]
fn other_caps_publish_what_there_is_room_for() {
    let mut rig = Rig::new("output-mode=block max-outputs=1", BLOCKS);
    rig.push_all(&[block("I", 0), block("P", 3)]);
    assert_eq!(rig.texts(), ["I0"]);
    rig.push_all(&[block("B", 1)]);
    // Two come out with the caps, for one of which there is room; the other must not hold up the event.
    let caps = gst::Caps::builder("application/x-h4mk-block").field("codec", "other");
    assert!(rig.harness.push_event(gst::event::Caps::new(&caps.build())));
    assert_eq!(rig.stat("queue-level"), 1);
    assert_eq!(rig.texts(), ["B1"]);
    rig.push_all(&[block("I", 4)]);
    assert_eq!(rig.texts(), ["P3"]);
    rig.end();
    assert_eq!(rig.texts(), ["I4"]);
}

/// A stream whose end waits for room: two groups and one place.
fn ending(properties: &str) -> (Rig, std::thread::JoinHandle<bool>) {
    let mut rig = Rig::new(&format!("max-outputs=1 {properties}"), BLOCKS);
    rig.push_all(&[block("I", 0), block("I", 1)]);
    let Rig { harness, sink, bus } = rig;
    let pad = sink.static_pad("sink").unwrap();
    let pusher = std::thread::spawn(move || pad.send_event(gst::event::Eos::new()));
    (Rig { harness, sink, bus }, pusher)
}

#[test]
fn stopping_ends_the_wait_at_the_end_of_the_stream() {
    for prefetch in ["", "prefetch=1"] {
        let (rig, pusher) = ending(prefetch);
        let waits = rig
            .bus
            .timed_pop_filtered(gst::ClockTime::from_seconds(60), &[gst::MessageType::Info]);
        assert!(waits.is_some(), "{prefetch}: it says that it waits");
        rig.sink.set_state(gst::State::Null).unwrap();
        assert!(!pusher.join().unwrap(), "{prefetch}: the end did not come");
    }
}

#[test]
fn the_end_that_comes_in_a_pause_waits_for_room_only_when_it_plays() {
    for prefetch in ["", "prefetch=1"] {
        let mut rig = Rig::new(&format!("max-outputs=1 {prefetch}"), BLOCKS);
        rig.push_all(&[block("I", 0), block("I", 1)]);
        // The harness turned it off.
        rig.sink.set_property("async", true);
        let pausing = rig.sink.set_state(gst::State::Paused);
        assert_eq!(pausing, Ok(gst::StateChangeSuccess::Async), "{prefetch}");
        let pad = rig.sink.static_pad("sink").unwrap();
        let pusher = std::thread::spawn(move || pad.send_event(gst::event::Eos::new()));
        let (changed, state, _) = rig.sink.state(gst::ClockTime::from_seconds(60));
        assert_eq!(
            (changed, state),
            (Ok(gst::StateChangeSuccess::Success), gst::State::Paused)
        );
        rig.sink.set_state(gst::State::Playing).unwrap();
        let all = std::iter::from_fn(|| rig.sink.pull_output());
        assert_eq!(
            all.map(|sample| text(&sample)).collect::<Vec<_>>(),
            ["I0", "I1"]
        );
        assert!(pusher.join().unwrap(), "{prefetch}");
    }
}

#[test]
fn outputs_go_to_a_file_when_nobody_pulls_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outputs");
    let mut rig = Rig::new(
        &format!("max-outputs=2 location={}", path.display()),
        FRAMES,
    );
    rig.push_all(&keys(12));
    rig.end();
    let written = std::fs::read_to_string(&path).unwrap();
    let expected: String = (0..12).map(|at| format!("I{at} ")).collect();
    assert_eq!(written, expected);
    assert_eq!((rig.stat("dropped"), rig.stat("rendered")), (0, 12));
}

#[test]
fn messages_tell_of_each_output() {
    let mut rig = Rig::new("post-messages=true max-outputs=1", BLOCKS);
    rig.push_all(&[block("I", 0), block("P", 1), block("I", 2), block("I", 3)]);
    rig.end();
    let messages = rig.messages(gst::MessageType::Element);
    let told: Vec<_> = messages
        .iter()
        .map(|message| {
            let structure = message.structure().unwrap();
            let number = |name| structure.get::<u64>(name).unwrap();
            let description = structure.get::<&str>("description").unwrap().to_owned();
            (
                number("index"),
                number("blocks"),
                number("size"),
                description,
            )
        })
        .collect();
    let described = |blocks, bytes| format!(r#"{{"blocks":{blocks},"bytes":{bytes}}}"#);
    assert_eq!(
        told,
        [
            (0, 2, 6, described(2, 6)),
            (1, 1, 3, described(1, 3)),
            (2, 1, 3, described(1, 3))
        ]
    );
}

#[test]
fn an_application_in_rust_is_called_for_each_output() {
    let sink = sink("");
    let (sender, receiver) = std::sync::mpsc::channel();
    sink.set_callbacks(Callbacks::new().new_output(move |sink| {
        let sample = sink.try_pull_output(Duration::ZERO).expect("it is there");
        sender.send(index(&sample)).unwrap();
    }));
    let mut rig = Rig::of(sink, FRAMES);
    rig.push_all(&keys(40));
    assert_eq!(
        receiver.try_iter().collect::<Vec<_>>(),
        (0..40).collect::<Vec<_>>()
    );
}

#[test]
fn a_file_that_cannot_be_made_refuses_the_start() {
    let pipeline =
        crate::common::launch("audiotestsrc num-buffers=1 ! adaptersink location=/nowhere/outputs");
    let why = crate::common::run(&pipeline).failure();
    assert!(why.contains("location: /nowhere/outputs"), "{why}");
}

#[test]
fn an_unknown_adapter_is_an_error_with_those_that_are_known() {
    let pipeline = crate::common::launch("audiotestsrc num-buffers=1 ! adaptersink adapter=nobody");
    let why = crate::common::run(&pipeline).failure();
    assert!(
        why.contains(r#"found "nobody", expected one of dsp, "#),
        "{why}"
    );
}
