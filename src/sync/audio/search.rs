//! How far two pieces of audio lie apart.

use std::ops::RangeInclusive;

use realfft::num_complex::Complex32;

use super::super::{Affine, RATE, Settings, Window};
use super::kernel::Kernel;
use super::mono::clean;
use super::peak::{Peaks, peaks};
use super::sections::Cutter;
use super::spectrum::{Spectra, fast_length};

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
        if !self.transform_reference(&reference, &span) {
            return None;
        }
        let drifts = if drifts.is_empty() { &[0.0] } else { drifts };
        let tried = drifts.iter().filter_map(|drift| {
            let peaks = self.hypothesis(&stream, &span, *drift)?;
            Some((*drift, peaks))
        });
        let (drift, coarse) = tried.max_by(|left, right| left.1.ratio.total_cmp(&right.1.ratio))?;
        let middle = f64::midpoint(stream.start, stream.end());
        let map = Affine::through(middle, span.shift(&coarse), drift);
        let pair = (&reference, &stream);
        let sections = self.cutter.cut(&mut self.spectra, &self.kernel, pair, &map);
        let (shift, more) = sections.best(&self.kernel, NEAR, SPACING / 2.0 + STEP, STEP)?;
        if sections.support(&self.kernel, shift, more) < LEAST_SUPPORT {
            return None;
        }
        let at = sections.middle;
        // The gates judge the correlation at the drift that it really has.
        let sharp = self.hypothesis(&stream, &span, drift + more)?;
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
        let pair = (&reference, &stream);
        let sections = self.cutter.cut(&mut self.spectra, &self.kernel, pair, map);
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

    /// Whether there is anything in the band.
    fn transform_reference(&mut self, reference: &Window, span: &Span) -> bool {
        self.work.clear();
        self.work.extend_from_slice(&reference.samples);
        fade(&mut self.work);
        self.work.resize(span.length, 0.0);
        self.spectra.forward(&mut self.work, &mut self.reference);
        let share = self.spectra.share(&self.reference, span.length);
        self.spectra
            .weights(&self.reference, span.length, &mut self.weights);
        self.spectra
            .whiten(&mut self.reference, &self.weights, span.length);
        // The stream's own are found with its first spectrum.
        self.weights.clear();
        share > LEAST_SHARE
    }

    /// Correlates at one drift; leaves the curve.
    fn hypothesis(&mut self, stream: &Window, span: &Span, drift: f64) -> Option<Peaks> {
        let middle = stream.samples.len() as f64 / 2.0;
        let step = 1.0 / (1.0 + drift);
        self.work.clear();
        self.work.resize(stream.samples.len(), 0.0);
        if drift == 0.0 {
            self.work.copy_from_slice(&stream.samples);
        } else {
            self.kernel.resample(
                &stream.samples,
                middle - middle * step,
                step,
                &mut self.work,
            );
        }
        fade(&mut self.work);
        self.work.resize(span.length, 0.0);
        self.spectra.forward(&mut self.work, &mut self.stream);
        // A drift so small leaves the spectrum's outline as it is.
        if self.weights.is_empty() {
            if self.spectra.share(&self.stream, span.length) < LEAST_SHARE {
                return None;
            }
            self.spectra
                .weights(&self.stream, span.length, &mut self.weights);
        }
        let stream = (self.stream.as_slice(), self.weights.as_slice());
        self.spectra
            .correlate(&self.reference, stream, &mut self.work);
        self.curve.clear();
        for lag in span.first..=span.last {
            let at = if lag < 0 {
                lag + span.length as i64
            } else {
                lag
            };
            let value = usize::try_from(at).ok().and_then(|at| self.work.get(at));
            self.curve.push(value.copied().unwrap_or_default());
        }
        peaks(&self.kernel, &self.curve, 0..self.curve.len())
    }
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

    fn shift(&self, peaks: &Peaks) -> f64 {
        self.first_shift() + peaks.first.position / RATE
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
