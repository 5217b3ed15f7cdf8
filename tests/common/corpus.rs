//! Recordings whose sync is known, of `tests/python/sync_corpus.py`, made once and kept.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::media::cached;
use super::tools::python;

const SCRIPT: &str = "sync_corpus.py";

/// Recordings of one scene and what is true of them.
#[derive(Debug)]
pub struct Pair {
    /// The recording on whose line times are told.
    pub reference: PathBuf,
    /// The other one: a WAV file, a video or a sensor's CSV.
    pub stream: PathBuf,
    /// Where on the reference's line the stream's own time 0 lies, in seconds.
    pub offset: f64,
    /// How much faster the reference's line passes, as a ratio.
    pub drift: f64,
    /// They are of one scene that does not repeat itself.
    pub related: bool,
    /// All that the generator says.
    pub truth: Value,
}

impl Pair {
    /// The reference's time at the stream's own `time`.
    pub fn apply(&self, time: f64) -> f64 {
        self.offset + time * (1.0 + self.drift)
    }
}

/// All of the generator, so that a changed one makes its files anew.
fn sources() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let parts = fs::read_dir(folder.join("sync_corpus")).expect("the generator's parts");
    let mut files: Vec<PathBuf> = parts
        .map(|part| part.expect("a part").path())
        .filter(|path| path.extension().is_some_and(|e| e == "py"))
        .collect();
    files.push(folder.join(SCRIPT));
    files.sort();
    let text = |path: &PathBuf| fs::read_to_string(path).expect("a part is text");
    files.iter().map(text).collect()
}

/// The pair of that name, its recordings `seconds` long; `sync_corpus.py --list FOLDER` tells the names.
pub fn pair(name: &str, seconds: u32) -> Pair {
    let recipe = format!("{seconds} {}", sources());
    let folder = cached(&format!("{name}-{seconds}"), &recipe, |folder| {
        let made = python(SCRIPT)
            .arg(folder)
            .args(["--only", name, "--seconds", &seconds.to_string()])
            .output()
            .expect("python starts");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{name}: {said}");
    });
    let text = fs::read(folder.join(format!("{name}.json"))).expect("the pair is known");
    let truth: Value = serde_json::from_slice(&text).expect("JSON");
    let file = |key: &str| folder.join(truth[key].as_str().expect("a name"));
    let number = |key: &str| truth[key].as_f64().expect("a number");
    Pair {
        reference: file("reference"),
        stream: file("stream"),
        offset: number("offset_s"),
        drift: number("drift_ppm") * 1e-6,
        related: truth["expected"] == "locked",
        truth,
    }
}

/// The samples of one of the generator's WAV files: mono at 48 kHz, full scale is 1.
pub fn samples(path: &Path) -> Vec<f32> {
    // The generator writes no chunk but the format's before the samples.
    const HEADER: usize = 44;
    let bytes = fs::read(path).expect("the recording is there");
    bytes[HEADER..]
        .chunks_exact(2)
        .map(|sample| f32::from(i16::from_le_bytes([sample[0], sample[1]])) / 32768.0)
        .collect()
}
