//! What events of two streams say together: which maps are possible, and how likely each is.
use crate::sync::{Affine, Factors};

/// Half of all clocks run off by less than this against each other, as a ratio; a Cauchy distribution lets others be.
const USUAL_DRIFT: f64 = 30e-6;
/// What is claimed holds with this probability, if the intervals do as often as they say.
const CLAIM: f64 = 0.99;

/// So many events that agree are a provisional map.
pub(super) const FEW: usize = 3;
/// So many prove it.
const ENOUGH: usize = 5;
/// As good a map must be expected this seldom from events that have nothing to do with each other, to be provisional.
pub(super) const SELDOM: f64 = 1e-2;
/// And this seldom to be proven.
const RARE: f64 = 1e-5;
/// A rival that explains this share of the events leaves it open which is true.
const RIVAL: f64 = 0.7;
/// A map with a rival of more than this is not proven: of few even flashes, some of them missed, the best is found by chance.
pub(super) const PROOF_RIVAL: f64 = 0.5;
/// And so does one that explains all but one.
const AHEAD: usize = 2;

/// A part of the region of shifts and drifts that is possible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub drift: f64,
    /// It stands for drifts up to this far from its own.
    pub half: f64,
    pub from: f64,
    pub to: f64,
    /// Its share of the probability, where all drifts count the same.
    pub weight: f64,
    /// Whether clocks were said to drift so much at most.
    pub allowed: bool,
}

impl Part {
    /// The span of shifts after so long, in seconds.
    fn after(&self, ahead: f64) -> (f64, f64) {
        let moved = self.drift * ahead;
        let wider = self.half * ahead.abs();
        (self.from + moved - wider, self.to + moved + wider)
    }
}

/// How usual a drift is, against none at all.
fn usual(drift: f64) -> f64 {
    1.0 / (1.0 + (drift / USUAL_DRIFT).powi(2))
}

/// What events of two streams say together.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// How many events agree.
    pub count: usize,
    /// How many more agree elsewhere at best, as a share of `count`.
    pub rival: f64,
    /// How many agreements as good are to be expected of events that have nothing to do with each other.
    pub chance: f64,
    /// The share of events that agree, of those that could.
    pub share: f64,
    /// Own times of the events that agree, and how far the middles of their intervals lie off the map.
    pub residuals: Vec<(f64, f64)>,
    pub(super) origin: f64,
    pub(super) parts: Vec<Part>,
}

/// A map and the accuracy that is claimed for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The map.
    pub map: Affine,
    /// The true shift lies no further off, in seconds.
    pub uncertainty: f64,
}

impl Agreement {
    /// The map, and how well it is known at own time `now`.
    #[must_use]
    pub fn estimate(&self, now: f64) -> Estimate {
        self.estimate_over(now, &[now])
    }

    /// The map, and how well it is known at all of these own times at once.
    ///
    /// The map is the mean of what is possible, where small drifts count for more. The claim is none of that: it reaches from
    /// the map over the spans in which the shift lies if no drift is more usual than another, not even those that are not
    /// allowed, so that it holds as often at each drift. Only where no allowed map leads it does not reach.
    #[must_use]
    pub fn estimate_over(&self, now: f64, times: &[f64]) -> Estimate {
        let ahead = now - self.origin;
        let drift = self.mean(|part| part.drift);
        let shift = self.mean(|part| f64::midpoint(part.from, part.to) + part.drift * ahead);
        let map = Affine::through(now, shift, drift);
        let tail = (1.0 - CLAIM) / (2 * times.len().max(1)) as f64;
        let reach = |time: &f64| {
            let ahead = time - self.origin;
            let (least, most) = self.hull(ahead);
            let low = self.quantile(tail, ahead).max(least);
            let high = self.quantile(1.0 - tail, ahead).min(most);
            let shift = map.shift(*time);
            (shift - low).max(high - shift)
        };
        Estimate {
            map,
            uncertainty: times.iter().map(reach).fold(0.0, f64::max),
        }
    }

    /// Whether one map can be told from it.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        let rival = (self.rival * self.count as f64).round() as usize;
        self.rival < RIVAL && rival + AHEAD <= self.count
    }

    /// Whether it says where the stream lies, to be proven.
    #[must_use]
    pub fn is_fair(&self) -> bool {
        self.count >= FEW && self.chance <= SELDOM && self.is_clear()
    }

    /// Whether it proves where the stream lies.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        self.count >= ENOUGH && self.chance <= RARE && self.rival <= PROOF_RIVAL
    }

    /// Whether many events agree, and nearly as many elsewhere.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.count > FEW && !self.is_clear()
    }

    /// What its quality is made of, just now.
    #[must_use]
    pub fn factors(&self) -> Factors {
        Factors {
            peak: ((self.count as f64 - 2.0) / 6.0).clamp(0.0, 1.0),
            second: ((1.0 - self.rival) / 0.4).clamp(0.0, 1.0),
            inliers: self.share,
            freshness: 1.0,
        }
    }

    /// The mean of a value over all that is possible and allowed.
    fn mean(&self, value: impl Fn(&Part) -> f64) -> f64 {
        let mut sum = 0.0;
        let mut total = 0.0;
        for part in self.parts.iter().filter(|part| part.allowed) {
            let weight = part.weight * usual(part.drift);
            sum += weight * value(part);
            total += weight;
        }
        sum / total
    }

    /// The shift that is not exceeded with this probability.
    fn quantile(&self, share: f64, ahead: f64) -> f64 {
        let total: f64 = self.parts.iter().map(|part| part.weight).sum();
        let below = |shift: f64| {
            let inside = |part: &Part| {
                let (from, to) = part.after(ahead);
                part.weight * ((shift - from) / (to - from)).clamp(0.0, 1.0)
            };
            self.parts.iter().map(inside).sum::<f64>()
        };
        let (mut low, mut high) = span(self.parts.iter().map(|part| part.after(ahead)));
        for _ in 0..24 {
            let middle = f64::midpoint(low, high);
            if below(middle) < share * total {
                low = middle;
            } else {
                high = middle;
            }
        }
        f64::midpoint(low, high)
    }

    /// The least and the largest shift that any allowed map leads to.
    fn hull(&self, ahead: f64) -> (f64, f64) {
        let allowed = self.parts.iter().filter(|part| part.allowed);
        span(allowed.map(|part| part.after(ahead)))
    }
}

/// From the least begin to the largest end.
fn span(spans: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    spans.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), span| {
        (low.min(span.0), high.max(span.1))
    })
}
