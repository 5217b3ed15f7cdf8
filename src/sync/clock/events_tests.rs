//! Two lists of made-up events.

use super::*;
use crate::sync::clock::made::Noise;

/// How two streams saw the same happenings.
#[derive(Clone, Copy)]
struct Scene {
    /// Between happenings on average, in seconds.
    every: f64,
    count: usize,
    shift: f64,
    drift: f64,
    /// Widths of intervals of the reference and of the stream.
    widths: (f64, f64),
    missing: f64,
    /// False ones per true one.
    spurious: f64,
    /// The share of intervals that end, or begin, up to a third of their width too early, or late.
    mistaken: f64,
}

const SCENE: Scene = Scene {
    every: 2.0,
    count: 30,
    shift: 0.4,
    drift: 0.0,
    widths: (1e-3, 1.0 / 30.0),
    missing: 0.0,
    spurious: 0.0,
    mistaken: 0.0,
};

fn event(at: f64, width: f64, phase: f64) -> Event {
    let earliest = at - width * phase;
    Event {
        earliest,
        latest: earliest + width,
        strength: 10.0,
    }
}

/// The events of the reference and of the stream, and the stream's newest time.
fn made(scene: &Scene, noise: &mut Noise) -> (Vec<Event>, Vec<Event>, f64) {
    let mut now = 100.0;
    let map = Affine {
        offset: scene.shift - 100.0 * scene.drift,
        drift: scene.drift,
    };
    let (mut reference, mut stream) = (Vec::new(), Vec::new());
    let start = now;
    let phase = |noise: &mut Noise| {
        let (phase, beyond) = (noise.uniform(), noise.uniform() / 3.0);
        if noise.uniform() >= scene.mistaken {
            phase
        } else if phase < 0.5 {
            -beyond
        } else {
            1.0 + beyond
        }
    };
    for _ in 0..scene.count {
        now += scene.every * (0.25 + 1.5 * noise.uniform());
        if noise.uniform() >= scene.missing {
            reference.push(event(map.apply(now), scene.widths.0, phase(noise)));
        }
        if noise.uniform() >= scene.missing {
            stream.push(event(now, scene.widths.1, phase(noise)));
        }
        if noise.uniform() < scene.spurious {
            let at = start + (now - start) * noise.uniform();
            reference.push(event(at, scene.widths.0, noise.uniform()));
            let at = start + (now - start) * noise.uniform();
            stream.push(event(at, scene.widths.1, noise.uniform()));
        }
    }
    reference.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
    stream.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
    (reference, stream, now)
}

fn agreed(reference: &[Event], stream: &[Event], now: f64) -> Option<Agreement> {
    Matcher::default().agree(reference, stream, &Settings::default(), now)
}

/// Errors and claims over trials, each in rising order, and how often the claim held.
fn trials(scene: &Scene, count: u64) -> (Vec<f64>, Vec<f64>, f64, usize) {
    let (mut errors, mut claims, mut held, mut rivals) = (Vec::new(), Vec::new(), 0, 0);
    for seed in 0..count {
        let mut noise = Noise::new(seed);
        let drift = if noise.uniform() < 0.5 {
            scene.drift
        } else {
            -scene.drift
        };
        let scene = Scene { drift, ..*scene };
        let (reference, stream, now) = made(&scene, &mut noise);
        let found = Matcher::default()
            .agree(&reference, &stream, &Settings::default(), now)
            .unwrap();
        let estimate = found.estimate(now);
        let error = (estimate.map.shift(now) - (scene.shift + (now - 100.0) * drift)).abs();
        held += usize::from(error <= estimate.uncertainty);
        rivals += usize::from(found.rival >= 0.7);
        errors.push(error);
        claims.push(estimate.uncertainty);
    }
    errors.sort_by(f64::total_cmp);
    claims.sort_by(f64::total_cmp);
    (errors, claims, held as f64 / count as f64, rivals)
}

#[test]
fn thirty_claps_seen_at_thirty_frames_a_second_lie_within_a_millisecond() {
    let (errors, _, held, rivals) = trials(&SCENE, 200);
    assert!(errors[100] < 1e-3, "{}", errors[100]);
    assert!(held >= 0.99, "{held}");
    assert_eq!(rivals, 0);
}

#[test]
fn what_is_claimed_holds_at_any_drift_and_with_events_missing() {
    for drift in [0.0, 60e-6, 200e-6, 450e-6] {
        for (count, missing, widths) in [
            (30, 0.0, SCENE.widths),
            (30, 0.3, SCENE.widths),
            (10, 0.0, SCENE.widths),
            (5, 0.0, SCENE.widths),
            (30, 0.3, (0.033, 0.033)),
        ] {
            let scene = Scene {
                drift,
                count,
                missing,
                spurious: missing,
                widths,
                ..SCENE
            };
            let (_, claims, held, _) = trials(&scene, 200);
            assert!(held >= 0.99, "{drift} {count} {missing}: {held}");
            assert!(claims[100] < 35e-3, "{drift} {count} {missing}: {claims:?}");
        }
    }
}

#[test]
fn rows_of_a_rolling_shutter_tell_a_fraction_of_a_millisecond() {
    for missing in [0.0, 0.3] {
        let scene = Scene {
            widths: (1e-3, 0.7e-3),
            missing,
            spurious: missing,
            drift: 150e-6,
            ..SCENE
        };
        let (errors, claims, held, rivals) = trials(&scene, 200);
        assert!(errors[100] < 0.15e-3 && errors[190] < 0.5e-3, "{errors:?}");
        assert!(claims[190] < 1.2e-3, "{claims:?}");
        assert!(held >= 0.99, "{held}");
        assert_eq!(rivals, 0);
    }
}

#[test]
fn a_third_missing_and_a_third_false_do_not_mislead() {
    let scene = Scene {
        missing: 0.3,
        spurious: 0.3,
        drift: 60e-6,
        ..SCENE
    };
    let (errors, claims, held, rivals) = trials(&scene, 200);
    assert!(errors[100] < 3e-3 && errors[199] < 33e-3, "{errors:?}");
    assert!(held >= 0.99, "{held}");
    assert!(claims[199] < 33e-3);
    assert!(rivals <= 2, "{rivals}");
}

#[test]
fn what_is_claimed_holds_where_some_intervals_miss_what_happened() {
    for widths in [(0.3e-3, 1.5e-3), (0.6e-3, 0.01), SCENE.widths] {
        let scene = Scene {
            widths,
            mistaken: 0.02,
            drift: 200e-6,
            ..SCENE
        };
        let (_, claims, held, _) = trials(&scene, 1000);
        assert!(held >= 0.99, "{widths:?}: {held}");
        // Two in a hundred cost no more than half of the accuracy.
        let (_, exact, _, _) = trials(
            &Scene {
                mistaken: 0.0,
                ..scene
            },
            1000,
        );
        assert!(claims[500] < 1.5 * exact[500], "{widths:?}");
    }
}

#[test]
fn a_drift_is_told_where_events_tell_it() {
    let scene = Scene {
        widths: (1e-3, 1e-3),
        drift: -300e-6,
        ..SCENE
    };
    for seed in 0..50 {
        let (reference, stream, now) = made(&scene, &mut Noise::new(seed));
        let found = agreed(&reference, &stream, now).unwrap();
        let drift = found.estimate(now).map.drift;
        assert!((drift + 300e-6).abs() < 15e-6, "{drift}");
        assert_eq!(found.count, 30);
        assert_eq!(found.residuals.len(), 30);
        assert!(found.residuals.iter().all(|(_, off)| off.abs() < 1.1e-3));
    }
}

#[test]
fn even_flashes_fit_at_every_period() {
    for seed in 0..100 {
        let mut noise = Noise::new(seed);
        let period = 0.4 + noise.uniform();
        let times = (0..30).map(|count| 100.0 + f64::from(count) * period);
        let mut taken = |width: f64| -> Vec<Event> {
            let kept = times.clone().filter(|_| noise.uniform() < 0.8);
            let kept: Vec<f64> = kept.collect();
            kept.iter()
                .map(|at| event(*at, width, noise.uniform()))
                .collect()
        };
        let (reference, stream) = (taken(1e-3), taken(0.033));
        let found = agreed(&reference, &stream, 130.0).unwrap();
        assert!(found.rival >= 0.7, "{seed} {period}: {}", found.rival);
    }
}

#[test]
fn what_is_not_the_same_is_likely_to_fit_as_well_by_chance() {
    let mut rare = 0;
    for seed in 0..1000 {
        let mut noise = Noise::new(seed);
        let every = 0.2 + 4.0 * noise.uniform();
        let width = if seed % 2 == 0 { 0.033 } else { 1e-3 };
        let scene = Scene {
            every,
            widths: (1e-3, width),
            ..SCENE
        };
        let (reference, _, _) = made(&scene, &mut noise);
        let (_, stream, now) = made(&scene, &mut noise);
        let found = agreed(&reference, &stream, now);
        rare += usize::from(
            found.is_some_and(|found| found.count >= 5 && found.chance < 1e-4 && found.rival < 0.7),
        );
    }
    assert_eq!(rare, 0);
}

#[test]
fn the_claim_grows_with_the_time_since_the_last_event() {
    let (reference, stream, now) = made(&SCENE, &mut Noise::new(1));
    let found = agreed(&reference, &stream, now).unwrap();
    let claim = |at| found.estimate(at).uncertainty;
    assert!(claim(now + 60.0) > 1.5 * claim(now));
    assert!(claim(now - 30.0) < claim(now));
}

#[test]
fn no_events_and_no_numbers_say_nothing() {
    assert!(agreed(&[], &[], 0.0).is_none());
    let one = event(1.0, 0.01, 0.5);
    assert!(agreed(&[one], &[], 1.0).is_none());
    assert!(agreed(&[one], &[event(5.0, 0.01, 0.5)], 5.0).is_none());
    let broken = Event {
        earliest: f64::NAN,
        ..one
    };
    let upside_down = Event {
        earliest: 2.0,
        latest: 1.0,
        ..one
    };
    assert!(agreed(&[broken], &[one], 1.0).is_none());
    assert!(agreed(&[upside_down], &[one], 1.0).is_none());
    let found = agreed(&[one], &[one], 1.0).unwrap();
    assert_eq!(found.count, 1);
    assert!(found.estimate(1.0).map.shift(1.0).abs() < 1e-9);
}

#[test]
fn crowds_of_events_are_thinned_to_the_newest() {
    let crowd: Vec<Event> = (0..64)
        .map(|count| event(100.0 + f64::from(count) * 0.05, 0.033, 0.5))
        .collect();
    let mut matcher = Matcher::default();
    let found = matcher
        .agree(&crowd, &crowd, &Settings::default(), 103.2)
        .unwrap();
    assert!(matcher.matches.len() <= MOST_MATCHES);
    assert!(found.rival > 0.7);
}

#[test]
fn chance_counts_on_as_many_pairs_as_overlap() {
    // Of shifts up to a minute both ways, recordings of a minute overlap most about 0: there most fits by chance.
    let settings = Settings {
        max_offset: 60.0,
        ..Settings::default()
    };
    let scene = Scene {
        widths: (1e-3, 0.066),
        ..SCENE
    };
    let mut counts = [0; 2];
    for seed in 0..300 {
        let mut noise = Noise::new(seed);
        let (reference, _, _) = made(&scene, &mut noise);
        let (_, stream, now) = made(&scene, &mut noise);
        let found = Matcher::default()
            .agree(&reference, &stream, &settings, now - 30.0)
            .unwrap();
        for (count, most) in counts.iter_mut().zip([0.1, 0.01]) {
            *count += usize::from(found.chance <= most);
        }
    }
    assert!(counts[0] <= 30 && counts[1] <= 4, "{counts:?}");
}
