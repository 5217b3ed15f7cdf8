//! `gst-harmony verify`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tool::tool;

fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    path.to_str().unwrap().to_owned()
}

#[test]
fn sound_files_are_good() {
    for name in [
        "minimal",
        "gops",
        "b-blocks",
        "limits",
        "unicode",
        "empty-track",
        "multitrack",
    ] {
        let report = tool(["verify", "--json", &data(&format!("h4mk/{name}.h4mk"))]).json();
        assert_eq!(report["ok"], true, "{name}");
        assert_eq!(report["complete"], true, "{name}");
        assert_eq!(report["warning_count"], 0, "{name}");
    }
    // Its writer left the times of its indexes and a skip at 0, and says so of no other thing.
    let file = data("h4x/two-tracks.h4mk");
    let report = tool(["verify", "--json", &file]).json();
    assert_eq!(report["blocks"], 462);
    assert_eq!(report["problems"], json!([]));
    for warning in report["warnings"].as_array().unwrap() {
        let what = warning["what"].as_str().unwrap();
        assert!(
            what.contains("found times") || what.contains("skip: found none"),
            "{what}"
        );
    }
    let text = tool(["verify", &file]).good();
    assert!(
        text.contains("good") && text.contains("462 blocks"),
        "{text}"
    );
}

#[test]
fn what_build_writes_is_good_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // 40 s: an open group every second, a track of keys alone, and a block a second of a track whose times go back.
    let mut blocks = Vec::new();
    for n in 0..40i64 {
        for (place, kind) in [(2, "I"), (0, "B"), (1, "B"), (5, "P"), (3, "B"), (4, "B")] {
            let (pts, dts) = (n * 1_000_000_000 + place * 100_000_000, blocks.len() as i64);
            blocks.push(
                json!({"track_id": 1, "block": kind, "pts_ns": pts, "dts_ns": dts, "hex": "01"}),
            );
            blocks.push(json!({"track_id": 2, "pts_ns": pts, "duration_ns": 1_000, "hex": "02"}));
        }
        blocks.push(json!({"track_id": 3, "pts_ns": -n * 1_000, "hex": ""}));
    }
    let track = |id: u16| json!({"track_id": id, "kind": "k", "codec": "c"});
    let description = json!({"tracks": [track(1), track(2), track(3)], "blocks": blocks});
    fs::write(path("d.json"), description.to_string()).unwrap();
    for extensions in [true, false] {
        let mut description = description.clone();
        description["extensions"] = json!(extensions);
        if !extensions {
            // Version 1 has no time below zero.
            description["blocks"]
                .as_array_mut()
                .unwrap()
                .retain(|block| block["track_id"] != 3);
        }
        fs::write(path("d.json"), description.to_string()).unwrap();
        tool(["build", &path("d.json"), "-o", &path("out.h4mk")]).good();
        let report = tool(["verify", "--json", &path("out.h4mk")]).json();
        assert_eq!(
            report["blocks"],
            description["blocks"].as_array().unwrap().len()
        );
        assert_eq!(report["problems"], json!([]));
        assert_eq!(report["warnings"], json!([]));
    }
}

#[test]
fn bad_files_are_bad_and_a_cut_one_is_good_as_far_as_it_is_whole() {
    for name in [
        "bitflip",
        "chunk-length",
        "empty",
        "footer-crc",
        "header-only",
        "magic",
        "short",
        "truncated",
    ] {
        let file = data(&format!("h4mk/bad-{name}.h4mk"));
        let ran = tool(["verify", "--json", &file]).fails(1, &[&file, "offset "]);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["ok"], false, "{name}");
        tool(["verify", &file]).fails(1, &[&file, "offset "]);
    }
    let report = tool([
        "verify",
        "--json",
        "--partial",
        &data("h4mk/bad-truncated.h4mk"),
    ])
    .json();
    assert_eq!(
        (&report["ok"], &report["complete"]),
        (&json!(true), &json!(false))
    );
    tool(["verify", "--partial", &data("h4mk/bad-footer-crc.h4mk")]).fails(1, &["footer"]);
}

/// A copy of the vector with extensions, to be damaged.
struct Patient {
    _folder: TempDir,
    path: String,
    bytes: Vec<u8>,
    chunks: Vec<Value>,
}

impl Patient {
    fn new() -> Self {
        let original = data("h4x/two-tracks.h4mk");
        let folder = tempfile::tempdir().unwrap();
        let path = folder
            .path()
            .join("patient.h4mk")
            .to_str()
            .unwrap()
            .to_owned();
        let listed = tool(["list", "--json", &original]).json();
        let chunks = listed["chunks"].as_array().unwrap().clone();
        Self {
            _folder: folder,
            path,
            bytes: fs::read(original).unwrap(),
            chunks,
        }
    }

    /// Payload position and length of the n-th chunk of a type.
    fn chunk(&self, kind: &str, n: usize) -> (usize, usize) {
        let chunk = self
            .chunks
            .iter()
            .filter(|chunk| chunk["type"] == kind)
            .nth(n)
            .unwrap();
        (
            chunk["offset"].as_u64().unwrap() as usize,
            chunk["length"].as_u64().unwrap() as usize,
        )
    }

    /// Adds 1 to the byte `at` of the payload of the n-th chunk of a type, and gives the chunk a CRC that holds.
    fn change(&mut self, kind: &str, n: usize, at: usize) -> &mut Self {
        let (payload, length) = self.chunk(kind, n);
        self.bytes[payload + at] = self.bytes[payload + at].wrapping_add(1);
        let crc = crc32fast::hash(&self.bytes[payload - 12..payload + length]);
        self.bytes[payload + length..][..4].copy_from_slice(&crc.to_le_bytes());
        self
    }

    /// Verifies the copy, which must be bad with these words among its problems.
    #[track_caller]
    fn is_bad(&self, words: &[&str]) -> Value {
        fs::write(&self.path, &self.bytes).unwrap();
        let ran = tool(["verify", "--json", &self.path]).fails(1, words);
        serde_json::from_str(&ran.stdout).unwrap()
    }
}

#[test]
fn an_index_that_disagrees_with_the_blocks_is_found_though_every_crc_holds() {
    // Positions of fields: specification section 2. An entry begins at 56 of an XIDX.
    for (field, at) in [
        ("self", 0),
        ("sequence", 24),
        ("first_ns", 32),
        ("last_ns", 40),
        ("ordinal", 52),
    ] {
        let position = Patient::new().chunk("XIDX", 1).0 - 12;
        let place = format!("offset {position}: XIDX, {field}");
        Patient::new()
            .change("XIDX", 1, at)
            .is_bad(&[&place, "found", "expected"]);
    }
    for (field, at) in [("previous", 8), ("skip", 16)] {
        Patient::new()
            .change("XIDX", 2, at)
            .is_bad(&[&format!("XIDX, {field}")]);
    }
    Patient::new()
        .change("XIDX", 0, 56)
        .is_bad(&["XIDX entry", "no key block"]);
    Patient::new()
        .change("XIDX", 0, 56 + 8)
        .is_bad(&["XIDX entry", "no key block"]);
    Patient::new()
        .change("XIDX", 0, 56 + 20)
        .is_bad(&["trak found 1, expected 0"]);
    Patient::new()
        .change("XIDX", 0, 56 + 24)
        .is_bad(&["number found 1, expected 0"]);
    let full = Patient::new()
        .chunks
        .iter()
        .filter(|chunk| chunk["type"] == "XIDX")
        .count()
        - 1;
    Patient::new()
        .change("XIDX", full, 56)
        .is_bad(&["XIDX entry", "no key block"]);
    Patient::new()
        .change("XIDX", full, 56 + 24)
        .is_bad(&["number found 1, expected 0"]);
    for (field, at) in [
        ("full_index", 0),
        ("trak", 8),
        ("verification", 16),
        ("blocks", 24),
        ("first_ns", 32),
    ] {
        Patient::new()
            .change("XEND", 0, at)
            .is_bad(&[&format!("XEND, {field}")]);
    }
}

#[test]
fn a_seek_table_that_disagrees_with_the_blocks_is_found() {
    // Entries begin at 16 of a TSEK: PTS, offset.
    Patient::new()
        .change("TSEK", 0, 16)
        .is_bad(&["TSEK of track 1", "kind I, 1 ms"]);
    Patient::new()
        .change("TSEK", 0, 20)
        .is_bad(&["TSEK of track 1", "found no block"]);
}

#[test]
fn timing_that_disagrees_with_the_blocks_is_found() {
    Patient::new()
        .change("XTIM", 3, 0)
        .is_bad(&["XTIM, sequence"]);
    // Byte 17 of an XTIM is the first record's length of the CORE.
    Patient::new()
        .change("XTIM", 3, 17)
        .is_bad(&["CORE", "timing record", "void"]);
}

#[test]
fn damage_does_not_stop_the_check() {
    let mut patient = Patient::new();
    for n in [3, 200] {
        let at = patient.chunk("CORE", n).0 + 8;
        patient.bytes[at] ^= 0x10;
    }
    let report = patient.is_bad(&["CRC"]);
    assert_eq!(report["problem_count"], 2, "{report}");
    assert_eq!(report["blocks"], 462);
    for (problem, n) in report["problems"].as_array().unwrap().iter().zip([3, 200]) {
        assert_eq!(problem["offset"], patient.chunk("CORE", n).0 - 12);
    }
}
