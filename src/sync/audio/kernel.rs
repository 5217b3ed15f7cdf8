//! Values between samples.

use std::f64::consts::PI;

/// Samples that a value between samples is made of.
const TAPS: usize = 16;
/// Places between two samples for which coefficients are kept. The nearest is taken: 1/1024 of a sample off at most, which
/// is 0.06 µs at 16 kHz.
const PHASES: usize = 512;

/// Positions before this, negative, are silence.
const EARLIEST: f64 = 1024.0;

/// A windowed sinc (Kaiser, β = 7) that keeps what lies below Nyquist.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// The last row is that of the next sample.
    rows: Vec<[f32; TAPS]>,
}

impl Kernel {
    pub(crate) fn new() -> Self {
        let rows = (0..=PHASES).map(|phase| row(phase as f64 / PHASES as f64));
        Self {
            rows: rows.collect(),
        }
    }

    /// Writes the values of `samples` at `first`, `first + step`, …, in samples; what lies outside of them is silence.
    pub(super) fn resample(&self, samples: &[f32], first: f64, step: f64, out: &mut [f32]) {
        for (count, value) in out.iter_mut().enumerate() {
            *value = self.at(samples, first + step * count as f64);
        }
    }

    /// The value of `samples` at `position`, in samples.
    pub(super) fn at(&self, samples: &[f32], position: f64) -> f32 {
        // Rounded down by a cast, which is faster than a call where the processor has no instruction for it.
        let whole = (position + EARLIEST) as i64 as f64 - EARLIEST;
        let phase = ((position - whole) * PHASES as f64 + 0.5) as usize;
        let Some(row) = self.rows.get(phase) else {
            return 0.0;
        };
        let first = whole as i64 - (TAPS as i64 / 2 - 1);
        let inside = usize::try_from(first)
            .ok()
            .and_then(|first| samples.get(first..first.checked_add(TAPS)?));
        match inside {
            Some(inside) => row.iter().zip(inside).map(|(tap, value)| tap * value).sum(),
            None => edge(row, samples, first),
        }
    }
}

/// The sum of products, in eight sums so that it becomes vector code.
pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (left, right) in left.iter().zip(right) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    let rest: f32 = left_rest
        .iter()
        .zip(right_rest)
        .map(|(left, right)| left * right)
        .sum();
    sums.iter().sum::<f32>() + rest
}

/// A value whose taps reach out of the samples.
fn edge(row: &[f32; TAPS], samples: &[f32], first: i64) -> f32 {
    let at = |index: i64| usize::try_from(index).ok().and_then(|at| samples.get(at));
    let values = (first..first.saturating_add(TAPS as i64)).map(|index| at(index).unwrap_or(&0.0));
    row.iter().zip(values).map(|(tap, value)| tap * value).sum()
}

/// The coefficients for a value `fraction` of a sample behind the middle one.
fn row(fraction: f64) -> [f32; TAPS] {
    let mut row = [0.0; TAPS];
    let half = TAPS as f64 / 2.0;
    for (tap, value) in row.iter_mut().enumerate() {
        let distance = tap as f64 - (half - 1.0) - fraction;
        *value = (sinc(distance) * kaiser(distance / half, 7.0)) as f32;
    }
    row
}

/// sin(πx) / πx.
pub(super) fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// The Kaiser window of shape `beta` at -1..=1.
pub(super) fn kaiser(x: f64, beta: f64) -> f64 {
    if x.abs() >= 1.0 {
        0.0
    } else {
        bessel(beta * (1.0 - x * x).sqrt()) / bessel(beta)
    }
}

/// The modified Bessel function of the first kind and order 0, by its series.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for count in 1..40_i32 {
        term *= quarter / f64::from(count * count);
        sum += term;
    }
    sum
}
