//! Ranges in other containers.

use std::path::Path;
use std::process::Command;

use crate::common::opus;
use crate::common::pipeline::{launch, quoted, run};
use crate::player::{Decoded, Store, sequential};

/// Runs a program that must succeed, and gives what it prints.
fn program(name: &str, arguments: &[&str]) -> Vec<u8> {
    let ran = Command::new(name).args(arguments).output();
    let ran = ran.unwrap_or_else(|e| panic!("{name}: {e}"));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{name} {arguments:?}: {said}");
    ran.stdout
}

/// Samples as ffmpeg decodes them, with libopus.
fn ffmpeg(path: &Path) -> Vec<i16> {
    let path = path.display().to_string();
    let arguments = [
        "-v", "error", "-c:a", "libopus", "-i", &path, "-f", "s16le", "-",
    ];
    let bytes = program("ffmpeg", &arguments);
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}

/// A range in a file, and what ffmpeg decodes of it.
fn remuxed(store: &Store, properties: &str, muxer: &str, name: &str) -> Vec<i16> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    let source = store.source(properties);
    let pipeline = launch(&format!(
        "{source} ! {muxer} ! filesink location={}",
        quoted(&path)
    ));
    run(&pipeline).good();
    let file = path.display().to_string();
    let stream = [
        "-v",
        "error",
        "-show_entries",
        "stream=codec_name",
        "-of",
        "csv=p=0",
        &file,
    ];
    assert_eq!(program("ffprobe", &stream), b"opus\n");
    let copy = folder.path().join("copy.mkv").display().to_string();
    program("mkvmerge", &["--quiet", "-o", &copy, &file]);
    if name.ends_with("opus") {
        let said = program("opusinfo", &[&file]);
        let said = String::from_utf8_lossy(&said);
        assert!(
            !said.contains("ERROR") && !said.contains("WARNING"),
            "{said}"
        );
    }
    ffmpeg(&path)
}

fn check(start: u64, stop: u64, whole: &Decoded, store: &Store) {
    let properties = format!("start={start} stop={stop}");
    for (muxer, name) in [
        // Its own tolerance is 40 ms; pre-roll has the time of the first sample that is kept.
        ("oggmux max-tolerance=2000000000", "range.opus"),
        ("matroskamux", "range.mkv"),
        ("webmmux", "range.webm"),
    ] {
        let samples = remuxed(store, &properties, muxer, name);
        assert_eq!(samples.len() as u64, 2 * (stop - start), "{name}");
        assert!(samples == whole.part(start, stop), "{name}: other values");
    }
}

#[test]
fn files_of_a_range_hold_just_that_range() {
    let (store, whole) = (Store::of(opus::CELT), sequential(opus::CELT));
    check(100_000, 148_000, &whole, &store);
    check(500, 30_000, &whole, &store);
}

#[test]
fn a_file_of_the_whole_store_is_the_file_that_came() {
    let (store, whole) = (Store::of(opus::ODD_TOOLS), sequential(opus::ODD_TOOLS));
    check(0, 100_003, &whole, &store);
}
