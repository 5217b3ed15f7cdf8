//! A file that grows as the test says, as a recording in progress does.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes a prepared file piece by piece.
pub struct GrowingFile {
    path: PathBuf,
    file: File,
    bytes: Vec<u8>,
    written: usize,
}

impl GrowingFile {
    /// An empty file at `path` that will grow to hold `bytes`.
    pub fn new(path: &Path, bytes: Vec<u8>) -> Self {
        let file = File::create(path).expect("the growing file is made");
        Self {
            path: path.to_owned(),
            file,
            bytes,
            written: 0,
        }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that the finished file will have.
    pub fn total(&self) -> usize {
        self.bytes.len()
    }

    /// Appends until the file has `length` bytes; never shrinks it.
    pub fn grow_to(&mut self, length: usize) {
        let end = length.clamp(self.written, self.bytes.len());
        self.file
            .write_all(&self.bytes[self.written..end])
            .expect("the file grows");
        self.file.flush().expect("the file is written");
        self.written = end;
    }

    /// Appends all that is left.
    pub fn finish(&mut self) {
        self.grow_to(self.bytes.len());
    }
}
