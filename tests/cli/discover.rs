//! `gst-harmony discover`.

use std::fs;

use crate::tool::tool;

#[test]
fn a_wave_file_is_described_to_people_and_programs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a b.wav");
    // RIFF, fmt: PCM, one channel, 8 kHz, 16 bit; data: a second.
    let mut wav = b"RIFF\xa4\x3e\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x80\x3e\0\0".to_vec();
    wav.resize(44 + 16_000, 0);
    fs::write(&file, wav).unwrap();
    let file = file.to_str().unwrap();

    let value = tool(["discover", "--json", file]).json();
    assert_eq!(value["duration_ns"], 1_000_000_000);
    assert_eq!(value["streams"][0]["kind"], "audio");
    assert_eq!(value["streams"][0]["sample_rate"], 8000);
    assert_eq!(value["streams"][0]["channels"], 1);
    let uri = value["uri"].as_str().unwrap();
    assert!(uri.starts_with("file:///"), "{uri}");

    let text = tool(["discover", uri]).good();
    for word in ["0:00:01.000", "audio", "8000"] {
        assert!(text.contains(word), "no {word} in {text}");
    }
}

#[test]
fn a_recording_is_described_with_its_container_and_track() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let pipeline = "audiotestsrc num-buffers=50 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 \
                    ! opusenc ! h4mkmux ! filesink location=unset";
    fs::write(path("r.launch"), pipeline).unwrap();
    let set = format!("filesink.location={}", path("r.h4mk"));
    tool(["run", &path("r.launch"), "--set", &set]).good();
    tool(["verify", &path("r.h4mk")]).good();
    let value = tool(["discover", "--json", &path("r.h4mk")]).json();
    assert_eq!(value["container"], "application/x-h4mk");
    assert_eq!(value["seekable"], true);
    assert_eq!(value["streams"][0]["codec"], "Opus");
    assert_eq!(value["streams"][0]["sample_rate"], 48000);
    let text = tool(["discover", &path("r.h4mk")]).good();
    for word in [
        "container  application/x-h4mk",
        "audio: Opus",
        "channels     2",
    ] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

#[test]
fn what_is_not_media_or_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("noise.bin");
    fs::write(&file, [0u8; 64]).unwrap();
    let file = file.to_str().unwrap();
    tool(["discover", file]).fails(1, &[file]);
    tool(["discover", "/nowhere/x.mkv"]).fails(2, &["/nowhere/x.mkv"]);
    tool(["discover", "nosuch://x"]).fails(1, &["nosuch://x"]);
    tool(["discover"]).fails(2, &["URI|FILE"]);
}
