//! Virtual functions of `h4mkdemux`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::push::Opening;
use super::reader::Reader;
use super::settings::{Settings, properties};
use super::state::State;
use super::table::Tables;
use crate::meta::H4MK_CAPS;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "h4mkdemux",
        gst::DebugColorFlags::empty(),
        Some("H4MK demuxer"),
    )
});

pub struct H4mkDemux {
    pub(super) sinkpad: gst::Pad,
    settings: Mutex<Settings>,
    /// Locked before `state`, and never while something is pushed.
    reader: Mutex<Option<Reader>>,
    state: Mutex<State>,
    pub(super) opening: Mutex<Opening>,
    /// Held while the file is walked for it; locked before `reader` and `state`.
    tables: Mutex<Option<Arc<Tables>>>,
    /// How many want the streaming thread to stop: seeks on their way, and the end of PAUSED. It comes out of its
    /// wait at the end of a growing file for them.
    pub(super) interrupted: Mutex<usize>,
    pub(super) wake: Condvar,
    /// The same, for the streaming thread to look at between blocks.
    pub(super) stopping: AtomicBool,
}

impl H4mkDemux {
    pub(super) fn settings(&self) -> Settings {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reader(&self) -> MutexGuard<'_, Option<Reader>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn opening(&self) -> MutexGuard<'_, Opening> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tables(&self) -> MutexGuard<'_, Option<Arc<Tables>>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the streaming thread stop before its next block, until [`H4mkDemux::resume`] is called as often.
    pub(super) fn interrupt(&self) {
        self.set_interrupted(|count| count.saturating_add(1));
    }

    pub(super) fn resume(&self) {
        self.set_interrupted(|count| count.saturating_sub(1));
    }

    fn set_interrupted(&self, change: impl FnOnce(usize) -> usize) {
        let mut count = self
            .interrupted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *count = change(*count);
        self.stopping.store(*count > 0, Ordering::Release);
        self.wake.notify_all();
    }

    /// Back to how the element was made: no pads, nothing read.
    fn reset(&self) {
        *self.reader() = None;
        *self.opening() = Opening::default();
        *self.tables() = None;
        let old = std::mem::take(&mut *self.state());
        for stream in old.streams {
            // The pad is going away: what it answers changes nothing.
            let _ = stream.pad.set_active(false);
            let _ = self.obj().remove_pad(&*stream.pad);
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for H4mkDemux {
    const NAME: &'static str = "GstH4mkDemux";
    type Type = super::H4mkDemux;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let sinkpad = match class.pad_template("sink") {
            Some(template) => gst::Pad::builder_from_template(&template),
            None => gst::Pad::builder(gst::PadDirection::Sink).name("sink"),
        }
        .activate_function(|pad, parent| {
            Self::catch_panic_pad_function(
                parent,
                || Err(gst::loggable_error!(CAT, "panic while activating")),
                |demux| demux.activate(pad),
            )
        })
        .activatemode_function(|pad, parent, mode, active| {
            Self::catch_panic_pad_function(
                parent,
                || Err(gst::loggable_error!(CAT, "panic while activating")),
                |demux| demux.activate_mode(pad, mode, active),
            )
        })
        .chain_function(|_, parent, buffer| {
            Self::catch_panic_pad_function(
                parent,
                || Err(gst::FlowError::Error),
                |demux| demux.chain(buffer),
            )
        })
        .event_function(|pad, parent, event| {
            Self::catch_panic_pad_function(parent, || false, |demux| demux.sink_event(pad, event))
        })
        .build();
        Self {
            sinkpad,
            settings: Mutex::default(),
            reader: Mutex::default(),
            state: Mutex::default(),
            opening: Mutex::default(),
            tables: Mutex::default(),
            interrupted: Mutex::default(),
            wake: Condvar::new(),
            stopping: AtomicBool::new(false),
        }
    }
}

impl ObjectImpl for H4mkDemux {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);
        PROPERTIES.as_ref()
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| {
            vec![
                glib::subclass::Signal::builder("decode-chain")
                    .param_types([u32::static_type(), u64::static_type()])
                    .return_type::<Option<gst::Structure>>()
                    .action()
                    .class_handler(|args| {
                        let demux = args.first()?.get::<super::H4mkDemux>().ok()?;
                        let track = args.get(1)?.get().ok()?;
                        let time = args.get(2)?.get().ok()?;
                        Some(demux.imp().decode_chain(track, time).to_value())
                    })
                    .build(),
            ]
        });
        SIGNALS.as_ref()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        settings.set(value, pspec);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "expose" => self.settings().expose.to_value(),
            "strict" => self.settings().strict.to_value(),
            "follow" => self.settings().follow.to_value(),
            "tracks" => self.tracks_structure().to_value(),
            _ => self.index_structure().to_value(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        // A fresh element has no pad of that name yet.
        let _ = self.obj().add_pad(&self.sinkpad);
    }
}

impl GstObjectImpl for H4mkDemux {}

impl ElementImpl for H4mkDemux {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "H4MK demuxer",
                "Codec/Demuxer",
                "Plays, seeks and recovers H4MK files",
                "The gst-plugin-harmony authors",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            use gst::{PadDirection, PadPresence, PadTemplate};
            let sink = gst::Caps::new_empty_simple(H4MK_CAPS);
            let any = gst::Caps::new_any();
            let sources = ["video_%u", "audio_%u", "subtitle_%u", "src_%u"]
                .map(|name| (name, PadDirection::Src, PadPresence::Sometimes, &any));
            [("sink", PadDirection::Sink, PadPresence::Always, &sink)]
                .into_iter()
                .chain(sources)
                .filter_map(|(name, direction, presence, caps)| {
                    PadTemplate::new(name, direction, presence, caps).ok()
                })
                .collect()
        });
        TEMPLATES.as_ref()
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::ReadyToPaused {
            // Nothing else is reset: a seek sent in READY waits for the tracks.
            self.set_interrupted(|_| 0);
        }
        if transition == gst::StateChange::PausedToReady {
            self.interrupt();
        }
        let success = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToReady {
            self.reset();
        }
        Ok(success)
    }

    fn send_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Seek(_) => self.seek_event(event),
            _ => self.parent_send_event(event),
        }
    }
}
