//! Ticks a second that fit a stream.

/// Ticks a second of text: milliseconds, as all subtitle formats have them.
pub(super) const TEXT: u32 = 1000;
/// Ticks a second of video whose frame rate is not known or varies, as MPEG's clock has.
const UNKNOWN: u32 = 90_000;
/// Fewest ticks a second of video: the times of Matroska, in milliseconds, then come to within 0.05 ms.
const FEWEST: u32 = 10_000;

/// Ticks a second for frames that come `numerator` times in `denominator` seconds: the numerator, doubled until there
/// are ticks enough, so that each frame lasts a whole number of ticks.
pub(super) fn video(rate: Option<(u32, u32)>) -> u32 {
    match rate {
        Some((numerator, 1..)) if numerator > 0 => {
            let mut ticks = numerator;
            while ticks < FEWEST {
                ticks *= 2;
            }
            ticks
        }
        _ => UNKNOWN,
    }
}

/// Nanoseconds of a frame, rounded.
pub(super) fn frame_duration_ns(rate: Option<(u32, u32)>) -> Option<u64> {
    let (numerator, denominator) = rate?;
    let (numerator, second) = (u64::from(numerator), gst::ClockTime::SECOND.nseconds());
    (u64::from(denominator) * second + numerator / 2).checked_div(numerator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_lasts_a_whole_number_of_ticks() {
        for (rate, ticks) in [
            ((30_000, 1001), 30_000),
            ((24_000, 1001), 24_000),
            ((60_000, 1001), 60_000),
            ((25, 1), 12_800),
            ((24, 1), 12_288),
            ((30, 1), 15_360),
            ((1, 10), 16_384),
            ((2_997, 100), 11_988),
        ] {
            assert_eq!(video(Some(rate)), ticks, "{rate:?}");
            assert_eq!(u64::from(ticks) * u64::from(rate.1) % u64::from(rate.0), 0);
        }
        assert_eq!(video(None), 90_000);
        assert_eq!(video(Some((0, 1))), 90_000);
    }

    #[test]
    fn durations_of_frames_are_rounded() {
        assert_eq!(frame_duration_ns(Some((30_000, 1001))), Some(33_366_667));
        assert_eq!(frame_duration_ns(Some((25, 1))), Some(40_000_000));
        assert_eq!(frame_duration_ns(Some((0, 1))), None);
        assert_eq!(frame_duration_ns(None), None);
    }
}
