//! Files and folders that appear under their name when they are complete.

use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// Something that is being written, under its name and `.part`. What is not committed is removed.
#[derive(Debug)]
pub struct Partial {
    path: PathBuf,
    partial: PathBuf,
    folder: bool,
    committed: bool,
}

impl Partial {
    /// A file beside what may be there already, open for writing.
    pub fn file(path: &Path) -> Outcome<(Self, File)> {
        let partial = name(path)?;
        let file = File::create(&partial).map_err(|error| Failure::open(path, &error))?;
        Ok((Self::new(path, partial, false), file))
    }

    /// A new folder.
    pub fn folder(path: &Path) -> Outcome<Self> {
        let partial = name(path)?;
        fs::create_dir(&partial).map_err(|error| Failure::open(&partial, &error))?;
        Ok(Self::new(path, partial, true))
    }

    fn new(path: &Path, partial: PathBuf, folder: bool) -> Self {
        Self {
            path: path.to_owned(),
            partial,
            folder,
            committed: false,
        }
    }

    /// Where it is being written.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// It is complete: gives it its name.
    pub fn commit(&mut self) -> Outcome {
        fs::rename(&self.partial, &self.path).map_err(|error| Failure::open(&self.path, &error))?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        // The failure itself is what the user needs to know; what can't be removed is no news then.
        let _ = match self.folder {
            false => fs::remove_file(&self.partial),
            true => fs::remove_dir_all(&self.partial),
        };
    }
}

fn name(path: &Path) -> Outcome<PathBuf> {
    let Some(Component::Normal(name)) = path.components().next_back() else {
        return Err(Failure::Usage(format!(
            "{}: expected a name to write",
            path.display()
        )));
    };
    let mut name = name.to_owned();
    name.push(".part");
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_committed_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        drop(Partial::file(&path).unwrap());
        drop(Partial::folder(&folder.path().join("b")).unwrap());
        let left: Vec<_> = fs::read_dir(&folder).unwrap().collect();
        assert_eq!((left.len(), fs::read(&path).unwrap()), (1, b"old".to_vec()));
        Partial::file(&path).unwrap().0.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert!(Partial::file(Path::new("..")).is_err());
    }
}
