//! Properties of `adaptersink`.

use std::path::PathBuf;

use gst::glib;
use gst::glib::translate::{FromGlib, IntoGlib};
use gst::prelude::*;

use crate::adapter::{OutputMode, Overflow, chain};

/// When results are made.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdapterSinkOutputMode")]
#[repr(i32)]
pub enum Mode {
    /// At the next key block, and at the end.
    #[default]
    #[enum_value(
        name = "Of each group, at the next key block and at the end",
        nick = "gop"
    )]
    Gop = 0,
    /// At each block, in order of PTS.
    #[enum_value(name = "Of each block, in order of PTS", nick = "block")]
    Block = 1,
    /// Once, at the end.
    #[enum_value(name = "One of the whole stream, at its end", nick = "eos")]
    Eos = 2,
}

/// What a full queue does.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdapterSinkOverflow")]
#[repr(i32)]
pub enum Full {
    /// The stream waits.
    #[default]
    #[enum_value(name = "The stream waits until an output is pulled", nick = "block")]
    Block = 0,
    /// The oldest output makes room.
    #[enum_value(name = "The oldest output makes room", nick = "drop-oldest")]
    DropOldest = 1,
    /// The new output is left out.
    #[enum_value(name = "The new output is left out", nick = "drop-newest")]
    DropNewest = 2,
}

/// What a block does that the adapter refuses.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdapterSinkOnError")]
#[repr(i32)]
pub enum OnError {
    /// It is left out with a warning.
    #[default]
    #[enum_value(
        name = "A warning; it is left out, and what builds on it",
        nick = "skip"
    )]
    Skip = 0,
    /// The stream ends with an error.
    #[enum_value(name = "The stream ends with an error", nick = "fail")]
    Fail = 1,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub adapter: String,
    pub mode: Mode,
    pub max_outputs: u32,
    pub overflow: Full,
    pub post_messages: bool,
    pub location: Option<PathBuf>,
    pub prefetch: u32,
    pub on_error: OnError,
    pub late_threshold: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            adapter: "null".to_owned(),
            mode: Mode::Gop,
            max_outputs: 16,
            overflow: Full::Block,
            post_messages: false,
            location: None,
            prefetch: 0,
            on_error: OnError::Skip,
            late_threshold: 20_000_000,
        }
    }
}

/// A property that is one of a list, fixed while the element works.
fn choice<T>(name: &'static str, nick: &'static str, blurb: &'static str) -> glib::ParamSpec
where
    T: StaticType + FromGlib<i32> + IntoGlib<GlibType = i32> + Default,
{
    glib::ParamSpecEnum::builder_with_default::<T>(name, T::default())
        .nick(nick)
        .blurb(blurb)
        .mutable_ready()
        .build()
}

/// A text, fixed while the element works.
fn text(
    name: &'static str,
    nick: &'static str,
    blurb: &'static str,
    default: Option<&str>,
) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .default_value(default)
        .mutable_ready()
        .build()
}

pub(super) fn properties() -> Vec<glib::ParamSpec> {
    let mut all = vec![
        text(
            "adapter",
            "Adapter",
            "Name of the adapter: null, dsp, signals or one that the application has registered",
            Some("null"),
        ),
        choice::<Mode>("output-mode", "Output mode", "When results are made"),
        choice::<OnError>(
            "on-error",
            "On error",
            "What a block does that the adapter refuses",
        ),
    ];
    all.extend(of_outputs());
    all.extend(of_time());
    all
}

/// Where outputs go.
fn of_outputs() -> [glib::ParamSpec; 5] {
    [
        glib::ParamSpecUInt::builder("max-outputs")
            .nick("Maximum outputs")
            .blurb("How many outputs wait to be pulled")
            .minimum(1)
            .maximum(65_536)
            .default_value(Settings::default().max_outputs)
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder::<Full>("overflow")
            .nick("Overflow")
            .blurb("What happens when so many outputs wait")
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("post-messages")
            .nick("Post messages")
            .blurb("Post an element message for each output")
            .mutable_ready()
            .build(),
        text(
            "location",
            "Location",
            "File that the outputs' bytes are written to, one after the other",
            None,
        ),
        glib::ParamSpecBoolean::builder("eos")
            .nick("EOS")
            .blurb("The stream has ended and every output is pulled, or there is no stream")
            .default_value(true)
            .read_only()
            .build(),
    ]
}

/// When blocks are decoded, and what is told of it.
fn of_time() -> [glib::ParamSpec; 3] {
    [
        glib::ParamSpecUInt::builder("prefetch")
            .nick("Prefetch")
            .blurb("How many blocks a thread of its own decodes ahead (0: the streaming thread decodes)")
            .maximum(1_024)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt64::builder("late-threshold")
            .nick("Late threshold")
            .blurb("With sync=true: nanoseconds behind its time from which a block is late (the maximum: never)")
            .default_value(Settings::default().late_threshold)
            .mutable_playing()
            .build(),
        glib::ParamSpecOverride::for_class::<gst_base::BaseSink>("stats"),
    ]
}

impl Settings {
    pub(super) fn set(&mut self, value: &glib::Value, pspec: &glib::ParamSpec) {
        // The values have passed GObject's type check already.
        match pspec.name() {
            "adapter" => {
                self.adapter = value
                    .get::<Option<String>>()
                    .ok()
                    .flatten()
                    .unwrap_or_default()
            }
            "output-mode" => self.mode = value.get().unwrap_or_default(),
            "max-outputs" => self.max_outputs = value.get().unwrap_or(16),
            "overflow" => self.overflow = value.get().unwrap_or_default(),
            "post-messages" => self.post_messages = value.get().unwrap_or_default(),
            "location" => self.location = value.get::<Option<PathBuf>>().unwrap_or_default(),
            "prefetch" => self.prefetch = value.get().unwrap_or_default(),
            "on-error" => self.on_error = value.get().unwrap_or_default(),
            "late-threshold" => self.late_threshold = value.get().unwrap_or(u64::MAX),
            _ => {}
        }
    }

    pub(super) fn get(&self, pspec: &glib::ParamSpec) -> Option<glib::Value> {
        Some(match pspec.name() {
            "adapter" => self.adapter.to_value(),
            "output-mode" => self.mode.to_value(),
            "max-outputs" => self.max_outputs.to_value(),
            "overflow" => self.overflow.to_value(),
            "post-messages" => self.post_messages.to_value(),
            "location" => self.location.to_value(),
            "prefetch" => self.prefetch.to_value(),
            "on-error" => self.on_error.to_value(),
            "late-threshold" => self.late_threshold.to_value(),
            _ => return None,
        })
    }

    pub(super) fn chain(&self) -> chain::Options {
        chain::Options {
            mode: match self.mode {
                Mode::Gop => OutputMode::Gop,
                Mode::Block => OutputMode::Block,
                Mode::Eos => OutputMode::Eos,
            },
            alone: false,
            describe: self.post_messages,
        }
    }

    pub(super) const fn overflow(&self) -> Overflow {
        match self.overflow {
            Full::Block => Overflow::Block,
            Full::DropOldest => Overflow::DropOldest,
            Full::DropNewest => Overflow::DropNewest,
        }
    }
}
