//! The latest audio of a stream.

use std::collections::VecDeque;
use std::ops::Range;

use super::super::{RATE, Window};
use super::kernel::Kernel;

/// The longest hole that is filled with silence, in seconds; a longer one begins anew.
const LONGEST_HOLE: f64 = 2.0;
/// A start this near to the last end, in seconds, continues it: the stream's line bends.
const BEND: f64 = 0.005;
/// A line that bends less than this within a window is straight, in seconds.
const STRAIGHT: f64 = 2e-6;
/// Samples around a window that the values at its ends need.
const SIDE: u64 = 8;

/// Mono audio at [`RATE`] on its stream's own line: the last seconds of it.
///
/// The samples of a live stream are not exactly as far apart on its line as they should be. What a push begins at is kept, and
/// windows are made so that their samples are.
#[derive(Debug)]
pub struct Track {
    keep: usize,
    samples: VecDeque<f32>,
    /// The number of the first sample that is kept.
    first: u64,
    /// Numbers of samples and their times, of which the first is not behind `first`.
    anchors: VecDeque<(u64, f64)>,
    kernel: Kernel,
}

impl Track {
    /// Keeps the last `keep` seconds.
    #[must_use]
    pub fn new(keep: f64) -> Self {
        Self {
            keep: (keep.clamp(0.0, 3600.0) * RATE) as usize,
            samples: VecDeque::new(),
            first: 0,
            anchors: VecDeque::new(),
            kernel: Kernel::new(),
        }
    }

    /// Appends samples of which the first stands at `start`, in seconds. A start up to 5 ms beside the last end continues it; a
    /// hole of up to 2 s is filled with silence; a longer one, or a way back, begins anew.
    pub fn push(&mut self, start: f64, samples: &[f32]) {
        if !start.is_finite() {
            return;
        }
        let hole = start - self.end();
        if self.samples.is_empty() || !(-BEND..=LONGEST_HOLE).contains(&hole) {
            self.first = self.behind();
            self.samples.clear();
            self.anchors.clear();
        } else if hole > BEND {
            // The line runs straight up to the hole.
            self.anchors.push_back((self.behind(), self.end()));
            let missing = (hole * RATE).round() as usize;
            self.samples.extend(std::iter::repeat_n(0.0, missing));
        }
        // Time does not stand still: a push so short that its line would goes on from the last.
        let (number, time) = self
            .anchors
            .back()
            .copied()
            .unwrap_or((0, f64::NEG_INFINITY));
        if self.behind() > number && start > time || self.anchors.is_empty() {
            self.anchors.push_back((self.behind(), start));
        }
        self.samples.extend(samples);
        self.forget();
    }

    /// Drops what is too old.
    fn forget(&mut self) {
        let surplus = self.samples.len().saturating_sub(self.keep);
        self.samples.drain(..surplus);
        self.first += surplus as u64;
        while self
            .anchors
            .get(1)
            .is_some_and(|(number, _)| *number <= self.first)
        {
            self.anchors.pop_front();
        }
    }

    /// The number behind the last sample.
    fn behind(&self) -> u64 {
        self.first + self.samples.len() as u64
    }

    /// The time of the first sample that is kept, in seconds.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.time(self.first)
    }

    /// The time behind the last sample, in seconds.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.time(self.behind())
    }

    /// The time of a sample.
    fn time(&self, number: u64) -> f64 {
        let next = self
            .anchors
            .partition_point(|(anchor, _)| *anchor <= number);
        let Some(&(from, start)) = self.anchors.get(next.saturating_sub(1)) else {
            return 0.0;
        };
        let past = number.saturating_sub(from) as f64;
        match self.anchors.get(next) {
            Some(&(to, end)) if to > from => start + past * (end - start) / (to - from) as f64,
            _ => start + past / RATE,
        }
    }

    /// Where a time lies, as a sample's number with its fraction.
    fn place(&self, time: f64) -> f64 {
        let next = self.anchors.partition_point(|(_, anchor)| *anchor <= time);
        let Some(&(from, start)) = self.anchors.get(next.saturating_sub(1)) else {
            return 0.0;
        };
        let past = time - start;
        let rate = match self.anchors.get(next) {
            Some(&(to, end)) if next > 0 && end > start => (to - from) as f64 / (end - start),
            _ => RATE,
        };
        from as f64 + past * rate
    }

    /// What is kept of `from..to`, in seconds; nothing when that is nothing.
    #[must_use]
    pub fn window(&self, from: f64, to: f64) -> Option<Window> {
        let bound = |time: f64| {
            let number = self.place(time).ceil().max(0.0) as u64;
            number.clamp(self.first, self.behind())
        };
        let numbers = bound(from)..bound(to);
        if numbers.is_empty() {
            return None;
        }
        let start = self.time(numbers.start);
        let samples = if self.is_straight(&numbers) {
            self.copy(numbers)
        } else {
            self.straightened(&numbers)
        };
        Some(Window { start, samples })
    }

    /// Whether samples stand as far apart as they should.
    fn is_straight(&self, numbers: &Range<u64>) -> bool {
        let start = self.time(numbers.start);
        let off = |number: u64, time: f64| time - start - (number - numbers.start) as f64 / RATE;
        let inside = self
            .anchors
            .iter()
            .filter(|(number, _)| numbers.contains(number));
        let mut ends = inside
            .copied()
            .chain([(numbers.end, self.time(numbers.end))]);
        ends.all(|(number, time)| off(number, time).abs() < STRAIGHT)
    }

    fn copy(&self, numbers: Range<u64>) -> Vec<f32> {
        let index = |number: u64| (number.clamp(self.first, self.behind()) - self.first) as usize;
        let range = index(numbers.start)..index(numbers.end);
        self.samples.range(range).copied().collect()
    }

    /// The values at times that are as far apart as they should.
    fn straightened(&self, numbers: &Range<u64>) -> Vec<f32> {
        let zero = numbers.start.saturating_sub(SIDE).max(self.first);
        let samples = self.copy(zero..numbers.end.saturating_add(SIDE));
        let start = self.time(numbers.start);
        let count = ((self.time(numbers.end) - start) * RATE).round() as usize;
        let value = |at: usize| {
            let place = self.place(start + at as f64 / RATE);
            self.kernel.at(&samples, place - zero as f64)
        };
        (0..count).map(value).collect()
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

    #[test]
    fn a_line_that_bends_is_made_straight() {
        // The stream's clock runs 300 ppm fast, and its times jitter by a little.
        let tone = |time: f64| (std::f64::consts::TAU * 700.0 * time).sin() as f32;
        let mut track = Track::new(4.0);
        let mut number = 0_u32;
        for push in 0..400_u32 {
            let spacing = (1.0 - 300e-6) / RATE;
            let samples: Vec<f32> = (0..160)
                .map(|at| tone(f64::from(number + at) * spacing))
                .collect();
            let jitter = f64::from(push * 7919 % 13) * 1e-7;
            track.push(f64::from(number) * spacing + jitter, &samples);
            number += 160;
        }
        assert!(
            (track.end() - 4.0 * (1.0 - 300e-6)).abs() < 1e-5,
            "{}",
            track.end()
        );
        let window = track.window(0.5, 3.5).unwrap();
        assert!((window.duration() - 3.0).abs() < 2.0 / RATE);
        for (at, value) in window.samples.iter().enumerate().skip(16) {
            let expected = tone(window.start + at as f64 / RATE);
            assert!((value - expected).abs() < 0.02, "{at}: {value} {expected}");
        }
        // Back by more than a line bends.
        track.push(3.9, &[0.0; 160]);
        assert!((track.start() - 3.9).abs() < 1e-9);
    }
}
