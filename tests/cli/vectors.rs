//! `list` and `chain` against what the reference readers say of the vectors.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::tool::tool;

fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder)
}

/// The `.h4mk` files of a folder whose names do or do not begin with `bad-`.
fn files(bad: bool) -> Vec<String> {
    let mut found: Vec<String> = fs::read_dir(data("h4mk"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "h4mk"))
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("bad-")
                == bad
        })
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

fn expected(file: &str) -> Value {
    let json = Path::new(file).with_extension("json");
    serde_json::from_slice(&fs::read(json).unwrap()).unwrap()
}

#[test]
fn list_says_what_the_reference_reader_says() {
    let files = files(false);
    assert_eq!(files.len(), 7);
    for file in files {
        let mut expected = expected(&file);
        expected.as_object_mut().unwrap().remove("queries");
        let mut found = tool(["list", "--json", "--hash", &file]).json();
        let extensions = found.as_object_mut().unwrap().remove("extensions").unwrap();
        assert_eq!(extensions["present"], false, "{file}");
        assert_eq!(extensions["complete"], true, "{file}");
        assert_eq!(found, expected, "{file}");

        // Without --hash the same, less the hashes.
        for chunk in expected["chunks"].as_array_mut().unwrap() {
            chunk.as_object_mut().unwrap().remove("payload_sha256");
        }
        let mut found = tool(["list", "--json", &file]).json();
        found.as_object_mut().unwrap().remove("extensions");
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn chain_answers_every_query_as_the_reference_reader_does() {
    let mut queries = 0;
    for file in files(false) {
        for query in expected(&file)["queries"].as_array().unwrap() {
            let (track, time) = (query["track_id"].to_string(), query["t_ms"].to_string());
            let found = tool([
                "chain", &file, "--track", &track, "--at-ms", &time, "--json",
            ])
            .json();
            let expected = json!({"keyframe": query["keyframe"], "chain": query["chain"]});
            assert_eq!(found, expected, "{file} {query}");
            queries += 1;
        }
    }
    assert_eq!(queries, 89);
}

#[test]
fn bad_files_are_errors_with_the_file_and_the_offset() {
    let files = files(true);
    assert_eq!(files.len(), 8);
    for file in files {
        let chain = ["chain", &file, "--track", "1", "--at-ms", "0"];
        for args in [
            &["list", &file][..],
            &["list", "--json", "--hash", &file],
            &chain,
        ] {
            let ran = tool(args).fails(1, &[&file, "offset "]);
            assert_eq!(ran.stdout, "", "{args:?}");
        }
    }
}

#[test]
fn a_cut_file_is_listed_as_far_as_it_is_whole_when_asked_to() {
    let cut = data("h4mk/bad-truncated.h4mk");
    let whole = data("h4mk/gops.h4mk");
    let (cut, whole) = (cut.to_str().unwrap(), whole.to_str().unwrap());
    let found = tool(["list", "--json", "--partial", cut]).json();
    let all = tool(["list", "--json", whole]).json();
    let chunks = found["chunks"].as_array().unwrap();
    let of_all = all["chunks"].as_array().unwrap();
    assert!(!chunks.is_empty() && chunks.len() < of_all.len());
    assert_eq!(chunks[..], of_all[..chunks.len()]);
    assert_eq!(found["extensions"]["complete"], false);
    let last = &chunks[chunks.len() - 1];
    let end = last["offset"].as_u64().unwrap() + last["length"].as_u64().unwrap() + 4;
    assert_eq!(found["extensions"]["cut"]["offset"], end);

    let at = ["--track", "1", "--at-ms", "66", "--json"];
    let args = |file| ["chain", "--partial", file].into_iter().chain(at);
    assert_eq!(tool(args(cut)).json(), tool(args(whole)).json());
}

#[test]
fn the_exact_timing_of_the_extension_vector_comes_out() {
    let file = data("h4x/two-tracks.h4mk");
    let file = file.to_str().unwrap();
    let expected = expected(file);
    let found = tool(["list", "--json", "--hash", file]).json();
    let hashes: Vec<&Value> = found["chunks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|chunk| chunk["type"] == "CORE")
        .map(|chunk| &chunk["payload_sha256"])
        .collect();
    let blocks = found["extensions"]["blocks"].as_array().unwrap();
    assert_eq!(expected["blocks"], blocks.len());
    assert_eq!(hashes.len(), blocks.len());
    let fields = json!([
        "track_id",
        "pts_ns",
        "dts_ns",
        "duration_ns",
        "block",
        "payload_sha256"
    ]);
    assert_eq!(expected["fields"], fields);
    for (n, (block, hash)) in blocks.iter().zip(hashes).enumerate() {
        assert_eq!(block["exact"], true);
        assert_eq!(block["sequence"], n);
        let found = json!([
            block["track_id"],
            block["pts_ns"],
            block["dts_ns"],
            block["duration_ns"],
            block["block"],
            hash
        ]);
        assert_eq!(found, expected["timing"][n], "block {n}");
    }
    let indexes = found["extensions"]["indexes"].as_array().unwrap();
    let partial = indexes.iter().filter(|index| index["full"] == false);
    assert_eq!(expected["index"], partial.count());
    assert_eq!(found["extensions"]["end"]["blocks"], blocks.len());
}

#[test]
fn a_chain_through_the_index_is_the_chain_of_a_whole_walk() {
    let file = data("h4x/two-tracks.h4mk");
    let bytes = fs::read(&file).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Without its footer the file is one that has to be walked.
    let cut = folder.path().join("cut.h4mk");
    fs::write(&cut, &bytes[..bytes.len() - 4]).unwrap();
    let (file, cut) = (file.to_str().unwrap(), cut.to_str().unwrap());
    for track in ["1", "2"] {
        for time in ["-1", "0", "33", "1999", "2000", "2500", "4321", "1000000"] {
            let chain = |file| {
                tool([
                    "chain",
                    "--partial",
                    file,
                    "--track",
                    track,
                    "--at-ms",
                    time,
                    "--json",
                ])
                .json()
            };
            assert_eq!(chain(file), chain(cut), "track {track} at {time}");
        }
    }
}

#[test]
fn people_get_tables() {
    let file = data("h4x/two-tracks.h4mk");
    let file = file.to_str().unwrap();
    let text = tool(["list", file]).good();
    for word in [
        "H4MK version 1 with extensions 1",
        "462 CORE",
        "track",
        "video",
        "audio",
    ] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    assert_eq!(
        tool(["list", "--chunks", file])
            .good()
            .matches(" CORE  ")
            .count(),
        462
    );
    let text = tool(["chain", file, "--track", "1", "--at-ms", "33"]).good();
    assert!(text.contains("0:00:00.033333333"), "{text}");
}

#[test]
fn wrong_usage_is_status_2_and_says_what_is_expected() {
    let file = data("h4mk/multitrack.h4mk");
    let file = file.to_str().unwrap();
    let chain = ["chain", file, "--at-ms", "0", "--track"];
    tool(chain.into_iter().chain(["9"])).fails(2, &[file, "found 9", "1, 2, 65535"]);
    tool(chain.into_iter().chain(["70000"])).fails(2, &["70000", "65535"]);
    let finished = data("h4x/two-tracks.h4mk");
    tool([
        "chain",
        finished.to_str().unwrap(),
        "--track",
        "9",
        "--at-ms",
        "0",
    ])
    .fails(2, &["1, 2"]);
    tool(["list"]).fails(2, &["FILE.h4mk"]);
    tool(["list", "/nowhere/x.h4mk"]).fails(2, &["/nowhere/x.h4mk"]);
    tool(["list", env!("CARGO_MANIFEST_DIR")]).fails(2, &["regular file"]);
    tool(["no-such-command"]).fails(2, &["no-such-command"]);
    tool::<&str>([]).fails(2, &["Usage"]);
}
