//! Properties of `h4mkdemux`.

use gst::glib;
use gst::prelude::*;

/// What the source pads carry.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstH4mkDemuxExpose")]
#[repr(i32)]
pub enum Expose {
    /// The recorded caps; blocks where a file has none.
    #[default]
    #[enum_value(name = "The recorded caps, for playback", nick = "streams")]
    Streams = 0,
    /// `application/x-h4mk-block` with kind, number and block meta.
    #[enum_value(name = "Opaque blocks, for models and applications", nick = "blocks")]
    Blocks = 1,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Settings {
    pub expose: Expose,
    pub strict: bool,
    pub follow: bool,
}

pub(super) fn properties() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecEnum::builder::<Expose>("expose")
            .nick("Expose")
            .blurb("What the source pads carry: the recorded caps, or opaque blocks")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("strict")
            .nick("Strict")
            .blurb("A file that is cut or unfinished is an error, instead of playing what is whole")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("follow")
            .nick("Follow")
            .blurb("At the end of a file that is still being written, wait for more of it")
            .mutable_playing()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("tracks")
            .nick("Tracks")
            .blurb("The tracks in force: one structure a track, named track-ID, with its description")
            .read_only()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("index")
            .nick("Index")
            .blurb(
                "The seek entries: for each track an array track-ID of (time in ns, byte offset) pairs, flattened",
            )
            .read_only()
            .build(),
    ]
}

impl Settings {
    pub(super) fn set(&mut self, value: &glib::Value, pspec: &glib::ParamSpec) {
        // The values have passed GObject's type check already.
        match pspec.name() {
            "expose" => self.expose = value.get().unwrap_or_default(),
            "strict" => self.strict = value.get().unwrap_or_default(),
            "follow" => self.follow = value.get().unwrap_or_default(),
            _ => {}
        }
    }
}
