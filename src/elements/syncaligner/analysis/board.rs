//! What is known of each stream, and which step is next.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::super::pad::PadState;
use super::super::stream::lock;
use super::entry::{Entry, Held, Job, keep};
use super::feed::{By, Feed};
use super::{Id, Known};
use crate::sync::{Affine, Settings};

/// What is to be done for a stream.
pub enum Next {
    Step(Box<Job>),
    Nothing,
}

#[derive(Default)]
struct State {
    started: bool,
    settings: Settings,
    reference: Option<Id>,
    streams: BTreeMap<Id, Entry>,
}

#[derive(Default)]
pub struct Board {
    state: Mutex<State>,
    news: Condvar,
}

impl State {
    /// The streams that are measured, with their reference.
    fn measured(&self) -> impl Iterator<Item = (Id, &Entry, &Entry)> {
        let reference = self.reference.and_then(|id| self.streams.get(&id));
        let entries = self.streams.iter();
        entries.filter_map(move |(id, entry)| Some((*id, entry, reference?)))
    }

    /// Takes the first step that is due of those that are wanted.
    fn take(&mut self, wanted: impl Fn(Id, bool) -> bool) -> Option<Job> {
        if !self.started {
            return None;
        }
        let keep = keep(&self.settings);
        let due = self.measured().find_map(|(id, entry, reference)| {
            let live = entry.live || reference.live;
            let number = wanted(id, live).then(|| entry.due(reference, live, keep))??;
            Some((id, number, reference.feed.clone()))
        });
        let (id, number, reference) = due?;
        self.streams.get_mut(&id)?.take(id, number, reference)
    }

    /// What was measured of a stream, or against it, is to be proven anew from there on; the streams whose state changed.
    fn stale(&mut self, id: Id, from: f64) -> Vec<Id> {
        let is_reference = self.reference == Some(id);
        let entries = self.streams.iter_mut();
        let concerned = entries.filter(|(other, _)| is_reference || **other == id);
        let changed = concerned.filter_map(|(other, entry)| entry.stale(from).then_some(*other));
        changed.collect()
    }

    fn is_busy(&self, wanted: impl Fn(Id, bool) -> bool) -> bool {
        let busy = |(id, entry, reference): (Id, &Entry, &Entry)| {
            entry.busy && wanted(id, entry.live || reference.live)
        };
        self.measured().any(busy)
    }
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let woken = self.news.wait(state);
        woken.unwrap_or_else(PoisonError::into_inner)
    }

    pub fn start(&self, settings: Settings) {
        let mut state = self.state();
        state.started = true;
        state.settings = settings;
        state.reference = None;
        for entry in state.streams.values_mut() {
            // What the user held before the start stands.
            let held = entry.held;
            *entry = Entry::new(&settings);
            entry.hold(held);
        }
    }

    pub fn stop(&self) {
        let mut state = self.state();
        state.started = false;
        for entry in state.streams.values_mut() {
            entry.held = None;
        }
        drop(state);
        self.news.notify_all();
    }

    pub fn add(&self, id: Id) {
        let mut state = self.state();
        let mut entry = Entry::new(&state.settings);
        let reference = state.reference.and_then(|id| state.streams.get(&id));
        if let Some(by) = reference.map(|reference| reference.by) {
            entry.begin(state.settings, by, None);
        }
        state.streams.insert(id, entry);
    }

    pub fn remove(&self, id: Id) {
        let mut state = self.state();
        state.streams.remove(&id);
        if state.reference == Some(id) {
            state.reference = None;
        }
        drop(state);
        self.news.notify_all();
    }

    pub fn feed(&self, id: Id) -> Option<Arc<Feed>> {
        self.state()
            .streams
            .get(&id)
            .map(|entry| entry.feed.clone())
    }

    /// By what a stream can be compared from now on.
    pub fn set_by(&self, id: Id, by: By) {
        let mut state = self.state();
        let settings = state.settings;
        let reference = state.reference;
        let Some(entry) = state.streams.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut entry.by, by) == by {
            return;
        }
        let reference_by = reference
            .and_then(|id| state.streams.get(&id))
            .map(|r| r.by);
        let Some(reference_by) = reference_by else {
            return;
        };
        for (other, entry) in &mut state.streams {
            if Some(*other) != reference && (*other == id || reference == Some(id)) {
                let standing = entry.standing();
                entry.begin(settings, reference_by, standing);
            }
        }
    }

    pub fn set_live(&self, id: Id, live: bool) {
        if let Some(entry) = self.state().streams.get_mut(&id) {
            entry.live = live;
        }
    }

    /// Another reference; the streams of which something changed.
    pub fn set_reference(&self, id: Id) -> Vec<Id> {
        let mut state = self.state();
        if state.reference == Some(id) {
            return Vec::new();
        }
        let settings = state.settings;
        let Some(heir) = state.streams.get_mut(&id) else {
            return Vec::new();
        };
        let by = heir.by;
        // Where no other was it before this is the identity, with nothing to be held but what the user said.
        let standing = heir.standing();
        heir.pair = None;
        heir.hold(None);
        heir.known.state = PadState::Reference;
        heir.known.uncertainty = 0.0;
        let had_reference = state.reference.replace(id).is_some();
        let others = state.streams.iter_mut().filter(|(other, _)| **other != id);
        for (_, entry) in others {
            let held = match (entry.standing(), standing) {
                (Some(held), Some(heir)) if had_reference => Some(Held {
                    map: heir.map.inverse().after(&held.map),
                    uncertainty: held.uncertainty + heir.uncertainty,
                }),
                (held, None) if !had_reference => held,
                _ => None,
            };
            entry.begin(settings, by, held);
        }
        state.streams.keys().copied().collect()
    }

    /// Media of a stream that begin at `time` have left their markers, which took `spent` seconds.
    pub fn seen(&self, id: Id, time: f64, seen: f64, spent: f64) {
        let mut state = self.state();
        if let Some(entry) = state.streams.get_mut(&id) {
            let began = entry.span.map_or(time, |(began, _)| began);
            entry.span = Some((began, seen));
            entry.known.spent += spent;
        }
        let keep = keep(&state.settings);
        let wakes = state.measured().any(|(other, entry, reference)| {
            let live = entry.live || reference.live;
            let mine = other == id || state.reference == Some(id);
            live && mine && entry.due(reference, true, keep).is_some()
        });
        drop(state);
        if wakes {
            self.news.notify_all();
        }
    }

    /// What a stream that came forward has to do: a step that is due, or nothing. Waits while one is under way.
    pub fn next_of(&self, id: Id) -> Next {
        let mut state = self.state();
        loop {
            let mine = |reference: Option<Id>| {
                move |other: Id, live: bool| !live && (other == id || reference == Some(id))
            };
            let wanted = mine(state.reference);
            if let Some(job) = state.take(wanted) {
                return Next::Step(Box::new(job));
            }
            if !state.started || !state.is_busy(wanted) {
                return Next::Nothing;
            }
            state = self.sleep(state);
        }
    }

    /// A step of any stream that is due. Waits while one is under way.
    pub fn next_of_all(&self) -> Next {
        let mut state = self.state();
        loop {
            if let Some(job) = state.take(|_, _| true) {
                return Next::Step(Box::new(job));
            }
            if !state.started || !state.is_busy(|_, _| true) {
                return Next::Nothing;
            }
            state = self.sleep(state);
        }
    }

    /// Waits for a step of a live stream; nothing when measuring has ended.
    pub fn next_live(&self) -> Next {
        let mut state = self.state();
        loop {
            if !state.started {
                return Next::Nothing;
            }
            if let Some(job) = state.take(|_, live| live) {
                return Next::Step(Box::new(job));
            }
            state = self.sleep(state);
        }
    }

    /// Notes what a step found, unless measuring began anew meanwhile; `note` makes what is known of it.
    pub fn note<R>(&self, job: &Job, note: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let mut state = self.state();
        let entry = state.streams.get_mut(&job.id)?;
        let measured = entry.pair.as_ref()?;
        let same = Arc::ptr_eq(&measured.pair, &job.pair);
        same.then(|| note(entry))
    }

    /// The step is over: all was told.
    pub fn done(&self, job: &Job) {
        if let Some(entry) = self.state().streams.get_mut(&job.id) {
            entry.busy = false;
        }
        self.news.notify_all();
    }

    pub fn is_busy(&self) -> bool {
        self.state().is_busy(|_, _| true)
    }

    /// The line of a stream jumped; the streams whose state changed.
    pub fn stale(&self, id: Id) -> Vec<Id> {
        let mut state = self.state();
        let seen = state
            .streams
            .get(&id)
            .map_or(f64::NEG_INFINITY, Entry::seen);
        state.stale(id, seen)
    }

    /// The line of a stream began anew; the streams whose state changed.
    pub fn flushed(&self, id: Id) -> Vec<Id> {
        let mut state = self.state();
        let is_reference = state.reference == Some(id);
        if let Some(entry) = state.streams.get_mut(&id) {
            entry.span = None;
        }
        let changed = state.stale(id, f64::NEG_INFINITY);
        for (other, entry) in &mut state.streams {
            if (is_reference || *other == id)
                && let Some(measured) = &mut entry.pair
            {
                measured.next = None;
            }
        }
        changed
    }

    pub fn known(&self, id: Id) -> Known {
        let state = self.state();
        state.streams.get(&id).map(|e| e.known).unwrap_or_default()
    }

    /// Forgets all maps; the streams that had one.
    pub fn relock(&self) -> Vec<Id> {
        let mut state = self.state();
        let (settings, reference) = (state.settings, state.reference);
        let by = reference
            .and_then(|id| state.streams.get(&id))
            .map(|r| r.by);
        let mut changed = Vec::new();
        for (id, entry) in &mut state.streams {
            if reference == Some(*id) {
                continue;
            }
            match by {
                Some(by) => entry.begin(settings, by, None),
                None => entry.hold(None),
            }
            changed.push(*id);
        }
        changed
    }

    /// A map that stands until content tells better.
    pub fn hold(&self, id: Id, map: Affine) -> bool {
        let mut state = self.state();
        let (settings, reference) = (state.settings, state.reference);
        let by = reference
            .and_then(|id| state.streams.get(&id))
            .map(|r| r.by);
        let held = Held {
            map,
            uncertainty: f64::INFINITY,
        };
        match state.streams.get_mut(&id) {
            Some(entry) if reference != Some(id) => match by {
                Some(by) => entry.begin(settings, by, Some(held)),
                None => entry.hold(Some(held)),
            },
            _ => return false,
        }
        true
    }
}
