//! `gst-harmony build`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tool::{Ran, tool};

/// A folder with a payload file of the bytes 0 to 255, and what is built from descriptions in it.
struct Workshop(TempDir);

impl Workshop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("bytes.bin"),
            (0..=255).collect::<Vec<u8>>(),
        )
        .unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn build_text(&self, description: &str) -> Ran {
        let file = self.path("description.json");
        fs::write(&file, description).unwrap();
        tool(["build", "--json", &file, "-o", &self.path("out.h4mk")])
    }

    fn build(&self, description: &Value) -> Ran {
        self.build_text(&description.to_string())
    }

    /// What `list` says of the built file.
    fn list(&self) -> Value {
        tool(["list", "--json", "--hash", &self.path("out.h4mk")]).json()
    }
}

fn description(blocks: Value) -> Value {
    json!({
        "timestamp": 1234,
        "tracks": [
            {"track_id": 1, "name": "cam", "kind": "video", "codec": "h264", "caps": "video/x-h264"},
            {"track_id": 7, "kind": "sensor", "codec": "json", "sample_rate": 10, "channels": 3, "note": "n",
             "sparse": true},
        ],
        "sidecars": {"META": {"z": 1, "a": [2]}, "NOTE": "näive"},
        "blocks": blocks,
    })
}

fn blocks() -> Value {
    json!([
        {"track_id": 1, "block": "I", "pts_ns": 80_000_001, "dts_ns": -5, "duration_ns": 40_000_000,
         "payload": "bytes.bin", "length": 100, "header": true},
        {"track_id": 7, "pts_ms": -3, "hex": "00fFA1", "discont": true},
        {"track_id": 1, "block": "P", "pts_ns": 160_000_000, "dts_ns": 40_000_000, "payload": "bytes.bin",
         "offset": 100, "length": 0},
        {"track_id": 1, "block": "B", "pts_ns": 120_000_000, "dts_ns": 80_000_000, "payload": "bytes.bin",
         "offset": 250, "droppable": true, "buffer_flags": 512, "clipping": {"start": 312, "end": 7}},
        {"track_id": 7, "hex": ""},
    ])
}

#[test]
fn everything_in_the_description_is_in_the_file() {
    let shop = Workshop::new();
    let built = shop.build(&description(blocks())).json();
    assert_eq!(built["blocks"], 5);
    assert_eq!(
        built["bytes"],
        fs::metadata(shop.path("out.h4mk")).unwrap().len()
    );
    assert!(!Path::new(&shop.path("out.h4mk.part")).exists());
    let found = shop.list();
    assert_eq!(found["header"]["timestamp"], 1234);
    assert_eq!(found["header"]["flags"], 1);
    assert_eq!(
        found["sidecars"],
        json!({"META": r#"{"z":1,"a":[2]}"#, "NOTE": "näive"})
    );
    assert_eq!(
        found["tracks"][1],
        json!({"track_id": 7, "name": "", "kind": "sensor", "codec": "json", "sample_rate": 10, "channels": 3,
               "note": "n"})
    );
    let extended = json!({"track_id": 1, "name": "cam", "kind": "video", "codec": "h264", "sample_rate": 0,
                          "channels": 0, "note": "", "caps": "video/x-h264", "tags": null, "sparse": false});
    assert_eq!(found["extensions"]["tracks"][0], extended);
    assert_eq!(found["extensions"]["tracks"][1]["sparse"], true);

    let got = found["extensions"]["blocks"].as_array().unwrap();
    let times = |key: &str| {
        got.iter()
            .map(|block| block[key].clone())
            .collect::<Value>()
    };
    assert_eq!(
        times("pts_ns"),
        json!([80_000_001, -3_000_000, 160_000_000, 120_000_000, null])
    );
    assert_eq!(
        times("dts_ns"),
        json!([-5, null, 40_000_000, 80_000_000, null])
    );
    assert_eq!(
        times("duration_ns"),
        json!([40_000_000, null, null, null, null])
    );
    assert_eq!(times("block"), json!(["I", "I", "P", "B", "I"]));
    assert_eq!(times("length"), json!([100, 3, 0, 6, 0]));
    assert_eq!(times("exact"), json!([true, true, true, true, true]));
    assert_eq!(times("header"), json!([true, false, false, false, false]));
    assert_eq!(times("discont"), json!([false, true, false, false, false]));
    assert_eq!(
        times("droppable"),
        json!([false, false, false, true, false])
    );
    assert_eq!(times("buffer_flags"), json!([0, 0, 0, 512, 0]));
    assert_eq!(got[3]["clipping"], json!({"start": 312, "end": 7}));
}

#[test]
fn payloads_are_stored_as_they_are() {
    let shop = Workshop::new();
    shop.build(&description(blocks())).json();
    let found = shop.list();
    let got = found["extensions"]["blocks"].as_array().unwrap();
    let file = fs::read(shop.path("out.h4mk")).unwrap();
    let stored = |n: usize| {
        let at = got[n]["offset"].as_u64().unwrap() as usize + 8;
        &file[at..at + got[n]["length"].as_u64().unwrap() as usize]
    };
    assert_eq!(stored(0), (0..100).collect::<Vec<u8>>());
    assert_eq!(stored(1), [0x00, 0xff, 0xa1]);
    assert_eq!(stored(3), (250..=255).collect::<Vec<u8>>());
}

#[test]
fn without_extensions_the_file_is_plain_version_1() {
    let shop = Workshop::new();
    let mut wanted = description(json!([
        {"track_id": 1, "pts_ms": 40, "hex": "01"},
        {"track_id": 1, "block": "P", "pts_ms": 80, "hex": "02"},
        {"track_id": 7, "pts_ms": 80, "hex": "03"},
    ]));
    wanted["extensions"] = json!(false);
    wanted["tracks"][0].as_object_mut().unwrap().remove("caps");
    shop.build(&wanted).json();
    let found = shop.list();
    assert_eq!(found["header"]["flags"], 0);
    let types: Vec<&str> = found["chunks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chunk| chunk["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "TRAK", "META", "NOTE", "CORE", "CORE", "CORE", "TSEK", "TSEK"
        ]
    );
    assert_eq!(
        found["seek_tables"]["1"],
        json!([[40, found["chunks"][3]["offset"]]])
    );

    wanted["blocks"] = json!([{"track_id": 1, "pts_ms": 1u64 << 28, "hex": ""}]);
    shop.build(&wanted)
        .fails(1, &["blocks[0]", "74.6 h", "268435456"]);
}

#[test]
fn the_vectors_are_built_again_from_what_list_says_of_them() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/h4mk");
    for name in [
        "minimal",
        "gops",
        "b-blocks",
        "limits",
        "unicode",
        "empty-track",
        "multitrack",
    ] {
        let original = fs::read(data.join(format!("{name}.h4mk"))).unwrap();
        let listed: Value =
            serde_json::from_slice(&fs::read(data.join(format!("{name}.json"))).unwrap()).unwrap();
        let shop = Workshop::new();
        fs::write(shop.path("payloads.h4mk"), &original).unwrap();
        let blocks: Vec<Value> = listed["chunks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|chunk| chunk["type"] == "CORE")
            .map(|chunk| {
                json!({
                    "track_id": chunk["track_id"], "pts_ms": chunk["pts_ms"], "block": chunk["block"],
                    "payload": "payloads.h4mk", "offset": chunk["offset"].as_u64().unwrap() + 8,
                    "length": chunk["length"].as_u64().unwrap() - 8,
                })
            })
            .collect();
        let wanted = json!({
            "extensions": false, "timestamp": listed["header"]["timestamp"], "tracks": listed["tracks"],
            "sidecars": listed["sidecars"], "blocks": blocks,
        });
        shop.build(&wanted).json();
        let mut found = shop.list();
        // The JSON of TRAK may be spaced in another way, which moves all that follows: compare what is said.
        let strip = |list: &Value| -> Vec<Value> {
            let cores = list["chunks"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|chunk| chunk["type"] == "CORE");
            cores
                .map(|c| {
                    json!([
                        c["track_id"],
                        c["pts_ms"],
                        c["block"],
                        c["length"],
                        c["payload_sha256"]
                    ])
                })
                .collect()
        };
        assert_eq!(strip(&found), strip(&listed), "{name}");
        for key in ["header", "tracks", "sidecars"] {
            assert_eq!(found[key].take(), listed[key], "{name} {key}");
        }
    }
}

/// Builds with `block` as the second block, which must fail with these words and leave no file.
#[track_caller]
fn refused(block: Value, words: &[&str]) {
    let shop = Workshop::new();
    let wanted = description(json!([{"track_id": 7, "hex": "00"}, block]));
    let ran = shop.build(&wanted).fails(1, words);
    assert!(ran.stderr.contains("description.json"), "{ran:?}");
    assert!(!Path::new(&shop.path("out.h4mk")).exists());
    assert!(!Path::new(&shop.path("out.h4mk.part")).exists());
}

#[test]
fn a_block_that_cannot_be_is_named_with_its_key() {
    let with = |key: &str, value: Value| {
        let mut block = json!({"track_id": 1, "hex": ""});
        block[key] = value;
        block
    };
    refused(
        with("track_id", json!(9)),
        &["blocks[1].track_id", "found 9", "1, 7"],
    );
    refused(
        with("track_id", json!(70_000)),
        &["blocks[1].track_id", "found 70000", "65535"],
    );
    refused(
        with("block", json!("X")),
        &["blocks[1].block", "\"X\"", "\"P\""],
    );
    refused(with("pts_ns", json!("0")), &["blocks[1].pts_ns", "\"0\""]);
    refused(with("pts_ms", json!(i64::MAX)), &["blocks[1].pts_ms"]);
    refused(
        with("duration_ns", json!(-1)),
        &["blocks[1].duration_ns", "-1"],
    );
    refused(
        with("speed", json!(1)),
        &["blocks[1]", "\"speed\"", "droppable"],
    );
    refused(json!(5), &["blocks[1]", "found 5", "object"]);
    let mut both = with("pts_ns", json!(0));
    both["pts_ms"] = json!(0);
    refused(both, &["blocks[1].pts_ms", "either"]);
}

#[test]
fn a_payload_that_is_not_there_is_named_with_its_key() {
    let file = |offset: u64, length: Option<u64>| json!({"track_id": 1, "payload": "bytes.bin", "offset": offset, "length": length});
    refused(json!({"track_id": 1}), &["blocks[1]", "payload", "hex"]);
    refused(
        json!({"track_id": 1, "hex": "", "payload": "bytes.bin"}),
        &["blocks[1].hex", "either"],
    );
    refused(
        json!({"track_id": 1, "hex": "0"}),
        &["blocks[1].hex", "\"0\"", "hexadecimal"],
    );
    refused(
        json!({"track_id": 1, "hex": "+f"}),
        &["blocks[1].hex", "\"+f\""],
    );
    refused(
        json!({"track_id": 1, "payload": "none.bin"}),
        &["blocks[1].payload", "none.bin"],
    );
    refused(
        file(257, None),
        &["blocks[1].offset", "found 257", "at most 256", "bytes.bin"],
    );
    refused(
        file(250, Some(7)),
        &["blocks[1].length", "found 7", "at most 6"],
    );
}

#[test]
fn mistakes_outside_the_blocks_are_named_too() {
    let shop = Workshop::new();
    for (text, words) in [
        ("", vec!["description.json", "line 1"]),
        ("[]", vec!["description.json", "tracks"]),
        ("{\"tracks\": [}", vec!["line 1"]),
        ("{\"tracks\": 5}", vec!["tracks", "found 5", "an array"]),
        ("{\"blocks\": []}", vec!["tracks"]),
        ("{\"tracks\": [], \"tracks\": []}", vec!["\"tracks\" twice"]),
        (
            "{\"tracks\": [], \"colour\": 1}",
            vec!["\"colour\"", "sidecars"],
        ),
        (
            "{\"tracks\": [], \"sidecars\": {\"TRAK\": 1}}",
            vec!["sidecars", "\"TRAK\"", "META"],
        ),
        (
            "{\"tracks\": [{\"kind\": \"a\", \"codec\": \"b\"}]}",
            vec!["tracks[0]", "track_id"],
        ),
        (
            "{\"tracks\": [{\"track_id\": 1, \"kind\": 3}]}",
            vec!["tracks[0].kind", "found 3", "a string"],
        ),
        ("{\"tracks\": [], \"blocks\": 7}", vec!["array of blocks"]),
        ("{\"tracks\": []} x", vec!["line 1"]),
    ] {
        shop.build_text(text).fails(1, &words);
        assert!(!Path::new(&shop.path("out.h4mk.part")).exists());
    }
    let twice = json!({"track_id": 1, "kind": "a", "codec": "b"});
    shop.build(&json!({"tracks": [twice, twice]}))
        .fails(1, &["tracks", "track_id 1 is used twice"]);
    tool(["build", "/nowhere/d.json", "-o", &shop.path("out.h4mk")]).fails(2, &["/nowhere/d.json"]);
    tool(["build", &shop.path("description.json")]).fails(2, &["--output"]);
}
