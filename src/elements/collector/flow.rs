//! Threads: who waits, who writes.

use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::Duration;

use gst::prelude::*;

use super::interleave::{Item, State};
use super::{Collector, Fault, Mux, Slot, Writing, lock};

/// How long file input waits for a sparse stream that says nothing: what it said is here by then, and a demuxer that
/// sends GAP events does not let it come to this.
const PATIENCE: Duration = Duration::from_millis(50);

impl<M: Mux> Collector<M> {
    pub(super) fn chain(
        &self,
        element: &gst::Element,
        slot: Slot,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut state = lock(&self.state);
        if state.pad(slot).is_some_and(|p| !p.asked) {
            drop(state);
            self.ask_upstream(element, slot);
            state = lock(&self.state);
        }
        state = self.wait_for_room(element, state, slot)?;
        let timeline = state.timeline;
        if let Some(pad) = state.pad(slot) {
            // Caps of our own making may come with the first buffer.
            let unknown = !pad.has_caps;
            pad.push(slot, buffer, timeline);
            state.events_pending |= unknown;
        }
        self.write(element, state, Some(slot)).flow
    }

    /// Returns when the pad's queue takes a block.
    fn wait_for_room<'a>(
        &'a self,
        element: &gst::Element,
        mut state: MutexGuard<'a, State>,
        slot: Slot,
    ) -> Result<MutexGuard<'a, State>, gst::FlowError> {
        loop {
            admit(&mut state, slot)?;
            if !state.is_full(slot) {
                return Ok(state);
            }
            // Whoever wrote may have passed that on to this thread, which has nothing else to do.
            state = self.write(element, state, Some(slot));
            admit(&mut state, slot)?;
            if !state.is_full(slot) {
                return Ok(state);
            }
            let Some(pad) = state.pad(slot) else {
                return Err(gst::FlowError::Flushing);
            };
            pad.blocked = true;
            let room = pad.room.clone();
            while state.pad(slot).is_some_and(|p| p.blocked) {
                state = wait(&room, state);
            }
        }
    }

    /// Writes what is ready: a deadline is past, or a pad that was waited for is gone.
    pub(super) fn write_ready(&self, element: &gst::Element) {
        let mut state = lock(&self.state);
        state.disarm();
        drop(self.write(element, state, None));
    }

    /// Writes what is ready, unless another thread does; it then looks again before it stops. The thread of
    /// pad `own` stops when it writes for others alone.
    pub(super) fn write<'a>(
        &'a self,
        element: &gst::Element,
        mut state: MutexGuard<'a, State>,
        own: Option<Slot>,
    ) -> MutexGuard<'a, State> {
        if state.writing {
            return state;
        }
        let mut writing: Option<MutexGuard<'_, Option<Writing<M>>>> = None;
        loop {
            let mut items = std::mem::take(&mut state.batch);
            state.take(&mut items);
            if items.is_empty() {
                state.batch = items;
                if !self.arm(element, &mut state) {
                    break;
                }
                continue;
            }
            state.writing = true;
            let (live, group_id) = (state.upstream.live, state.group_id);
            drop(state);
            let writing = writing.get_or_insert_with(|| lock(&self.writing));
            let written = writing.as_mut().map_or(Ok(()), |w| {
                w.out.live = live;
                w.out.set_group_id(group_id);
                w.write(&mut items)
            });
            items.clear();
            state = lock(&self.state);
            state.batch = items;
            if let Err(fault) = written {
                state = self.fail(element, state, fault);
            }
            state.wake_roomy();
            if own.is_some_and(|slot| state.should_pass_on(slot)) {
                self.pass_on(element, &mut state);
                break;
            }
        }
        state.writing = false;
        state
    }

    /// Has what is ready written by a thread that waits for room, else by the collector's own.
    fn pass_on(&self, element: &gst::Element, state: &mut State) {
        if let Some(pad) = state.pads_mut().find(|p| p.blocked) {
            pad.wake();
            return;
        }
        self.kick(element, state);
    }

    /// Keeps why nothing can be written any more; the error message names the pad.
    fn fail<'a>(
        &'a self,
        element: &gst::Element,
        mut state: MutexGuard<'a, State>,
        fault: Fault,
    ) -> MutexGuard<'a, State> {
        match fault {
            Fault::Flow(flow) => state.flow = Err(flow),
            Fault::Mux { slot, reason } => {
                let pad = slot.and_then(|s| state.pad(s)).map(|p| p.pad.name());
                drop(state);
                let text = match pad {
                    Some(pad) => format!("{pad}: {reason}"),
                    None => reason,
                };
                // Before any thread upstream learns of it and tells what it makes of that.
                gst::element_error!(element, gst::StreamError::Mux, ["{text}"]);
                state = lock(&self.state);
                state.flow = Err(gst::FlowError::Error);
            }
        }
        state
    }
}

/// Waits for room in a queue, and no longer than is decent where a sparse stream is all that is missing.
fn wait<'a>(room: &Condvar, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    if !state.is_waiting_for_sparse() {
        return room.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    let (guard, waited) = room
        .wait_timeout(state, PATIENCE)
        .unwrap_or_else(PoisonError::into_inner);
    state = guard;
    if waited.timed_out() && state.is_waiting_for_sparse() {
        state.lose_patience();
        state.wake_all();
    }
    state
}

/// Whether a pad takes anything now.
pub(super) fn admit(state: &mut State, slot: Slot) -> Result<(), gst::FlowError> {
    state.flow?;
    if state.finished {
        return Err(gst::FlowError::Eos);
    }
    let running = state.is_running();
    match state.pad(slot) {
        Some(pad) if pad.flushing || pad.released || !running => Err(gst::FlowError::Flushing),
        Some(pad) if pad.ended => Err(gst::FlowError::Eos),
        Some(_) => Ok(()),
        None => Err(gst::FlowError::Flushing),
    }
}

impl<M: Mux> Writing<M> {
    fn write(&mut self, items: &mut Vec<Item>) -> Result<(), Fault> {
        let written = self.write_items(items);
        if let Err(Fault::Flow(gst::FlowError::Eos)) = written {
            // Downstream has enough: what comes behind it hears so from nobody else.
            self.out.event(gst::event::Eos::new());
        }
        written
    }

    fn write_items(&mut self, items: &mut Vec<Item>) -> Result<(), Fault> {
        let Self { mux, out } = self;
        for item in items.drain(..) {
            match item {
                Item::Block(block) => mux.block(block, out)?,
                Item::Caps {
                    slot,
                    pad,
                    caps,
                    sparse,
                } => mux.caps(slot, &pad, &caps, sparse)?,
                Item::Tags(slot, tags) => mux.tags(slot, &tags),
                Item::Event(slot, event) => mux.event(slot, event, out)?,
                Item::Ended(slot) => mux.ended(slot, out)?,
                Item::Flushed(slot) => mux.flushed(slot),
                Item::Start => mux.start(out)?,
                Item::Finish => {
                    mux.finish(out)?;
                    out.event(gst::event::Eos::new());
                }
            }
        }
        Ok(())
    }
}
