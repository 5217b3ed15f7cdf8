//! A live camera that drifts, beside live microphones: each frame that is repeated or dropped is counted.

use gst::prelude::*;

use crate::camera::{Camera, EVERY, EXPOSURE, Shown, shown};
use crate::common::corpus::pair;
use crate::live::{RATE, Stage};
use crate::scene::{Clock, Scene};

/// How long the test lets things be before it looks, in seconds.
const SETTLED: f64 = 2.0;

/// What the element counted is what is seen behind it; frames repeated and dropped.
#[track_caller]
fn counted(stage: &Stage, camera: usize, film: &[Shown]) -> (usize, usize) {
    let repeated = film.iter().filter(|frame| frame.again).count();
    let came_out = film.len() - repeated;
    let sent = stage.sent[camera].len();
    let told = ["in", "out", "duplicated", "dropped"]
        .map(|field| stage.rig.stat(stage.lane(camera), field) as usize);
    assert_eq!(told, [sent, came_out, repeated, sent - came_out]);
    (repeated, sent - came_out)
}

/// Frames that a leap of so many seconds of the applied map repeats and drops: a hole is filled to the nearest frame,
/// and what would come before what was shown is dropped.
fn demanded(leap: f64) -> (usize, usize) {
    let frames = leap / EVERY;
    if frames > 0.0 {
        (frames.round() as usize, 0)
    } else {
        (0, -frames as usize)
    }
}

/// Films beside a pair of 40 s; both of camera and second microphone have the clock that drifts, and timestamps early by
/// `lead` seconds. After the lock the user has the frames come 110 ms earlier, and takes that back.
#[track_caller]
fn counts_what_it_repeats_and_drops(name: &str, lead: f64) {
    let scene = Scene::from(&pair(name, 40));
    let clock = &scene.clock;
    let mut stage = Stage::new("", &scene, lead);
    let filming = Camera {
        clock,
        lead,
        flashes: &[],
    };
    let camera = filming.film(&mut stage, 40.0);
    let sink = stage.lane(camera).sink.clone();
    sink.set_property("follow", stage.lane(1).sink.name().as_str());
    stage.play_until_locked(camera);
    let locked = stage.now;
    let first = lead + clock.invert(locked) * (clock.apply(1.0) - clock.apply(0.0) - 1.0);
    let mut leaps = vec![first];
    // When each calibration began, and what it adds.
    let mut marks = vec![(locked, 0.0)];
    for calibration in [-0.11, 0.0] {
        assert!(stage.play(stage.now + SETTLED), "locked too late");
        let before = marks.last().map_or(0.0, |mark| mark.1);
        leaps.push(calibration - before);
        marks.push((stage.now, calibration));
        sink.set_property("calibration", (calibration * 1e9) as i64);
    }
    assert!(stage.play(stage.now + 2.0 * SETTLED), "locked too late");
    assert_eq!(stage.state(camera), "locked");
    stage.end();

    let film = shown(&stage.lane(camera).all());
    let all = leaps.iter().map(|leap| demanded(*leap));
    let expected = all.fold((0, 0), |sum, leap| (sum.0 + leap.0, sum.1 + leap.1));
    assert_eq!(counted(&stage, camera, &film), expected);
    is_where_it_should_be(&film, clock, &marks);
}

/// From the lock on: each frame at its time, repeated ones at most half a frame from an even line.
#[track_caller]
fn is_where_it_should_be(film: &[Shown], clock: &Clock, marks: &[(f64, f64)]) {
    let locked = marks[0].0;
    let mut seen = 0;
    for frame in film.iter().filter(|frame| !frame.again) {
        let own = f64::from(frame.number) * EVERY;
        // Frames that came within 100 ms of a mark may have waited then, and belong to either side.
        let came = clock.apply(own + EVERY);
        let near = marks.iter().any(|(at, _)| (came - at).abs() < 0.1);
        let mark = marks.iter().rev().find(|(at, _)| *at < came);
        let Some((_, calibration)) = mark.filter(|_| !near) else {
            continue;
        };
        let error = frame.at - clock.apply(own) - calibration;
        assert!(error.abs() <= 1e-3, "{error} s: {frame:?}");
        seen += 1;
    }
    assert!(seen > 150, "{seen} frames");
    for pair in film.windows(2).filter(|pair| pair[0].at > locked) {
        let hole = pair[1].at - pair[0].at;
        assert!(hole <= 1.5 * EVERY + 1e-3, "{hole} s before {:?}", pair[1]);
    }
}

#[test]
fn frames_of_a_slow_camera_that_follows_its_sound_are_counted() {
    counts_what_it_repeats_and_drops("drift-speech-+200-clean", 0.12);
}

#[test]
fn frames_of_a_fast_camera_that_follows_its_sound_are_counted() {
    counts_what_it_repeats_and_drops("drift-mix--200-two-rooms", -0.04);
}

/// Bursts of noise that die away, from these times on.
fn claps(instants: &[f64], seconds: f64) -> Vec<f32> {
    let mut random = crate::common::Random::new(5);
    let mut noise = move || (random.below(1 << 24) as f32) / (1_u32 << 23) as f32 - 1.0;
    let mut sound: Vec<f32> = (0..(seconds * RATE) as usize)
        .map(|_| 0.001 * noise())
        .collect();
    for instant in instants {
        let first = (instant * RATE) as usize;
        for (n, sample) in sound.iter_mut().skip(first).take(4800).enumerate() {
            *sample += 0.7 * (-(n as f32) / 500.0).exp() * noise();
        }
    }
    sound
}

#[test]
fn a_camera_that_locks_by_flashes_stays_within_half_a_frame() {
    const SECONDS: f64 = 40.0;
    let clock = Clock::new(0.3, 200e-6);
    let lead = 0.08;
    let mut random = crate::common::Random::new(7);
    let mut instants = vec![1.0];
    while instants[instants.len() - 1] < SECONDS - 2.0 {
        let pause = 0.8 + random.below(1000) as f64 * 1e-3;
        instants.push(instants[instants.len() - 1] + pause);
    }
    let mut stage = Stage::alone("", &claps(&instants, SECONDS));
    let filming = Camera {
        clock: &clock,
        lead,
        flashes: &instants,
    };
    let camera = filming.film(&mut stage, SECONDS);
    let sink = &stage.lane(camera).sink;
    sink.set_property("exposure", (EXPOSURE * 1e9) as u64);
    stage.play_until_locked(camera);
    let locked = stage.now;
    while stage.play(stage.now + 1.0) {
        stage.look();
    }
    assert!(stage.now - locked > 10.0, "locked too late: at {locked} s");
    assert_eq!(stage.state(camera), "locked");
    stage.end();
    let film = shown(&stage.lane(camera).all());
    let (repeated, dropped) = counted(&stage, camera, &film);
    // 80 ms are two frames and a half.
    assert!(
        (2..=3).contains(&repeated) && dropped == 0,
        "{repeated} {dropped}"
    );
    let late = film.iter().filter(|f| !f.again && f.at > locked + 0.1);
    let errors = late.map(|f| f.at - clock.apply(f64::from(f.number) * EVERY));
    let most = errors.map(f64::abs).fold(0.0, f64::max);
    println!("locked at {locked:.1} s, then at most {most:.4} s off");
    assert!(most <= EVERY / 2.0 + 1e-3, "{most} s");
}
