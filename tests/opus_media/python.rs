//! Stores as Python sees them: zarr, dask and xarray in an environment of their own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::common::tools::python;

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

/// What `tests/python/opus_store.py` says; a job that it has complaints about is its message.
pub fn attempt(jobs: &[Job]) -> Result<Vec<Value>, String> {
    let jobs: Vec<Value> = jobs
        .iter()
        .map(|job| json!({"store": job.store, "link": job.link, "pcm": job.pcm}))
        .collect();
    let mut child = python("opus_store.py")
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
