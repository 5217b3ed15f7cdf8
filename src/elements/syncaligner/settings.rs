//! Properties of `syncaligner`.

use gst::glib;
use gst::prelude::*;

use crate::sync;

/// Times are computed with in signed nanoseconds.
const MOST_NS: u64 = i64::MAX.unsigned_abs();

/// What is done with what is measured.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstSyncAlignerMode")]
#[repr(i32)]
pub enum Mode {
    /// Streams are put onto the reference's line.
    #[default]
    #[enum_value(
        name = "Align: streams are put onto the reference's time line",
        nick = "align"
    )]
    Align = 0,
    /// Streams pass as they are.
    #[enum_value(
        name = "Measure: streams pass bit-exact and are only measured",
        nick = "measure"
    )]
    Measure = 1,
}

/// What flows in place of a live stream that is lost.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstSyncAlignerOnLoss")]
#[repr(i32)]
pub enum OnLoss {
    /// The last frame, or silence.
    #[default]
    #[enum_value(name = "The last frame is repeated, audio is silent", nick = "hold")]
    Hold = 0,
    /// GAP events.
    #[enum_value(name = "GAP events", nick = "gap")]
    Gap = 1,
    /// Nothing.
    #[enum_value(name = "Nothing until the stream returns", nick = "drop")]
    Drop = 2,
}

/// When streams that are not live are looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstSyncAlignerAnalysis")]
#[repr(i32)]
pub enum AnalysisMode {
    /// While they pass.
    #[default]
    #[enum_value(name = "Streams are measured while they pass", nick = "continuous")]
    Continuous = 0,
    /// Before they pass.
    #[enum_value(
        name = "Streams that are not live are held until they are first locked, up to the window",
        nick = "prescan"
    )]
    Prescan = 1,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The name of the reference's sink pad.
    pub reference_pad: Option<String>,
    pub latency_ns: u64,
    pub window_ns: u64,
    pub max_offset_ns: u64,
    pub max_drift_ppm: f64,
    pub mode: Mode,
    pub on_loss: OnLoss,
    pub min_quality: f64,
    pub max_delay_ns: u64,
    pub analysis: AnalysisMode,
}

impl Default for Settings {
    fn default() -> Self {
        let sync::Settings {
            window,
            max_offset,
            max_drift,
            min_quality,
        } = sync::Settings::default();
        Self {
            reference_pad: None,
            latency_ns: 60_000_000,
            window_ns: nanoseconds(window),
            max_offset_ns: nanoseconds(max_offset),
            max_drift_ppm: max_drift * 1e6,
            mode: Mode::default(),
            on_loss: OnLoss::default(),
            min_quality,
            max_delay_ns: 500_000_000,
            analysis: AnalysisMode::default(),
        }
    }
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// A time that is set before the streams begin.
fn time(
    name: &'static str,
    nick: &'static str,
    blurb: &'static str,
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

/// A time that can be set while streams flow.
fn playing_time(
    name: &'static str,
    nick: &'static str,
    blurb: &'static str,
    default: u64,
) -> glib::ParamSpec {
    glib::ParamSpecUInt64::builder(name)
        .nick(nick)
        .blurb(blurb)
        .maximum(MOST_NS)
        .default_value(default)
        .mutable_playing()
        .build()
}

pub(super) fn properties() -> Vec<glib::ParamSpec> {
    let defaults = Settings::default();
    let mut properties = numbers(&defaults);
    properties.extend([
        glib::ParamSpecString::builder("reference-pad")
            .nick("Reference pad")
            .blurb("The sink pad on whose time line the others are put; where it is not set, the first audio pad with data, else the first video pad")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<Mode>("mode")
            .nick("Mode")
            .blurb("What is done with what is measured")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<OnLoss>("on-loss")
            .nick("On loss")
            .blurb("What flows in place of a live stream that is lost")
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder::<AnalysisMode>("analysis")
            .nick("Analysis")
            .blurb("When streams that are not live are measured")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("A structure for each sink pad: in, out, dropped, duplicated, gap, latencies, residuals, times of lock and recovery, buffered bytes")
            .read_only()
            .build(),
    ]);
    properties
}

fn numbers(defaults: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        playing_time(
            "latency",
            "Latency",
            "Live input: by how much a stream may be too late and still be put right without delaying the others, in nanoseconds",
            defaults.latency_ns,
        ),
        time(
            "window",
            "Window",
            "Length of the markers that are compared, in nanoseconds; streams that are not live keep this close together",
            (1_000_000_000, defaults.window_ns),
        ),
        time(
            "max-offset",
            "Largest offset",
            "Largest offset that is looked for, to either side, in nanoseconds",
            (1_000_000, defaults.max_offset_ns),
        ),
        glib::ParamSpecDouble::builder("max-drift")
            .nick("Largest drift")
            .blurb("Largest drift that is looked for, to either side, in parts per million")
            .minimum(0.0)
            .maximum(10_000.0)
            .default_value(defaults.max_drift_ppm)
            .mutable_ready()
            .build(),
        glib::ParamSpecDouble::builder("min-quality")
            .nick("Least quality")
            .blurb("A measurement of less quality than this has no vote")
            .minimum(0.0)
            .maximum(1.0)
            .default_value(defaults.min_quality)
            .mutable_ready()
            .build(),
        playing_time(
            "max-delay",
            "Largest delay",
            "Live input: longest time for which media are held, in nanoseconds; what is older is dropped",
            defaults.max_delay_ns,
        ),
    ]
}

impl Settings {
    pub(super) fn set(&mut self, value: &glib::Value, pspec: &glib::ParamSpec) {
        // The values have passed GObject's type and range checks already.
        let number = || value.get::<u64>().unwrap_or_default();
        let ratio = || value.get::<f64>().unwrap_or_default();
        match pspec.name() {
            "reference-pad" => self.reference_pad = value.get().unwrap_or_default(),
            "latency" => self.latency_ns = number(),
            "window" => self.window_ns = number(),
            "max-offset" => self.max_offset_ns = number(),
            "max-drift" => self.max_drift_ppm = ratio(),
            "mode" => self.mode = value.get().unwrap_or_default(),
            "on-loss" => self.on_loss = value.get().unwrap_or_default(),
            "min-quality" => self.min_quality = ratio(),
            "max-delay" => self.max_delay_ns = number(),
            "analysis" => self.analysis = value.get().unwrap_or_default(),
            _ => {}
        }
    }

    pub(super) fn get(&self, pspec: &glib::ParamSpec) -> Option<glib::Value> {
        Some(match pspec.name() {
            "reference-pad" => self.reference_pad.to_value(),
            "latency" => self.latency_ns.to_value(),
            "window" => self.window_ns.to_value(),
            "max-offset" => self.max_offset_ns.to_value(),
            "max-drift" => self.max_drift_ppm.to_value(),
            "mode" => self.mode.to_value(),
            "on-loss" => self.on_loss.to_value(),
            "min-quality" => self.min_quality.to_value(),
            "max-delay" => self.max_delay_ns.to_value(),
            "analysis" => self.analysis.to_value(),
            _ => return None,
        })
    }

    /// What the core is asked to do.
    pub(super) fn measurement(&self) -> sync::Settings {
        sync::Settings {
            window: self.window_ns as f64 * 1e-9,
            max_offset: self.max_offset_ns as f64 * 1e-9,
            max_drift: self.max_drift_ppm * 1e-6,
            min_quality: self.min_quality,
        }
    }
}
