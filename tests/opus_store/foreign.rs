//! What is no store, a store of another version, and attributes that no writer writes.

use std::fs;
use std::path::Path;

use gstharmony::opus_store::{OpusStore, StoreError};
use serde_json::{Value, json};

use crate::made::{KINDS, Made, put};

/// Why a path is no store.
fn why(path: &Path) -> String {
    match OpusStore::open(path).unwrap_err() {
        StoreError::NotAStore { why, .. } => why,
        error => panic!("{error}"),
    }
}

#[test]
fn what_is_no_store_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    assert_eq!(why(&path), "there is nothing");
    fs::write(&path, [0xfc; 1000]).unwrap();
    assert!(why(&path).starts_with("it is a file"));
    assert!(why(&path.join("y")).starts_with("there is nothing"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(why(&path), "the folder is empty");
    fs::write(path.join("notes.txt"), "").unwrap();
    assert_eq!(why(&path), "it has neither zarr.json nor .zgroup");
}

#[test]
fn a_foreign_zarr_is_told_apart() {
    for kind in KINDS {
        let made = Made::of(1).kind(kind);
        let folder = tempfile::tempdir().unwrap();
        made.group(folder.path(), &json!({"title": "temperatures"}));
        assert!(why(folder.path()).starts_with("it is another group of Zarr"));
        // Its arrays are no stores either.
        let store = made.write();
        let array = store.path().join("opus_index");
        assert_eq!(why(&array), "it is an array of Zarr, not a group");
    }
}

#[test]
fn another_version_is_not_read() {
    let store = Made::of(1).write();
    store.attribute("spec_version", json!("2.0"));
    match OpusStore::open(store.path()).unwrap_err() {
        StoreError::UnsupportedVersion { found, expected } => {
            assert_eq!((found.as_str(), expected), ("2.0", "1.0"));
        }
        error => panic!("{error}"),
    }
}

#[test]
fn attributes_of_a_wrong_kind_are_named() {
    for (name, value) in [
        ("spec_version", json!(1)),
        ("codec", json!("flac")),
        ("codec", json!(7)),
        ("cum_end", json!("exclusive")),
        ("timeline", json!(null)),
        ("channels", json!(300)),
        ("channels", json!(-1)),
        ("pre_skip", json!(-312)),
        ("pre_skip", json!(1e30)),
        ("pre_skip", json!(0.5)),
        ("pre_skip_source", json!("guess")),
        ("total_samples", json!("many")),
        ("committed_packets", json!(-1)),
        ("committed_packets", json!(2)),
        ("complete", json!("yes")),
        ("opus_head", json!("*")),
        ("opus_tags", json!([])),
        ("index_fields", json!("byte_len")),
        ("index_fields", json!([])),
        ("modes_seen", json!({})),
        ("links", json!(-2)),
        ("libopus_version", json!({"a": "b".repeat(1000)})),
    ] {
        let store = Made::of(1).write();
        store.attribute(name, value.clone());
        let error = OpusStore::open(store.path()).unwrap_err();
        let text = error.to_string();
        assert!(text.len() < 300, "{text}");
        match error {
            StoreError::BadAttribute { name: found, .. } => assert_eq!(found, name, "{text}"),
            // More packets than rows, or a row of no columns.
            StoreError::BadArray { .. } => assert_eq!(name, "committed_packets", "{text}"),
            _ => panic!("{name} {value}: {text}"),
        }
    }
}

#[test]
fn attributes_that_are_missing_are_named() {
    for name in [
        "cum_end",
        "channels",
        "opus_head",
        "committed_packets",
        "complete",
        "modes_seen",
    ] {
        let store = Made::of(1).write();
        store.edit("zarr.json", |json| {
            json["attributes"].as_object_mut().unwrap().remove(name);
        });
        match OpusStore::open(store.path()).unwrap_err() {
            StoreError::BadAttribute { name: found, .. } => assert_eq!(found, name),
            error => panic!("{error}"),
        }
    }
}

#[test]
fn attributes_that_lie_do_not_panic() {
    let lies = [
        json!(0),
        json!(1),
        json!(65_535),
        json!(u64::MAX / 2),
        json!(u64::MAX),
    ];
    for name in [
        "pre_skip",
        "end_trim",
        "total_samples",
        "links",
        "committed_packets",
    ] {
        for lie in &lies {
            let store = Made::of(900).write();
            store.attribute(name, lie.clone());
            for link in [0, 1, u64::MAX - 1, u64::MAX] {
                let Ok(opened) = OpusStore::open_link(store.path(), link) else {
                    continue;
                };
                let info = opened.info();
                for sample in [
                    0,
                    info.pcm_samples / 2,
                    info.pcm_samples.saturating_sub(1),
                    u64::MAX,
                ] {
                    let _ = opened.find(sample);
                    let _ = opened.find_on_timeline(sample);
                }
                let _ = opened.rows(0..info.packets.min(900));
                let _ = opened.refresh();
            }
        }
    }
}

#[test]
fn metadata_that_is_no_json_is_refused() {
    for file in [
        "zarr.json",
        "opus_index/zarr.json",
        "opus_packets/zarr.json",
    ] {
        for text in ["", "{", "[]", "null", "{\"zarr_format\": 9}", "\u{0}"] {
            let store = Made::of(1).write();
            fs::write(store.path().join(file), text).unwrap();
            let error = OpusStore::open(store.path()).unwrap_err();
            assert!(!error.to_string().is_empty());
        }
    }
    let store = Made::of(1).write();
    let deep = "[".repeat(100_000);
    fs::write(store.path().join("zarr.json"), deep).unwrap();
    assert!(OpusStore::open(store.path()).is_err());
}

#[test]
fn metadata_beyond_all_measure_is_not_read() {
    let store = Made::of(1).write();
    let file = fs::File::create(store.path().join("opus_index/zarr.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = OpusStore::open(store.path()).unwrap_err().to_string();
    assert!(error.contains("at most"), "{error}");
}

#[test]
fn links_that_are_promised_and_missing_are_refused() {
    let store = Made::of(1).write();
    store.attribute("links", json!(3));
    assert_eq!(OpusStore::open(store.path()).unwrap().links(), 3);
    let path = store.path();
    fs::create_dir(path.join("link_2")).unwrap();
    put(&path.join("link_2/zarr.json"), &Value::Null);
    for link in [1, 2] {
        assert!(OpusStore::open_link(&path, link).is_err());
    }
}
