//! Stores as Python sees them: zarr, dask and xarray in an environment of their own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// A link to read, and samples to hold its hashes against.
pub struct Job<'a> {
    pub store: &'a Path,
    pub link: u64,
    pub pcm: Option<PathBuf>,
}

impl<'a> Job<'a> {
    /// The first link of a store.
    pub fn new(store: &'a Path) -> Self {
        Self {
            store,
            link: 0,
            pcm: None,
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Python that has the readers, with a script of `tests/python`.
pub fn command(script: &str) -> Command {
    let python = root().join(".venv/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run pipelines/setup.sh",
        python.display()
    );
    let mut command = Command::new(python);
    command.arg(root().join("tests/python").join(script));
    command
}

/// What `tests/python/opus_store.py` says; a job that it has complaints about is its message.
pub fn attempt(jobs: &[Job]) -> Result<Vec<Value>, String> {
    let jobs: Vec<Value> = jobs
        .iter()
        .map(|job| json!({"store": job.store, "link": job.link, "pcm": job.pcm}))
        .collect();
    let mut child = command("opus_store.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut input = child.stdin.take().expect("a pipe");
    input
        .write_all(json!(jobs).to_string().as_bytes())
        .expect("python reads");
    drop(input);
    let ran = child.wait_with_output().expect("python ends");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    if !ran.status.success() || !said.is_empty() {
        return Err(said);
    }
    Ok(serde_json::from_slice(&ran.stdout).expect("JSON"))
}

/// As [`attempt`], and nothing may be wrong.
#[track_caller]
pub fn read(jobs: &[Job]) -> Vec<Value> {
    attempt(jobs).unwrap_or_else(|said| panic!("{said}"))
}
