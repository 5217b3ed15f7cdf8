//! Any audio as mono at [`RATE`].

use super::super::RATE;
use super::kernel::{dot, kaiser, sinc};

/// Zero crossings of the kernel to either side.
const CROSSINGS: f64 = 16.0;
/// Where the pass band of the kernel ends, as a part of the output's Nyquist frequency: what folds back lies above 7 kHz.
const CUTOFF: f64 = 0.94;
/// Most phases of the kernel. A rate that would need more gets the nearest of these: at most 1/2048 of an input sample off.
const MOST_PHASES: u64 = 1024;
/// Louder than any sound; what is above is not audio.
const LOUDEST: f32 = 64.0;

/// Makes mono of all channels and converts its rate, as the audio arrives.
///
/// It adds no delay: the first sample that comes out stands at the time of the first that went in. The look-ahead of its
/// kernel only makes samples come out later; [`behind`](Self::behind) says how much.
#[derive(Debug)]
pub struct Mono {
    channels: usize,
    rate: u64,
    /// Coefficients, one row of `taps` a phase.
    table: Vec<f32>,
    taps: usize,
    phases: u64,
    /// Mono input from sample `first` on; what lies before the first sample is silence.
    held: Vec<f32>,
    first: i64,
    /// Samples that came out.
    made: u64,
}

impl Mono {
    /// A converter from `rate` (8000..=384000, else the nearer of the two) and `channels` (0 counts as 1).
    #[must_use]
    pub fn new(rate: u32, channels: usize) -> Self {
        let rate = u64::from(rate.clamp(8_000, 384_000));
        let out = RATE as u64;
        let phases = (out / gcd(rate, out)).min(MOST_PHASES);
        // In input samples: the kernel widens as the output's band narrows.
        let stretch = (rate as f64 / RATE).max(1.0);
        let half = (CROSSINGS * stretch).ceil() as usize;
        let taps = 2 * half;
        let cutoff = CUTOFF / stretch;
        let mut table = Vec::with_capacity(taps * phases as usize);
        for phase in 0..phases {
            let fraction = phase as f64 / phases as f64;
            let start = table.len();
            for tap in 0..taps {
                let distance = tap as f64 - (half as f64 - 1.0) - fraction;
                let value = sinc(distance * cutoff) * kaiser(distance / half as f64, 8.0);
                table.push(value as f32);
            }
            let row = table.get_mut(start..).unwrap_or_default();
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|tap| *tap /= sum);
        }
        let before = half - 1;
        Self {
            channels: channels.max(1),
            rate,
            table,
            taps,
            phases,
            held: vec![0.0; before],
            first: -(before as i64),
            made: 0,
        }
    }

    /// Takes whole frames of all channels in turn and appends what comes out. A value that is no number counts as silence.
    pub fn push(&mut self, interleaved: &[f32], out: &mut Vec<f32>) {
        let scale = 1.0 / self.channels as f32;
        if self.channels == 1 {
            self.held
                .extend(interleaved.iter().map(|value| clean(*value)));
        } else {
            let frames = interleaved.chunks_exact(self.channels);
            let mono =
                frames.map(|frame| frame.iter().map(|value| clean(*value)).sum::<f32>() * scale);
            self.held.extend(mono);
        }
        while let Some(value) = self.next() {
            out.push(value);
            self.made += 1;
        }
        self.forget();
    }

    /// How far the end of what came out lies behind the end of what went in, in seconds.
    #[must_use]
    pub fn behind(&self) -> f64 {
        let seen = self.first + self.held.len() as i64;
        seen as f64 / self.rate as f64 - self.made as f64 / RATE
    }

    /// The next sample, when all of its input is there.
    fn next(&self) -> Option<f32> {
        let (at, phase) = self.place();
        let row = usize::try_from(phase).ok()?.checked_mul(self.taps)?;
        let row = self.table.get(row..row.checked_add(self.taps)?)?;
        let start = usize::try_from(at - self.first).ok()?;
        let input = self.held.get(start..start.checked_add(self.taps)?)?;
        Some(dot(row, input))
    }

    /// The first input sample of the next output sample's kernel, and its phase.
    fn place(&self) -> (i64, u64) {
        let out = RATE as u64;
        let position = u128::from(self.made) * u128::from(self.rate);
        let whole = (position / u128::from(out)) as i64;
        let rest = (position % u128::from(out)) as u64;
        // To the nearest phase, which may be the first of the next sample.
        let phase = (rest * self.phases + out / 2) / out;
        let (whole, phase) = if phase == self.phases {
            (whole + 1, 0)
        } else {
            (whole, phase)
        };
        (whole - (self.taps as i64 / 2 - 1), phase)
    }

    /// Drops the input that no later sample needs.
    fn forget(&mut self) {
        let (at, _) = self.place();
        let unneeded = usize::try_from(at - self.first)
            .unwrap_or(0)
            .min(self.held.len());
        self.held.drain(..unneeded);
        self.first += unneeded as i64;
    }
}

/// A value that can be reckoned with.
pub(crate) fn clean(value: f32) -> f32 {
    if value.is_finite() {
        value.clamp(-LOUDEST, LOUDEST)
    } else {
        0.0
    }
}

fn gcd(left: u64, right: u64) -> u64 {
    if right == 0 {
        left
    } else {
        gcd(right, left % right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn tone(rate: u32, frequency: f64, seconds: f64) -> Vec<f32> {
        let count = (f64::from(rate) * seconds) as usize;
        let value = |at: usize| (TAU * frequency * at as f64 / f64::from(rate)).sin() as f32;
        (0..count).map(value).collect()
    }

    #[test]
    fn a_tone_of_any_rate_keeps_its_phase_and_height() {
        for rate in [
            8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 44_101, 48_000, 96_000, 192_000,
        ] {
            let mut out = Vec::new();
            Mono::new(rate, 1).push(&tone(rate, 1000.0, 0.5), &mut out);
            let expected = tone(16_000, 1000.0, 0.5);
            assert!(out.len() > 7900, "{rate}: {}", out.len());
            for (at, (left, right)) in out.iter().zip(&expected).enumerate().skip(400) {
                assert!(
                    (left - right).abs() < 2e-3,
                    "{rate} at {at}: {left} {right}"
                );
            }
        }
    }

    #[test]
    fn what_lies_above_the_band_does_not_fold_into_it() {
        for frequency in [9_500.0, 15_000.0, 23_000.0] {
            let mut out = Vec::new();
            Mono::new(48_000, 1).push(&tone(48_000, frequency, 0.3), &mut out);
            let loudest = out
                .iter()
                .skip(400)
                .fold(0.0_f32, |loudest, value| loudest.max(value.abs()));
            assert!(loudest < 1e-3, "{frequency}: {loudest}");
        }
    }

    #[test]
    fn pieces_come_out_as_the_whole_does() {
        let input = tone(44_100, 700.0, 0.4);
        let mut whole = Vec::new();
        Mono::new(44_100, 1).push(&input, &mut whole);
        let (mut mono, mut pieces) = (Mono::new(44_100, 1), Vec::new());
        for piece in input.chunks(333) {
            mono.push(piece, &mut pieces);
        }
        assert_eq!(whole, pieces);
        let end = pieces.len() as f64 / RATE + mono.behind();
        assert!((end - input.len() as f64 / 44_100.0).abs() < 1e-9);
        assert!(mono.behind() < 0.002);
    }

    #[test]
    fn channels_are_averaged_and_what_is_no_number_is_silence() {
        let mut input = vec![0.0_f32; 2 * 16_000];
        for (at, frame) in input.chunks_mut(2).enumerate() {
            frame[0] = if at == 8000 { f32::NAN } else { 0.25 };
            frame[1] = if at == 8000 { f32::NEG_INFINITY } else { 0.75 };
        }
        let mut out = Vec::new();
        Mono::new(16_000, 2).push(&input, &mut out);
        assert!(out.iter().all(|value| value.is_finite()));
        assert!((out[4000] - 0.5).abs() < 1e-3);
        assert!(out[8000] < 0.1);
    }
}
