//! Audio on its grid: frames follow each other without gaps as long as their times allow it.

use super::ticks;

/// A time so near to a finer grid, in ticks, was not rounded to milliseconds on its way.
const EXACT: i64 = 2;

/// Ticks of one audio stream.
#[derive(Debug, Clone)]
pub struct AudioClock {
    timescale: u32,
    /// All frames are multiples of so many ticks, where they differ in length (Opus: 120).
    unit: Option<i64>,
    first: Option<i64>,
    /// Tick and length of the frame before, in the segment.
    previous: Option<(i64, i64)>,
}

impl AudioClock {
    /// For a stream at `timescale`, mostly its sample rate; `unit` where frames may differ in length.
    pub fn new(timescale: u32, unit: Option<i64>) -> Self {
        Self {
            timescale,
            unit,
            first: None,
            previous: None,
        }
    }

    /// The stream's first tick, as an earlier run found it.
    pub fn set_first(&mut self, first: i64) {
        self.first = Some(first);
    }

    /// The stream's first tick, where the grid begins.
    pub fn first(&self) -> Option<i64> {
        self.first
    }

    /// A segment begins: the next frame is placed with no regard to those before it.
    pub fn restart(&mut self) {
        self.previous = None;
    }

    /// The tick of a frame of `frame` ticks at this time, and whether it had to leave the grid. Frames that are no
    /// whole number of ticks make no grid: of those `frame` is 0, and each is at the tick of its time.
    pub fn place(&mut self, pts_ns: i64, frame: i64) -> (i64, bool) {
        let (tick, left) = self.look(pts_ns, frame);
        self.first.get_or_insert(tick);
        self.previous = Some((tick, frame));
        (tick, left)
    }

    /// The frame that was placed last is elsewhere.
    pub fn set_previous(&mut self, tick: i64, frame: i64) {
        self.previous = Some((tick, frame));
    }

    /// What [`AudioClock::place`] would answer.
    pub fn look(&self, pts_ns: i64, frame: i64) -> (i64, bool) {
        let exact = ticks(pts_ns, self.timescale);
        if frame == 0 {
            return (exact, false);
        }
        let near = |tick: i64, most: i64| tick.abs_diff(exact) <= most.unsigned_abs();
        let expected = self
            .previous
            .map(|(previous, length)| previous.saturating_add(length));
        if let Some(expected) = expected.filter(|expected| near(*expected, frame / 4)) {
            return (expected, false);
        }
        // Behind a gap a frame is placed as at the begin of a segment: one may begin in the gap.
        let (tick, left) = self.alone(exact, frame);
        (tick, left || expected.is_some())
    }

    /// The tick of a frame that follows none, by the nearest tick of its time.
    fn alone(&self, exact: i64, frame: i64) -> (i64, bool) {
        let near = |tick: i64, most: i64| tick.abs_diff(exact) <= most.unsigned_abs();
        let Some(first) = self.first else {
            return (exact, false);
        };
        let on_grid = |step: i64| nearest(first, step, exact);
        if let Some(unit) = self.unit {
            let tick = on_grid(unit);
            if near(tick, EXACT) {
                return (tick, false);
            }
        }
        let tick = on_grid(frame);
        if near(tick, frame / 4) {
            (tick, false)
        } else {
            (exact, true)
        }
    }
}

/// The point of the grid `first + k * step` that is nearest to a tick.
fn nearest(first: i64, step: i64, tick: i64) -> i64 {
    let step = i128::from(step.max(1));
    let (first, distance) = (i128::from(first), i128::from(tick) - i128::from(first));
    let k = (distance + step / 2).div_euclid(step);
    super::narrow(first + k * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn times_in_milliseconds_become_a_row_of_frames() {
        let mut clock = AudioClock::new(44_100, None);
        for frame in 0..100_000_i64 {
            let ms = (frame * 1024 * 1000 + 22_050) / 44_100;
            assert_eq!(clock.place(ms * MS, 1024), (frame * 1024, false));
        }
    }

    #[test]
    fn a_segment_finds_the_grid_without_what_came_before() {
        let mut clock = AudioClock::new(48_000, None);
        clock.set_first(-312);
        for frame in [1_i64, 50, 100_000] {
            let tick = frame * 960 - 312;
            let ms = (tick * 1000 + 24_000).div_euclid(48_000);
            clock.restart();
            assert_eq!(clock.place(ms * MS, 960), (tick, false));
        }
    }

    #[test]
    fn a_gap_leaves_the_grid_for_the_exact_time() {
        let mut clock = AudioClock::new(48_000, None);
        assert_eq!(clock.place(0, 1024), (0, false));
        assert_eq!(clock.place(6_005 * MS, 1024), (288_240, true));
        assert_eq!(clock.place(6_026 * MS, 1024), (289_264, false));
        clock.restart();
        assert_eq!(
            clock.place(6_048 * MS, 1024),
            (290_304, true),
            "more than a quarter frame off the stream's grid"
        );
    }

    #[test]
    fn packets_of_different_lengths_keep_exact_times() {
        let mut clock = AudioClock::new(48_000, Some(120));
        let mut tick = -312;
        for (at, frame) in [960, 2880, 480, 120, 960, 5760, 960]
            .into_iter()
            .enumerate()
        {
            if at % 2 == 0 {
                clock.restart();
            }
            let ns = super::super::nanoseconds(tick, 48_000);
            assert_eq!(clock.place(ns, frame), (tick, false));
            tick += frame;
        }
    }

    #[test]
    fn times_at_the_ends_of_the_range_do_not_overflow() {
        let mut clock = AudioClock::new(u32::MAX, Some(120));
        clock.set_first(i64::MAX);
        clock.place(i64::MIN, i64::MAX);
        clock.place(i64::MAX, i64::MAX);
        assert_eq!(clock.first(), Some(i64::MAX));
    }
}
