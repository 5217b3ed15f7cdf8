//! Where a store comes to be: beside its path, until it can be read there.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zarrs::filesystem::FilesystemStore;

use crate::opus::attributes::CODEC;
use crate::opus_store::arrays::read_attributes;
use crate::opus_store::error::StoreError;

/// A path at which a store may be put.
///
/// The store is begun in a folder beside it, `.NAME.new`, and appears at the path in one step, with its groups and arrays:
/// no reader meets half of them. The store that it replaces stays until then. A writer that is killed in between leaves at
/// most that folder, or the old store as `.NAME.old`; the next one that replaces a store there removes them.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// There is a store that is to go.
    replaces: bool,
}

impl Place {
    /// A path where nothing is, or, with `overwrite`, where a store of Opus packets is.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where something else is; [`StoreError::Io`] where nothing can be put.
    pub fn new(path: &Path, overwrite: bool) -> Result<Self, StoreError> {
        let exists = |why| StoreError::Exists {
            path: path.into(),
            why,
        };
        let place = match fs::symlink_metadata(path) {
            Ok(_) if !overwrite => return Err(exists("; it is replaced only with overwrite")),
            // Of a link the folder is replaced, not the link.
            Ok(_) => Self {
                path: fs::canonicalize(path).map_err(|error| at(path, error))?,
                replaces: true,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self {
                path: std::path::absolute(path).map_err(|error| at(path, error))?,
                replaces: false,
            },
            Err(error) => return Err(at(path, error)),
        };
        if place.replaces && !is_store(&place.path) {
            return Err(exists(
                " and is no store of Opus packets: it is not replaced",
            ));
        }
        // What can't be written is better known now than after the first packets.
        let staging = place.stage()?;
        fs::remove_dir(&staging).map_err(|error| at(&staging, error))?;
        Ok(place)
    }

    /// A new folder to begin the store in.
    pub fn stage(&self) -> Result<PathBuf, StoreError> {
        let staging = self.beside("new")?;
        discard(&staging)?;
        fs::create_dir(&staging).map_err(|error| at(&staging, error))?;
        Ok(staging)
    }

    /// Puts the store begun in `staging` at its path, in place of the one that is there, and gives the path.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when something has come to be there meanwhile. `staging` is removed then.
    pub fn settle(&self, staging: &Path, fsync: bool) -> Result<&Path, StoreError> {
        let old = self.beside("old")?;
        if self.replaces {
            discard(&old)?;
            fs::rename(&self.path, &old).map_err(|error| at(&self.path, error))?;
            // Hours may have passed since it was looked at.
            if !is_store(&old) {
                fs::rename(&old, &self.path).map_err(|error| at(&old, error))?;
                remove(staging);
                return Err(StoreError::Exists {
                    path: self.path.clone(),
                    why: ", and since the writer began it is no store of Opus packets: it is not replaced",
                });
            }
        }
        if let Err(error) = self.put(staging) {
            // The first error is the one to tell.
            if self.replaces {
                let _ = fs::rename(&old, &self.path);
            }
            remove(staging);
            return Err(error);
        }
        if let (true, Some(above)) = (fsync, self.path.parent()) {
            File::open(above)
                .and_then(|above| above.sync_all())
                .map_err(|error| at(above, error))?;
        }
        if self.replaces {
            fs::remove_dir_all(&old).map_err(|error| at(&old, error))?;
        }
        Ok(&self.path)
    }

    fn put(&self, staging: &Path) -> Result<(), StoreError> {
        if fs::symlink_metadata(&self.path).is_ok() {
            return Err(StoreError::Exists {
                path: self.path.clone(),
                why: " since the writer began",
            });
        }
        fs::rename(staging, &self.path).map_err(|error| at(&self.path, error))
    }

    /// `.NAME.what` in the same folder.
    fn beside(&self, what: &str) -> Result<PathBuf, StoreError> {
        let Some(name) = self.path.file_name() else {
            return Err(at(&self.path, io::ErrorKind::InvalidFilename.into()));
        };
        let mut beside = OsString::from(".");
        beside.push(name);
        beside.push(".");
        beside.push(what);
        Ok(self.path.with_file_name(beside))
    }
}

/// Removes what a killed writer left.
fn discard(left: &Path) -> Result<(), StoreError> {
    let removed = if is_store(left) || is_begun(left) {
        fs::remove_dir_all(left)
    } else {
        // Somebody else's, unless it is not there.
        fs::remove_dir(left)
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(left, error)),
        _ => Ok(()),
    }
}

/// Whether a folder holds nothing but the beginning of a group.
fn is_begun(folder: &Path) -> bool {
    const NAMES: [&str; 6] = [
        "zarr.json",
        ".zgroup",
        ".zattrs",
        ".zarr.json.partial",
        "..zgroup.partial",
        "..zattrs.partial",
    ];
    fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .all(|name| name.is_ok_and(|name| NAMES.iter().any(|known| name == *known)))
    })
}

/// Whether a folder has the attributes of a store of Opus packets, of whatever version.
fn is_store(folder: &Path) -> bool {
    let attributes = FilesystemStore::new(folder)
        .ok()
        .and_then(|store| read_attributes(Arc::new(store), "").ok().flatten());
    attributes.is_some_and(|(_, attributes)| {
        attributes.get("codec").is_some_and(|codec| codec == CODEC)
            && attributes.contains_key("spec_version")
    })
}

fn at(path: &Path, error: io::Error) -> StoreError {
    StoreError::Io {
        path: path.into(),
        error,
    }
}

/// Removes the folder of a store that was begun in vain.
pub(super) fn remove(staging: &Path) {
    // An error has brought this about, and is the one to tell.
    let _ = fs::remove_dir_all(staging);
}
