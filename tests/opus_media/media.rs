//! The media are what they claim to be: two readers that share nothing agree on every packet.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::common::ffprobe::probe;
use crate::common::opus::{self, Opus};

/// A number of a walk or of one of its packets.
fn number(value: &Value, key: &str) -> u64 {
    value[key]
        .as_u64()
        .unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Every value of a key in the packets of some files.
fn seen(files: &[Opus], key: &str) -> BTreeSet<u64> {
    let mut values = BTreeSet::new();
    for file in files {
        for packet in file.link()["packets"].as_array().expect("packets") {
            values.insert(number(packet, key));
        }
    }
    values
}

#[test]
fn ffprobe_and_the_walk_agree_on_every_ogg_file() {
    for file in opus::OGG.iter().chain(opus::DAMAGED) {
        if file.name == opus::EMPTY.name {
            // ffprobe stops at the first packet without a byte.
            continue;
        }
        let walked = file.link();
        let [probed] = &probe(&file.path())[..] else {
            panic!("{}: not one stream", file.name);
        };
        let packets = walked["packets"].as_array().expect("packets");
        assert_eq!(probed.packets.len(), packets.len(), "{}", file.name);
        for (at, (theirs, ours)) in probed.packets.iter().zip(packets).enumerate() {
            assert_eq!(
                theirs.size as u64,
                number(ours, "size"),
                "{} {at}",
                file.name
            );
            assert_eq!(json!(theirs.sha256), ours["sha256"], "{} {at}", file.name);
        }
    }
}

#[test]
fn the_files_have_every_duration_and_code() {
    let ms = |tenths: u64| tenths * 48 / 10;
    let wanted: BTreeSet<u64> = [25, 50, 100, 200, 400, 600, 800, 1000, 1200].map(ms).into();
    let found = seen(opus::OGG, "samples");
    assert!(found.is_superset(&wanted), "{found:?}");
    assert_eq!(seen(opus::OGG, "code"), BTreeSet::from([0, 1, 2, 3]));
}

#[test]
fn the_files_are_of_the_modes_they_are_named_for() {
    let modes = |file: Opus| file.link()["modes"].clone();
    for file in [
        opus::CELT,
        opus::CELT_LOW,
        opus::CELT_2_5,
        opus::FFMPEG_20,
        opus::ODD_GST,
    ] {
        assert_eq!(modes(file), json!(["celt"]), "{}", file.name);
    }
    for file in [opus::SILK, opus::SILK_60, opus::SILK_MUSIC, opus::MERGED_2] {
        assert_eq!(modes(file), json!(["silk"]), "{}", file.name);
    }
    for file in [opus::HYBRID, opus::HYBRID_MUSIC] {
        assert_eq!(modes(file), json!(["hybrid"]), "{}", file.name);
    }
    for file in [opus::MIXED, opus::SWITCHED] {
        assert_eq!(
            modes(file),
            json!(["celt", "hybrid", "silk"]),
            "{}",
            file.name
        );
    }
}

#[test]
fn the_files_have_the_heads_and_sums_they_are_named_for() {
    let family = |file: Opus| number(&file.link()["head"], "family");
    assert_eq!([family(opus::SURROUND), family(opus::DISCRETE)], [1, 255]);
    assert_eq!(number(&opus::SURROUND.link()["head"], "streams"), 4);
    for file in [
        opus::ODD_TOOLS,
        opus::ODD_FFMPEG,
        opus::ODD_GST,
        opus::PAGES,
        opus::LATE,
        opus::SPLIT,
    ] {
        assert_eq!(number(&file.link(), "total"), 100_003, "{}", file.name);
    }
    assert_eq!(opus::GAIN.link()["head"]["gain"], json!(-1536));
    let dtx = opus::DTX.link();
    let packets = dtx["packets"].as_array().expect("packets");
    let silent = packets.iter().filter(|p| number(p, "size") <= 2).count();
    assert!(silent > 20, "{silent} packets of DTX");
    assert_eq!(opus::CHAIN.walk().len(), 3);
    let lost = &opus::LOST_PAGE.link()["gaps"];
    assert_eq!(*lost, json!([{"packet": 250, "samples": 48_000}]));
}

#[test]
fn the_files_of_other_containers_have_one_stream_of_opus() {
    for file in opus::MATROSKA.iter().chain(opus::MP4) {
        let [probed] = &probe(&file.path())[..] else {
            panic!("{}: not one stream", file.name);
        };
        assert_eq!(probed.codec, "opus", "{}", file.name);
        assert!(probed.packets.len() > 50, "{}", file.name);
    }
}
