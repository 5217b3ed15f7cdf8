//! A stream against its reference: what is known of how they lie on one line, and what changed in that.

use super::heard::Heard;
use super::seen::Seen;
use super::spans::{before, length};
use super::votes::Residuals;
use crate::sync::audio::{Found, Search};
use crate::sync::{Affine, Measure, Settings, Snapshot, State, Window};

/// An assumed map is verified by content that lies no further off than this, in seconds: 2.7 m of air.
const VERIFIED: f64 = 8e-3;
/// The map is told again when it moved by this, in seconds, or its drift by [`TOLD_DRIFT`].
const TOLD_SHIFT: f64 = 20e-6;
/// As [`TOLD_SHIFT`], a ratio.
const TOLD_DRIFT: f64 = 2e-6;
/// The map is not told more often than this, in seconds.
const TOLD_TIME: f64 = 1.0;

/// Compares pieces of audio. [`Search`] does; tests make up what is found.
pub trait Compare {
    /// Searches `stream` in `reference` over all offsets and these drifts (ratios); nothing for silence or too little audio.
    fn wide(&mut self, reference: &Window, stream: &Window, drifts: &[f64]) -> Option<Found>;
    /// Searches within some milliseconds of where `map` says `stream` lies.
    fn track(&mut self, reference: &Window, stream: &Window, map: &Affine) -> Option<Found>;
}

impl Compare for Search {
    fn wide(&mut self, reference: &Window, stream: &Window, drifts: &[f64]) -> Option<Found> {
        self.wide(reference, stream, drifts)
    }

    fn track(&mut self, reference: &Window, stream: &Window, map: &Affine) -> Option<Found> {
        self.track(reference, stream, map)
    }
}

/// By which markers two streams are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// What is heard in both.
    Audio,
    /// Flashes, claps and steps.
    Events,
}

/// Spans of audio that an update looks at, from and to, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// On the reference's line.
    pub reference: (f64, f64),
    /// On the stream's own line.
    pub stream: (f64, f64),
}

/// What an update changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// There is a map that awaits its proof: a new one, or one that was proven long ago.
    Provisional,
    /// The map was proven.
    Locked,
    /// The map moved a little. It is told at most once a second; [`Pair::measure`] always has the newest.
    Updated,
    /// Content does not tell two offsets apart, or contradicts an assumed map. Told once.
    Ambiguous,
    /// The content lies elsewhere than before.
    Step {
        /// The map until then.
        from: Affine,
        /// The map from now on.
        to: Affine,
    },
    /// There is no map any more.
    Unlocked,
}

/// What content of a kind says.
pub(super) trait Content {
    /// As [`Pair::due`].
    fn due(&self, reference: f64, stream: f64) -> bool;
    /// As [`Pair::wanted`].
    fn wanted(&self, reference: f64, stream: f64) -> Option<Wanted>;
    /// Looks at what is new.
    fn update(&mut self, reference: &Snapshot, stream: &Snapshot) -> Vec<Evidence>;
    /// What is known now.
    fn measure(&self) -> Measure;
    /// How far what agrees lies off the map; nothing before anything does.
    fn residuals(&self) -> Option<Residuals>;
    /// The newest own time that was seen of both.
    fn now(&self) -> f64;
    /// Forgets everything.
    fn relock(&mut self);
    /// Holds the map until another is proven: the time line jumped.
    fn stale(&mut self);
}

/// What content says beside its measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Evidence {
    /// Two agreeing measurements contradict the map.
    Step { from: Affine, to: Affine },
    /// Content fits at more than one offset.
    Undecided,
}

/// How much audio of each stream is to be kept for [`Pair::wanted`], in seconds.
#[must_use]
pub fn keep(settings: &Settings) -> f64 {
    length(settings) + settings.max_offset + before(settings) + 1.0
}

/// What is compared.
#[derive(Debug)]
enum Kind<C> {
    Heard(Box<Heard<C>>),
    Seen(Box<Seen>),
}

/// A stream and its reference.
#[derive(Debug)]
pub struct Pair<C = Search> {
    kind: Kind<C>,
    assumed: Option<Affine>,
    told: State,
    told_map: Option<(f64, Affine)>,
    contradicted: bool,
}

impl Pair {
    /// A pair of which nothing is known.
    #[must_use]
    pub fn new(settings: Settings, by: By) -> Self {
        Self::with(Search::new(&settings), settings, by)
    }
}

impl<C: Compare> Pair<C> {
    /// As [`Pair::new`], with what compares the audio.
    #[must_use]
    pub fn with(compare: C, settings: Settings, by: By) -> Self {
        let kind = match by {
            By::Audio => Kind::Heard(Box::new(Heard::new(compare, settings))),
            By::Events => Kind::Seen(Box::new(Seen::new(settings))),
        };
        Self {
            kind,
            assumed: None,
            told: State::Unlocked,
            told_map: None,
            contradicted: false,
        }
    }

    fn content(&self) -> &dyn Content {
        match &self.kind {
            Kind::Heard(heard) => heard.as_ref(),
            Kind::Seen(seen) => seen.as_ref(),
        }
    }

    fn content_mut(&mut self) -> &mut dyn Content {
        match &mut self.kind {
            Kind::Heard(heard) => heard.as_mut(),
            Kind::Seen(seen) => seen.as_mut(),
        }
    }

    /// Whether there is something to do when the streams were seen up to these times, in seconds on their own lines.
    #[must_use]
    pub fn due(&self, reference_seen: f64, stream_seen: f64) -> bool {
        self.content().due(reference_seen, stream_seen)
    }

    /// The audio that an update looks at when the streams were seen up to these times; nothing where events are compared.
    #[must_use]
    pub fn wanted(&self, reference_seen: f64, stream_seen: f64) -> Option<Wanted> {
        self.content().wanted(reference_seen, stream_seen)
    }

    /// Looks at what is new. The same snapshots give the same changes.
    pub fn update(&mut self, reference: &Snapshot, stream: &Snapshot) -> Vec<Change> {
        let evidence = self.content_mut().update(reference, stream);
        let mut changes: Vec<Change> = evidence.into_iter().filter_map(|e| self.tell(e)).collect();
        let contradicted = self.contradicts();
        if contradicted && !self.contradicted {
            changes.push(Change::Ambiguous);
        }
        self.contradicted = contradicted;
        let measure = self.measure();
        if measure.state != self.told {
            changes.push(match measure.state {
                State::Unlocked => Change::Unlocked,
                State::Provisional => Change::Provisional,
                State::Locked => Change::Locked,
            });
            self.told = measure.state;
            self.told_map = Some((self.content().now(), measure.map));
        } else if self.moved(&measure) {
            changes.push(Change::Updated);
            self.told_map = Some((self.content().now(), measure.map));
        }
        changes
    }

    fn tell(&self, evidence: Evidence) -> Option<Change> {
        match evidence {
            Evidence::Undecided => Some(Change::Ambiguous),
            // An assumed map does not step.
            Evidence::Step { from, to } => {
                self.assumed.is_none().then_some(Change::Step { from, to })
            }
        }
    }

    fn moved(&self, measure: &Measure) -> bool {
        let now = self.content().now();
        let Some((at, map)) = self.told_map.filter(|_| measure.state != State::Unlocked) else {
            return false;
        };
        let shift = (measure.map.shift(now) - map.shift(now)).abs();
        let drift = (measure.map.drift - map.drift).abs();
        (now - at).abs() >= TOLD_TIME && (shift > TOLD_SHIFT || drift > TOLD_DRIFT)
    }

    /// How far content that was measured lies off the assumed map, in seconds.
    fn off(&self, assumed: &Affine) -> Option<f64> {
        let content = self.content().measure();
        let now = self.content().now();
        let measured = content.uncertainty.is_finite() && now.is_finite();
        measured.then(|| (content.map.shift(now) - assumed.shift(now)).abs())
    }

    /// How far content may lie off an assumed map, in seconds.
    fn allowed(&self) -> f64 {
        VERIFIED.max(self.content().measure().uncertainty)
    }

    fn contradicts(&self) -> bool {
        let off = self.assumed.and_then(|assumed| self.off(&assumed));
        off.is_some_and(|off| off > self.allowed())
    }

    /// What is known now.
    #[must_use]
    pub fn measure(&self) -> Measure {
        let mut measure = self.content().measure();
        let Some(assumed) = self.assumed else {
            return measure;
        };
        measure.map = assumed;
        match self.off(&assumed) {
            Some(off) if off <= self.allowed() => measure.uncertainty += off,
            Some(off) => {
                measure.uncertainty += off;
                measure.factors.inliers = 0.0;
                measure.state = State::Provisional;
            }
            None => {
                measure.uncertainty = f64::INFINITY;
                measure.state = State::Provisional;
            }
        }
        measure
    }

    /// How far the votes of the last 30 s lie off the measured map; nothing before the first.
    #[must_use]
    pub fn residuals(&self) -> Option<Residuals> {
        self.content().residuals()
    }

    /// Forgets everything, an assumed map too.
    pub fn relock(&mut self) {
        self.content_mut().relock();
        self.assumed = None;
    }

    /// Takes a map from elsewhere for true: clocks, or the user. It is provisional until content agrees within 8 ms. Content
    /// that contradicts it is told as [`Change::Ambiguous`] and costs all quality; the map stays.
    pub fn assume(&mut self, map: Affine) {
        self.assumed = Some(map);
    }

    /// The stream's timestamps jumped: the map is provisional until content proves it, or another, on the new line.
    pub fn stale(&mut self) {
        self.content_mut().stale();
    }
}

#[cfg(test)]
#[path = "pair_tests.rs"]
mod tests;
