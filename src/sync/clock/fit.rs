//! A straight line through measured shifts, some of which are wrong.
//!
//! Theil–Sen (the median of all slopes between pairs) starts it, which a good quarter of wrong points can't move far;
//! iteratively reweighted least squares with Tukey's biweight then spend the noise of the right ones as least squares do.
use crate::sync::Affine;

/// The spread below which residuals are taken as equal: a hundredth of a sample at 16 kHz.
const LEAST_SIGMA: f64 = 0.6e-6;
/// Tukey's constant: 95 % of the efficiency of least squares on normal noise.
const BIWEIGHT: f64 = 4.685;
/// A normal distribution's standard deviation over its median absolute deviation.
const MAD: f64 = 1.4826;
/// The noise of a slope is reckoned from no less than this: windows that overlap share their error.
const LEAST_NOISE: f64 = 10e-6;
/// Rounds of reweighting; the weights stand still after five or six.
const ROUNDS: usize = 10;
/// Up to this many points every pair gives a slope.
const ALL_PAIRS: usize = 192;

/// A line through points, and how well they lie on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The line.
    pub map: Affine,
    /// How far above the line each point lies, in seconds, in the order of the points.
    pub residuals: Vec<f64>,
    /// The share of points that the line was drawn by, from 0 to 1.
    pub inliers: f64,
    /// Standard deviation of the points about the line, in seconds, told from their median deviation.
    pub sigma: f64,
    /// Standard deviation of the drift, a ratio.
    pub drift_sigma: f64,
}

/// What is known of a drift before points are looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// The drift, a ratio.
    pub drift: f64,
    /// Its standard deviation.
    pub sigma: f64,
    /// Points closer together than this share most of their error, in seconds: the length of the compared windows.
    pub shared: f64,
}

/// The line through `points`, each an own time and the shift measured there, in seconds.
///
/// Nothing if fewer than two points lie at different times, or a number is not finite. The same points in any order give
/// the same line but for rounding.
#[must_use]
pub fn robust(points: &[(f64, f64)]) -> Option<Fit> {
    let (start, end) = span(points)?;
    (end > start).then(|| line(points, None)).flatten()
}

/// As [`robust`], for points over too short a time to tell the drift by themselves: their drift and the `prior`'s are
/// averaged by their variances. One point suffices.
#[must_use]
pub fn robust_about(points: &[(f64, f64)], prior: &Prior) -> Option<Fit> {
    span(points)?;
    line(points, Some(prior))
}

/// The middle value; the mean of both for an even count.
#[must_use]
pub fn median(values: &mut [f64]) -> Option<f64> {
    let half = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (below, middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let above = *middle;
    let below = below.iter().copied().max_by(f64::total_cmp);
    Some(match below {
        Some(below) if even => f64::midpoint(below, above),
        _ => above,
    })
}

/// The value that a share `part` (0 to 1) of the values does not exceed: the nearest rank.
#[must_use]
pub fn quantile(values: &mut [f64], part: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let rank = (values.len() as f64 * part.clamp(0.0, 1.0)).ceil() as usize;
    let rank = rank.saturating_sub(1).min(last);
    Some(*values.select_nth_unstable_by(rank, f64::total_cmp).1)
}

/// The first and last time; nothing for no points or numbers that are not finite.
fn span(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    if !points
        .iter()
        .all(|(at, shift)| at.is_finite() && shift.is_finite())
    {
        return None;
    }
    let first = points.first()?.0;
    let bounds = points.iter().fold((first, first), |(low, high), &(at, _)| {
        (low.min(at), high.max(at))
    });
    Some(bounds)
}

/// Weighted sums of points about their centre.
struct Centre {
    at: f64,
    shift: f64,
    /// Sum of the squared distances in time.
    spread: f64,
    slope: f64,
    weight: f64,
}

impl Centre {
    fn of(points: &[(f64, f64)], weights: &[f64]) -> Option<Self> {
        let weight: f64 = weights.iter().sum();
        if weight <= 0.0 {
            return None;
        }
        let sum = |value: &dyn Fn(f64, f64) -> f64| -> f64 {
            let weighted = points.iter().zip(weights);
            weighted.map(|(&(at, shift), w)| w * value(at, shift)).sum()
        };
        let at = sum(&|at, _| at) / weight;
        let shift = sum(&|_, shift| shift) / weight;
        let spread = sum(&|t, _| (t - at).powi(2));
        let product = sum(&|t, s| (t - at) * (s - shift));
        let slope = if spread > 0.0 { product / spread } else { 0.0 };
        Some(Self {
            at,
            shift,
            spread,
            slope,
            weight,
        })
    }
}

fn line(points: &[(f64, f64)], prior: Option<&Prior>) -> Option<Fit> {
    let mut map = theil_sen(points, prior)?;
    let mut residuals = from_line(points, &map);
    let mut sigma = spread_of(&residuals);
    let mut drift_sigma = prior.map_or(f64::INFINITY, |prior| prior.sigma);
    for _ in 0..ROUNDS {
        let weights: Vec<f64> = residuals.iter().map(|r| biweight(r / sigma)).collect();
        let Some(centre) = Centre::of(points, &weights) else {
            break;
        };
        let drift;
        (drift, drift_sigma) = drift_of(points, &centre, sigma, prior);
        map = Affine::through(centre.at, centre.shift, drift);
        residuals = from_line(points, &map);
        sigma = spread_of(&residuals);
    }
    let inside = residuals.iter().filter(|r| r.abs() < BIWEIGHT * sigma);
    let inliers = inside.count() as f64 / points.len() as f64;
    Some(Fit {
        map,
        residuals,
        inliers,
        sigma,
        drift_sigma,
    })
}

/// The drift of weighted points averaged with what was known, and its standard deviation.
fn drift_of(
    points: &[(f64, f64)],
    centre: &Centre,
    sigma: f64,
    prior: Option<&Prior>,
) -> (f64, f64) {
    if centre.spread <= 0.0 {
        return prior.map_or((0.0, f64::INFINITY), |prior| (prior.drift, prior.sigma));
    }
    let variance = sigma.max(LEAST_NOISE).powi(2) / centre.spread;
    let Some(prior) = prior else {
        return (centre.slope, variance.sqrt());
    };
    let length = span(points).map_or(0.0, |(start, end)| end - start);
    let apart = 1.0 + length / prior.shared.max(f64::MIN_POSITIVE);
    let variance = variance * (centre.weight / apart).max(1.0);
    let known = prior.sigma.powi(2);
    let part = known / (known + variance);
    let drift = centre.slope * part + prior.drift * (1.0 - part);
    (drift, (known * (1.0 - part)).sqrt())
}

/// The line of the median slope, through the median of what it leaves.
fn theil_sen(points: &[(f64, f64)], prior: Option<&Prior>) -> Option<Affine> {
    let drift = match prior {
        // A median of few slopes over a short time is noise; the reweighting finds the slope from here.
        Some(prior) if points.len() < 8 => prior.drift,
        prior => {
            let known = prior.map_or(0.0, |prior| prior.drift);
            median(&mut slopes(points)).unwrap_or(known)
        }
    };
    let mut times: Vec<f64> = points.iter().map(|point| point.0).collect();
    let at = median(&mut times)?;
    let mut levels: Vec<f64> = points
        .iter()
        .map(|(t, shift)| shift - (t - at) * drift)
        .collect();
    Some(Affine::through(at, median(&mut levels)?, drift))
}

/// Slopes between pairs of points: all pairs, or of many points those that lie far apart in their order.
fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let count = points.len();
    let slope = |a: &(f64, f64), b: &(f64, f64)| {
        let time = b.0 - a.0;
        (time.abs() > 1e-6).then(|| (b.1 - a.1) / time)
    };
    if count <= ALL_PAIRS {
        let pairs = points.iter().enumerate();
        return pairs
            .flat_map(|(i, a)| points.iter().skip(i + 1).filter_map(move |b| slope(a, b)))
            .collect();
    }
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    // Steps from a third of the length on: long bases, and each point in many pairs.
    let step = (count / 96).max(1);
    let far = (count / 3..count).step_by(step);
    far.flat_map(|lag| {
        sorted
            .iter()
            .zip(sorted.iter().skip(lag))
            .filter_map(|(a, b)| slope(a, b))
    })
    .collect()
}

fn from_line(points: &[(f64, f64)], map: &Affine) -> Vec<f64> {
    points
        .iter()
        .map(|&(at, shift)| shift - map.shift(at))
        .collect()
}

fn spread_of(residuals: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
    (median(&mut sizes).unwrap_or(0.0) * MAD).max(LEAST_SIGMA)
}

fn biweight(deviation: f64) -> f64 {
    let part = deviation / BIWEIGHT;
    if part.abs() < 1.0 {
        (1.0 - part * part).powi(2)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::clock::made::Noise;

    fn points(
        noise: &mut Noise,
        count: usize,
        hop: f64,
        drift: f64,
        sigma: f64,
        wrong: f64,
    ) -> Vec<(f64, f64)> {
        let point = |i: usize| {
            let at = 5_000.0 + i as f64 * hop;
            let shift = 0.25 + (at - 5_000.0) * drift + sigma * noise.normal();
            let outlier = noise.uniform() < wrong;
            (
                at,
                if outlier {
                    shift + 8e-3 * (noise.uniform() - 0.5)
                } else {
                    shift
                },
            )
        };
        (0..count).map(point).collect()
    }

    #[test]
    fn a_fifth_of_wrong_points_does_not_bend_the_line() {
        let mut noise = Noise::new(1);
        for trial in 0..200 {
            let drift = (trial as f64 - 100.0) * 5e-6;
            let points = points(&mut noise, 120, 0.25, drift, 30e-6, 0.2);
            let fit = robust(&points).unwrap();
            let end = fit.map.shift(5_030.0) - 0.25 - 30.0 * drift;
            assert!(end.abs() < 40e-6, "{end}");
            assert!((fit.map.drift - drift).abs() < 2e-6, "{}", fit.map.ppm());
            assert!((15e-6..60e-6).contains(&fit.sigma), "{}", fit.sigma);
            assert!((0.6..0.95).contains(&fit.inliers), "{}", fit.inliers);
        }
    }

    #[test]
    fn exact_points_give_the_exact_line() {
        let points: Vec<_> = (0..7)
            .map(|i| (f64::from(i), 1.0 + f64::from(i) * 1e-4))
            .collect();
        let fit = robust(&points).unwrap();
        assert!((fit.map.offset - 1.0).abs() < 1e-12 && (fit.map.drift - 1e-4).abs() < 1e-13);
        assert!((fit.inliers - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_order_of_points_does_not_matter() {
        let mut noise = Noise::new(2);
        for count in [5, 60, 1_000] {
            let mut points = points(&mut noise, count, 0.25, -3e-4, 50e-6, 0.2);
            let there = robust(&points).unwrap().map;
            points.reverse();
            let back = robust(&points).unwrap().map;
            assert!((there.shift(5_010.0) - back.shift(5_010.0)).abs() < 1e-9);
        }
    }

    #[test]
    fn a_short_base_leans_on_what_was_known_and_a_long_one_does_not() {
        let mut noise = Noise::new(3);
        let prior = Prior {
            drift: 300e-6,
            sigma: 50e-6,
            shared: 5.0,
        };
        for _ in 0..100 {
            let short = points(&mut noise, 4, 0.25, 340e-6, 50e-6, 0.0);
            let short = robust_about(&short, &prior).unwrap();
            assert!(
                (short.map.drift - 300e-6).abs() < 50e-6,
                "{}",
                short.map.ppm()
            );
            let ahead = short.map.shift(5_004.0) - 0.25 - 4.0 * 340e-6;
            assert!(ahead.abs() < 300e-6, "{ahead}");
            let long = points(&mut noise, 120, 0.25, 340e-6, 50e-6, 0.1);
            let long = robust_about(&long, &prior).unwrap();
            assert!((long.map.drift - 340e-6).abs() < 5e-6, "{}", long.map.ppm());
            assert!(long.drift_sigma < short.drift_sigma);
        }
    }

    #[test]
    fn one_point_takes_the_known_drift() {
        let prior = Prior {
            drift: 1e-4,
            sigma: 50e-6,
            shared: 5.0,
        };
        let fit = robust_about(&[(10.0, 0.5)], &prior).unwrap();
        assert!((fit.map.shift(20.0) - 0.501).abs() < 1e-12);
        assert!((fit.drift_sigma - 50e-6).abs() < 1e-12);
    }

    #[test]
    fn points_that_give_no_line_are_refused() {
        assert_eq!(robust(&[]), None);
        assert_eq!(robust(&[(1.0, 2.0)]), None);
        assert_eq!(robust(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(robust(&[(1.0, f64::NAN), (2.0, 3.0)]), None);
        assert_eq!(robust(&[(f64::INFINITY, 1.0), (2.0, 3.0)]), None);
    }

    #[test]
    fn ranks_are_those_of_the_sorted_values() {
        let mut values: Vec<f64> = (0..100).rev().map(f64::from).collect();
        assert_eq!(median(&mut values), Some(49.5));
        assert_eq!(quantile(&mut values, 0.95), Some(94.0));
        assert_eq!(quantile(&mut values, 0.0), Some(0.0));
        assert_eq!(quantile(&mut values, 1.0), Some(99.0));
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut []), None);
        assert_eq!(quantile(&mut [], 0.5), None);
    }
}
