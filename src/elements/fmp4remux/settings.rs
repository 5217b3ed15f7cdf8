//! Properties of `fmp4remux`.

use std::path::PathBuf;

use gst::glib;
use gst::prelude::*;

use super::hls::{HlsSettings, PlaylistType};
use super::progressive::{self, MoovPlacement};
use crate::isobmff::fragment::{Interleave, Options};
use crate::isobmff::model::Variant;

const SECOND_NS: u64 = 1_000_000_000;
/// "Not set", as `GST_CLOCK_TIME_NONE`.
pub(super) const NONE: u64 = u64::MAX;
/// Times are computed with in signed nanoseconds.
const MOST_NS: i64 = i64::MAX;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFmp4RemuxOutputMode")]
pub(super) enum OutputMode {
    /// Movie fragments.
    #[default]
    #[enum_value(name = "Fragmented MP4", nick = "fragmented")]
    Fragmented,
    /// A CMAF track.
    #[enum_value(name = "CMAF: one track, segments and chunks", nick = "cmaf")]
    Cmaf,
    /// One `moov` with all sample tables.
    #[enum_value(name = "One moov with all sample tables", nick = "progressive")]
    Progressive,
}

/// Where parameter sets are said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFmp4RemuxParameterSets")]
pub(super) enum ParameterSets {
    /// As the stream format says, or as the first key shows.
    #[default]
    #[enum_value(name = "By stream format and first key", nick = "auto")]
    Auto,
    /// avc1, hvc1.
    #[enum_value(name = "In the sample entry only (avc1, hvc1)", nick = "out-of-band")]
    OutOfBand,
    /// avc3, hev1.
    #[enum_value(name = "In the samples too (avc3, hev1)", nick = "in-band")]
    InBand,
}

/// When edit lists are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFmp4RemuxWriteEdtsMode")]
pub(super) enum WriteEdtsMode {
    /// Where media time is not presentation time.
    #[default]
    #[enum_value(name = "Where media time is not presentation time", nick = "auto")]
    Auto,
    /// For every track.
    #[enum_value(name = "For every track", nick = "always")]
    Always,
    /// Never.
    #[enum_value(
        name = "Never: pictures come late by the decoder's delay",
        nick = "never"
    )]
    Never,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub output_mode: OutputMode,
    pub moov_placement: MoovPlacement,
    pub reserved_max_duration_ns: u64,
    pub fragment_duration_ns: u64,
    chunk_duration_ns: u64,
    pub max_gop_duration_ns: u64,
    pub max_gap_ns: u64,
    reorder_delay_ns: u64,
    pub parameter_sets: ParameterSets,
    pub write_sidx: bool,
    pub write_mfra: bool,
    pub write_prft: bool,
    pub write_edts_mode: WriteEdtsMode,
    interleave_bytes: u64,
    pub interleave_time_ns: u64,
    pub send_force_keyunit: bool,
    manual_split: bool,
    pub creation_time: Option<gst::DateTime>,
    pub segment_mode: bool,
    segment_start_ns: u64,
    segment_stop_ns: u64,
    start_fragment_sequence_number: u32,
    pub stream_origin: Option<gst::Structure>,
    pub playlist_location: Option<String>,
    pub segment_uri: Option<String>,
    pub media_uri: Option<String>,
    pub playlist_type: PlaylistType,
    pub playlist_length: u32,
    pub latency_ns: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            output_mode: OutputMode::default(),
            moov_placement: MoovPlacement::default(),
            reserved_max_duration_ns: NONE,
            fragment_duration_ns: 2 * SECOND_NS,
            chunk_duration_ns: NONE,
            max_gop_duration_ns: 10 * SECOND_NS,
            max_gap_ns: 10 * SECOND_NS,
            reorder_delay_ns: NONE,
            parameter_sets: ParameterSets::default(),
            write_sidx: false,
            write_mfra: false,
            write_prft: false,
            write_edts_mode: WriteEdtsMode::default(),
            interleave_bytes: 0,
            interleave_time_ns: SECOND_NS / 4,
            send_force_keyunit: true,
            manual_split: false,
            creation_time: None,
            segment_mode: false,
            segment_start_ns: 0,
            segment_stop_ns: NONE,
            start_fragment_sequence_number: 1,
            stream_origin: None,
            playlist_location: None,
            segment_uri: None,
            media_uri: None,
            playlist_type: PlaylistType::default(),
            playlist_length: 5,
            latency_ns: 0,
        }
    }
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(MOST_NS)
}

impl Settings {
    pub(super) fn set(&mut self, value: &glib::Value, pspec: &glib::ParamSpec) {
        // The values have passed GObject's type and range checks already.
        let number = || value.get::<u64>().unwrap_or_default();
        let small = || value.get::<u32>().unwrap_or_default();
        let flag = || value.get::<bool>().unwrap_or_default();
        let text = || value.get::<Option<String>>().unwrap_or_default();
        match pspec.name() {
            "output-mode" => self.output_mode = value.get().unwrap_or_default(),
            "moov-placement" => self.moov_placement = value.get().unwrap_or_default(),
            "reserved-max-duration" => self.reserved_max_duration_ns = number(),
            "fragment-duration" => self.fragment_duration_ns = number(),
            "chunk-duration" => self.chunk_duration_ns = number(),
            "max-gop-duration" => self.max_gop_duration_ns = number(),
            "max-gap" => self.max_gap_ns = number(),
            "reorder-delay" => self.reorder_delay_ns = number(),
            "parameter-sets" => self.parameter_sets = value.get().unwrap_or_default(),
            "write-sidx" => self.write_sidx = flag(),
            "write-mfra" => self.write_mfra = flag(),
            "write-prft" => self.write_prft = flag(),
            "write-edts-mode" => self.write_edts_mode = value.get().unwrap_or_default(),
            "interleave-bytes" => self.interleave_bytes = number(),
            "interleave-time" => self.interleave_time_ns = number(),
            "send-force-keyunit" => self.send_force_keyunit = flag(),
            "manual-split" => self.manual_split = flag(),
            "creation-time" => self.creation_time = value.get().unwrap_or_default(),
            "segment-mode" => self.segment_mode = flag(),
            "segment-start" => self.segment_start_ns = number(),
            "segment-stop" => self.segment_stop_ns = number(),
            "start-fragment-sequence-number" => self.start_fragment_sequence_number = small(),
            "stream-origin" => self.stream_origin = value.get().unwrap_or_default(),
            "playlist-location" => self.playlist_location = text(),
            "segment-uri" => self.segment_uri = text(),
            "media-uri" => self.media_uri = text(),
            "playlist-type" => self.playlist_type = value.get().unwrap_or_default(),
            "playlist-length" => self.playlist_length = small(),
            "latency" => self.latency_ns = number(),
            _ => {}
        }
    }

    pub(super) fn get(&self, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "output-mode" => self.output_mode.to_value(),
            "moov-placement" => self.moov_placement.to_value(),
            "reserved-max-duration" => self.reserved_max_duration_ns.to_value(),
            "fragment-duration" => self.fragment_duration_ns.to_value(),
            "chunk-duration" => self.chunk_duration_ns.to_value(),
            "max-gop-duration" => self.max_gop_duration_ns.to_value(),
            "max-gap" => self.max_gap_ns.to_value(),
            "reorder-delay" => self.reorder_delay_ns.to_value(),
            "parameter-sets" => self.parameter_sets.to_value(),
            "write-sidx" => self.write_sidx.to_value(),
            "write-mfra" => self.write_mfra.to_value(),
            "write-prft" => self.write_prft.to_value(),
            "write-edts-mode" => self.write_edts_mode.to_value(),
            "interleave-bytes" => self.interleave_bytes.to_value(),
            "interleave-time" => self.interleave_time_ns.to_value(),
            "send-force-keyunit" => self.send_force_keyunit.to_value(),
            "manual-split" => self.manual_split.to_value(),
            "creation-time" => self.creation_time.to_value(),
            "segment-mode" => self.segment_mode.to_value(),
            "segment-start" => self.segment_start_ns.to_value(),
            "segment-stop" => self.segment_stop_ns.to_value(),
            "start-fragment-sequence-number" => self.start_fragment_sequence_number.to_value(),
            "stream-origin" => self.stream_origin.to_value(),
            "playlist-location" => self.playlist_location.to_value(),
            "segment-uri" => self.segment_uri.to_value(),
            "media-uri" => self.media_uri.to_value(),
            "playlist-type" => self.playlist_type.to_value(),
            "playlist-length" => self.playlist_length.to_value(),
            "latency" => self.latency_ns.to_value(),
            _ => pspec.default_value().clone(),
        }
    }

    /// The variant of the movie.
    pub(super) fn variant(&self) -> Variant {
        match self.output_mode {
            OutputMode::Fragmented => Variant::Fragmented,
            OutputMode::Cmaf => Variant::Cmaf,
            OutputMode::Progressive => Variant::Progressive,
        }
    }

    /// How fragments are planned.
    pub(super) fn fragments(&self) -> Options {
        let fragment_ns = if self.manual_split {
            MOST_NS
        } else {
            signed(self.fragment_duration_ns)
        };
        Options {
            fragment_ns,
            max_gop_ns: signed(self.max_gop_duration_ns),
            chunk_ns: (self.chunk_duration_ns != NONE).then(|| signed(self.chunk_duration_ns)),
            max_gap_ns: signed(self.max_gap_ns),
            first_segment: self.start_fragment_sequence_number,
            range: self
                .segment_mode
                .then(|| (signed(self.segment_start_ns), signed(self.segment_stop_ns))),
        }
    }

    /// How tracks take turns.
    pub(super) fn interleave(&self) -> Interleave {
        Interleave {
            bytes: (self.interleave_bytes > 0).then_some(self.interleave_bytes),
            time_ns: (self.interleave_time_ns > 0).then(|| signed(self.interleave_time_ns)),
        }
    }

    /// C of a stream, nanoseconds, where it is not the stream's own.
    pub(super) fn reorder_delay_ns(&self) -> Option<i64> {
        (self.reorder_delay_ns != NONE).then(|| signed(self.reorder_delay_ns))
    }

    /// Nanoseconds that live input waits here for its fragment or chunk to end.
    pub(super) fn grouping_ns(&self) -> u64 {
        if self.chunk_duration_ns != NONE {
            self.chunk_duration_ns
        } else {
            self.fragment_duration_ns
        }
    }

    /// How progressive files are written.
    pub(super) fn progressive(&self) -> progressive::Options {
        let limit = |value: u64| (value > 0).then_some(value);
        progressive::Options {
            placement: self.moov_placement,
            reserved_ns: (self.reserved_max_duration_ns != NONE)
                .then_some(self.reserved_max_duration_ns),
            interleave_bytes: limit(self.interleave_bytes),
            interleave_ns: limit(self.interleave_time_ns),
            edits: self.write_edts_mode,
        }
    }

    /// Nanoseconds from a segment's begin to where the next is due; `None` where nobody knows.
    pub(super) fn segment_duration_ns(&self) -> Option<i64> {
        (!self.manual_split && !self.segment_mode).then(|| signed(self.fragment_duration_ns))
    }

    /// Seconds from 1904 to `creation-time`.
    pub(super) fn creation_time(&self) -> Option<u64> {
        /// Seconds from 1904 to 1970.
        const EPOCH: i64 = 2_082_844_800;
        let time = self.creation_time.as_ref()?.to_g_date_time().ok()?;
        u64::try_from(time.to_unix().saturating_add(EPOCH)).ok()
    }

    /// The first tick of a pad's track, as `stream-origin` has it.
    pub(super) fn first_tick(&self, pad: &str, timescale: u32) -> Result<Option<i64>, String> {
        let Some(origin) = &self.stream_origin else {
            return Ok(None);
        };
        let Ok(track) = origin.get::<gst::Structure>(pad) else {
            return Ok(None);
        };
        let found = track.get::<u32>("timescale").unwrap_or(0);
        if found != timescale {
            return Err(format!(
                "stream-origin: found a timescale of {found}, expected {timescale}: set trak-timescale as it was"
            ));
        }
        let first = track.get::<i64>("first");
        first
            .map(Some)
            .map_err(|e| format!("stream-origin: first: {e}"))
    }

    /// The playlist, where one is wanted.
    pub(super) fn playlist(&self) -> Option<HlsSettings> {
        let location = PathBuf::from(self.playlist_location.as_ref()?);
        let longest = self.max_gop_duration_ns.max(self.fragment_duration_ns);
        Some(HlsSettings {
            location,
            segment_uri: self.segment_uri.clone(),
            media_uri: self.media_uri.clone(),
            kind: self.playlist_type,
            length: self.playlist_length,
            target: longest.div_ceil(SECOND_NS),
            chunked: self.chunk_duration_ns != NONE,
        })
    }
}
