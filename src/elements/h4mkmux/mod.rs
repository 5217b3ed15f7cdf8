/**
 * SECTION:element-h4mkmux
 * @title: h4mkmux
 * @short_description: Records any streams into an H4MK file, in one pass, safe against a crash
 * @see_also: h4mkdemux
 *
 * `h4mkmux` takes encoded, raw and opaque streams: a pad `video_%u`, `audio_%u`, `subtitle_%u` or `sink_%u` for
 * each, before or while the pipeline plays. Times, flags, caps, tags and tables of contents come back exactly
 * as they were. Nothing is sought back to, so the file may go to a disk, a pipe or a socket, and whatever was
 * written before a crash plays.
 *
 * Blocks are in the order of their DTS (else PTS) in running time. A pad is waited for until it has data, a GAP
 * or EOS; sparse ones (the SPARSE stream flag, subtitles, text, JSON, KLV) never. Live input is waited for as
 * long as upstream's latency and the property `latency` say, then what is there is written.
 *
 * Each block is a buffer of a list, its framing added before and behind: input memory is passed on, not copied
 * (but for blocks of a few bytes, which `filesink` could not write in one go otherwise). Buffers
 * at which a reader can begin have no DELTA_UNIT flag, and the caps have the file's first chunks as
 * `streamheader`, for `tcpserversink`, `multifilesink` and applications. A list of tracks that is written later (a
 * late pad, changed caps) is in the stream alone.
 *
 * With `extensions=false` the file is plain version 1; what that can't hold (times past 74.6 hours or negative, tracks that come
 * late) is an error that names the pad and the limit.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! x264enc ! h264parse ! h4mkmux ! filesink location=out.h4mk
 * ]| Records a test picture.
 * |[
 * gst-launch-1.0 h4mkmux name=m ! filesink location=out.h4mk  videotestsrc num-buffers=100 ! x264enc ! h264parse ! queue ! m.video_0  audiotestsrc num-buffers=200 ! opusenc ! queue ! m.audio_0
 * ]| Records picture and sound.
 */
use gst::glib;
use gst::prelude::*;

mod group;
mod imp;
mod mux;
mod pad;
mod settings;
mod sidecars;
mod tracks;

glib::wrapper! {
    /// The muxer element.
    pub struct H4mkMux(ObjectSubclass<imp::H4mkMux>) @extends gst::Element, gst::Object,
        @implements gst::TagSetter, gst::TocSetter, gst::ChildProxy;
}

glib::wrapper! {
    /// A sink pad of the muxer.
    pub struct H4mkMuxPad(ObjectSubclass<pad::H4mkMuxPad>) @extends gst::Pad, gst::Object;
}

/// Registers the element.
///
/// # Errors
/// When GStreamer refuses the registration.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "h4mkmux",
        gst::Rank::PRIMARY,
        H4mkMux::static_type(),
    )
}
