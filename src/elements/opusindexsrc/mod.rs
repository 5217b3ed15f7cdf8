/**
 * SECTION:element-opusindexsrc
 * @title: opusindexsrc
 * @short_description: Reads any range of samples from a store of Opus packets
 * @see_also: opusindexer
 *
 * `opusindexsrc` plays a store that `opusindexer` has written, from any sample to any other. It pushes the packets that
 * decode to these samples, and some before them for the decoder to converge; `GstAudioClippingMeta` says what of each
 * decoded packet is thrown away, so that `opusdec` gives exactly the samples that are asked for. With its property
 * `phase-inversion=true` they are those of a decoder that began at the start.
 *
 * Samples are counted at 48 kHz from the end of the pre-skip, in properties, in seeks and in queries of the format
 * DEFAULT; a range is given by its first sample and the one behind its last. A URI is `opusindex:///path`, with
 * `#samples=first-stop` and `&link=number` behind it where it is not all that is played.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=150 ! opusenc ! opusindexer location=song.zarr ! fakesink
 * ]| Makes a store for the others.
 * |[
 * gst-launch-1.0 opusindexsrc location=song.zarr start=48000 stop=96000 ! opusdec phase-inversion=true ! audioconvert ! wavenc ! filesink location=second.wav
 * ]| Decodes the second second.
 * |[
 * gst-launch-1.0 opusindexsrc location=song.zarr segments=0-4800,96000-100800 ! opusdec phase-inversion=true ! fakesink
 * ]| Plays two short ranges, one after the other.
 */
use gst::glib;
use gst::prelude::*;

mod caps;
mod deliver;
mod errors;
mod imp;
mod query;
mod ranges;
mod seek;
mod session;
mod settings;
mod stream;
mod time;
mod uri;

glib::wrapper! {
    /// The source element.
    pub struct OpusIndexSrc(ObjectSubclass<imp::OpusIndexSrc>)
        @extends gst_base::BaseSrc, gst::Element, gst::Object,
        @implements gst::URIHandler;
}

/// Registers the element.
///
/// # Errors
/// When GStreamer refuses the registration.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "opusindexsrc",
        gst::Rank::PRIMARY,
        OpusIndexSrc::static_type(),
    )
}
