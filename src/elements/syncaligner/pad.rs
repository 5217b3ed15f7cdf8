//! A sink pad: what the user says of its stream, and what is known of it.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::SyncAligner;
use super::analysis::Known;

/// What a stream is measured by.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstSyncAlignerKind")]
#[repr(i32)]
pub enum PadKind {
    /// By its caps.
    #[default]
    #[enum_value(name = "By its caps", nick = "auto")]
    Auto = 0,
    /// Correlation of sound.
    #[enum_value(name = "Audio: sound is correlated", nick = "audio")]
    Audio = 1,
    /// Flashes in pictures.
    #[enum_value(name = "Video: flashes", nick = "video")]
    Video = 2,
    /// Steps and onsets of numbers.
    #[enum_value(name = "Sensor: steps and onsets of numbers", nick = "sensor")]
    Sensor = 3,
    /// Every buffer, or every onset of sound, is an event.
    #[enum_value(
        name = "Events: every buffer, or every onset of sound, is one",
        nick = "events"
    )]
    Events = 4,
}

/// How audio is put right.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstSyncAlignerAudioCorrection")]
#[repr(i32)]
pub enum AudioCorrection {
    /// By new samples at the nominal rate.
    #[default]
    #[enum_value(name = "Samples are resampled along the map", nick = "resample")]
    Resample = 0,
    /// By timestamps.
    #[enum_value(
        name = "Samples stay as they are, timestamps are rewritten",
        nick = "timestamp"
    )]
    Timestamp = 1,
}

/// How far the measurement of a stream has come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstSyncAlignerState")]
#[repr(i32)]
pub enum PadState {
    /// Nothing agrees yet; the stream passes as it is.
    #[default]
    #[enum_value(name = "Unlocked", nick = "unlocked")]
    Unlocked = 0,
    /// A map is applied that awaits its proof.
    #[enum_value(name = "Provisional", nick = "provisional")]
    Provisional = 1,
    /// The map is proven.
    #[enum_value(name = "Locked", nick = "locked")]
    Locked = 2,
    /// More than one map fits.
    #[enum_value(name = "Ambiguous", nick = "ambiguous")]
    Ambiguous = 3,
    /// The others are measured against this stream.
    #[enum_value(name = "Reference", nick = "reference")]
    Reference = 4,
}

/// The user's words for a stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    pub kind: PadKind,
    /// The name of the sink pad whose map is taken.
    pub follow: Option<String>,
    /// Added to the measured offset, in nanoseconds.
    pub calibration_ns: i64,
    /// How long a row of a picture is exposed, in nanoseconds; `None` where nobody says.
    pub exposure_ns: Option<u64>,
    /// Time from the first row to the last, in nanoseconds; `None` where nobody says.
    pub readout_ns: Option<u64>,
    pub audio_correction: AudioCorrection,
}

#[derive(Debug, Default)]
pub struct SyncAlignerPad {
    words: Mutex<Words>,
}

impl SyncAlignerPad {
    pub(super) fn words(&self) -> MutexGuard<'_, Words> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the stream now, and where it is on its own line, in seconds.
    fn known(&self) -> (Known, f64) {
        let parent = self.obj().parent().and_downcast::<SyncAligner>();
        parent
            .map(|element| element.imp().known(self.obj().upcast_ref()))
            .unwrap_or_default()
    }
}

fn declared(name: &'static str, nick: &'static str, blurb: &'static str) -> glib::ParamSpec {
    glib::ParamSpecUInt64::builder(name)
        .nick(nick)
        .blurb(blurb)
        .maximum(1_000_000_000)
        .mutable_ready()
        .build()
}

fn said() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecEnum::builder::<PadKind>("kind")
            .nick("Kind")
            .blurb("What the stream is measured by")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("follow")
            .nick("Follow")
            .blurb("The sink pad whose map this stream takes, in place of being measured")
            .mutable_playing()
            .build(),
        glib::ParamSpecInt64::builder("calibration")
            .nick("Calibration")
            .blurb("Added to the measured offset, in nanoseconds")
            .minimum(-10_000_000_000)
            .maximum(10_000_000_000)
            .mutable_playing()
            .build(),
        declared(
            "exposure",
            "Exposure",
            "How long a row of a picture is exposed, in nanoseconds; 0: not known",
        ),
        declared(
            "readout-time",
            "Readout time",
            "Time from the first row of a picture to the last, in nanoseconds; 0: not known, or a global shutter",
        ),
        glib::ParamSpecEnum::builder::<AudioCorrection>("audio-correction")
            .nick("Audio correction")
            .blurb("How audio is put right")
            .mutable_ready()
            .build(),
    ]
}

fn measured() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecInt64::builder("offset")
            .nick("Offset")
            .blurb("What is added to the stream's running times at its current position, in nanoseconds")
            .read_only()
            .build(),
        glib::ParamSpecDouble::builder("drift-ppm")
            .nick("Drift")
            .blurb("How much faster the reference's time passes than the stream's, in parts per million")
            .read_only()
            .build(),
        glib::ParamSpecUInt64::builder("uncertainty-ns")
            .nick("Uncertainty")
            .blurb("The accuracy that is claimed for the offset, in nanoseconds; the largest number while nothing is known")
            .default_value(u64::MAX)
            .read_only()
            .build(),
        glib::ParamSpecDouble::builder("quality")
            .nick("Quality")
            .blurb("Quality of the measurement, from 0 to 1")
            .minimum(0.0)
            .maximum(1.0)
            .read_only()
            .build(),
        glib::ParamSpecEnum::builder::<PadState>("state")
            .nick("State")
            .blurb("How far the measurement has come")
            .read_only()
            .build(),
    ]
}

#[glib::object_subclass]
impl ObjectSubclass for SyncAlignerPad {
    const NAME: &'static str = "GstSyncAlignerPad";
    type Type = super::SyncAlignerPad;
    type ParentType = gst::Pad;
}

impl ObjectImpl for SyncAlignerPad {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> =
            LazyLock::new(|| said().into_iter().chain(measured()).collect());
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        // The values have passed GObject's type and range checks already.
        let declared = || value.get::<u64>().ok().filter(|ns| *ns > 0);
        let mut words = self.words();
        match pspec.name() {
            "kind" => words.kind = value.get().unwrap_or_default(),
            "follow" => words.follow = value.get().unwrap_or_default(),
            "calibration" => words.calibration_ns = value.get().unwrap_or_default(),
            "exposure" => words.exposure_ns = declared(),
            "readout-time" => words.readout_ns = declared(),
            "audio-correction" => words.audio_correction = value.get().unwrap_or_default(),
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "offset" => {
                let (known, at) = self.known();
                ((known.map.shift(at) * 1e9).round() as i64).to_value()
            }
            "drift-ppm" => self.known().0.map.ppm().to_value(),
            // Infinity saturates.
            "uncertainty-ns" => ((self.known().0.uncertainty * 1e9).round() as u64).to_value(),
            "quality" => self.known().0.quality().to_value(),
            "state" => self.known().0.state.to_value(),
            _ => self.said(pspec),
        }
    }
}

impl SyncAlignerPad {
    fn said(&self, pspec: &glib::ParamSpec) -> glib::Value {
        let words = self.words();
        match pspec.name() {
            "kind" => words.kind.to_value(),
            "follow" => words.follow.to_value(),
            "calibration" => words.calibration_ns.to_value(),
            "exposure" => words.exposure_ns.unwrap_or_default().to_value(),
            "readout-time" => words.readout_ns.unwrap_or_default().to_value(),
            "audio-correction" => words.audio_correction.to_value(),
            _ => pspec.default_value().clone(),
        }
    }
}

impl GstObjectImpl for SyncAlignerPad {}
impl PadImpl for SyncAlignerPad {}
