//! Files and folders that appear under their name when they are complete.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// Links that are followed from name to name, as many as Linux follows.
const MOST_LINKS: usize = 40;

/// Something that is being written, under its name and `.part`. What is not committed is removed.
#[derive(Debug)]
pub struct Partial {
    path: PathBuf,
    partial: PathBuf,
    kind: Kind,
    committed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// A device, a pipe and the like, which stays what it is: it is written under its own name.
    Direct,
}

impl Partial {
    /// A file beside what may be there already, open for writing. What is no regular file is written directly.
    pub fn file(path: &Path) -> Outcome<(Self, File)> {
        let refused = |error: io::Error| Failure::open(path, &error);
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            let file = File::options().write(true).open(path).map_err(refused)?;
            let path = path.to_owned();
            return Ok((Self::new(path.clone(), path, Kind::Direct), file));
        }
        let path = target(path).map_err(refused)?;
        let partial = name(&path)?;
        let file = create(&partial).map_err(|error| Failure::open(&partial, &error))?;
        Ok((Self::new(path, partial, Kind::File), file))
    }

    /// A new folder.
    pub fn folder(path: &Path) -> Outcome<Self> {
        let path = target(path).map_err(|error| Failure::open(path, &error))?;
        let partial = name(&path)?;
        fs::create_dir(&partial).map_err(|error| Failure::open(&partial, &error))?;
        Ok(Self::new(path, partial, Kind::Folder))
    }

    fn new(path: PathBuf, partial: PathBuf, kind: Kind) -> Self {
        Self {
            path,
            partial,
            kind,
            committed: false,
        }
    }

    /// Where it is being written.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// It is complete: gives it its name.
    pub fn commit(&mut self) -> Outcome {
        if self.kind != Kind::Direct {
            fs::rename(&self.partial, &self.path)
                .map_err(|error| Failure::open(&self.path, &error))?;
        }
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
        let _ = match self.kind {
            Kind::File => fs::remove_file(&self.partial),
            Kind::Folder => fs::remove_dir_all(&self.partial),
            Kind::Direct => Ok(()),
        };
    }
}

/// What a symbolic link stands for, which need not be there yet: the link stays a link.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if !path.is_symlink() {
            return Ok(path);
        }
        let next = fs::read_link(&path)?;
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    // More links than that are an error of the system's, too.
    path.metadata().map(|_| path)
}

/// A new file, in the place of one that an earlier run has left.
fn create(partial: &Path) -> io::Result<File> {
    let create = || File::options().write(true).create_new(true).open(partial);
    match create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !fs::symlink_metadata(partial)?.is_file() {
                return Err(io::Error::new(
                    error.kind(),
                    "found something that is no regular file, expected nothing there",
                ));
            }
            fs::remove_file(partial)?;
            create()
        }
        created => created,
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

    #[test]
    fn what_an_earlier_run_has_left_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let [path, left, other] = ["a", "a.part", "other"].map(|name| folder.path().join(name));
        fs::write(&left, "left").unwrap();
        Partial::file(&path).unwrap().0.commit().unwrap();
        assert_eq!((fs::read(&path).unwrap(), left.exists()), (vec![], false));
        fs::write(&other, "other").unwrap();
        std::os::unix::fs::symlink(&other, &left).unwrap();
        assert!(Partial::file(&path).is_err());
        assert_eq!(fs::read(&other).unwrap(), b"other");
        assert!(left.is_symlink());
    }

    #[test]
    fn links_stay_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("real")).unwrap();
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, at(name)).unwrap();
        link("second", "first");
        link("real/a", "second");
        // Nothing is there at first.
        for text in ["one", "two"] {
            let (mut partial, mut file) = Partial::file(&at("first")).unwrap();
            assert_eq!(partial.partial(), at("real/a.part"));
            io::Write::write_all(&mut file, text.as_bytes()).unwrap();
            partial.commit().unwrap();
            assert_eq!(fs::read_to_string(at("real/a")).unwrap(), text);
            assert!(at("first").is_symlink() && at("second").is_symlink());
        }
        link("ring", "ring");
        assert!(Partial::file(&at("ring")).is_err());
    }

    #[test]
    fn what_is_no_file_is_written_directly() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        // Both ends, so that no open waits.
        let _ends = File::options().read(true).write(true).open(&pipe).unwrap();
        let (mut partial, _) = Partial::file(&pipe).unwrap();
        assert_eq!(partial.partial(), pipe);
        partial.commit().unwrap();
        drop(Partial::file(&pipe).unwrap());
        assert!(std::os::unix::fs::FileTypeExt::is_fifo(
            &pipe.metadata().unwrap().file_type()
        ));
        assert!(Partial::file(folder.path()).is_err());
    }
}
