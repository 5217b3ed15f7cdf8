//! What is not locked, and what can't be read.

use std::path::{Path, PathBuf};

use super::{align, made, scene};
use crate::common::corpus;
use crate::common::media::{SRT, text};

fn none() -> &'static Path {
    Path::new("none")
}

fn silence() -> PathBuf {
    made(
        none(),
        "align-silent.wav",
        "-f lavfi -i anullsrc=r=48000:cl=mono:d=10 -f wav",
    )
}

#[test]
fn recordings_of_different_scenes_are_unrelated() {
    let pair = corpus::pair("unrelated-speech-0", 16);
    assert!(!pair.related);
    let args = [
        pair.reference.as_os_str(),
        pair.stream.as_os_str(),
        "--json".as_ref(),
    ];
    let ran = align(args).fails(1, &["found 1 of 1 streams not locked"]);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let stream = &value["streams"][0];
    assert_eq!(stream["state"], "unrelated");
    for key in ["offset_s", "drift_ppm", "uncertainty_s"] {
        assert!(stream[key].is_null(), "{stream}");
    }
    assert_eq!(stream["quality"], 0.0);
}

#[test]
fn loops_are_not_locked() {
    let pair = corpus::pair("loops-music-0", 16);
    let ran = align([&pair.reference, &pair.stream]).fails(1, &["found 1 of 1 streams not locked"]);
    assert!(
        ran.stdout.contains(" ambiguous ") && ran.stdout.contains("as in a loop"),
        "{ran:?}"
    );
}

#[test]
fn silence_is_told() {
    let (pair, silence) = (scene(), silence());
    let ran = align([&pair.reference, &silence, &pair.stream])
        .fails(1, &["found 1 of 2 streams not locked"]);
    assert!(
        ran.stdout.contains("align-silent.wav: it is silent"),
        "{ran:?}"
    );
    let ran = align([&silence, &pair.reference]).fails(1, &["found 1 of 1 streams not locked"]);
    assert!(ran.stdout.contains("the reference is silent"), "{ran:?}");
}

#[test]
fn what_can_not_be_read_is_named() {
    let reference = scene().reference;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let short = made(
        none(),
        "align-short.wav",
        "-f lavfi -i sine=f=440:d=1 -f wav",
    );
    let text = made(
        &text("text.srt", SRT),
        "align-text.mkv",
        "-i {in} -c:s srt -f matroska",
    );
    for (path, words) in [
        (folder.path().join("missing.wav"), "No such file"),
        (folder.path().to_owned(), "found a folder"),
    ] {
        align([&reference, &path]).fails(2, &[path.to_str().unwrap(), words]);
    }
    let header = std::fs::read(&reference).unwrap()[..44].to_vec();
    for (path, words) in [
        (
            file("empty.wav", b""),
            "found no file format that GStreamer knows",
        ),
        (file("words.wav", &[b'U'; 9000]), "text file"),
        (
            file("header.wav", &header),
            "too short: found 0.0 s of sound",
        ),
        (short, "too short: found 1.0 s of sound, expected at least"),
        (
            file("a.csv", b"time,x\n0,1\n0.1,a\n"),
            "line 3: found \"a\"",
        ),
        (text, "found neither sound nor pictures"),
    ] {
        align([&reference, &path]).fails(1, &[path.to_str().unwrap(), words]);
    }
}

#[test]
fn usage_is_checked() {
    let reference = scene().reference;
    let reference = reference.to_str().unwrap();
    for (args, words) in [
        (&[reference][..], "FILE"),
        (
            &[reference, reference, "--max-drift", "9999"],
            "parts per million",
        ),
        (&[reference, reference, "--window", "0"], "a time above 0"),
        (
            &[reference, reference, "--reference", "other"],
            "expected one of them",
        ),
        (
            &[reference, reference, "--plot", reference],
            "expected another one to write",
        ),
        (
            &[reference, reference, "--plot", "/nowhere/a.svg"],
            "/nowhere",
        ),
    ] {
        align(args).fails(2, &[words]);
    }
}
