//! Sequential decoders that others wrote: what every extraction is held against.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::media::cached;
use crate::common::opus;
use crate::common::pipeline::{launch, quoted, run};

/// Output of a program that must end well and say nothing.
fn output(command: &mut Command) -> Vec<u8> {
    let ran = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{command:?}: {said}");
    ran.stdout
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// `tests/c/opus_sequential.c`, compiled on first use.
fn program() -> PathBuf {
    const SOURCE: &str = include_str!("../c/opus_sequential.c");
    cached("opus_sequential", SOURCE, |out| {
        let flags = output(Command::new("pkg-config").args(["--cflags", "--libs", "opusfile"]));
        let flags = String::from_utf8(flags).expect("words");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/opus_sequential.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"]);
        compiler.arg(out).arg(source).args(flags.split_whitespace());
        output(&mut compiler);
    })
}

/// What libopusfile decodes of an Ogg file, without gain: pre-skip and end trim are taken off.
pub fn opusfile(file: &Path) -> Vec<i16> {
    samples(&output(Command::new(program()).arg(file)))
}

/// What `opusdec` of opus-tools decodes of an Ogg file, with its gain.
pub fn opusdec(file: &Path) -> Vec<i16> {
    let mut command = Command::new("opusdec");
    command.args(["--quiet", "--no-dither"]).arg(file).arg("-");
    samples(&output(&mut command))
}

/// What GStreamer's elements decode after `source`, a launch line that ends in Opus packets, without gain.
pub fn gstreamer(source: &str) -> Vec<i16> {
    let folder = tempfile::tempdir().expect("a folder");
    let pcm = folder.path().join("pcm");
    let line = format!(
        "{source} ! opusdec apply-gain=false phase-inversion=true ! audio/x-raw,format=S16LE ! filesink location={}",
        quoted(&pcm)
    );
    run(&launch(&line)).good();
    samples(&std::fs::read(&pcm).expect("the samples are there"))
}

/// Interleaved samples in the order of channels that GStreamer has for 5.1, from that of Vorbis (RFC 7845, 5.1.1.2).
pub fn reordered(samples: &[i16]) -> Vec<i16> {
    let frames = samples.chunks_exact(6);
    frames
        .flat_map(|f| [0, 2, 1, 5, 3, 4].map(|channel| f[channel]))
        .collect()
}

/// Fails with how many values differ, and where.
#[track_caller]
pub fn same(found: &[i16], expected: &[i16], what: &str) {
    let pairs = || found.iter().zip(expected).enumerate();
    let first = pairs().find(|(_, (a, b))| a != b);
    assert!(
        found.len() == expected.len() && first.is_none(),
        "{what}: {} values, expected {}; {} differ, the first is {first:?}",
        found.len(),
        expected.len(),
        pairs().filter(|(_, (a, b))| a != b).count()
    );
}

#[test]
fn three_sequential_decoders_agree_on_every_sample() {
    for file in opus::OGG {
        let path = file.path();
        let gstreamer = gstreamer(&file.source());
        // libopusfile does not take mapping family 255.
        if file.name == opus::DISCRETE.name {
            continue;
        }
        let expected = opusfile(&path);
        if file.name != opus::GAIN.name {
            same(
                &opusdec(&path),
                &expected,
                &format!("{}, opusdec", file.name),
            );
        }
        let what = format!("{}, GStreamer", file.name);
        match file.name {
            name if name == opus::SURROUND.name => same(&gstreamer, &reordered(&expected), &what),
            // oggdemux clips the pre-skip of streams that begin at 0 alone.
            name if name == opus::LATE.name => same(&gstreamer[2 * 312..], &expected, &what),
            _ => same(&gstreamer, &expected, &what),
        }
    }
}
