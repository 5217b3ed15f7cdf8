//! PCM samples at 48 kHz and times.

/// A second has 48 000 samples and 10⁹ ns: three samples last 62 500 ns.
const NS_OF_THREE: u128 = 62_500;

/// When a PCM sample begins, in ns, rounded down as demuxers round.
pub(super) fn time_of(sample: u64) -> gst::ClockTime {
    let ns = u128::from(sample) * NS_OF_THREE / 3;
    // The greatest value of all means that there is no time.
    gst::ClockTime::from_nseconds(u64::try_from(ns).unwrap_or(u64::MAX).min(u64::MAX - 1))
}

/// The PCM sample that begins nearest to a time: for each sample, that of [`time_of`].
pub(super) fn sample_of(time: gst::ClockTime) -> u64 {
    let thirds = u128::from(time.nseconds()) * 3 + NS_OF_THREE / 2;
    u64::try_from(thirds / NS_OF_THREE).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_back_from_their_times() {
        for sample in (0..100_000).chain([u64::MAX / 20_834, 48_000 * 3600 * 24 * 365]) {
            assert_eq!(sample_of(time_of(sample)), sample);
        }
        assert_eq!(time_of(48_000), gst::ClockTime::SECOND);
        assert_eq!(time_of(1), gst::ClockTime::from_nseconds(20_833));
    }

    #[test]
    fn times_go_to_the_nearest_sample() {
        let sample = |ns| sample_of(gst::ClockTime::from_nseconds(ns));
        assert_eq!((sample(10_416), sample(10_417)), (0, 1));
        assert_eq!(time_of(u64::MAX).nseconds(), u64::MAX - 1);
        assert_eq!(sample(u64::MAX - 1), 885_443_715_538_058);
    }
}
