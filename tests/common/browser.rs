//! Headless Chromium: files through Media Source Extensions, playlists through hls.js.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::tools::tool;

/// Something to play.
#[derive(Clone, Debug)]
pub struct Case {
    /// Tells it from the others.
    pub name: String,
    /// How it is played.
    pub media: Media,
}

/// What is played and how.
#[derive(Clone, Debug)]
pub enum Media {
    /// A SourceBuffer for each list; the files of a list follow one another.
    Mse(Vec<Vec<PathBuf>>),
    /// A playlist by hls.js.
    Hls(PathBuf),
    /// A file as the source of a video element.
    Source(PathBuf),
}

/// What the browser tells of a case.
#[derive(Clone, Debug)]
pub struct Played(pub Value);

impl Played {
    /// The error, if there was one.
    pub fn error(&self) -> Option<&str> {
        self.0["error"].as_str()
    }

    /// A number, such as `currentTime`.
    pub fn number(&self, name: &str) -> f64 {
        self.0[name]
            .as_f64()
            .unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }

    /// Fails the test unless it played to its end, over one buffered range of `seconds` from `start`, and each of
    /// the `frames` video frames was decoded: once, unless playback began by a seek.
    pub fn check(&self, start: f64, seconds: f64, frames: usize) {
        let Self(told) = self;
        assert_eq!(self.error(), None, "{told}");
        assert_eq!(told["ended"], json!(true), "{told}");
        assert!(
            (self.number("currentTime") - self.number("duration")).abs() < 0.001,
            "{told}"
        );
        let buffered = told["buffered"].as_array().expect("ranges");
        assert_eq!(buffered.len(), 1, "{told}");
        let edge = |at: usize| buffered[0][at].as_f64().expect("a time");
        // As much as the browser makes up at most: an audio frame's priming, or a last frame's length.
        assert!((edge(0) - start).abs() < 0.05, "{told}");
        assert!((edge(1) - start - seconds).abs() < 0.1, "{told}");
        let decoded = self.number("frames") as usize;
        assert!(
            decoded == frames || (start > 0.5 && decoded > frames),
            "{frames} frames: {told}"
        );
        // A machine that decodes slower than the test plays stalls, whatever is buffered, and goes on: hls.js tells it.
        let stalled = |error: &Value| {
            error
                .as_str()
                .is_some_and(|e| e.contains("bufferStalledError"))
        };
        if let Some(errors) = told["hlsErrors"].as_array() {
            assert!(errors.iter().all(stalled), "{told}");
        }
    }
}

impl Case {
    /// A file, or init segment and segments, of all tracks together through MSE.
    pub fn mse(name: &str, files: &[&Path]) -> Self {
        let files = files.iter().map(|f| f.to_path_buf()).collect();
        Self {
            name: name.into(),
            media: Media::Mse(vec![files]),
        }
    }

    /// Tracks with a file each through MSE.
    pub fn tracks(name: &str, files: &[&Path]) -> Self {
        let files = files.iter().map(|f| vec![f.to_path_buf()]).collect();
        Self {
            name: name.into(),
            media: Media::Mse(files),
        }
    }

    /// A playlist.
    pub fn hls(name: &str, playlist: &Path) -> Self {
        Self {
            name: name.into(),
            media: Media::Hls(playlist.to_owned()),
        }
    }

    /// A file by its address.
    pub fn source(name: &str, file: &Path) -> Self {
        Self {
            name: name.into(),
            media: Media::Source(file.to_owned()),
        }
    }

    fn json(&self) -> Value {
        match &self.media {
            Media::Mse(tracks) => json!({"name": self.name, "mse": tracks}),
            Media::Hls(file) => json!({"name": self.name, "hls": file}),
            Media::Source(file) => json!({"name": self.name, "src": file}),
        }
    }
}

/// Plays the cases one after the other in one browser.
pub fn play(cases: &[Case]) -> Vec<Played> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/play.py");
    let mut player = Command::new("python3")
        .arg(script)
        .arg("--hls-js")
        .arg(tool("hls.min.js"))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let list: Vec<Value> = cases.iter().map(Case::json).collect();
    let mut input = player.stdin.take().expect("a pipe");
    input
        .write_all(json!(list).to_string().as_bytes())
        .expect("the player reads");
    drop(input);
    let output = player.wait_with_output().expect("the player ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    let played: Vec<Played> = text
        .lines()
        .map(|line| Played(serde_json::from_str(line).expect("a line of JSON")))
        .collect();
    assert_eq!(played.len(), cases.len(), "{said}");
    played
}
