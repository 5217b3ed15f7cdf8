/**
 * SECTION:element-h4mkdemux
 * @title: h4mkdemux
 * @short_description: Plays, seeks and recovers H4MK files
 * @see_also: h4mkmux
 *
 * `h4mkdemux` reads H4MK containers: finished, growing or cut ones, pulled or pushed. Its source pads carry the
 * caps that were recorded, with exact times, or with `expose=blocks` opaque blocks
 * (`application/x-h4mk-block`) whose kind is in the buffer flags and in a `GstH4mkBlockMeta`, and whose OFFSET
 * is the block's number in its track. A version 1 file without extensions has no caps: it plays as blocks.
 *
 * Negative times: buffers can't hold them, so all streams are shifted by one constant, which their segments
 * take back (segment.start = shift, segment.time = 0). Running time is what was recorded.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=in.h4mk ! h4mkdemux ! fakesink
 * ]| Reads a file to its end.
 * |[
 * gst-launch-1.0 playbin uri=file:///tmp/in.h4mk
 * ]| Plays it.
 * |[
 * gst-launch-1.0 filesrc location=in.h4mk ! h4mkdemux expose=blocks ! multifilesink location=block-%05d.bin
 * ]| Writes every block of a one-track file into a file of its own.
 */
use gst::glib;
use gst::prelude::*;

mod deliver;
mod expose;
mod imp;
mod pull;
mod push;
mod query;
mod reader;
mod reverse;
mod seek;
mod settings;
mod source;
mod state;
mod stream;
mod table;
mod traks;
mod typefind;

pub use settings::Expose;

glib::wrapper! {
    /// The demuxer element.
    pub struct H4mkDemux(ObjectSubclass<imp::H4mkDemux>) @extends gst::Element, gst::Object;
}

/// Registers the element and its typefinder.
///
/// # Errors
/// When GStreamer refuses the registration.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    crate::meta::register();
    typefind::register(plugin)?;
    gst::Element::register(
        Some(plugin),
        "h4mkdemux",
        gst::Rank::PRIMARY,
        H4mkDemux::static_type(),
    )
}
