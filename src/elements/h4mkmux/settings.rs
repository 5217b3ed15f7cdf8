//! Properties of `h4mkmux`.

use gst::glib;
use gst::prelude::*;

use crate::h4mk::WriterOptions;

const DEFAULT_GROUP_NS: u64 = 100_000_000;
const DEFAULT_INTERVAL_NS: u64 = 500_000_000;
/// Times are computed with in signed nanoseconds.
const MOST_NS: u64 = i64::MAX.unsigned_abs();

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub group_duration_ns: u64,
    index_interval_ns: u64,
    pub meta: Option<String>,
    pub safety: Option<String>,
    pub verification: Option<String>,
    pub notes: Option<String>,
    pub extensions: bool,
    timestamp_ms: u64,
    pub latency_ns: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            group_duration_ns: DEFAULT_GROUP_NS,
            index_interval_ns: DEFAULT_INTERVAL_NS,
            meta: None,
            safety: None,
            verification: None,
            notes: None,
            extensions: true,
            timestamp_ms: 0,
            latency_ns: 0,
        }
    }
}

/// A text that is set before the file begins.
fn text(name: &'static str, nick: &'static str, blurb: &'static str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .mutable_ready()
        .build()
}

/// A number that is set before the file begins.
fn number(
    name: &'static str,
    (nick, blurb): (&'static str, &'static str),
    (minimum, default): (u64, u64),
) -> glib::ParamSpec {
    glib::ParamSpecUInt64::builder(name)
        .nick(nick)
        .blurb(blurb)
        .minimum(minimum)
        .maximum(MOST_NS)
        .default_value(default)
        .mutable_ready()
        .build()
}

pub(super) fn properties() -> Vec<glib::ParamSpec> {
    vec![
        number(
            "group-duration",
            (
                "Group duration",
                "Longest span of blocks that share one timing chunk and one write, in nanoseconds (live input: every block on its own)",
            ),
            (0, DEFAULT_GROUP_NS),
        ),
        number(
            "index-interval",
            (
                "Index interval",
                "Least time between seek entries of a track where every block is a key block, in nanoseconds",
            ),
            (1, DEFAULT_INTERVAL_NS),
        ),
        text(
            "meta",
            "Metadata",
            "A JSON object for the META chunk; tags and table of contents are added to it",
        ),
        text("safety", "Safety", "JSON for the SAFE chunk (safety, audit)"),
        text("verification", "Verification", "JSON for the VERI chunk"),
        text("notes", "Notes", "Text for the NOTE chunk"),
        glib::ParamSpecBoolean::builder("extensions")
            .nick("Extensions")
            .blurb("Exact times, caps, index and late tracks; without them the file is plain version 1")
            .default_value(true)
            .mutable_ready()
            .build(),
        number(
            "timestamp",
            (
                "Time stamp",
                "The file header's time stamp in milliseconds since 1970; 0, the default, says nothing and makes equal input give equal files",
            ),
            (0, 0),
        ),
        glib::ParamSpecUInt64::builder("latency")
            .nick("Latency")
            .blurb("Live input: time added to upstream's latency before a missing block is no longer waited for, in nanoseconds")
            .maximum(MOST_NS)
            .default_value(0)
            .mutable_playing()
            .build(),
    ]
}

impl Settings {
    pub(super) fn set(&mut self, value: &glib::Value, pspec: &glib::ParamSpec) {
        // The values have passed GObject's type and range checks already.
        let number = || value.get::<u64>().unwrap_or_default();
        let text = || value.get::<Option<String>>().unwrap_or_default();
        match pspec.name() {
            "group-duration" => self.group_duration_ns = number(),
            "index-interval" => self.index_interval_ns = number(),
            "meta" => self.meta = text(),
            "safety" => self.safety = text(),
            "verification" => self.verification = text(),
            "notes" => self.notes = text(),
            "extensions" => self.extensions = value.get().unwrap_or(true),
            "timestamp" => self.timestamp_ms = number(),
            "latency" => self.latency_ns = number(),
            _ => {}
        }
    }

    pub(super) fn get(&self, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "group-duration" => self.group_duration_ns.to_value(),
            "index-interval" => self.index_interval_ns.to_value(),
            "meta" => self.meta.to_value(),
            "safety" => self.safety.to_value(),
            "verification" => self.verification.to_value(),
            "notes" => self.notes.to_value(),
            "extensions" => self.extensions.to_value(),
            "timestamp" => self.timestamp_ms.to_value(),
            "latency" => self.latency_ns.to_value(),
            _ => pspec.default_value().clone(),
        }
    }

    pub(super) fn writer(&self) -> WriterOptions {
        WriterOptions {
            timestamp_ms: self.timestamp_ms,
            extensions: self.extensions,
            index_interval_ns: self.index_interval_ns,
            ..WriterOptions::default()
        }
    }
}
