//! The shifts that were measured lately, and what they say together.

use std::collections::VecDeque;

use super::fit::{self, Fit, Prior, median, quantile};
use crate::sync::Affine;

/// Votes that differ by no more than this from what the others predict agree, in seconds.
pub const AGREE: f64 = 0.3e-3;
/// Votes older than this are forgotten, in seconds.
pub const MEMORY: f64 = 30.0;
/// A drift that no votes have told yet is known to this, as a ratio: hypotheses lie up to 75 ppm off.
pub const UNTOLD: f64 = 50e-6;
/// A drift that votes told may have changed by this since, as a ratio: quartz warms up.
const WANDER: f64 = 5e-6;
/// Votes over less time don't tell a drift to keep, in seconds.
const TELLING: f64 = 10.0;
/// More votes than four a second for all of the memory are not kept.
const MOST: usize = 160;
/// This many of the newest votes tell whether the line bends.
const NEWEST: usize = 8;
/// The newest votes must leave the line by this to bend it, in seconds.
const BEND: f64 = 60e-6;

/// How far votes lie off the map, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Residuals {
    /// Half of them lie no further off.
    pub p50: f64,
    /// 95 % of them.
    pub p95: f64,
    /// 99 % of them.
    pub p99: f64,
}

/// Measured shifts of the last 30 s and the line through them.
#[derive(Debug, Default)]
pub struct Votes {
    /// Own times and shifts there, in seconds, by rising time.
    points: VecDeque<(f64, f64)>,
    /// Own times of votes that did not agree.
    missed: VecDeque<f64>,
    known: Option<Prior>,
    fit: Option<Fit>,
}

impl Votes {
    /// Begins with a drift that is known to about 50 ppm, from windows of `shared` seconds.
    pub fn begin(&mut self, drift: f64, shared: f64) {
        *self = Self::default();
        self.known = Some(Prior {
            drift,
            sigma: UNTOLD,
            shared,
        });
    }

    /// Takes a vote in; out of order, or not finite, it is dropped.
    pub fn push(&mut self, at: f64, shift: f64) {
        let newest = self
            .points
            .back()
            .map_or(f64::NEG_INFINITY, |point| point.0);
        if !(at.is_finite() && shift.is_finite() && at > newest) {
            return;
        }
        self.points.push_back((at, shift));
        while self.points.len() > MOST || self.points.front().is_some_and(|p| p.0 < at - MEMORY) {
            self.points.pop_front();
        }
        self.missed.retain(|missed| *missed >= at - MEMORY);
    }

    /// Counts a vote that does not agree with the map; it has no part in the line.
    pub fn miss(&mut self, at: f64) {
        self.missed.retain(|missed| *missed >= at - MEMORY);
        if self.missed.len() >= MOST {
            self.missed.pop_front();
        }
        self.missed.push_back(at);
    }

    /// The line through the votes. Drifts beyond `most` are held there.
    pub fn fit(&mut self, most: f64) -> Option<Affine> {
        let known = self.known?;
        let mut fit = fit::robust_about(self.points.make_contiguous(), &known)?;
        if self.bends(&fit) {
            let keep = self.points.len().div_ceil(2);
            self.points.drain(..self.points.len() - keep);
            let loose = Prior {
                drift: fit.map.drift,
                sigma: UNTOLD,
                ..known
            };
            self.known = Some(loose);
            fit = fit::robust_about(self.points.make_contiguous(), &loose)?;
        } else if self.length() >= TELLING {
            self.known = Some(Prior {
                drift: fit.map.drift,
                sigma: (2.0 * fit.drift_sigma).max(WANDER),
                ..known
            });
        }
        if fit.map.drift.abs() > most {
            let (at, _) = self.points.back()?;
            let drift = fit.map.drift.clamp(-most, most);
            fit.map = Affine::through(*at, fit.map.shift(*at), drift);
        }
        let map = fit.map;
        self.fit = Some(fit);
        Some(map)
    }

    /// Whether the newest votes all lie to one side, though not by a step: the clocks' drift changes.
    fn bends(&self, fit: &Fit) -> bool {
        if self.points.len() < 3 * NEWEST {
            return false;
        }
        let mut newest: Vec<f64> = fit.residuals.iter().rev().take(NEWEST).copied().collect();
        let off = median(&mut newest).unwrap_or(0.0).abs();
        off > BEND.max(3.0 * fit.sigma) && off < AGREE
    }

    /// Over how much time there are votes, in seconds.
    fn length(&self) -> f64 {
        match (self.points.front(), self.points.back()) {
            (Some(first), Some(last)) => last.0 - first.0,
            _ => 0.0,
        }
    }

    /// How many are remembered.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.points.len() + self.missed.len()
    }

    /// The time of the newest vote.
    pub fn newest(&self) -> Option<f64> {
        self.points.back().map(|point| point.0)
    }

    /// Standard deviation of the drift.
    pub fn drift_sigma(&self) -> f64 {
        let fitted = self.fit.as_ref().map(|fit| fit.drift_sigma);
        fitted
            .or(self.known.map(|known| known.sigma))
            .unwrap_or(UNTOLD)
    }

    /// The share of votes that agree with the map; 0 for none.
    pub fn inliers(&self) -> f64 {
        let residuals = self.fit.as_ref().map_or(&[][..], |fit| &fit.residuals);
        let inside = residuals.iter().filter(|r| r.abs() <= AGREE).count();
        inside as f64 / (residuals.len() + self.missed.len()).max(1) as f64
    }

    /// How far votes lie off their line; nothing before the first.
    pub fn residuals(&self) -> Option<Residuals> {
        let mut sizes: Vec<f64> = self
            .fit
            .as_ref()?
            .residuals
            .iter()
            .map(|r| r.abs())
            .collect();
        Some(Residuals {
            p50: quantile(&mut sizes, 0.5)?,
            p95: quantile(&mut sizes, 0.95)?,
            p99: quantile(&mut sizes, 0.99)?,
        })
    }
}
