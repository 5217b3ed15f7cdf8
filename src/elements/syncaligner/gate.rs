//! Streams that are not live keep together, so that their markers can be compared.
//!
//! One may be `window` ahead of another that has data to come: linked, not live, not sparse, not at its end, not stalled. A
//! stream is *stalled* when others waited for it for [`PATIENCE`] (or [`PATIENCE_SHUT`]) and nothing moved in any stream; it is waited for
//! again when it brings data. So one thread that feeds several pads, and a source that died, hold nobody up for longer.
//!
//! With `analysis=prescan` nothing goes out (the gate is *shut*) until every stream but the sparse is locked, or has
//! ended, is stalled, or holds `window` of media (or as many bytes as are allowed).

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::analysis::Id;
use super::pad::PadState;
use super::settings::{AnalysisMode, Mode, Settings};
use super::shared::Shared;
use super::stream::lock;

/// How long a stream in which nothing moves is waited for.
const PATIENCE: Duration = Duration::from_millis(250);
/// The same while the gate is shut: files are opened then and decoders begin, and what opens too early goes out unmeasured.
const PATIENCE_SHUT: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    running: bool,
    /// Prescan: nothing goes out yet.
    shut: bool,
    /// Seconds.
    window: f64,
    lanes: BTreeMap<Id, Lane>,
    /// Counts what moved.
    moves: u64,
}

#[derive(Default)]
struct Lane {
    /// Where it began and how far it has come on its own line, in seconds.
    span: Option<(f64, f64)>,
    /// It is live or sparse.
    apart: bool,
    ended: bool,
    stalled: bool,
    /// Its queue takes no more while the gate is shut.
    full: bool,
    flushing: bool,
}

impl Lane {
    /// Nobody waits for it, and it for nobody.
    fn is_alone(&self) -> bool {
        self.apart || self.ended
    }

    fn is_awaited(&self) -> bool {
        !self.is_alone() && !self.stalled
    }

    /// What came means nothing any more; what kind of stream it is stays.
    fn flush(&mut self, flushing: bool) {
        *self = Self {
            flushing,
            apart: self.apart,
            ..Self::default()
        };
    }
}

impl State {
    fn must_wait(&self, id: Id) -> bool {
        let Some(lane) = self.lanes.get(&id) else {
            return false;
        };
        let Some((began, at)) = lane.span else {
            return false;
        };
        // Whoever has not begun is thought to begin where this one did.
        let others = self.lanes.iter().filter(|(other, _)| **other != id);
        let last = others
            .filter(|(_, lane)| lane.is_awaited())
            .map(|(_, lane)| lane.span.map_or(began, |(_, at)| at))
            .fold(f64::INFINITY, f64::min);
        let goes = self.running && !lane.flushing && !lane.is_alone();
        goes && at - last > self.window
    }

    /// True when the gate has no reason to be shut.
    fn may_open(&self) -> bool {
        let done = |lane: &Lane| !lane.is_awaited() || lane.full;
        self.lanes.values().all(done)
    }
}

impl Gate {
    pub fn start(&self, settings: &Settings) {
        let mut state = lock(&self.state);
        let prescan = settings.analysis == AnalysisMode::Prescan && settings.mode == Mode::Align;
        state.running = true;
        state.shut = prescan;
        state.window = settings.window_ns as f64 * 1e-9;
        for lane in state.lanes.values_mut() {
            *lane = Lane::default();
        }
    }

    /// Nobody waits any more.
    pub fn stop(&self) {
        let mut state = lock(&self.state);
        state.running = false;
        state.shut = false;
        self.news.notify_all();
    }

    pub fn add(&self, id: Id) {
        lock(&self.state).lanes.insert(id, Lane::default());
    }

    pub fn remove(&self, id: Id) {
        lock(&self.state).lanes.remove(&id);
        self.news.notify_all();
    }

    pub fn is_shut(&self) -> bool {
        lock(&self.state).shut
    }

    fn change(&self, shared: &Shared, id: Id, change: impl FnOnce(&mut Lane)) {
        let mut state = lock(&self.state);
        if let Some(lane) = state.lanes.get_mut(&id) {
            change(lane);
        }
        state.moves += 1;
        let shut = state.shut;
        drop(state);
        self.news.notify_all();
        if shut {
            self.open(shared);
        }
    }

    /// The stream is live or sparse (or no longer): nobody waits for it, and it for nobody.
    pub fn set_apart(&self, shared: &Shared, id: Id, apart: bool) {
        self.change(shared, id, |lane| (lane.apart, lane.ended) = (apart, false));
    }

    pub fn ended(&self, shared: &Shared, id: Id) {
        self.change(shared, id, |lane| lane.ended = true);
    }

    pub fn flush(&self, shared: &Shared, id: Id, flushing: bool) {
        self.change(shared, id, |lane| lane.flush(flushing));
    }

    /// Media from `from` to `to` on the own line have come: returns when the others are near enough.
    pub fn pass(&self, shared: &Shared, id: Id, from: f64, to: f64) {
        self.change(shared, id, |lane| {
            let began = lane.span.map_or(from, |(began, _)| began);
            lane.span = Some((began, to));
            lane.stalled = false;
        });
        self.wait(shared, |state| state.must_wait(id));
    }

    /// The queue of a stream takes no more while the gate is shut: returns when it is open.
    pub fn wait_open(&self, shared: &Shared, id: Id) {
        self.change(shared, id, |lane| lane.full = true);
        self.wait(shared, |state| {
            let flushing = state.lanes.get(&id).is_none_or(|lane| lane.flushing);
            state.running && state.shut && !flushing
        });
    }

    fn wait(&self, shared: &Shared, condition: impl Fn(&State) -> bool) {
        let mut state = lock(&self.state);
        while condition(&state) {
            let moves = state.moves;
            let patience = if state.shut { PATIENCE_SHUT } else { PATIENCE };
            let (guard, waited) = self
                .news
                .wait_timeout(state, patience)
                .unwrap_or_else(PoisonError::into_inner);
            state = guard;
            let idle = waited.timed_out() && !shared.analysis.is_busy();
            if idle && state.moves == moves && condition(&state) {
                state.stall();
                drop(state);
                self.open(shared);
                self.news.notify_all();
                state = lock(&self.state);
            }
        }
    }

    /// Opens where there is no reason to be shut. A measurement that is under way is waited for.
    fn open(&self, shared: &Shared) {
        let state = lock(&self.state);
        if !state.shut || !state.may_open() {
            return;
        }
        drop(state);
        shared.analysis.settle();
        self.set_open(shared);
    }

    /// The state of a measurement has changed: opens where all that is measured is locked.
    pub fn look(&self, shared: &Shared) {
        if !self.is_shut() {
            return;
        }
        // A pad that follows another is as far as that one.
        let known: Vec<_> = shared
            .streams()
            .iter()
            .map(|stream| (stream.id, shared.known(stream).state))
            .collect();
        let state = lock(&self.state);
        let alone = |id: Id| state.lanes.get(&id).is_none_or(Lane::is_alone);
        let (mut locked, mut open) = (0, 0);
        for (id, known) in known {
            match known {
                PadState::Locked => locked += 1,
                PadState::Reference => {}
                _ if alone(id) => {}
                _ => open += 1,
            }
        }
        drop(state);
        if locked > 0 && open == 0 {
            self.set_open(shared);
        }
    }

    fn set_open(&self, shared: &Shared) {
        lock(&self.state).shut = false;
        self.news.notify_all();
        shared.wake_all();
    }
}

impl State {
    /// Nothing moved: whoever is waited for is stalled.
    fn stall(&mut self) {
        let ends = self.lanes.values().filter_map(|lane| lane.span);
        let furthest = ends.map(|(_, at)| at).fold(0.0, f64::max);
        let (window, shut) = (self.window, self.shut);
        for lane in self.lanes.values_mut() {
            let is_behind = |(_, at)| furthest - at > window;
            let behind = lane.span.is_none_or(is_behind) || shut && !lane.full;
            lane.stalled |= behind && lane.is_awaited();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(lanes: [Lane; 2]) -> State {
        State {
            running: true,
            window: 5.0,
            lanes: lanes.into_iter().enumerate().collect(),
            ..State::default()
        }
    }

    fn lane(to: f64) -> Lane {
        Lane {
            span: Some((0.0, to)),
            ..Lane::default()
        }
    }

    #[test]
    fn a_live_stream_waits_for_nobody_after_a_flush_either() {
        let mut lanes = [lane(10.0), lane(1.0)];
        for lane in &mut lanes {
            lane.apart = true;
            lane.flush(true);
            lane.flush(false);
        }
        lanes[0].span = Some((0.0, 10.0));
        assert!(!state(lanes).must_wait(0));
    }

    #[test]
    fn a_file_that_ended_is_waited_for_again_after_a_flush() {
        let ended = |ended| Lane { ended, ..lane(1.0) };
        assert!(!state([lane(10.0), ended(true)]).must_wait(0));
        let mut again = ended(true);
        again.flush(false);
        assert!(state([lane(10.0), again]).must_wait(0));
    }
}
