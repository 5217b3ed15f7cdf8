//! A windowed sinc in phases, and values between samples by it.

/// Taps of the filter.
pub const TAPS: usize = 32;
/// Samples that it looks ahead.
pub const AHEAD: usize = TAPS / 2;
/// Phases between two samples. Between phases the coefficients are taken on straight lines, which is off by less than
/// π²/3/8/512² (-116 dB).
const PHASES: usize = 512;
/// The shape of Kaiser's window: the stop band lies below -100 dB.
const BETA: f64 = 10.06;

/// The coefficients of one position between two samples.
pub type Taps = [f32; TAPS];

/// The coefficients of every phase.
#[derive(Clone, Debug)]
pub struct Sinc {
    phases: Vec<Taps>,
}

impl Sinc {
    /// Computes the table. Every phase passes a constant unchanged.
    pub fn new() -> Self {
        let phases = (0..=PHASES)
            .map(|phase| {
                let fraction = phase as f64 / PHASES as f64;
                let taps: [f64; TAPS] =
                    std::array::from_fn(|tap| kernel(tap as f64 - (AHEAD as f64 - 1.0) - fraction));
                let sum: f64 = taps.iter().sum();
                taps.map(|tap| (tap / sum) as f32)
            })
            .collect();
        Self { phases }
    }

    /// Interleaved values at `count` positions, the first `begin` samples behind sample `AHEAD - 1` of each plane, each
    /// `step` samples further.
    pub fn fill(&self, planes: &[&[f32]], begin: f64, step: f64, count: usize, out: &mut Vec<f32>) {
        for frame in 0..count {
            let at = begin + frame as f64 * step;
            let sample = at as usize;
            let taps = self.taps(at - sample as f64);
            for plane in planes {
                let near = plane.get(sample..sample + TAPS).unwrap_or_default();
                out.push(dot(&taps, near));
            }
        }
    }

    /// The coefficients for a position `fraction` (0 to 1) behind the sample at tap `AHEAD - 1`.
    pub fn taps(&self, fraction: f64) -> Taps {
        let at = fraction.clamp(0.0, 1.0) * PHASES as f64;
        let phase = at as usize;
        let part = (at - phase as f64) as f32;
        let mut out = [0.0; TAPS];
        if let (Some(low), Some(high)) = (self.phases.get(phase), self.phases.get(phase + 1)) {
            for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
                *out = low + (high - low) * part;
            }
        } else if let Some(last) = self.phases.last() {
            out = *last;
        }
        out
    }
}

/// The sum of products. Eight sums side by side, which compilers turn into vectors.
pub fn dot(taps: &Taps, samples: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (taps, _) = taps.as_chunks::<8>();
    let (samples, _) = samples.as_chunks::<8>();
    for (taps, samples) in taps.iter().zip(samples) {
        for ((sum, tap), sample) in sums.iter_mut().zip(taps).zip(samples) {
            *sum += tap * sample;
        }
    }
    sums.iter().sum()
}

fn kernel(x: f64) -> f64 {
    let inside = 1.0 - (x / AHEAD as f64).powi(2);
    if inside <= 0.0 {
        return 0.0;
    }
    let angle = std::f64::consts::PI * x;
    let sinc = if angle.abs() < 1e-9 {
        1.0
    } else {
        angle.sin() / angle
    };
    sinc * bessel(BETA * inside.sqrt()) / bessel(BETA)
}

/// The modified Bessel function of the first kind, order 0, by its series.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..64 {
        term *= quarter / f64::from(k * k);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_on_a_sample_gives_that_sample() {
        let taps = Sinc::new().taps(0.0);
        for (k, tap) in taps.iter().enumerate() {
            let want = if k == AHEAD - 1 { 1.0 } else { 0.0 };
            assert!((tap - want).abs() < 1e-6, "{k}: {tap}");
        }
    }

    #[test]
    fn fractions_outside_are_those_at_the_ends() {
        let sinc = Sinc::new();
        assert_eq!(sinc.taps(7.0), sinc.taps(1.0));
        assert_eq!(sinc.taps(-7.0), sinc.taps(0.0));
        assert!(sinc.taps(f64::NAN).iter().all(|tap| tap.is_nan()));
    }

    #[test]
    fn products_of_short_input_stop_there() {
        assert_eq!(dot(&[1.0; TAPS], &[1.0; 8]), 8.0);
        assert_eq!(dot(&[1.0; TAPS], &[]), 0.0);
    }
}
