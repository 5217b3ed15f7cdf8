//! The task of a source pad: takes from the queue, waits for the clock where the stream is live, and pushes.
//!
//! The task runs from activation to deactivation; while its stream is flushed, or at its end, it sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::messages;
use super::output::{Out, Piece};

use super::loss::since;
use super::queue::{Entry, Media, Queue};
use super::shared::{Running, Shared};
use super::stream::Stream;
use crate::elements::time::nanoseconds;
use crate::sync::Affine;

/// A buffer whose time is so many seconds further off than is allowed is one of a stream that can't be held.
const MARGIN: f64 = 0.02;

/// What the task does next.
enum Taken {
    Entry(Entry),
    /// Nothing came; the running time of the clock for which that was found.
    Overdue(i64),
}

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
        let Some(taken) = self.take(shared) else {
            // Deactivated: the task ends at once, or did.
            let _ = self.src.pause_task();
            return;
        };
        let ends = matches!(taken, Taken::Entry(Entry::Eos(_)));
        let outs = match taken {
            Taken::Entry(entry) => {
                if let Entry::Media(media) = &entry {
                    self.returned(shared, media);
                }
                let order = shared.order(self);
                self.output().process(entry, order)
            }
            Taken::Overdue(now) => {
                let on_loss = shared.settings().on_loss;
                self.output().overdue(now, on_loss)
            }
        };
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

    /// The next entry, or that it is overdue; `None` when the pad is deactivated.
    fn take(self: &Arc<Self>, shared: &Shared) -> Option<Taken> {
        if self.queue().set_busy(false) {
            self.wake();
        }
        loop {
            if let Some(entry) = self.pop(shared)? {
                return Some(Taken::Entry(entry));
            }
            let alarm = match (self.overdue_at(shared), shared.running()) {
                (Some(due), Some(running)) => Some(Alarm::set(self, &running, due)),
                _ => None,
            };
            let mut queue = self.queue();
            if queue.is_closed() || self.may_pop(shared, &queue) {
                continue;
            }
            if let Some(now) = alarm.as_ref().and_then(Alarm::rung) {
                queue.set_busy(true);
                return Some(Taken::Overdue(now));
            }
            drop(self.sleep(queue));
        }
    }

    /// Its media wait for a first lock. Live streams are not held back.
    pub fn is_held(&self, shared: &Shared) -> bool {
        shared.gate.is_shut() && shared.latency.of(self.id).is_none()
    }

    fn may_pop(&self, shared: &Shared, queue: &Queue) -> bool {
        !self.is_held(shared) && !queue.is_flushing() && !queue.task_done && !queue.is_empty()
    }

    /// The next entry, if there is one to be taken; `None` when the pad is deactivated.
    fn pop(&self, shared: &Shared) -> Option<Option<Entry>> {
        let mut queue = self.queue();
        if queue.is_closed() {
            return None;
        }
        if !self.may_pop(shared, &queue) {
            return Some(None);
        }
        let entry = queue.pop();
        queue.set_busy(true);
        drop(queue);
        // There may be room for more.
        self.wake();
        Some(entry)
    }

    /// Media have come: a lost stream is no longer that.
    fn returned(&self, shared: &Shared, media: &Media) {
        let lost = self.output().loss.over();
        let Some(lost) = lost else {
            return;
        };
        let away = media.came_ns.map_or(0.0, |came| since(came, lost));
        let message = messages::about("recovered", &self.name())
            .field("duration", gst::ClockTime::from_seconds_f64(away));
        messages::post(shared, message);
        self.stats().recovering = true;
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
            Out::Media(piece) => return self.push(shared, piece),
            // A pad that is not linked keeps sticky events for later.
            Out::Event(event) => {
                self.src.push_event(event);
            }
            Out::Step(step) => {
                let offset = |map: Affine| (map.shift(step.at) * 1e9).round() as i64;
                let message = messages::about("step", &self.name())
                    .field("from", offset(step.from))
                    .field("to", offset(step.to));
                messages::post(shared, message);
            }
            Out::Dropped => self.stats().dropped += 1,
            Out::Gap(seconds) => self.stats().gap += seconds,
            Out::Lost => messages::post(shared, messages::about("lost", &self.name())),
        }
        Ok(())
    }

    fn push(self: &Arc<Self>, shared: &Shared, piece: Piece) -> Result<(), gst::FlowError> {
        let pts = piece.buffer.pts().map_or(0, nanoseconds);
        if let Some(upstream) = shared.latency.of(self.id) {
            let due = pts.saturating_add(upstream);
            if self.is_too_far(shared, pts) {
                self.stats().dropped += 1;
                self.output().line.discont = true;
                return Ok(());
            }
            if self.wait_until(shared, due) == Waited::Void {
                return Err(gst::FlowError::Flushing);
            }
        }
        let latency = piece.came.map(|came| match (came.ns, shared.running()) {
            (Some(ns), Some(running)) => (running.now() - ns) as f64 * 1e-9,
            _ => came.at.elapsed().as_secs_f64(),
        });
        let mut stats = self.stats();
        stats.duplicated += u64::from(piece.repeats);
        if let Some(latency) = latency {
            stats.went(latency);
            if std::mem::take(&mut stats.recovering) {
                stats.recovery = Some(latency);
            }
        }
        drop(stats);
        self.src.push(piece.buffer)?;
        Ok(())
    }

    /// True where live media would have to be held for longer than is allowed, had they come as late as upstream says that
    /// they may.
    fn is_too_far(&self, shared: &Shared, pts: i64) -> bool {
        let Some(running) = shared.running() else {
            return false;
        };
        let most = shared.settings().max_delay_ns as f64 * 1e-9;
        let wait = pts.saturating_sub(running.now()) as f64 * 1e-9;
        if wait <= most + MARGIN {
            self.output().set_overflowing(false);
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
            let alarm = Alarm::set(self, &running, due);
            let mut queue = self.queue();
            while alarm.rung().is_none()
                && !queue.is_flushing()
                && !queue.is_closed()
                && queue.alarms == alarms
            {
                queue = self.sleep(queue);
            }
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
        if ended {
            self.tell_failure(shared, flow);
        }
        if flow == gst::FlowError::Eos {
            self.src.push_event(gst::event::Eos::new());
        }
    }

    /// Nobody upstream is left to hear that downstream has failed: it becomes an error of the element. A pad without a link
    /// is none as long as there is another with one.
    pub fn tell_failure(&self, shared: &Shared, flow: gst::FlowError) {
        let unlinked = |stream: &Stream| stream.queue().flow == Err(gst::FlowError::NotLinked);
        let fatal = match flow {
            gst::FlowError::Flushing | gst::FlowError::Eos => false,
            gst::FlowError::NotLinked => shared.streams().iter().all(|s| unlinked(s)),
            _ => true,
        };
        if !fatal {
            return;
        }
        if let Some(element) = shared.element() {
            gst::element_error!(
                element,
                gst::StreamError::Failed,
                ["{}: downstream took no more: {flow}", self.src.name()]
            );
        }
        self.src.push_event(gst::event::Eos::new());
    }
}

/// A wait on the clock that wakes a stream; it is over when it is dropped.
struct Alarm {
    id: Option<gst::SingleShotClockId>,
    rings: Arc<AtomicBool>,
    due: i64,
}

impl Alarm {
    /// For a running time in nanoseconds. No lock may be held: the clock may ring at once.
    fn set(stream: &Arc<Stream>, running: &Running, due: i64) -> Self {
        if running.now() >= due {
            return Self {
                id: None,
                rings: Arc::new(AtomicBool::new(true)),
                due,
            };
        }
        let id = running.clock.new_single_shot_id(running.at(due));
        let rings = Arc::new(AtomicBool::new(false));
        let (bell, stream) = (rings.clone(), Arc::downgrade(stream));
        // Fails only for a wait that was unscheduled.
        let _ = id.wait_async(move |_, _, _| {
            bell.store(true, Ordering::Release);
            if let Some(stream) = stream.upgrade() {
                stream.wake();
            }
        });
        // A clock that is set, not run, may have passed it since.
        rings.fetch_or(running.now() >= due, Ordering::AcqRel);
        Self {
            id: Some(id),
            rings,
            due,
        }
    }

    /// When it was to ring, if it has.
    fn rung(&self) -> Option<i64> {
        self.rings.load(Ordering::Acquire).then_some(self.due)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            id.unschedule();
        }
    }
}
