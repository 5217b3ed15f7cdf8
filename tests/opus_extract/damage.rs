//! Stores that are damaged, and stores of other decoders.

use std::fs;

use gstharmony::opus_store::{Certainty, Extraction, OpusStore};
use serde_json::Value;

use crate::common::opus;
use crate::common::random::Random;
use crate::link::{Link, part};

fn why(certainty: Certainty) -> String {
    match certainty {
        Certainty::Uncertified { why } => why,
        certified => panic!("{certified:?}"),
    }
}

#[test]
fn hashes_of_another_decoder_certify_nothing_and_widen_nothing() {
    let link = Link::of(&opus::SILK_MUSIC);
    let (plain, store) = (link.store(false), link.store(true));
    let attributes = store.path.join("zarr.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&attributes).unwrap()).unwrap();
    let fingerprint = &mut json["attributes"]["decoder_fingerprint"];
    let ours = fingerprint.as_str().unwrap().to_owned();
    *fingerprint = "0123456789abcdef".into();
    fs::write(&attributes, serde_json::to_vec(&json).unwrap()).unwrap();
    let other = OpusStore::open(&store.path).unwrap();
    for range in store.ranges(12, 4800, 9) {
        let got = other.extract(range.clone(), &Extraction::default());
        let got = got.unwrap();
        assert_eq!(got.samples, plain.get(range).unwrap().samples);
        let expected =
            format!("the hashes are of decoder 0123456789abcdef, and this one is {ours}");
        assert_eq!(why(got.certainty), expected);
    }
}

#[test]
fn a_packet_with_other_bytes_is_told_by_its_hash() {
    let link = Link::of(&opus::CELT);
    let (store, pcm) = (link.store(true), link.pcm(0));
    let row = store.row(600).unwrap();
    let path = store.path.join("opus_packets/c/0");
    let mut bytes = fs::read(&path).unwrap();
    // Within the sound, behind the table of contents.
    bytes[row.byte_pos as usize + 60] ^= 0x55;
    fs::write(&path, bytes).unwrap();
    let damaged = OpusStore::open(&store.path).unwrap();
    let start = row.cum_start - u64::from(link.head.pre_skip);
    let range = start - 960..start + 2880;
    let got = damaged.extract(range.clone(), &Extraction::default());
    let got = got.unwrap();
    assert_eq!(got.samples.len(), part(&pcm, 2, &range).len());
    assert_eq!(
        why(got.certainty),
        "packet 600 does not decode to its hash, although all packets before it were decoded"
    );
    // What is far enough behind it is as it was.
    let range = start + 96_000..start + 144_000;
    let got = damaged.extract(range.clone(), &Extraction::default());
    let got = got.unwrap();
    assert!(got.samples == part(&pcm, 2, &range));
    assert!(matches!(got.certainty, Certainty::Certified { .. }));
}

#[test]
fn what_is_certified_of_a_damaged_store_is_right() {
    let link = Link::of(&opus::MIXED);
    let (store, pcm) = (link.store(true), link.pcm(0));
    let mut random = Random::new(10);
    for (array, most) in [
        ("opus_packets/c/0", 600),
        ("opus_index/c/0/0", 40),
        ("opus_pcm_hash/c/0", 600),
    ] {
        let path = store.path.join(array);
        let whole = fs::read(&path).unwrap();
        let (mut refused, mut certified) = (0, 0);
        for range in store.ranges(25, 4800, 11) {
            let mut bytes = whole.clone();
            for _ in 0..1 + random.below(most) {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << random.below(8);
            }
            fs::write(&path, bytes).unwrap();
            let damaged = OpusStore::open(&store.path).unwrap();
            match damaged.extract(range.clone(), &Extraction::default()) {
                Ok(got) => {
                    let expected = part(&pcm, 1, &range);
                    assert_eq!(got.samples.len(), expected.len());
                    if matches!(got.certainty, Certainty::Certified { .. }) {
                        certified += 1;
                        assert!(got.samples == expected, "{array}, {range:?}");
                    }
                }
                Err(_) => refused += 1,
            }
        }
        let noticed = 25 - certified;
        assert!(
            certified > 0 && noticed > 0,
            "{array}: {refused}, {certified}"
        );
        assert_eq!(refused > 0, array.contains("index"), "{array}: {refused}");
        fs::write(&path, whole).unwrap();
    }
}
