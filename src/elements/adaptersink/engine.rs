//! What decodes and publishes, on whatever thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use gst::glib;
use gst::prelude::*;

use super::AdapterSink;
use super::frames::Converter;
use super::imp::CAT;
use super::input::stream;
use super::payload::Sticky;
use super::publish::{Outbox, Publisher, Stop};
use super::ready::Ready;
use super::settings::OnError;
use super::textures::Textures;
use crate::adapter::chain::Drained;
use crate::adapter::{Block, Chain, Error, Published, Stats};

/// A step of the stream.
#[derive(Debug)]
pub(super) enum Order {
    /// Blocks of this kind follow.
    Stream { caps: gst::Caps, alone: bool },
    /// Times are those of this segment.
    Segment(Arc<gst::Segment>),
    /// Decode a block.
    Decode { block: Block, wanted: bool },
    /// Do not decode a block: it is late or not wanted, and no other needs it.
    Skip { block: Block, late: bool },
    /// The time of the block before has come.
    Settle { late: bool },
    /// The stream has ended.
    Drain,
    /// Another place of the stream follows.
    Reset,
}

/// Why the stream stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The queue is being flushed, or the element is paused; nothing is lost.
    Flushing,
    /// An error was posted.
    Failed,
}

/// What all results of a stream have beside their own.
struct Common {
    /// Its caps are those of the outputs, unless an output says otherwise.
    sticky: Arc<Sticky>,
    textures: Option<Textures>,
}

impl Common {
    /// Puts results into the outbox; gives what went wrong with some.
    fn add(&mut self, results: impl Iterator<Item = Published>, outbox: &mut Outbox) -> Vec<Error> {
        let mut errors = Vec::new();
        for result in results {
            match self.ready(result) {
                Ok(ready) => outbox.add(ready),
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    fn ready(&mut self, mut result: Published) -> Result<Box<Ready>, Error> {
        let mut texture = None;
        if let Some(textures) = &mut self.textures {
            let (output, held) = textures.upload(result.output, &self.sticky.caps)?;
            result.output = output;
            texture = Some(held);
        }
        // It changes hands often.
        Ok(Box::new(Ready {
            result,
            texture,
            sticky: self.sticky.clone(),
        }))
    }

    fn set(&mut self, caps: gst::Caps, segment: Option<Arc<gst::Segment>>) {
        self.sticky = Arc::new(Sticky { caps, segment });
    }
}

/// Adapter, chain and outbox.
pub(super) struct Engine {
    chain: Chain,
    outbox: Outbox,
    common: Common,
    on_error: OnError,
    pub(super) publisher: Arc<Publisher>,
    stats: Arc<Mutex<Stats>>,
    element: glib::WeakRef<AdapterSink>,
    has_stream: bool,
    converter: Option<Converter>,
}

impl Engine {
    pub(super) fn new(
        element: &AdapterSink,
        chain: Chain,
        on_error: OnError,
        publisher: Arc<Publisher>,
        stats: Arc<Mutex<Stats>>,
        textures: Option<Textures>,
        converter: Option<Converter>,
    ) -> Self {
        Self {
            chain,
            outbox: Outbox::default(),
            common: Common {
                sticky: Arc::new(Sticky {
                    caps: gst::Caps::new_any(),
                    segment: None,
                }),
                textures,
            },
            on_error,
            publisher,
            stats,
            element: element.downgrade(),
            has_stream: false,
            converter,
        }
    }

    /// Does a step. What comes out waits for [`Engine::publish`].
    pub(super) fn run(&mut self, order: Order) -> Result<(), Fault> {
        let is_in_time = matches!(order, Order::Settle { late: false });
        let done = match order {
            Order::Stream { caps, alone } => self.begin(caps, alone),
            Order::Segment(segment) => {
                let caps = self.common.sticky.caps.clone();
                self.common.set(caps, Some(segment));
                Ok(())
            }
            Order::Decode { block, wanted } => self.decode(block, wanted),
            Order::Skip { block, late } => {
                self.chain.skip(&block, late);
                Ok(())
            }
            Order::Settle { late } => self.settle(late),
            Order::Drain => self.drain(),
            Order::Reset => {
                self.chain.reset();
                self.outbox.clear();
                Ok(())
            }
        };
        // What settles in time counts nowhere.
        if !is_in_time {
            *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.chain.stats();
        }
        done
    }

    /// Publishes what there is; where it `waits` not, only what there is room for in the queue. Whoever has a reference to the
    /// element gives it.
    pub(super) fn publish(&mut self, waits: bool, sink: Option<&AdapterSink>) -> Result<(), Fault> {
        match self.publisher.publish(&mut self.outbox, waits, sink) {
            Ok(()) => Ok(()),
            Err(Stop::Flushing) => Err(Fault::Flushing),
            Err(Stop::Write(why)) => Err(self.write_failed(&why)),
        }
    }

    /// Publishes all that is left, and writes what is buffered of the file.
    ///
    /// # Errors
    /// [`Fault::Flushing`] where there is no room and it `waits` not, too.
    pub(super) fn finish(&mut self, waits: bool) -> Result<(), Fault> {
        self.publish(waits, None)?;
        if !self.outbox.is_empty() {
            return Err(Fault::Flushing);
        }
        match self.publisher.sync_file() {
            Err(Stop::Write(why)) => Err(self.write_failed(&why)),
            _ => Ok(()),
        }
    }

    /// Does something on a thread of this element's: that an adapter of the application panics is an error of the stream, as it is
    /// on the streaming thread.
    pub(super) fn guarded(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|cause| {
            let text = cause.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| cause.downcast_ref::<String>().cloned());
            let why = format!("it panicked: {}", text.unwrap_or_default());
            Err(self.failed(&Error::Adapter(why)))
        })
    }

    fn begin(&mut self, caps: gst::Caps, alone: bool) -> Result<(), Fault> {
        if std::mem::replace(&mut self.has_stream, true) {
            self.drain()?;
        }
        let converted = self.converter.as_mut().map(|c| c.begin(&caps)).transpose();
        let caps = converted
            .map_err(|error| self.failed(&error))?
            .unwrap_or(caps);
        let stream = stream(&caps);
        self.common.set(caps, self.common.sticky.segment.clone());
        self.chain
            .configure(&stream, alone)
            .map_err(|error| self.failed(&error))
    }

    fn decode(&mut self, mut block: Block, wanted: bool) -> Result<(), Fault> {
        if let Some(converter) = &self.converter
            && let Err(error) = converter.convert(&mut block)
        {
            self.chain.refuse(&block);
            return self.refused(&error);
        }
        let pushed = self.chain.push(&block, wanted);
        pushed.or_else(|error| self.refused(&error))
    }

    fn settle(&mut self, late: bool) -> Result<(), Fault> {
        let results = self.chain.settle(late);
        let errors = self.common.add(results, &mut self.outbox);
        errors.iter().try_for_each(|error| self.refused(error))
    }

    fn drain(&mut self) -> Result<(), Fault> {
        let Drained { outputs, error } = self.chain.drain();
        let errors = self.common.add(outputs.into_iter(), &mut self.outbox);
        let mut errors = errors.iter().chain(&error);
        errors.try_for_each(|error| self.refused(error))
    }

    /// The adapter has refused a block: a warning or an error, as the user wants it.
    fn refused(&self, error: &Error) -> Result<(), Fault> {
        if self.on_error == OnError::Fail || !error.is_of_block() {
            return Err(self.failed(error));
        }
        if let Some(element) = self.element.upgrade() {
            gst::warning!(CAT, obj = element, "sink: {error}");
            gst::element_warning!(element, gst::StreamError::Decode, ["sink: {error}"]);
        }
        Ok(())
    }

    fn failed(&self, error: &Error) -> Fault {
        if let Some(element) = self.element.upgrade() {
            match error {
                Error::Stream(_) => {
                    gst::element_error!(element, gst::StreamError::WrongType, ["sink: {error}"]);
                }
                Error::Texture(_) => {
                    gst::element_error!(element, gst::ResourceError::Failed, ["uploader: {error}"]);
                }
                Error::Adapter(_) | Error::Unknown { .. } => {
                    gst::element_error!(element, gst::LibraryError::Failed, ["adapter: {error}"]);
                }
                _ => gst::element_error!(element, gst::StreamError::Decode, ["sink: {error}"]),
            }
        }
        Fault::Failed
    }

    fn write_failed(&self, why: &str) -> Fault {
        if let Some(element) = self.element.upgrade() {
            gst::element_error!(element, gst::ResourceError::Write, ["location: {why}"]);
        }
        Fault::Failed
    }
}
