//! The independent version 1 reader (tests/python/v1_reader.py), called as a program.

use std::path::Path;
use std::process::{Command, Output};

fn call(path: &Path, hashed: bool) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/v1_reader.py");
    let mut command = Command::new("python3");
    command.arg(script);
    if !hashed {
        command.arg("--no-hash");
    }
    command.arg(path).output().expect("python3 runs")
}

/// What a version 1 reader sees of the file, in the fields of the vectors' `NAME.json`; `hashed` adds
/// `payload_sha256` to each block. A file that it refuses fails the test.
pub fn read(path: &Path, hashed: bool) -> serde_json::Value {
    let output = call(path, hashed);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "not a version 1 file: {errors}");
    serde_json::from_slice(&output.stdout).expect("the reader prints JSON")
}

/// Why a version 1 reader refuses the file.
pub fn refusal(path: &Path) -> String {
    let output = call(path, false);
    assert!(
        !output.status.success(),
        "a version 1 reader accepts {}",
        path.display()
    );
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The CORE chunks of what [`read`] returned, those of `track_id` or of all tracks.
pub fn blocks(file: &serde_json::Value, track_id: Option<u64>) -> Vec<&serde_json::Value> {
    let chunks = file["chunks"].as_array().expect("a list of chunks");
    let wanted = |c: &&serde_json::Value| {
        c["type"] == "CORE" && track_id.is_none_or(|id| c["track_id"] == id)
    };
    chunks.iter().filter(wanted).collect()
}
