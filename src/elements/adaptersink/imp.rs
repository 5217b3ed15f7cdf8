//! Virtual functions of `adaptersink`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use super::gl::OpenGl;
use super::publish::Publisher;
use super::runner::Task;
use super::settings::{Settings, properties};
use super::state::State;
use super::times::Times;
use super::{AdapterSink, pad, signals, vfuncs};
use crate::adapter::{Overflow, Queue, Stats, TextureUploader, Textures};
use crate::meta;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "adaptersink",
        gst::DebugColorFlags::empty(),
        Some("Adapter sink"),
    )
});

pub struct AdapterSinkImp {
    settings: Mutex<Settings>,
    pub(super) state: Mutex<State>,
    pub(super) times: Times,
    pub(super) publisher: Arc<Publisher>,
    pub(super) stats: Arc<Mutex<Stats>>,
    /// Orders of the thread that decodes ahead.
    pub(super) tasks: Arc<Queue<Task>>,
    /// There is such a thread.
    pub(super) is_threaded: AtomicBool,
    /// Textures of what the application put in place of the property `uploader`.
    given: Mutex<Option<Arc<Textures>>>,
    /// The textures of the stream, and of the last one when it is over: some may still be in use.
    pool: Mutex<Option<Arc<Textures>>>,
    /// What elements upstream are told of OpenGL.
    pub(super) gl: Arc<OpenGl>,
    /// The element was told to pause, and not to play since.
    pub(super) is_paused: AtomicBool,
    /// What waits is to be thrown away: a flush, or the end.
    pub(super) is_abandoned: AtomicBool,
}

impl AdapterSinkImp {
    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn given(&self) -> MutexGuard<'_, Option<Arc<Textures>>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_uploader(&self, uploader: Box<dyn TextureUploader>) {
        let pooled = self.settings().pooled();
        *self.given() = Some(Arc::new(Textures::new(uploader, pooled)));
    }

    pub(super) fn pool(&self) -> MutexGuard<'_, Option<Arc<Textures>>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that waits gives up.
    fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Release);
        self.publisher.queue.flush();
        self.tasks.flush();
    }

    fn stats_structure(&self) -> gst::Structure {
        let stats = *self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = stats.dropped + self.publisher.dropped.load(Ordering::Relaxed);
        let rendered = self.publisher.rendered.load(Ordering::Relaxed);
        let mut structure = self.obj().upcast_ref::<gst_base::BaseSink>().stats();
        structure.set("received", stats.received);
        structure.set("i", stats.i);
        structure.set("p", stats.p);
        structure.set("b", stats.b);
        structure.set("decoded", stats.decoded);
        structure.set("rendered", rendered);
        structure.set("dropped", dropped);
        structure.set("late", stats.late);
        structure.set("lost", stats.lost);
        structure.set("corrupt", stats.corrupt);
        structure.set("queue-level", self.publisher.queue.len() as u64);
        let textures = self.pool().as_ref().map_or(0, |pool| pool.in_flight());
        structure.set("textures", textures as u64);
        structure.set("mean-decode-time", stats.mean_decode_ns());
        structure
    }
}

#[glib::object_subclass]
impl ObjectSubclass for AdapterSinkImp {
    const NAME: &'static str = "GstAdapterSink";
    type Type = AdapterSink;
    type ParentType = gst_base::BaseSink;

    fn class_init(class: &mut Self::Class) {
        vfuncs::install(class);
    }

    fn new() -> Self {
        meta::register();
        Self {
            settings: Mutex::default(),
            state: Mutex::default(),
            times: Times::default(),
            publisher: Arc::new(Publisher::new()),
            stats: Arc::default(),
            tasks: Arc::new(Queue::new(1, Overflow::Block)),
            is_threaded: AtomicBool::new(false),
            given: Mutex::default(),
            pool: Mutex::default(),
            gl: Arc::default(),
            is_paused: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
        }
    }
}

impl ObjectImpl for AdapterSinkImp {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);
        &PROPERTIES
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(signals::all);
        &SIGNALS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = self.settings();
        settings.set(value, pspec);
        self.publisher.limit(&settings);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats_structure().to_value(),
            "eos" => self.publisher.queue.is_at_end().to_value(),
            _ => {
                let value = self.settings().get(pspec);
                value.unwrap_or_else(|| pspec.default_value().clone())
            }
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        self.publisher.of(&obj);
        obj.set_sync(false);
        // Without a clock there is nothing to tell of, and telling costs as much as the rest.
        obj.connect_sync_notify(|sink| sink.set_qos(sink.is_sync()));
        // Samples that are kept beside the queue's would not be bounded by it.
        obj.set_enable_last_sample(false);
        pad::install(&obj);
    }
}

impl GstObjectImpl for AdapterSinkImp {}

impl ElementImpl for AdapterSinkImp {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Adapter sink",
                "Sink/Generic",
                "Hands blocks and frames to a model, a texture or the application",
                "The gst-plugin-harmony authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let sink = gst::PadTemplate::new(
                "sink",
                gst::PadDirection::Sink,
                gst::PadPresence::Always,
                &gst::Caps::new_any(),
            );
            sink.into_iter().collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            // The base class starts and stops between NULL and READY alone; in READY an earlier stream may have been given up.
            gst::StateChange::ReadyToPaused => {
                self.is_paused.store(false, Ordering::Release);
                self.flushed();
            }
            gst::StateChange::PausedToReady => self.abandon(),
            gst::StateChange::PlayingToPaused => self.is_paused.store(true, Ordering::Release),
            gst::StateChange::PausedToPlaying => self.is_paused.store(false, Ordering::Release),
            _ => {}
        }
        self.parent_change_state(transition)
    }

    fn set_context(&self, context: &gst::Context) {
        self.gl.set(&*self.obj(), context);
        self.parent_set_context(context);
    }
}

impl BaseSinkImpl for AdapterSinkImp {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings().clone();
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = Stats::default();
        self.is_abandoned.store(false, Ordering::Release);
        self.begin(&settings)
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.state() = State::default();
        let closed = self.publisher.close();
        let pool = self.pool().clone();
        if let Some(pool) = pool {
            pool.clear();
        }
        self.gl.forget();
        closed.map_err(|why| gst::error_msg!(gst::ResourceError::Write, ["location: {why}"]))
    }

    fn caps(&self, filter: Option<&gst::Caps>) -> Option<gst::Caps> {
        Some(super::caps::offered(filter))
    }

    fn set_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        gst::debug!(CAT, imp = self, "Stream of {caps}");
        self.begin_stream(caps)
    }

    fn propose_allocation(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        // Frames that are handed out as they are have the rows that their caps say; converting reads any.
        if self.settings().converts() {
            query.add_allocation_meta::<gst_video::VideoMeta>(None);
        }
        OpenGl::propose(query);
        self.parent_propose_allocation(query)
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Context(query) = query.view_mut()
            && self.gl.answer(&*self.obj(), query)
        {
            return true;
        }
        BaseSinkImplExt::parent_query(self, query)
    }

    fn event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Segment(segment) => self.segment(segment.segment()),
            gst::EventView::FlushStart(_) => self.abandon(),
            gst::EventView::FlushStop(_) => self.flushed(),
            gst::EventView::Eos(_) if !self.end(&event) => return false,
            _ => {}
        }
        self.parent_event(event)
    }

    fn render(&self, _buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.publish()
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        self.tasks.flush();
        // The thread that decodes ahead may wait for room while the element is paused; nobody else waits for it then.
        if !self.is_threaded.load(Ordering::Acquire) {
            self.publisher.queue.flush();
        }
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        self.tasks.resume();
        if !self.is_abandoned.load(Ordering::Acquire) {
            self.publisher.queue.resume();
        }
        Ok(())
    }
}
