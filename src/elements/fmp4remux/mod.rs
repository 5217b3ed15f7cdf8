/**
 * SECTION:element-fmp4remux
 * @title: fmp4remux
 * @short_description: Muxes encoded streams into fragmented MP4, CMAF, HLS or MP4 with its index first
 * @see_also: h4mkdemux
 *
 * `fmp4remux` takes what demuxers and encoders give, a pad `video_%u`, `audio_%u`, `subtitle_%u` or `sink_%u` for
 * each stream. Decoding times are made inside from the presentation times, so that Matroska with B-frames, which
 * has none, comes out right.
 *
 * With `output-mode=fragmented` (the default) and `cmaf` the init segment is a buffer list of its own and the caps'
 * `streamheader`; each fragment is a buffer list: a header, then the samples as they came. With
 * `output-mode=progressive` there is one `moov`, by `moov-placement` before or behind the media; nothing but
 * `front-reserve` seeks, so that the file may go to a pipe.
 *
 * With `playlist-location` and `segment-uri` or `media-uri` an HLS playlist is kept. With `segment-mode` one segment
 * is written alone, byte for byte as it is in the whole.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! x264enc ! h264parse ! fmp4remux ! filesink location=out.mp4
 * ]| Writes a test picture into fragments.
 * |[
 * gst-launch-1.0 fmp4remux name=m output-mode=progressive ! filesink location=out.mp4  videotestsrc num-buffers=100 ! x264enc ! h264parse ! queue ! m.video_0  audiotestsrc num-buffers=200 ! opusenc ! queue ! m.audio_0
 * ]| Writes picture and sound, the index first.
 */
use gst::glib;
use gst::prelude::*;

mod fragmented;
pub mod hls;
pub mod ilst;
mod imp;
mod mux;
mod output;
mod pad;
mod progressive;
mod properties;
mod published;
mod settings;
pub mod streams;
mod tracks;
mod unit;

glib::wrapper! {
    /// The muxer element.
    pub struct Fmp4Remux(ObjectSubclass<imp::Fmp4Remux>) @extends gst::Element, gst::Object,
        @implements gst::TagSetter, gst::ChildProxy;
}

glib::wrapper! {
    /// A sink pad of the muxer.
    pub struct Fmp4RemuxPad(ObjectSubclass<pad::Fmp4RemuxPad>) @extends gst::Pad, gst::Object;
}

/// Registers the element.
///
/// # Errors
/// When GStreamer refuses the registration.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "fmp4remux",
        gst::Rank::NONE,
        Fmp4Remux::static_type(),
    )
}
