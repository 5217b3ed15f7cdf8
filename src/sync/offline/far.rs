//! Where a stream may lie on a long reference, by its sound.
//!
//! Music of an even tempo has an envelope that fits at every beat; what is heard fits at one. The low part of the band is
//! enough to tell where, and quick to compare with minutes.

use realfft::num_complex::Complex32;

use super::coarse::Candidate;
use crate::sync::audio::kernel::Kernel;
use crate::sync::audio::peak::{energy, largest};
use crate::sync::audio::spectrum::Spectra;
use crate::sync::audio::warped::resampled;
use crate::sync::{RATE, Window};

/// Samples of a piece of the reference: 16 s.
const LENGTH: usize = 1 << 18;
/// Samples of the stream at most: 6 s.
const MOST: usize = 3 << 15;
/// From one piece to the next; what lies between is compared with the stream whole.
const HOP: usize = LENGTH - MOST;
/// The low part is compared at this part of the rate.
const PART: usize = 4;
/// Where it ends, in bins: 1.9 kHz.
const BINS: usize = LENGTH / 16_000 * 1_900;
/// Drifts that are tried are this far apart, as a ratio: 125 ppm off, 1.9 kHz turns by a half within 4 s.
const SPACING: f64 = 250e-6;
/// Candidates of one piece.
const OF_PIECE: usize = 2;
/// Places this near to each other are one, in seconds.
const SAME: f64 = 0.02;

/// The spectra of a reference's pieces, made white, up to [`BINS`].
#[derive(Debug)]
pub(crate) struct Far {
    start: f64,
    pieces: Vec<Vec<Complex32>>,
}

/// What a comparison works with: one a thread.
#[derive(Debug)]
pub(crate) struct Looker {
    spectra: Spectra,
    kernel: Kernel,
}

impl Far {
    pub(crate) fn new(reference: &Window) -> Self {
        let mut spectra = Spectra::new();
        // The stream may begin before the reference.
        let padded = reference.samples.len() + MOST;
        let firsts = (0..padded).step_by(HOP);
        let pieces = firsts.map(|first| {
            let before = MOST.saturating_sub(first);
            let from = (first + before - MOST).min(reference.samples.len());
            let to = (first + LENGTH)
                .saturating_sub(MOST)
                .min(reference.samples.len());
            let mut piece = vec![0.0; before.min(LENGTH)];
            piece.extend_from_slice(reference.samples.get(from..to).unwrap_or_default());
            piece.resize(LENGTH, 0.0);
            white(&mut spectra, piece)
        });
        Self {
            start: reference.start - MOST as f64 / RATE,
            pieces: pieces.collect(),
        }
    }
}

/// The low part of the white spectrum of [`LENGTH`] samples.
fn white(spectra: &mut Spectra, mut samples: Vec<f32>) -> Vec<Complex32> {
    let (mut spectrum, mut weights) = (Vec::new(), Vec::new());
    for sample in &mut samples {
        *sample = crate::sync::audio::mono::clean(*sample);
    }
    spectra.forward(&mut samples, &mut spectrum);
    spectra.weights(&spectrum, LENGTH, &mut weights);
    spectra.whiten(&mut spectrum, &weights, LENGTH);
    spectrum.truncate(BINS);
    spectrum
}

impl Looker {
    pub(crate) fn new() -> Self {
        Self {
            spectra: Spectra::new(),
            kernel: Kernel::new(),
        }
    }

    /// The `most` best shifts of `stream`, the best first.
    pub(crate) fn candidates(
        &mut self,
        far: &Far,
        stream: &Window,
        (max_offset, max_drift): (f64, f64),
        most: usize,
    ) -> Vec<Candidate> {
        let count = stream.samples.len().min(MOST);
        let mut samples = stream.samples.get(..count).unwrap_or_default().to_vec();
        samples.resize(LENGTH, 0.0);
        let mut low = white(&mut self.spectra, samples);
        low.resize(LENGTH / PART / 2 + 1, Complex32::default());
        let mut sound = vec![0.0; LENGTH / PART];
        self.spectra.inverse(&mut low, &mut sound);
        sound.truncate(count / PART);
        let sides = (max_drift.clamp(0.0, 0.01) / SPACING).ceil() as i32;
        let step = max_drift.clamp(0.0, 0.01) / f64::from(sides.max(1));
        let mut found = Vec::new();
        for side in -sides..=sides {
            let mut warped = resampled(&self.kernel, &sound, 1.0 / (1.0 + f64::from(side) * step));
            warped.resize(LENGTH / PART, 0.0);
            self.spectra.forward(&mut warped, &mut low);
            for (number, piece) in far.pieces.iter().enumerate() {
                self.spectra.correlate(piece, &low, &mut warped);
                let lags = warped.get_mut(..HOP / PART).unwrap_or_default();
                let first = far.start + (number * HOP) as f64 / RATE - stream.start;
                found.extend(highest(lags, first));
            }
        }
        found.retain(|candidate: &Candidate| candidate.shift.abs() <= max_offset);
        found.sort_by(|left, right| right.height.total_cmp(&left.height));
        let mut best: Vec<Candidate> = Vec::new();
        for candidate in found {
            if best.len() < most
                && best
                    .iter()
                    .all(|other| (other.shift - candidate.shift).abs() > SAME)
            {
                best.push(candidate);
            }
        }
        best
    }
}

/// The highest values of one piece; the first value is that of the shift `first`.
fn highest(lags: &mut [f32], first: f64) -> Vec<Candidate> {
    let rms = (energy(lags) / lags.len().max(1) as f64).sqrt();
    let mut found = Vec::new();
    while let Some((at, height)) = largest(lags).filter(|(_, height)| *height > 0.0) {
        if found.len() == OF_PIECE {
            break;
        }
        found.push(Candidate {
            shift: first + (at * PART) as f64 / RATE,
            height: f64::from(height) / rms,
        });
        let same = (SAME * RATE) as usize / PART;
        let around = at.saturating_sub(same)..(at + same).min(lags.len());
        lags.get_mut(around).unwrap_or_default().fill(0.0);
    }
    found
}
