//! Searches in sounds whose offset is known.

use super::super::{Affine, Settings, Window};
use super::search::{Found, Search, hypotheses};
use super::synth::{Rng, cut, heard, mix, music, noise, pink, reverb, speech, window};

const DRIFTS: f64 = 500e-6;

fn wide(reference: &Window, stream: &Window) -> Option<Found> {
    Search::new(&Settings::default()).wide(reference, stream, &hypotheses(DRIFTS))
}

/// How far a measured shift is off, in seconds.
fn off(found: &Found, map: &Affine) -> f64 {
    (found.shift - map.shift(found.at)).abs()
}

#[test]
fn hypotheses_lie_close_enough() {
    assert_eq!(hypotheses(0.0), [0.0]);
    for most in [50e-6, 100e-6, 200e-6, 500e-6, 1e-3] {
        let drifts = hypotheses(most);
        assert!(drifts.windows(2).all(|pair| pair[1] - pair[0] < 150.1e-6));
        assert!(drifts.contains(&0.0));
        assert!(drifts.last().unwrap() + 75.1e-6 >= most);
    }
}

#[test]
fn offsets_are_found_to_microseconds() {
    let mut rng = Rng(7);
    for seed in 0..6 {
        let sound = match seed % 3 {
            0 => speech(seed, 12.0),
            1 => music(seed, 12.0),
            _ => noise(seed, 12.0),
        };
        let offset = rng.between(-1.9, 1.9);
        let stream = window(3.5, heard(&sound, 3.5 + offset, 0.0, 5.0));
        let found = wide(&cut(&sound, 1.5, 9.0), &stream).unwrap();
        assert!(found.passes_wide(), "{seed}: {found:?}");
        assert!(
            (found.shift - offset).abs() < 5e-6,
            "{seed}: {offset} {found:?}"
        );
        assert!(found.drift.abs() < 15e-6, "{seed}: {found:?}");
    }
}

#[test]
fn drift_is_found_with_the_offset() {
    for (seed, ppm) in [
        (1, 200.0),
        (2, -200.0),
        (3, 500.0),
        (4, -500.0),
        (5, 75.0),
        (6, -375.0),
    ] {
        let drift = ppm * 1e-6;
        let sound = if seed % 2 == 0 {
            speech(seed, 12.0)
        } else {
            music(seed, 12.0)
        };
        let map = Affine::through(6.0, 0.7, drift);
        let stream = window(3.5, heard(&sound, map.apply(3.5), drift, 5.0));
        let found = wide(&cut(&sound, 1.5, 9.0), &stream).unwrap();
        assert!(found.passes_wide(), "{ppm}: {found:?}");
        assert!(off(&found, &map) < 50e-6, "{ppm}: {found:?}");
        assert!((found.drift - drift).abs() < 15e-6, "{ppm}: {found:?}");
    }
}

#[test]
fn rooms_and_noise_move_nothing() {
    for (seed, decibels) in [(1, 10.0), (2, 0.0), (3, -5.0)] {
        let sound = speech(seed, 12.0);
        let room = mix(
            &reverb(&sound, seed, 0.6, 1.0),
            &pink(seed + 50, 12.0),
            decibels,
        );
        let map = Affine::through(0.0, -1.2, 0.0);
        let stream = window(4.0, heard(&room, map.apply(4.0), 0.0, 5.0));
        let found = wide(&cut(&sound, 1.5, 9.0), &stream).unwrap();
        assert!(found.passes_wide(), "{decibels}: {found:?}");
        assert!(off(&found, &map) < 50e-6, "{decibels}: {found:?}");
    }
}

#[test]
fn a_known_map_is_followed() {
    let sound = speech(11, 12.0);
    let map = Affine::through(6.0, 0.3, 210e-6);
    let stream = window(3.5, heard(&sound, map.apply(3.5), map.drift, 5.0));
    let reference = cut(&sound, 3.0, 6.5);
    let near = Affine::through(6.0, 0.3031, 200e-6);
    let mut search = Search::new(&Settings::default());
    let found = search.track(&reference, &stream, &near).unwrap();
    assert!(found.passes_tracking(), "{found:?}");
    assert!(off(&found, &map) < 10e-6, "{found:?}");
    let far = Affine::through(6.0, 0.5, 200e-6);
    let lost = search.track(&reference, &stream, &far);
    assert!(
        lost.is_none_or(|found| !found.passes_tracking()),
        "{lost:?}"
    );
}

#[test]
fn windows_of_any_length_and_start_are_compared_where_they_overlap() {
    let sound = music(3, 20.0);
    let stream = window(100.0, heard(&sound, 6.0, 0.0, 5.0));
    // The reference's own line is the sound's, moved by 95.5 s.
    for (from, seconds) in [(6.0, 5.0), (4.5, 4.0), (7.5, 4.0), (2.0, 14.0), (8.0, 3.5)] {
        let mut reference = cut(&sound, from, seconds);
        reference.start += 95.5;
        let found = wide(&reference, &stream);
        let overlap = (from + seconds).min(11.0) - from.max(6.0);
        if overlap < 3.0 {
            assert!(found.is_none_or(|found| !found.passes_wide()), "{from}");
        } else {
            let found = found.unwrap();
            assert!(found.passes_wide(), "{from}: {found:?}");
            assert!((found.shift - 1.5).abs() < 1e-5, "{from}: {found:?}");
        }
    }
}

#[test]
fn sounds_that_are_not_the_same_do_not_pass() {
    for seed in 0..6 {
        let (left, right) = match seed % 3 {
            0 => (speech(seed, 9.0), speech(seed + 100, 5.0)),
            1 => (music(seed, 9.0), music(seed + 100, 5.0)),
            _ => (pink(seed, 9.0), pink(seed + 100, 5.0)),
        };
        let found = wide(&cut(&left, 0.0, 9.0), &cut(&right, 0.0, 5.0));
        assert!(
            found.is_none_or(|found| !found.passes_wide()),
            "{seed}: {found:?}"
        );
    }
}

#[test]
fn what_is_no_sound_is_never_found() {
    let sound = speech(1, 9.0);
    let tone = |frequency: f64| -> Vec<f32> {
        let value =
            |at: usize| (std::f64::consts::TAU * frequency * at as f64 / 16_000.0).sin() as f32;
        (0..144_000).map(value).collect()
    };
    let odd = [
        vec![0.0; 144_000],
        vec![0.5; 144_000],
        vec![f32::NAN; 144_000],
        vec![f32::INFINITY; 144_000],
        vec![f32::MAX; 144_000],
        vec![],
        vec![1.0],
        tone(100.0),
        tone(440.0),
        tone(5000.0),
    ];
    let mut search = Search::new(&Settings::default());
    for (left, samples) in odd.iter().enumerate() {
        let left_window = window(0.0, samples.clone());
        for (right, samples) in odd.iter().chain([&sound]).enumerate() {
            let right_window = window(0.0, samples.iter().take(80_000).copied().collect());
            let found = search.wide(&left_window, &right_window, &[0.0]);
            assert!(
                found.is_none_or(|found| !found.passes_wide()),
                "{left} {right}: {found:?}"
            );
            search.track(&left_window, &right_window, &Affine::IDENTITY);
        }
    }
    let nowhere = window(f64::NAN, sound.clone());
    assert_eq!(search.wide(&nowhere, &nowhere, &[]), None);
    let lost = Affine {
        offset: f64::NAN,
        drift: f64::INFINITY,
    };
    assert_eq!(
        search.track(&window(0.0, sound.clone()), &window(0.0, sound), &lost),
        None
    );
}
