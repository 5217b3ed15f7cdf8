//! What a measurement is asked to do.

/// Bounds and lengths of a measurement. The defaults are those of `syncaligner`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Length of the audio that is compared, in seconds.
    pub window: f64,
    /// Largest offset that is looked for, in seconds to either side.
    pub max_offset: f64,
    /// Largest drift that is looked for, as a ratio to either side.
    pub max_drift: f64,
    /// A wide search of less quality than this has no vote.
    pub min_quality: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: 5.0,
            max_offset: 2.0,
            max_drift: 500e-6,
            min_quality: 0.25,
        }
    }
}
