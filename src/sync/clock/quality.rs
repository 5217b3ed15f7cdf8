//! How good a pair's measurement is, in one number and what it is made of.

use std::collections::VecDeque;

use super::fit::median;
use crate::sync::Factors;
use crate::sync::audio::Found;

/// The factors of peaks are medians over this many wide searches: one cough changes nothing.
const RECENT: usize = 5;
/// Up to this age an agreement is fresh, in seconds.
const FRESH: f64 = 3.0;
/// From this age on an agreement counts for nothing, in seconds.
pub const FADED: f64 = 60.0;

/// How far a peak stands above its surroundings, 0 to 1.
#[must_use]
pub fn peak(found: &Found) -> f64 {
    share((found.peak - 4.0) / 8.0)
}

/// How far a second peak lies below the first, 0 to 1.
#[must_use]
pub fn second(found: &Found) -> f64 {
    share((1.0 - found.second) / 0.4)
}

/// How much an agreement of this age counts, 0 to 1.
#[must_use]
pub fn freshness(age: f64) -> f64 {
    share((FADED - age) / (FADED - FRESH))
}

/// What is no number is worth nothing.
fn share(value: f64) -> f64 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(0.0, 1.0)
    }
}

/// What the latest wide searches were like.
#[derive(Debug, Default)]
pub struct Quality {
    recent: VecDeque<(f64, f64)>,
    agreed: Option<f64>,
}

impl Quality {
    /// A wide search found this, agreeing or not.
    pub fn searched(&mut self, found: &Found) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((peak(found), second(found)));
    }

    /// What was heard up to `end`, on the stream's own line, agrees with the map.
    pub fn agreed(&mut self, end: f64) {
        self.agreed = Some(self.agreed.map_or(end, |before| before.max(end)));
    }

    /// Since when nothing agreed, at own time `now`; infinite if nothing ever did.
    #[must_use]
    pub fn age(&self, now: f64) -> f64 {
        self.agreed
            .map_or(f64::INFINITY, |agreed| (now - agreed).max(0.0))
    }

    /// The factors at own time `now`, where this share of votes agrees.
    #[must_use]
    pub fn factors(&self, inliers: f64, now: f64) -> Factors {
        let mut peaks: Vec<f64> = self.recent.iter().map(|recent| recent.0).collect();
        let mut seconds: Vec<f64> = self.recent.iter().map(|recent| recent.1).collect();
        Factors {
            peak: median(&mut peaks).unwrap_or(0.0),
            second: median(&mut seconds).unwrap_or(0.0),
            inliers: share(inliers),
            freshness: freshness(self.age(now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peak: f64, second: f64) -> Found {
        Found {
            peak,
            second,
            ..Found::default()
        }
    }

    #[test]
    fn factors_are_those_of_the_contract() {
        let mut quality = Quality::default();
        quality.searched(&found(8.0, 0.8));
        quality.agreed(100.0);
        let factors = quality.factors(0.9, 100.0);
        assert!((factors.peak - 0.5).abs() < 1e-12);
        assert!((factors.second - 0.5).abs() < 1e-12);
        assert!((factors.inliers - 0.9).abs() < 1e-12);
        assert!((factors.freshness - 1.0).abs() < 1e-12);
        assert!((factors.quality() - 0.225).abs() < 1e-12);
    }

    #[test]
    fn a_single_bad_search_changes_nothing_and_age_does() {
        let mut quality = Quality::default();
        for peak in [30.0, 30.0, 2.0, 30.0] {
            quality.searched(&found(peak, 0.2));
        }
        quality.agreed(10.0);
        quality.agreed(9.0);
        let at = |now| quality.factors(1.0, now).quality();
        assert!((at(11.0) - 1.0).abs() < 1e-12);
        assert!((0.4..0.6).contains(&at(40.0)));
        assert!(at(71.0) < 1e-12);
    }

    #[test]
    fn nothing_known_is_worth_nothing() {
        assert!(Quality::default().factors(1.0, 5.0).quality() < 1e-12);
        assert!(peak(&found(f64::NAN, 0.0)) < 1e-12);
        assert!((peak(&found(100.0, 0.0)) - 1.0).abs() < 1e-12);
        assert!(second(&found(9.0, 1.2)) < 1e-12);
    }
}
