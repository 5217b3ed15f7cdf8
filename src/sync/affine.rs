//! A straight map between two time lines.

/// A map from a stream's own time to the reference's: `reference = offset + time * (1 + drift)`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Affine {
    /// Where on the reference's line the stream's own time 0 lies, in seconds.
    pub offset: f64,
    /// How much faster the reference's line passes, as a ratio: 1e-6 is one part in a million.
    pub drift: f64,
}

impl Affine {
    /// The map of a stream that is its own reference.
    pub const IDENTITY: Self = Self {
        offset: 0.0,
        drift: 0.0,
    };

    /// The map of this drift that takes `time` to `time + shift`.
    #[must_use]
    pub fn through(time: f64, shift: f64, drift: f64) -> Self {
        Self {
            offset: shift - time * drift,
            drift,
        }
    }

    /// The reference's time at the stream's own `time`.
    #[must_use]
    pub fn apply(&self, time: f64) -> f64 {
        time + self.shift(time)
    }

    /// What is added to the stream's own `time`.
    #[must_use]
    pub fn shift(&self, time: f64) -> f64 {
        self.offset + time * self.drift
    }

    /// The stream's own time at the reference's `time`. A drift of -1 or less has none; such maps are never measured.
    #[must_use]
    pub fn invert(&self, time: f64) -> f64 {
        (time - self.offset) / (1.0 + self.drift)
    }

    /// The map back: from the reference's line to the stream's own.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self {
            offset: self.invert(0.0),
            drift: 1.0 / (1.0 + self.drift) - 1.0,
        }
    }

    /// The map that takes a time through `first` and then through this one.
    #[must_use]
    pub fn after(&self, first: &Self) -> Self {
        Self {
            offset: self.apply(first.offset),
            drift: self.drift + first.drift + self.drift * first.drift,
        }
    }

    /// The drift in parts per million.
    #[must_use]
    pub fn ppm(&self) -> f64 {
        self.drift * 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_goes_there_and_back() {
        let map = Affine::through(100.0, -0.25, 2e-4);
        assert!((map.apply(100.0) - 99.75).abs() < 1e-12);
        assert!((map.apply(110.0) - 109.752).abs() < 1e-12);
        assert!((map.invert(109.752) - 110.0).abs() < 1e-9);
        assert!((map.ppm() - 200.0).abs() < 1e-9);
        assert!((map.inverse().apply(109.752) - 110.0).abs() < 1e-9);
    }

    #[test]
    fn maps_follow_each_other() {
        let (first, second) = (
            Affine::through(1.0, 2.0, 1e-3),
            Affine::through(5.0, -1.0, -2e-3),
        );
        let both = second.after(&first);
        assert!((both.apply(7.0) - second.apply(first.apply(7.0))).abs() < 1e-12);
        let none = first.inverse().after(&first);
        assert!(none.offset.abs() < 1e-12 && none.drift.abs() < 1e-12);
    }
}
