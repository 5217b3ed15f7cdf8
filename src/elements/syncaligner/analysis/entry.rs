//! A stream: what is known of it, and its next step.

use std::sync::{Arc, Mutex};

use super::super::pad::PadState;
use super::feed::{By, Feed};
use super::{Id, Known};
use crate::sync::clock::pair::{self, Pair};
use crate::sync::{Affine, Settings};

/// Seconds of a step.
const STEP: f64 = 0.25;

/// A step that is due: the two streams up to `at`, in seconds on both lines.
pub struct Job {
    pub id: Id,
    pub pair: Arc<Mutex<Pair>>,
    pub reference: Arc<Feed>,
    pub stream: Arc<Feed>,
    pub at: f64,
    /// The stream's line jumped since the step before.
    pub stale: bool,
}

/// A map that stands until content tells better.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub map: Affine,
    pub uncertainty: f64,
}

/// A stream.
pub struct Entry {
    pub feed: Arc<Feed>,
    pub by: By,
    pub live: bool,
    /// Where it began and up to where it is seen, on its own line.
    pub span: Option<(f64, f64)>,
    pub known: Known,
    pub held: Option<Held>,
    pub pair: Option<Measured>,
    /// A step is under way.
    pub busy: bool,
    /// Content fits at more than one offset.
    pub ambiguous: bool,
}

/// A stream's measurement against the reference.
pub struct Measured {
    pub pair: Arc<Mutex<Pair>>,
    /// Number of the next step; the first is the first that can be.
    pub next: Option<i64>,
    /// How far the stream had come when it began.
    since: f64,
    /// From where on the own line the map is to be proven anew.
    pub stale_from: Option<f64>,
}

/// How much is kept of a stream, in seconds: streams that are not live may be a window apart.
pub fn keep(settings: &Settings) -> f64 {
    pair::keep(settings) + settings.window
}

impl Entry {
    pub fn new(settings: &Settings) -> Self {
        Self {
            feed: Arc::new(Feed::new(keep(settings))),
            by: By::default(),
            live: false,
            span: None,
            known: Known::default(),
            held: None,
            pair: None,
            busy: false,
            ambiguous: false,
        }
    }

    pub fn seen(&self) -> f64 {
        self.span.map_or(f64::NEG_INFINITY, |(_, seen)| seen)
    }

    /// Measuring begins anew; `hold` is what stands until it tells.
    pub fn begin(&mut self, settings: Settings, reference: By, hold: Option<Held>) {
        let by = match (self.by, reference) {
            (By::Sound, By::Sound) => pair::By::Audio,
            _ => pair::By::Events,
        };
        self.pair = Some(Measured {
            pair: Arc::new(Mutex::new(Pair::new(settings, by))),
            next: None,
            since: self.seen(),
            stale_from: None,
        });
        self.hold(hold);
    }

    pub fn hold(&mut self, held: Option<Held>) {
        self.held = held;
        self.ambiguous = false;
        self.known = self.known.forgotten();
        self.stand();
    }

    /// Content tells nothing: what is held stands.
    pub fn stand(&mut self) {
        if let Some(held) = self.held {
            self.known.state = PadState::Provisional;
            self.known.map = held.map;
            self.known.uncertainty = held.uncertainty;
        }
    }

    /// Content proved a map at this time of the stream.
    pub fn prove(&mut self, at: f64) {
        self.held = None;
        let began = self.span.map_or(at, |(began, _)| began);
        let since = self.pair.as_ref().map_or(began, |m| m.since.max(began));
        self.known.lock_time.get_or_insert(at - since);
    }

    /// True when the line jumped and no step was beyond that yet.
    pub fn is_stale(&self) -> bool {
        self.pair.as_ref().is_some_and(|m| m.stale_from.is_some())
    }

    /// The map that stands now.
    pub fn standing(&self) -> Option<Held> {
        self.known.has_map().then_some(Held {
            map: self.known.map,
            uncertainty: self.known.uncertainty,
        })
    }

    /// From there on the map is to be proven anew; true where it was proven.
    pub fn stale(&mut self, from: f64) -> bool {
        let Some(measured) = &mut self.pair else {
            return false;
        };
        measured.stale_from = Some(from);
        let locked = self.known.state == PadState::Locked;
        if locked {
            self.known.state = PadState::Provisional;
        }
        locked
    }

    /// The number of the next step that can be done with a reference that was seen so far.
    pub fn due(&self, reference: &Self, live: bool, keep: f64) -> Option<i64> {
        let measured = self.pair.as_ref().filter(|_| !self.busy)?;
        let both = self.seen().min(reference.seen());
        if !both.is_finite() {
            return None;
        }
        let latest = (both / STEP).floor() as i64;
        let Some(next) = measured.next else {
            return Some(latest);
        };
        // What lies further back is not kept; live, what is late is late.
        let kept = match live {
            true => latest,
            false => latest.saturating_sub((keep / STEP) as i64),
        };
        (next <= latest).then(|| next.max(kept))
    }

    /// The step of that number with this reference; it is under way then.
    pub fn take(&mut self, id: Id, number: i64, reference: Arc<Feed>) -> Option<Job> {
        let measured = self.pair.as_mut()?;
        let at = number as f64 * STEP;
        self.busy = true;
        measured.next = Some(number.saturating_add(1));
        let stale = measured.stale_from.take_if(|from| *from <= at).is_some();
        Some(Job {
            id,
            pair: measured.pair.clone(),
            reference,
            stream: self.feed.clone(),
            at,
            stale,
        })
    }
}
