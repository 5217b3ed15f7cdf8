//! How many frames a second, as an exact fraction where frames come at a constant rate.

/// A fraction: numerator and denominator, both above 0.
pub type Fraction = (u64, u64);

/// What a container's clock can do to a time, in nanoseconds: Matroska counts milliseconds, H4MK of version 1 too, MPEG
/// 1/90000 s, some MP4 files microseconds.
const CLOCKS: [Fraction; 3] = [(1, 1_000), (1, 90_000), (1, 1_000_000)];

/// Rates that cameras and encoders have.
const COMMON: [Fraction; 22] = [
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (48, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
    (1, 1),
    (2, 1),
    (5, 1),
    (10, 1),
    (12, 1),
    (15_000, 1001),
    (15, 1),
    (20, 1),
    (72, 1),
    (90, 1),
    (100, 1),
    (120_000, 1001),
    (120, 1),
];

/// Samples in a packet of sound, of the codecs that have a constant number.
const SAMPLES: [u64; 13] = [
    120, 240, 480, 576, 960, 1024, 1152, 1536, 1920, 2048, 2880, 4096, 4608,
];

/// Which fractions are likely.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints {
    /// What the container or the codec says.
    pub told: Option<Fraction>,
    /// Samples a second, of sound.
    pub sample_rate: Option<u64>,
}

/// The rate of frames at these times, which are in order, in nanoseconds. `None`: it is not constant, or nothing tells it.
pub fn constant(times: &[i64], hints: Hints) -> Option<Fraction> {
    let (first, rest) = times.split_first()?;
    if rest.is_empty() {
        return hints.told;
    }
    let offsets = || {
        let offset = |time: &i64| i128::from(*time) - i128::from(*first);
        rest.iter().map(offset).zip(1u32..)
    };
    let slack = slack(offsets().map(|(offset, _)| offset));
    // The periods at which every frame lies where it may.
    let (mut low, mut high) = (0.0f64, f64::INFINITY);
    for (offset, number) in offsets() {
        low = low.max((offset as f64 - slack) / f64::from(number));
        high = high.min((offset as f64 + slack) / f64::from(number));
    }
    if low > high || high <= 0.0 {
        return None;
    }
    let period = |(n, d): Fraction| 1e9 * d as f64 / n as f64;
    // Parsers add up durations that are cut to whole nanoseconds.
    let fits = |rate: &Fraction| (low - 1.0..=high + 1.0).contains(&period(*rate));
    if let Some(told) = hints.told.filter(fits) {
        return Some(told);
    }
    let middle = low.midpoint(high);
    let off = |rate: &Fraction| (period(*rate) - middle).abs();
    let packets = hints.sample_rate.into_iter().flat_map(|rate| {
        let packets = SAMPLES
            .into_iter()
            .map(move |samples| reduce(rate, samples));
        packets.flatten()
    });
    let likely = COMMON.into_iter().chain(packets).filter(fits);
    let likely = likely.min_by(|a, b| off(a).total_cmp(&off(b)));
    likely
        .or_else(|| equal(times))
        .or_else(|| simplest(1e9 / high, 1e9 / low))
}

/// How far two times may lie apart from what they are, by the coarsest clock that has all of them, in nanoseconds.
fn slack(offsets: impl Iterator<Item = i128> + Clone) -> f64 {
    let fits = |&(n, d): &Fraction| {
        let (n, d) = (i128::from(n) * 1_000_000_000, i128::from(d));
        // Each time is rounded to a nanosecond.
        let whole = |offset: i128| {
            let ticks = (2 * offset * d + n).div_euclid(2 * n);
            (ticks * n - offset * d).abs() <= 2 * d
        };
        offsets.clone().all(whole)
    };
    let clock = CLOCKS.iter().find(|clock| fits(clock));
    clock.map_or(2.0, |(n, d)| 1e9 * *n as f64 / *d as f64 + 2.0)
}

/// The rate at which all periods are the very same number of nanoseconds.
fn equal(times: &[i64]) -> Option<Fraction> {
    let mut periods = times.windows(2).map(|pair| pair[1].checked_sub(pair[0]));
    let period = periods.next()??;
    let same = periods.all(|other| other == Some(period));
    let period = u64::try_from(period).ok().filter(|_| same)?;
    reduce(1_000_000_000, period)
}

/// The fraction of the smallest numbers from `low` to `high`, by continued fractions.
fn simplest(low: f64, high: f64) -> Option<Fraction> {
    /// More steps would need numbers that a double doesn't have.
    const MOST: u32 = 20;
    fn find(low: f64, high: f64, left: u32) -> Option<(u64, u64)> {
        let whole = low.ceil();
        if whole <= high {
            return Some((whole.max(1.0) as u64, 1));
        }
        let whole = low.floor();
        let (n, d) = find(
            1.0 / (high - whole),
            1.0 / (low - whole),
            left.checked_sub(1)?,
        )?;
        Some((n.checked_mul(whole as u64)?.checked_add(d)?, n))
    }
    let range = low > 0.0 && high < 1e9;
    find(low, high, MOST).filter(|_| range)
}

/// A fraction in its lowest terms.
pub fn reduce(numerator: u64, denominator: u64) -> Option<Fraction> {
    let (mut a, mut b) = (numerator, denominator);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    (numerator > 0 && denominator > 0).then(|| (numerator / a, denominator / a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(n: u64, d: u64) -> Hints {
        Hints {
            told: Some((n, d)),
            sample_rate: None,
        }
    }

    /// Times of frames at a rate on a clock.
    fn times((n, d): Fraction, clock: u64, count: u64) -> Vec<i64> {
        let tick = |number: u64| {
            let ticks = (2 * u128::from(number * d) * u128::from(clock) + u128::from(n))
                / (2 * u128::from(n));
            i64::try_from(ticks * 1_000_000_000 / u128::from(clock)).unwrap()
        };
        (0..count).map(tick).collect()
    }

    proptest! {
        #[test]
        fn every_common_rate_is_found_on_every_clock(
            rate in proptest::sample::select(&COMMON[..]),
            clock in proptest::sample::select(&[1_000u64, 90_000, 1_000_000, 1_000_000_000][..]),
            start in -5_000_000_000i64..5_000_000_000,
        ) {
            let times: Vec<i64> = times(rate, clock, 3_000).iter().map(|t| t + start).collect();
            prop_assert_eq!(constant(&times, Hints::default()), Some(rate));
        }

        #[test]
        fn any_times_are_taken(mut times: Vec<i64>, n: u64, d: u64, rate: u64) {
            times.sort_unstable();
            let told = (n > 0 && d > 0).then_some((n, d));
            constant(&times, Hints { told, sample_rate: Some(rate) });
        }
    }

    #[test]
    fn a_rate_that_nobody_uses_is_found() {
        let (odd, clock) = ((1000, 33), 1_000);
        assert_eq!(
            constant(&times(odd, clock, 90), Hints::default()),
            Some(odd)
        );
        let odd = (127, 10);
        assert_eq!(
            constant(&times(odd, 90_000, 5_000), Hints::default()),
            Some(odd)
        );
    }

    #[test]
    fn what_is_told_is_believed_only_where_it_fits() {
        let film = times((24_000, 1001), 1_000, 100);
        assert_eq!(constant(&film, told(24_000, 1001)), Some((24_000, 1001)));
        assert_eq!(constant(&film, told(48_000, 1001)), Some((24_000, 1001)));
        assert_eq!(constant(&film[..1], told(25, 1)), Some((25, 1)));
        assert_eq!(constant(&film[..1], Hints::default()), None);
        assert_eq!(constant(&[], told(25, 1)), None);
    }

    #[test]
    fn packets_of_sound_have_a_rate() {
        let aac = times((44_100, 1024), 1_000_000_000, 500);
        let hints = Hints {
            told: None,
            sample_rate: Some(44_100),
        };
        assert_eq!(constant(&aac, hints), Some((11_025, 256)));
    }

    #[test]
    fn durations_that_are_cut_add_up() {
        let mp3: Vec<i64> = (0..10_000).map(|number| number * 26_122_448).collect();
        let hints = Hints {
            told: None,
            sample_rate: Some(44_100),
        };
        assert_eq!(constant(&mp3, hints), Some((1225, 32)));
    }

    #[test]
    fn a_rate_that_varies_is_none() {
        let mut times = times((25, 1), 90_000, 50);
        times.remove(20);
        assert_eq!(constant(&times, told(25, 1)), None);
        assert_eq!(constant(&[5, 5, 5], Hints::default()), None);
        assert_eq!(
            constant(&[0, 16_000_000, 50_000_000], Hints::default()),
            None
        );
    }
}
