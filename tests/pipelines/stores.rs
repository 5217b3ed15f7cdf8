//! The pipelines that write and read stores of Opus packets.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::ffprobe::probe;
use crate::common::{Recipe, media, opus};
use crate::{TOOL, launch, set};

/// What the tool prints.
fn tool(arguments: &[&str], store: &Path) -> Vec<u8> {
    let output = Command::new(TOOL)
        .args(arguments)
        .arg(store)
        .output()
        .expect("the tool starts");
    assert!(
        output.status.success(),
        "{arguments:?} {}: {}",
        store.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// The one link of a store, which is sound and complete.
fn link(store: &Path) -> Value {
    let parsed = |stdout: Vec<u8>| serde_json::from_slice::<Value>(&stdout).expect("JSON");
    let report = parsed(tool(&["verify", "--hashes", "--json"], store));
    assert_eq!(report["warnings"], Value::Array(Vec::new()));
    let info = parsed(tool(&["info", "--json"], store));
    assert_eq!(info["complete"], true, "{info}");
    let links = info["links"].as_array().expect("links");
    assert_eq!(links.len(), 1, "{info}");
    links[0].clone()
}

/// Samples from `start` to `stop` of a store, those of all channels.
fn samples(store: &Path, start: u64, stop: u64) -> Vec<i16> {
    let range = format!("--samples={start}:{stop}");
    let bytes = tool(&["extract", "--format", "raw", &range], store);
    let pairs = bytes.chunks_exact(2);
    pairs.map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

/// Runs `pipelines/NAME.launch` on a file, and gives its store.
fn indexed(folder: &TempDir, name: &str, source: &Path) -> PathBuf {
    let store = folder.path().join("a.zarr");
    let settings = [
        set("source.location", source),
        set("indexer.location", &store),
    ];
    launch(name, &settings);
    store
}

fn encoded(name: &str, source: &Recipe) -> Value {
    let folder = TempDir::new().expect("a folder");
    link(&indexed(&folder, name, &source.path()))
}

#[test]
fn a_wav_file_is_encoded_into_a_store() {
    let link = encoded("wav-to-store", &media::WAV);
    assert_eq!(link["samples"], 96_000);
    assert_eq!(link["attributes"]["channels"], 2);
    assert_eq!(link["certified"], false);
}

#[test]
fn a_flac_file_is_encoded_into_a_store() {
    let link = encoded("flac-to-store", &media::FLAC);
    let samples = link["samples"].as_i64().expect("a number");
    assert!((samples - 144_000).abs() < 100, "{samples}");
}

#[test]
fn an_mp3_file_is_encoded_into_a_certified_store() {
    let link = encoded("mp3-to-store", &media::MP3);
    let samples = link["samples"].as_i64().expect("a number");
    // Decoders of MP3 leave some thousand samples at the ends, or take them off.
    assert!((samples - 144_000).abs() < 5_000, "{samples}");
    assert_eq!(link["certified"], true);
}

#[test]
fn of_ultrasound_the_audible_part_is_encoded() {
    let folder = TempDir::new().expect("a folder");
    let store = indexed(&folder, "ultrasonic-to-store", &media::WAV_384.path());
    assert_eq!(link(&store)["samples"], 48_000);
    // A sine of 0.3 is left of two.
    let heard = samples(&store, 24_000, 48_000);
    let power: f64 = heard
        .iter()
        .map(|&s| (f64::from(s) / 32768.0).powi(2))
        .sum();
    let level = (power / heard.len() as f64).sqrt();
    assert!((level - 0.3 / 2f64.sqrt()).abs() < 0.01, "{level}");
}

#[test]
fn opus_in_matroska_is_indexed_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    for source in [opus::WEBM_ODD, opus::MKVMERGE] {
        let store = indexed(&folder, "mkv-to-store", &source.path());
        let (link, probes) = (link(&store), probe(&source.path()));
        let packets = &probes[0].packets;
        assert_eq!(link["packets"], packets.len());
        assert_eq!(link["bytes"], packets.iter().map(|p| p.size).sum::<usize>());
        assert_eq!(link["samples"], 100_003, "{}", source.name);
        std::fs::remove_dir_all(&store).expect("the store is removed");
    }
}

#[test]
fn live_sound_is_recorded_to_a_store() {
    let folder = TempDir::new().expect("a folder");
    let store = folder.path().join("live.zarr");
    let settings = [
        set("indexer.location", &store),
        "microphone.num-buffers=50".to_owned(),
    ];
    launch("live-to-store", &settings);
    let link = link(&store);
    assert_eq!(link["samples"], 48_000);
    assert_eq!(link["attributes"]["channels"], 1);
}

#[test]
fn a_range_of_a_store_becomes_a_wav_file() {
    let folder = TempDir::new().expect("a folder");
    let (store, file) = (folder.path().join("a.zarr"), folder.path().join("a.wav"));
    let output = format!("--output={}", store.display());
    tool(&["index", &output], &opus::CELT.path());
    let settings = [set("source.location", &store), set("file.location", &file)];
    launch("store-to-wav", &settings);
    let wav = std::fs::read(&file).expect("the file is there");
    let expected = samples(&store, 48_000, 96_000);
    let expected: Vec<u8> = expected.into_iter().flat_map(i16::to_le_bytes).collect();
    assert_eq!(expected.len(), 48_000 * 2 * 2);
    let position = wav.windows(4).position(|id| id == b"data");
    let data = &wav[position.expect("a chunk of samples") + 4..];
    let (length, data) = data.split_at(4);
    assert_eq!(length, 192_000u32.to_le_bytes());
    assert!(data[..192_000] == expected);
}
