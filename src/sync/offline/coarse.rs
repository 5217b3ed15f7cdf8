//! Where a stream may lie on its reference, by their envelopes.

use realfft::num_complex::Complex32;

use crate::sync::audio::envelope::{BANDS, Envelope, ROWS};
use crate::sync::audio::spectrum::{Spectra, fast_length};

/// Candidates lie at least this far apart, in rows: 50 ms.
const APART: usize = 5;
/// Less of an overlap than this has no say, in rows: 3 s.
const LEAST_OVERLAP: i64 = 300;

/// An offset that may be the right one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// What is to be added to the stream's time, in seconds, to within 10 ms.
    pub(crate) shift: f64,
    /// Its height over the root mean square of all offsets.
    pub(crate) height: f64,
}

/// A reference against which envelopes are held.
#[derive(Debug)]
pub(crate) struct Coarse<'a> {
    reference: &'a Envelope,
    spectra: Spectra,
    /// The reference's bands for blocks of `block` rows.
    bands: Vec<Vec<Complex32>>,
    block: usize,
    work: Vec<f32>,
}

impl<'a> Coarse<'a> {
    pub(crate) fn new(reference: &'a Envelope) -> Self {
        Self {
            reference,
            spectra: Spectra::new(),
            bands: Vec::new(),
            block: 0,
            work: Vec::new(),
        }
    }

    /// The best offset of all of `stream`, in seconds.
    pub(crate) fn best(&mut self, stream: &Envelope, max_offset: f64) -> Option<f64> {
        let rows = 0..stream.rows.len();
        self.candidates(stream, rows, max_offset, 1)
            .first()
            .map(|best| best.shift)
    }

    /// The `most` best offsets for `rows` of `stream`, the best first.
    pub(crate) fn candidates(
        &mut self,
        stream: &Envelope,
        rows: std::ops::Range<usize>,
        max_offset: f64,
        most: usize,
    ) -> Vec<Candidate> {
        let start = stream.time(rows.start);
        let Some(rows) = stream.rows.get(rows) else {
            return Vec::new();
        };
        let (long, short) = (self.reference.rows.len() as i64, rows.len() as i64);
        let zero = self.reference.start - start;
        let reach = max_offset.clamp(0.0, 1e9);
        let first = (((-reach - zero) * ROWS).ceil() as i64).max(LEAST_OVERLAP - short);
        let last = (((reach - zero) * ROWS).floor() as i64).min(long - LEAST_OVERLAP);
        if short < LEAST_OVERLAP || long < LEAST_OVERLAP || first > last {
            return Vec::new();
        }
        let mut curve = self.correlate(rows, first..=last);
        // Chance adds up as the root of how much is compared; so all offsets have the same chance.
        for (lag, value) in (first..=last).zip(&mut curve) {
            let overlap = long.min(lag + short) - lag.max(0);
            *value /= (overlap.max(1) as f32).sqrt();
        }
        let power = curve
            .iter()
            .map(|value| f64::from(value * value))
            .sum::<f64>();
        let rms = (power / curve.len() as f64).sqrt();
        let peaks = highest(curve, most);
        let candidates = peaks.into_iter().map(|(at, height)| Candidate {
            shift: zero + (first + at as i64) as f64 / ROWS,
            height: f64::from(height) / rms,
        });
        candidates
            .filter(|candidate| candidate.height > 0.0)
            .collect()
    }

    /// The sum of the bands' correlations at these lags.
    fn correlate(
        &mut self,
        rows: &[[f32; BANDS]],
        lags: std::ops::RangeInclusive<i64>,
    ) -> Vec<f32> {
        let length = fast_length(self.reference.rows.len() + rows.len());
        if self.block != length {
            self.block = length;
            self.bands = (0..BANDS)
                .map(|band| self.transform(&self.reference.rows, band, length))
                .collect();
        }
        let mut sum = vec![Complex32::default(); length / 2 + 1];
        for band in 0..BANDS {
            let stream = self.transform(rows, band, length);
            let reference = self.bands.get(band).into_iter().flatten();
            for ((sum, stream), reference) in sum.iter_mut().zip(&stream).zip(reference) {
                *sum += reference * stream.conj();
            }
        }
        self.work.resize(length, 0.0);
        self.spectra.inverse(&mut sum, &mut self.work);
        let at = |lag: i64| usize::try_from(lag.rem_euclid(length as i64)).ok();
        lags.map(|lag| {
            at(lag)
                .and_then(|at| self.work.get(at))
                .copied()
                .unwrap_or_default()
        })
        .collect()
    }

    fn transform(&mut self, rows: &[[f32; BANDS]], band: usize, length: usize) -> Vec<Complex32> {
        let values = rows
            .iter()
            .map(|row| row.get(band).copied().unwrap_or_default());
        // Each band counts alike, however much happens in it.
        let power: f32 = values.clone().map(|value| value * value).sum();
        let gain = if power > 0.0 { 1.0 / power.sqrt() } else { 0.0 };
        self.work.clear();
        self.work.extend(values.map(|value| value * gain));
        self.work.resize(length, 0.0);
        let mut spectrum = Vec::new();
        self.spectra.forward(&mut self.work, &mut spectrum);
        spectrum
    }
}

/// The highest values and where they are, none within [`APART`] of a higher.
fn highest(mut curve: Vec<f32>, most: usize) -> Vec<(usize, f32)> {
    let mut peaks = Vec::new();
    while peaks.len() < most {
        let largest = curve
            .iter()
            .copied()
            .enumerate()
            .max_by(|left, right| left.1.total_cmp(&right.1));
        let Some((at, height)) = largest.filter(|(_, height)| *height > 0.0) else {
            break;
        };
        peaks.push((at, height));
        let around = at.saturating_sub(APART)..(at + APART + 1).min(curve.len());
        curve.get_mut(around).unwrap_or_default().fill(0.0);
    }
    peaks
}
