//! Overlapping frames from spectra.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex64;
use realfft::{ComplexToReal, RealFftPlanner};

use super::super::Error;
use super::{PhaseMode, Spectrum, SynthesisWindow};

/// An inverse transform and the half of the last frame that overlaps the next. It reckons in f64: a thousand bins that are added
/// leave the samples as exact as f32 is.
pub(super) struct Synthesis {
    phase_mode: PhaseMode,
    inverse: Arc<dyn ComplexToReal<f64>>,
    /// One factor a sample; empty where there is none.
    window: Vec<f64>,
    spectrum: Vec<Complex64>,
    frame: Vec<f64>,
    scratch: Vec<Complex64>,
    /// What is still to be added to the next frame.
    overlap: Vec<f64>,
    /// Frames since the last reset.
    frames: u64,
}

impl fmt::Debug for Synthesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Synthesis")
            .field("length", &self.frame.len())
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

/// The periodic Hann window: it and itself half its length later add up to 1.
fn hann(length: usize) -> Vec<f64> {
    (0..length)
        .map(|n| 0.5 - 0.5 * (TAU * n as f64 / length as f64).cos())
        .collect()
}

impl Synthesis {
    pub fn new(length: usize, phase_mode: PhaseMode, window: SynthesisWindow) -> Self {
        let inverse = RealFftPlanner::new().plan_fft_inverse(length);
        Self {
            phase_mode,
            window: match window {
                SynthesisWindow::Hann => hann(length),
                SynthesisWindow::None => Vec::new(),
            },
            spectrum: inverse.make_input_vec(),
            frame: inverse.make_output_vec(),
            scratch: inverse.make_scratch_vec(),
            inverse,
            overlap: vec![0.0; length / 2],
            frames: 0,
        }
    }

    /// Adds the next frame and appends the half frame that is complete with it.
    pub fn frame(&mut self, spectrum: &Spectrum, samples: &mut Vec<f32>) -> Result<(), Error> {
        self.fill(spectrum);
        self.inverse
            .process_with_scratch(&mut self.spectrum, &mut self.frame, &mut self.scratch)
            .map_err(|e| Error::Adapter(format!("inverse FFT: {e}")))?;
        for (sample, factor) in self.frame.iter_mut().zip(&self.window) {
            *sample *= factor;
        }
        let (first, second) = self.frame.split_at(self.frame.len() / 2);
        let sums = self.overlap.iter().zip(first).map(|(old, new)| old + new);
        samples.extend(sums.map(|sum| sum as f32));
        self.overlap.copy_from_slice(second);
        self.frames += 1;
        Ok(())
    }

    /// The bins as the transform wants them: it adds each but the first and the last, which are real, twice.
    fn fill(&mut self, spectrum: &Spectrum) {
        // Half a turn more for odd bins of each second block is all there is of pi k t.
        let turned = self.phase_mode == PhaseMode::Advance && self.frames % 2 == 1;
        let last = self.frame.len() / 2;
        self.spectrum.fill(Complex64::default());
        for &(number, bin) in spectrum {
            let sign = if turned && number % 2 == 1 { -1.0 } else { 1.0 };
            let value = Complex64::from_polar(sign * bin.amplitude(), TAU * bin.turns());
            if let Some(place) = self.spectrum.get_mut(number) {
                *place = if number == 0 || number == last {
                    value.re.into()
                } else {
                    value * 0.5
                };
            }
        }
    }

    /// What is left of the last frame, once; what follows begins anew.
    pub fn tail(&mut self) -> Option<Vec<f32>> {
        let tail = self.overlap.iter().map(|&sample| sample as f32).collect();
        let any = self.frames > 0;
        self.reset();
        any.then_some(tail)
    }

    pub fn reset(&mut self) {
        self.overlap.fill(0.0);
        self.frames = 0;
    }
}
