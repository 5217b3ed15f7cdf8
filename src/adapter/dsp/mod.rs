//! Sound from blocks of sparse spectra: key blocks set bins, deltas add to them, an inverse FFT makes the samples.
//!
//! # Block
//!
//! All numbers are little-endian: the four bytes `DSP0`, `count` (u16), `reserved` (u16, 0), then `count` entries of six bytes, `bin`
//! (u16, 0 to `fft_size / 2`), `magnitude` (u16, 65535 stands for 1) and `phase` (u16, 65535 stands for a whole turn). Nothing follows.
//!
//! An I begins with all bins silent and sets those of its entries. A P, and a B in the order in which blocks arrive, adds to what is
//! there: magnitudes stay at 1 where the sum is more, phases are added modulo a turn; both in whole steps, so that nothing drifts.
//! Entries act in their order.
//!
//! # Synthesis
//!
//! With `N = fft_size`, block `t` makes the frame, for `n` from 0 to `N - 1`,
//!
//! ```text
//! x_t(n) = sum over bins k of m_k * cos(2 pi k n / N + p_k)        0 < k < N/2
//!        +                    m_k * cos(p_k) * cos(2 pi k n / N)  k = 0 and k = N/2, which are real
//! ```
//!
//! which is multiplied by the periodic Hann window `w(n) = 1/2 - 1/2 cos(2 pi n / N)` and added at sample `t * N/2`. As
//! `w(n) + w(n + N/2) = 1`, a bin of magnitude 1 that goes on is a cosine of amplitude 1; only the first and the last `N/2` samples of
//! the stream fade. With [`SynthesisWindow::None`] frames are added as they are: for spectra that were taken through a Hann window and
//! have it in them. Nothing is clipped: many loud bins give samples beyond 1.
//!
//! In numpy: `X = m * exp(1j * p)`, its first and last element real, the others halved, and `x = N * numpy.fft.irfft(X)`.
//!
//! # Phases
//!
//! Frames are `N/2` samples apart, in which bin `k` turns by `pi k`: a whole number of turns for even bins, half a turn more for odd
//! ones. With [`PhaseMode::Absolute`] each block says the phases at the start of its own frame. An odd bin with the same phase in each
//! block is then added to its own negative: the sum is `(w(n) - w(n + N/2)) * cos(...) = -cos(2 pi n / N) * cos(...)`, nothing where
//! two frames are equally loud, and in all no energy at its own frequency but half the amplitude at each of its two neighbours. Whoever
//! writes blocks adds the half turn to odd bins of each second block, or asks for [`PhaseMode::Advance`], which adds `pi k t` to bin `k`
//! of block `t`, counted from the last reset.

mod format;
mod synthesis;
#[cfg(test)]
mod tests;

use super::{Adapter, Block, Error, Output, Stream};
use format::{Bin, TURN};
use synthesis::Synthesis;

/// What is used where neither options nor stream say a sample rate, in Hz.
pub const DEFAULT_RATE: u32 = 48_000;
/// The smallest and the largest length of a transform, in samples; bins of the largest still fit their field.
pub const FFT_SIZES: std::ops::RangeInclusive<usize> = 4..=65_536;

/// Where phases count from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum PhaseMode {
    /// From the start of each block's own frame: odd bins with a constant phase cancel, see [the module](self).
    #[default]
    Absolute,
    /// From the first block: each bin turns on from block to block, so that one with a constant phase is one cosine.
    Advance,
}

/// What each frame is multiplied by.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum SynthesisWindow {
    /// The periodic Hann window.
    #[default]
    Hann,
    /// Nothing: the spectra have a window in them.
    None,
}

/// How sound is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Length of a frame in samples, even and in [`FFT_SIZES`]; frames are half of it apart.
    pub fft_size: usize,
    /// Where phases count from.
    pub phase_mode: PhaseMode,
    /// What frames are multiplied by.
    pub synthesis_window: SynthesisWindow,
    /// Samples a second; 0: those of the stream, or [`DEFAULT_RATE`].
    pub sample_rate: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fft_size: 2048,
            phase_mode: PhaseMode::default(),
            synthesis_window: SynthesisWindow::default(),
            sample_rate: 0,
        }
    }
}

/// Bins after a block, and the spectra of all blocks since the last result.
#[derive(Debug)]
pub struct Spectra {
    bins: Vec<Bin>,
    pending: Vec<Spectrum>,
    blocks: u64,
}

/// The bins of one block that sound, each with its number.
type Spectrum = Vec<(usize, Bin)>;

impl Spectra {
    /// What a block sounds like waits for the next result.
    fn push(&mut self) {
        self.pending.push(self.sounding().collect());
        self.blocks += 1;
    }

    fn sounding(&self) -> impl Iterator<Item = (usize, Bin)> {
        let bins = self.bins.iter().copied().enumerate();
        bins.filter(|(_, bin)| bin.magnitude > 0)
    }
}

/// Makes mono F32LE samples of spectra: `fft_size / 2` for each block, and as many when the stream ends. How blocks are parted into
/// results makes no difference to the samples: what overlaps is carried across results and key blocks, until [`Adapter::reset`].
#[derive(Debug)]
pub struct Dsp {
    options: Options,
    rate: u32,
    synthesis: Synthesis,
}

/// A rate that caps can have.
fn known_rate(rate: u32) -> Option<u32> {
    (rate > 0 && i32::try_from(rate).is_ok()).then_some(rate)
}

impl Dsp {
    /// An adapter of these options.
    ///
    /// # Errors
    /// [`Error::Adapter`] where `fft_size` is odd or outside [`FFT_SIZES`], or `sample_rate` does not fit a field of caps (2^31 - 1 Hz).
    pub fn new(options: Options) -> Result<Self, Error> {
        let size = options.fft_size;
        if !FFT_SIZES.contains(&size) || !size.is_multiple_of(2) {
            return Err(Error::Adapter(format!(
                "fft-size: found {size}, expected an even number from {} to {}",
                FFT_SIZES.start(),
                FFT_SIZES.end()
            )));
        }
        let rate = match options.sample_rate {
            0 => DEFAULT_RATE,
            rate => known_rate(rate).ok_or_else(|| {
                Error::Adapter(format!(
                    "sample-rate: found {rate}, expected at most {}",
                    i32::MAX
                ))
            })?,
        };
        let synthesis = Synthesis::new(size, options.phase_mode, options.synthesis_window);
        Ok(Self {
            options,
            rate,
            synthesis,
        })
    }

    /// Samples a second of what it makes.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.rate
    }

    fn bins(&self) -> usize {
        self.options.fft_size / 2 + 1
    }

    fn output(&self, samples: &[f32]) -> Output {
        let bytes = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        let caps = format!(
            "audio/x-raw, format=(string)F32LE, rate=(int){}, channels=(int)1, layout=(string)interleaved",
            self.rate
        );
        Output::made(bytes, caps)
    }
}

impl Adapter for Dsp {
    type State = Spectra;

    /// The rate is that of the options, else the stream's.
    ///
    /// # Errors
    /// [`Error::Stream`] where the stream's is needed and no whole number of 1 to 2^31 - 1 Hz.
    fn configure(&mut self, stream: &Stream) -> Result<(), Error> {
        self.rate = match (self.options.sample_rate, stream.rate) {
            (0, None) => DEFAULT_RATE,
            (0, Some((samples, seconds))) => samples
                .checked_div(seconds)
                .filter(|rate| rate.checked_mul(seconds) == Some(samples))
                .and_then(known_rate)
                .ok_or_else(|| {
                    Error::Stream(format!(
                        "rate: found {samples}/{seconds}, expected whole Hz from 1 to {}",
                        i32::MAX
                    ))
                })?,
            (rate, _) => rate,
        };
        Ok(())
    }

    fn decode_i(&mut self, block: &Block) -> Result<Spectra, Error> {
        let entries = format::parse(block, self.bins())?;
        let mut bins = vec![Bin::default(); self.bins()];
        for entry in entries {
            if let Some(bin) = bins.get_mut(entry.bin) {
                *bin = entry.value;
            }
        }
        let mut state = Spectra {
            bins,
            pending: Vec::new(),
            blocks: 0,
        };
        state.push();
        Ok(state)
    }

    fn apply_p(&mut self, state: &mut Spectra, block: &Block) -> Result<(), Error> {
        for entry in format::parse(block, self.bins())? {
            if let Some(bin) = state.bins.get_mut(entry.bin) {
                bin.add(entry.value);
            }
        }
        state.push();
        Ok(())
    }

    fn finalize(&mut self, state: &mut Spectra) -> Result<Output, Error> {
        let mut samples = Vec::with_capacity(state.pending.len() * self.options.fft_size / 2);
        for spectrum in state.pending.drain(..) {
            self.synthesis.frame(&spectrum, &mut samples)?;
        }
        Ok(self.output(&samples))
    }

    /// The second half of the last frame; `None` where no frame was made since the last reset.
    fn drain(&mut self) -> Result<Option<Output>, Error> {
        let tail = self.synthesis.tail();
        Ok(tail.map(|samples| self.output(&samples)))
    }

    fn reset(&mut self) {
        self.synthesis.reset();
    }

    /// `blocks` since the key block, `bins` that sound, and the `loudest` of them: `bin`, `frequency` in Hz, `magnitude`, `phase` in turns.
    fn describe(&self, state: &Spectra) -> serde_json::Value {
        // The lowest of those that are equally loud.
        let loudest = state.sounding().min_by_key(|(_, bin)| TURN - bin.magnitude);
        let loudest = loudest.map(|(number, bin)| {
            serde_json::json!({
                "bin": number,
                "frequency": number as f64 * f64::from(self.rate) / self.options.fft_size as f64,
                "magnitude": bin.amplitude(),
                "phase": bin.turns(),
            })
        });
        serde_json::json!({
            "blocks": state.blocks,
            "bins": state.sounding().count(),
            "loudest": loudest,
        })
    }
}
