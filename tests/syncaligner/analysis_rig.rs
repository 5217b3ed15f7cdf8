//! Microphones in one scene, made up sample by sample.

use gst::prelude::*;
use gstharmony::elements::syncaligner::PadState;

use crate::rig::{Lane, bytes};

/// How the microphones sound.
pub const MICROPHONE: &str = "audio/x-raw,format=F32LE,layout=interleaved,rate=16000,channels=1";
/// Length of a buffer, in milliseconds.
pub const PART: u64 = 50;

/// A sample of the scene: noise, which repeats itself never.
fn scene(n: u64) -> f32 {
    let mut x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 32;
    (x >> 40) as f32 / (1_u32 << 24) as f32 - 0.5
}

/// A stream that hears the scene.
pub struct Microphone {
    pub lane: Lane,
    /// Where in the scene it began, in milliseconds.
    began: u64,
    /// Caps of the clock that stamps its buffers, and that clock's time at its begin, in nanoseconds.
    clock: Option<(gst::Caps, u64)>,
}

impl Microphone {
    pub fn new(lane: Lane, began: u64) -> Self {
        Self {
            lane,
            began,
            clock: None,
        }
    }

    /// Its buffers tell the time of that clock.
    pub fn stamped(mut self, clock: &str, at_begin_ns: u64) -> Self {
        self.clock = Some((gst::Caps::new_empty_simple(clock), at_begin_ns));
        self
    }

    /// What it hears from a time of its own on, silence if that is so.
    pub fn part(&self, ms: u64, silent: bool) -> gst::Buffer {
        let first = (self.began + ms) * 16;
        let sample = |n: u64| if silent { 0.0 } else { scene(n) };
        let samples = (first..first + PART * 16).flat_map(|n| sample(n).to_le_bytes());
        let mut buffer = bytes(ms, PART, samples.collect());
        if let Some((caps, begin)) = &self.clock {
            let time = gst::ClockTime::from_nseconds(begin + ms * 1_000_000);
            let made = buffer.get_mut().expect("a new buffer is ours");
            gst::ReferenceTimestampMeta::add(made, caps, time, gst::ClockTime::NONE);
        }
        buffer
    }

    pub fn state(&self) -> PadState {
        self.lane.sink.property("state")
    }

    /// Its offset in milliseconds.
    pub fn offset(&self) -> f64 {
        self.lane.sink.property::<i64>("offset") as f64 * 1e-6
    }
}

/// All hear the scene between two of their own times, in milliseconds.
pub fn hear(microphones: &[&Microphone], from: u64, to: u64) {
    for ms in (from..to).step_by(PART as usize) {
        for microphone in microphones {
            microphone.lane.push(microphone.part(ms, false));
        }
    }
}
