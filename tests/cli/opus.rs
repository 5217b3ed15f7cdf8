//! The tool's subcommands for stores of Opus packets: `index`, `info`, `verify` and `extract`.

mod extract;
mod index;
mod verify;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::opus::Opus;
use crate::tool::{Ran, command, tool};

/// A folder with stores.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The store of a file.
    fn store(&self, source: &Opus, options: &[&str]) -> PathBuf {
        let store = self.file(&format!("{}.zarr", source.name));
        index(&source.path(), &store, options).good();
        store
    }
}

fn index(input: &Path, store: &Path, options: &[&str]) -> Ran {
    let mut command = command(["index"]);
    command.arg(input).arg("--output").arg(store).args(options);
    Ran::from(command.output().unwrap())
}

fn info(store: &Path) -> Value {
    tool([Path::new("info"), Path::new("--json"), store]).json()
}

/// `extract` with these options, its standard output as bytes.
fn extracted(store: &Path, options: &[&str]) -> (Vec<u8>, Ran) {
    let output = command(["extract"])
        .arg(store)
        .args(options)
        .output()
        .unwrap();
    let bytes = output.stdout.clone();
    let ran = Ran::from(std::process::Output {
        stdout: Vec::new(),
        ..output
    });
    (bytes, ran)
}

/// What opus-tools decodes, in 16 bits and the order of the stream, or in a WAV file.
fn opusdec(source: &Opus, output: &str) -> Vec<u8> {
    let decoded = Command::new("opusdec")
        .args(["--quiet", "--no-dither"])
        .arg(source.path())
        .arg(output)
        .output()
        .unwrap();
    assert!(decoded.status.success(), "{decoded:?}");
    match output {
        "-" => decoded.stdout,
        file => std::fs::read(file).unwrap(),
    }
}
