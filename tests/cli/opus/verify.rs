//! `gst-harmony verify` of stores, and `index --rebuild`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Place, info};
use crate::common::opus;
use crate::tool::{Ran, command, tool};

fn verify(store: &Path, options: &[&str]) -> Ran {
    let mut command = command(["verify"]);
    Ran::from(command.arg(store).args(options).output().unwrap())
}

#[test]
fn sound_stores_are_good() {
    let place = Place::new();
    for source in [opus::SWITCHED, opus::SURROUND, opus::CHAIN, opus::LOST_PAGE] {
        let store = place.store(&source, &["--pcm-hash"]);
        let report = verify(&store, &["--hashes", "--json"]).json();
        assert_eq!(report["ok"], true, "{}", source.name);
        assert_eq!(report["complete"], true);
        assert_eq!(report["problems"], json!([]));
        for link in report["links"].as_array().unwrap() {
            assert_eq!(link["hashes"], "checked");
            assert_eq!(link["hashes_checked"], link["packets"]);
        }
        let gaps = report["links"][0]["gaps"].as_u64().unwrap();
        assert_eq!(
            gaps > 0,
            source.name == opus::LOST_PAGE.name,
            "{}",
            source.name
        );
    }
    let text = verify(&place.file("chain.opus.zarr"), &[]).good();
    for word in ["good", "3 links", "(--hashes)"] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

/// The byte of the first row of the index that begins a field.
fn damage(store: &Path, row: usize, field: usize, value: u64) {
    let chunk = store.join("opus_index/c/0/0");
    let mut bytes = fs::read(&chunk).unwrap();
    let at = (row * 5 + field) * 8;
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    fs::write(&chunk, bytes).unwrap();
}

#[test]
fn everything_that_is_wrong_is_told() {
    let place = Place::new();
    let store = place.store(&opus::ODD_TOOLS, &[]);
    damage(&store, 3, 2, 0);
    damage(&store, 50, 0, 7);
    let ran = verify(&store, &["--json"])
        .fails(1, &["packet 3", "sample_count", "packet 50", "byte_pos"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert!(report["problem_count"].as_u64().unwrap() >= 2, "{report}");
    fs::remove_file(store.join("opus_packets/c/0")).unwrap();
    verify(&store, &[]).fails(1, &["opus_packets", "missing"]);
}

#[test]
fn an_index_is_rebuilt() {
    let place = Place::new();
    let store = place.store(&opus::SWITCHED, &["--pcm-hash"]);
    let index = store.join("opus_index/c/0/0");
    let (before, about) = (fs::read(&index).unwrap(), info(&store));
    for row in 10..20 {
        for (field, value) in [(0, 1), (2, 0), (3, 5), (4, 4)] {
            damage(&store, row, field, value);
        }
    }
    assert_ne!(fs::read(&index).unwrap(), before);
    let told = tool([
        Path::new("index"),
        Path::new("--rebuild"),
        &store,
        Path::new("--json"),
    ])
    .json();
    assert_eq!(told["packets"], about["links"][0]["packets"]);
    assert_eq!(
        told["samples"],
        about["links"][0]["attributes"]["total_samples"]
    );
    assert_eq!(fs::read(&index).unwrap(), before);
    assert_eq!(info(&store), about);
    verify(&store, &["--hashes"]).good();
}

#[test]
fn what_is_no_store_is_named() {
    let place = Place::new();
    let folder = place.file("folder");
    fs::create_dir(&folder).unwrap();
    let name = folder.to_str().unwrap();
    for ran in [
        verify(&folder, &[]),
        tool(["info", name]),
        tool(["extract", name, "--samples", "0:1", "--format", "raw"]),
        tool(["index", "--rebuild", name]),
    ] {
        ran.fails(1, &[name, "not a store"]);
    }
    // A group of Zarr that is somebody else's.
    fs::write(
        folder.join("zarr.json"),
        r#"{"zarr_format": 3, "node_type": "group", "attributes": {"a": 1}}"#,
    )
    .unwrap();
    verify(&folder, &[]).fails(1, &[name]);
    tool(["info", "/nonexistent/store"]).fails(1, &["/nonexistent/store"]);
    let file = opus::ODD_TOOLS.path();
    verify(&file, &["--hashes"]).fails(2, &["--hashes", "folder"]);
}
