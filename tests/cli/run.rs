//! `gst-harmony run`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use tempfile::TempDir;

use crate::tool::{Ran, command, tool};

fn launch(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test.launch");
    fs::write(&file, text).unwrap();
    let name = file.to_str().unwrap().to_owned();
    (folder, name)
}

const WAVE: &str = "# a second of tone\naudiotestsrc name=tone num-buffers=10 samplesperbuffer=100\n  # indented comment\n\
                    ! audio/x-raw,format=S16LE,rate=8000,channels=1 ! wavenc ! filesink location=unset.wav\n";

#[test]
fn a_launch_file_runs_to_its_end_with_properties_by_name_and_by_factory() {
    let (folder, file) = launch(WAVE);
    let out = folder.path().join("out.wav");
    let location = format!("filesink.location={}", out.display());
    tool(["run", &file, "--set", &location]).good();
    let ten = fs::metadata(&out).unwrap().len();
    tool([
        "run",
        &file,
        "--set",
        &location,
        "--set",
        "tone.num-buffers=30",
    ])
    .good();
    assert_eq!(fs::metadata(&out).unwrap().len() - ten, 20 * 100 * 2);
}

#[test]
fn json_says_how_it_ended() {
    let (_folder, file) = launch("fakesrc num-buffers=3 ! fakesink");
    let value = tool(["run", &file, "--json"]).json();
    assert_eq!(value["ended"], "eos");
    assert_eq!(value["error"], serde_json::Value::Null);
    let (_folder, file) = launch("filesrc location=/nowhere/at/all ! fakesink");
    let ran = tool(["--json", "run", &file]).fails(1, &[&file, "/nowhere/at/all"]);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(value["ended"], "error");
    assert!(value["error"].as_str().unwrap().contains("/nowhere/at/all"));
}

#[test]
fn a_child_property_is_set() {
    let (_folder, file) = launch("audiotestsrc num-buffers=3 ! audiomixer name=f ! fakesink");
    tool(["run", &file, "--set", "f.sink_0::volume=0.5"]).good();
    tool(["run", &file, "--set", "f.sink_9::volume=0.5"])
        .fails(2, &["f", "sink_9::volume", "sink_0"]);
}

#[test]
fn settings_that_cannot_be_are_bad_usage_and_say_what_is_expected() {
    let (_folder, file) = launch(WAVE);
    for (setting, words) in [
        ("tone", vec!["tone", "ELEMENT.PROPERTY=VALUE"]),
        ("nobody.freq=1", vec!["nobody", "tone", "filesink0"]),
        ("tone.nothing=1", vec!["tone", "nothing", "freq"]),
        (
            "tone.num-buffers=-2",
            vec!["tone.num-buffers", "\"-2\"", "-1 .. 2147483647"],
        ),
        (
            "tone.num-buffers=many",
            vec!["tone.num-buffers", "\"many\"", "number"],
        ),
        (
            "tone.wave=round",
            vec!["tone.wave", "\"round\"", "sine", "square"],
        ),
        (
            "tone.is-live=perhaps",
            vec!["tone.is-live", "\"perhaps\"", "true or false"],
        ),
    ] {
        tool(["run", &file, "--set", setting]).fails(2, &words);
    }
    let (_folder, file) = launch("fakesrc num-buffers=1 ! identity ! identity ! fakesink");
    tool(["run", &file, "--set", "identity.silent=true"]).fails(2, &["2 elements", "identity"]);
}

#[test]
fn pipelines_that_cannot_be_are_named() {
    let (_folder, file) = launch("fakesrc ! no-such-element ! fakesink");
    tool(["run", &file]).fails(1, &[&file, "no-such-element"]);
    let (_folder, file) = launch("# nothing but words\n\n");
    tool(["run", &file]).fails(1, &[&file, "no pipeline"]);
    tool(["run", "/nowhere/x.launch"]).fails(2, &["/nowhere/x.launch"]);
    tool(["run"]).fails(2, &["FILE.launch"]);
}

#[test]
fn an_interrupt_ends_the_stream_and_finishes_the_file() {
    let (_folder, file) =
        launch("audiotestsrc is-live=true ! audioconvert ! vorbisenc ! oggmux ! fdsink fd=1");
    let mut child = command(["run", &file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Bytes on standard output say that the pipeline runs.
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    assert!(!stdout.fill_buf().unwrap().is_empty());
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let mut ogg = Vec::new();
    stdout.read_to_end(&mut ogg).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // RFC 3533, section 6: bit 2 of a page's header type marks the last page of the stream.
    let last = ogg.windows(4).rposition(|bytes| bytes == b"OggS").unwrap();
    assert_eq!(ogg[last + 5] & 4, 4);
}
