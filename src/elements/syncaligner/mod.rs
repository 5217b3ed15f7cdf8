/**
 * SECTION:element-syncaligner
 * @title: syncaligner
 * @short_description: Puts streams onto one time line, measured from their content
 *
 * `syncaligner` takes raw audio, video, sensor readings, text and JSON, a pad `sink_%u` for each, and gives each out on the
 * `src_%u` of the same number. It measures how the streams' time lines lie against that of one of them, the reference,
 * from what is in them, and rewrites times and samples so that all are on that line.
 *
 * Each source pad has one TIME segment from 0, and PTS that are running times on the reference's line and never go
 * back. A stream of which nothing is known yet passes with its own running times. The time that a buffer came with is on it
 * as a reference timestamp meta with the caps `timestamp/x-original`. With `mode=measure` streams pass bit-exact,
 * with their own segments and times.
 *
 * Pads are independent of each other: a flush, the end, a stall or an error of one does nothing to the others.
 *
 * The action signal `set-offset` (name of a sink pad, nanoseconds) says by how much a stream is to be later, until its content tells
 * better; `relock` begins all measurements anew.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 syncaligner name=s  audiotestsrc wave=ticks num-buffers=200 ! audio/x-raw,format=F32LE,rate=48000 ! s.sink_0  s.src_0 ! fakesink  audiotestsrc wave=ticks num-buffers=200 ! audio/x-raw,format=F32LE,rate=44100 ! s.sink_1  s.src_1 ! fakesink
 * ]| Measures and aligns two streams of ticks.
 */
// How it is made.
//
// `imp`, `pad`, `settings`: the element to GObject. `shared`: what its streams share. `stream`: a pair of pads.
// Upstream's thread: `input` and `events` place what comes on the stream's own line (`times`), show it to the `analysis` and
// queue it (`queue`), as far ahead as the `gate` allows. The task of the source pad (`task`) takes it from there,
// applies the map (`output`, `samples`, `pictures`, `line`), waits for the clock where it is live (`latency`), and pushes; `loss` fills in.
//
// The seam between measuring and applying is `analysis::Analysis`: see there. The data path calls
//   start, stop                         at state changes
//   pad_added, pad_removed              for each stream
//   caps, live, buffer                  from the upstream thread of the stream, in order; `buffer` does the measuring of streams
//                                       that are not live
//   stale, flushed                      when the line of a stream breaks
//   reference                           when `reference` has chosen one, or another
//   known                               before each buffer goes out, and from properties
//   settle                              with `analysis=prescan`, before the gate opens
// and the listener that it was given is told of each change of a map or state, with no lock held. `messages` posts.
use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

mod analysis;
mod events;
mod gate;
mod imp;
mod input;
mod latency;
mod line;
mod loss;
mod messages;
mod output;
mod pad;
mod pads;
mod pictures;
mod query;
mod queue;
mod reference;
mod samples;
mod settings;
mod shared;
mod stats;
mod stream;
mod task;
mod times;

pub use pad::{AudioCorrection, PadKind, PadState};
pub use settings::{AnalysisMode, Mode, OnLoss};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "syncaligner",
        gst::DebugColorFlags::empty(),
        Some("Aligner of streams"),
    )
});

/// Caps of the reference timestamp meta that keeps the PTS that a buffer came with.
pub const ORIGINAL_CAPS: &str = "timestamp/x-original";

/// [`ORIGINAL_CAPS`] as caps. They are made for each buffer: caps that stay for ever count as a leak.
fn original_caps() -> gst::Caps {
    gst::Caps::new_empty_simple(ORIGINAL_CAPS)
}

glib::wrapper! {
    /// The element.
    pub struct SyncAligner(ObjectSubclass<imp::SyncAligner>) @extends gst::Element, gst::Object,
        @implements gst::ChildProxy;
}

glib::wrapper! {
    /// A sink pad of the element.
    pub struct SyncAlignerPad(ObjectSubclass<pad::SyncAlignerPad>) @extends gst::Pad, gst::Object;
}

/// Registers the element.
///
/// # Errors
/// When GStreamer refuses the registration.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "syncaligner",
        gst::Rank::NONE,
        SyncAligner::static_type(),
    )
}
