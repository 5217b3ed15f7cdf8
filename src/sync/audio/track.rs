//! The latest audio of a stream.

use std::collections::VecDeque;

use super::super::{RATE, Window};

/// The longest hole that is filled with silence, in seconds; a longer one begins anew.
const LONGEST_HOLE: f64 = 2.0;
/// A start this near to the last end, in seconds, continues it.
const NEAR: f64 = 0.5 / RATE;

/// Mono audio at [`RATE`] on its stream's own line: the last seconds of it.
#[derive(Debug)]
pub struct Track {
    keep: usize,
    start: f64,
    samples: VecDeque<f32>,
}

impl Track {
    /// Keeps the last `keep` seconds.
    #[must_use]
    pub fn new(keep: f64) -> Self {
        Self {
            keep: (keep.clamp(0.0, 3600.0) * RATE) as usize,
            start: 0.0,
            samples: VecDeque::new(),
        }
    }

    /// Appends samples of which the first stands at `start`, in seconds. A hole of up to 2 s is filled with silence; a longer
    /// one, or a way back, begins anew.
    pub fn push(&mut self, start: f64, samples: &[f32]) {
        if !start.is_finite() {
            return;
        }
        let hole = start - self.end();
        if self.samples.is_empty() || !(-NEAR..=LONGEST_HOLE).contains(&hole) {
            self.samples.clear();
            self.start = start;
        } else if hole > NEAR {
            let missing = (hole * RATE).round() as usize;
            self.samples.extend(std::iter::repeat_n(0.0, missing));
        }
        self.samples.extend(samples);
        let surplus = self.samples.len().saturating_sub(self.keep);
        self.samples.drain(..surplus);
        self.start += surplus as f64 / RATE;
    }

    /// The time of the first sample that is kept, in seconds.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.start
    }

    /// The time behind the last sample, in seconds.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.start + self.samples.len() as f64 / RATE
    }

    /// What is kept of `from..to`, in seconds; nothing when that is nothing.
    #[must_use]
    pub fn window(&self, from: f64, to: f64) -> Option<Window> {
        let first = ((from - self.start) * RATE).ceil().max(0.0) as usize;
        let behind = (((to - self.start) * RATE).ceil().max(0.0) as usize).min(self.samples.len());
        if first >= behind {
            return None;
        }
        Some(Window {
            start: self.start + first as f64 / RATE,
            samples: self.samples.range(first..behind).copied().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_seconds_are_kept_on_their_line() {
        let mut track = Track::new(1.0);
        for part in 0..30 {
            track.push(10.0 + f64::from(part) * 0.1, &vec![part as f32; 1600]);
        }
        assert!((track.start() - 12.0).abs() < 1e-9);
        assert!((track.end() - 13.0).abs() < 1e-9);
        let window = track.window(12.25, 12.5).unwrap();
        assert!((window.start - 12.25).abs() < 1e-4);
        assert_eq!(window.samples.len(), 4000);
        assert!((window.samples[0] - 22.0).abs() < f32::EPSILON);
        assert_eq!(track.window(0.0, 100.0).unwrap().samples.len(), 16_000);
        assert_eq!(track.window(13.5, 14.0), None);
        assert_eq!(track.window(f64::NAN, f64::NAN), None);
    }

    #[test]
    fn a_short_hole_is_silence_and_a_jump_begins_anew() {
        let mut track = Track::new(10.0);
        track.push(1.0, &[1.0; 1600]);
        track.push(1.5, &[1.0; 1600]);
        assert!((track.end() - 1.6).abs() < 1e-9);
        let window = track.window(1.0, 1.6).unwrap();
        assert_eq!(
            window.samples.iter().filter(|value| **value == 0.0).count(),
            6400
        );
        track.push(5.0, &[1.0; 160]);
        assert!((track.start() - 5.0).abs() < 1e-9);
        track.push(4.0, &[1.0; 160]);
        assert!((track.start() - 4.0).abs() < 1e-9);
        track.push(f64::INFINITY, &[1.0; 160]);
        assert!((track.end() - 4.01).abs() < 1e-9);
    }
}
