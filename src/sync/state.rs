//! What is known of a pair of streams.

use super::Affine;

/// How far a measurement has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing agrees yet.
    #[default]
    Unlocked,
    /// Two votes agree, or a map from before or from outside awaits its proof.
    Provisional,
    /// Three votes from windows that lie apart agree.
    Locked,
}

/// The factors whose product is the quality, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Factors {
    /// How far the peak of the wide search stands above its surroundings: (peak/RMS − 4) / 8.
    pub peak: f64,
    /// How far the second peak lies below the first: (1 − second/first) / 0.4.
    pub second: f64,
    /// The share of measurements that agree with the fitted map.
    pub inliers: f64,
    /// Falls as the last agreeing measurement grows old.
    pub freshness: f64,
}

impl Factors {
    /// Their product.
    #[must_use]
    pub fn quality(&self) -> f64 {
        self.peak * self.second * self.inliers * self.freshness
    }
}

/// What is known of a stream against its reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// How far the measurement has come.
    pub state: State,
    /// The map; the identity while unlocked.
    pub map: Affine,
    /// The accuracy that is claimed for the map, in seconds; infinite while unlocked.
    pub uncertainty: f64,
    /// What the quality is made of.
    pub factors: Factors,
}

impl Default for Measure {
    fn default() -> Self {
        Self {
            state: State::default(),
            map: Affine::IDENTITY,
            uncertainty: f64::INFINITY,
            factors: Factors::default(),
        }
    }
}
