//! What `fmp4remux` tells of its properties.

use gst::glib;
use gst::prelude::*;

use super::hls::PlaylistType;
use super::progressive::MoovPlacement;
use super::settings::{NONE, OutputMode, ParameterSets, Settings, WriteEdtsMode};

/// A time that is set before the file begins.
fn time(
    name: &'static str,
    (nick, blurb): (&'static str, &'static str),
    (minimum, default): (u64, u64),
) -> glib::ParamSpec {
    glib::ParamSpecUInt64::builder(name)
        .nick(nick)
        .blurb(blurb)
        .minimum(minimum)
        .default_value(default)
        .mutable_ready()
        .build()
}

fn flag(
    name: &'static str,
    (nick, blurb): (&'static str, &'static str),
    default: bool,
) -> glib::ParamSpec {
    glib::ParamSpecBoolean::builder(name)
        .nick(nick)
        .blurb(blurb)
        .default_value(default)
        .mutable_ready()
        .build()
}

fn text(name: &'static str, nick: &'static str, blurb: &'static str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .mutable_ready()
        .build()
}

/// A choice that is made before the file begins.
macro_rules! choice {
    ($name:literal, $nick:literal, $blurb:literal, $type:ty) => {
        glib::ParamSpecEnum::builder_with_default($name, <$type>::default())
            .nick($nick)
            .blurb($blurb)
            .mutable_ready()
            .build()
    };
}

pub(super) fn properties() -> Vec<glib::ParamSpec> {
    let mut all = durations();
    all.extend(boxes());
    all.extend(segments());
    all.extend(playlist());
    all
}

/// Properties about how long things are.
fn durations() -> Vec<glib::ParamSpec> {
    let defaults = Settings::default();
    vec![
        time("fragment-duration", ("Fragment duration", "A segment ends at the first key so many nanoseconds after its begin"), (1, defaults.fragment_duration_ns)),
        time("chunk-duration", ("Chunk duration", "Segments are written in chunks of so many nanoseconds, for low latency (default: whole)"), (1, NONE)),
        time("max-gop-duration", ("Longest group of pictures", "A segment that finds no key is split after so many nanoseconds; the part behind the split begins with a non-sync sample"), (1, defaults.max_gop_duration_ns)),
        time("max-gap", ("Longest gap", "How many nanoseconds a fragment waits for the next sample of a track, from which the last one has its duration"), (0, defaults.max_gap_ns)),
        time("reorder-delay", ("Reorder delay", "Nanoseconds by which pictures are decoded ahead, where upstream has no DTS (default: the stream's reorder depth times its frame duration)"), (0, NONE)),
        time("interleave-time", ("Interleave time", "Nanoseconds of a track that lie in a row, 0 for no limit"), (0, defaults.interleave_time_ns)),
        time("interleave-bytes", ("Interleave bytes", "Bytes of a track that lie in a row, 0 for no limit"), (0, 0)),
        time("reserved-max-duration", ("Reserved duration", "moov-placement=front-reserve: nanoseconds of media for which room is left at the front"), (0, NONE)),
        glib::ParamSpecUInt64::builder("latency")
            .nick("Latency")
            .blurb("Live input: time added to upstream's latency before a missing buffer is no longer waited for, in nanoseconds")
            .default_value(0)
            .mutable_playing()
            .build(),
    ]
}

/// Properties about what is in the file.
fn boxes() -> Vec<glib::ParamSpec> {
    vec![
        choice!("output-mode", "Output mode", "What is written", OutputMode),
        choice!(
            "moov-placement",
            "Placement of moov",
            "output-mode=progressive: where the sample tables are",
            MoovPlacement
        ),
        choice!(
            "parameter-sets",
            "Parameter sets",
            "Where the parameter sets of H.264 and H.265 are said to be",
            ParameterSets
        ),
        choice!(
            "write-edts-mode",
            "Edit lists",
            "When edit lists are written",
            WriteEdtsMode
        ),
        flag(
            "write-sidx",
            ("Write sidx", "A segment index before each fragment"),
            false,
        ),
        flag(
            "write-mfra",
            (
                "Write mfra",
                "A random access index at the end of a fragmented file",
            ),
            false,
        ),
        flag(
            "write-prft",
            ("Write prft", "The producer's time before each fragment"),
            false,
        ),
        glib::ParamSpecBoxed::builder::<gst::DateTime>("creation-time")
            .nick("Creation time")
            .blurb(
                "When the media was made; without it (the default) equal input gives equal files",
            )
            .mutable_ready()
            .build(),
    ]
}

/// Properties about where segments begin.
fn segments() -> Vec<glib::ParamSpec> {
    vec![
        flag("send-force-keyunit", ("Send force-keyunit", "Ask upstream for a key where the next segment is due"), true),
        flag("manual-split", ("Manual split", "Segments end only where split-at-running-time says"), false),
        flag("segment-mode", ("Segment mode", "Write one segment alone, as it is in the whole: what is between segment-start and segment-stop in stream time, without the init segment"), false),
        time("segment-start", ("Segment start", "segment-mode: begin of the segment, in nanoseconds"), (0, 0)),
        time("segment-stop", ("Segment stop", "segment-mode: begin of the next segment, in nanoseconds (default: the end)"), (0, NONE)),
        glib::ParamSpecUInt::builder("start-fragment-sequence-number")
            .nick("First sequence number")
            .blurb("Number of the first segment; its fragments are numbered from 4096 times that on")
            .minimum(1)
            .maximum(u32::MAX / crate::isobmff::fragment::MOST_PARTS)
            .default_value(1)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stream-origin")
            .nick("Stream origin")
            .blurb("By pad: timescale, delay and first tick of its track, as the whole has published them; segment-mode needs them")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("byte-range-map")
            .nick("Byte ranges")
            .blurb("Where the init segment and each fragment lie in the output")
            .read_only()
            .build(),
    ]
}

/// Properties about the HLS playlist.
fn playlist() -> Vec<glib::ParamSpec> {
    vec![
        text(
            "playlist-location",
            "Playlist location",
            "An HLS media playlist is kept in this file",
        ),
        text(
            "segment-uri",
            "Segment URI",
            "Pattern of the segments' names in the playlist, with %d or %05d for the number; init segments are counted too, as multifilesink next-file=buffer numbers them",
        ),
        text(
            "media-uri",
            "Media URI",
            "Name of the one file that the playlist's byte ranges are of",
        ),
        choice!(
            "playlist-type",
            "Playlist type",
            "How the playlist grows",
            PlaylistType
        ),
        glib::ParamSpecUInt::builder("playlist-length")
            .nick("Playlist length")
            .blurb("Segments in a live playlist, 0 for all")
            .default_value(Settings::default().playlist_length)
            .mutable_ready()
            .build(),
    ]
}
