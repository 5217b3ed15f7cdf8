//! A file's packets as `ffprobe` reads them, with edit lists applied: times in ticks of the stream's time base.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One packet. Times are ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Presentation time.
    pub pts: Option<i64>,
    /// Decoding time; for Matroska a guess of ffprobe's.
    pub dts: Option<i64>,
    /// Duration.
    pub duration: Option<i64>,
    /// Bytes of payload.
    pub size: usize,
    /// Whether decoding can begin here.
    pub key: bool,
    /// Whether it is decoded and not shown: an edit list begins behind it.
    pub discard: bool,
    /// SHA-256 of the payload, hexadecimal.
    pub sha256: String,
}

/// One stream and its packets in file order.
#[derive(Clone, Debug)]
pub struct Probe {
    /// ffmpeg's name of the codec.
    pub codec: String,
    /// All that ffprobe tells about the stream.
    pub stream: Value,
    /// Seconds a tick: numerator and denominator.
    pub time_base: (i64, i64),
    /// In decoding order.
    pub packets: Vec<Probed>,
}

impl Probe {
    /// A time in nanoseconds, rounded to the nearest.
    pub fn ns(&self, ticks: i64) -> i64 {
        let (n, d) = (i128::from(self.time_base.0), i128::from(self.time_base.1));
        let scaled = i128::from(ticks) * n * 1_000_000_000;
        let time = (2 * scaled + d).div_euclid(2 * d);
        time.try_into().expect("a time in 64 bits")
    }

    /// The presentation times in nanoseconds.
    pub fn pts_ns(&self) -> Vec<i64> {
        let ns = |p: &Probed| self.ns(p.pts.expect("each packet has a PTS"));
        self.packets.iter().map(ns).collect()
    }

    /// The digests of the payloads.
    pub fn digests(&self) -> Vec<&str> {
        self.packets.iter().map(|p| p.sha256.as_str()).collect()
    }
}

/// The streams of `file`, in order. A file that ffprobe has complaints about fails the test.
pub fn probe(file: &Path) -> Vec<Probe> {
    let output = Command::new("ffprobe")
        .args(["-v", "warning", "-show_streams", "-show_packets"])
        .args(["-show_data_hash", "sha256", "-of", "json"])
        .arg(file)
        .output()
        .expect("ffprobe is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", file.display());
    // It keeps one such table a track, and says so of each further fragment's.
    let known = |line: &&str| line.ends_with("Duplicated SBGP rap  atom");
    let complaints: Vec<&str> = said.lines().filter(|l| !known(l)).collect();
    assert!(
        complaints.is_empty(),
        "{}: ffprobe complains: {complaints:?}",
        file.display()
    );
    let all: Value = serde_json::from_slice(&output.stdout).expect("ffprobe writes JSON");
    let mut probes: Vec<Probe> = entries(&all, "streams").map(stream).collect();
    for entry in entries(&all, "packets") {
        let index = entry["stream_index"].as_u64().expect("an index") as usize;
        probes[index].packets.push(packet(entry));
    }
    probes
}

fn entries<'a>(all: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    all[name].as_array().into_iter().flatten()
}

fn stream(entry: &Value) -> Probe {
    let base = entry["time_base"].as_str().expect("a time base");
    let (n, d) = base.split_once('/').expect("a fraction");
    Probe {
        codec: entry["codec_name"].as_str().unwrap_or_default().into(),
        stream: entry.clone(),
        time_base: (n.parse().expect("a number"), d.parse().expect("a number")),
        packets: Vec::new(),
    }
}

fn packet(entry: &Value) -> Probed {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    Probed {
        pts: entry["pts"].as_i64(),
        dts: entry["dts"].as_i64(),
        duration: entry["duration"].as_i64(),
        size: text("size").parse().expect("a size"),
        key: text("flags").starts_with('K'),
        discard: text("flags").contains('D'),
        sha256: text("data_hash").trim_start_matches("SHA256:").into(),
    }
}
