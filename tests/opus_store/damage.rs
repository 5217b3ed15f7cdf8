//! Damaged stores: each damage is its own error, and what it leaves alone can be read.

use std::fs;
use std::io::Read as _;

use gstharmony::opus_store::{Compression, OpusStore, StoreError, ZarrFormat};
use serde_json::{Value, json};

use crate::made::{BYTES, Made, ROWS, Store};
use crate::random::Random;

const COUNT: usize = 3000;

/// Something done to what is right.
type Change<'a, T> = &'a dyn Fn(&mut T);

/// The error of opening a store, or of the first thing that can't be read.
fn error(store: &Store) -> StoreError {
    let opened = match OpusStore::open(store.path()) {
        Ok(opened) => opened,
        Err(error) => return error,
    };
    let packets = opened.info().packets;
    let read = |error: Option<StoreError>| error;
    read(opened.rows(0..packets.min(5000)).err())
        .or_else(|| opened.packets(0..packets.min(5000)).err())
        .or_else(|| opened.gaps().err())
        .or_else(|| {
            opened
                .find(opened.info().pcm_samples.saturating_sub(1))
                .err()
        })
        .expect("nothing is wrong with it")
}

/// The name of a variant.
fn name(error: &StoreError) -> String {
    let text = format!("{error:?}");
    let end = text
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(text.len());
    text[..end].to_owned()
}

#[test]
fn a_missing_chunk_is_an_error_and_not_zeros() {
    for (file, array, chunk) in [
        ("opus_index/c/1/0", "opus_index", "opus_index/c/1/0"),
        ("opus_packets/c/2", "opus_packets", "opus_packets/c/2"),
    ] {
        let store = Made::of(COUNT).write();
        store.remove(file);
        match error(&store) {
            StoreError::MissingChunk {
                array: found,
                chunk: key,
            } => {
                assert_eq!((found.as_str(), key.as_str()), (array, chunk));
            }
            error => panic!("{error}"),
        }
    }
    let store = Made::of(COUNT)
        .kind((ZarrFormat::V2, Compression::Zstd))
        .write();
    store.remove("opus_index/1.0");
    assert_eq!(name(&error(&store)), "MissingChunk");
}

#[test]
fn what_is_not_in_a_missing_chunk_is_read() {
    let made = Made::of(COUNT);
    let store = made.write();
    store.remove("opus_index/c/1/0");
    let store = OpusStore::open(store.path()).unwrap();
    let (start, end) = (2 * ROWS as u64, COUNT as u64);
    assert_eq!(store.rows(start..end).unwrap(), made.rows()[2 * ROWS..]);
    let sample = made.rows()[2 * ROWS + 500].cum_start;
    assert_eq!(store.find_on_timeline(sample).unwrap().packet, start + 500);
}

#[test]
fn a_short_chunk_is_an_error() {
    for (file, length) in [("opus_index/c/4/0", 7_000), ("opus_packets/c/0", 100)] {
        let store = Made::of(COUNT).write();
        let path = store.path().join(file);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..length]).unwrap();
        let text = error(&store).to_string();
        assert!(
            text.contains(&format!("{file} has {length} bytes")),
            "{text}"
        );
    }
}

#[test]
fn a_compressed_chunk_that_is_cut_or_garbled_is_an_error() {
    let made = Made::of(COUNT).kind((ZarrFormat::V3, Compression::Zstd));
    let mut random = Random::new(3);
    let garble: [Change<Vec<u8>>; 4] = [
        &|bytes| bytes.truncate(bytes.len() / 2),
        &|bytes| bytes.clear(),
        &|bytes| bytes[0] ^= 1,
        &|bytes| *bytes = zstd::encode_all([0; 64].as_slice(), 3).unwrap(),
    ];
    for garble in garble {
        let store = made.write();
        let path = store.path().join("opus_index/c/2/0");
        let mut bytes = fs::read(&path).unwrap();
        garble(&mut bytes);
        fs::write(&path, bytes).unwrap();
        assert_eq!(name(&error(&store)), "BadArray");
    }
    for _ in 0..50 {
        let store = made.write();
        let path = store.path().join("opus_index/c/2/0");
        let mut bytes = fs::read(&path).unwrap();
        for _ in 0..8 {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.next() as u8;
        }
        fs::write(&path, bytes).unwrap();
        // It may decompress to rows that are right, or to some that are not; it must not panic.
        if let Ok(store) = OpusStore::open(store.path()) {
            let _ = store.rows(0..COUNT as u64);
        }
    }
}

#[test]
fn a_chunk_that_decompresses_to_more_than_its_shape_is_not_decompressed() {
    let store = Made::of(COUNT)
        .kind((ZarrFormat::V3, Compression::Zstd))
        .write();
    let whole = ROWS * 40;
    let bomb = zstd::encode_all(std::io::repeat(0).take(16 << 20), 1).unwrap();
    let long = vec![0; 100_000];
    for (bomb, what) in [
        (
            bomb,
            format!("has more than {whole} bytes, expected {whole}"),
        ),
        (
            long,
            format!("expected at most {}", whole + whole / 128 + 1024),
        ),
    ] {
        fs::write(store.path().join("opus_index/c/1/0"), bomb).unwrap();
        let text = error(&store).to_string();
        assert!(text.contains(&what), "{text}");
    }
}

#[test]
fn every_field_of_a_row_is_checked() {
    for (field, values) in [
        (0, [0, 1, u64::MAX]),
        (1, [0, 1 << 40, u64::MAX]),
        (2, [0, 5761, u64::MAX]),
        (3, [0, 1, u64::MAX]),
        (4, [0, 1, u64::MAX]),
    ] {
        for value in values {
            let store = Made::of(COUNT).write();
            store.cell(1500, field, value);
            let opened = OpusStore::open(store.path()).unwrap();
            for error in [
                opened.rows(1400..1600).unwrap_err(),
                opened.packets(1400..1600).unwrap_err(),
            ] {
                assert_eq!(name(&error), "NotMonotone", "{field} {value}: {error}");
                assert!(error.to_string().contains("150"), "{error}");
            }
            assert!(opened.rows(1400..1500).is_ok() && opened.rows(1501..1600).is_ok());
        }
    }
}

#[test]
fn a_search_that_meets_damaged_rows_ends() {
    let made = Made::of(COUNT);
    let rows = made.rows();
    let mut random = Random::new(5);
    for _ in 0..20 {
        let store = made.write();
        for _ in 0..20 {
            let (packet, field) = (random.below(COUNT as u64), random.below(5));
            let value = match random.below(4) {
                0 => u64::MAX - random.below(3),
                1 => random.below(3),
                _ => random.next() >> random.below(64),
            };
            store.cell(packet as usize, field as usize, value);
        }
        let opened = OpusStore::open(store.path()).unwrap();
        for _ in 0..50 {
            let sample = random.below(rows.last().unwrap().cum_end);
            match opened.find_on_timeline(sample) {
                Ok(found) => assert!(found.row.holds(sample)),
                Err(error) => assert_eq!(name(&error), "NotMonotone", "{error}"),
            }
        }
    }
}

#[test]
fn rows_that_point_behind_the_packets_are_out_of_the_blob() {
    let made = Made::of(COUNT);
    let store = made.write();
    let bytes = made.packets.concat().len();
    store.edit("opus_packets/zarr.json", |json| {
        json["shape"] = json!([bytes - 1])
    });
    let opened = OpusStore::open(store.path()).unwrap();
    opened.packets(0..COUNT as u64 - 1).unwrap();
    match opened.packets(0..COUNT as u64).unwrap_err() {
        StoreError::OutOfBlob { packet, blob, .. } => {
            assert_eq!((packet, blob), (COUNT as u64 - 1, bytes as u64 - 1));
        }
        error => panic!("{error}"),
    }
    let without = Made {
        fields: vec!["byte_len"],
        ..made
    };
    let store = without.write();
    store.edit("opus_packets/zarr.json", |json| {
        json["shape"] = json!([bytes - 1])
    });
    assert_eq!(name(&error(&store)), "OutOfBlob");
}

#[test]
fn a_packet_that_breaks_a_rule_is_named_where_it_has_to_tell_its_samples() {
    let made = Made {
        fields: vec!["byte_len"],
        ..Made::of(COUNT)
    };
    let store = made.write();
    // Code 3 with no frames breaks R5.
    let packet = made
        .packets
        .iter()
        .position(|packet| packet.len() > 2)
        .unwrap();
    let at = made.rows()[packet].byte_pos;
    store.byte(at, 0xff);
    store.byte(at + 1, 0);
    match error(&store) {
        StoreError::Packet { packet: found, .. } => assert_eq!(found, packet as u64),
        error => panic!("{error}"),
    }
}

#[test]
fn an_array_of_another_kind_is_named() {
    let chunks = "chunk_grid";
    let cases: [(&str, Change<Value>, &str); 12] = [
        (
            "opus_index",
            &|json| json["data_type"] = json!("int64"),
            "type",
        ),
        ("opus_index", &|json| json["shape"] = json!([3000]), ""),
        (
            "opus_index",
            &|json| json["shape"] = json!([3000, 4]),
            "shape",
        ),
        (
            "opus_index",
            &|json| json["shape"] = json!([2999, 5]),
            "shape",
        ),
        (
            "opus_index",
            &|json| json[chunks]["configuration"]["chunk_shape"] = json!([700, 1]),
            "chunk",
        ),
        (
            "opus_index",
            &|json| json[chunks]["configuration"]["chunk_shape"] = json!([1u64 << 62, 5]),
            "chunk",
        ),
        (
            "opus_index",
            &|json| json["codecs"][0]["configuration"]["endian"] = json!("big"),
            "codecs",
        ),
        ("opus_index", &|json| json["codecs"] = json!([]), ""),
        (
            "opus_packets",
            &|json| json["data_type"] = json!("uint64"),
            "type",
        ),
        ("opus_packets", &|json| json["shape"] = json!([1, 2]), ""),
        ("opus_packets", &|json| json["shape"] = json!([-1]), ""),
        ("opus_gaps", &|json| json["shape"] = json!([0, 3]), "shape"),
    ];
    for (number, (array, change, what)) in cases.into_iter().enumerate() {
        let store = Made::of(COUNT).write();
        store.edit(&format!("{array}/zarr.json"), change);
        let error = error(&store);
        let text = error.to_string();
        assert!(text.contains(array), "{number}: {text}");
        assert!(text.contains(what), "{number}: {text}");
        assert!(
            matches!(name(&error).as_str(), "BadArray" | "Zarr"),
            "{number}: {text}"
        );
    }
}

#[test]
fn shapes_that_lie_allocate_nothing() {
    for (array, shape) in [
        ("opus_index", json!([u64::MAX, 5])),
        ("opus_index", json!([1u64 << 62, 5])),
        ("opus_packets", json!([u64::MAX])),
        ("opus_gaps", json!([u64::MAX, 2])),
        ("opus_gaps", json!([1u64 << 50, 2])),
    ] {
        let store = Made::of(COUNT).write();
        store.edit(&format!("{array}/zarr.json"), |json| {
            json["shape"] = shape.clone()
        });
        let opened = OpusStore::open(store.path()).unwrap();
        let _ = opened.gaps();
        opened.find(1000).unwrap();
        store.attribute("committed_packets", json!(u64::MAX));
        store.attribute("total_samples", json!(u64::MAX));
        if let Ok(opened) = OpusStore::open(store.path()) {
            for sample in [0, 1 << 40, u64::MAX - 1000] {
                let _ = opened.find(sample);
            }
            assert!(opened.row(u64::MAX - 2).is_err() && opened.packets(0..u64::MAX).is_err());
        }
    }
}

#[test]
fn a_row_that_lies_about_its_length_allocates_nothing() {
    let made = Made::of(COUNT);
    let store = made.write();
    store.edit("opus_packets/zarr.json", |json| {
        json["shape"] = json!([u64::MAX])
    });
    store.cell(COUNT - 1, 1, 1 << 60);
    let opened = OpusStore::open(store.path()).unwrap();
    assert_eq!(
        name(&opened.packets(2990..COUNT as u64).unwrap_err()),
        "NotMonotone"
    );
}

#[test]
fn a_store_without_an_index_says_that_packets_have_no_lengths() {
    let store = Made::of(COUNT).write();
    fs::remove_dir_all(store.path().join("opus_index")).unwrap();
    let error = error(&store);
    assert_eq!(name(&error), "NoIndex");
    assert!(error.to_string().contains("RFC 6716"), "{error}");
}

#[test]
fn a_store_without_packets_says_so() {
    let store = Made::of(COUNT).write();
    fs::remove_dir_all(store.path().join("opus_packets")).unwrap();
    assert_eq!(name(&error(&store)), "BadArray");
}

#[test]
fn chunks_of_many_pieces_are_read() {
    // Packets in chunks that are no multiple of anything.
    let made = Made::of(COUNT);
    let store = made.write();
    let opened = OpusStore::open(store.path()).unwrap();
    assert!(opened.info().bytes > 4 * BYTES as u64);
    assert_eq!(
        opened.packets(0..COUNT as u64).unwrap().bytes,
        made.packets.concat()
    );
}
