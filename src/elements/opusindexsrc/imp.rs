//! Virtual functions of `opusindexsrc`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_src::CreateSuccess;
use gst_base::subclass::prelude::*;

use super::session::Session;
use super::settings::{Settings, properties};
use super::uri::{PROTOCOL, Place};
use crate::opus_store::OpusStore;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "opusindexsrc",
        gst::DebugColorFlags::empty(),
        Some("Opus store source"),
    )
});

#[derive(Default)]
pub struct OpusIndexSrc {
    settings: Mutex<Settings>,
    /// The open store, for queries from any thread.
    open: Mutex<Option<Arc<OpusStore>>>,
    /// Held while packets are read, never while something is pushed or waited for.
    session: Mutex<Option<Session>>,
    /// The streaming thread shall not wait.
    interrupted: Mutex<bool>,
    pub(super) wake: Condvar,
    /// A seek came before the start: it says what is played, not the properties.
    sought: AtomicBool,
    last_seek: Mutex<Option<gst::Seqnum>>,
}

/// A lock whose data are sound whatever a thread that held it did.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OpusIndexSrc {
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(super) fn session(&self) -> MutexGuard<'_, Option<Session>> {
        lock(&self.session)
    }

    pub(super) fn open(&self) -> Option<Arc<OpusStore>> {
        lock(&self.open).clone()
    }

    pub(super) fn last_seek(&self) -> Option<gst::Seqnum> {
        *lock(&self.last_seek)
    }

    /// Keeps a seek that the base class carries out, or will when it starts.
    pub(super) fn keep_seek(&self, seqnum: gst::Seqnum, placed: bool) {
        *lock(&self.last_seek) = Some(seqnum);
        if placed && self.open().is_none() {
            self.sought.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn interrupted(&self) -> MutexGuard<'_, bool> {
        lock(&self.interrupted)
    }

    fn set_interrupted(&self, interrupted: bool) {
        *lock(&self.interrupted) = interrupted;
        self.wake.notify_all();
    }
}

#[glib::object_subclass]
impl ObjectSubclass for OpusIndexSrc {
    const NAME: &'static str = "GstOpusIndexSrc";
    type Type = super::OpusIndexSrc;
    type ParentType = gst_base::BaseSrc;
    type Interfaces = (gst::URIHandler,);
}

impl ObjectImpl for OpusIndexSrc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);
        PROPERTIES.as_ref()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(value, pspec);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            _ => self.settings().get(pspec),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        obj.set_format(gst::Format::Time);
        // Where a range ends is known here: the base class would end at the first stop of a list.
        obj.set_automatic_eos(false);
    }
}

impl GstObjectImpl for OpusIndexSrc {}

impl ElementImpl for OpusIndexSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Opus store source",
                "Source/File",
                "Reads any range of samples from a store of Opus packets",
                "The gst-plugin-harmony authors",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst::Caps::new_empty_simple("audio/x-opus");
            let (direction, presence) = (gst::PadDirection::Src, gst::PadPresence::Always);
            gst::PadTemplate::new("src", direction, presence, &caps)
                .into_iter()
                .collect()
        });
        TEMPLATES.as_ref()
    }

    fn send_event(&self, event: gst::Event) -> bool {
        if event.type_() != gst::EventType::Seek {
            return self.parent_send_event(event);
        }
        self.run_seek(&event, |event| self.parent_send_event(event))
    }
}

impl BaseSrcImpl for OpusIndexSrc {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let (store, session) = self.open_store()?;
        *lock(&self.open) = Some(store);
        *self.session() = Some(session);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.session() = None;
        *lock(&self.open) = None;
        *lock(&self.last_seek) = None;
        self.sought.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn negotiate(&self) -> Result<(), gst::LoggableError> {
        // Each range sets its own caps as it begins.
        Ok(())
    }

    fn do_seek(&self, segment: &mut gst::Segment) -> bool {
        let mut session = self.session();
        let (Some(session), Some(segment)) =
            (session.as_mut(), segment.downcast_mut::<gst::ClockTime>())
        else {
            return false;
        };
        // The base class starts with a seek of its own.
        let first = !session.is_placed();
        if first && !self.sought.load(Ordering::Relaxed) {
            session.play_wanted(segment);
        } else {
            session.play_segment(segment);
        }
        true
    }

    fn create(
        &self,
        _offset: u64,
        _buffer: Option<&mut gst::BufferRef>,
        _length: u32,
    ) -> Result<CreateSuccess, gst::FlowError> {
        self.next_buffer().map(CreateSuccess::NewBuffer)
    }

    fn event(&self, event: &gst::Event) -> bool {
        if event.type_() != gst::EventType::Seek {
            return self.parent_event(event);
        }
        self.run_seek(event, |event| self.parent_event(&event))
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        self.answer(query)
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        self.set_interrupted(true);
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        self.set_interrupted(false);
        Ok(())
    }
}

impl URIHandlerImpl for OpusIndexSrc {
    const URI_TYPE: gst::URIType = gst::URIType::Src;

    fn protocols() -> &'static [&'static str] {
        &[PROTOCOL]
    }

    fn uri(&self) -> Option<String> {
        Some(self.settings().place()?.uri())
    }

    fn set_uri(&self, uri: &str) -> Result<(), glib::Error> {
        let place = Place::parse(uri)
            .map_err(|why| glib::Error::new(gst::URIError::BadUri, &format!("{uri}: {why}")))?;
        if self.open().is_some() {
            let why = "the URI can't change while the store is open";
            return Err(glib::Error::new(gst::URIError::BadState, why));
        }
        lock(&self.settings).set_place(place);
        Ok(())
    }
}
