//! A sink pad: what the user says of its track.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

/// The user's wishes for a track.
#[derive(Debug, Clone, Default)]
pub(super) struct TrackSettings {
    /// Ticks a second; 0 for what fits the caps.
    pub timescale: u32,
    /// BCP 47; `None` for what the tags say.
    pub language: Option<String>,
}

#[derive(Debug, Default)]
pub struct Fmp4RemuxPad {
    settings: Mutex<TrackSettings>,
}

impl Fmp4RemuxPad {
    fn settings(&self) -> MutexGuard<'_, TrackSettings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Fmp4RemuxPad {
    const NAME: &'static str = "GstFmp4RemuxPad";
    type Type = super::Fmp4RemuxPad;
    type ParentType = gst::Pad;
}

impl ObjectImpl for Fmp4RemuxPad {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            vec![
                glib::ParamSpecUInt::builder("trak-timescale")
                    .nick("Track timescale")
                    .blurb("Ticks a second of the track; 0 for what fits the caps")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("language")
                    .nick("Language")
                    .blurb("Language of the track (BCP 47 or ISO 639); what the tags say where it is not set")
                    .mutable_ready()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = self.settings();
        match pspec.name() {
            "trak-timescale" => settings.timescale = value.get().unwrap_or_default(),
            "language" => settings.language = value.get().unwrap_or_default(),
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = self.settings();
        match pspec.name() {
            "trak-timescale" => settings.timescale.to_value(),
            "language" => settings.language.to_value(),
            _ => pspec.default_value().clone(),
        }
    }
}

impl GstObjectImpl for Fmp4RemuxPad {}
impl PadImpl for Fmp4RemuxPad {}

/// The user's wishes for the track of a pad.
pub(super) fn settings(pad: &gst::Pad) -> TrackSettings {
    pad.downcast_ref::<super::Fmp4RemuxPad>()
        .map(|pad| pad.imp().settings().clone())
        .unwrap_or_default()
}
