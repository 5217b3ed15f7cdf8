//! One range, by the properties.

use crate::common::Random;
use crate::common::opus::{self, Opus};
use crate::player::{Decoded, Store, sequential};

/// Compares a range with the same samples of a sequential decode.
#[track_caller]
fn same(store: &Store, whole: &Decoded, properties: &str, start: u64, stop: u64) {
    let decoded = store.decode(&format!("start={start} stop={stop} {properties}"));
    let count = (stop - start) as usize;
    assert_eq!(decoded.places(), [(start, count)], "{start} to {stop}");
    let equal = decoded.run().samples == whole.part(start, stop);
    assert!(equal, "{start} to {stop}: other values");
}

#[test]
fn the_whole_store_is_the_sequential_decode() {
    for file in [opus::ODD_FFMPEG, opus::ODD_TOOLS, opus::ODD_GST] {
        let (store, whole) = (Store::of(file), sequential(file));
        assert_eq!(whole.count(), 100_003, "{}", file.name);
        assert!(store.decode("") == whole, "{}", file.name);
    }
}

#[test]
fn ranges_of_celt_are_exact() {
    let (store, whole) = (Store::of(opus::CELT), sequential(opus::CELT));
    let total = whole.count() as u64;
    let mut random = Random::new(11);
    for _ in 0..40 {
        let start = random.below(total - 1);
        let stop = start + 1 + random.below((total - start - 1).min(20_000));
        same(&store, &whole, "", start, stop);
    }
    for (start, stop) in [
        (0, 1),
        (0, 648),
        (647, 649),
        (648, 1608),
        (total - 1, total),
        (total - 961, total),
        (31_000, 31_001),
    ] {
        same(&store, &whole, "", start, stop);
    }
}

/// Count and place are exact whatever the codec's mode; values are, where the pre-roll reaches back far enough.
fn check_modes(file: Opus) {
    let (store, whole) = (Store::of(file), sequential(file));
    let total = whole.count() as u64;
    let mut random = Random::new(12);
    for _ in 0..4 {
        let start = random.below(total - 1);
        let stop = start + 1 + random.below(total - start - 1).min(48_000);
        let count = (stop - start) as usize;
        for preroll in ["0", "80", "auto"] {
            let range = format!("start={start} stop={stop} preroll={preroll}");
            let places = store.decode(&range).places();
            assert_eq!(places, [(start, count)], "{}: {range}", file.name);
        }
        same(&store, &whole, "preroll=60000", start, stop);
    }
}

#[test]
fn ranges_of_all_modes_are_in_their_place() {
    for file in [
        opus::SILK,
        opus::SILK_60,
        opus::HYBRID,
        opus::MIXED,
        opus::SWITCHED,
    ] {
        check_modes(file);
    }
}

#[test]
fn ranges_of_all_packet_lengths_are_in_their_place() {
    for file in [
        opus::CELT_2_5,
        opus::CELT_5,
        opus::CELT_60,
        opus::FFMPEG_80,
        opus::FFMPEG_100,
        opus::FFMPEG_120,
        opus::MERGED_48,
        opus::PADDED_254,
    ] {
        check_modes(file);
    }
}

#[test]
fn several_streams_in_a_packet_are_read() {
    for file in [opus::SURROUND, opus::DISCRETE] {
        check_modes(file);
    }
}

#[test]
fn the_gain_of_the_header_is_kept() {
    check_modes(opus::GAIN);
}

#[test]
fn each_link_of_a_chain_plays_by_itself() {
    let files = [opus::SILK, opus::ODD_TOOLS, opus::SURROUND];
    let store = Store::chained(&files);
    for (link, file) in files.into_iter().enumerate() {
        let decoded = store.decode(&format!("link={link}"));
        let whole = sequential(file);
        assert_eq!(decoded.places(), whole.places(), "{}", file.name);
        assert!(decoded == whole, "{}", file.name);
    }
}

#[test]
fn stores_of_both_zarr_formats_and_with_compression_are_read() {
    let whole = sequential(opus::ODD_TOOLS);
    for properties in ["zarr-format=2", "index-compression=zstd"] {
        let store = Store::with(opus::ODD_TOOLS, properties);
        same(&store, &whole, "", 50_000, 60_001);
    }
}

#[test]
fn a_range_that_stops_at_the_end_ends_there() {
    let (store, whole) = (Store::of(opus::ODD_TOOLS), sequential(opus::ODD_TOOLS));
    let decoded = store.decode("start=99000");
    assert_eq!(decoded.places(), [(99_000, 1003)]);
    assert_eq!(decoded.run().samples, whole.part(99_000, 100_003));
}
