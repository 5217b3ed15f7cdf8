//! Any bytes, and real headers with damage: errors at most.

use proptest::prelude::*;

use gstharmony::isobmff::config::{aac, ac3, av1, avc, eac3, flac, hevc, opus as dops, vp9};
use gstharmony::opus;

use crate::reference::{first_box, packets};

/// Every reader of headers, of samples and of packets. What it returns is not looked at: none may panic.
fn read(bytes: &[u8]) {
    if let Ok(config) = avc::Config::parse(bytes) {
        let _ = (
            config.codecs(true),
            config.sps.map(|sps| sps.reorder_depth()),
        );
    }
    if let Ok(config) = hevc::Config::parse(bytes) {
        let _ = config.codecs(true);
    }
    for length_size in [1, 2, 4] {
        let _ = (
            avc::find_sps(bytes, length_size),
            hevc::find_sps(bytes, length_size),
        );
        let _ = avc::has_parameter_sets(bytes, length_size);
        let _ = hevc::has_parameter_sets(bytes, length_size);
    }
    let _ = (avc::Sps::parse(bytes), hevc::Sps::parse(bytes));
    for config in [
        av1::Config::parse(bytes),
        av1::Config::from_temporal_unit(bytes),
    ] {
        let _ = config.map(|config| config.codecs());
    }
    assert!(av1::leading_delimiters(bytes) <= bytes.len());
    let _ = av1::Sequence::parse(bytes);
    if let Ok(key) = vp9::KeyFrame::parse(bytes) {
        let level = vp9::level(key.width, key.height, Some((u32::MAX, 1)));
        let _ = (key.record(level, key.colour), key.codecs(level, key.colour));
    }
    if let Ok(config) = aac::Config::parse(bytes) {
        let _ = config.samples_at(u32::MAX);
    }
    let _ = opus::Head::parse(bytes).map(|head| dops::record(&head));
    let _ = (
        opus::samples(bytes),
        flac::samples(bytes),
        eac3::samples(bytes),
    );
    let _ = flac::Config::parse([bytes, bytes]);
    let _ = (ac3::Config::parse(bytes), eac3::Config::parse(bytes));
}

/// Real headers, one of each kind.
fn headers() -> Vec<Vec<u8>> {
    use super::{audio, video};
    let first = |recipe| packets(recipe, 1).remove(0);
    vec![
        first_box(super::avc::REORDERED[3], b"avcC"),
        first_box(super::avc::REORDERED[3], b"avcC").split_off(8),
        first_box(super::avc::REORDERED[9], b"avcC"),
        first_box(video::X265[3], b"hvcC"),
        first_box(video::AV1[4], b"av1C"),
        first_box(video::AV1[4], b"av1C").split_off(4),
        first_box(video::AV1[4], b"av1C").split_off(6),
        first(video::VP9[3]),
        vec![0b0010_1011, 0b0001_0001, 0b1000_1000, 0],
        b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00".to_vec(),
        first(audio::OPUS[2]),
        first_box(audio::FLAC[0], b"dfLa").split_off(4),
        first(audio::FLAC[0]),
        first(audio::AC3[1]),
        first(audio::EAC3[1]),
    ]
}

#[test]
fn cut_headers_are_errors_at_most() {
    for header in headers() {
        for end in 0..header.len().min(300) {
            read(&header[..end]);
        }
    }
}

#[test]
fn damaged_headers_are_errors_at_most() {
    let headers = headers();
    let damage = (
        0..headers.len(),
        prop::collection::vec((0usize..160, any::<u8>()), 1..6),
    );
    proptest!(ProptestConfig::with_cases(4000), |((which, changes) in damage)| {
        let mut header = headers[which].clone();
        for (at, byte) in changes {
            let length = header.len();
            header[at % length] = byte;
        }
        read(&header);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn any_bytes_are_errors_at_most(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }
}
