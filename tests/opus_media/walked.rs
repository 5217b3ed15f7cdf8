//! Stores as Python reads them against an independent walk of the indexed file, and ffprobe's packets.

use serde_json::{Value, json};

use crate::common::ffprobe::{Probed, probe};
use crate::common::opus::{self, Opus};
use crate::indexed::{Indexed, index};
use crate::python::{self, Job};

/// Indexes files and has Python read the stores.
fn read_all(files: &[Opus], properties: &str) -> Vec<Value> {
    let indexed: Vec<Indexed> = files.iter().map(|file| index(*file, properties)).collect();
    let jobs: Vec<Job> = indexed.iter().map(|i| Job::new(&i.store)).collect();
    python::read(&jobs)
}

/// The list of one key of all packets.
fn column(packets: &Value, key: &str) -> Vec<Value> {
    let packets = packets.as_array().expect("packets");
    packets.iter().map(|packet| packet[key].clone()).collect()
}

/// The list of one column of the index.
fn field(read: &Value, at: usize) -> Vec<Value> {
    let rows = read["rows"].as_array().expect("rows");
    rows.iter().map(|row| row[at].clone()).collect()
}

/// The names of the modes as attributes have them.
fn modes(link: &Value) -> Vec<&'static str> {
    let seen = |mode: &str| {
        link["modes"]
            .as_array()
            .expect("modes")
            .contains(&json!(mode))
    };
    [("silk", "SILK"), ("hybrid", "hybrid"), ("celt", "CELT")]
        .into_iter()
        .filter(|(name, _)| seen(name))
        .map(|(_, name)| name)
        .collect()
}

/// A store's link must be what the walk found.
pub fn compare(read: &Value, link: &Value, name: &str) {
    let packets = &link["packets"];
    assert_eq!(field(read, 1), column(packets, "size"), "{name}: sizes");
    assert_eq!(
        field(read, 2),
        column(packets, "samples"),
        "{name}: samples"
    );
    assert_eq!(
        read["sha256"],
        json!(column(packets, "sha256")),
        "{name}: bytes"
    );
    let attributes = &read["attributes"];
    let head = &link["head"];
    let preroll = if modes(link) == ["CELT"] { 1200 } else { 2000 };
    for (key, expected) in [
        ("spec_version", json!("1.0")),
        ("codec", json!("opus")),
        ("cum_end", json!("inclusive")),
        ("timeline", json!("decoded-48k-including-pre-skip")),
        ("opus_head", head["base64"].clone()),
        ("opus_tags", link["tags"].clone()),
        ("channels", head["channels"].clone()),
        ("mapping_family", head["family"].clone()),
        ("pre_skip", head["pre_skip"].clone()),
        ("end_trim", link["end_trim"].clone()),
        ("total_samples", link["samples"].clone()),
        ("output_gain_q8", head["gain"].clone()),
        ("input_sample_rate", head["rate"].clone()),
        (
            "committed_packets",
            json!(packets.as_array().expect("packets").len()),
        ),
        ("complete", json!(true)),
        ("modes_seen", json!(modes(link))),
        ("recommended_preroll_ms", json!(preroll)),
    ] {
        assert_eq!(attributes[key], expected, "{name}: {key}");
    }
}

#[test]
fn stores_of_every_ogg_file_are_what_the_walk_finds() {
    for (file, read) in opus::OGG.iter().zip(read_all(opus::OGG, "")) {
        compare(&read, &file.link(), file.name);
        assert_eq!(read["gaps"], json!([]), "{}", file.name);
        // oggdemux clips streams that begin at 0 alone, and packets of 2.5 ms by more than they have.
        let source = match file.name {
            name if [opus::LATE.name, opus::CELT_2_5.name].contains(&name) => "stream-header",
            _ => "clipping-meta",
        };
        assert_eq!(
            read["attributes"]["pre_skip_source"],
            json!(source),
            "{}",
            file.name
        );
    }
}

#[test]
fn stores_of_zarr_version_2_and_compressed_ones_read_the_same() {
    let files = [opus::CELT_2_5, opus::MIXED, opus::SURROUND];
    for properties in [
        "zarr-format=2",
        "index-compression=zstd",
        "zarr-format=2 index-compression=zstd",
    ] {
        for (file, read) in files.iter().zip(read_all(&files, properties)) {
            compare(&read, &file.link(), &format!("{} {properties}", file.name));
        }
    }
}

#[test]
fn stores_of_matroska_and_mp4_files_have_the_packets_of_ffprobe() {
    let files = [opus::MATROSKA, opus::MP4].concat();
    for (file, read) in files.iter().zip(read_all(&files, "")) {
        let probed = &probe(&file.path())[0];
        let mut packets = &probed.packets[..];
        if file.name == opus::MP4_FFMPEG.name {
            // qtdemux 1.22 leaves out the last one: the edit's end lies in it, and was reached.
            packets = &packets[..packets.len() - 1];
        }
        let column = |of: fn(&Probed) -> Value| packets.iter().map(of).collect::<Vec<_>>();
        assert_eq!(field(&read, 1), column(|p| json!(p.size)), "{}", file.name);
        let digests = json!(column(|p| json!(p.sha256)));
        assert_eq!(read["sha256"], digests, "{}", file.name);
        assert_eq!(read["gaps"], json!([]), "{}", file.name);
        assert_eq!(read["attributes"]["complete"], json!(true), "{}", file.name);
    }
}

#[test]
fn matroska_files_give_pre_skip_and_end_as_the_ogg_file_of_the_same_sound() {
    let files = [
        opus::MKVMERGE,
        opus::WEBM_ODD,
        opus::MKV_GST,
        opus::MKVMERGE_2_5,
        opus::MKVMERGE_SILK,
    ];
    let pcm = [100_003, 100_003, 100_003, 1_152_000, 1_090_560];
    for ((file, read), pcm) in files.iter().zip(read_all(&files, "")).zip(pcm) {
        let attributes = &read["attributes"];
        let number = |key: &str| attributes[key].as_u64().expect("a number");
        assert_eq!(number("pre_skip"), 312, "{}", file.name);
        let found = number("total_samples") - 312 - number("end_trim");
        assert_eq!(found, pcm, "{}: {attributes}", file.name);
    }
}

#[test]
fn a_lost_page_is_a_gap_before_the_next_packet() {
    let files = [opus::LOST_PAGE, opus::LOST_PIECES];
    for (file, read) in files.iter().zip(read_all(&files, "")) {
        let link = file.link();
        compare(&read, &link, file.name);
        let places = |gaps: &Value, key: &dyn Fn(&Value) -> Value| -> Vec<Value> {
            gaps.as_array().expect("gaps").iter().map(key).collect()
        };
        let found = places(&read["gaps"], &|gap| gap[0].clone());
        let expected = places(&link["gaps"], &|gap| gap["packet"].clone());
        assert_eq!(found, expected, "{}", file.name);
    }
}

#[test]
fn packets_without_a_byte_are_gaps() {
    let [read] = &read_all(&[opus::EMPTY], "")[..] else {
        panic!("one store");
    };
    compare(read, &opus::EMPTY.link(), opus::EMPTY.name);
    // Granule positions leave them no time.
    let before = [6, 46, 86].map(|packet| json!([packet, 0]));
    assert_eq!(read["gaps"], json!(before));
}
