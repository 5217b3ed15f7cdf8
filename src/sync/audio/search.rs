//! How far two pieces of audio lie apart.

use std::ops::RangeInclusive;

use realfft::num_complex::Complex32;

use super::super::{Affine, RATE, Settings, Window};
use super::kernel::Kernel;
use super::mono::clean;
use super::peak::{Peaks, energy, largest, peaks};
use super::sections::Cutter;
use super::spectrum::{Spectra, fast_length};
use super::warped::{Warped, resampled};

/// Less overlap than this has no say, in seconds.
pub const LEAST_OVERLAP: f64 = 3.0;
/// Less that fits at the peak, of all that overlaps there, is not the same sound, in seconds: a word or a beat in common.
const LEAST_SUPPORT: f64 = 2.0;
/// Drift hypotheses are at most this far apart.
const SPACING: f64 = 150e-6;
/// Quieter than this (root mean square, full scale 1) is silence: -110 dB.
const SILENCE: f64 = 3e-6;
/// Less of its power than this in the band that is compared is silence too: -40 dB.
const LEAST_SHARE: f64 = 1e-4;
/// What drifts are told by ends here, in Hz.
const HALF_BAND: f64 = 3_500.0;
/// What is faded at the ends of a window, in samples: an edge would fit another edge.
const FADE: usize = (RATE * 0.25) as usize;
/// What is searched about the wide search's peak for its true place, in samples.
const NEAR: usize = 24;
/// The steps of that, as a drift.
const STEP: f64 = 10e-6;

/// Where a stream was found on its reference.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    /// The middle of what was compared, in seconds on the stream's own line.
    pub at: f64,
    /// What is to be added to that time to get to the reference's line, in seconds.
    pub shift: f64,
    /// How much faster the reference's line passes, as a ratio.
    pub drift: f64,
    /// The peak's height over the root mean square of what is not within 1 ms of it.
    pub peak: f64,
    /// The highest other peak over the first: 0 when there is none, 1 when they are alike.
    pub second: f64,
}

impl Found {
    /// Whether a wide search's peak is one of a kind.
    #[must_use]
    pub fn passes_wide(&self) -> bool {
        self.peak > 7.0 && self.second < 0.7
    }

    /// Whether a peak near a known map stands out.
    #[must_use]
    pub fn passes_tracking(&self) -> bool {
        self.peak > 4.0
    }

    /// The map that it says.
    #[must_use]
    pub fn map(&self) -> Affine {
        Affine::through(self.at, self.shift, self.drift)
    }
}

/// The drifts that a wide search tries, as ratios: at most 150 ppm apart, so that none up to `max_drift` to either side is
/// further than 75 ppm from one.
#[must_use]
pub fn hypotheses(max_drift: f64) -> Vec<f64> {
    let sides = ((max_drift.clamp(0.0, 0.01) - SPACING / 2.0) / SPACING)
        .ceil()
        .max(0.0) as i32;
    (-sides..=sides)
        .map(|count| f64::from(count) * SPACING)
        .collect()
}

/// Searches one piece of audio in another.
#[derive(Debug)]
pub struct Search {
    max_offset: f64,
    kernel: Kernel,
    spectra: Spectra,
    cutter: Cutter,
    work: Vec<f32>,
    reference: Vec<Complex32>,
    stream: Vec<Complex32>,
    weights: Vec<f32>,
    curve: Vec<f32>,
}

/// The correlation of a wide search.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Curve {
    /// The shift of the first value, in seconds; values are a sample apart.
    pub(crate) first: f64,
    pub(crate) values: Vec<f32>,
}

impl Search {
    /// A search for offsets of up to `settings.max_offset`.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            max_offset: settings.max_offset,
            kernel: Kernel::new(),
            spectra: Spectra::new(),
            cutter: Cutter::new(),
            work: Vec::new(),
            reference: Vec::new(),
            stream: Vec::new(),
            weights: Vec::new(),
            curve: Vec::new(),
        }
    }

    /// Searches `stream` in `reference` over all offsets and over these drifts (none counts as 0). Nothing is found where either
    /// is silent, less than 3 s overlap at every offset, or less than 2 s of them are alike at the best.
    pub fn wide(&mut self, reference: &Window, stream: &Window, drifts: &[f64]) -> Option<Found> {
        let shifts = -self.max_offset..=self.max_offset;
        self.between(reference, stream, shifts, drifts)
            .map(|(found, _)| found)
    }

    /// [`wide`](Self::wide) over these shifts, in seconds, with the correlation at the drift that was found.
    pub(crate) fn between(
        &mut self,
        reference: &Window,
        stream: &Window,
        shifts: RangeInclusive<f64>,
        drifts: &[f64],
    ) -> Option<(Found, Curve)> {
        let (reference, stream) = (prepared(reference)?, prepared(stream)?);
        let span = Span::new(&reference, &stream, &shifts)?;
        if !self.transform(&reference, &stream, &span) {
            return None;
        }
        let middle = f64::midpoint(stream.start, stream.end());
        let (drift, shift) = match drifts {
            [] => self.at_drift(&stream, &span, 0.0)?,
            [drift] => self.at_drift(&stream, &span, *drift)?,
            drifts => self.best_drift(&stream, &span, drifts)?,
        };
        let map = Affine::through(middle, shift, drift);
        let warped = Warped::new(&self.kernel, &stream, drift);
        let sections = self
            .cutter
            .cut(&mut self.spectra, &reference, &warped, &map);
        let (shift, more) = sections.best(&self.kernel, NEAR, SPACING / 2.0 + STEP, STEP)?;
        if sections.support(&self.kernel, shift, more) < LEAST_SUPPORT {
            return None;
        }
        let at = sections.middle;
        // The gates judge the correlation at the drift that it really has.
        let sharp = self.correlate(&stream, &span, drift + more)?;
        let found = Found {
            at,
            shift: map.shift(at) + shift,
            drift: drift + more,
            peak: sharp.ratio,
            second: sharp.second,
        };
        let curve = Curve {
            first: span.first_shift(),
            values: self.curve.clone(),
        };
        Some((found, curve))
    }

    /// Searches within 8 ms of where `map` says `stream` lies. Nothing is found where either is silent or less than 3 s overlap.
    pub fn track(&mut self, reference: &Window, stream: &Window, map: &Affine) -> Option<Found> {
        let (reference, stream) = (prepared(reference)?, prepared(stream)?);
        let warped = Warped::new(&self.kernel, &stream, map.drift);
        let sections = self.cutter.cut(&mut self.spectra, &reference, &warped, map);
        if sections.duration() < LEAST_OVERLAP {
            return None;
        }
        let (shift, peaks) = sections.peak(&self.kernel)?;
        Some(Found {
            at: sections.middle,
            shift: map.shift(sections.middle) + shift,
            drift: map.drift,
            peak: peaks.ratio,
            second: peaks.second,
        })
    }

    /// Makes the spectra of both, without drift, white; whether both have anything in the band.
    fn transform(&mut self, reference: &Window, stream: &Window, span: &Span) -> bool {
        let mut enough = true;
        let pair = [(reference, &mut self.reference), (stream, &mut self.stream)];
        for (window, spectrum) in pair {
            self.work.clear();
            self.work.extend_from_slice(&window.samples);
            fade(&mut self.work);
            self.work.resize(span.length, 0.0);
            self.spectra.forward(&mut self.work, spectrum);
            enough &= self.spectra.share(spectrum, span.length) > LEAST_SHARE;
            self.spectra
                .weights(spectrum, span.length, &mut self.weights);
            self.spectra.whiten(spectrum, &self.weights, span.length);
        }
        enough
    }

    /// The drift and shift of the highest of the peaks at these drifts.
    ///
    /// They are looked for at half the rate: 75 ppm beside the right one, what is above 3 kHz cancels within 5 s anyhow.
    fn best_drift(&mut self, stream: &Window, span: &Span, drifts: &[f64]) -> Option<(f64, f64)> {
        let length = span.length / 2;
        let bins = (HALF_BAND / RATE * span.length as f64) as usize;
        let mut low: Vec<Complex32> = self.stream.iter().take(bins).copied().collect();
        low.resize(length / 2 + 1, Complex32::default());
        let mut white = vec![0.0; length];
        self.spectra.inverse(&mut low, &mut white);
        white.truncate(stream.samples.len() / 2);
        let mut best = None;
        for drift in drifts {
            let mut samples = resampled(&self.kernel, &white, 1.0 / (1.0 + drift));
            samples.resize(length, 0.0);
            self.spectra.forward(&mut samples, &mut low);
            self.spectra.correlate(&self.reference, &low, &mut samples);
            let lags = (span.first / 2)..=(span.last / 2);
            let curve: Vec<f32> = around(&samples, lags).collect();
            let Some((at, height)) = largest(&curve) else {
                continue;
            };
            let ratio = f64::from(height).powi(2) / energy(&curve);
            let shift = span.zero + (span.first / 2 + at as i64) as f64 * 2.0 / RATE;
            if best.is_none_or(|(most, _, _)| ratio > most) {
                best = Some((ratio, *drift, shift));
            }
        }
        best.map(|(_, drift, shift)| (drift, shift))
    }

    /// The shift of the highest peak at this drift.
    fn at_drift(&mut self, stream: &Window, span: &Span, drift: f64) -> Option<(f64, f64)> {
        let peaks = self.correlate(stream, span, drift)?;
        Some((drift, span.first_shift() + peaks.first.position / RATE))
    }

    /// Correlates at one drift; leaves the curve.
    fn correlate(&mut self, stream: &Window, span: &Span, drift: f64) -> Option<Peaks> {
        self.work.resize(span.length, 0.0);
        let warped = Warped::new(&self.kernel, stream, drift);
        if warped.is_steady() {
            self.spectra
                .correlate(&self.reference, &self.stream, &mut self.work);
        } else {
            let mut samples = warped.samples;
            fade(&mut samples);
            samples.resize(span.length, 0.0);
            let mut spectrum = Vec::new();
            self.spectra.forward(&mut samples, &mut spectrum);
            // So small a drift leaves the outline of the spectrum as it is.
            self.spectra
                .whiten(&mut spectrum, &self.weights, span.length);
            self.spectra
                .correlate(&self.reference, &spectrum, &mut self.work);
        }
        self.curve.clear();
        self.curve
            .extend(around(&self.work, span.first..=span.last));
        peaks(&self.kernel, &self.curve, 0..self.curve.len())
    }
}

/// The values at these lags of a correlation whose negative lags stand at its end.
fn around(values: &[f32], lags: RangeInclusive<i64>) -> impl Iterator<Item = f32> {
    let at = |lag: i64| usize::try_from(lag).ok();
    let (first, last) = (*lags.start(), *lags.end());
    let behind = |lag: i64| at(lag + 1).unwrap_or(0).min(values.len());
    let end = values.len() as i64;
    let negative = at(first + end).unwrap_or(0)..if first < 0 {
        behind(last.min(-1) + end)
    } else {
        0
    };
    let positive = at(first.max(0)).unwrap_or(0)..behind(last);
    let slice = |range: std::ops::Range<usize>| values.get(range).unwrap_or_default();
    slice(negative).iter().chain(slice(positive)).copied()
}

/// Which lags of two windows are looked at, in samples: those of an allowed offset with enough overlap.
#[derive(Debug)]
struct Span {
    first: i64,
    last: i64,
    /// The shift of lag 0.
    zero: f64,
    /// The length of the transform.
    length: usize,
}

impl Span {
    fn new(reference: &Window, stream: &Window, shifts: &RangeInclusive<f64>) -> Option<Self> {
        let (long, short) = (reference.samples.len() as i64, stream.samples.len() as i64);
        let overlap = (LEAST_OVERLAP * RATE) as i64;
        let zero = reference.start - stream.start;
        let lowest = ((shifts.start() - zero) * RATE).ceil().clamp(-1e12, 1e12) as i64;
        let highest = ((shifts.end() - zero) * RATE).floor().clamp(-1e12, 1e12) as i64;
        let first = lowest.max(overlap - short);
        let last = highest.min(long - overlap);
        if short < overlap || long < overlap || first > last {
            return None;
        }
        // No lag that is looked at may fold onto another.
        let length = (long - first.min(0)).max(short + last.max(0));
        Some(Self {
            first,
            last,
            zero,
            length: fast_length(usize::try_from(length).ok()?),
        })
    }

    fn first_shift(&self) -> f64 {
        self.zero + self.first as f64 / RATE
    }
}

/// A window of which every value is a number, without DC, and as loud as any other; nothing for silence.
fn prepared(window: &Window) -> Option<Window> {
    if !window.start.is_finite() || window.samples.is_empty() {
        return None;
    }
    let mut samples: Vec<f32> = window.samples.iter().map(|value| clean(*value)).collect();
    let count = samples.len() as f64;
    let mean = samples.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let power = samples
        .iter()
        .map(|value| (f64::from(*value) - mean).powi(2))
        .sum::<f64>()
        / count;
    let rms = power.sqrt();
    if rms < SILENCE {
        return None;
    }
    let (mean, gain) = (mean as f32, (1.0 / rms) as f32);
    samples
        .iter_mut()
        .for_each(|value| *value = (*value - mean) * gain);
    Some(Window {
        start: window.start,
        samples,
    })
}

/// Fades a window's ends.
fn fade(samples: &mut [f32]) {
    let gain = |at: usize| {
        let angle = std::f64::consts::PI * (at as f64 + 0.5) / FADE as f64;
        (0.5 - 0.5 * angle.cos()) as f32
    };
    for (at, value) in samples.iter_mut().take(FADE).enumerate() {
        *value *= gain(at);
    }
    for (at, value) in samples.iter_mut().rev().take(FADE).enumerate() {
        *value *= gain(at);
    }
}
