//! Files without sound: flashes that a camera sees and steps of a sensor, against claps.

use std::path::Path;
use std::process::Command;

use super::{align, lies, made, streams};
use crate::common::corpus::{self, Pair};

/// The stream lies where it should, to within what is claimed for it.
#[track_caller]
fn claimed(pair: &Pair, args: &[&str], most: f64) {
    let files = [&pair.reference, &pair.stream].map(|file| file.to_str().unwrap());
    let found = streams(files.iter().chain(args));
    let claimed = found[0]["uncertainty_s"].as_f64().unwrap();
    assert!(claimed <= most, "{}", found[0]);
    lies(&found[0], pair, 30.0, claimed);
}

#[test]
fn flashes_are_matched_with_claps() {
    let pair = corpus::pair("flash-30.0-rolling-full-x264", 60);
    claimed(&pair, &[], 34e-3);
    let ms = |key: &str| format!("{}ms", pair.truth[key].as_f64().unwrap() * 1e3);
    let (exposure, readout) = (ms("exposure_s"), ms("readout_s"));
    claimed(
        &pair,
        &["--exposure", &exposure, "--readout-time", &readout],
        5e-3,
    );
    let text = align([&pair.reference, &pair.stream]).good();
    assert!(
        text.contains(" flashes with ") && text.contains(" claps of the reference"),
        "{text}"
    );
}

#[test]
fn a_light_in_a_corner_of_motion_jpeg_is_seen() {
    let pair = corpus::pair("flash-25.0-short-corner-mjpeg", 60);
    let args = ["--exposure", "2ms", "--readout-time", "16ms"];
    claimed(&pair, &args, 5e-3);
}

#[test]
fn steps_of_a_sensor_are_matched_with_claps() {
    let pair = corpus::pair("sensor-1", 60);
    claimed(&pair, &[], 12e-3);
    let text = align([&pair.reference, &pair.stream]).good();
    assert!(
        text.contains(" steps with ") && text.contains(" claps of the reference"),
        "{text}"
    );
}

#[test]
fn sound_goes_before_events() {
    let pair = corpus::pair("flash-muxed", 60);
    let found = streams([&pair.reference, &pair.stream]);
    assert_eq!(found[0]["uncertainty_s"], 0.001, "{}", found[0]);
}

#[test]
fn events_that_never_come_are_no_match() {
    let pair = corpus::pair("sensor-1", 60);
    let flat = made(
        Path::new("none"),
        "align-dark.mp4",
        "-f lavfi -i color=gray:s=64x48:r=10:d=20 -f mp4",
    );
    let ran = align([&pair.reference, &flat]).fails(1, &["found 1 of 1 streams not locked"]);
    assert!(ran.stdout.contains("compared by 0 flashes"), "{ran:?}");
}

#[test]
fn pictures_are_not_read_from_a_pipe() {
    let pair = corpus::pair("sensor-1", 60);
    let flat = made(
        Path::new("none"),
        "align-dark.mkv",
        "-f lavfi -i color=gray:s=64x48:r=10:d=20 -f matroska",
    );
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.mkv");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    std::thread::scope(|scope| {
        // Waits for its reader.
        scope.spawn(|| std::fs::copy(&flat, &pipe).unwrap());
        align([&pair.reference, &pipe]).fails(2, &["pipe.mkv", "expected a file"]);
    });
}
