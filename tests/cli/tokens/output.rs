//! The forms in which tokens are written.

use std::fs;

use serde_json::Value;

use super::{list, tokens, told};
use crate::common::media;
use crate::tool::command;

/// The tokens in records of 13 bytes: PTS, index, key.
fn unpacked(bytes: &[u8]) -> Vec<(i64, bool)> {
    assert_eq!(bytes.len() % 13, 0);
    let record = |(place, record): (usize, &[u8])| {
        let pts = i64::from_le_bytes(record[..8].try_into().unwrap());
        let index = u32::from_le_bytes(record[8..12].try_into().unwrap());
        assert_eq!(index as usize, place);
        assert!(record[12] < 2);
        (pts, record[12] == 1)
    };
    bytes.chunks(13).enumerate().map(record).collect()
}

#[test]
fn records_have_thirteen_bytes() {
    let film = media::H264_AAC.path();
    let told = told(&film, &[]);
    let ran = command(["tokens", "--binary"]).arg(&film).output().unwrap();
    assert!(ran.status.success());
    assert_eq!(unpacked(&ran.stdout), list(&told));
    // What else is known goes to standard error.
    let mut metadata: Value = serde_json::from_slice(&ran.stderr).unwrap();
    metadata["tokens"] = told["tokens"].clone();
    assert_eq!(metadata, told);
}

#[test]
fn files_get_what_would_be_printed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let film = media::H264_AAC.path();
    let told = told(&film, &[]);
    let (tokens_file, metadata) = (path("a.tokens"), path("a.json"));
    let options = [
        "--binary",
        "--output",
        &tokens_file,
        "--metadata",
        &metadata,
    ];
    let summary = tokens(&film, &options).good();
    assert!(summary.contains("30000/1001 frames a second"), "{summary}");
    assert_eq!(unpacked(&fs::read(&tokens_file).unwrap()), list(&told));
    let known: Value = serde_json::from_slice(&fs::read(&metadata).unwrap()).unwrap();
    assert_eq!((&known["keys"], known.get("tokens")), (&told["keys"], None));

    let summary = tokens(&film, &["--json", "--output", &path("b.json")]).json();
    assert_eq!(summary, known);
    let whole: Value = serde_json::from_slice(&fs::read(path("b.json")).unwrap()).unwrap();
    assert_eq!(whole, told);
    let summary = tokens(&film, &["--output", &path("c.txt")]).good();
    let text = tokens(&film, &[]).good();
    assert_eq!(fs::read_to_string(path("c.txt")).unwrap(), text);
    assert!(text.starts_with(&summary), "{summary}");
    let names = fs::read_dir(&folder).unwrap();
    assert_eq!(names.count(), 4, "nothing is left over");
}

#[test]
fn people_get_a_table() {
    let text = tokens(&media::H264_AAC.path(), &[]).good();
    let words = [
        "stream 1 of 2, video, H.264 (High Profile)",
        "120, 4 of them keys",
        "0:00:00.021 to 0:00:04.025367",
        "\n       index  pts             key\n           0  0:00:00.021     key\n           1  0:00:00.054\n",
        "\n         119  0:00:03.992\n",
    ];
    for words in words {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
}
