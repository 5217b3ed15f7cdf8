//! `adaptersink uploader=gl` and the other uploaders, with OpenGL on the processor and on no display.

#[path = "../common/mod.rs"]
mod common;
mod contexts;
mod leaks;

use std::time::Duration;

use common::{gl, run};
use gst::prelude::*;
use gst_gl::GLSyncMeta;
use gstharmony::adapter::{Error, Frame, TextureId, TextureUploader};
use gstharmony::elements::adaptersink::{AdapterSink, TextureHandle};

/// How RGBA frames come into one texture each.
const UPLOAD: &str =
    "glupload ! glcolorconvert ! video/x-raw(memory:GLMemory),format=RGBA,texture-target=2D";

/// Longer than any frame takes on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pipeline that has `sink`, an `adaptersink`.
fn launch(description: &str) -> (gst::Pipeline, AdapterSink) {
    gl::init();
    let pipeline = common::launch(description);
    pipeline.set_context(&gl::display_context());
    let sink = pipeline.by_name("sink").expect("a sink");
    (pipeline, sink.downcast().expect("an adaptersink"))
}

fn set_state(pipeline: &gst::Pipeline, state: gst::State) {
    pipeline.set_state(state).expect("the state changes");
}

fn pull(sink: &AdapterSink) -> gst::Sample {
    sink.try_pull_output(PATIENCE).expect("a frame comes")
}

fn texture(sample: &gst::SampleRef) -> TextureHandle {
    let info = sample.info().expect("a sample of adaptersink has info");
    info.get("texture").expect("it has a texture")
}

/// How many textures the element says to be in use.
fn in_use(sink: &AdapterSink) -> u64 {
    let stats = sink.property::<gst::Structure>("stats");
    stats.get("textures").expect("stats count textures")
}

/// The pixels of a sample's texture, read by its name.
fn seen(sample: &gst::SampleRef) -> Vec<u8> {
    let held = texture(sample);
    let (id, size) = (held.texture().id(), held.texture().size());
    let context = gl::context(sample.buffer().expect("a buffer"));
    gl::pixels(
        &context,
        u32::try_from(id.0).expect("a name of OpenGL"),
        size,
    )
}

#[test]
fn a_frame_comes_as_the_texture_that_was_made_of_it() {
    for (width, height, pattern) in [(64, 32, "smpte"), (33, 47, "snow"), (1, 1, "white")] {
        let (pipeline, sink) = launch(&format!(
            "videotestsrc num-buffers=7 pattern={pattern} \
             ! video/x-raw,format=RGBA,width={width},height={height} ! tee name=t \
             t. ! queue ! {UPLOAD} ! adaptersink name=sink uploader=gl \
             t. ! queue ! appsink name=there sync=false"
        ));
        let there = pipeline.by_name("there").expect("a sink");
        let there = there.downcast::<gst_app::AppSink>().expect("an appsink");
        set_state(&pipeline, gst::State::Playing);
        for index in 0..7_u64 {
            let sample = pull(&sink);
            let info = sample.info().expect("info");
            assert_eq!(info.get("index"), Ok(index));
            let held = texture(&sample);
            assert_eq!(held.texture().size(), (width, height));
            assert_eq!(held.texture().format(), "RGBA");
            assert_eq!(info.get("texture-id"), Ok(held.texture().id().0));
            let source = there.pull_sample().expect("a frame");
            let source = source.buffer().expect("a buffer");
            let bytes = source.map_readable().expect("bytes");
            assert!(
                seen(&sample) == bytes.as_slice(),
                "{pattern}, frame {index}"
            );
            assert_eq!(sample.buffer().and_then(|b| b.pts()), source.pts());
        }
        assert!(sink.try_pull_output(PATIENCE).is_none(), "the stream ends");
        assert_eq!(in_use(&sink), 0);
        set_state(&pipeline, gst::State::Null);
    }
}

#[test]
fn a_texture_is_left_alone_while_its_sample_is_held() {
    let (pipeline, sink) = launch(&format!(
        "videotestsrc pattern=snow ! video/x-raw,format=RGBA,width=24,height=24 ! {UPLOAD} \
         ! adaptersink name=sink uploader=gl max-outputs=2"
    ));
    set_state(&pipeline, gst::State::Playing);
    let held: Vec<_> = (0..8)
        .map(|_| pull(&sink))
        .map(|sample| (seen(&sample), sample))
        .collect();
    let mut names: Vec<_> = held
        .iter()
        .map(|(_, sample)| texture(sample).texture().id())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 8);
    for _ in 0..50 {
        pull(&sink);
    }
    for (before, sample) in &held {
        assert!(*before == seen(sample));
        let buffer = sample.buffer().expect("a buffer");
        assert!(buffer.meta::<GLSyncMeta>().is_some());
        // The processor sees the same.
        assert!(buffer.map_readable().expect("bytes").as_slice() == before);
    }
    assert!(in_use(&sink) >= 8);
    set_state(&pipeline, gst::State::Null);
    // They are the application's still.
    assert!(held[0].0 == seen(&held[0].1));
    assert_eq!(in_use(&sink), 8);
    drop(held);
    assert_eq!(in_use(&sink), 0);
}

/// The error of a pipeline from test pictures to the sink.
fn refused(between: &str) -> String {
    let (pipeline, _) = launch(&format!(
        "videotestsrc num-buffers=2 {between} ! adaptersink name=sink uploader=gl on-error=skip"
    ));
    run(&pipeline).failure()
}

#[test]
fn what_is_no_single_texture_is_refused_with_what_would_be() {
    let expected = "expected memory:GLMemory in one texture of target 2D, as from glupload";
    let found = refused("! video/x-raw,format=RGBA");
    assert!(found.contains("found memory of type "), "{found}");
    assert!(found.contains(expected), "{found}");
    let found = refused("! video/x-raw,format=I420 ! glupload");
    assert!(found.contains("found 3 textures"), "{found}");
    assert!(found.contains(expected), "{found}");
}

/// Takes nothing.
struct Refusing(fn() -> Error);

impl TextureUploader for Refusing {
    fn upload(&mut self, _: &Frame<'_>, _: Option<TextureId>) -> Result<TextureId, Error> {
        Err((self.0)())
    }

    fn release(&mut self, _: TextureId) {
        panic!("there is none");
    }

    fn size(&self, _: TextureId) -> Option<(u32, u32)> {
        None
    }
}

#[test]
fn a_device_that_fails_ends_the_stream_and_a_frame_that_is_refused_is_skipped() {
    let (pipeline, sink) = launch(
        "videotestsrc num-buffers=3 ! video/x-raw,format=RGBA,width=4,height=4 ! adaptersink name=sink",
    );
    sink.set_uploader(Box::new(Refusing(|| {
        Error::Texture("found it lost".into())
    })));
    let found = run(&pipeline).failure();
    assert!(found.contains("texture: found it lost"), "{found}");
    assert_eq!(in_use(&sink), 0);

    sink.set_uploader(Box::new(Refusing(|| Error::Memory("found a lie".into()))));
    let run = run(&pipeline);
    assert_eq!(run.error, None);
    assert_eq!(run.warnings.len(), 3, "{:?}", run.warnings);
    assert!(run.warnings[0].contains("memory: found a lie"));
    assert_eq!(in_use(&sink), 0);
}
