//! Live input: how long a block may wait for those of other pads, measured on the pipeline's clock.

use gst::prelude::*;

use super::interleave::State;
use super::{Collector, Mux, Slot, lock};
use crate::elements::time::nanoseconds;

/// What upstream says of itself, over all pads, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Upstream {
    /// One pad at least is live.
    pub live: bool,
    /// Time from capture until a buffer is here.
    latency: i64,
    /// What the user adds to it.
    own_latency: i64,
    /// How long the format itself holds blocks.
    grouping: i64,
}

impl Upstream {
    /// Of upstream that was not asked yet; what the element adds stays.
    pub fn new(old: &Self) -> Self {
        Self {
            own_latency: old.own_latency,
            grouping: old.grouping,
            ..Self::default()
        }
    }

    /// How long a block waits for others, nanoseconds.
    pub fn total_latency(&self) -> i64 {
        self.latency.saturating_add(self.own_latency)
    }
}

/// The one wait on the clock.
#[derive(Debug)]
pub(super) struct Deadlines {
    /// PLAYING: time runs.
    playing: bool,
    /// Running time when the clock was last asked.
    now: i64,
    timer: Option<(gst::SingleShotClockId, i64)>,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            playing: false,
            now: i64::MIN,
            timer: None,
        }
    }
}

impl Deadlines {
    /// Time no longer runs.
    pub fn stop(&mut self) {
        self.cancel();
        *self = Self::default();
    }

    fn cancel(&mut self) {
        if let Some((id, _)) = self.timer.take() {
            id.unschedule();
        }
    }

    /// True when the clock was at `deadline` or past it when it was last asked.
    pub fn is_past(&self, deadline: i64) -> bool {
        self.playing && deadline <= self.now
    }

    /// Asks the clock, and returns it with the time at which running time began; `None` while it stands.
    fn sample(&mut self, element: &gst::Element) -> Option<(gst::Clock, gst::ClockTime)> {
        if !self.playing {
            return None;
        }
        let (clock, base_time) = (element.clock()?, element.base_time()?);
        let (time, base) = (clock.time().nseconds(), base_time.nseconds());
        self.now = i64::try_from(i128::from(time) - i128::from(base)).unwrap_or(i64::MAX);
        Some((clock, base_time))
    }
}

/// What one pad's upstream says: live, latency in nanoseconds.
fn peer_latency(pad: &gst::Pad) -> Option<(bool, gst::ClockTime, Option<gst::ClockTime>)> {
    let mut query = gst::query::Latency::new();
    pad.peer_query(&mut query).then(|| query.result())
}

impl State {
    /// The wait is over, or has to be set anew.
    pub(super) fn disarm(&mut self) {
        self.deadlines.cancel();
    }
}

impl<M: Mux> Collector<M> {
    /// Time that is added to upstream's latency before missing blocks are no longer waited for.
    pub fn set_latency(&self, latency: gst::ClockTime) {
        lock(&self.state).upstream.own_latency = nanoseconds(latency);
    }

    /// Time for which the format holds blocks of live input until what they are in is complete.
    pub fn set_grouping(&self, grouping: gst::ClockTime) {
        lock(&self.state).upstream.grouping = nanoseconds(grouping);
    }

    /// PAUSED to PLAYING: deadlines are measured from here on.
    pub fn play(&self, element: &gst::Element) {
        let mut state = lock(&self.state);
        state.deadlines.playing = true;
        if state.upstream.live {
            self.kick(element, &mut state);
        }
    }

    /// PLAYING to PAUSED: time stands still.
    pub fn pause(&self) {
        lock(&self.state).deadlines.stop();
    }

    /// Asks what the upstream of a pad that brings its first buffer says of latency.
    pub(super) fn ask_upstream(&self, element: &gst::Element, slot: Slot) {
        let Some(pad) = lock(&self.state).pad(slot).map(|p| p.pad.clone()) else {
            return;
        };
        let answer = peer_latency(&pad);
        let mut state = lock(&self.state);
        if let Some(pad) = state.pad(slot) {
            pad.asked = true;
        }
        let Some((true, min, _)) = answer else {
            return;
        };
        let upstream = &mut state.upstream;
        let changed = !upstream.live || upstream.latency < nanoseconds(min);
        upstream.live = true;
        upstream.latency = upstream.latency.max(nanoseconds(min));
        drop(state);
        if changed {
            let message = gst::message::Latency::builder().src(element).build();
            // Without a bus nobody computes latency.
            let _ = element.post_message(message);
        }
    }

    /// Answers a LATENCY query: upstream's, the slowest pad's first, and ours.
    pub(super) fn latency_query(&self, query: &mut gst::query::Latency) -> bool {
        let pads: Vec<gst::Pad> = lock(&self.state).pads().map(|p| p.pad.clone()).collect();
        let (mut live, mut min, mut max) = (false, gst::ClockTime::ZERO, gst::ClockTime::NONE);
        for (pad_live, pad_min, pad_max) in pads.iter().filter_map(peer_latency) {
            if pad_live {
                live = true;
                min = min.max(pad_min);
                max = max.into_iter().chain(pad_max).min();
            }
        }
        let mut state = lock(&self.state);
        state.upstream.live = live;
        state.upstream.latency = nanoseconds(min);
        let own = state
            .upstream
            .own_latency
            .saturating_add(state.upstream.grouping);
        let own = gst::ClockTime::from_nseconds(own.unsigned_abs());
        drop(state);
        let own = if live { own } else { gst::ClockTime::ZERO };
        query.set(live, min + own, max.map(|max| max + own));
        true
    }

    /// Nothing is ready: waits on the clock for the next deadline. True when that is past already.
    pub(super) fn arm(&self, element: &gst::Element, state: &mut State) -> bool {
        let Some((deadline, (clock, base_time))) = next_wait(element, state) else {
            state.deadlines.cancel();
            return false;
        };
        let deadlines = &mut state.deadlines;
        if deadlines.is_past(deadline) {
            return true;
        }
        if deadlines
            .timer
            .as_ref()
            .is_some_and(|(_, at)| *at == deadline)
        {
            return false;
        }
        deadlines.cancel();
        let after = gst::ClockTime::from_nseconds(u64::try_from(deadline).unwrap_or(0));
        let id = clock.new_single_shot_id(base_time.saturating_add(after));
        if let Some(orders) = self.orders(element, state) {
            // An unscheduled wait is one that nobody needs, and so is an order that nobody takes.
            let _ = id.wait_async(move |_, _, _| {
                let _ = orders.send(());
            });
        }
        state.deadlines.timer = Some((id, deadline));
        false
    }
}

/// The next deadline, the clock that was asked just now, and its base time; `None` where nobody waits.
fn next_wait(
    element: &gst::Element,
    state: &mut State,
) -> Option<(i64, (gst::Clock, gst::ClockTime))> {
    let waits = state.upstream.live && state.is_running() && !state.finished && state.flow.is_ok();
    let deadline = if waits {
        state.deadline()?
    } else {
        return None;
    };
    Some((deadline, state.deadlines.sample(element)?))
}
