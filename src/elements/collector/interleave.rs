//! Which block comes next: the order of all pads, and who is waited for.

use gst::prelude::*;

use super::live::{Deadlines, Upstream};
use super::pads::PadState;
use super::queue::{Block, Entry, Limits};
use super::worker::Worker;
use super::{Slot, Timeline};

/// Most items that one batch takes out: the lock is given back in between.
const BATCH: usize = 64;
/// Live, a stream without caps can't be in the first list of tracks; it is waited for so much longer.
const CAPS_GRACE: i64 = 1_000_000_000;

/// One call of a [`super::Mux`].
#[derive(Debug)]
pub(super) enum Item {
    Caps {
        slot: Slot,
        pad: gst::Pad,
        caps: gst::Caps,
        sparse: bool,
    },
    Tags(Slot, gst::TagList),
    Event(Slot, gst::Event),
    Block(Block),
    Ended(Slot),
    Flushed(Slot),
    Start,
    Finish,
}

/// Everything under the collector's lock.
#[derive(Debug)]
pub(super) struct State {
    /// By slot; a pad that is gone leaves its place empty.
    pads: Vec<Option<PadState>>,
    /// Between READY to PAUSED and PAUSED to READY.
    running: bool,
    started: bool,
    /// The tail was handed to the muxer.
    pub finished: bool,
    /// A thread writes; it looks again before it stops.
    pub writing: bool,
    /// There may be events at the head of a queue.
    pub events_pending: bool,
    /// Downstream's last answer, and so the answer to every pad.
    pub flow: Result<gst::FlowSuccess, gst::FlowError>,
    pub upstream: Upstream,
    pub timeline: Timeline,
    /// The muxer lets blocks wait until times are sure.
    pub patient: bool,
    pub deadlines: Deadlines,
    pub group_id: Option<gst::GroupId>,
    /// Made when it is needed first.
    pub worker: Option<Worker>,
    /// Kept so that batches do not allocate.
    pub batch: Vec<Item>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            pads: Vec::new(),
            running: false,
            started: false,
            finished: false,
            writing: false,
            events_pending: false,
            flow: Ok(gst::FlowSuccess::Ok),
            upstream: Upstream::default(),
            timeline: Timeline::default(),
            patient: false,
            deadlines: Deadlines::default(),
            group_id: None,
            worker: None,
            batch: Vec::new(),
        }
    }
}

impl State {
    /// Before the first buffer of a new file; `stopped` when none can come yet.
    pub fn reset(&mut self, stopped: bool) {
        let mut pads = std::mem::take(&mut self.pads);
        for place in &mut pads {
            if place.as_ref().is_some_and(|p| p.released) {
                *place = None;
            }
            if let Some(pad) = place {
                pad.wake();
                pad.reset();
            }
        }
        self.deadlines.stop();
        *self = Self {
            pads,
            running: !stopped,
            writing: self.writing,
            worker: self.worker.take(),
            upstream: Upstream::new(&self.upstream),
            ..Self::default()
        };
    }

    pub fn stop(&mut self) {
        self.running = false;
        self.deadlines.stop();
    }

    pub fn is_running(&self) -> bool {
        self.running
    }

    pub fn reserve(&mut self) -> Slot {
        self.pads.push(None);
        self.pads.len() - 1
    }

    pub fn add(&mut self, slot: Slot, pad: gst::Pad) {
        if let Some(place) = self.pads.get_mut(slot) {
            *place = Some(PadState::new(pad));
        }
    }

    pub fn release(&mut self, pad: &gst::Pad) {
        if let Some(state) = self.pads_mut().find(|p| &p.pad == pad) {
            state.released = true;
            state.ended = true;
            state.wake();
        }
        self.events_pending = true;
    }

    pub fn pad(&mut self, slot: Slot) -> Option<&mut PadState> {
        self.pads.get_mut(slot)?.as_mut()
    }

    pub fn pads(&self) -> impl Iterator<Item = &PadState> {
        self.pads.iter().flatten()
    }

    pub fn pads_mut(&mut self) -> impl Iterator<Item = &mut PadState> {
        self.pads.iter_mut().flatten()
    }

    pub fn wake_all(&mut self) {
        self.pads_mut().for_each(PadState::wake);
    }

    /// Wakes the threads whose queues have room for a batch.
    pub fn wake_roomy(&mut self) {
        let (failed, limits) = (self.flow.is_err(), self.limits());
        for pad in self.pads_mut() {
            if pad.blocked && (failed || pad.queue.has_room(limits)) {
                pad.wake();
            }
        }
    }

    /// Takes out what is ready, in order, at most [`BATCH`] blocks.
    pub fn take(&mut self, items: &mut Vec<Item>) {
        if !self.running || self.flow.is_err() || self.finished {
            return;
        }
        if !self.started {
            if !self.can_start() {
                return;
            }
            self.start(items);
        }
        if std::mem::take(&mut self.events_pending) {
            for slot in 0..self.pads.len() {
                self.take_events(slot, items);
            }
        }
        while items.len() < BATCH {
            let Some(slot) = self.next() else { break };
            let Some(block) = self.pad(slot).and_then(|p| p.queue.pop_block()) else {
                break;
            };
            if let Some(pad) = self.pad(slot) {
                pad.position = pad.position.max(block.time);
            }
            items.push(Item::Block(block));
            self.take_events(slot, items);
        }
        if items.is_empty() && self.is_over() {
            self.finished = true;
            items.push(Item::Finish);
        }
    }

    /// True when the thread of this pad writes for others alone, and there is more to write for them: it
    /// is needed upstream.
    pub fn should_pass_on(&mut self, slot: Slot) -> bool {
        let idle = self.pad(slot).is_none_or(|p| !p.queue.has_blocks());
        idle && self.flow.is_ok() && self.is_running() && self.next().is_some()
    }

    /// The pad whose head is earliest, when nobody has to be waited for before it is written.
    fn next(&mut self) -> Option<Slot> {
        let sparse = self.has_time_for_sparse();
        let mut first: Option<(i64, Slot)> = None;
        let mut hold = i64::MAX;
        for (slot, pad) in self.pads.iter().enumerate() {
            let Some(pad) = pad else { continue };
            match pad.queue.head_time() {
                Some(time) if first.is_none_or(|(earliest, _)| time < earliest) => {
                    first = Some((time, slot));
                }
                Some(_) => {}
                None if pad.position < hold && pad.is_awaited(sparse) => hold = pad.position,
                None => {}
            }
        }
        let (time, slot) = first?;
        let late = || self.is_past(time.saturating_add(self.upstream.total_latency()));
        (time <= hold || late()).then_some(slot)
    }

    /// True when sparse streams are waited for.
    fn has_time_for_sparse(&self) -> bool {
        self.patient && !self.upstream.live
    }

    /// True when a sparse stream is all that a thread waits for.
    pub fn is_waiting_for_sparse(&self) -> bool {
        let silent = |p: &PadState| p.sparse && p.queue.is_empty() && p.is_awaited(true);
        self.started && self.has_time_for_sparse() && self.pads().any(silent)
    }

    /// Threads have waited for sparse streams for a while: those that stay silent are waited for no longer.
    pub fn lose_patience(&mut self) {
        for pad in self.pads_mut().filter(|p| p.sparse && p.queue.is_empty()) {
            pad.is_silent = true;
        }
    }

    /// Running time, of live input, at which the earliest block is written, whoever is missing.
    pub fn deadline(&self) -> Option<i64> {
        let earliest = self.pads().filter_map(|p| p.queue.first_time()).min()?;
        let unknown = |p: &PadState| !p.has_caps && p.is_awaited(false);
        let grace = if !self.started && self.pads().any(unknown) {
            CAPS_GRACE
        } else {
            0
        };
        let latency = self.upstream.total_latency();
        Some(earliest.saturating_add(latency).saturating_add(grace))
    }

    /// True when upstream is live and the clock is past this running time.
    fn is_past(&self, deadline: i64) -> bool {
        self.upstream.live && self.deadlines.is_past(deadline)
    }

    /// True when a pad's queue takes no more.
    pub fn is_full(&mut self, slot: Slot) -> bool {
        let limits = self.limits();
        self.pad(slot).is_some_and(|p| p.queue.is_full(limits))
    }

    /// How much a queue holds.
    pub fn limits(&self) -> Limits {
        if self.upstream.live {
            return Limits::live(self.upstream.total_latency());
        }
        match self.patient && !self.started && self.pads().any(PadState::is_in_doubt) {
            true => Limits::FILE.patient(),
            false => Limits::FILE,
        }
    }

    /// True when every stream that has to be waited for is there. A stream without caps that is sparse, or
    /// said that it has nothing yet, is waited for until another's queue is full: later there would be no
    /// end to it.
    fn can_start(&self) -> bool {
        if self.pads().next().is_none() {
            return false;
        }
        let limits = self.limits();
        let full = self.pads().any(|p| p.queue.is_full(limits));
        let (live, patient) = (self.upstream.live, self.patient);
        let waits = self.pads().any(|pad| {
            let there = pad.ended
                || pad.flushing
                || pad.has_caps && (pad.sparse || pad.has_gap || pad.queue.has_blocks())
                || full && (pad.sparse || pad.has_gap);
            let settled = there && (full || live || !patient || !pad.is_in_doubt());
            !settled && pad.pad.is_linked()
        });
        let ended = self.pads().all(|p| p.ended || !p.pad.is_linked());
        let begun = self
            .pads()
            .any(|p| p.queue.has_blocks() || p.ended && ended);
        begun && (!waits || self.deadline().is_some_and(|d| self.is_past(d)))
    }

    fn start(&mut self, items: &mut Vec<Item>) {
        self.started = true;
        self.pads_mut().for_each(|pad| pad.started = true);
        for slot in 0..self.pads.len() {
            self.take_events(slot, items);
        }
        // Events go out behind what opens the stream.
        let (mut before, after): (Vec<_>, Vec<_>) = items
            .drain(..)
            .partition(|item| !matches!(item, Item::Event(..) | Item::Ended(_)));
        before.push(Item::Start);
        items.extend(before.into_iter().chain(after));
    }

    /// Takes what lies at the head of a queue before its next block.
    fn take_events(&mut self, slot: Slot, items: &mut Vec<Item>) {
        let Some(state) = self.pads.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        if std::mem::take(&mut state.flushed) {
            items.push(Item::Flushed(slot));
        }
        while let Some(entry) = state.queue.pop_event() {
            items.push(match entry {
                Entry::Caps(caps) => Item::Caps {
                    slot,
                    pad: state.pad.clone(),
                    caps,
                    sparse: state.sparse,
                },
                Entry::Tags(tags) => Item::Tags(slot, tags),
                Entry::Event(event) => Item::Event(slot, event),
                Entry::Block(block) => Item::Block(block),
            });
        }
        if state.ended && state.queue.is_empty() && !std::mem::replace(&mut state.told, true) {
            items.push(Item::Ended(slot));
        }
        if state.released && state.queue.is_empty() {
            self.forget(slot);
        }
    }

    fn forget(&mut self, slot: Slot) {
        if let Some(place) = self.pads.get_mut(slot) {
            *place = None;
        }
    }

    /// True when every stream is over, and one at least is by EOS.
    fn is_over(&self) -> bool {
        self.pads().any(|p| p.ended && !p.released) && self.pads().all(|p| p.is_over())
    }
}
