//! The task of a source pad: takes from the queue, waits for the clock where the stream is live, and pushes.
//!
//! The task runs from activation to deactivation; while its stream is flushed, or at its end, it sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::input::nanoseconds;
use super::messages;
use super::output::{Came, Out};
use super::queue::Entry;
use super::shared::Shared;
use super::stream::Stream;

/// A buffer whose time is so many seconds further off than is allowed is one of a stream that can't be held.
const MARGIN: f64 = 0.02;

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    Due,
    /// Nothing of what was taken counts any more.
    Void,
}

impl Stream {
    /// The source pad is activated (`true`) or deactivated.
    pub fn activate(
        self: &Arc<Self>,
        shared: &Shared,
        active: bool,
    ) -> Result<(), gst::LoggableError> {
        if !active {
            self.close();
            // Without a task this does nothing.
            let _ = self.src.stop_task();
            return Ok(());
        }
        self.open();
        if shared.measures_only() {
            return Ok(());
        }
        let element = shared.element().map(|e| e.downgrade());
        let stream = Arc::downgrade(self);
        let started = self.src.start_task(move || {
            let element = element.as_ref().and_then(glib::WeakRef::upgrade);
            if let (Some(stream), Some(element)) = (stream.upgrade(), element) {
                stream.turn(element.imp().shared());
            }
        });
        started.map_err(|_| gst::loggable_error!(super::CAT, "{}: no task", self.src.name()))
    }

    /// One turn of the task.
    fn turn(self: &Arc<Self>, shared: &Shared) {
        let Some(entry) = self.take(shared) else {
            // Deactivated: the task ends at once, or did.
            let _ = self.src.pause_task();
            return;
        };
        let ends = matches!(entry, Entry::Eos(_));
        let known = shared.known(self);
        let outs = self.output().process(entry, &known);
        for out in outs {
            if let Err(flow) = self.emit(shared, out) {
                self.fail(shared, flow);
                return;
            }
        }
        if ends {
            // A new stream may wait behind it.
            let mut queue = self.queue();
            queue.task_done = queue.ended;
        }
    }

    /// The next entry; `None` when the pad is deactivated.
    fn take(&self, shared: &Shared) -> Option<Entry> {
        let mut queue = self.queue();
        if queue.set_busy(false) {
            drop(queue);
            self.wake();
            queue = self.queue();
        }
        loop {
            if queue.is_closed() {
                return None;
            }
            let waits = queue.is_flushing() || queue.task_done;
            if !waits && !queue.is_empty() && !shared.gate.is_shut() {
                let entry = queue.pop();
                queue.set_busy(true);
                drop(queue);
                // There may be room for more.
                self.wake();
                return entry;
            }
            queue = self.sleep(queue);
        }
    }

    /// Returns when the task has nothing in hand.
    pub fn wait_for_task(&self) {
        let mut queue = self.queue();
        while queue.is_busy() && !queue.is_closed() {
            queue = self.sleep(queue);
        }
    }

    fn emit(self: &Arc<Self>, shared: &Shared, out: Out) -> Result<(), gst::FlowError> {
        match out {
            Out::Media(buffer, came) => self.push(shared, buffer, came),
            Out::Event(event) => {
                // A pad that is not linked keeps sticky events for later.
                self.src.push_event(event);
                Ok(())
            }
            Out::Step { from, to, at } => {
                let offset = |map: crate::sync::Affine| (map.shift(at) * 1e9).round() as i64;
                let message = messages::about("step", &self.name())
                    .field("from", offset(from))
                    .field("to", offset(to));
                messages::post(shared, message);
                Ok(())
            }
            Out::Dropped => {
                self.stats().dropped += 1;
                Ok(())
            }
        }
    }

    fn push(
        self: &Arc<Self>,
        shared: &Shared,
        buffer: gst::Buffer,
        came: Came,
    ) -> Result<(), gst::FlowError> {
        let pts = buffer.pts().map_or(0, nanoseconds);
        if let Some(upstream) = shared.latency.of(self.id) {
            let due = pts.saturating_add(upstream);
            if self.is_too_far(shared, due) {
                self.stats().dropped += 1;
                return Ok(());
            }
            if self.wait_until(shared, due) == Waited::Void {
                return Err(gst::FlowError::Flushing);
            }
        }
        let latency = match (came.ns, shared.running()) {
            (Some(ns), Some(running)) => (running.now() - ns) as f64 * 1e-9,
            _ => came.at.elapsed().as_secs_f64(),
        };
        self.src.push(buffer)?;
        self.stats().went(latency);
        Ok(())
    }

    /// True where live media would have to be held for longer than is allowed.
    fn is_too_far(&self, shared: &Shared, due: i64) -> bool {
        let Some(running) = shared.running() else {
            return false;
        };
        let most = shared.settings().max_delay_ns as f64 * 1e-9;
        let wait = due.saturating_sub(running.now()) as f64 * 1e-9;
        if wait <= most + MARGIN {
            return false;
        }
        if !self.output().set_overflowing(true) {
            self.tell_overflow(shared, wait);
        }
        true
    }

    /// Sleeps until the clock's running time is `due`.
    fn wait_until(self: &Arc<Self>, shared: &Shared, due: i64) -> Waited {
        loop {
            let queue = self.queue();
            if queue.is_flushing() || queue.is_closed() {
                return Waited::Void;
            }
            let alarms = queue.alarms;
            let Some(running) = shared.running() else {
                if !shared.has_clock() {
                    return Waited::Due;
                }
                // PAUSED: time stands.
                drop(self.sleep(queue));
                continue;
            };
            drop(queue);
            if running.now() >= due {
                return Waited::Due;
            }
            let id = running.clock.new_single_shot_id(running.at(due));
            let rung = Arc::new(AtomicBool::new(false));
            let (bell, stream) = (rung.clone(), Arc::downgrade(self));
            // Fails only for a wait that was unscheduled.
            let _ = id.wait_async(move |_, _, _| {
                bell.store(true, Ordering::Release);
                if let Some(stream) = stream.upgrade() {
                    stream.wake();
                }
            });
            let mut queue = self.queue();
            while !rung.load(Ordering::Acquire)
                && queue.flow.is_ok()
                && !queue.is_closed()
                && queue.alarms == alarms
            {
                queue = self.sleep(queue);
            }
            drop(queue);
            id.unschedule();
        }
    }

    /// Downstream takes no more: upstream gets to hear why.
    fn fail(&self, shared: &Shared, flow: gst::FlowError) {
        let mut queue = self.queue();
        if queue.is_flushing() || queue.is_closed() {
            return;
        }
        if flow == gst::FlowError::Flushing {
            // Downstream flushes, or is shut down, without us: this is for the thread upstream to hear.
            queue.task_done = true;
        }
        queue.flow = Err(flow);
        queue.task_done = true;
        let ended = queue.ended;
        drop(queue);
        self.wake();
        let fatal = !matches!(flow, gst::FlowError::Flushing | gst::FlowError::Eos);
        if ended && fatal {
            // Nobody upstream is left to hear it.
            if let Some(element) = shared.element() {
                gst::element_error!(
                    element,
                    gst::StreamError::Failed,
                    ["{}: downstream took no more: {flow}", self.src.name()]
                );
            }
            self.src.push_event(gst::event::Eos::new());
        } else if flow == gst::FlowError::Eos {
            self.src.push_event(gst::event::Eos::new());
        }
    }
}
