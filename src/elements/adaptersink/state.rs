//! What happens to blocks on the streaming thread: decoding before their time, publishing when it has come.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::engine::{Engine, Fault, Order};
use super::gl;
use super::imp::{AdapterSinkImp, CAT};
use super::input::{Input, is_wanted};
use super::runner::{Runner, Worker};
use super::settings::{Settings, Uploader};
use super::signals;
use super::textures::Textures;
use super::vfuncs;
use crate::adapter::{self, AnyAdapter, Chain, Dsp, NullUploader};

/// The stream as the streaming thread sees it.
#[derive(Default)]
pub(super) struct State {
    pub(super) input: Option<Input>,
    pub(super) runner: Option<Runner>,
    segment: Option<Arc<gst::Segment>>,
    /// The block that came last is decoded, and its time has not come.
    is_due: bool,
}

impl AdapterSinkImp {
    /// Makes adapter and chain for a stream.
    pub(super) fn begin(&self, settings: &Settings) -> Result<(), gst::ErrorMessage> {
        let obj = self.obj();
        let adapter = self.adapter(settings)?;
        self.publisher.open(settings)?;
        let chain = Chain::new(adapter, settings.chain());
        let engine = Engine::new(
            &obj,
            chain,
            settings.on_error,
            self.publisher.clone(),
            self.stats.clone(),
            self.textures(settings)?,
            settings.converter(),
        );
        let ahead = settings.ahead();
        self.is_threaded.store(ahead > 0, Ordering::Release);
        let runner = if ahead > 0 {
            let worker = Worker::new(engine, ahead, self.tasks.clone());
            Runner::There(worker.map_err(|error| {
                gst::error_msg!(gst::ResourceError::Failed, ["prefetch: {error}"])
            })?)
        } else {
            Runner::Here(Box::new(engine))
        };
        let mut state = self.state();
        *state = State::default();
        state.runner = Some(runner);
        Ok(())
    }

    /// The pool of textures, if frames are to go into some.
    fn textures(&self, settings: &Settings) -> Result<Option<Textures>, gst::ErrorMessage> {
        let given = self.given().clone();
        let new = |uploader| {
            Some(Arc::new(adapter::Textures::new(
                uploader,
                settings.pooled(),
            )))
        };
        let pool = match settings.uploader {
            _ if given.is_some() => given,
            Uploader::None => None,
            Uploader::Null => new(Box::new(NullUploader::new())),
            Uploader::Gl => {
                let uploader = gl::uploader(&self.gl);
                new(uploader.map_err(|why| {
                    gst::error_msg!(gst::LibraryError::Settings, ["uploader: {why}"])
                })?)
            }
        };
        self.pool().clone_from(&pool);
        Ok(pool.map(Textures::new))
    }

    fn adapter(&self, settings: &Settings) -> Result<Box<dyn AnyAdapter>, gst::ErrorMessage> {
        let made = match settings.adapter.as_str() {
            "signals" => signals::adapter(&self.obj()),
            "dsp" => Dsp::new(settings.dsp()).map(|dsp| Box::new(dsp) as Box<dyn AnyAdapter>),
            name => adapter::create(name),
        };
        made.map_err(|error| gst::error_msg!(gst::LibraryError::Settings, ["{error}"]))
    }

    /// A stream of these caps follows.
    pub(super) fn begin_stream(&self, caps: &gst::CapsRef) -> Result<(), gst::LoggableError> {
        let mut state = self.state();
        let received = state.input.as_ref().map_or(0, Input::received);
        let input = Input::new(caps, state.segment.clone(), received)
            .map_err(|why| gst::loggable_error!(CAT, "{why}"))?;
        let order = Order::Stream {
            caps: input.caps().clone(),
            alone: input.is_alone(),
        };
        state.input = Some(input);
        // What is left of the stream before comes out.
        let begun = state.order(order).and_then(|()| match &mut state.runner {
            Some(runner) => runner.peek(&self.obj()),
            None => Ok(()),
        });
        begun.map_err(|_| gst::loggable_error!(CAT, "the adapter refused {caps}"))
    }

    pub(super) fn segment(&self, segment: &gst::Segment) {
        let mut state = self.state();
        let segment = Arc::new(segment.clone());
        state.segment = Some(segment.clone());
        if let Some(input) = &mut state.input {
            input.set_segment(Some(segment.clone()));
        }
        // A fault was told, and comes again with the next block.
        let _ = state.order(Order::Segment(segment));
    }

    /// A flush is over: what was before it is forgotten.
    pub(super) fn flushed(&self) {
        let mut state = self.state();
        state.is_due = false;
        state.segment = None;
        if let Some(input) = &mut state.input {
            input.reset();
        }
        if let Some(runner) = &mut state.runner {
            runner.reset();
        }
        self.publisher.queue.clear();
        self.is_abandoned.store(false, Ordering::Release);
        self.publisher.queue.resume();
    }

    /// The stream has ended with this event: what is left comes out. False when that is not wanted any more.
    pub(super) fn end(&self, event: &gst::Event) -> bool {
        let mut state = self.state();
        let drained = state.order(Order::Drain);
        let Some(runner) = &mut state.runner else {
            return true;
        };
        // The base class holds its lock here, as in `render`.
        let finished = drained.and_then(|()| {
            loop {
                let done = runner.finish(!self.is_paused.load(Ordering::Acquire));
                let ends =
                    done != Err(Fault::Flushing) || self.is_abandoned.load(Ordering::Acquire);
                if ends || self.preroll_with(event).is_err() {
                    return done;
                }
            }
        });
        // After an error the end has to come out too, or the pipeline waits for it.
        let comes_out = finished != Err(Fault::Flushing);
        if comes_out {
            self.publisher.queue.end();
        }
        comes_out
    }

    /// A block has come. True when it is decoded and the base class waits for its time; one outside the segment is done with.
    pub(super) fn arrive(&self, buffer: &gst::Buffer) -> Result<bool, gst::FlowError> {
        let mut state = self.state();
        let segment = state.segment.as_deref();
        if is_wanted(buffer, segment.and_then(|s| s.downcast_ref())) {
            self.decode(&mut state, buffer).map(|()| true)
        } else {
            self.outside(&mut state, buffer).map(|()| false)
        }
    }

    /// Decodes a block before its time.
    fn decode(&self, state: &mut State, buffer: &gst::Buffer) -> Result<(), gst::FlowError> {
        let Some(input) = &mut state.input else {
            return Err(gst::FlowError::NotNegotiated);
        };
        let block = input.block(buffer);
        let times = input.times(buffer);
        self.times.set(times);
        let is_skipped = block.droppable && self.is_late(times.0, state.segment.as_deref());
        state.is_due = !is_skipped;
        let order = match is_skipped {
            true => Order::Skip { block, late: true },
            false => Order::Decode {
                block,
                wanted: true,
            },
        };
        state.order(order).map_err(flow)
    }

    /// A block that lies outside the segment: others may build on it.
    fn outside(&self, state: &mut State, buffer: &gst::Buffer) -> Result<(), gst::FlowError> {
        let Some(input) = &mut state.input else {
            return Err(gst::FlowError::NotNegotiated);
        };
        let block = input.block(buffer);
        let needless = block.droppable || input.is_alone();
        let order = match needless {
            true => Order::Skip { block, late: false },
            false => Order::Decode {
                block,
                wanted: false,
            },
        };
        state.order(order).map_err(flow)?;
        state.order(Order::Settle { late: false }).map_err(flow)?;
        if let Some(runner @ Runner::There(_)) = &mut state.runner {
            // Many may come before the first that is published: a pause holds them up, a flush ends it.
            while let Err(fault) = runner.go_on(&self.obj()) {
                if fault == Fault::Failed || self.is_abandoned.load(Ordering::Acquire) {
                    return Err(flow(fault));
                }
                self.tasks.wait_resumed();
            }
        }
        Ok(())
    }

    /// The element prerolls with a block: its result is to be seen.
    pub(super) fn preroll(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut state = self.state();
        state.settle(false).map_err(flow)?;
        let Some(runner) = &mut state.runner else {
            return Err(gst::FlowError::Flushing);
        };
        runner.peek(&self.obj()).map_err(flow)?;
        Ok(gst::FlowSuccess::Ok)
    }

    /// A block's time has come.
    pub(super) fn publish(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        if self.is_paused.load(Ordering::Acquire) {
            self.wait_for_playing()?;
        }
        let mut guard = self.state();
        let state = &mut *guard;
        let late = self.is_late(self.times.get().0, state.segment.as_deref());
        state.settle(late).map_err(flow)?;
        loop {
            let Some(runner) = &mut state.runner else {
                return Err(gst::FlowError::Flushing);
            };
            match runner.go_on(&self.obj()) {
                Ok(()) => return Ok(gst::FlowSuccess::Ok),
                Err(Fault::Failed) => return Err(gst::FlowError::Error),
                // Paused, or a flush: the base class knows.
                Err(Fault::Flushing) => self.wait_for_playing()?,
            }
        }
    }

    /// The end of the stream has come while the element is paused, and there is no room for what is left: the element
    /// prerolls with the end, and whoever takes outputs may first want it to play.
    fn preroll_with(&self, event: &gst::Event) -> Result<(), gst::FlowError> {
        vfuncs::do_preroll(&self.obj(), event)?;
        match self.is_paused.load(Ordering::Acquire) {
            true => self.wait_for_playing(),
            false => Ok(()),
        }
    }

    /// Waits in `render` until the element plays.
    ///
    /// When a pause follows the end of another at once, the base class lets the streaming thread, which wakes up in the
    /// second, go on: it would then wait for room with the lock that the next change of state needs.
    fn wait_for_playing(&self) -> Result<(), gst::FlowError> {
        loop {
            self.obj().wait_preroll()?;
            if !self.is_paused.load(Ordering::Acquire) {
                return Ok(());
            }
        }
    }

    /// With `sync`, a block that is due at `start` comes too late.
    fn is_late(&self, start: Option<gst::ClockTime>, segment: Option<&gst::Segment>) -> bool {
        let obj = self.obj();
        if !obj.is_sync() {
            return false;
        }
        let threshold = self.settings().late_threshold;
        if threshold == u64::MAX || obj.current_state() != gst::State::Playing {
            return false;
        }
        let segment = segment.and_then(|s| s.downcast_ref::<gst::ClockTime>());
        let running = segment.and_then(|segment| segment.to_running_time(start));
        let (Some(running), Some(now)) = (running, obj.current_running_time()) else {
            return false;
        };
        let due = i128::from(running.nseconds())
            + i128::from(obj.latency().nseconds())
            + i128::from(obj.render_delay().nseconds())
            + i128::from(obj.ts_offset());
        i128::from(now.nseconds()) - due > i128::from(threshold)
    }
}

impl State {
    fn order(&mut self, order: Order) -> Result<(), Fault> {
        match &mut self.runner {
            Some(runner) => runner.submit(order),
            None => Err(Fault::Flushing),
        }
    }

    /// The time of the block that came last has come: when the element prerolls with it, or else when it is rendered.
    fn settle(&mut self, late: bool) -> Result<(), Fault> {
        match std::mem::take(&mut self.is_due) {
            true => self.order(Order::Settle { late }),
            false => Ok(()),
        }
    }
}

fn flow(fault: Fault) -> gst::FlowError {
    match fault {
        Fault::Flushing => gst::FlowError::Flushing,
        Fault::Failed => gst::FlowError::Error,
    }
}
