//! Display and context, which textures must have in common with whoever uses them.

use gst::prelude::*;
use gst_gl::GLSyncMeta;
use gst_gl::prelude::*;
use gstharmony::elements::adaptersink::AdapterSink;

use super::{UPLOAD, common, gl, launch, pull, set_state};

#[test]
fn elements_upstream_take_the_display_that_the_sink_was_given() {
    for source in [
        "gltestsrc num-buffers=1".to_owned(),
        format!("videotestsrc num-buffers=1 ! {UPLOAD}"),
    ] {
        gl::init();
        let pipeline = common::launch(&format!("{source} ! adaptersink name=sink uploader=gl"));
        let sink = pipeline.by_name("sink").expect("a sink");
        let sink = sink.downcast().expect("an adaptersink");
        // The sink alone knows it.
        AdapterSink::set_context(&sink, &gl::display_context());
        set_state(&pipeline, gst::State::Playing);
        let sample = pull(&sink);
        let used = gl::context(sample.buffer().expect("a buffer"));
        assert_eq!(used.display(), *gl::display(), "{source}");
        set_state(&pipeline, gst::State::Null);
    }
}

#[test]
fn elements_upstream_find_the_context_of_the_textures() {
    let (pipeline, sink) = launch(&format!(
        "videotestsrc ! video/x-raw,width=8,height=8 ! {UPLOAD} ! adaptersink name=sink uploader=gl"
    ));
    let pad = sink.static_pad("sink").expect("a pad");
    let asked = || {
        let mut query = gst::query::Context::new("gst.gl.local_context");
        let found = pad.query(&mut query);
        found.then(|| {
            let context = query.context_owned().expect("a context");
            let structure = context.structure().to_owned();
            structure.get::<gst_gl::GLContext>("context").expect("one")
        })
    };
    assert_eq!(asked(), None);
    set_state(&pipeline, gst::State::Playing);
    let sample = pull(&sink);
    let used = gl::context(sample.buffer().expect("a buffer"));
    assert_eq!(asked(), Some(used));
    set_state(&pipeline, gst::State::Null);
    assert_eq!(asked(), None);
}

#[test]
fn elements_upstream_are_asked_for_points_to_wait_for() {
    let (_pipeline, sink) = launch("fakesrc ! adaptersink name=sink uploader=gl");
    let pad = sink.static_pad("sink").expect("a pad");
    let asked = |caps: &str| {
        let caps = caps.parse::<gst::Caps>().expect("caps");
        let mut query = gst::query::Allocation::new(Some(&caps), true);
        pad.query(&mut query);
        query.find_allocation_meta::<GLSyncMeta>().is_some()
    };
    let caps = "format=RGBA,width=8,height=8,framerate=30/1";
    assert!(asked(&format!("video/x-raw(memory:GLMemory),{caps}")));
    assert!(!asked(&format!("video/x-raw,{caps}")));
}

#[test]
fn a_sample_may_be_dropped_on_the_thread_of_opengl() {
    let (pipeline, sink) = launch(&format!(
        "videotestsrc num-buffers=500 ! video/x-raw,width=8,height=8 ! {UPLOAD} \
         ! adaptersink name=sink uploader=gl"
    ));
    set_state(&pipeline, gst::State::Playing);
    for _ in 0..500 {
        let sample = pull(&sink);
        let context = gl::context(sample.buffer().expect("a buffer"));
        // An upload waits for this thread meanwhile.
        context.thread_add(move |_| drop(sample));
    }
    set_state(&pipeline, gst::State::Null);
    assert_eq!(super::in_use(&sink), 0);
}
