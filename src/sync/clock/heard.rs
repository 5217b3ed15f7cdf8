//! A pair of streams measured by what is heard in both.

use std::collections::VecDeque;

use super::change::{Proof, Rivals};
use super::pair::{Compare, Content, Evidence, Wanted};
use super::quality::{self, Quality};
use super::spans::{along, before, free, length, part};
use super::votes::{AGREE, Residuals, Votes};
use crate::sync::audio::Found;
use crate::sync::audio::search::hypotheses;
use crate::sync::{Affine, Measure, Settings, Snapshot, State, Window};

/// Between wide searches, in seconds.
const WIDE: f64 = 1.0;
/// Between measurements about the map, in seconds.
const TRACK: f64 = 0.25;
/// Windows that prove a lock end this far apart, in seconds.
const APART: f64 = 2.5;
/// Ends are told to the sample and through the map: less is no difference, in seconds.
const NEARLY: f64 = 1e-3;
/// So many windows prove a lock.
const PROOFS: usize = 3;
/// A window that long ago proves nothing any more, in seconds.
const PROOF_MEMORY: f64 = 30.0;
/// Proofs that are remembered.
const MOST_PROOFS: usize = 64;
/// A measured map that never locked is given up when nothing agreed for this long, in seconds.
const GIVE_UP: f64 = 15.0;
/// What is claimed of a locked pair, in seconds.
const CLAIMED: f64 = 1e-3;
/// What is claimed of a provisional pair that was measured, in seconds.
const CLAIMED_EARLY: f64 = 5e-3;
/// How much a drift may change while nothing is heard, as a ratio.
const WANDER: f64 = 1e-6;
/// A map that nothing confirmed for long is not looked for further off than this, in seconds.
const LEAST_STEP: f64 = 1e-3;
/// After so many searches in vain, only every other is made.
const PATIENCE: u32 = 30;
/// This many wide searches in a row that don't tell two offsets apart are worth a word.
const UNDECIDED: u32 = 3;
/// A locked pair that fails looks through all drifts at each so many searches.
const ALL_DRIFTS: u32 = 4;
/// The machine from searches to a locked map.
#[derive(Debug)]
pub struct Heard<C> {
    pub(super) compare: C,
    settings: Settings,
    map: Option<Affine>,
    state: State,
    /// Whether votes on this time line say the map.
    measured: bool,
    /// Whether the map was proven once: it is held until another is.
    kept: bool,
    votes: Votes,
    proofs: VecDeque<Proof>,
    rivals: Rivals,
    quality: Quality,
    /// Own times up to which was searched and tracked.
    searched: Option<f64>,
    tracked: Option<f64>,
    /// The newest own time that was heard in both.
    now: f64,
    failed: u32,
    undecided: u32,
    told_undecided: bool,
}

impl<C: Compare> Heard<C> {
    pub fn new(compare: C, settings: Settings) -> Self {
        Self {
            compare,
            settings,
            map: None,
            state: State::Unlocked,
            measured: false,
            kept: false,
            votes: Votes::default(),
            proofs: VecDeque::new(),
            rivals: Rivals::default(),
            quality: Quality::default(),
            searched: None,
            tracked: None,
            now: f64::NEG_INFINITY,
            failed: 0,
            undecided: 0,
            told_undecided: false,
        }
    }

    /// Up to which own time both were seen.
    fn both(&self, reference: f64, stream: f64) -> f64 {
        let reference = self.map.map_or(reference, |map| map.invert(reference));
        stream.min(reference)
    }

    fn wide_due(&self, end: f64) -> bool {
        let Some(searched) = self.searched else {
            return true;
        };
        let next = self.next_proof().unwrap_or(f64::INFINITY);
        let vain = self.state == State::Unlocked && self.failed > PATIENCE;
        let wait = if vain { 2.0 * WIDE } else { WIDE };
        end >= searched + wait || (end >= next && searched < next)
    }

    /// From when on another window helps to lock.
    fn next_proof(&self) -> Option<f64> {
        let waits = self.state == State::Provisional && !self.proofs.is_empty();
        waits.then(|| self.proven().1)
    }

    fn track_due(&self, end: f64) -> bool {
        self.measured && self.tracked.is_none_or(|tracked| end >= tracked + TRACK)
    }

    /// Whether a time line was begun again without a word.
    fn went_back(&self, end: f64) -> bool {
        self.searched.is_some_and(|searched| end < searched - WIDE)
    }

    fn search(&mut self, reference: &Window, stream: &Window, told: &mut Vec<Evidence>) {
        let along = self
            .map
            .and_then(|map| self.search_along(&map, reference, stream));
        let passed = along.is_some_and(|found| self.passes(&found));
        self.failed = if passed {
            0
        } else {
            self.failed.wrapping_add(1)
        };
        let enough = self.state == State::Locked && !self.failed.is_multiple_of(ALL_DRIFTS);
        // What fits at two offsets does so at all drifts, and with less audio it is only less seen.
        let undecided = along.is_some_and(|found| is_undecided(&found));
        if passed || enough || undecided {
            return self.judge(along, reference, told);
        }
        let latest = reference.end().min(stream.end());
        let spans = free(&self.settings, latest);
        let drifts = hypotheses(self.settings.max_drift);
        let parts = (part(reference, spans.reference), part(stream, spans.stream));
        let free = self.compare.wide(&parts.0, &parts.1, &drifts);
        if parts.1.duration() + TRACK < length(&self.settings) {
            // Not all offsets could be looked at yet.
            self.searched = Some(self.now - WIDE / 2.0);
        }
        let passed = free.is_some_and(|found| self.passes(&found));
        self.judge(if passed { free } else { along.or(free) }, reference, told);
    }

    /// Searches about the map: offsets are those beyond it, so that a drift of hours does not carry it out of bounds.
    fn search_along(&mut self, map: &Affine, reference: &Window, stream: &Window) -> Option<Found> {
        let spans = along(&self.settings, map, self.now, before(&self.settings));
        let (mut other, own) = (part(reference, spans.reference), part(stream, spans.stream));
        let shift = map.shift(self.now);
        other.start -= shift;
        let found = self.compare.wide(&other, &own, &[map.drift])?;
        Some(Found {
            shift: found.shift + shift,
            ..found
        })
    }

    /// Whether a wide search has a vote.
    fn passes(&self, found: &Found) -> bool {
        let worth = quality::peak(found) * quality::second(found);
        let numbers = found.at.is_finite() && found.shift.is_finite();
        let possible = found.drift.abs() <= self.most_drift();
        numbers && possible && found.passes_wide() && worth >= self.settings.min_quality
    }

    /// Drifts beyond the bound by the spacing of hypotheses are noise.
    fn most_drift(&self) -> f64 {
        self.settings.max_drift * 1.05 + 20e-6
    }

    /// What a wide search says of the map.
    fn judge(&mut self, heard: Option<Found>, reference: &Window, told: &mut Vec<Evidence>) {
        let Some(found) = heard else {
            // Too little, or silence: soon there may be more.
            self.searched = Some(self.now - WIDE + TRACK);
            return;
        };
        self.quality.searched(&found);
        if !self.passes(&found) {
            self.undecided = if is_undecided(&found) {
                self.undecided + 1
            } else {
                0
            };
            if self.undecided == UNDECIDED && self.state != State::Locked {
                if !self.told_undecided {
                    told.push(Evidence::Undecided);
                }
                self.told_undecided = true;
                self.give_up();
            }
            return;
        }
        self.undecided = 0;
        // What the stream has beyond the reference's end was not compared.
        let end = found.map().invert(reference.end()).min(self.now);
        let proof = Proof { end, found };
        if self.map.is_some() && self.agrees(&proof) {
            self.rivals.clear();
            self.confirm(proof);
        } else if let Some(earlier) = self.rivals.push(proof) {
            self.change(earlier, proof, told);
        }
    }

    /// How far a vote may lie off the map: more while nothing has been heard for long.
    fn tolerance(&self) -> f64 {
        let age = self.quality.age(self.now);
        if !age.is_finite() {
            return AGREE;
        }
        AGREE.max((AGREE + self.drifted(age)).min(LEAST_STEP))
    }

    /// How far the map may have run off in this time, in seconds.
    fn drifted(&self, age: f64) -> f64 {
        age * (2.0 * self.votes.drift_sigma() + WANDER)
    }

    fn agrees(&self, proof: &Proof) -> bool {
        let off = |map: Affine| (proof.found.shift - map.shift(proof.found.at)).abs();
        self.map.is_some_and(|map| off(map) <= self.tolerance())
    }

    fn confirm(&mut self, proof: Proof) {
        self.quality.agreed(proof.end);
        if !self.measured {
            self.votes.push(proof.found.at, proof.found.shift);
            self.measured = true;
        }
        if self.proofs.len() >= MOST_PROOFS {
            self.proofs.pop_front();
        }
        self.proofs.push_back(proof);
    }

    /// Two searches agree with each other and not with the map.
    fn change(&mut self, earlier: Proof, proof: Proof, told: &mut Vec<Evidence>) {
        let drift = f64::midpoint(earlier.found.drift, proof.found.drift);
        let drift = drift.clamp(-self.most_drift(), self.most_drift());
        let to = Affine::through(proof.found.at, proof.found.shift, drift);
        if let Some(from) = self.map {
            told.push(Evidence::Step { from, to });
        }
        self.votes.begin(drift, self.settings.window);
        for proof in [&earlier, &proof] {
            self.votes.push(proof.found.at, proof.found.shift);
        }
        self.map = Some(to);
        self.measured = true;
        self.searched = Some(proof.end);
        self.refit();
        self.state = State::Provisional;
        self.tracked = None;
        self.proofs.clear();
        self.rivals.clear();
        self.confirm(earlier);
        self.confirm(proof);
    }

    fn track(&mut self, reference: &Window, stream: &Window, end: f64) {
        let Some(map) = self.map else {
            return;
        };
        let spans = along(&self.settings, &map, end, 0.0);
        let parts = (part(reference, spans.reference), part(stream, spans.stream));
        let Some(found) = self.compare.track(&parts.0, &parts.1, &map) else {
            return;
        };
        if !found.passes_tracking() || !found.shift.is_finite() {
            return;
        }
        if (found.shift - map.shift(found.at)).abs() > self.tolerance() {
            self.votes.miss(found.at);
            return;
        }
        self.votes.push(found.at, found.shift);
        self.refit();
        self.quality.agreed(end);
    }

    fn refit(&mut self) {
        if let Some(map) = self.votes.fit(self.most_drift()) {
            self.map = Some(map);
        }
    }

    /// The state that proofs and their age give.
    fn settle(&mut self) {
        let age = self.quality.age(self.now);
        match self.state {
            State::Locked if age > quality::FADED => self.doubt(),
            State::Provisional if self.proven().0 >= PROOFS => {
                self.state = State::Locked;
                self.told_undecided = false;
                self.kept = true;
            }
            State::Provisional if age > GIVE_UP => self.give_up(),
            _ => {}
        }
    }

    /// Lets a map that was measured never lock, if none was proven before.
    fn give_up(&mut self) {
        if self.kept {
            return;
        }
        self.map = None;
        self.state = State::Unlocked;
        self.measured = false;
        self.votes = Votes::default();
        self.proofs.clear();
        self.rivals.clear();
    }

    /// Holds the map, but has it proven anew.
    fn doubt(&mut self) {
        if self.map.is_some() {
            self.state = State::Provisional;
        }
        self.measured = false;
        self.proofs.clear();
        self.rivals.clear();
    }

    fn uncertainty(&self) -> f64 {
        let claimed = match self.state {
            State::Locked => CLAIMED,
            State::Provisional if self.measured => CLAIMED_EARLY,
            _ => return f64::INFINITY,
        };
        let spread = self
            .votes
            .residuals()
            .map_or(0.0, |residuals| 2.0 * residuals.p95);
        let age = self
            .votes
            .newest()
            .map_or(0.0, |newest| (self.now - newest).max(0.0));
        claimed.max(spread) + self.drifted((age - self.settings.window).max(0.0))
    }

    /// How many votes and proofs are remembered.
    #[cfg(test)]
    pub fn kept(&self) -> (usize, usize) {
        (self.votes.kept(), self.proofs.len())
    }

    /// How many windows that lie apart agree with the map as it is now, and from when on another one counts.
    fn proven(&self) -> (usize, f64) {
        let mut next = f64::NEG_INFINITY;
        let mut count = 0;
        let Some(map) = self.map else {
            return (count, next);
        };
        for proof in &self.proofs {
            let off = (proof.found.shift - map.shift(proof.found.at)).abs();
            let fresh = proof.end >= self.now - PROOF_MEMORY;
            if fresh && off <= AGREE && proof.end >= next - NEARLY {
                next = proof.end + APART;
                count += 1;
            }
        }
        (count, next)
    }
}

impl<C: Compare> Content for Heard<C> {
    fn due(&self, reference: f64, stream: f64) -> bool {
        let end = self.both(reference, stream);
        end.is_finite() && (self.went_back(end) || self.wide_due(end) || self.track_due(end))
    }

    fn wanted(&self, reference: f64, stream: f64) -> Option<Wanted> {
        let end = self.both(reference, stream);
        let Some(map) = self.map else {
            return Some(free(&self.settings, end));
        };
        if !self.wide_due(end) {
            return Some(along(&self.settings, &map, end, 0.0));
        }
        let along = along(&self.settings, &map, end, before(&self.settings));
        // A search that fails along the map is made again on what lies at the same time.
        let free = free(&self.settings, reference.min(stream));
        let both = |a: (f64, f64), b: (f64, f64)| (a.0.min(b.0), a.1.max(b.1));
        Some(Wanted {
            reference: both(along.reference, free.reference),
            stream: both(along.stream, free.stream),
        })
    }

    fn update(&mut self, reference: &Snapshot, stream: &Snapshot) -> Vec<Evidence> {
        let mut told = Vec::new();
        let end = self.both(reference.seen, stream.seen);
        if !end.is_finite() {
            return told;
        }
        if self.went_back(end) {
            self.stale();
        }
        self.now = end;
        if let (Some(reference), Some(stream)) = (&reference.audio, &stream.audio) {
            if self.wide_due(end) {
                self.searched = Some(end);
                self.search(reference, stream, &mut told);
            }
            if self.track_due(end) {
                self.tracked = Some(end);
                self.track(reference, stream, end);
            }
        }
        self.settle();
        told
    }

    fn measure(&self) -> Measure {
        Measure {
            state: self.state,
            map: self.map.unwrap_or(Affine::IDENTITY),
            uncertainty: self.uncertainty(),
            factors: self.quality.factors(self.votes.inliers(), self.now),
        }
    }

    fn residuals(&self) -> Option<Residuals> {
        self.votes.residuals()
    }

    fn now(&self) -> f64 {
        self.now
    }

    fn relock(&mut self) {
        self.kept = false;
        self.give_up();
        self.stale();
    }

    fn stale(&mut self) {
        self.doubt();
        self.kept = self.map.is_some();
        self.votes
            .begin(self.map.map_or(0.0, |map| map.drift), self.settings.window);
        self.quality = Quality::default();
        self.searched = None;
        self.tracked = None;
        self.undecided = 0;
        self.told_undecided = false;
        self.failed = 0;
        self.now = f64::NEG_INFINITY;
    }
}

/// Whether a search found something, but at two offsets: a loop.
fn is_undecided(found: &Found) -> bool {
    let alone = Found {
        second: 0.0,
        ..*found
    };
    alone.passes_wide() && !found.passes_wide()
}
