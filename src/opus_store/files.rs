//! Files of a Zarr store that are whole at any moment: written beside, then renamed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zarrs::storage::{
    Bytes, OffsetBytesIterator, StorageError, StoreKey, StorePrefix, WritableStorageTraits,
};

/// Blocks of zeros at a value's end are a hole of the file: the size of a block of file systems.
const HOLE: usize = 4096;
/// As much of nothing.
pub(super) const ZEROS: [u8; HOLE] = [0; HOLE];

/// A folder to which keys are written, each in one step.
///
/// A reader sees of every key the old value or the new one, never a part: [`set`](WritableStorageTraits::set) writes
/// `.KEY.partial` in the key's folder and renames it. All writers of a key use one
/// temporary name, so that what a killed one left is overwritten. Zeros at the end of a value are a hole in its file: a chunk of
/// 4 MiB with 10 kB in it takes 10 kB of disk and of writing.
///
/// Without `fsync` this is proof against the end of the process, with it against the end of power as well.
#[derive(Debug, Clone)]
pub struct AtomicFiles {
    folder: PathBuf,
    fsync: bool,
}

impl AtomicFiles {
    /// Keys in `folder`, which need not exist yet. With `fsync` a key is on the medium before it is renamed, and its name
    /// before `set` returns.
    pub fn new(folder: impl Into<PathBuf>, fsync: bool) -> Self {
        let folder = folder.into();
        Self { folder, fsync }
    }

    pub(super) fn path(&self, key: &StoreKey) -> PathBuf {
        self.folder.join(key.as_str())
    }

    /// Writes a whole file.
    fn replace(&self, path: &Path, value: &[u8]) -> io::Result<()> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(".partial");
        let temporary = folder.join(temporary);
        let file = match File::create(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.create_folders(folder)?;
                File::create(&temporary)?
            }
            created => created?,
        };
        let written = self
            .fill(file, value)
            .and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        self.sync_folder(folder)
    }

    fn fill(&self, mut file: File, value: &[u8]) -> io::Result<()> {
        let hole: usize = value
            .chunks(HOLE)
            .rev()
            .take_while(|block| ZEROS.starts_with(block))
            .map(<[u8]>::len)
            .sum();
        let data = value.len().saturating_sub(hole);
        file.write_all(value.get(..data).unwrap_or(value))?;
        if hole > 0 {
            file.set_len(value.len() as u64)?;
        }
        if self.fsync {
            file.sync_data()?;
        }
        Ok(())
    }

    fn create_folders(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        folder
            .ancestors()
            .skip(1)
            .take_while(|above| above.starts_with(&self.folder))
            .try_for_each(|above| self.sync_folder(above))
    }

    /// The names in it are on the medium.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if self.fsync {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// An error of the operating system with the path that it lacks.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}")]
pub(super) struct PathError {
    pub path: PathBuf,
    pub error: io::Error,
}

fn at(path: &Path, error: io::Error) -> StorageError {
    let path = path.to_owned();
    io::Error::new(error.kind(), PathError { path, error }).into()
}

/// What is not there is gone already.
fn gone(path: &Path, removed: io::Result<()>) -> Result<(), StorageError> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path, error)),
        _ => Ok(()),
    }
}

impl WritableStorageTraits for AtomicFiles {
    fn set(&self, key: &StoreKey, value: Bytes) -> Result<(), StorageError> {
        let path = self.path(key);
        self.replace(&path, &value)
            .map_err(|error| at(&path, error))
    }

    /// Not here: a part written in place is no value, neither old nor new.
    fn set_partial_many(
        &self,
        key: &StoreKey,
        _offset_values: OffsetBytesIterator,
    ) -> Result<(), StorageError> {
        Err(StorageError::Unsupported(format!(
            "{key} is written whole or not at all"
        )))
    }

    fn erase(&self, key: &StoreKey) -> Result<(), StorageError> {
        let path = self.path(key);
        gone(&path, fs::remove_file(&path))
    }

    fn erase_prefix(&self, prefix: &StorePrefix) -> Result<(), StorageError> {
        let path = self.folder.join(prefix.as_str());
        gone(&path, fs::remove_dir_all(&path))
    }

    fn supports_set_partial(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn key(name: &str) -> StoreKey {
        StoreKey::new(name).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_key_is_written_beside_and_renamed() {
        for fsync in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let files = AtomicFiles::new(folder.path(), fsync);
            files.set(&key("a/c/0"), "old".into()).unwrap();
            let path = folder.path().join("a/c/0");
            let before = File::open(&path).unwrap();
            files.set(&key("a/c/0"), "new value".into()).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new value");
            // Who has the old file open keeps it.
            assert_eq!(io::read_to_string(before).unwrap(), "old");
            assert_eq!(names(&folder.path().join("a/c")), ["0"]);
        }
    }

    #[test]
    fn a_temporary_key_of_a_killed_writer_is_used_up() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".0.partial"), "longer than the value").unwrap();
        let files = AtomicFiles::new(folder.path(), false);
        files.set(&key("0"), "value".into()).unwrap();
        assert_eq!(names(folder.path()), ["0"]);
        assert_eq!(fs::read(folder.path().join("0")).unwrap(), b"value");
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_value_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("0/in the way")).unwrap();
        let files = AtomicFiles::new(folder.path(), false);
        let error = files.set(&key("0"), "value".into()).unwrap_err();
        let path = folder.path().join("0");
        assert!(error.to_string().starts_with(path.to_str().unwrap()));
        assert_eq!(names(folder.path()), ["0"]);
    }

    #[test]
    fn zeros_at_the_end_take_no_disk() {
        let folder = tempfile::tempdir().unwrap();
        let files = AtomicFiles::new(folder.path(), false);
        for data in [0, 1, HOLE - 1, HOLE, 10_000] {
            let mut value = vec![7; data];
            value.resize(4 << 20, 0);
            files.set(&key("0"), value.clone().into()).unwrap();
            let path = folder.path().join("0");
            assert_eq!(fs::read(&path).unwrap(), value, "{data} bytes of data");
            let on_disk = fs::metadata(&path).unwrap().blocks() * 512;
            assert!(on_disk < 64 << 10, "{data} bytes take {on_disk}");
        }
    }

    #[test]
    fn zeros_within_a_value_stay_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let files = AtomicFiles::new(folder.path(), false);
        for length in [0, 1, HOLE - 1, HOLE + 1, 5 * HOLE, 5 * HOLE + 3] {
            let mut value = vec![0; length];
            if let Some(middle) = value.get_mut(length / 2) {
                *middle = 1;
            }
            files.set(&key("0"), value.clone().into()).unwrap();
            assert_eq!(fs::read(folder.path().join("0")).unwrap(), value);
        }
    }

    #[test]
    fn what_is_erased_is_gone_and_may_be_gone_before() {
        let folder = tempfile::tempdir().unwrap();
        let files = AtomicFiles::new(folder.path(), false);
        files.set(&key("a/0"), "value".into()).unwrap();
        files.set(&key("b"), "value".into()).unwrap();
        for _ in 0..2 {
            files.erase(&key("b")).unwrap();
            files
                .erase_prefix(&StorePrefix::new("a/").unwrap())
                .unwrap();
        }
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_part_of_a_key_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let files = AtomicFiles::new(folder.path(), false);
        files.set(&key("0"), "value".into()).unwrap();
        files.set_partial(&key("0"), 1, "x".into()).unwrap_err();
        assert_eq!(fs::read(folder.path().join("0")).unwrap(), b"value");
    }
}
