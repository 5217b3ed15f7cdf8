//! A stream's audio as it would be without its drift.

use super::super::{RATE, Window};
use super::kernel::Kernel;

/// A smaller drift moves nothing within a few seconds that matters: 2 ppm are 5 µs at the ends of 5 s.
const STEADY: f64 = 2e-6;

/// Samples of a stream that are as far apart on the reference's line as the reference's own.
#[derive(Debug)]
pub(super) struct Warped {
    pub(super) samples: Vec<f32>,
    /// The time of the middle on the stream's own line; it stays where it is.
    middle: f64,
    /// How far samples are apart on the stream's own line, in seconds.
    step: f64,
    steady: bool,
}

impl Warped {
    /// The audio of a window without this drift.
    pub(super) fn new(kernel: &Kernel, window: &Window, drift: f64) -> Self {
        let middle = f64::midpoint(window.start, window.end());
        // A map may say anything; no clock is off by a hundredth.
        let steady = !drift.is_finite() || drift.abs() < STEADY;
        let step = if steady {
            1.0
        } else {
            1.0 / (1.0 + drift.clamp(-0.01, 0.01))
        };
        let samples = if steady {
            window.samples.clone()
        } else {
            resampled(kernel, &window.samples, step)
        };
        Self {
            samples,
            middle,
            step: step / RATE,
            steady,
        }
    }

    /// Whether they are the stream's own samples.
    pub(super) fn is_steady(&self) -> bool {
        self.steady
    }

    /// The time of a sample on the stream's own line, in seconds.
    pub(super) fn time(&self, sample: usize) -> f64 {
        self.middle + (sample as f64 - self.samples.len() as f64 / 2.0) * self.step
    }
}

/// As many samples, `step` apart, about the same middle.
pub(crate) fn resampled(kernel: &Kernel, samples: &[f32], step: f64) -> Vec<f32> {
    let middle = samples.len() as f64 / 2.0;
    let mut out = vec![0.0; samples.len()];
    kernel.resample(samples, middle - middle * step, step, &mut out);
    out
}
