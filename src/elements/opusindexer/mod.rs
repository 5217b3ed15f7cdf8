/**
 * SECTION:element-opusindexer
 * @title: opusindexer
 * @short_description: Writes the Opus packets that pass through it, and an index of their samples, to a Zarr store
 * @see_also: opusindexsrc
 *
 * `opusindexer` passes `audio/x-opus` on as it is. Packets, index, gaps and what the stream says of itself go to a Zarr
 * store at `location`, which Python reads with zarr, dask and xarray, and from which `opusindexsrc` and `gst-harmony
 * extract` give any range of samples.
 *
 * Samples are counted from the packets themselves, never from timestamps. Pre-skip and end trim come from
 * `GstAudioClippingMeta`, else from the stream's header, else from the segment. Each link of a chained stream is a
 * group of its own. A store that is still being written, or whose writer was killed, can be read up to its last
 * commit.
 *
 * The element posts an element message `opusindexer` with `location`, `links`, `packets`, `samples` (those of the time
 * line, of all links) and `gaps` when the stream has ended and the store is complete.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=100 ! opusenc ! opusindexer location=store.zarr ! fakesink
 * ]| Encodes a tone and indexes its packets.
 */
use gst::glib;
use gst::prelude::*;

mod clock;
mod imp;
mod indexer;
mod settings;

pub use settings::{IndexCompression, OnError};

glib::wrapper! {
    /// The indexer element.
    pub struct OpusIndexer(ObjectSubclass<imp::OpusIndexer>) @extends gst::Element, gst::Object;
}

/// Registers the element.
///
/// # Errors
/// When GStreamer refuses the registration.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "opusindexer",
        gst::Rank::NONE,
        OpusIndexer::static_type(),
    )
}
