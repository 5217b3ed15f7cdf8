//! Two live microphones of one scene, one of whose clocks drifts.

use crate::common::corpus::pair;
use crate::heard::{Heard, is_monotonic, percentile};
use crate::live::Stage;
use crate::scene::Scene;

/// Behind the lock, in seconds: for the first step to pass.
const SETTLED: f64 = 2.0;
/// How long what is locked is listened to.
const LISTEN: f64 = 12.0;

/// Plays a pair of 40 s whose second microphone's timestamps are early by `lead` seconds, and listens to what comes out.
#[track_caller]
fn stays_within_a_millisecond(name: &str, lead: f64) {
    let scene = Scene::from(&pair(name, 40));
    let mut stage = Stage::new("", &scene, lead);
    stage.play_until_locked(1);
    let from = stage.now + SETTLED;
    assert!(
        stage.play(from + LISTEN),
        "locked too late: at {} s",
        from - SETTLED
    );
    assert_eq!(stage.state(1), "locked");
    stage.end();
    let out = stage.lane(1).all();
    assert!(is_monotonic(&out) && is_monotonic(&stage.lane(0).all()));
    let heard = Heard::from(&out, from);
    let errors = heard.errors(&scene.clock);
    assert!(
        errors.len() as f64 >= LISTEN / 0.02 - 50.0,
        "{} frames",
        errors.len()
    );
    let within = errors.iter().filter(|e| e.abs() <= 1e-3).count() as f64 / errors.len() as f64;
    let most = percentile(&errors, 0.99);
    println!(
        "{name}: {:.4} within 1 ms, median {:.2e} s, 99 % {most:.2e} s",
        within,
        percentile(&errors, 0.5)
    );
    assert!(within >= 0.95, "{within} within 1 ms");
    // Quantising to floats bends it too.
    let sharpest = heard.sharpest();
    assert!(sharpest < 1.5, "it bends {sharpest} times as sharply");
}

#[test]
fn a_microphone_whose_clock_is_slow_stays_within_a_millisecond() {
    stays_within_a_millisecond("drift-speech-+200-clean", 0.12);
}

#[test]
fn a_microphone_whose_clock_is_fast_in_another_room_stays_within_a_millisecond() {
    stays_within_a_millisecond("drift-mix--200-two-rooms", -0.04);
}
