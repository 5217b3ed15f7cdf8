//! Indexes that are made again.

use std::fs;
use std::path::Path;

use gstharmony::opus::Row;
use gstharmony::opus_store::check::check;
use gstharmony::opus_store::rebuild::{Rebuilt, rebuild};
use gstharmony::opus_store::{Compression, OpusStore, StoreError, ZarrFormat};
use serde_json::json;

use crate::made::{KINDS, Made, Store};

const COUNT: usize = 3000;
/// Where the new index is written, and where the old one is until the attributes tell of the new one.
const REBUILT: &str = ".opus_index.rebuilt";
const REPLACED: &str = ".opus_index.replaced";

fn run(store: &Store) -> Result<Rebuilt, StoreError> {
    rebuild(&store.path(), &mut |_, _| {})
}

/// The store has these rows, and nothing is wrong with it or left over.
fn is_whole(store: &Store, rows: &[Row]) {
    let path = store.path();
    let report = check(&path, false, &mut |_, _| {}).unwrap();
    assert!(report.is_good(), "{:?}", report.problems);
    let opened = OpusStore::open(&path).unwrap();
    assert!(opened.info().sample_index);
    assert_eq!(opened.rows(0..rows.len() as u64).unwrap(), rows);
    assert!(
        names(&path)
            .iter()
            .all(|name| !name.contains(".opus_index")),
        "{:?}",
        names(&path)
    );
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All files of a store with their bytes.
fn files(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for name in names(path) {
        let path = path.join(&name);
        if path.is_dir() {
            let inner = files(&path).into_iter();
            all.extend(inner.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            all.push((name, fs::read(path).unwrap()));
        }
    }
    all
}

#[test]
fn an_index_of_lengths_alone_gets_all_columns() {
    for kind in KINDS {
        for fields in [
            vec!["byte_len"],
            vec!["byte_pos", "byte_len"],
            vec!["sample_count", "byte_len"],
        ] {
            let made = Made {
                fields,
                ..Made::of(COUNT).kind(kind)
            };
            let rows = made.rows();
            let store = made.write();
            let before = OpusStore::open(store.path()).unwrap().info();
            let rebuilt = run(&store).unwrap();
            assert_eq!((rebuilt.links, rebuilt.packets), (1, COUNT as u64));
            assert_eq!(rebuilt.samples, rows.last().unwrap().cum_end + 1);
            is_whole(&store, &rows);
            let after = OpusStore::open(store.path()).unwrap().info();
            assert_eq!((after.format, after.index_compression), kind);
            assert_eq!(after.pcm_samples, before.pcm_samples);
        }
    }
}

#[test]
fn columns_that_are_damaged_are_made_again() {
    let made = Made::of(COUNT);
    let rows = made.rows();
    let store = made.write();
    for (packet, field) in [(0, 0), (0, 3), (17, 2), (1500, 4), (2999, 0), (2999, 4)] {
        store.cell(packet, field, u64::MAX - packet as u64);
    }
    store.attribute("total_samples", json!(3));
    store.attribute("modes_seen", json!([]));
    store.attribute("recommended_preroll_ms", json!(1));
    store.attribute("recorded_at", json!("Helsinki"));
    run(&store).unwrap();
    is_whole(&store, &rows);
    let attributes = OpusStore::open(store.path()).unwrap().attributes();
    assert_eq!(attributes.recommended_preroll_ms, 1200);
    store.edit("zarr.json", |json| {
        assert_eq!(
            json["attributes"]["recorded_at"], "Helsinki",
            "what it does not know stays"
        );
    });
}

#[test]
fn a_store_without_an_index_or_a_part_of_it_can_not_be_rebuilt() {
    let store = Made::of(COUNT).write();
    store.remove("opus_index/c/1/0");
    let before = files(&store.path());
    match run(&store).unwrap_err() {
        StoreError::MissingChunk { array, chunk } => {
            assert_eq!(
                (array.as_str(), chunk.as_str()),
                ("opus_index", "opus_index/c/1/0")
            );
        }
        error => panic!("{error}"),
    }
    assert_eq!(files(&store.path()), before, "it stays as it was");
    fs::remove_dir_all(store.path().join("opus_index")).unwrap();
    let error = run(&store).unwrap_err();
    assert!(matches!(error, StoreError::NoIndex { .. }));
    assert!(
        error
            .to_string()
            .contains("packets can't be told apart without it"),
        "{error}"
    );
}

#[test]
fn lengths_that_do_not_cut_the_bytes_into_packets_change_nothing() {
    let made = Made::of(COUNT);
    let (len, last) = (made.packets[1000].len() as u64, COUNT - 1);
    for (packet, value) in [
        (1000, 0),
        (1000, len + 1),
        (1000, u64::MAX),
        (last, 1 << 40),
        (last, 1 + len),
    ] {
        let store = made.write();
        store.cell(packet, 1, value);
        let before = files(&store.path());
        let error = run(&store).unwrap_err();
        assert!(!error.to_string().is_empty());
        assert_eq!(
            files(&store.path()),
            before,
            "packet {packet}, {value}: {error}"
        );
    }
    let store = made.write();
    store.remove("opus_packets/c/2");
    assert!(matches!(run(&store), Err(StoreError::MissingChunk { .. })));
}

#[test]
fn packets_behind_the_committed_ones_are_left_out() {
    let made = Made {
        committed: 2000,
        complete: false,
        fields: vec!["byte_len"],
        ..Made::of(COUNT)
    };
    let store = made.write();
    assert_eq!(run(&store).unwrap().packets, 2000);
    is_whole(&store, &made.rows()[..2000]);
}

#[test]
fn every_link_is_rebuilt() {
    let short = |count| Made {
        fields: vec!["byte_len"],
        ..Made::of(count)
    };
    let store = short(10).write();
    short(900).write_to(&store.path().join("link_1"));
    store.attribute("links", json!(2));
    assert_eq!(run(&store).unwrap().packets, 910);
    let link = OpusStore::open_link(store.path(), 1).unwrap();
    assert!(link.info().sample_index);
    assert_eq!(link.rows(0..900).unwrap(), short(900).rows());
    assert_eq!(link.links(), 2);
}

#[test]
fn a_rebuild_goes_on_where_one_was_killed() {
    for format in [ZarrFormat::V3, ZarrFormat::V2] {
        for fields in [vec!["byte_len"], Row::FIELDS.to_vec()] {
            let made = Made {
                fields,
                ..Made::of(COUNT).kind((format, Compression::None))
            };
            let rows = made.rows();
            let done = made.write();
            run(&done).unwrap();
            let new = done.path();
            // In the midst of writing, between the renames, behind them, and behind the attributes.
            for step in 0..4 {
                let store = made.write();
                let old = store.path();
                let rename = |from: &Path, to| fs::rename(from, old.join(to)).unwrap();
                match step {
                    0 => {
                        copy(&new.join("opus_index"), &old.join(REBUILT));
                        fs::remove_dir_all(old.join(REBUILT).join("c")).unwrap_or_default();
                    }
                    1 => {
                        copy(&new.join("opus_index"), &old.join(REBUILT));
                        rename(&old.join("opus_index"), REPLACED);
                    }
                    _ => {
                        rename(&old.join("opus_index"), REPLACED);
                        copy(&new.join("opus_index"), &old.join("opus_index"));
                    }
                }
                if step == 3 {
                    for name in ["zarr.json", ".zattrs"] {
                        let _ = fs::copy(new.join(name), old.join(name));
                    }
                }
                run(&store).unwrap_or_else(|error| panic!("step {step}: {error}"));
                is_whole(&store, &rows);
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}
