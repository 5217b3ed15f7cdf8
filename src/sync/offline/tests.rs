//! Recordings whose map is known.

use super::*;
use crate::sync::audio::synth::{cut, heard, mix, music, pink, reverb, speech, window};
use crate::sync::dtw;

fn far(max_offset: f64) -> Settings {
    Settings {
        max_offset,
        ..Settings::default()
    }
}

#[test]
fn a_recording_is_found_with_its_drift() {
    let sound = speech(21, 45.0);
    let map = Affine::through(0.0, 1.25, 200e-6);
    let stream = window(0.0, heard(&sound, map.apply(0.0), map.drift, 40.0));
    let done = compare(&cut(&sound, 0.0, 42.0), &stream, &Settings::default());
    assert_eq!(done.state, Verdict::Locked, "{:?}", done.measure);
    for time in [0.0, 20.0, 40.0] {
        let off = done.measure.map.apply(time) - map.apply(time);
        assert!(off.abs() < 20e-6, "{time}: {off}");
    }
    assert!((done.measure.map.ppm() - 200.0).abs() < 0.5);
    assert!(done.measure.factors.quality() > 0.5, "{:?}", done.measure);
    assert!(done.votes.len() >= 3 && done.residuals.len() >= 10);
    let (shift, _) = done
        .curve
        .iter()
        .copied()
        .max_by(|left, right| left.1.total_cmp(&right.1))
        .unwrap();
    assert!((shift - 1.25).abs() < 0.02, "{shift}");
}

#[test]
fn recordings_begun_half_a_minute_apart_are_found() {
    let sound = speech(22, 100.0);
    for offset in [-31.3, 38.7] {
        let noisy = mix(&reverb(&sound, 5, 0.5, 0.7), &pink(6, 100.0), 5.0);
        let stream = window(0.0, heard(&noisy, 40.0 + offset, 0.0, 20.0));
        let mut reference = cut(&sound, 20.0, 60.0);
        reference.start = -20.0;
        let done = compare(&reference, &stream, &far(60.0));
        // Only what both of them heard can be compared.
        let overlap = (40.0_f64).min(offset + 20.0) - offset.max(-20.0);
        if overlap < 3.0 {
            assert_ne!(done.state, Verdict::Locked, "{offset}");
        } else {
            assert_eq!(done.state, Verdict::Locked, "{offset} {:?}", done.votes);
            assert!(
                (done.measure.map.apply(10.0) - 10.0 - offset).abs() < 20e-6,
                "{offset}"
            );
        }
    }
}

#[test]
fn music_of_an_even_tempo_is_found_by_its_sound() {
    let sound = music(22, 60.0);
    let stream = window(
        0.0,
        heard(&mix(&sound, &pink(6, 60.0), 5.0), 28.7, 0.0, 20.0),
    );
    let done = compare(&cut(&sound, 0.0, 60.0), &stream, &far(60.0));
    assert_eq!(done.state, Verdict::Locked, "{:?}", done.votes);
    assert!((done.measure.map.apply(10.0) - 38.7).abs() < 20e-6);
}

#[test]
fn short_recordings_are_told() {
    let sound = speech(23, 20.0);
    let stream = window(0.0, heard(&sound, 5.5, 0.0, 9.0));
    let done = compare(&cut(&sound, 0.0, 20.0), &stream, &far(20.0));
    assert_eq!(done.state, Verdict::Locked, "{:?}", done.measure);
    assert!((done.measure.map.offset - 5.5).abs() < 20e-6);
}

#[test]
fn recordings_of_other_things_are_unrelated() {
    for (left, right, most) in [
        (speech(1, 15.0), speech(2, 15.0), 15.0),
        (music(1, 15.0), music(2, 15.0), 2.0),
    ] {
        let done = compare(&cut(&left, 0.0, 15.0), &cut(&right, 0.0, 15.0), &far(most));
        assert_eq!(done.state, Verdict::Unrelated, "{most} {:?}", done.votes);
        assert_eq!(done.measure, Measure::default());
    }
}

#[test]
fn a_loop_is_ambiguous() {
    for (phrase, most) in [(speech(31, 1.7), 2.0), (music(32, 1.3), 15.0)] {
        let sound: Vec<f32> = phrase.iter().copied().cycle().take(25 * 16_000).collect();
        let stream = window(0.0, heard(&sound, 5.3, 0.0, 12.0));
        let mut reference = cut(&sound, 5.0, 15.0);
        reference.start = 0.0;
        let done = compare(&reference, &stream, &far(most));
        assert_eq!(done.state, Verdict::Ambiguous, "{most} {:?}", done.votes);
    }
}

#[test]
fn what_holds_nothing_is_unrelated() {
    let sound = cut(&speech(1, 10.0), 0.0, 10.0);
    let silent = window(0.0, vec![0.0; 160_000]);
    let short = window(0.0, vec![0.1; 100]);
    let bad = window(f64::NAN, vec![f32::NAN; 160_000]);
    for odd in [&Window::default(), &silent, &short, &bad] {
        for most in [2.0, 100.0, f64::INFINITY, f64::NAN] {
            for (left, right) in [(odd, &sound), (&sound, odd), (odd, odd)] {
                assert_eq!(compare(left, right, &far(most)), Comparison::default());
                assert!(dtw::path(left, right, most).is_empty());
            }
        }
    }
}

#[test]
fn a_warping_path_shows_a_cut() {
    let sound = speech(41, 40.0);
    // Two seconds are missing from 15 s on.
    let mut samples = sound[..15 * 16_000].to_vec();
    samples.extend_from_slice(&sound[17 * 16_000..]);
    let path = dtw::path(&cut(&sound, 0.0, 40.0), &window(0.0, samples), 10.0);
    let near = |time: f64| {
        path.iter()
            .find(|(at, _)| (at - time).abs() < 0.006)
            .unwrap()
            .1
            - time
    };
    assert!(near(10.0).abs() < 0.05, "{}", near(10.0));
    assert!((near(30.0) - 2.0).abs() < 0.05, "{}", near(30.0));
    assert!(
        path.windows(2)
            .all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1)
    );
}
