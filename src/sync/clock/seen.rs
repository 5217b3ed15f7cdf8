//! A pair of streams measured by events in both.

use std::collections::VecDeque;

use super::agreement::{Agreement, Estimate, FEW, PROOF_RIVAL, SELDOM};
use super::events::Matcher;
use super::fit::quantile;
use super::pair::{Content, Evidence, Wanted};
use super::quality;
use super::votes::Residuals;
use crate::sync::{Affine, Event, Factors, Measure, Settings, Snapshot, State};

/// Between updates, in seconds.
const EVERY: f64 = 0.25;
/// Events of a stream that are remembered.
const MOST: usize = 64;
/// For how long, in seconds.
const MEMORY: f64 = 60.0;
/// A change is looked for in so many of the newest events.
const NEWEST: usize = 6;
/// So many of them must agree on another map.
const CHANGED: usize = 4;
/// Events are this much rarer than windows of audio: their agreement stays fresh so much longer.
const RARER: f64 = 2.0;
/// No better accuracy is claimed, in seconds.
const CLAIMED: f64 = 0.1e-3;

/// The machine from events to a locked map.
#[derive(Debug)]
pub struct Seen {
    settings: Settings,
    matcher: Matcher,
    reference: VecDeque<Event>,
    stream: VecDeque<Event>,
    agreement: Option<Agreement>,
    /// What it says now, or a map from before a jump of timestamps.
    map: Option<Affine>,
    state: State,
    /// Whether the map was proven once.
    kept: bool,
    now: f64,
    undecided: bool,
}

impl Seen {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            matcher: Matcher::default(),
            reference: VecDeque::new(),
            stream: VecDeque::new(),
            agreement: None,
            map: None,
            state: State::Unlocked,
            kept: false,
            now: f64::NEG_INFINITY,
            undecided: false,
        }
    }

    fn both(&self, reference: f64, stream: f64) -> f64 {
        stream.min(self.map.map_or(reference, |map| map.invert(reference)))
    }

    fn look(&mut self, told: &mut Vec<Evidence>) {
        if self.changed(told) {
            return;
        }
        let reference = self.reference.make_contiguous();
        let stream = self.stream.make_contiguous();
        let found = self
            .matcher
            .agree(reference, stream, &self.settings, self.now);
        let Some(found) = found.filter(|found| found.count >= FEW) else {
            return;
        };
        if found.is_fair() {
            self.undecided = false;
            self.take(found, told);
        } else if found.is_undecided() && self.state != State::Locked {
            if !self.undecided {
                told.push(Evidence::Undecided);
            }
            self.undecided = true;
            self.give_up();
        }
    }

    /// Takes an agreement in, if it says more than what is known.
    fn take(&mut self, found: Agreement, told: &mut Vec<Evidence>) {
        let new = found.estimate(self.now);
        if let Some(old) = self.estimate() {
            let apart = (new.map.shift(self.now) - old.map.shift(self.now)).abs();
            let contradicts = apart > new.uncertainty + old.uncertainty;
            let proven = found.is_proof() || self.state != State::Locked;
            if contradicts && !proven
                || !contradicts && new.uncertainty > old.uncertainty && !self.faded()
            {
                return;
            }
        }
        self.put(found, &new, told);
    }

    fn put(&mut self, found: Agreement, new: &Estimate, told: &mut Vec<Evidence>) {
        let known = self.estimate().map_or(0.0, |old| old.uncertainty);
        if let Some(from) = self.map {
            let apart = (new.map.shift(self.now) - from.shift(self.now)).abs();
            if apart > new.uncertainty + known {
                told.push(Evidence::Step { from, to: new.map });
                self.state = State::Provisional;
            }
        }
        if found.is_proof() {
            self.state = State::Locked;
            self.kept = true;
        } else if self.state == State::Unlocked {
            self.state = State::Provisional;
        }
        self.map = Some(new.map);
        self.agreement = Some(found);
    }

    /// Whether the newest events agree on another map than is known. What lies before it is forgotten.
    fn changed(&mut self, told: &mut Vec<Evidence>) -> bool {
        let Some(old) = self.estimate() else {
            return false;
        };
        let from = self.stream.len().saturating_sub(NEWEST);
        let stream = self
            .stream
            .make_contiguous()
            .get(from..)
            .unwrap_or_default();
        let Some(first) = stream.first() else {
            return false;
        };
        let earliest = first.earliest - self.settings.max_offset;
        let reference = self.reference.make_contiguous();
        let from = reference.partition_point(|event| event.latest < earliest);
        let reference = reference.get(from..).unwrap_or_default();
        let found = self
            .matcher
            .agree(reference, stream, &self.settings, self.now);
        let Some(found) = found.filter(is_change) else {
            return false;
        };
        let new = found.estimate(self.now);
        let apart = (new.map.shift(self.now) - old.map.shift(self.now)).abs();
        if apart <= new.uncertainty + old.uncertainty
            || 2 * fitting(reference, stream, &old) > found.count
        {
            return false;
        }
        let start = found
            .residuals
            .first()
            .map_or(self.now, |residual| residual.0);
        self.stream.retain(|event| event.latest >= start - EVERY);
        let start = new.map.apply(start);
        self.reference.retain(|event| event.latest >= start - EVERY);
        self.put(found, &new, told);
        true
    }

    fn estimate(&self) -> Option<Estimate> {
        Some(self.agreement.as_ref()?.estimate(self.now))
    }

    /// Since when no event agreed, in what is long for windows of audio.
    fn age(&self) -> f64 {
        let newest = self
            .agreement
            .as_ref()
            .and_then(|found| found.residuals.last());
        newest.map_or(f64::INFINITY, |newest| {
            (self.now - newest.0).max(0.0) / RARER
        })
    }

    fn faded(&self) -> bool {
        self.age() > quality::FADED
    }

    fn give_up(&mut self) {
        if !self.kept {
            self.agreement = None;
            self.map = None;
            self.state = State::Unlocked;
        }
    }
}

impl Content for Seen {
    fn due(&self, reference: f64, stream: f64) -> bool {
        let end = self.both(reference, stream);
        end.is_finite() && !((self.now - 1.0)..(self.now + EVERY)).contains(&end)
    }

    fn wanted(&self, _reference: f64, _stream: f64) -> Option<Wanted> {
        None
    }

    fn update(&mut self, reference: &Snapshot, stream: &Snapshot) -> Vec<Evidence> {
        let mut told = Vec::new();
        let end = self.both(reference.seen, stream.seen);
        if !end.is_finite() {
            return told;
        }
        if end < self.now - 1.0 {
            self.stale();
            self.reference.clear();
        }
        self.now = end;
        let more = remember(&mut self.reference, &reference.events);
        if remember(&mut self.stream, &stream.events) || more {
            self.look(&mut told);
        }
        if let Some(estimate) = self.estimate() {
            self.map = Some(estimate.map);
        }
        if self.faded() && self.agreement.is_some() {
            self.state = State::Provisional;
            self.give_up();
        }
        told
    }

    fn measure(&self) -> Measure {
        let Some(map) = self.map else {
            return Measure::default();
        };
        let Some(found) = &self.agreement else {
            return Measure {
                state: self.state,
                map,
                ..Measure::default()
            };
        };
        Measure {
            state: self.state,
            map,
            uncertainty: found.estimate(self.now).uncertainty.max(CLAIMED),
            factors: Factors {
                freshness: quality::freshness(self.age()),
                ..found.factors()
            },
        }
    }

    fn residuals(&self) -> Option<Residuals> {
        let found = self.agreement.as_ref()?;
        let mut sizes: Vec<f64> = found.residuals.iter().map(|(_, off)| off.abs()).collect();
        Some(Residuals {
            p50: quantile(&mut sizes, 0.5)?,
            p95: quantile(&mut sizes, 0.95)?,
            p99: quantile(&mut sizes, 0.99)?,
        })
    }

    fn now(&self) -> f64 {
        self.now
    }

    fn relock(&mut self) {
        *self = Self::new(self.settings);
    }

    fn stale(&mut self) {
        self.kept = self.map.is_some();
        self.agreement = None;
        self.stream.clear();
        self.now = f64::NEG_INFINITY;
        self.undecided = false;
        if self.kept {
            self.state = State::Provisional;
        }
    }
}

/// Whether so few events say clearly enough that the map changed.
fn is_change(found: &Agreement) -> bool {
    found.count >= CHANGED && found.chance <= SELDOM && found.rival <= PROOF_RIVAL
}

/// How many of the stream's events fit one of the reference's on this map.
fn fitting(reference: &[Event], stream: &[Event], known: &Estimate) -> usize {
    let fits = |event: &&Event| {
        let shift = known.map.shift(event.middle());
        let earliest = event.earliest + shift - known.uncertainty;
        let latest = event.latest + shift + known.uncertainty;
        let mut others = reference.iter();
        others.any(|other| other.earliest <= latest && other.latest >= earliest)
    };
    stream.iter().filter(fits).count()
}

/// Appends what is new; tells whether anything was.
fn remember(events: &mut VecDeque<Event>, latest: &[Event]) -> bool {
    let newest = events.back().map_or(f64::NEG_INFINITY, Event::middle);
    let before = newest;
    for event in latest {
        let middle = event.middle();
        let newest = events.back().map_or(f64::NEG_INFINITY, Event::middle);
        if middle.is_finite() && event.earliest <= event.latest && middle > newest {
            events.push_back(*event);
        }
    }
    let newest = events.back().map_or(f64::NEG_INFINITY, Event::middle);
    while events.len() > MOST
        || events
            .front()
            .is_some_and(|event| event.latest < newest - MEMORY)
    {
        events.pop_front();
    }
    newest > before
}

#[cfg(test)]
#[path = "seen_tests.rs"]
mod tests;
