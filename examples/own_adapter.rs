//! Tells how many bits each group of pictures takes: an application with an adapter of its own, in the element
//! `adaptersink`:
//!
//! ```sh
//! cargo run --example own_adapter
//! ```
//!
//! It works where `GST_PLUGIN_PATH` leads to the plugin too, as it may on a machine where the plugin is installed: the crate is
//! registered before any element is made, and so the elements are those of this program, which know its adapters.
//! Those of the installed plugin would know theirs alone.

use std::error::Error;
use std::time::Duration;

use gst::prelude::*;
use gstharmony::adapter::{self, Adapter, Block, Output};
use gstharmony::elements::adaptersink::{AdapterSink, Callbacks};

/// Counts bits.
struct Size;

/// Bits of a group so far.
#[derive(Default)]
struct Bits {
    key: u64,
    deltas: u64,
}

impl Adapter for Size {
    type State = Bits;

    fn decode_i(&mut self, block: &Block) -> Result<Bits, adapter::Error> {
        let key = 8 * block.payload.size() as u64;
        Ok(Bits { key, deltas: 0 })
    }

    fn apply_p(&mut self, state: &mut Bits, block: &Block) -> Result<(), adapter::Error> {
        state.deltas += 8 * block.payload.size() as u64;
        Ok(())
    }

    fn finalize(&mut self, state: &mut Bits) -> Result<Output, adapter::Error> {
        let Bits { key, deltas } = std::mem::take(state);
        let both = [key.to_le_bytes(), deltas.to_le_bytes()].concat();
        Ok(Output::made(both, "application/x-bits".to_owned()))
    }
}

/// A line for a group.
fn line(sample: &gst::Sample) -> Option<String> {
    let buffer = sample.buffer()?;
    let map = buffer.map_readable().ok()?;
    let (both, _) = map.as_chunks::<8>();
    let [key, deltas] = both else { return None };
    let (key, deltas) = (u64::from_le_bytes(*key), u64::from_le_bytes(*deltas));
    let blocks: u64 = sample.info()?.get("blocks").ok()?;
    // The encoder's times do not begin at 0; the segment says where the stream does.
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let time = segment.to_stream_time(buffer.pts())?;
    Some(format!(
        "group {} at {time:.3}: {blocks} pictures, {key} bits for the first, {deltas} for what follows",
        buffer.offset(),
    ))
}

fn main() -> Result<(), Box<dyn Error>> {
    gst::init()?;
    // First of all: later, an element of a plugin that was found may be there already.
    gstharmony::plugin_register_static()?;
    adapter::register("size", || Size)?;

    let pipeline = gst::parse::launch(
        "videotestsrc num-buffers=60 ! video/x-raw,width=320,height=240,framerate=30/1 ! \
         x264enc key-int-max=25 bframes=0 ! adaptersink name=sink adapter=size",
    )?
    .downcast::<gst::Pipeline>()
    .map_err(|_| "not a pipeline")?;
    let sink = pipeline
        .by_name("sink")
        .and_then(|sink| sink.downcast::<AdapterSink>().ok())
        .ok_or("adaptersink of another plugin")?;
    // Called on the thread that decodes, after each output.
    sink.set_callbacks(Callbacks::new().new_output(|sink| {
        if let Some(line) = sink.try_pull_output(Duration::ZERO).as_ref().and_then(line) {
            println!("{line}");
        }
    }));
    pipeline.set_state(gst::State::Playing)?;
    let bus = pipeline.bus().ok_or("a pipeline without a bus")?;
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::NONE, &ends);
    pipeline.set_state(gst::State::Null)?;
    match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(e)) => Err(format!("{}: {:?}", e.error(), e.debug()).into()),
        _ => Ok(()),
    }
}
