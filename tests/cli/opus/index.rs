//! `gst-harmony index` and `info`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use super::{Place, index, info};
use crate::common::{media, opus};
use crate::tool::{Ran, command, tool};

#[test]
fn every_container_is_indexed() {
    let place = Place::new();
    let store = place.file("a.zarr");
    for (source, samples) in [
        (opus::ODD_TOOLS, 100_003),
        (opus::ODD_GST, 100_003),
        (opus::WEBM_ODD, 100_003),
        (opus::MKVMERGE, 100_003),
    ] {
        let told = index(&source.path(), &store, &["--overwrite", "--json"]).json();
        let link = &told["links"][0];
        assert_eq!(link["samples"], samples, "{}", source.name);
        assert_eq!(
            (&told["encoded"], &told["left_out"]),
            (&Value::Null, &json!([]))
        );
        assert_eq!(told["links"], info(&store)["links"], "{}", source.name);
    }
}

#[test]
fn info_says_what_the_walk_finds() {
    let place = Place::new();
    for source in [opus::CELT, opus::MIXED, opus::SURROUND, opus::GAIN] {
        let told = info(&place.store(&source, &[]));
        let (link, walk) = (&told["links"][0], &source.walk()[0]);
        let packets = walk["packets"].as_array().unwrap();
        assert_eq!(link["packets"], packets.len(), "{}", source.name);
        assert_eq!(
            link["attributes"]["pre_skip"], walk["head"]["pre_skip"],
            "{}",
            source.name
        );
        assert_eq!(
            (&told["zarr_format"], &told["complete"]),
            (&json!(3), &json!(true))
        );
    }
    let text = tool(["info", place.file("mixed.opus.zarr").to_str().unwrap()]).good();
    for word in ["SILK, hybrid, CELT", "2000 ms are recommended", "1 links"] {
        assert_eq!(text.contains(word), word != "1 links", "{word}: {text}");
    }
}

#[test]
fn all_links_of_a_chain_are_followed() {
    let place = Place::new();
    let store = place.store(&opus::CHAIN, &[]);
    let told = info(&store);
    let links = told["links"].as_array().unwrap();
    let walk = opus::CHAIN.walk();
    assert_eq!((links.len(), walk.len()), (3, 3));
    for ((link, walked), channels) in links.iter().zip(&walk).zip([1, 2, 6]) {
        assert_eq!(link["attributes"]["channels"], channels);
        assert_eq!(link["packets"], walked["packets"].as_array().unwrap().len());
    }
    assert_eq!(links[1]["samples"], 100_003);
    let one = ["info", "--json", "--link", "2", store.to_str().unwrap()];
    assert_eq!(tool(one).json()["links"], json!([links[2]]));
    let none = ["info", "--link", "3", store.to_str().unwrap()];
    tool(none).fails(2, &["link 3", "the store has 3"]);
}

#[test]
fn other_sound_is_encoded_only_on_request() {
    let place = Place::new();
    let store = place.file("a.zarr");
    let flac = media::FLAC.path();
    let words = [
        "stream 0",
        "FLAC",
        "audio/x-flac",
        "expected Opus",
        "--encode",
    ];
    index(&flac, &store, &[]).fails(1, &words);
    assert!(
        !store.exists(),
        "nothing is written before it is known what is there"
    );
    let told = index(&flac, &store, &["--encode", "--bitrate", "64000", "--json"]).json();
    assert_eq!(told["encoded"]["rate"], 44_100);
    let samples = told["links"][0]["samples"].as_i64().unwrap();
    assert!((samples - 144_000).abs() < 100, "{samples}");
    let bits = told["links"][0]["bytes"].as_f64().unwrap() * 8.0 / 3.0;
    assert!((40_000.0..90_000.0).contains(&bits), "{bits} bits a second");
}

#[test]
fn what_resampling_takes_is_told() {
    let place = Place::new();
    let ran = index(&media::WAV_384.path(), &place.file("a.zarr"), &["--encode"]);
    ran.fails(0, &["384000 Hz", "48000 Hz", "20 kHz is lost"]);
}

#[test]
fn of_several_streams_one_is_taken() {
    let place = Place::new();
    let store = place.file("a.zarr");
    // Opus, though other sound comes first.
    let both = place.file("both.mkv");
    let made = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(media::H264_AAC.path())
        .arg("-i")
        .arg(opus::ODD_TOOLS.path())
        .args(["-map", "0", "-map", "1", "-c", "copy"])
        .arg(&both)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let told = index(&both, &store, &["--json"]).json();
    assert_eq!(
        told["left_out"],
        json!([{"stream": 0, "codec": "MPEG-4 AAC"}])
    );
    assert_eq!(told["encoded"], Value::Null);
    let options = ["--stream", "0", "--encode", "--overwrite", "--json"];
    let told = index(&both, &store, &options).json();
    assert_eq!(told["encoded"]["codec"], "MPEG-4 AAC");
    let options = ["--stream", "2", "--overwrite"];
    index(&both, &store, &options).fails(2, &["--stream 2", "MPEG-4 AAC", "Opus"]);
    index(&both, &store, &["--stream", "0", "--overwrite"]).fails(1, &["--encode"]);
    let film = media::H264_SRT.path();
    index(&film, &store, &["--overwrite"]).fails(1, &["no sound", film.to_str().unwrap()]);
}

#[test]
fn raw_packets_are_refused_with_the_reason() {
    let place = Place::new();
    let raw = place.file("raw.bin");
    let made = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(opus::CELT.path())
        .args(["-c", "copy", "-f", "data", "-map", "0"])
        .arg(&raw)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    index(&raw, &place.file("a.zarr"), &[]).fails(1, &["no lengths", "RFC 6716, section 3"]);
    assert!(!place.file("a.zarr").exists());
}

#[test]
fn nothing_is_overwritten_without_a_word() {
    let place = Place::new();
    let store = place.store(&opus::ODD_TOOLS, &[]);
    let before = info(&store);
    index(&opus::SILK.path(), &store, &[]).fails(2, &[store.to_str().unwrap(), "--overwrite"]);
    assert_eq!(info(&store), before);
    // With it, only what is a store.
    let foreign = place.file("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("notes.txt"), "mine").unwrap();
    index(&opus::SILK.path(), &foreign, &["--overwrite"]).fails(2, &[foreign.to_str().unwrap()]);
    assert_eq!(fs::read(foreign.join("notes.txt")).unwrap(), b"mine");
    index(&opus::SILK.path(), &store, &["--overwrite"]).good();
    assert_ne!(info(&store), before);
}

#[test]
fn the_form_of_a_store_is_chosen() {
    let place = Place::new();
    let options = [
        "--zarr-format",
        "2",
        "--index-compression",
        "zstd",
        "--pcm-hash",
    ];
    let store = place.store(&opus::ODD_TOOLS, &options);
    assert!(store.join(".zgroup").is_file());
    let told = info(&store);
    assert_eq!(
        (&told["zarr_format"], &told["index_compression"]),
        (&json!(2), &json!("zstd"))
    );
    assert_eq!(told["links"][0]["certified"], true);
    let mp4 = place.store(&opus::MP4_FFMPEG, &["--pre-skip", "312"]);
    let attributes = &info(&mp4)["links"][0]["attributes"];
    assert_eq!(
        (&attributes["pre_skip"], &attributes["pre_skip_source"]),
        (&json!(312), &json!("property"))
    );
}

#[test]
fn a_pipe_is_indexed() {
    let place = Place::new();
    let (pipe, store) = (place.file("pipe"), place.file("a.zarr"));
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let mut command = command(["index", "--json", "--output"]);
    command.arg(&store).arg(&pipe);
    let (source, target) = (opus::ODD_TOOLS.path(), pipe.clone());
    let writer = std::thread::spawn(move || fs::copy(source, target).unwrap());
    let told = Ran::from(command.output().unwrap()).json();
    writer.join().unwrap();
    assert_eq!(told["links"][0]["samples"], 100_003);
}

#[test]
fn usage_is_checked() {
    for (arguments, words) in [
        (&["index"] as &[_], &["INPUT"] as &[_]),
        (&["index", "a.opus"], &["--output"]),
        (
            &["index", "a.opus", "--output", "b", "--bitrate", "9"],
            &["9"],
        ),
        (
            &["index", "a.opus", "--output", "b", "--zarr-format", "4"],
            &["4"],
        ),
        (&["index", "a.opus", "--rebuild", "b"], &["--rebuild"]),
        (&["index", "none.opus", "--output", "b"], &["none.opus"]),
    ] {
        tool(arguments).fails(2, words);
    }
}

/// Quotes and backslashes are no syntax, and a file that is read need not have a name in UTF-8.
#[test]
fn any_name_is_a_name() {
    let place = Place::new();
    let names = [
        (b"in".as_slice(), "\"quoted\""),
        (b"\"in\"", "a\\b"),
        (b"not \xff UTF-8", "store"),
    ];
    for (input, store) in names {
        let input = OsStr::from_bytes(input);
        fs::copy(opus::ODD_TOOLS.path(), place.0.path().join(input)).unwrap();
        let output = command(["index"])
            .current_dir(&place.0)
            .args([input, "--output".as_ref(), store.as_ref()])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let links = &info(&place.file(store))["links"];
        assert_eq!(links[0]["samples"], 100_003, "{store}");
    }
}
