//! What a check of a store finds.

use std::fs;

use gstharmony::opus::{Gap, Head};
use gstharmony::opus_store::certify::{fingerprint, hash};
use gstharmony::opus_store::check::{Hashes, MOST_KEPT, Report, check};
use gstharmony::opus_store::{Compression, Decoder, StoreError, ZarrFormat};
use serde_json::json;

use crate::made::{KINDS, Made, ROWS, Store};

const COUNT: usize = 3000;

fn report(store: &Store, hashes: bool) -> Report {
    check(&store.path(), hashes, &mut |_, _| {}).unwrap()
}

/// The problems of a store, as they are printed.
fn problems(store: &Store) -> Vec<String> {
    let report = report(store, true);
    assert!(!report.is_good());
    report
        .problems
        .kept()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The hashes of a decode from the start.
fn hashes(made: &Made) -> Vec<u64> {
    let head = Head {
        channels: 1,
        pre_skip: 312,
        input_rate: 48_000,
        gain: 0,
        mapping: gstharmony::opus::Mapping::Simple,
    };
    let mut decoder = Decoder::new(&head).unwrap();
    let hash_of = |packet: &Vec<u8>| {
        let mut pcm = Vec::new();
        decoder.decode_i16(packet, &mut pcm).unwrap();
        hash(&pcm)
    };
    made.packets.iter().map(hash_of).collect()
}

#[test]
fn a_store_as_it_should_be_is_good() {
    for kind in KINDS {
        let made = Made {
            gaps: vec![Gap {
                packet: 7,
                samples: 960,
            }],
            ..Made::of(COUNT).kind(kind)
        };
        let mut steps = Vec::new();
        let store = made.write();
        let report = check(&store.path(), true, &mut |done, of| steps.push((done, of))).unwrap();
        assert!(report.is_good(), "{:?}", report.problems);
        assert_eq!(report.notes.count(), 0, "{:?}", report.notes);
        let link = &report.links[0];
        assert_eq!(
            (link.packets, link.read, link.gaps),
            (COUNT as u64, COUNT as u64, 1)
        );
        assert_eq!(link.bytes, made.packets.concat().len() as u64);
        assert!(link.complete && link.hashes == Hashes::None);
        assert!(steps.is_sorted() && steps.last() == Some(&(COUNT as u64, COUNT as u64)));
    }
}

#[test]
fn a_store_without_sums_is_good() {
    for fields in [
        vec!["byte_len"],
        vec!["byte_pos", "byte_len", "sample_count"],
    ] {
        let made = Made {
            fields,
            ..Made::of(COUNT)
        };
        let report = report(&made.write(), true);
        assert!(report.is_good(), "{:?}", report.problems);
        assert_eq!(report.links[0].read, COUNT as u64);
    }
}

#[test]
fn a_damaged_row_does_not_stop_the_check() {
    let rows = Made::of(COUNT).rows();
    for (field, value, what) in [
        (0, 0, "byte_pos: found 0"),
        (1, 0, "byte_len: found 0"),
        (
            1,
            1 << 50,
            "byte_len: found 1125899906842624, expected 1 to 16777216",
        ),
        (2, 5761, "sample_count: found 5761, expected 1 to 5760"),
        (3, 5, "cum_end"),
        (4, 5, "cum_end: found 5"),
    ] {
        let store = Made::of(COUNT).write();
        store.cell(1500, field, value);
        store.cell(2500, 2, 0);
        let problems = problems(&store);
        let of = |packet: &str| problems.iter().any(|text| text.contains(packet));
        assert!(
            problems.iter().any(|text| text.contains(what)),
            "{problems:?}"
        );
        assert!(of("1500") && of("2500"), "{problems:?}");
        assert!(problems.len() < 10, "{problems:?}");
    }
    let count = rows[1500].sample_count;
    let store = Made::of(COUNT).write();
    store.cell(1500, 2, count + 1);
    assert!(problems(&store).iter().any(|text| {
        text.contains("packet 1500: sample_count")
            && text.contains(&format!("expected {count} by the packet's TOC"))
    }));
}

#[test]
fn packets_that_break_a_rule_are_named() {
    let made = Made::of(COUNT);
    let packet = 1000
        + made.packets[1000..]
            .iter()
            .position(|packet| packet.len() > 2)
            .unwrap();
    let store = made.write();
    let at = made.rows()[packet].byte_pos;
    // Code 3 with no frames.
    store.byte(at, 0xff);
    store.byte(at + 1, 0);
    let problems = problems(&store);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].starts_with(&format!("packet {packet}: ")),
        "{problems:?}"
    );
    assert!(problems[0].contains("R5"), "{problems:?}");
}

#[test]
fn missing_chunks_are_told_once_each() {
    let made = Made {
        hashes: Some(vec![0; COUNT]),
        ..Made::of(COUNT)
    };
    let store = made.write();
    for file in ["opus_index/c/1/0", "opus_packets/c/3", "opus_pcm_hash/c/4"] {
        store.remove(file);
    }
    let problems = problems(&store);
    for file in ["opus_index/c/1/0", "opus_packets/c/3", "opus_pcm_hash/c/4"] {
        let told = problems.iter().filter(|text| text.contains(file)).count();
        assert_eq!(told, 1, "{file}: {problems:?}");
    }
    let read = report(&store, false).links[0].read;
    assert!(
        read > COUNT as u64 / 2 && read < (COUNT - ROWS) as u64,
        "{read}"
    );
    let store = Made::of(COUNT)
        .kind((ZarrFormat::V2, Compression::Zstd))
        .write();
    store.remove("opus_index/2.0");
    assert_eq!(report(&store, false).problems.count(), 1);
}

#[test]
fn attributes_that_do_not_agree_are_named() {
    for (name, value) in [
        ("total_samples", json!(12)),
        ("channels", json!(2)),
        ("mapping_family", json!(1)),
        ("pre_skip", json!(0)),
        ("output_gain_q8", json!(256)),
        ("input_sample_rate", json!(44100)),
        ("modes_seen", json!(["SILK", "CELT"])),
        ("end_trim", json!(u64::MAX)),
        ("opus_head", json!("T3B1c0hlYWQ=")),
    ] {
        let store = Made::of(COUNT).write();
        store.attribute(name, value);
        let problems = problems(&store);
        let named = name.replace("opus_head", "OpusHead");
        assert!(
            problems.iter().any(|text| text.contains(&named)),
            "{name}: {problems:?}"
        );
    }
    let store = Made::of(COUNT).write();
    // With another source the pre-skip need not be the header's.
    store.attribute("pre_skip", json!(300));
    store.attribute("pre_skip_source", json!("property"));
    assert!(report(&store, false).is_good());
}

#[test]
fn gaps_out_of_order_or_range_are_named() {
    let gap = |packet| Gap {
        packet,
        samples: 120,
    };
    let made = Made {
        gaps: vec![gap(8), gap(7), gap(COUNT as u64), gap(COUNT as u64 + 1)],
        ..Made::of(COUNT)
    };
    let problems = problems(&made.write());
    assert_eq!(
        problems,
        [
            "gap 1, packet: found 7, expected 8 or more",
            "gap 3, packet: found 3001, expected at most 3000",
        ]
    );
}

#[test]
fn hashes_are_compared_with_a_decode_from_the_start() {
    let mut made = Made::of(COUNT);
    made.hashes = Some(hashes(&made));
    let store = made.write();
    store.attribute("decoder_fingerprint", json!(fingerprint().unwrap()));
    let whole = report(&store, true);
    assert!(whole.is_good(), "{:?}", whole.problems);
    assert_eq!(whole.links[0].hashes, Hashes::Checked(COUNT as u64));
    assert_eq!(report(&store, false).links[0].hashes, Hashes::NotChecked);
    if let Some(hashes) = &mut made.hashes {
        hashes[1234] ^= 1;
    }
    let store = made.write();
    store.attribute("decoder_fingerprint", json!(fingerprint().unwrap()));
    let problems = problems(&store);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].starts_with("packet 1234: hash: found"),
        "{problems:?}"
    );
    store.attribute("decoder_fingerprint", json!("another"));
    let other = report(&store, true);
    assert!(other.is_good());
    assert_eq!(other.links[0].hashes, Hashes::OtherDecoder);
}

#[test]
fn hashes_behind_what_can_not_be_decoded_are_not_compared() {
    let mut made = Made::of(COUNT);
    made.hashes = Some(hashes(&made));
    let store = made.write();
    store.attribute("decoder_fingerprint", json!(fingerprint().unwrap()));
    store.remove("opus_index/c/1/0");
    let report = report(&store, true);
    assert_eq!(report.links[0].hashes, Hashes::Checked(ROWS as u64));
    let said = report.problems.kept().iter().any(|problem| {
        problem.packet == Some(ROWS as u64) && problem.what.contains("hashes from here on")
    });
    assert!(said, "{:?}", report.problems);
}

#[test]
fn findings_are_counted_and_the_first_are_kept() {
    let made = Made::of(COUNT);
    let store = made.write();
    for packet in 0..300 {
        store.cell(packet * 2, 2, 0);
    }
    let report = report(&store, false);
    assert!(report.problems.count() >= 300);
    assert_eq!(report.problems.kept().len(), MOST_KEPT);
}

#[test]
fn every_link_is_checked() {
    let store = Made::of(10).write();
    let link = Made::of(20);
    link.write_to(&store.path().join("link_1"));
    store.attribute("links", json!(2));
    let good = report(&store, true);
    assert!(good.is_good() && good.links.len() == 2 && good.links[1].packets == 20);
    store.edit("link_1/zarr.json", |json| {
        json["attributes"]["total_samples"] = json!(1)
    });
    let problems = problems(&store);
    assert!(
        problems[1].starts_with("link_1: total_samples: found 1"),
        "{problems:?}"
    );
    store.attribute("links", json!(u64::MAX));
    let lie = report(&store, true);
    assert_eq!(lie.links.len(), 2);
    assert!(lie.problems.kept().iter().any(|problem| problem.link == 2));
}

#[test]
fn what_a_dead_writer_left_is_noted_and_not_a_problem() {
    let made = Made {
        committed: 2000,
        complete: false,
        ..Made::of(COUNT)
    };
    let report = report(&made.write(), true);
    assert!(report.is_good(), "{:?}", report.problems);
    let notes: Vec<String> = report
        .notes
        .kept()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(notes[0].starts_with("not complete"), "{notes:?}");
    assert!(
        notes[1].contains("1000 rows are not committed"),
        "{notes:?}"
    );
    assert!(
        notes[2].contains("belong to no committed packet"),
        "{notes:?}"
    );
}

#[test]
fn what_is_no_store_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = check(folder.path(), true, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, StoreError::NotAStore { .. }));
    let store = Made::of(10).write();
    fs::remove_dir_all(store.path().join("opus_index")).unwrap();
    let problems = problems(&store);
    assert!(
        problems[0].contains("packets can't be told apart"),
        "{problems:?}"
    );
}

#[test]
fn counts_that_lie_end_the_check() {
    for shape in [json!([1u64 << 62, 5]), json!([u64::MAX, 5])] {
        let store = Made::of(COUNT).write();
        store.attribute("committed_packets", json!(1u64 << 62));
        store.edit("opus_index/zarr.json", |json| json["shape"] = shape);
        store.edit("opus_packets/zarr.json", |json| {
            json["shape"] = json!([u64::MAX])
        });
        let report = report(&store, true);
        assert!(!report.is_good());
    }
}
