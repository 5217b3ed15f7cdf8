//! What came out of a stream, as one waveform.

use std::f64::consts::{PI, TAU};

use crate::live::{FRAME, RATE, TONE_HZ, TONE_LEVEL};
use crate::scene::Clock;

/// No interpolation reaches over more samples.
const KERNEL: usize = 64;

/// One channel of what came out without a break.
pub struct Heard {
    /// The time of the first sample, in seconds.
    pub start: f64,
    pub samples: Vec<f32>,
}

/// A buffer's samples of one channel.
pub fn values(buffer: &gst::Buffer, channel: usize, channels: usize) -> Vec<f32> {
    let map = buffer.map_readable().expect("readable");
    let frames = map.chunks_exact(4 * channels);
    let value = |frame: &[u8]| {
        let at = 4 * channel;
        f32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]])
    };
    frames.map(value).collect()
}

fn seconds(buffer: &gst::Buffer) -> f64 {
    buffer.pts().expect("a PTS").nseconds() as f64 * 1e-9
}

/// PTS never go back.
pub fn is_monotonic(buffers: &[gst::Buffer]) -> bool {
    buffers.is_sorted_by(|a, b| a.pts() <= b.pts())
}

impl Heard {
    /// The second channel of two, of what came out from `from` on. Nothing may be missing between buffers.
    pub fn from(buffers: &[gst::Buffer], from: f64) -> Self {
        let mut buffers = buffers.iter().filter(|b| seconds(b) >= from).peekable();
        let start = seconds(buffers.peek().expect("something came out"));
        let mut samples = Vec::new();
        for buffer in buffers {
            let expected = start + samples.len() as f64 / RATE;
            // Each PTS is rounded to a nanosecond.
            let off = seconds(buffer) - expected;
            assert!(off.abs() < 1e-7, "{off} s between buffers at {expected} s");
            assert!(
                !buffer.flags().contains(gst::BufferFlags::DISCONT),
                "DISCONT at {expected} s"
            );
            samples.extend(values(buffer, 1, 2));
        }
        Self { start, samples }
    }

    /// For each 20 ms, by how many seconds it comes out too late, as the tone tells.
    pub fn errors(&self, clock: &Clock) -> Vec<f64> {
        let middle = (FRAME - 1) as f64 / 2.0;
        let error = |(number, frame): (usize, &[f32])| {
            let (mut along, mut across) = (0.0, 0.0);
            for (at, value) in frame.iter().enumerate() {
                let angle = TAU * TONE_HZ * (at as f64 - middle) / RATE;
                along += f64::from(*value) * angle.cos();
                across += f64::from(*value) * angle.sin();
            }
            // x = sin(angle + phase): its products with cosine and sine are the sine and cosine of the phase.
            let phase = along.atan2(across);
            let out = self.start + ((number * FRAME) as f64 + middle) / RATE;
            let own = clock.invert(out);
            let lag = (TAU * TONE_HZ * own - phase).rem_euclid(TAU);
            let lag = if lag > PI { lag - TAU } else { lag };
            lag / (TAU * TONE_HZ)
        };
        self.samples
            .chunks_exact(FRAME)
            .enumerate()
            .map(error)
            .collect()
    }

    /// How sharply the waveform bends (the largest second difference) as a multiple of how sharply the tone does by itself. A
    /// sample too many or too few bends it 150 times as much. At the very end it ends, and the interpolation with it.
    pub fn sharpest(&self) -> f64 {
        let bend = |w: &[f32]| (f64::from(w[0]) - 2.0 * f64::from(w[1]) + f64::from(w[2])).abs();
        let whole = &self.samples[..self.samples.len() - KERNEL];
        let own = TONE_LEVEL * (TAU * TONE_HZ / RATE).powi(2);
        whole.windows(3).map(bend).fold(0.0, f64::max) / own
    }
}

/// The value that this share of all is not above.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted: Vec<f64> = values.iter().map(|v| v.abs()).collect();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted[at.saturating_sub(1)]
}
