//! What timestamps tell of missing samples.
//!
//! They place nothing: samples are counted from the packets. After a lost page of Ogg, oggdemux sets DISCONT and goes
//! on counting as if nothing were lost; only the page after the next shows, by a leap, how much it was.

use crate::opus::RATE;

/// Timestamps that are off by less than the shortest packet are rounded ones, not gaps: Matroska has milliseconds.
const ROUNDING_NS: i64 = 2_500_000;

/// Most packets that end on one page of Ogg (RFC 3533, 6): the leap comes no later.
const MOST_ON_PAGE: u32 = 255;

/// What is missing before a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Nothing,
    /// So many samples, just before the packet.
    Samples(u64),
    /// Nobody knows how many samples, just before the packet.
    Unknown,
    /// So many samples, where [`Missing::Unknown`] was told last.
    Late(u64),
}

/// Follows the timestamps of a link.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Where the next packet should begin.
    expected_ns: Option<u64>,
    /// Packets within which a leap tells how long the last gap is, of which nobody knows it yet.
    open: u32,
    began: bool,
}

impl Clock {
    /// Looks at the times of a packet that comes now, before it is counted.
    pub(super) fn packet(&mut self, pts_ns: Option<u64>, discont: bool) -> Missing {
        let began = std::mem::replace(&mut self.began, true);
        let leap = match (self.expected_ns, pts_ns) {
            (Some(expected), Some(pts)) => signed(pts).saturating_sub(signed(expected)),
            _ => 0,
        };
        if pts_ns.is_some() {
            self.expected_ns = pts_ns;
        }
        if leap >= ROUNDING_NS {
            let samples = samples(leap.unsigned_abs());
            return if std::mem::take(&mut self.open) > 0 && !discont {
                Missing::Late(samples)
            } else {
                Missing::Samples(samples)
            };
        }
        self.open = self.open.saturating_sub(1);
        if discont && began {
            self.open = MOST_ON_PAGE;
            return Missing::Unknown;
        }
        Missing::Nothing
    }

    /// The packet of the call before takes so many samples of playing time.
    pub(super) fn lasts(&mut self, kept_samples: u64) {
        self.expected_ns = self
            .expected_ns
            .map(|from| from.saturating_add(nanoseconds(kept_samples)));
    }

    /// A packet of so many samples is not there, which is a gap of its own.
    pub(super) fn lost(&mut self, samples: u64) {
        self.lasts(samples);
        self.open = 0;
    }

    /// Upstream says that it has nothing for a time; the samples of it.
    pub(super) fn gap(&mut self, pts_ns: u64, duration_ns: Option<u64>) -> u64 {
        // A gap that begins where more was expected has the missing part in it.
        let from = self
            .expected_ns
            .map_or(pts_ns, |expected| expected.min(pts_ns));
        let end = pts_ns.saturating_add(duration_ns.unwrap_or(0));
        self.expected_ns = Some(end.max(from));
        self.open = 0;
        samples(end.saturating_sub(from))
    }

    /// What comes next has no relation to what came.
    pub(super) fn interrupt(&mut self) {
        self.expected_ns = None;
        self.open = 0;
    }
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}

/// Samples at 48 kHz of a time, rounded.
pub(super) fn samples(ns: u64) -> u64 {
    let samples = (u128::from(ns) * u128::from(RATE) + 500_000_000) / 1_000_000_000;
    u64::try_from(samples).unwrap_or(u64::MAX)
}

/// The time of samples at 48 kHz.
fn nanoseconds(samples: u64) -> u64 {
    let ns = u128::from(samples) * 1_000_000_000 / u128::from(RATE);
    u64::try_from(ns).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn fed(clock: &mut Clock, pts_ms: u64, discont: bool) -> Missing {
        let missing = clock.packet(Some(pts_ms * MS), discont);
        clock.lasts(960);
        missing
    }

    #[test]
    fn packets_in_a_row_miss_nothing() {
        let mut clock = Clock::default();
        assert_eq!(
            fed(&mut clock, 0, true),
            Missing::Nothing,
            "all begin with DISCONT"
        );
        assert_eq!(fed(&mut clock, 20, false), Missing::Nothing);
        assert_eq!(fed(&mut clock, 41, false), Missing::Nothing, "rounded");
        assert_eq!(fed(&mut clock, 60, false), Missing::Nothing);
        assert_eq!(clock.packet(None, false), Missing::Nothing);
    }

    #[test]
    fn a_leap_is_a_gap_of_that_length() {
        let mut clock = Clock::default();
        fed(&mut clock, 0, true);
        assert_eq!(fed(&mut clock, 520, false), Missing::Samples(24_000));
        assert_eq!(fed(&mut clock, 640, true), Missing::Samples(4800));
        assert_eq!(fed(&mut clock, 660, false), Missing::Nothing);
    }

    #[test]
    fn a_lost_page_is_measured_when_timestamps_leap() {
        let mut clock = Clock::default();
        fed(&mut clock, 0, true);
        assert_eq!(fed(&mut clock, 20, true), Missing::Unknown);
        assert_eq!(fed(&mut clock, 40, false), Missing::Nothing);
        assert_eq!(fed(&mut clock, 1060, false), Missing::Late(48_000));
        assert_eq!(
            fed(&mut clock, 2080, false),
            Missing::Samples(48_000),
            "another"
        );
    }

    #[test]
    fn a_leap_tells_of_the_last_gap_alone_and_soon() {
        let mut clock = Clock::default();
        fed(&mut clock, 0, true);
        assert_eq!(fed(&mut clock, 20, true), Missing::Unknown);
        clock.packet(Some(40 * MS), false);
        clock.lost(960);
        let other = fed(&mut clock, 1060, false);
        assert_eq!(other, Missing::Samples(48_000), "another gap came since");
        assert_eq!(fed(&mut clock, 1080, true), Missing::Unknown);
        for n in 0..255 {
            assert_eq!(fed(&mut clock, 1100 + 20 * n, false), Missing::Nothing);
        }
        assert_eq!(fed(&mut clock, 8200, false), Missing::Samples(96_000));
    }

    #[test]
    fn gap_events_count_once() {
        let mut clock = Clock::default();
        fed(&mut clock, 0, true);
        assert_eq!(clock.gap(20 * MS, Some(100 * MS)), 4800);
        assert_eq!(fed(&mut clock, 120, false), Missing::Nothing);
        assert_eq!(
            clock.gap(160 * MS, Some(20 * MS)),
            1920,
            "from where a packet was expected"
        );
        clock.interrupt();
        assert_eq!(fed(&mut clock, 9000, false), Missing::Nothing);
    }
}
