//! Shows frames of `adaptersink` in textures of wgpu, on no window, and compares what is seen with what was decoded:
//!
//! ```sh
//! cargo run --manifest-path examples/wgpu/Cargo.toml [FILE]
//! ```
//!
//! Without a file it shows a test picture.

mod screen;
mod uploader;

use std::error::Error;

use gst::prelude::*;
use gstharmony::elements::adaptersink::{AdapterSink, TextureHandle};

use screen::Screen;
use uploader::{Shelf, Uploader};

/// Frames that wait for us at once; no more textures are made than these and the one that is drawn.
const WAITING: u32 = 3;

fn pipeline(file: Option<String>) -> Result<gst::Pipeline, Box<dyn Error>> {
    let source = match file {
        Some(_) => "filesrc name=source ! decodebin ! videoconvert ! video/x-raw,format=RGBA",
        None => {
            "videotestsrc num-buffers=90 pattern=smpte ! video/x-raw,format=RGBA,width=322,height=181"
        }
    };
    let pipeline = gst::parse::launch(&format!(
        "{source} ! adaptersink name=sink max-outputs={WAITING}"
    ))?;
    let pipeline = pipeline
        .downcast::<gst::Pipeline>()
        .map_err(|_| "not a pipeline")?;
    if let Some(source) = pipeline.by_name("source") {
        source.set_property("location", file);
    }
    Ok(pipeline)
}

/// Why the pipeline stopped, if it was not at its end.
fn failure(pipeline: &gst::Pipeline) -> Result<(), Box<dyn Error>> {
    let bus = pipeline.bus().ok_or("a pipeline without a bus")?;
    match bus.pop_filtered(&[gst::MessageType::Error]) {
        Some(message) => match message.view() {
            gst::MessageView::Error(e) => Err(format!("{}: {:?}", e.error(), e.debug()).into()),
            _ => Ok(()),
        },
        None => Ok(()),
    }
}

/// Draws every frame. Returns how many there were.
fn play(sink: &AdapterSink, shelf: &Shelf, screen: &Screen) -> Result<usize, Box<dyn Error>> {
    let mut frames = 0;
    // With the sample its texture goes back to the pool, and takes the next frame.
    while let Some(sample) = sink.pull_output() {
        let info = sample.info().ok_or("a sample without info")?;
        let texture = info.get::<TextureHandle>("texture")?;
        let drawn = shelf.get(texture.texture().id());
        let drawn = drawn.ok_or("a texture that is not ours")?;
        let seen = screen.show(&drawn)?;
        let buffer = sample.buffer().ok_or("a sample without a buffer")?;
        if seen != buffer.map_readable()?.as_slice() {
            return Err(format!("frame {frames}: what is seen is not what was decoded").into());
        }
        frames += 1;
        if shelf.len() > WAITING as usize + 2 {
            return Err(format!("found {} textures at once", shelf.len()).into());
        }
    }
    Ok(frames)
}

fn main() -> Result<(), Box<dyn Error>> {
    gst::init()?;
    gstharmony::plugin_register_static()?;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&Default::default()))?;
    let limits = wgpu::DeviceDescriptor {
        // Those that any device has.
        required_limits: wgpu::Limits::downlevel_defaults().using_resolution(adapter.limits()),
        ..Default::default()
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&limits))?;
    let screen = Screen::new(device.clone(), queue.clone());

    let shelf = Shelf::default();
    let pipeline = pipeline(std::env::args().nth(1))?;
    let sink = pipeline.by_name("sink").ok_or("no sink")?;
    let sink = sink.downcast::<AdapterSink>().map_err(|_| "another sink")?;
    sink.set_uploader(Box::new(Uploader::new(device, queue, shelf.clone())));
    let started = pipeline.set_state(gst::State::Playing);
    let played = match started {
        Ok(_) => play(&sink, &shelf, &screen),
        Err(error) => Err(error.into()),
    };
    // Why it did not start, or stopped before its end.
    let failed = failure(&pipeline);
    pipeline.set_state(gst::State::Null)?;
    failed?;
    let frames = played?;
    drop((sink, pipeline));
    println!(
        "{frames} frames on {}, each pixel as it was decoded, {} textures left",
        adapter.get_info().name,
        shelf.len()
    );
    if frames == 0 || shelf.len() > 0 {
        return Err("found no frame, or textures that nobody released".into());
    }
    Ok(())
}
