//! Properties of `opusindexer`.

use std::path::PathBuf;
use std::time::Duration;

use gst::glib;
use gst::prelude::*;

use crate::opus_store::{Compression, Options, ZarrFormat};

/// How the index is compressed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstOpusIndexerCompression")]
#[repr(i32)]
pub enum IndexCompression {
    /// Readers fetch any row alone.
    #[default]
    #[enum_value(name = "Not compressed: readers fetch any row alone", nick = "none")]
    None = 0,
    /// Smaller; readers fetch 10 000 rows at once.
    #[enum_value(name = "Zstandard: smaller, readers fetch whole chunks", nick = "zstd")]
    Zstd = 1,
}

/// What a packet does that breaks the rules of Opus.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstOpusIndexerOnError")]
#[repr(i32)]
pub enum OnError {
    /// It ends the stream with an error.
    #[default]
    #[enum_value(name = "The stream ends with an error", nick = "error")]
    Error = 0,
    /// It is passed on and recorded as a gap.
    #[enum_value(
        name = "A warning; it is passed on and recorded as a gap",
        nick = "skip"
    )]
    Skip = 1,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub location: Option<PathBuf>,
    pub overwrite: bool,
    pub zarr_format: u32,
    pub index_compression: IndexCompression,
    pub pcm_hash: bool,
    pub fsync: bool,
    pub commit_interval_ns: u64,
    pub pre_skip: i64,
    pub on_error: OnError,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            location: None,
            overwrite: false,
            zarr_format: 3,
            index_compression: IndexCompression::None,
            pcm_hash: false,
            fsync: false,
            commit_interval_ns: 5_000_000_000,
            pre_skip: -1,
            on_error: OnError::Error,
        }
    }
}

fn flag(name: &'static str, nick: &'static str, blurb: &'static str) -> glib::ParamSpec {
    glib::ParamSpecBoolean::builder(name)
        .nick(nick)
        .blurb(blurb)
        .mutable_ready()
        .build()
}

pub(super) fn properties() -> Vec<glib::ParamSpec> {
    let defaults = Settings::default();
    vec![
        glib::ParamSpecString::builder("location")
            .nick("Location")
            .blurb("The folder that becomes the store")
            .mutable_ready()
            .build(),
        flag("overwrite", "Overwrite", "Replace a store that is there already; nothing else is ever replaced"),
        glib::ParamSpecUInt::builder("zarr-format")
            .nick("Zarr format")
            .blurb("Version of the Zarr format")
            .minimum(2)
            .maximum(3)
            .default_value(defaults.zarr_format)
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<IndexCompression>("index-compression")
            .nick("Index compression")
            .blurb("How the index is compressed")
            .mutable_ready()
            .build(),
        flag("pcm-hash", "PCM hash", "Decode each packet and keep a hash of its samples, by which readers certify what they decode"),
        flag("fsync", "Fsync", "Wait at each commit until the storage has it, so that it outlives a loss of power"),
        glib::ParamSpecUInt64::builder("commit-interval")
            .nick("Commit interval")
            .blurb("Nanoseconds after which readers see what came, looked at every 8 packets; 0 to commit each packet")
            .default_value(defaults.commit_interval_ns)
            .mutable_ready()
            .build(),
        glib::ParamSpecInt64::builder("pre-skip")
            .nick("Pre-skip")
            .blurb("Samples at 48 kHz to skip at the start (-1: what the stream says)")
            .minimum(-1)
            .maximum(i64::from(u32::MAX))
            .default_value(defaults.pre_skip)
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<OnError>("on-error")
            .nick("On error")
            .blurb("What a packet does that breaks the rules of Opus")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("links, packets, samples and gaps so far, and how many packets are committed in the current link")
            .read_only()
            .build(),
    ]
}

impl Settings {
    pub(super) fn set(&mut self, value: &glib::Value, pspec: &glib::ParamSpec) {
        // The values have passed GObject's type check already.
        match pspec.name() {
            "location" => {
                let location = value.get::<Option<PathBuf>>().unwrap_or_default();
                self.location = location;
            }
            "overwrite" => self.overwrite = value.get().unwrap_or_default(),
            "zarr-format" => self.zarr_format = value.get().unwrap_or(3),
            "index-compression" => self.index_compression = value.get().unwrap_or_default(),
            "pcm-hash" => self.pcm_hash = value.get().unwrap_or_default(),
            "fsync" => self.fsync = value.get().unwrap_or_default(),
            "commit-interval" => self.commit_interval_ns = value.get().unwrap_or_default(),
            "pre-skip" => self.pre_skip = value.get().unwrap_or(-1),
            "on-error" => self.on_error = value.get().unwrap_or_default(),
            _ => {}
        }
    }

    pub(super) fn get(&self, pspec: &glib::ParamSpec) -> Option<glib::Value> {
        Some(match pspec.name() {
            "location" => self.location.to_value(),
            "overwrite" => self.overwrite.to_value(),
            "zarr-format" => self.zarr_format.to_value(),
            "index-compression" => self.index_compression.to_value(),
            "pcm-hash" => self.pcm_hash.to_value(),
            "fsync" => self.fsync.to_value(),
            "commit-interval" => self.commit_interval_ns.to_value(),
            "pre-skip" => self.pre_skip.to_value(),
            "on-error" => self.on_error.to_value(),
            _ => return None,
        })
    }

    /// What the store's writer wants to know.
    pub(super) fn options(&self) -> Options {
        Options {
            overwrite: self.overwrite,
            format: match self.zarr_format {
                2 => ZarrFormat::V2,
                _ => ZarrFormat::V3,
            },
            index_compression: match self.index_compression {
                IndexCompression::None => Compression::None,
                IndexCompression::Zstd => Compression::Zstd,
            },
            pcm_hash: self.pcm_hash,
            fsync: self.fsync,
        }
    }

    pub(super) const fn commit_interval(&self) -> Duration {
        Duration::from_nanos(self.commit_interval_ns)
    }
}
