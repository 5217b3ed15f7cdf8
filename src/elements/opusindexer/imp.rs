//! Virtual functions of `opusindexer`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::indexer::{Fault, Indexer};
use super::settings::{Settings, properties};
use crate::opus_store::{StoreError, Summary};

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "opusindexer",
        gst::DebugColorFlags::empty(),
        Some("Opus indexer"),
    )
});

/// What is wrong when buffers are not packets.
const ONE_A_BUFFER: &str = "Packets must come one a buffer: raw concatenated Opus has no packet lengths and can't be \
                            parsed (RFC 6716, 3)";

pub struct OpusIndexer {
    sinkpad: gst::Pad,
    srcpad: gst::Pad,
    settings: Mutex<Settings>,
    indexer: Mutex<Option<Indexer>>,
    /// An error ended the stream before its end: what is in the store is not all of it.
    failed: AtomicBool,
}

impl OpusIndexer {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn indexer(&self) -> MutexGuard<'_, Option<Indexer>> {
        self.indexer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the store of the element's location.
    fn start(&self) -> Result<(), gst::StateChangeError> {
        self.failed.store(false, Ordering::Release);
        let settings = self.settings().clone();
        if settings.location.is_none() {
            gst::element_imp_error!(
                self,
                gst::ResourceError::NotFound,
                ["location is not set: it names the folder that becomes the store"]
            );
            return Err(gst::StateChangeError);
        }
        match Indexer::create(settings) {
            Ok(indexer) => *self.indexer() = Some(indexer),
            Err(error) => {
                self.fail(Fault::Store(error));
                return Err(gst::StateChangeError);
            }
        }
        Ok(())
    }

    /// What came without EOS stays readable, in a store that is not complete.
    fn stop(&self) {
        let indexer = self.indexer().take();
        if let Some(mut indexer) = indexer
            && let Err(error) = indexer.commit()
        {
            gst::warning!(
                CAT,
                imp = self,
                "the last packets are not committed: {error}"
            );
        }
    }

    /// Says what is wrong. What was recorded stays readable; an EOS that follows an error does not make it whole.
    fn fail(&self, fault: Fault) {
        self.failed.store(true, Ordering::Release);
        self.stop();
        match fault {
            Fault::Stream(why) => {
                gst::element_imp_error!(self, gst::StreamError::Format, ["sink: {why}"]);
            }
            Fault::Store(error @ StoreError::Packet { .. }) => {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::Format,
                    ["sink: {error}. {ONE_A_BUFFER}"]
                );
            }
            Fault::Store(error @ (StoreError::Head(_) | StoreError::Decoder(_))) => {
                gst::element_imp_error!(self, gst::StreamError::Format, ["sink: {error}"]);
            }
            Fault::Store(error @ StoreError::Decode { .. }) => {
                gst::element_imp_error!(self, gst::StreamError::Decode, ["sink: {error}"]);
            }
            Fault::Store(error @ (StoreError::Exists { .. } | StoreError::NotAStore { .. })) => {
                gst::element_imp_error!(self, gst::ResourceError::OpenWrite, ["location: {error}"]);
            }
            Fault::Store(error) => {
                gst::element_imp_error!(self, gst::ResourceError::Write, ["location: {error}"]);
            }
        }
    }

    fn chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.record(&buffer)?;
        self.pushed(self.srcpad.push(buffer))
    }

    fn chain_list(&self, list: gst::BufferList) -> Result<gst::FlowSuccess, gst::FlowError> {
        list.iter().try_for_each(|buffer| self.record(buffer))?;
        self.pushed(self.srcpad.push_list(list))
    }

    /// Notes that downstream has failed: upstream ends the stream for it.
    fn pushed(
        &self,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        if !matches!(
            flow,
            Ok(_) | Err(gst::FlowError::Eos | gst::FlowError::Flushing)
        ) {
            self.failed.store(true, Ordering::Release);
        }
        flow
    }

    fn record(&self, buffer: &gst::BufferRef) -> Result<(), gst::FlowError> {
        let recorded = match self.indexer().as_mut() {
            Some(indexer) => indexer.buffer(buffer),
            None if self.failed.load(Ordering::Acquire) => return Err(gst::FlowError::Error),
            None => return Err(gst::FlowError::Flushing),
        };
        match recorded {
            Ok(None) => Ok(()),
            Ok(Some(warning)) => {
                gst::element_imp_warning!(self, gst::StreamError::Format, ["sink: {warning}"]);
                Ok(())
            }
            Err(fault) => {
                self.fail(fault);
                Err(gst::FlowError::Error)
            }
        }
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        // After an error the end that comes is not the stream's: what was committed then is all.
        let failed = self.failed.load(Ordering::Acquire);
        let seen = match self.indexer().as_mut() {
            Some(indexer) if !failed => see(indexer, &event),
            _ => Ok(None),
        };
        match seen {
            Ok(None) => {}
            Ok(Some(summary)) => self.tell(summary, event.seqnum()),
            Err(fault) => {
                self.fail(fault);
                // The end has to come out, or the pipeline waits for it.
                if event.type_() != gst::EventType::Eos {
                    return false;
                }
            }
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    /// Posts what the store has in the end.
    fn tell(&self, totals: Summary, seqnum: gst::Seqnum) {
        if totals.ignored_clips > 0 {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Format,
                [
                    "sink: {} packets in the midst of the stream were to be clipped, which the index has no place for: \
                     they count whole",
                    totals.ignored_clips
                ]
            );
        }
        let location = self.settings().location.clone().unwrap_or_default();
        let structure = gst::Structure::builder("opusindexer")
            .field("location", location.to_string_lossy().as_ref())
            .field("links", totals.links)
            .field("packets", totals.packets)
            .field("samples", totals.samples)
            .field("gaps", totals.gaps)
            .build();
        let message = gst::message::Element::builder(structure)
            .src(&*self.obj())
            .seqnum(seqnum)
            .build();
        // Nobody listens when the element has no bus.
        let _ = self.obj().post_message(message);
    }
}

/// Shows an event to the indexer; the totals at the end of the stream.
fn see(indexer: &mut Indexer, event: &gst::Event) -> Result<Option<Summary>, Fault> {
    match event.view() {
        gst::EventView::StreamStart(start) => indexer.stream_start(start.stream_id())?,
        gst::EventView::Caps(caps) => indexer.caps(caps.caps())?,
        gst::EventView::Segment(segment) => indexer.segment(segment.segment()),
        gst::EventView::Gap(gap) => {
            let (pts, duration) = gap.get();
            indexer.gap(pts, duration)?;
        }
        gst::EventView::FlushStop(_) => indexer.flushed(),
        gst::EventView::Eos(_) => return Ok(Some(indexer.finish()?)),
        _ => {}
    }
    Ok(None)
}

#[glib::object_subclass]
impl ObjectSubclass for OpusIndexer {
    const NAME: &'static str = "GstOpusIndexer";
    type Type = super::OpusIndexer;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let flags = gst::PadFlags::PROXY_CAPS
            | gst::PadFlags::PROXY_ALLOCATION
            | gst::PadFlags::PROXY_SCHEDULING;
        let builder = |name| match class.pad_template(name) {
            Some(template) => gst::Pad::builder_from_template(&template),
            // A class without its templates can't be registered.
            None => gst::Pad::builder(gst::PadDirection::Unknown),
        };
        let sinkpad = builder("sink")
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |element| element.chain(buffer),
                )
            })
            .chain_list_function(|_, parent, list| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |element| element.chain_list(list),
                )
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(
                    parent,
                    || false,
                    |element| element.sink_event(pad, event),
                )
            })
            .flags(flags)
            .build();
        Self {
            sinkpad,
            srcpad: builder("src").flags(flags).build(),
            settings: Mutex::default(),
            indexer: Mutex::default(),
            failed: AtomicBool::default(),
        }
    }
}

impl ObjectImpl for OpusIndexer {
    fn constructed(&self) {
        self.parent_constructed();
        let element = self.obj();
        for pad in [&self.sinkpad, &self.srcpad] {
            // Nobody else has added pads to a new element.
            let _ = element.add_pad(pad);
        }
    }

    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.settings().set(value, pspec);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if let Some(value) = self.settings().get(pspec) {
            return value;
        }
        let totals = self.indexer().as_ref().map(Indexer::totals);
        let totals = totals.unwrap_or_default();
        gst::Structure::builder("stats")
            .field("links", totals.links)
            .field("packets", totals.packets)
            .field("samples", totals.samples)
            .field("gaps", totals.gaps)
            .field("committed-packets", totals.committed_packets)
            .build()
            .to_value()
    }
}

impl GstObjectImpl for OpusIndexer {}

impl ElementImpl for OpusIndexer {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Opus indexer",
                "Analyzer/Audio",
                "Writes the Opus packets that pass, and an index of their samples, to a Zarr store",
                "The gst-plugin-harmony authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst::Caps::new_empty_simple("audio/x-opus");
            [
                ("sink", gst::PadDirection::Sink),
                ("src", gst::PadDirection::Src),
            ]
            .into_iter()
            .filter_map(|(name, direction)| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
            })
            .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::ReadyToPaused {
            self.start()?;
        }
        let changed = self.parent_change_state(transition);
        let failed = transition == gst::StateChange::ReadyToPaused && changed.is_err();
        if failed || transition == gst::StateChange::PausedToReady {
            self.stop();
        }
        changed
    }
}
