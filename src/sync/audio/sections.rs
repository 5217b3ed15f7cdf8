//! The correlation of two pieces in short sections, summed along a drift.

use realfft::num_complex::Complex32;

use super::super::{Affine, RATE, Window};
use super::kernel::Kernel;
use super::peak::{Peaks, peaks};
use super::spectrum::Spectra;
use super::warped::Warped;

/// Samples of a section: half a second.
const LENGTH: usize = 8192;
/// Sections overlap by half.
const HOP: usize = LENGTH / 2;
/// How far off the map is looked, in samples to either side: 8 ms.
const RADIUS: usize = (RATE * 0.008) as usize;
/// What is kept beyond that, for the sum along a drift and for values between samples.
const MARGIN: usize = 24;
/// The correlation of one section.
#[derive(Debug)]
struct Section {
    /// The section's middle on the stream's own line.
    middle: f64,
    /// What the curve's middle is off the map, in samples.
    place: f64,
    curve: Vec<f32>,
}

/// The correlations of all sections about a map.
#[derive(Debug)]
pub(super) struct Sections {
    sections: Vec<Section>,
    /// The mean of their middles.
    pub(super) middle: f64,
}

/// What sections are made with.
#[derive(Debug)]
pub(super) struct Cutter {
    shape: Vec<f32>,
    reference: Vec<f32>,
    stream: Vec<f32>,
    reference_spectrum: Vec<Complex32>,
    stream_spectrum: Vec<Complex32>,
    weights: Vec<f32>,
    curve: Vec<f32>,
}

impl Cutter {
    pub(super) fn new() -> Self {
        let angle = |at: usize| std::f64::consts::TAU * at as f64 / LENGTH as f64;
        Self {
            shape: (0..LENGTH)
                .map(|at| (0.5 - 0.5 * angle(at).cos()) as f32)
                .collect(),
            reference: vec![0.0; LENGTH],
            stream: vec![0.0; LENGTH],
            reference_spectrum: Vec::new(),
            stream_spectrum: Vec::new(),
            weights: Vec::new(),
            curve: vec![0.0; LENGTH],
        }
    }

    /// Correlates `stream` in sections with what `map` says is the same in `reference`.
    pub(super) fn cut(
        &mut self,
        spectra: &mut Spectra,
        reference: &Window,
        stream: &Warped,
        map: &Affine,
    ) -> Sections {
        let mut sections = Vec::new();
        for (count, samples) in stream.samples.windows(LENGTH).step_by(HOP).enumerate() {
            let middle = stream.time(count * HOP + LENGTH / 2);
            let position = (map.apply(middle) - reference.start) * RATE;
            let nearest = position.round();
            let from = nearest - (LENGTH / 2) as f64;
            if !(0.0..=reference.samples.len() as f64).contains(&from) {
                continue;
            }
            let from = from as usize;
            let Some(other) = reference.samples.get(from..from + LENGTH) else {
                continue;
            };
            self.reference.copy_from_slice(other);
            self.stream.copy_from_slice(samples);
            sections.push(Section {
                middle,
                place: nearest - position,
                curve: self.correlate(spectra),
            });
        }
        let sum: f64 = sections.iter().map(|section| section.middle).sum();
        let middle = sum / sections.len().max(1) as f64;
        Sections { sections, middle }
    }

    fn correlate(&mut self, spectra: &mut Spectra) -> Vec<f32> {
        for samples in [&mut self.reference, &mut self.stream] {
            for (sample, shape) in samples.iter_mut().zip(&self.shape) {
                *sample *= shape;
            }
        }
        spectra.forward(&mut self.reference, &mut self.reference_spectrum);
        spectra.forward(&mut self.stream, &mut self.stream_spectrum);
        spectra.weights(&self.reference_spectrum, LENGTH, &mut self.weights);
        spectra.whiten(&mut self.reference_spectrum, &self.weights, LENGTH);
        spectra.weights(&self.stream_spectrum, LENGTH, &mut self.weights);
        spectra.whiten(&mut self.stream_spectrum, &self.weights, LENGTH);
        spectra.correlate(
            &self.reference_spectrum,
            &self.stream_spectrum,
            &mut self.curve,
        );
        let side = RADIUS + MARGIN;
        let negative = self.curve.iter().skip(LENGTH - side);
        let positive = self.curve.iter().take(side + 1);
        negative.chain(positive).copied().collect()
    }
}

impl Sections {
    /// How much audio they hold, in seconds.
    pub(super) fn duration(&self) -> f64 {
        match self.sections.len() {
            0 => 0.0,
            count => ((count - 1) * HOP + LENGTH) as f64 / RATE,
        }
    }

    /// The sum of the curves, each moved by what a drift of `more` beyond the map's makes at its middle. Its middle value
    /// stands at the map; there are `radius` to either side.
    pub(super) fn sum(&self, kernel: &Kernel, more: f64, radius: usize) -> Vec<f32> {
        let mut sum = vec![0.0_f32; 2 * radius + 1];
        for section in &self.sections {
            let moved = more * (section.middle - self.middle) * RATE;
            let first = (RADIUS + MARGIN - radius) as f64 - section.place + moved;
            for (count, value) in sum.iter_mut().enumerate() {
                *value += kernel.at(&section.curve, first + count as f64);
            }
        }
        sum
    }

    /// How much of the audio fits at this shift and drift beyond the map's, in seconds: as many sections as would give the sum if
    /// all fitted alike. One syllable that two recordings have in common gives half a second, however high its peak.
    pub(super) fn support(&self, kernel: &Kernel, shift: f64, more: f64) -> f64 {
        let heights = self.sections.iter().map(|section| {
            let moved = more * (section.middle - self.middle);
            let place = (shift + moved) * RATE - section.place + (RADIUS + MARGIN) as f64;
            let power: f32 = section.curve.iter().map(|value| value * value).sum();
            let rms = (power / section.curve.len() as f32)
                .sqrt()
                .max(f32::MIN_POSITIVE);
            f64::from(kernel.at(&section.curve, place) / rms)
        });
        let (sum, squares) = heights.fold((0.0, 0.0), |(sum, squares), height| {
            (sum + height, squares + height * height)
        });
        let count = if squares > 0.0 {
            sum * sum / squares
        } else {
            0.0
        };
        count * HOP as f64 / RATE
    }

    /// The highest peak within 8 ms of the map, as what is to be added to its shift, in seconds.
    pub(super) fn peak(&self, kernel: &Kernel) -> Option<(f64, Peaks)> {
        let sum = self.sum(kernel, 0.0, RADIUS);
        let peaks = peaks(kernel, &sum, 0..sum.len())?;
        Some(((peaks.first.position - RADIUS as f64) / RATE, peaks))
    }

    /// What is to be added to the map's shift, in seconds, and its drift: that for which the curves agree best, within
    /// `radius` samples and `reach` in steps of `step`.
    pub(super) fn best(
        &self,
        kernel: &Kernel,
        radius: usize,
        reach: f64,
        step: f64,
    ) -> Option<(f64, f64)> {
        let steps = (reach / step).round() as i32;
        let tried = (-steps..=steps).filter_map(|count| {
            let more = f64::from(count) * step;
            let sum = self.sum(kernel, more, radius);
            let peak = peaks(kernel, &sum, 0..sum.len())?;
            Some((more, peak.first))
        });
        let best = tried.max_by(|left, right| left.1.height.total_cmp(&right.1.height));
        best.map(|(more, peak)| ((peak.position - radius as f64) / RATE, more))
    }
}
