//! What is left when it fails, or when it may not begin.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Place, hls, remux, same, with};
use crate::common::media::{self, Recipe};
use crate::tool::{Ran, tool};

#[test]
fn what_is_read_is_not_written() {
    let place = Place::new();
    let (input, link) = (place.file("a.mkv"), place.file("b.mp4"));
    fs::copy(media::H264_AAC.path(), &input).unwrap();
    fs::hard_link(&input, &link).unwrap();
    let before = fs::read(&input).unwrap();
    for output in [&input, &link, &place.0.path().join("./a.mkv")] {
        remux(&input, output, &[]).fails(2, &["found the file that is read"]);
    }
    assert_eq!(fs::read(&input).unwrap(), before);
    assert_eq!(place.names().len(), 2);
}

#[test]
fn usage_that_cannot_be_is_told() {
    let place = Place::new();
    let source = media::H264_AAC.path();
    let file = place.file("a.mp4");
    remux(Path::new("/nowhere/a.mkv"), &file, &[]).fails(2, &["/nowhere/a.mkv"]);
    remux(&source, Path::new("/nowhere/a.mp4"), &[]).fails(2, &["/nowhere/a.mp4"]);
    remux(&source, place.0.path(), &[]).fails(2, &["found a folder"]);
    remux(&source, &file, &["--progressive", "--cmaf"]).fails(2, &["--progressive", "--cmaf"]);
    remux(&source, &file, &["--fragment", "soon"]).fails(2, &["soon", "2s"]);
    remux(&source, &file, &["--transcode-audio", "mp3"]).fails(2, &["mp3", "aac", "opus"]);
    tool(["remux", source.to_str().unwrap()]).fails(2, &["OUT.mp4"]);
    assert!(place.names().is_empty(), "{:?}", place.names());
    fs::create_dir(place.file("full")).unwrap();
    fs::write(place.file("full/x"), "x").unwrap();
    Ran::from(hls(&source, &place.file("full"), &[]).output().unwrap())
        .fails(2, &["full", "empty folder"]);
    assert_eq!(fs::read(place.file("full/x")).unwrap(), b"x");
}

#[test]
fn a_failure_leaves_the_old_file_and_nothing_else() {
    let place = Place::new();
    let output = place.file("out.mp4");
    fs::write(&output, "old").unwrap();
    let whole = fs::read(media::H264_AAC.path()).unwrap();
    for (name, bytes) in [
        ("empty.mkv", &whole[..0]),
        ("head.mkv", &whole[..100]),
        ("noise.mkv", &[7; 5000][..]),
    ] {
        let input = place.file(name);
        fs::write(&input, bytes).unwrap();
        remux(&input, &output, &[]).fails(1, &[name]);
        Ran::from(hls(&input, &place.file("hls"), &[]).output().unwrap()).fails(1, &[name]);
        fs::remove_file(input).unwrap();
        assert_eq!(fs::read(&output).unwrap(), b"old");
        assert_eq!(
            place.names(),
            BTreeSet::from(["out.mp4".to_owned()]),
            "{name}"
        );
    }
}

#[test]
fn an_interrupt_leaves_nothing() {
    let place = Place::new();
    let input = tempfile::tempdir().unwrap();
    let fifo = input.path().join("pipe.mkv");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let mut child = with(&fifo, &place.file("a.mp4"), &[])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Opens when the tool has opened the other end, and so watches for signals.
    let pipe = File::options().write(true).open(&fifo).unwrap();
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    drop(pipe);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(place.names().is_empty(), "{:?}", place.names());
}

#[test]
fn a_pipe_can_be_read() {
    let place = Place::new();
    let input = tempfile::tempdir().unwrap();
    let fifo = input.path().join("pipe.mkv");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let recipe: Recipe = media::H264_AAC;
    let child = with(&fifo, &place.file("a.mp4"), &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    fs::write(&fifo, fs::read(recipe.path()).unwrap()).unwrap();
    Ran::from(child.wait_with_output().unwrap()).good();
    same(&recipe.path(), &place.file("a.mp4"));
}
