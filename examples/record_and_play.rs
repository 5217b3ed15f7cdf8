//! Records a test picture and a tone to an H4MK file and plays it, in an application that links the plugin as
//! a crate and so needs no plugin path:
//!
//! ```sh
//! cargo run --example record_and_play -- out.h4mk
//! ```

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gst::prelude::*;

/// Plays to EOS, or returns what went wrong.
fn run(pipeline: &gst::Pipeline) -> Result<(), Box<dyn Error>> {
    let bus = pipeline.bus().ok_or("a pipeline without a bus")?;
    pipeline.set_state(gst::State::Playing)?;
    let mut result = Ok(());
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(e) => {
                result = Err(format!("{}: {:?}", e.error(), e.debug()).into());
                break;
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null)?;
    result
}

fn record(file: &str) -> Result<(), Box<dyn Error>> {
    let pipeline = gst::parse::launch(
        "videotestsrc num-buffers=50 ! video/x-raw,width=160,height=90,framerate=25/1 ! \
         vp8enc deadline=1 keyframe-max-dist=25 ! m. \
         audiotestsrc num-buffers=100 samplesperbuffer=960 ! audio/x-raw,rate=48000 ! opusenc ! m. \
         h4mkmux name=m ! filesink name=sink",
    )?
    .downcast::<gst::Pipeline>()
    .map_err(|_| "not a pipeline")?;
    pipeline
        .by_name("sink")
        .ok_or("no sink")?
        .set_property("location", file);
    run(&pipeline)
}

/// Pictures and audio buffers that `decodebin` makes of the file.
fn play(file: &str) -> Result<(usize, usize), Box<dyn Error>> {
    let pipeline = gst::Pipeline::new();
    let source = gst::ElementFactory::make("filesrc")
        .property("location", file)
        .build()?;
    let decoder = gst::ElementFactory::make("decodebin").build()?;
    pipeline.add_many([&source, &decoder])?;
    source.link(&decoder)?;
    let counts = Arc::new([const { AtomicUsize::new(0) }; 2]);
    let (weak, counted) = (pipeline.downgrade(), counts.clone());
    decoder.connect_pad_added(move |decoder, pad| {
        let Some(pipeline) = weak.upgrade() else {
            return;
        };
        let audio = pad
            .current_caps()
            .is_some_and(|c| c.to_string().starts_with("audio"));
        if let Err(error) = count(&pipeline, pad, &counted, usize::from(audio)) {
            gst::element_error!(decoder, gst::CoreError::Pad, ("{error}"));
        }
    });
    run(&pipeline)?;
    Ok((
        counts[0].load(Ordering::SeqCst),
        counts[1].load(Ordering::SeqCst),
    ))
}

fn count(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    counts: &Arc<[AtomicUsize; 2]>,
    which: usize,
) -> Result<(), gst::glib::BoolError> {
    let queue = gst::ElementFactory::make("queue").build()?;
    let sink = gst::ElementFactory::make("fakesink")
        .property("sync", false)
        .property("signal-handoffs", true)
        .build()?;
    let counts = counts.clone();
    sink.connect("handoff", false, move |_| {
        counts[which].fetch_add(1, Ordering::SeqCst);
        None
    });
    pipeline.add_many([&queue, &sink])?;
    queue.link(&sink)?;
    let target = queue
        .static_pad("sink")
        .ok_or_else(|| gst::glib::bool_error!("a queue without a sink pad"))?;
    pad.link(&target)
        .map_err(|e| gst::glib::bool_error!("{e}"))?;
    sink.sync_state_with_parent()?;
    queue.sync_state_with_parent()
}

fn main() -> Result<(), Box<dyn Error>> {
    gst::init()?;
    gstharmony::plugin_register_static()?;
    let file = std::env::args()
        .nth(1)
        .ok_or("usage: record_and_play FILE.h4mk")?;
    record(&file)?;
    let (pictures, sounds) = play(&file)?;
    println!("{pictures} pictures, {sounds} audio buffers");
    if pictures == 50 && sounds > 0 {
        Ok(())
    } else {
        Err("expected 50 pictures and sound".into())
    }
}
