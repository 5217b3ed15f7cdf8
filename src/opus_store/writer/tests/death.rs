//! A writer that dies, or whose writes fail, after any of its operations.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use zarrs::storage::{
    Bytes, OffsetBytesIterator, StorageError, StoreKey, StorePrefix, WritableStorageTraits,
};

use super::places::{names, write};
use super::view::Seen;
use super::{SAMPLES, packet, start};
use crate::opus::Clip;
use crate::opus_store::arrays::ZarrFormat;
use crate::opus_store::error::StoreError;
use crate::opus_store::files::AtomicFiles;
use crate::opus_store::writer::{Options, StoreWriter};

/// Files, and somebody who is called before and after each operation.
struct Watched<F> {
    files: AtomicFiles,
    before: F,
}

impl<F> WritableStorageTraits for Watched<F>
where
    F: Fn(&Path, &[u8]) -> Result<(), StorageError> + Send + Sync,
{
    fn set(&self, key: &StoreKey, value: Bytes) -> Result<(), StorageError> {
        (self.before)(&self.files.path(key), &value)?;
        self.files.set(key, value)
    }

    fn set_partial_many(&self, _: &StoreKey, _: OffsetBytesIterator) -> Result<(), StorageError> {
        unreachable!("keys are written whole")
    }

    fn erase(&self, _: &StoreKey) -> Result<(), StorageError> {
        unreachable!("nothing is erased")
    }

    fn erase_prefix(&self, _: &StorePrefix) -> Result<(), StorageError> {
        unreachable!("nothing is erased")
    }

    fn supports_set_partial(&self) -> bool {
        false
    }
}

/// Packets of the links: more than a chunk in the first, of which the writer commits some before its end.
const LINKS: [u64; 2] = [10_500, 20];
const COMMITS: [u64; 2] = [1, 4000];

/// The packets of the links, made once for all that are written and looked at.
static PACKETS: LazyLock<[Vec<Vec<u8>>; 2]> = LazyLock::new(|| {
    let [first, second] = LINKS;
    [
        (0..first).map(packet).collect(),
        (first..first + second).map(packet).collect(),
    ]
});

/// What a reader may find committed of the links, in the order of writing.
fn all_commits() -> Vec<(u64, u64)> {
    let mut all = vec![(0, 0)];
    all.extend(COMMITS.map(|packets| (packets, 0)));
    all.extend([(LINKS[0], 0), (LINKS[0], LINKS[1])]);
    all
}

fn write_links(writer: &mut StoreWriter) -> Result<(), StoreError> {
    for (link, packets) in PACKETS.iter().enumerate() {
        writer.begin(start(2))?;
        for (number, packet) in (0..).zip(packets) {
            writer.packet(packet, Clip::default())?;
            if number % 1000 == 0 {
                writer.gap(number)?;
            }
            if link == 0 && COMMITS.contains(&(number + 1)) {
                writer.commit()?;
            }
        }
    }
    writer.finish().map(drop)
}

/// Looks at a store as a writer left it; gives what is committed of its links.
fn look(path: &Path) -> Option<(u64, u64)> {
    let root = Seen::link(path, 0)?;
    let links = root.attributes.links.unwrap();
    let mut committed = [0; 2];
    let seen = std::iter::once(root).chain((1..links).map(|link| Seen::link(path, link).unwrap()));
    for ((packets, seen), committed) in PACKETS.iter().zip(seen).zip(&mut committed) {
        *committed = seen.attributes.committed_packets;
        assert_eq!(seen.attributes.total_samples, *committed * SAMPLES);
        for (number, packet) in packets.iter().enumerate().take(*committed as usize) {
            assert_eq!(seen.packet(number), packet, "packet {number}");
        }
        let gaps: Vec<_> = seen.gaps.iter().map(|gap| gap.samples).collect();
        let expected: Vec<_> = (0..*committed).step_by(1000).collect();
        assert_eq!(gaps, expected);
    }
    Some(committed.into())
}

/// The folder as it is, at no cost: files are never written in place.
fn snapshot(of: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(of).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            snapshot(&entry.path(), &to);
        } else {
            fs::hard_link(entry.path(), to).unwrap();
        }
    }
}

/// Writes the links, and gives the folder as it is in the midst of each operation, the last time behind all of them.
fn snapshots(format: ZarrFormat, overwrites: bool, folder: &Path) -> Vec<PathBuf> {
    let (live, dead) = (folder.join("live"), folder.join("dead"));
    fs::create_dir(&live).unwrap();
    let path = live.join("store.zarr");
    let options = Options {
        overwrite: overwrites,
        format,
        ..Options::default()
    };
    if overwrites {
        write(&path, options, 3);
    }
    let taken = Arc::new(Mutex::new(Vec::new()));
    let take = {
        let (live, taken) = (live, taken.clone());
        move |key: Option<(&Path, &[u8])>| {
            let mut taken = taken.lock().unwrap();
            let to = dead.join(taken.len().to_string());
            snapshot(&live, &to);
            // The key that is being written is half there.
            if let Some((key, value)) = key {
                let name = key.file_name().unwrap().to_str().unwrap();
                let within = key.strip_prefix(&live).unwrap().parent().unwrap();
                let within = to.join(within);
                fs::create_dir_all(&within).unwrap();
                let partial = within.join(format!(".{name}.partial"));
                fs::write(partial, &value[..value.len() / 2]).unwrap();
            }
            taken.push(to);
        }
    };
    let take = Arc::new(take);
    let mut writer = StoreWriter::create_in(&path, options, {
        let take = take.clone();
        move |files| {
            let take = take.clone();
            let before = move |key: &Path, value: &[u8]| {
                take(Some((key, value)));
                Ok(())
            };
            Arc::new(Watched { files, before })
        }
    });
    write_links(writer.as_mut().unwrap()).unwrap();
    take(None);
    taken.lock().unwrap().clone()
}

#[test]
fn a_writer_that_dies_leaves_what_it_had_committed() {
    for format in [ZarrFormat::V3, ZarrFormat::V2] {
        for overwrites in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let snapshots = snapshots(format, overwrites, folder.path());
            assert!(snapshots.len() > 40, "{}", snapshots.len());
            let mut found = Vec::new();
            for snapshot in &snapshots {
                let path = snapshot.join("store.zarr");
                let is_old = Seen::link(&path, 0).is_some_and(|seen| seen.rows.len() == 3);
                // It comes to be there with all that belongs to it, and the old one is there until then.
                assert!(path.exists() || found.is_empty() && !overwrites);
                if path.exists() && !is_old {
                    found.push(look(&path).unwrap());
                }
            }
            // Each commit can be seen, and none is lost again.
            found.dedup();
            assert_eq!(found, all_commits());
        }
    }
}

#[test]
fn what_a_dead_writer_left_is_in_nobodys_way() {
    for format in [ZarrFormat::V3, ZarrFormat::V2] {
        for overwrites in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            for snapshot in snapshots(format, overwrites, folder.path()) {
                let path = snapshot.join("store.zarr");
                let options = Options {
                    overwrite: path.exists(),
                    format,
                    ..Options::default()
                };
                write(&path, options, 5);
                assert_eq!(names(&snapshot), ["store.zarr"]);
                assert_eq!(Seen::link(&path, 0).unwrap().rows.len(), 5);
            }
        }
    }
}

#[test]
fn a_writer_whose_storage_fails_keeps_what_is_committed_and_takes_nothing_more() {
    for format in [ZarrFormat::V3, ZarrFormat::V2] {
        let mut found = Vec::new();
        for operations in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("store.zarr");
            let options = Options {
                format,
                ..Options::default()
            };
            let done = Arc::new(AtomicU64::new(0));
            let mut writer = StoreWriter::create_in(&path, options, move |files| {
                let done = done.clone();
                let before = move |_: &Path, _: &[u8]| {
                    if done.fetch_add(1, Ordering::Relaxed) < operations {
                        return Ok(());
                    }
                    Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into())
                };
                Arc::new(Watched { files, before })
            })
            .unwrap();
            let written = write_links(&mut writer);
            if path.exists() {
                found.push(look(&path).unwrap());
            } else {
                assert!(names(folder.path()).is_empty(), "nothing was begun");
            }
            let Err(error) = written else { break };
            let StoreError::Io { error, .. } = error else {
                panic!("another error: {error}");
            };
            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
            for refused in [
                writer.packet(&packet(0), Clip::default()).map(drop),
                writer.gap(1),
                writer.commit(),
                writer.begin(start(2)),
                writer.finish().map(drop),
            ] {
                let refused = refused.unwrap_err();
                assert!(matches!(refused, StoreError::State("writing has failed")));
            }
        }
        found.dedup();
        assert_eq!(found, all_commits());
    }
}
