//! `gst-harmony align`: files of one scene, and files that have nothing to do with each other.

mod encoders;
mod events;
mod picture;
mod refusals;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::corpus::{self, Pair};
use crate::common::media::cached;
use crate::tool::{Ran, command};

/// `align` with these options; the files are arguments like any other.
fn align<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    let mut command = command(["align"]);
    Ran::from(command.args(args).output().unwrap())
}

/// The streams of `align --json`, which has to end well.
fn streams<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Vec<Value> {
    let mut command = command(["align", "--json"]);
    let value = Ran::from(command.args(args).output().unwrap()).json();
    value["streams"].as_array().unwrap().clone()
}

/// A stream is locked, and lies where it should to within `within` seconds, from its begin to `seconds` later.
#[track_caller]
fn lies(stream: &Value, pair: &Pair, seconds: f64, within: f64) {
    assert_eq!(stream["state"], "locked", "{stream}");
    let number = |key: &str| stream[key].as_f64().unwrap();
    for time in [0.0, seconds] {
        let said = number("offset_s") + time * (1.0 + number("drift_ppm") * 1e-6);
        let off = said - pair.apply(time);
        assert!(off.abs() <= within, "at {time} s off by {off} s: {stream}");
    }
}

/// Length of recordings: enough for three windows that lie apart.
const SECONDS: u32 = 16;

/// Music and talk, and another recording of it.
fn scene() -> Pair {
    corpus::pair("accuracy-mix-0-room", SECONDS)
}

/// A file made by ffmpeg of another, kept.
fn made(source: &Path, name: &str, recipe: &str) -> PathBuf {
    cached(name, &format!("{} {recipe}", source.display()), |path| {
        let mut command = std::process::Command::new("ffmpeg");
        command.args(["-hide_banner", "-v", "error", "-nostdin", "-y"]);
        for argument in recipe.split(' ') {
            match argument {
                "{in}" => command.arg(source),
                other => command.arg(other),
            };
        }
        let output = command.arg(path).output().expect("ffmpeg is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
    })
}

#[test]
fn another_recording_of_a_scene_is_found() {
    let pair = scene();
    let ran = align([
        pair.reference.as_os_str(),
        pair.stream.as_os_str(),
        "--json".as_ref(),
    ]);
    let value = ran.json();
    assert_eq!(value["reference"], pair.reference.to_str().unwrap());
    let keys = |value: &Value| Vec::from_iter(value.as_object().unwrap().keys().cloned());
    assert_eq!(keys(&value), ["reference", "streams"]);
    let stream = &value["streams"][0];
    let names = [
        "file",
        "state",
        "offset_s",
        "drift_ppm",
        "uncertainty_s",
        "quality",
        "factors",
    ];
    assert_eq!(keys(stream), names);
    assert_eq!(
        keys(&stream["factors"]),
        ["peak", "second", "inliers", "freshness"]
    );
    assert_eq!(stream["file"], pair.stream.to_str().unwrap());
    lies(stream, &pair, 15.0, 1e-4);
    assert_eq!(stream["uncertainty_s"], 0.001);
    let factors = stream["factors"].as_object().unwrap().values();
    let product: f64 = factors.map(|factor| factor.as_f64().unwrap()).product();
    let quality = stream["quality"].as_f64().unwrap();
    assert!(
        (quality - product).abs() < 1e-9 && quality > 0.25,
        "{stream}"
    );
}

#[test]
fn drift_is_measured() {
    let pair = corpus::pair("drift-mix-+200-clean", SECONDS);
    let found = streams([pair.reference.as_os_str(), pair.stream.as_os_str()]);
    lies(&found[0], &pair, 15.0, 1e-4);
    let ppm = found[0]["drift_ppm"].as_f64().unwrap();
    assert!((ppm - pair.drift * 1e6).abs() < 3.0, "{ppm}");
    // The other way round, the map is the inverse one.
    let args = [
        pair.reference.as_os_str(),
        pair.stream.as_os_str(),
        "--reference".as_ref(),
        pair.stream.as_os_str(),
    ];
    let turned = streams(args);
    assert_eq!(turned[0]["file"], pair.reference.to_str().unwrap());
    let offset = turned[0]["offset_s"].as_f64().unwrap();
    assert!(
        (offset + pair.offset / (1.0 + pair.drift)).abs() < 1e-4,
        "{offset}"
    );
}

#[test]
fn text_for_people_says_which_begins_first() {
    let pair = scene();
    let text = align([&pair.reference, &pair.stream, &pair.reference]).good();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("reference: ") && lines[0].ends_with("0:00:16.000"),
        "{text}"
    );
    assert!(lines[1].trim_start().starts_with("file"), "{text}");
    for (line, file) in lines[2..4].iter().zip([&pair.stream, &pair.reference]) {
        assert!(
            line.contains(file.to_str().unwrap()) && line.contains(" locked "),
            "{text}"
        );
    }
    let side = if pair.offset < 0.0 { "before" } else { "after" };
    assert!(
        lines[4].contains(&format!(" {side} the reference")),
        "{text}"
    );
    assert!(lines[5].ends_with("it begins with the reference"), "{text}");
}

#[test]
fn recorders_that_were_started_long_after_each_other_are_found() {
    let pair = corpus::pair("apart-mix-1", 40);
    let found = streams([&pair.reference, &pair.stream]);
    lies(&found[0], &pair, 30.0, 1e-4);
    let args = [
        "--max-offset".as_ref(),
        "5s".as_ref(),
        pair.reference.as_os_str(),
        pair.stream.as_os_str(),
    ];
    let ran = align(args).fails(1, &["found 1 of 1 streams not locked"]);
    assert!(ran.stdout.contains("within ±5.00 s"), "{ran:?}");
}
