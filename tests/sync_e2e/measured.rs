//! What the thread that measures live streams makes of what happens to them.

use gst::prelude::*;

use crate::common::Random;
use crate::heard::{Heard, is_monotonic, percentile};
use crate::live::{RATE, Stage};
use crate::scene::{Clock, Scene};

/// Less than is held anyway: what jumps is put where the clock is, and held by the old map on top.
const LEAD: f64 = 0.01;

/// Noise, which repeats itself never; the second microphone's clock is 100 ppm slow.
fn noise(seconds: f64) -> Scene {
    let mut random = Random::new(11);
    let mut sample = || random.below(1 << 24) as f32 / (1_u32 << 24) as f32 - 0.5;
    let reference = (0..(seconds * RATE) as usize).map(|_| sample()).collect();
    Scene::by(Clock::new(0.25, 100e-6), reference)
}

/// From there on all of the second microphone comes out where it should.
#[track_caller]
fn is_right_from(stage: &Stage, scene: &Scene, from: f64) {
    let out = stage.lane(1).all();
    assert!(is_monotonic(&out) && is_monotonic(&stage.lane(0).all()));
    let heard = Heard::from(&out, from);
    let errors = heard.errors(&scene.clock);
    let most = percentile(&errors, 0.95);
    assert!(
        errors.len() > 100 && most <= 1e-3,
        "{most} s of {}",
        errors.len()
    );
}

/// Plays up to a lock; what `happens` then leaves the map provisional, until it locks anew.
#[track_caller]
fn is_provisional_until_a_new_lock_when(happens: impl Fn(&mut Stage)) {
    let scene = noise(36.0);
    let mut stage = Stage::new("", &scene, LEAD);
    stage.play_until_locked(1);
    assert!(stage.play(stage.now + 1.0), "locked too late");
    happens(&mut stage);
    assert!(stage.play(stage.now + 0.2), "locked too late");
    assert_eq!(stage.state(1), "provisional");
    stage.play_until_locked(1);
    let from = stage.now + 1.0;
    assert!(stage.play(from + 2.5), "locked too late");
    assert_eq!(stage.state(1), "locked");
    stage.end();
    is_right_from(&stage, &scene, from);
}

#[test]
fn timestamps_that_jump_leave_the_map_provisional_until_a_new_lock() {
    is_provisional_until_a_new_lock_when(|stage| stage.shift_timestamps(1, -5.0));
}

#[test]
fn a_reference_whose_timestamps_jump_leaves_the_map_provisional_until_a_new_lock() {
    // Its own line goes on, so the other has to be measured against that.
    let scene = noise(36.0);
    let mut stage = Stage::new("", &scene, LEAD);
    stage.play_until_locked(1);
    stage.shift_timestamps(0, -5.0);
    assert!(stage.play(stage.now + 0.2), "locked too late");
    assert_eq!(stage.state(1), "provisional");
    stage.play_until_locked(1);
    stage.end();
    assert!(is_monotonic(&stage.lane(1).all()) && is_monotonic(&stage.lane(0).all()));
}

fn flush(stage: &Stage, number: usize) {
    let lane = stage.lane(number);
    lane.event(gst::event::FlushStart::new());
    lane.event(gst::event::FlushStop::new(true));
    lane.segment(0);
}

#[test]
fn a_flush_leaves_the_map_provisional_until_a_new_lock() {
    is_provisional_until_a_new_lock_when(|stage| flush(stage, 1));
}

#[test]
fn a_flush_of_the_reference_leaves_the_map_provisional_until_a_new_lock() {
    is_provisional_until_a_new_lock_when(|stage| flush(stage, 0));
}

#[test]
fn what_is_applied_stays_while_a_live_stream_is_locked_anew() {
    let scene = noise(30.0);
    let mut stage = Stage::new("", &scene, LEAD);
    stage.play_until_locked(1);
    let from = stage.now + 1.0;
    assert!(stage.play(from), "locked too late");
    stage.rig.element.emit_by_name::<()>("relock", &[]);
    assert_eq!(stage.state(1), "unlocked");
    stage.play_until_locked(1);
    assert!(stage.play(stage.now + 1.0), "locked too late");
    stage.end();
    is_right_from(&stage, &scene, from);
}

#[test]
fn pads_that_go_while_they_are_measured_disturb_nobody() {
    let scene = noise(30.0);
    let mut stage = Stage::new("", &scene, LEAD);
    let mut from = None;
    for _ in 0..4 {
        let guest = stage.join(&scene, LEAD);
        for _ in 0..3 {
            assert!(stage.play(stage.now + 1.0));
            stage.look();
        }
        // There is enough of it now for a search that takes some time; nobody waits for that to end.
        assert!(stage.play(stage.now + 1.0));
        stage.leave(guest);
        if from.is_none() && stage.state(1) == "locked" {
            from = Some(stage.now + 1.0);
        }
    }
    let from = from.expect("the other locks meanwhile");
    assert!(stage.play(from + 3.0));
    // At last the one against which all are measured.
    stage.leave(0);
    assert_eq!(stage.state(0), "reference");
    assert!(stage.play(stage.now + 3.0));
    stage.end();
    let out = stage.lane(0).all();
    let heard = Heard::from(&out, from);
    assert!(heard.errors(&scene.clock).iter().all(|e| e.abs() <= 1e-3));
}
