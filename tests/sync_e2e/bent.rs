//! A live microphone whose line bends after the lock: what comes out of it has no click.

use gst::prelude::*;

use crate::common::corpus::{pair, samples};
use crate::heard::{Heard, is_monotonic, percentile};
use crate::live::Stage;
use crate::scene::{Clock, Scene};

const SETTLED: f64 = 2.0;

#[test]
fn a_clock_that_drifts_otherwise_later_is_followed_without_a_click() {
    let recorded = samples(&pair("drift-speech-+200-clean", 40).reference);
    // 200 ppm, and half of it from 16 s on.
    let scene = Scene::by(Clock::new(0.25, 200e-6).then(16.0, 100e-6), recorded);
    let mut stage = Stage::new("", &scene, 0.1);
    stage.play_until_locked(1);
    let from = stage.now + SETTLED;
    assert!(from < 15.0, "locked too late: at {} s", stage.now);
    while stage.play(stage.now + 1.0) {
        stage.look();
    }
    assert_eq!(stage.state(1), "locked");
    let drift = stage.lane(1).sink.property::<f64>("drift-ppm");
    stage.end();
    let out = stage.lane(1).all();
    assert!(is_monotonic(&out));
    let heard = Heard::from(&out, from);
    let errors = heard.errors(&scene.clock);
    let within = errors.iter().filter(|e| e.abs() <= 1e-3).count() as f64 / errors.len() as f64;
    println!(
        "{within:.4} within 1 ms, 99 % {:.2e} s, {drift:.1} ppm, bends {:.2} times as sharply",
        percentile(&errors, 0.99),
        heard.sharpest()
    );
    assert!(within >= 0.95, "{within} within 1 ms");
    assert!(heard.sharpest() < 1.5, "{}", heard.sharpest());
}

#[test]
fn what_is_worked_off_slowly_is_not_heard() {
    const BY: f64 = 0.9e-3;
    let recorded = samples(&pair("drift-speech-+200-clean", 40).reference);
    let scene = Scene::by(Clock::new(0.25, -200e-6), recorded[..24 * 48_000].to_vec());
    let mut stage = Stage::new("", &scene, 0.1);
    stage.play_until_locked(1);
    let from = stage.now + SETTLED;
    assert!(stage.play(from + 1.0), "locked too late");
    let sink = stage.lane(1).sink.clone();
    sink.set_property("calibration", (BY * 1e9) as i64);
    let begun = stage.now;
    assert!(stage.play(begun + 3.0), "locked too late");
    stage.end();
    let heard = Heard::from(&stage.lane(1).all(), from);
    let errors = heard.errors(&scene.clock);
    // Frames of 20 ms from `from` on. 0.9 ms at 500 ppm take 1.8 s.
    let at = |time: f64| errors[((time - heard.start) / 0.02) as usize];
    assert!(at(begun - 0.2).abs() < 0.02e-3, "{}", at(begun - 0.2));
    let halfway = at(begun + 0.9);
    assert!((halfway - BY / 2.0).abs() < 0.1e-3, "{halfway}");
    assert!(
        (at(begun + 2.5) - BY).abs() < 0.02e-3,
        "{}",
        at(begun + 2.5)
    );
    assert!(heard.sharpest() < 1.5, "{}", heard.sharpest());
}
