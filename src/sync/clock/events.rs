//! How two lists of events lie on one line.
//!
//! An event of one stream and one of the other that are the same bound the shift by an interval. The offset and drift that
//! most of them allow at once are searched by branch and bound over the drift, with a sweep over the shift in each branch;
//! where that region is, and how likely each part of it, gives the map and what can be claimed of it.
use super::agreement::{Agreement, Part};
use super::sweep::{Match, Piece, Sweep};
use crate::sync::{Affine, Event, Settings};

/// No shift at all lies between these.
const NOWHERE: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);
/// Branches that are looked into.
const BRANCHES: usize = 64;
/// A branch that moves no interval by more than this part of the narrowest is not split.
const FINE: f64 = 0.05;
/// Drifts at which the region is described: so many steps.
const DRIFTS: i32 = 32;
/// The region is looked at closer where a drift has this part of the likeliest one's probability.
const LIKELY: f64 = 1e-4;
/// So seldom an interval is wrong, by a little.
const MISTAKEN: f64 = 0.02;
/// Shifts that this many events fewer allow than the best are held possible.
const DEPTH: usize = 2;
/// No interval is narrower than this, in seconds: half a sample of sound.
const LEAST_WIDTH: f64 = 31e-6;
/// More candidates than this are thinned to the newest events', unless more are asked for.
const MOST_MATCHES: usize = 1024;

/// A point of the map: the drift, and the span of shifts that most events allow there.
#[derive(Clone, Copy, Debug)]
struct Point {
    drift: f64,
    piece: Piece,
}

/// Drifts about one, and how many events any of them can have.
#[derive(Clone, Copy, Debug)]
struct Branch {
    drift: f64,
    half: f64,
    bound: usize,
}

/// Finds the map that most events of two streams agree on, each list in the order of time.
#[derive(Debug)]
pub struct Matcher {
    sweep: Sweep,
    matches: Vec<Match>,
    near: Vec<Match>,
    most: usize,
}

impl Default for Matcher {
    fn default() -> Self {
        Self::with_most(MOST_MATCHES)
    }
}

impl Matcher {
    /// Looks at no more candidates than these: two events that can be the same are one.
    #[must_use]
    pub fn with_most(most: usize) -> Self {
        Self {
            sweep: Sweep::default(),
            matches: Vec::new(),
            near: Vec::new(),
            most,
        }
    }

    /// What the events say, with the shift told at own time `origin`; nothing when none can be the same.
    pub fn agree(
        &mut self,
        reference: &[Event],
        stream: &[Event],
        settings: &Settings,
        origin: f64,
    ) -> Option<Agreement> {
        self.collect(reference, stream, settings.max_offset, origin);
        let best = self.most_agreed(settings.max_drift)?;
        let widest = self.gather(&best);
        let apart = widest + best.piece.to - best.piece.from;
        let middle = f64::midpoint(best.piece.from, best.piece.to);
        let without = (middle - apart, middle + apart);
        let rival = self.sweep.best(&self.matches, best.drift, 0.0, without);
        let count = best.piece.count;
        let mut agreement = Agreement {
            count,
            rival: rival.map_or(0.0, |rival| rival.count as f64 / count as f64),
            chance: self.chance(count, middle, settings, (reference, stream)),
            share: self.share(count, reference, stream, middle),
            residuals: Vec::new(),
            origin,
            parts: self.describe(&best, reference, settings.max_drift),
        };
        let map = agreement.estimate(origin).map;
        agreement.residuals = self.residuals(&map, &best, origin);
        Some(agreement)
    }

    /// Lists every two events that can be the same.
    fn collect(&mut self, reference: &[Event], stream: &[Event], max_offset: f64, origin: f64) {
        self.matches.clear();
        for (which, event) in stream.iter().enumerate() {
            for (other, same) in reference.iter().enumerate() {
                let mut found = Match::new((other, same), (which, event), origin);
                if !(found.width() >= 0.0 && found.width().is_finite() && found.time.is_finite()) {
                    continue;
                }
                let narrow = (LEAST_WIDTH - found.width()).max(0.0) / 2.0;
                found.least -= narrow;
                found.most += narrow;
                if found.least <= max_offset && found.most >= -max_offset {
                    self.matches.push(found);
                }
            }
        }
        let surplus = self.matches.len().saturating_sub(self.most);
        self.matches.drain(..surplus);
    }

    /// The farthest time from the origin, and the mean and least width of intervals.
    fn scale(&self) -> (f64, f64, f64) {
        let far = self.matches.iter().map(|found| found.time.abs());
        let widths = || self.matches.iter().map(Match::width);
        let mean = widths().sum::<f64>() / self.matches.len().max(1) as f64;
        (far.fold(0.0, f64::max), mean, widths().fold(mean, f64::min))
    }

    /// Branch and bound over the drift.
    fn most_agreed(&mut self, max_drift: f64) -> Option<Point> {
        let (far, mean, least) = self.scale();
        let roots = (max_drift * far / mean).ceil().clamp(1.0, 16.0);
        let half = max_drift / roots;
        let mut branches: Vec<Branch> = (0..roots as usize)
            .map(|root| -max_drift + half * (2 * root + 1) as f64)
            .filter_map(|drift| self.branch(drift, half))
            .collect();
        let mut best: Option<Point> = None;
        for _ in 0..BRANCHES {
            let most = branches
                .iter()
                .enumerate()
                .max_by_key(|(_, branch)| branch.bound);
            let Some((which, bound)) = most.map(|(which, branch)| (which, branch.bound)) else {
                break;
            };
            if best.is_some_and(|best| best.piece.count >= bound) {
                break;
            }
            let branch = branches.swap_remove(which);
            let piece = self.sweep.best(&self.matches, branch.drift, 0.0, NOWHERE);
            let more = |piece: &Piece| best.is_none_or(|best| piece.count > best.piece.count);
            if let Some(piece) = piece.filter(more) {
                best = Some(Point {
                    drift: branch.drift,
                    piece,
                });
            }
            let half = branch.half / 2.0;
            if branch.half * far > FINE * least {
                branches.extend(self.branch(branch.drift - half, half));
                branches.extend(self.branch(branch.drift + half, half));
            }
        }
        best
    }

    fn branch(&mut self, drift: f64, half: f64) -> Option<Branch> {
        let piece = self.sweep.best(&self.matches, drift, half, NOWHERE)?;
        Some(Branch {
            drift,
            half,
            bound: piece.count,
        })
    }

    /// Picks the matches about the best; tells how wide the widest is.
    fn gather(&mut self, best: &Point) -> f64 {
        let widest = self.matches.iter().map(Match::width).fold(0.0, f64::max);
        let around = (best.piece.from - widest, best.piece.to + widest);
        self.near.clear();
        self.near.extend(self.matches.iter().filter(|found| {
            let (least, most) = found.at(best.drift);
            least <= around.1 && most >= around.0
        }));
        widest
    }

    /// How many agreements as good as that of `count` events at `shift` unrelated ones would give: fewer are to be expected
    /// where the recordings hardly overlap, and none where they don't.
    fn chance(
        &self,
        count: usize,
        shift: f64,
        settings: &Settings,
        (reference, stream): (&[Event], &[Event]),
    ) -> f64 {
        let (far, mean, _) = self.scale();
        let (theirs, ours) = (extent(reference), extent(stream));
        let all = theirs.1 - theirs.0 + ours.1 - ours.0;
        let shifts = (2.0 * settings.max_offset).min(all).max(mean);
        let overlap = theirs.1.min(ours.1 + shift) - theirs.0.max(ours.0 + shift);
        let pairs = common(reference, stream, shift) * common(stream, reference, -shift);
        let expected = pairs as f64 * mean / overlap.max(mean);
        let drifts = (2.0 * settings.max_drift * far / mean).max(1.0);
        shifts / mean * drifts * poisson_tail(count, expected)
    }

    /// The share of events that agree, of those that lie where the other stream has some.
    fn share(&self, count: usize, reference: &[Event], stream: &[Event], shift: f64) -> f64 {
        let both = common(reference, stream, shift).min(common(stream, reference, -shift));
        (count as f64 / both.max(count).max(1) as f64).clamp(0.0, 1.0)
    }

    /// Describes the region in which nearly as many events agree as at the best.
    fn describe(&mut self, best: &Point, reference: &[Event], max_drift: f64) -> Vec<Part> {
        let odds = self.odds(reference);
        let low = self.reach(best, -1.0, max_drift);
        let high = self.reach(best, 1.0, max_drift);
        let rough = self.parts(best, odds, (low, high), max_drift);
        let mut likely: Vec<(f64, f64)> = Vec::new();
        for part in rough.iter().filter(|part| part.allowed) {
            match likely.last_mut() {
                Some((drift, weight)) if *drift == part.drift => *weight += part.weight,
                _ => likely.push((part.drift, part.weight)),
            }
        }
        let least = LIKELY * likely.iter().map(|slice| slice.1).fold(0.0, f64::max);
        let step = (high - low) / f64::from(DRIFTS);
        let mut drifts = likely.iter().filter(|slice| slice.1 > least);
        let (Some(first), last) = (drifts.next(), drifts.next_back()) else {
            // Narrower than all steps.
            return vec![Part {
                drift: best.drift,
                half: step / 2.0,
                from: best.piece.from,
                to: best.piece.to.max(best.piece.from + LEAST_WIDTH),
                weight: 1.0,
                allowed: true,
            }];
        };
        let from = (first.0 - step).max(low);
        let to = (last.unwrap_or(first).0 + step).min(high);
        let closer = self.parts(best, odds, (from, to), max_drift);
        if closer.iter().any(|part| part.allowed) {
            closer
        } else {
            rough
        }
    }

    /// The region between two drifts, and half as far again beyond the one that is as large as allowed.
    fn parts(&mut self, best: &Point, odds: f64, (low, high): (f64, f64), max: f64) -> Vec<Part> {
        let step = (high - low) / f64::from(DRIFTS);
        let beyond = |end: f64| if end.abs() < max { 0 } else { DRIFTS / 2 };
        let count = best.piece.count;
        let mut parts = Vec::new();
        for index in -beyond(low)..=DRIFTS + beyond(high) {
            let drift = low + step * f64::from(index);
            self.sweep.over(&self.near, drift, 0.0, |piece| {
                if piece.count + DEPTH < count || piece.count == 0 || piece.to <= piece.from {
                    return;
                }
                let fewer = count as i32 - piece.count as i32;
                parts.push(Part {
                    drift,
                    half: step / 2.0,
                    from: piece.from,
                    to: piece.to,
                    weight: (piece.to - piece.from) * odds.powi(-fewer),
                    allowed: (0..=DRIFTS).contains(&index),
                });
            });
        }
        parts
    }

    /// How much likelier it is that two events agree because they are the same than by chance.
    fn odds(&self, reference: &[Event]) -> f64 {
        let (_, mean, _) = self.scale();
        let length = match (reference.first(), reference.last()) {
            (Some(first), Some(last)) => last.latest - first.earliest,
            _ => 0.0,
        };
        (length / (mean * reference.len().max(1) as f64)).clamp(3.0, 1.0 / MISTAKEN)
    }

    /// The drift from the best in this direction up to which nearly as many agree.
    fn reach(&mut self, best: &Point, direction: f64, max_drift: f64) -> f64 {
        let (far, _, least) = self.scale();
        let mut step = (FINE * least / far.max(1e-3)).min(max_drift);
        let mut drift = best.drift;
        while drift.abs() < max_drift && step > 0.0 {
            drift = (best.drift + direction * step).clamp(-max_drift, max_drift);
            let piece = self.sweep.best(&self.near, drift, 0.0, NOWHERE);
            if piece.is_none_or(|piece| piece.count + DEPTH < best.piece.count) {
                break;
            }
            step *= 1.5;
        }
        drift
    }

    /// How far events that agree lie off the map, one to one.
    fn residuals(&self, map: &Affine, best: &Point, origin: f64) -> Vec<(f64, f64)> {
        let mut agreeing: Vec<&Match> = self.near.iter().collect();
        agreeing.retain(|found| {
            let (least, most) = found.at(best.drift);
            least <= best.piece.to && most >= best.piece.from
        });
        let off = |found: &Match| {
            let shift = f64::midpoint(found.least, found.most);
            shift - map.shift(origin + found.time)
        };
        agreeing.sort_by(|a, b| off(a).abs().total_cmp(&off(b).abs()));
        let mut taken: Vec<&Match> = Vec::new();
        for found in agreeing {
            let same =
                |other: &&Match| other.reference == found.reference || other.stream == found.stream;
            if !taken.iter().any(same) {
                taken.push(found);
            }
        }
        taken.sort_by(|a, b| a.time.total_cmp(&b.time));
        taken
            .iter()
            .map(|found| (origin + found.time, off(found)))
            .collect()
    }
}

/// From the begin of the first to the end of the last.
fn extent(events: &[Event]) -> (f64, f64) {
    match (events.first(), events.last()) {
        (Some(first), Some(last)) => (first.earliest, last.latest),
        _ => (0.0, 0.0),
    }
}

/// How many of `events` lie within the span of the `others` when shifted onto their line.
fn common(others: &[Event], events: &[Event], shift: f64) -> usize {
    let (Some(first), Some(last)) = (others.first(), others.last()) else {
        return 0;
    };
    let inside = |event: &&Event| {
        event.latest + shift >= first.earliest && event.earliest + shift <= last.latest
    };
    events.iter().filter(inside).count()
}

/// The probability of `count` or more where `expected` are expected.
fn poisson_tail(count: usize, expected: f64) -> f64 {
    if count as f64 <= expected {
        return 1.0;
    }
    let logarithm: f64 = (1..=count).map(|k| (expected / k as f64).ln()).sum();
    let mut term = (logarithm - expected).exp();
    let mut tail = 0.0;
    for k in count + 1..count + 64 {
        tail += term;
        term *= expected / k as f64;
    }
    tail.min(1.0)
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
