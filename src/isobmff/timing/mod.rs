//! Times: from nanoseconds to ticks, decoding times where there are none, and audio on its grid of frames.
//!
//! Nothing here looks at more than the group of pictures or the fragment that a sample is in, so that a part that is
//! rendered alone gets the times that it has in the whole.

mod audio;
mod reorder;

pub use audio::AudioClock;
pub use reorder::{Reorder, Timed};

/// A time that can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// A sample whose time does not rise.
    #[error("PTS goes backward: found {found_ns} ns, expected more than {least_ns} ns")]
    Backward {
        /// The sample's presentation time.
        found_ns: i64,
        /// What it had to be past.
        least_ns: i64,
    },
    /// A difference of times that its box has no room for.
    #[error("{what}: found {found} ticks at {timescale} a second, expected at most 4294967295")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Ticks.
        found: i64,
        /// Ticks a second.
        timescale: u32,
    },
}

/// Nanoseconds in a second.
pub const SECOND_NS: u32 = 1_000_000_000;

fn narrow(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// What is counted at `from` a second, counted at `to` a second: the nearest, the later of two.
pub fn rescaled(count: i64, to: u32, from: u32) -> i64 {
    let from = i128::from(from.max(1));
    let product = i128::from(count) * i128::from(to);
    narrow((product + from / 2).div_euclid(from))
}

/// The tick that is nearest to a time, the later of two.
pub fn ticks(ns: i64, timescale: u32) -> i64 {
    rescaled(ns, timescale, SECOND_NS)
}

/// The time of a tick, to the nearest nanosecond.
pub fn nanoseconds(ticks: i64, timescale: u32) -> i64 {
    rescaled(ticks, SECOND_NS, timescale)
}

/// A difference of ticks as a box holds it.
///
/// # Errors
/// When it is below zero or over 32 bits.
pub fn difference(
    what: &'static str,
    later: i64,
    earlier: i64,
    timescale: u32,
) -> Result<u32, TimingError> {
    let found = later.saturating_sub(earlier);
    u32::try_from(found).map_err(|_| TimingError::TooLong {
        what,
        found,
        timescale,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_rates_keep_exact_ticks() {
        for (numerator, denominator, timescale) in [
            (30_000, 1001, 30_000),
            (24_000, 1001, 24_000),
            (60_000, 1001, 60_000),
        ] {
            for frame in 0..200_000_i64 {
                // As GStreamer's elements compute it: rounded down.
                let ns = i128::from(frame) * i128::from(SECOND_NS) * denominator / numerator;
                assert_eq!(ticks(narrow(ns), timescale), frame * 1001);
            }
        }
        for frame in 0..200_000_i64 {
            let ns = i128::from(frame) * 1024 * i128::from(SECOND_NS) / 44_100;
            assert_eq!(ticks(narrow(ns), 44_100), frame * 1024);
        }
    }

    #[test]
    fn rounding_is_to_the_nearest_and_does_not_turn_at_zero() {
        assert_eq!(ticks(499_999, 1000), 0);
        assert_eq!(ticks(500_000, 1000), 1);
        assert_eq!(ticks(-500_000, 1000), 0);
        assert_eq!(ticks(-500_001, 1000), -1);
        assert_eq!(ticks(i64::MAX, u32::MAX), i64::MAX, "saturates");
        assert_eq!(nanoseconds(1, 3), 333_333_333);
        assert_eq!(nanoseconds(-1, 48_000), -20_833);
    }
}
