//! Spectra, and what is made of two of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::super::RATE;

/// The band that is compared, in Hz.
const LOW: f64 = 100.0;
const HIGH: f64 = 7_000.0;
/// How wide the slopes at its ends are, in Hz; they keep the correlation's side lobes low.
const LOW_SLOPE: f64 = 100.0;
const HIGH_SLOPE: f64 = 1_000.0;

/// How wide the mean of a spectrum's power is, in Hz.
const SMOOTH: f64 = 4.0;
/// What is quieter than this part of the loudest in a spectrum is left as quiet as it is: -90 dB.
const FLOOR: f32 = 1e-9;

/// The plans of one length of transform, and the band's gains.
struct Plan {
    length: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// One gain a bin, from bin `first` on; those outside are nothing.
    gains: Vec<f32>,
    first: usize,
}

/// Transforms of all lengths asked for, with what they work in.
pub(crate) struct Spectra {
    planner: RealFftPlanner<f32>,
    plans: BTreeMap<usize, Arc<Plan>>,
    scratch: Vec<Complex32>,
    product: Vec<Complex32>,
    sums: Vec<f64>,
}

impl Spectra {
    pub(crate) fn new() -> Self {
        Self {
            planner: RealFftPlanner::new(),
            plans: BTreeMap::new(),
            scratch: Vec::new(),
            product: Vec::new(),
            sums: Vec::new(),
        }
    }

    /// The spectrum of `samples`, whose length is that of the transform; they are overwritten.
    pub(crate) fn forward(&mut self, samples: &mut [f32], spectrum: &mut Vec<Complex32>) {
        let plan = self.plan(samples.len());
        spectrum.resize(plan.length / 2 + 1, Complex32::default());
        let scratch = self.scratch(plan.forward.get_scratch_len());
        // Lengths are those of the plan, so there is no error.
        let done = plan
            .forward
            .process_with_scratch(samples, spectrum, scratch);
        debug_assert!(done.is_ok());
    }

    /// The weights that make all of a spectrum's band nearly as loud, one a bin from the band's first on: |X|^-0.8, of a power that
    /// is the mean of [`SMOOTH`] around. What lies 90 dB below the loudest is not made louder.
    ///
    /// The mean keeps the lines of what repeats within a window (a loop of a second has lines 1 Hz apart): without it the
    /// leakage between them would be made as loud as they are, and it tells where the window ends, not what is heard.
    pub(crate) fn weights(
        &mut self,
        spectrum: &[Complex32],
        length: usize,
        weights: &mut Vec<f32>,
    ) {
        let plan = self.plan(length);
        let side = ((SMOOTH / 2.0 * length as f64 / RATE).round() as usize).max(1);
        let count = plan.gains.len();
        // Sums from the start, in f64 so that their differences are exact enough.
        self.sums.clear();
        self.sums.push(0.0);
        let from = plan.first.saturating_sub(side);
        let mut sum = 0.0_f64;
        let bins = spectrum
            .iter()
            .skip(from)
            .take(plan.first - from + count + side + 1);
        self.sums.extend(bins.map(|bin| {
            sum += f64::from(bin.norm_sqr());
            sum
        }));
        let width = 2 * side + 1;
        let high = self.sums.iter().skip(width);
        weights.clear();
        weights.extend(
            self.sums
                .iter()
                .zip(high)
                .map(|(low, high)| (high - low) as f32),
        );
        let loudest = weights
            .iter()
            .fold(0.0_f32, |loudest, power| loudest.max(*power));
        let floor = loudest * FLOOR;
        for power in weights.iter_mut() {
            *power = weight(*power + floor);
        }
    }

    /// Multiplies a spectrum by weights and by the band's gains; what lies outside becomes nothing.
    pub(crate) fn whiten(&mut self, spectrum: &mut [Complex32], weights: &[f32], length: usize) {
        let plan = self.plan(length);
        let (below, band) = spectrum.split_at_mut(plan.first.min(spectrum.len()));
        below.fill(Complex32::default());
        let count = plan.gains.len().min(band.len());
        let (band, above) = band.split_at_mut(count);
        above.fill(Complex32::default());
        for ((bin, weight), gain) in band.iter_mut().zip(weights).zip(&plan.gains) {
            *bin *= weight * gain;
        }
    }

    /// The correlation of two whitened spectra: value *l* tells how well `stream` moved by *l* samples fits `reference`; those of
    /// negative *l* stand at the end. A reference's spectrum may be of a higher rate, whose upper part is then left out.
    pub(crate) fn correlate(
        &mut self,
        reference: &[Complex32],
        stream: &[Complex32],
        out: &mut [f32],
    ) {
        let mut product = std::mem::take(&mut self.product);
        product.clear();
        let bins = reference.iter().zip(stream);
        product.extend(bins.map(|(reference, stream)| reference * stream.conj()));
        product.resize(out.len() / 2 + 1, Complex32::default());
        self.inverse(&mut product, out);
        self.product = product;
    }

    /// The samples of a spectrum, times their number; it is overwritten.
    pub(crate) fn inverse(&mut self, spectrum: &mut [Complex32], out: &mut [f32]) {
        let plan = self.plan(out.len());
        let scratch = self.scratch(plan.inverse.get_scratch_len());
        // The ends of the spectrum of real samples are real; rounding may have said otherwise.
        if let Some(end) = spectrum.first_mut() {
            end.im = 0.0;
        }
        if let Some(end) = spectrum.last_mut() {
            end.im = 0.0;
        }
        let done = plan.inverse.process_with_scratch(spectrum, out, scratch);
        debug_assert!(done.is_ok());
    }

    /// The share of its power that a spectrum of a transform of `length` has in the band, 0 to 1.
    pub(crate) fn share(&mut self, spectrum: &[Complex32], length: usize) -> f64 {
        let plan = self.plan(length);
        let all: f64 = spectrum.iter().map(|bin| f64::from(bin.norm_sqr())).sum();
        let bins = spectrum.iter().skip(plan.first).zip(&plan.gains);
        let inside: f64 = bins
            .map(|(bin, gain)| f64::from(bin.norm_sqr() * gain))
            .sum();
        if all > 0.0 { inside / all } else { 0.0 }
    }

    fn scratch(&mut self, length: usize) -> &mut [Complex32] {
        if self.scratch.len() < length {
            self.scratch.resize(length, Complex32::default());
        }
        self.scratch.get_mut(..length).unwrap_or_default()
    }

    fn plan(&mut self, length: usize) -> Arc<Plan> {
        let planner = &mut self.planner;
        let plan = self.plans.entry(length).or_insert_with(|| {
            let (first, gains) = gains(length);
            Arc::new(Plan {
                length,
                forward: planner.plan_fft_forward(length),
                inverse: planner.plan_fft_inverse(length),
                gains,
                first,
            })
        });
        Arc::clone(plan)
    }
}

impl std::fmt::Debug for Spectra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.plans.keys()).finish()
    }
}

/// The band's first bin in a transform of `length`, and the gains from there on: a trapezium with round shoulders.
fn gains(length: usize) -> (usize, Vec<f32>) {
    let width = RATE / length as f64;
    let first = (LOW / width).ceil() as usize;
    let behind = ((HIGH / width).ceil() as usize).min(length / 2);
    let gain = |bin: usize| {
        let frequency = bin as f64 * width;
        let slope = ((frequency - LOW) / LOW_SLOPE).min((HIGH - frequency) / HIGH_SLOPE);
        let slope = slope.clamp(0.0, 1.0);
        (0.5 - 0.5 * (std::f64::consts::PI * slope).cos()) as f32
    };
    (first, (first..behind).map(gain).collect())
}

/// About `power`^-0.4, which is |X|^-0.8 of a power |X|²: within 7 % for all normal numbers, and finite for 0.
///
/// The bits of a float are nearly its logarithm, so a power is a multiple of them. The weights only say how much a bin counts,
/// the phases that a peak is made of stay exact.
fn weight(power: f32) -> f32 {
    /// The bits of 1.0, which are nearly 127 · 2²³; the exponents' share of what is subtracted, less a little that centres the
    /// error.
    const ONE: f32 = 1_065_353_216.0;
    let bits = power.to_bits() as i32 as f32;
    let bits = ONE * 1.4 - 0.4 * bits - 300_000.0;
    f32::from_bits(bits as i32 as u32)
}

/// The least length of at least `length` that transforms fast: 2^n times 1, 9/8, 5/4 or 3/2.
pub(crate) fn fast_length(length: usize) -> usize {
    let power = length.max(64).next_power_of_two();
    let lengths = [power / 16 * 9, power / 8 * 5, power / 4 * 3, power];
    lengths
        .into_iter()
        .find(|fast| *fast >= length)
        .unwrap_or(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_near_their_power() {
        for exponent in -300..=300_i16 {
            let power = 10_f32.powf(f32::from(exponent) / 10.0);
            let ratio = f64::from(weight(power)) * f64::from(power).powf(0.4);
            assert!((0.93..1.07).contains(&ratio), "{power}: {ratio}");
        }
        assert!(weight(0.0).is_finite());
    }

    #[test]
    fn fast_lengths_are_long_enough_and_little_longer() {
        for length in [1, 64, 65, 1000, 80_001, 144_000, 147_457] {
            let fast = fast_length(length);
            assert!(
                fast >= length && fast <= (length * 5 / 4).max(64),
                "{length}: {fast}"
            );
            assert!(fast.is_multiple_of(2));
        }
    }
}
