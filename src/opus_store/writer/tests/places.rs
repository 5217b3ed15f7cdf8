//! What may be where a store is to be.

use std::fs;
use std::path::Path;

use super::view::Seen;
use super::{packet, start};
use crate::opus::Clip;
use crate::opus_store::arrays::ZarrFormat;
use crate::opus_store::error::StoreError;
use crate::opus_store::writer::{Options, StoreWriter};

const OVERWRITE: Options = Options {
    overwrite: true,
    ..KEEP
};
const KEEP: Options = Options {
    overwrite: false,
    format: ZarrFormat::V3,
    index_compression: crate::opus_store::arrays::Compression::None,
    pcm_hash: false,
    fsync: false,
};

/// Writes a store of so many packets.
pub(super) fn write(path: &Path, options: Options, packets: u64) {
    let mut writer = StoreWriter::create(path, options).unwrap();
    writer.begin(start(2)).unwrap();
    for number in 0..packets {
        writer.packet(&packet(number), Clip::default()).unwrap();
    }
    writer.finish().unwrap();
}

/// Names in a folder, hidden ones included.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn refusal(path: &Path, options: Options) -> String {
    match StoreWriter::create(path, options) {
        Err(error @ StoreError::Exists { .. }) => error.to_string(),
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("{} is replaced", path.display()),
    }
}

#[test]
fn what_exists_is_refused_without_overwrite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.zarr");
    write(&path, KEEP, 3);
    let message = refusal(&path, KEEP);
    assert!(
        message.ends_with("store.zarr exists; it is replaced only with overwrite"),
        "{message}"
    );
    assert_eq!(Seen::link(&path, 0).unwrap().rows.len(), 3);
}

#[test]
fn overwrite_replaces_a_store_of_either_format() {
    for before in [ZarrFormat::V3, ZarrFormat::V2] {
        for after in [ZarrFormat::V3, ZarrFormat::V2] {
            for fsync in [false, true] {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("store.zarr");
                let options = |format| Options {
                    format,
                    fsync,
                    ..OVERWRITE
                };
                write(&path, options(before), 30);
                write(&path, options(after), 3);
                let seen = Seen::link(&path, 0).unwrap();
                assert_eq!((seen.format, seen.rows.len()), (after, 3));
                assert_eq!(names(folder.path()), ["store.zarr"]);
                // Nothing of the other format stays.
                let is_v3 = after == ZarrFormat::V3;
                assert_eq!(path.join("zarr.json").exists(), is_v3);
                assert_eq!(path.join(".zgroup").exists(), !is_v3);
            }
        }
    }
}

#[test]
fn the_store_that_is_replaced_stays_until_the_new_one_begins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.zarr");
    write(&path, KEEP, 3);
    let mut writer = StoreWriter::create(&path, OVERWRITE).unwrap();
    assert_eq!(Seen::link(&path, 0).unwrap().rows.len(), 3);
    assert_eq!(names(folder.path()), ["store.zarr"]);
    // libopus decodes no family 3: the new store does not begin.
    let mut ambisonics = start(4);
    ambisonics.head.mapping = crate::opus::Mapping::Table {
        family: 3,
        streams: 4,
        coupled: 0,
        channels: vec![0, 1, 2, 3],
    };
    writer.options.pcm_hash = true;
    writer.begin(ambisonics).unwrap_err();
    drop(writer);
    assert_eq!(Seen::link(&path, 0).unwrap().rows.len(), 3);
    assert_eq!(names(folder.path()), ["store.zarr"]);
}

#[test]
fn nothing_but_a_store_of_opus_packets_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thing");
    let with = |metadata: &str| {
        fs::create_dir(&path).unwrap();
        fs::write(path.join("zarr.json"), metadata).unwrap();
    };
    let make: [&dyn Fn(); 6] = [
        &|| fs::write(&path, "a file").unwrap(),
        &|| fs::create_dir(&path).unwrap(),
        &|| with("not JSON"),
        &|| with(r#"{"zarr_format": 3, "node_type": "group", "attributes": {}}"#),
        &|| with(r#"{"zarr_format": 3, "node_type": "group", "attributes": {"codec": "opus"}}"#),
        &|| {
            with(
                r#"{"zarr_format": 3, "node_type": "group",
                    "attributes": {"codec": "flac", "spec_version": "1.0"}}"#,
            );
        },
    ];
    for make in make {
        make();
        let message = refusal(&path, OVERWRITE);
        assert!(message.contains("is no store of Opus packets"), "{message}");
        refusal(&path, KEEP);
        assert_eq!(names(folder.path()), ["thing"]);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            assert_eq!(fs::read(&path).unwrap(), b"a file");
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn of_a_symbolic_link_the_store_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    let link = folder.path().join("link.zarr");
    std::os::unix::fs::symlink("real/store.zarr", &link).unwrap();
    refusal(&link, KEEP);
    // It leads nowhere.
    assert!(StoreWriter::create(&link, OVERWRITE).is_err());
    write(&real.join("store.zarr"), KEEP, 30);
    write(&link, OVERWRITE, 3);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(Seen::link(&link, 0).unwrap().rows.len(), 3);
    assert_eq!(names(&real), ["store.zarr"]);
}

#[test]
fn a_folder_that_is_not_there_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/store.zarr");
    let Err(StoreError::Io { error, .. }) = StoreWriter::create(&path, KEEP) else {
        panic!("no error of the operating system");
    };
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn what_comes_to_be_there_meanwhile_is_not_replaced() {
    for overwrite in [KEEP, OVERWRITE] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.zarr");
        let mut writer = StoreWriter::create(&path, overwrite).unwrap();
        write(&path, KEEP, 3);
        let error = writer.begin(start(2)).unwrap_err();
        assert!(matches!(error, StoreError::Exists { .. }), "{error}");
        assert_eq!(Seen::link(&path, 0).unwrap().rows.len(), 3);
        assert_eq!(names(folder.path()), ["store.zarr"]);
    }
}

#[test]
fn somebody_elses_folder_of_the_temporary_name_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.zarr");
    let theirs = folder.path().join(".store.zarr.new");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("letter"), "to whom it may concern").unwrap();
    assert!(StoreWriter::create(&path, KEEP).is_err());
    assert!(theirs.join("letter").exists());
}
