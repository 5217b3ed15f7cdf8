//! Which packets give a range of samples, and what of each packet is kept.

use std::ops::Range;
use std::str::FromStr;

use super::{RATE, Row};

/// How much is decoded before a range, so that the decoder has converged when the range begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preroll {
    /// What the store recommends.
    #[default]
    Auto,
    /// As much as the hashes of a certified store ask for.
    Certified,
    /// Samples at 48 kHz.
    Samples(u64),
}

impl FromStr for Preroll {
    type Err = String;

    /// `auto`, `certified`, or milliseconds.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "certified" => Ok(Self::Certified),
            _ => text
                .parse::<u32>()
                .map(|ms| Self::Samples(u64::from(ms) * u64::from(RATE / 1000)))
                .map_err(|_| format!("found {text:?}, expected auto, certified or milliseconds")),
        }
    }
}

impl std::fmt::Display for Preroll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Certified => f.write_str("certified"),
            Self::Samples(samples) => write!(f, "{}", samples / u64::from(RATE / 1000)),
        }
    }
}

/// Decoded samples of a packet that are thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clip {
    /// At its start.
    pub start: u64,
    /// At its end.
    pub end: u64,
}

/// A range of samples on the time line, and where decoding begins for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The sample of the time line whose packet is decoded first.
    pub from: u64,
    /// The first sample that is kept.
    pub start: u64,
    /// The sample behind the last that is kept.
    pub end: u64,
}

impl Plan {
    /// A plan for PCM samples `[range.start, range.end)` of a stream with this pre-skip.
    pub const fn new(range: &Range<u64>, pre_skip: u64, preroll: u64) -> Self {
        let start = range.start.saturating_add(pre_skip);
        Self {
            from: start.saturating_sub(preroll),
            start,
            end: range.end.saturating_add(pre_skip),
        }
    }

    /// What of a packet is thrown away: all of it where it is pre-roll.
    pub fn clip(&self, row: &Row) -> Clip {
        let behind = row.cum_end.saturating_add(1);
        let start = self
            .start
            .saturating_sub(row.cum_start)
            .min(row.sample_count);
        let end = behind
            .saturating_sub(self.end)
            .min(row.sample_count - start);
        Clip { start, end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prerolls_are_read_and_written() {
        for (text, preroll) in [
            ("auto", Preroll::Auto),
            ("certified", Preroll::Certified),
            ("660", Preroll::Samples(31_680)),
            ("0", Preroll::Samples(0)),
        ] {
            assert_eq!(text.parse(), Ok(preroll));
            assert_eq!(preroll.to_string(), text);
        }
        for wrong in ["", "-1", "80ms", "Auto", "99999999999"] {
            let error = wrong.parse::<Preroll>().unwrap_err();
            assert!(error.contains(&format!("{wrong:?}")), "{error}");
        }
    }

    #[test]
    fn packets_are_clipped_to_the_range() {
        let row = |n: u64| Row {
            sample_count: 960,
            cum_start: n * 960,
            cum_end: n * 960 + 959,
            ..Row::default()
        };
        // PCM samples 1000 to 1999 behind a pre-skip of 312 are 1312 to 2311 of the time line.
        let plan = Plan::new(&(1000..2000), 312, 960);
        assert_eq!((plan.from, plan.start, plan.end), (352, 1312, 2312));
        let clips = [0, 1, 2, 3].map(|n| plan.clip(&row(n)));
        assert_eq!(clips[0], Clip { start: 960, end: 0 }, "pre-roll");
        assert_eq!(clips[1], Clip { start: 352, end: 0 });
        assert_eq!(clips[2], Clip { start: 0, end: 568 });
        assert_eq!(clips[3], Clip { start: 0, end: 960 });
        let both = Plan::new(&(10..20), 0, 0).clip(&row(0));
        assert_eq!(
            both,
            Clip {
                start: 10,
                end: 940
            }
        );
        assert_eq!(Plan::new(&(5..6), 0, 100).from, 0, "not before the start");
    }
}
