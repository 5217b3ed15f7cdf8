//! `adapter=signals`: an adapter in handlers.

use gst::glib;
use gst::prelude::*;
use gstharmony::elements::adaptersink::AdapterSink;

use crate::rig::{BLOCKS, Rig, block, sink, text};

/// A state: what was applied, in the name of an object.
fn state(name: &str) -> gst::Object {
    let object = gst::Bus::new().upcast::<gst::Object>();
    object.set_property("name", name);
    object
}

fn sample(values: &[glib::Value], at: usize) -> String {
    text(&values[at].get::<gst::Sample>().expect("a sample"))
}

fn name(values: &[glib::Value], at: usize) -> String {
    values[at]
        .get::<gst::Object>()
        .expect("a state")
        .name()
        .into()
}

/// Connects handlers that write down what they are given.
fn connect(sink: &AdapterSink) {
    sink.connect("decode-i", false, |values| {
        Some(state(&sample(values, 1)).to_value())
    });
    sink.connect("apply-p", false, |values| {
        Some(state(&format!("{}+{}", name(values, 1), sample(values, 2))).to_value())
    });
    sink.connect("finalize", false, |values| {
        let buffer = gst::Buffer::from_slice(name(values, 1));
        Some(gst::Sample::builder().buffer(&buffer).build().to_value())
    });
}

#[test]
fn handlers_are_an_adapter() {
    for prefetch in ["", " prefetch=3"] {
        let sink = sink(&format!("adapter=signals output-mode=block{prefetch}"));
        connect(&sink);
        let mut rig = Rig::of(sink, BLOCKS);
        rig.push_all(&[block("I", 0), block("P", 3), block("B", 1)]);
        rig.end();
        assert_eq!(rig.texts(), ["I0", "I0+P3+B1", "I0+P3"], "{prefetch}");
    }
}

#[test]
fn blocks_between_two_have_a_handler_of_their_own() {
    let sink = sink("adapter=signals output-mode=block");
    connect(&sink);
    sink.connect("fork", false, |values| Some(values[1].clone()));
    sink.connect("apply-b", false, |values| {
        let name = format!(
            "{}<{}>{}",
            name(values, 1),
            sample(values, 3),
            name(values, 2)
        );
        Some(state(&name).to_value())
    });
    let mut rig = Rig::of(sink, BLOCKS);
    // As they lie in a file.
    rig.push_all(&[block("I", 0), block("P", 3), block("B", 1), block("B", 2)]);
    rig.end();
    assert_eq!(rig.texts(), ["I0", "I0<B1>I0+P3", "I0<B2>I0+P3", "I0+P3"]);
}

#[test]
fn a_handler_that_returns_nothing_is_an_error() {
    let sink = sink("adapter=signals");
    connect(&sink);
    sink.connect("apply-p", false, |_| {
        None::<gst::Object>
            .map(|o| o.to_value())
            .or(Some(None::<gst::Object>.to_value()))
    });
    let mut rig = Rig::of(sink, BLOCKS);
    rig.push_all(&[block("I", 0)]);
    assert_eq!(rig.push(&block("P", 1)), Err(gst::FlowError::Error));
    let errors = rig.messages(gst::MessageType::Error);
    let gst::MessageView::Error(error) = errors[0].view() else {
        unreachable!()
    };
    let debug = error.debug().unwrap();
    assert!(
        debug.contains("the handler of apply-p returned, expected a GstObject"),
        "{debug}"
    );
}

#[test]
fn without_handlers_the_element_does_not_start() {
    let pipeline =
        crate::common::launch("audiotestsrc num-buffers=1 ! adaptersink adapter=signals");
    let why = crate::common::run(&pipeline).failure();
    assert!(why.contains("found no handler of decode-i"), "{why}");
}
