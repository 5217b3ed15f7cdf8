//! What decodes and publishes, on whatever thread.

use std::sync::{Arc, Mutex, PoisonError};

use gst::glib;
use gst::prelude::*;

use super::AdapterSink;
use super::frames::Converter;
use super::imp::CAT;
use super::input::stream;
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
    Segment(gst::Segment),
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

/// Adapter, chain and outbox.
pub(super) struct Engine {
    chain: Chain,
    outbox: Outbox,
    /// Those of the outputs, unless an output says otherwise.
    caps: gst::Caps,
    segment: Option<gst::Segment>,
    on_error: OnError,
    publisher: Arc<Publisher>,
    stats: Arc<Mutex<Stats>>,
    element: glib::WeakRef<AdapterSink>,
    has_stream: bool,
    textures: Option<Textures>,
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
            caps: gst::Caps::new_any(),
            segment: None,
            on_error,
            publisher,
            stats,
            element: element.downgrade(),
            has_stream: false,
            textures,
            converter,
        }
    }

    /// Does a step. What comes out waits for [`Engine::publish`].
    pub(super) fn run(&mut self, order: Order) -> Result<(), Fault> {
        let done = match order {
            Order::Stream { caps, alone } => self.begin(caps, alone),
            Order::Segment(segment) => {
                self.segment = Some(segment);
                Ok(())
            }
            Order::Decode { block, wanted } => self.decode(block, wanted),
            Order::Skip { block, late } => {
                self.chain.skip(&block, late);
                Ok(())
            }
            Order::Settle { late } => {
                let results = self.chain.settle(late);
                self.add(results)
            }
            Order::Drain => self.drain(),
            Order::Reset => {
                self.chain.reset();
                self.outbox.clear();
                Ok(())
            }
        };
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.chain.stats();
        done
    }

    /// Publishes what there is, waiting for room in the queue where it has to.
    pub(super) fn publish(&mut self) -> Result<(), Fault> {
        match self.publisher.publish(&mut self.outbox) {
            Ok(()) => Ok(()),
            Err(Stop::Flushing) => Err(Fault::Flushing),
            Err(Stop::Write(why)) => Err(self.write_failed(&why)),
        }
    }

    /// Publishes what there is room for.
    pub(super) fn publish_without_waiting(&mut self) -> Result<(), Fault> {
        if self.publisher.would_wait() {
            return Ok(());
        }
        self.publish()
    }

    fn begin(&mut self, caps: gst::Caps, alone: bool) -> Result<(), Fault> {
        if std::mem::replace(&mut self.has_stream, true) {
            self.drain()?;
        }
        let converted = self.converter.as_mut().map(|c| c.begin(&caps)).transpose();
        self.caps = converted
            .map_err(|error| self.failed(&error))?
            .unwrap_or(caps);
        self.chain
            .configure(&stream(&self.caps), alone)
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

    fn drain(&mut self) -> Result<(), Fault> {
        let Drained { outputs, error } = self.chain.drain();
        self.add(outputs)?;
        error.map_or(Ok(()), |error| self.refused(&error))
    }

    fn add(&mut self, results: Vec<Published>) -> Result<(), Fault> {
        for mut result in results {
            let texture = match &mut self.textures {
                Some(textures) => match textures.upload(result.output, &self.caps) {
                    Ok((output, texture)) => {
                        result.output = output;
                        Some(texture)
                    }
                    Err(error) => {
                        self.refused(&error)?;
                        continue;
                    }
                },
                None => None,
            };
            self.outbox.add(Ready {
                result,
                texture,
                segment: self.segment.clone(),
                caps: self.caps.clone(),
            });
        }
        Ok(())
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

    /// What was written reaches the file.
    pub(super) fn sync_file(&self) -> Result<(), Fault> {
        match self.publisher.sync_file() {
            Err(Stop::Write(why)) => Err(self.write_failed(&why)),
            _ => Ok(()),
        }
    }
}
