//! The times of a stream of samples from its jittering timestamps.

/// A timestamp further off than this is a jump, in seconds.
const JUMP: f64 = 0.04;
/// A jump of more than this, in seconds, is believed when the next timestamp agrees, if nobody else tells of it.
const LEAP: f64 = 1.0;
/// The mean error is looked at so often, in seconds.
const BLOCK: f64 = 1.0;
/// A mean error of less than this is none, in seconds: timestamps are whole nanoseconds.
const NONE: f64 = 2e-6;
/// The most that the rate of the samples is held to differ from its nominal value.
const RATE_LIMIT: f64 = 1.2e-3;
/// The most by which an error is worked off, beyond the rate.
const PAY_LIMIT: f64 = 1e-3;
/// Blocks after a jump in which it follows faster.
const SETTLING: u32 = 8;
/// Later than this, in seconds, no stream is: 30 years.
const LATEST: f64 = 1e9;

/// Where a buffer of samples lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Placed {
    /// At this time, right behind the samples before it.
    Continues(f64),
    /// At this time, which is elsewhere: the first samples, or the line was broken.
    Jumped(f64),
}

impl Placed {
    /// The time of the first sample, in seconds.
    #[must_use]
    pub fn time(self) -> f64 {
        match self {
            Self::Continues(time) | Self::Jumped(time) => time,
        }
    }
}

/// Follows the timestamps of a stream of samples by a line that never leaps but where they do.
///
/// The first sample lies exactly at its timestamp. From there samples are counted. Once a second the mean error of the
/// timestamps bends the line's rate, by at most 0.22 %: jitter of ±5 ms is averaged, a rate that is off by 1000 ppm is
/// followed to within 4 ms and then without an error. Where the timestamps are those of the counted samples, the line is
/// exactly that.
#[derive(Clone, Debug)]
pub struct SampleLine {
    period: f64,
    /// The time behind the last sample; none before the first.
    end: Option<f64>,
    /// How much slower than nominal the samples come.
    rate: f64,
    /// What is left of the last mean error.
    owed: f64,
    /// The errors of the block so far: sum, number, seconds.
    sum: f64,
    number: u32,
    elapsed: f64,
    blocks: u32,
    /// The end of a buffer that leapt, if the next one confirms it.
    doubtful: Option<f64>,
    garbage: u64,
}

impl SampleLine {
    /// For samples of this rate a second. 0 counts as 1.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        Self {
            period: 1.0 / f64::from(rate.max(1)),
            end: None,
            rate: 0.0,
            owed: 0.0,
            sum: 0.0,
            number: 0,
            elapsed: 0.0,
            blocks: 0,
            doubtful: None,
            garbage: 0,
        }
    }

    /// The time behind the last sample, in seconds; none before the first.
    #[must_use]
    pub fn end(&self) -> Option<f64> {
        self.end
    }

    /// Timestamps that were missing or not believed.
    #[must_use]
    pub fn garbage(&self) -> u64 {
        self.garbage
    }

    /// How much longer than nominal a sample lasts, as a ratio.
    #[must_use]
    pub fn rate_error(&self) -> f64 {
        self.rate
    }

    /// Places a buffer of so many samples (of one channel) whose timestamp is `pts`, in seconds. `discont` tells that it
    /// need not follow the one before.
    ///
    /// A timestamp that is missing, not finite, or more than 30 years off is not believed: the samples then follow the
    /// last, from 0 if there were none. Neither is, without `discont`, one that leaps by more than a second, until the
    /// next agrees.
    pub fn place(&mut self, pts: Option<f64>, samples: u64, discont: bool) -> Placed {
        let pts = pts.filter(|pts| pts.is_finite() && pts.abs() <= LATEST);
        let length = samples as f64 * self.period;
        if pts.is_none() {
            self.garbage += 1;
        }
        let Some(expected) = self.end else {
            return self.begin(pts.unwrap_or(0.0), length);
        };
        let Some(pts) = pts else {
            return self.go_on(expected, None, length);
        };
        let error = pts - expected;
        let tolerance = JUMP.max(self.period / 2.0);
        if error.abs() <= tolerance {
            self.doubtful = None;
            if discont {
                return self.begin(pts, length);
            }
            return self.go_on(expected, Some(error), length);
        }
        let confirmed = self
            .doubtful
            .is_some_and(|end| (pts - end).abs() <= tolerance);
        if discont || error.abs() <= LEAP || confirmed {
            return self.begin(pts, length);
        }
        self.garbage += 1;
        self.doubtful = Some(pts + length);
        self.go_on(expected, None, length)
    }

    /// Forgets everything but the nominal rate and what was counted.
    pub fn clear(&mut self) {
        self.end = None;
        self.doubtful = None;
    }

    fn begin(&mut self, pts: f64, length: f64) -> Placed {
        self.end = Some(pts + length);
        self.rate = 0.0;
        self.owed = 0.0;
        self.doubtful = None;
        self.blocks = 0;
        self.new_block();
        Placed::Jumped(pts)
    }

    fn new_block(&mut self) {
        self.sum = 0.0;
        self.number = 0;
        self.elapsed = 0.0;
    }

    fn go_on(&mut self, start: f64, error: Option<f64>, length: f64) -> Placed {
        if let Some(error) = error {
            self.sum += error;
            self.number += 1;
        }
        if self.elapsed >= BLOCK {
            self.bend();
        }
        let left = (BLOCK - self.elapsed).max(length);
        let share = if left > 0.0 { length / left } else { 0.0 };
        let most = PAY_LIMIT * length;
        let pay = (self.owed * share).clamp(-most, most);
        self.owed -= pay;
        self.elapsed += length;
        self.end = Some(start + length + (length * self.rate + pay));
        Placed::Continues(start)
    }

    /// A loop of the second order: it settles without an error at any constant rate.
    fn bend(&mut self) {
        let mean = if self.number > 0 {
            self.sum / f64::from(self.number)
        } else {
            0.0
        };
        let seconds = self.elapsed.max(BLOCK);
        self.new_block();
        if mean.abs() < NONE {
            self.owed = 0.0;
            return;
        }
        let (near, far) = if self.blocks < SETTLING {
            (0.5, 0.12)
        } else {
            (0.2, 0.02)
        };
        self.blocks = self.blocks.saturating_add(1);
        self.rate = (self.rate + far * mean / seconds).clamp(-RATE_LIMIT, RATE_LIMIT);
        self.owed = near * mean;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repeatable number from -1 to 1.
    fn noise(seed: &mut u64) -> f64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*seed >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }

    #[test]
    fn exact_timestamps_are_counted_without_any_error() {
        let mut line = SampleLine::new(48_000);
        assert_eq!(line.place(Some(1.5), 480, false), Placed::Jumped(1.5));
        for k in 1..2000_u32 {
            // As whole nanoseconds.
            let pts = ((1.5 + f64::from(k) * 0.01) * 1e9).round() / 1e9;
            let Placed::Continues(time) = line.place(Some(pts), 480, false) else {
                panic!("jumped");
            };
            assert!((time - 1.5 - f64::from(k) * 0.01).abs() < 1e-11);
        }
        assert_eq!(line.rate_error(), 0.0);
    }

    #[test]
    fn jitter_is_averaged() {
        let (mut line, mut seed, mut worst) = (SampleLine::new(48_000), 7, 0.0_f64);
        let mut last: Option<f64> = None;
        for k in 0..6000_u32 {
            let truth = f64::from(k) * 0.01;
            let time = line
                .place(Some(truth + 0.005 * noise(&mut seed)), 480, false)
                .time();
            if let Some(last) = last {
                assert!((time - last - 0.01).abs() < 0.01 * 2.3e-3);
            }
            last = Some(time);
            if k > 2000 {
                worst = worst.max((time - truth).abs());
            }
        }
        assert!(worst < 0.5e-3, "{worst}");
    }

    #[test]
    fn a_wrong_rate_is_followed() {
        for ppm in [-1000.0, -50.0, 200.0, 1000.0] {
            let mut line = SampleLine::new(44_100);
            let (mut most, mut settled) = (0.0_f64, 0.0_f64);
            for k in 0..6000_u32 {
                let truth = 3.0 + f64::from(k) * 441.0 / 44_100.0 * (1.0 + ppm * 1e-6);
                let placed = line.place(Some(truth), 441, false);
                assert_eq!(matches!(placed, Placed::Jumped(_)), k == 0);
                let error = (placed.time() - truth).abs();
                most = most.max(error);
                if k > 4000 {
                    settled = settled.max(error);
                }
            }
            assert!(most < 4e-3, "{ppm}: {most}");
            assert!(settled < 20e-6, "{ppm}: {settled}");
            assert!((line.rate_error() - ppm * 1e-6).abs() < 5e-6);
        }
    }

    #[test]
    fn far_off_or_told_is_a_jump() {
        let mut line = SampleLine::new(1000);
        line.place(Some(0.0), 100, false);
        assert_eq!(line.place(Some(0.139), 100, false), Placed::Continues(0.1));
        assert_eq!(line.place(Some(0.3), 100, false), Placed::Jumped(0.3));
        assert_eq!(line.place(Some(0.2), 100, false), Placed::Jumped(0.2));
        assert_eq!(line.place(Some(0.301), 100, true), Placed::Jumped(0.301));
        assert_eq!(line.place(Some(50.0), 100, true), Placed::Jumped(50.0));
        assert_eq!(line.garbage(), 0);
    }

    #[test]
    fn one_outlier_is_not_believed_and_a_true_leap_is() {
        let mut line = SampleLine::new(1000);
        line.place(Some(10.0), 100, false);
        assert_eq!(line.place(Some(9e8), 100, false).time(), 10.1);
        assert!((line.place(Some(10.2), 100, false).time() - 10.2).abs() < 1e-9);
        assert!((line.place(Some(1.0), 100, false).time() - 10.3).abs() < 1e-9);
        assert_eq!(line.place(Some(1.1), 100, false), Placed::Jumped(1.1));
        assert_eq!(line.garbage(), 2);
    }

    #[test]
    fn garbage_is_counted_and_the_samples_go_on() {
        let mut line = SampleLine::new(0);
        assert_eq!(line.place(None, 2, false), Placed::Jumped(0.0));
        assert_eq!(line.place(Some(f64::NAN), 3, true), Placed::Continues(2.0));
        assert_eq!(line.place(Some(1e300), 0, false), Placed::Continues(5.0));
        assert_eq!(line.place(None, u64::MAX, false), Placed::Continues(5.0));
        assert!(line.end().is_some_and(f64::is_finite));
        assert_eq!(line.garbage(), 4);
        line.clear();
        assert_eq!(line.place(Some(-3.0), 1, false), Placed::Jumped(-3.0));
    }

    #[test]
    fn long_buffers_do_not_swing() {
        let mut line = SampleLine::new(100);
        let mut worst = 0.0_f64;
        for k in 0..200_u32 {
            let truth = f64::from(k) * 10.0 * 1.0005;
            let error = (line.place(Some(truth), 1000, false).time() - truth).abs();
            if k > 100 {
                worst = worst.max(error);
            }
        }
        assert!(worst < 1e-3, "{worst}");
    }
}
