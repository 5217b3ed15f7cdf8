//! A scene that two microphones hear, and the clock of the second.

use std::f64::consts::PI;

use crate::common::corpus::{Pair, samples};
use crate::live::RATE;

/// Samples to each side from which one between is made.
const REACH: isize = 12;

/// A stream's own clock against the reference's: straight pieces, times in seconds.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Where each begins on the own line and on the reference's, and how much faster the reference's time passes; the
    /// first holds for all that lies before it.
    pieces: Vec<(f64, f64, f64)>,
}

impl Clock {
    /// The own time 0 is the reference's `offset`; the reference's time passes faster by the ratio `drift`.
    pub fn new(offset: f64, drift: f64) -> Self {
        Self {
            pieces: vec![(0.0, offset, drift)],
        }
    }

    /// From an own time on it drifts otherwise.
    pub fn then(mut self, own: f64, drift: f64) -> Self {
        self.pieces.push((own, self.apply(own), drift));
        self
    }

    fn piece(&self, before: impl Fn(&(f64, f64, f64)) -> bool) -> (f64, f64, f64) {
        let later = self.pieces.partition_point(before);
        self.pieces[later.saturating_sub(1)]
    }

    /// The reference's time at an own one.
    pub fn apply(&self, own: f64) -> f64 {
        let (begin, there, drift) = self.piece(|piece| piece.0 <= own);
        there + (own - begin) * (1.0 + drift)
    }

    /// The own time at one of the reference's.
    pub fn invert(&self, reference: f64) -> f64 {
        let (begin, there, drift) = self.piece(|piece| piece.1 <= reference);
        begin + (reference - there) / (1.0 + drift)
    }
}

/// What two microphones recorded.
pub struct Scene {
    pub reference: Vec<f32>,
    pub heard: Vec<f32>,
    /// The second one's.
    pub clock: Clock,
}

impl From<&Pair> for Scene {
    fn from(pair: &Pair) -> Self {
        Self {
            reference: samples(&pair.reference),
            heard: samples(&pair.stream),
            clock: Clock::new(pair.offset, pair.drift),
        }
    }
}

impl Scene {
    /// Both hear the same; the second by that clock.
    pub fn by(clock: Clock, reference: Vec<f32>) -> Self {
        let own_end = clock.invert(reference.len() as f64 / RATE);
        let number = (own_end * RATE).max(0.0) as usize;
        let heard = |n: usize| between(&reference, clock.apply(n as f64 / RATE) * RATE);
        Self {
            heard: (0..number).map(heard).collect(),
            reference,
            clock,
        }
    }
}

/// The value between samples: a sinc under a Hann window.
fn between(samples: &[f32], at: f64) -> f32 {
    let first = at.floor() as isize;
    let value = |n: isize| {
        let sample = usize::try_from(n).ok().and_then(|n| samples.get(n))?;
        let x = at - n as f64;
        let sinc = if x == 0.0 {
            1.0
        } else {
            (PI * x).sin() / (PI * x)
        };
        let window = 0.5 + 0.5 * (PI * x / (REACH + 1) as f64).cos();
        Some(f64::from(*sample) * sinc * window)
    };
    let sum: f64 = (first - REACH + 1..=first + REACH).filter_map(value).sum();
    sum as f32
}
