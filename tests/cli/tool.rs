//! Runs the built tool and keeps what it said.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

/// One registry of plugins for all tests of this run, so that plugins are looked at once.
static REGISTRY: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::var_os("GST_REGISTRY").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-registry.bin"),
        PathBuf::from,
    )
});

/// What the tool did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The tool with these arguments, not started yet.
pub fn command<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gst-harmony"));
    command
        .args(args)
        .stdin(Stdio::null())
        .env("GST_REGISTRY", &*REGISTRY);
    command
}

/// Runs the tool to its end.
pub fn tool<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    Ran::from(command(args).output().unwrap())
}

/// Makes a named pipe and reads it while `write` writes to it.
pub fn piped(path: &Path, write: impl FnOnce()) -> Vec<u8> {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
    // The pipe under a name that nobody else knows.
    let other = path.with_extension("other");
    std::fs::hard_link(path, &other).unwrap();
    std::thread::scope(|scope| {
        let read = scope.spawn(|| std::fs::read(path).unwrap());
        let written = catch_unwind(AssertUnwindSafe(write));
        // If no writer came, the reader still waits for one: this is one that says nothing.
        drop(File::options().read(true).write(true).open(&other).unwrap());
        std::fs::remove_file(&other).unwrap();
        let bytes = read.join().unwrap();
        written.unwrap_or_else(|panic| resume_unwind(panic));
        bytes
    })
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Exit status 0 and nothing to complain about; gives standard output.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert_eq!(self.stderr, "", "{self:?}");
        self.stdout
    }

    /// As [`Self::good`], standard output as JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.good()).unwrap()
    }

    /// Exit status `code`, and the words in the error message; no panic.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:?}");
        }
        self
    }
}
