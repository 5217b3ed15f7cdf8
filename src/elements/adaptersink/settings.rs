//! Properties of `adaptersink`.

use std::path::PathBuf;

use gst::glib;
use gst::glib::translate::{FromGlib, IntoGlib};
use gst::prelude::*;

use super::frames::Converter;
use crate::adapter::convert::Target;
use crate::adapter::{OutputMode, Overflow, chain, dsp};

/// Frames that wait for their conversion: enough that decoder and converter do not wait for each other.
const AHEAD_TO_CONVERT: u32 = 4;

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

/// Where phases of `adapter=dsp` count from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdapterSinkPhaseMode")]
#[repr(i32)]
pub enum Phases {
    /// The start of each block: odd bins cancel from block to block.
    #[default]
    #[enum_value(
        name = "From the start of each block: the same phase in each cancels odd bins",
        nick = "absolute"
    )]
    Absolute = 0,
    /// The start of the stream.
    #[enum_value(name = "From the start of the stream", nick = "advance")]
    Advance = 1,
}

/// What the frames of `adapter=dsp` are multiplied by.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdapterSinkSynthesisWindow")]
#[repr(i32)]
pub enum Window {
    /// The periodic Hann window.
    #[default]
    #[enum_value(name = "The periodic Hann window", nick = "hann")]
    Hann = 0,
    /// Nothing.
    #[enum_value(name = "None: the spectra have a window in them", nick = "none")]
    None = 1,
}

/// What raw pictures are converted to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdapterSinkFrameFormat")]
#[repr(i32)]
pub enum FrameFormat {
    /// They stay as they are.
    #[default]
    #[enum_value(name = "As they are", nick = "as-is")]
    AsIs = 0,
    /// Red, green, blue, rows padded to a multiple of 4 bytes.
    #[enum_value(
        name = "RGB, 8 bits each, rows padded to a multiple of 4 bytes",
        nick = "RGB"
    )]
    Rgb = 1,
    /// Red, green, blue, alpha.
    #[enum_value(name = "RGBA, 8 bits each", nick = "RGBA")]
    Rgba = 2,
}

/// What puts frames into textures.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstAdapterSinkUploader")]
#[repr(i32)]
pub enum Uploader {
    /// Nothing.
    #[default]
    #[enum_value(name = "None", nick = "none")]
    None = 0,
    /// Memory of the processor, which counts what was not given back.
    #[enum_value(name = "Copies in memory, which are counted", nick = "null")]
    Null = 1,
    /// OpenGL: textures of elements upstream.
    #[enum_value(name = "OpenGL: textures of elements upstream", nick = "gl")]
    Gl = 2,
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
    pub dsp: Sound,
    pub uploader: Uploader,
    pub frame_format: FrameFormat,
}

/// Properties of `adapter=dsp`.
#[derive(Debug, Clone)]
pub(super) struct Sound {
    fft_size: u32,
    phases: Phases,
    window: Window,
    sample_rate: u32,
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
            dsp: Sound {
                fft_size: 2_048,
                phases: Phases::Absolute,
                window: Window::Hann,
                sample_rate: 0,
            },
            uploader: Uploader::None,
            frame_format: FrameFormat::AsIs,
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
    all.extend(of_dsp());
    all.extend(of_frames());
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

/// Raw pictures.
fn of_frames() -> [glib::ParamSpec; 2] {
    [
        choice::<FrameFormat>(
            "frame-format",
            "Frame format",
            "What raw pictures are converted to, on a thread of its own",
        ),
        choice::<Uploader>("uploader", "Uploader", "What puts frames into textures"),
    ]
}

/// The adapter that is built in.
fn of_dsp() -> [glib::ParamSpec; 4] {
    let number = |name, nick, blurb, least, most, default| {
        glib::ParamSpecUInt::builder(name)
            .nick(nick)
            .blurb(blurb)
            .minimum(least)
            .maximum(most)
            .default_value(default)
            .mutable_ready()
            .build()
    };
    [
        number(
            "fft-size",
            "FFT size",
            "adapter=dsp: samples of a frame, an even number; frames are half of it apart",
            4,
            65_536,
            2_048,
        ),
        choice::<Phases>(
            "phase-mode",
            "Phase mode",
            "adapter=dsp: where phases count from",
        ),
        choice::<Window>(
            "synthesis-window",
            "Synthesis window",
            "adapter=dsp: what frames are multiplied by",
        ),
        number(
            "sample-rate",
            "Sample rate",
            "adapter=dsp: samples a second (0: what the caps say, or 48000)",
            0,
            768_000,
            0,
        ),
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
            "fft-size" => self.dsp.fft_size = value.get().unwrap_or(2_048),
            "phase-mode" => self.dsp.phases = value.get().unwrap_or_default(),
            "synthesis-window" => self.dsp.window = value.get().unwrap_or_default(),
            "sample-rate" => self.dsp.sample_rate = value.get().unwrap_or_default(),
            "uploader" => self.uploader = value.get().unwrap_or_default(),
            "frame-format" => self.frame_format = value.get().unwrap_or_default(),
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
            "fft-size" => self.dsp.fft_size.to_value(),
            "phase-mode" => self.dsp.phases.to_value(),
            "synthesis-window" => self.dsp.window.to_value(),
            "sample-rate" => self.dsp.sample_rate.to_value(),
            "uploader" => self.uploader.to_value(),
            "frame-format" => self.frame_format.to_value(),
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

    pub(super) fn dsp(&self) -> dsp::Options {
        dsp::Options {
            fft_size: self.dsp.fft_size as usize,
            phase_mode: match self.dsp.phases {
                Phases::Absolute => dsp::PhaseMode::Absolute,
                Phases::Advance => dsp::PhaseMode::Advance,
            },
            synthesis_window: match self.dsp.window {
                Window::Hann => dsp::SynthesisWindow::Hann,
                Window::None => dsp::SynthesisWindow::None,
            },
            sample_rate: self.dsp.sample_rate,
        }
    }

    /// Pictures are converted.
    pub(super) fn converts(&self) -> bool {
        self.frame_format != FrameFormat::AsIs
    }

    /// What converts pictures, if they are to be.
    pub(super) fn converter(&self) -> Option<Converter> {
        let target = match self.frame_format {
            FrameFormat::AsIs => return None,
            FrameFormat::Rgb => Target::Rgb,
            FrameFormat::Rgba => Target::Rgba,
        };
        // Those in the queue, that of the application and the one that is being made.
        Some(Converter::new(
            target,
            self.max_outputs.saturating_add(2) as usize,
        ))
    }

    /// How many blocks a thread of its own works on ahead; 0: there is none.
    pub(super) fn ahead(&self) -> u32 {
        match self.frame_format {
            FrameFormat::AsIs => self.prefetch,
            FrameFormat::Rgb | FrameFormat::Rgba => self.prefetch.max(AHEAD_TO_CONVERT),
        }
    }

    /// How many textures that nobody uses wait for frames: as many as wait in the queue come back at once.
    pub(super) const fn pooled(&self) -> usize {
        self.max_outputs as usize
    }

    pub(super) const fn overflow(&self) -> Overflow {
        match self.overflow {
            Full::Block => Overflow::Block,
            Full::DropOldest => Overflow::DropOldest,
            Full::DropNewest => Overflow::DropNewest,
        }
    }
}
