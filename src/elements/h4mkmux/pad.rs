//! A sink pad: what the user says of its track.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

/// The user's words for a track; `None` where there are none.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    pub name: Option<String>,
    pub kind: Option<String>,
    pub note: Option<String>,
}

#[derive(Debug, Default)]
pub struct H4mkMuxPad {
    words: Mutex<Words>,
}

impl H4mkMuxPad {
    fn words(&self) -> MutexGuard<'_, Words> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[glib::object_subclass]
impl ObjectSubclass for H4mkMuxPad {
    const NAME: &'static str = "GstH4mkMuxPad";
    type Type = super::H4mkMuxPad;
    type ParentType = gst::Pad;
}

impl ObjectImpl for H4mkMuxPad {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let text = |name, nick, blurb| {
                glib::ParamSpecString::builder(name)
                    .nick(nick)
                    .blurb(blurb)
                    .mutable_ready()
                    .build()
            };
            vec![
                text(
                    "track-name",
                    "Track name",
                    "The track's name in the file; the pad's name where it is not set",
                ),
                text(
                    "kind",
                    "Kind",
                    "The track's kind in the file; by pad template, else by caps, where it is not set: video, audio, subtitle or data",
                ),
                text("note", "Note", "A remark on the track"),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let text = value.get().unwrap_or_default();
        let mut words = self.words();
        match pspec.name() {
            "track-name" => words.name = text,
            "kind" => words.kind = text,
            "note" => words.note = text,
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let words = self.words();
        match pspec.name() {
            "track-name" => words.name.to_value(),
            "kind" => words.kind.to_value(),
            "note" => words.note.to_value(),
            _ => pspec.default_value().clone(),
        }
    }
}

impl GstObjectImpl for H4mkMuxPad {}
impl PadImpl for H4mkMuxPad {}

/// The user's words for the track of a pad.
pub(super) fn words(pad: &gst::Pad) -> Words {
    pad.downcast_ref::<super::H4mkMuxPad>()
        .map(|pad| pad.imp().words().clone())
        .unwrap_or_default()
}
