//! What is wrong is said by its name.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use gst::glib;
use gst::prelude::*;
use gst::{ResourceError, StreamError};

use crate::common::opus;
use crate::common::pipeline::PATIENCE;
use crate::player::{Player, Store};

/// The source fails with an error of this kind that has all these words.
#[track_caller]
fn fails<E: glib::error::ErrorDomain + Copy>(source: &str, kind: E, words: &[&str]) {
    let player = Player::new(source);
    // Where the start is refused, the error is on the bus all the same.
    let _ = player.pipeline.set_state(gst::State::Playing);
    let bus = player.pipeline.bus().expect("a bus");
    let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
    let message = bus.timed_pop_filtered(PATIENCE, &kinds).expect("it hangs");
    let gst::MessageView::Error(error) = message.view() else {
        panic!("{source}: no error");
    };
    assert_eq!(error.src().map(|s| s.name()).as_deref(), Some("source"));
    let error = error.error();
    assert!(error.matches(kind), "{source}: {error:?}");
    for word in words {
        assert!(
            error.message().contains(word),
            "{source}: no {word} in {error}"
        );
    }
}

#[test]
fn properties_that_say_no_range_are_named() {
    let store = Store::of(opus::ODD_TOOLS);
    for (properties, words) in [
        ("start=9 stop=5", ["start and stop", "stop 5", "9"]),
        ("start=5 stop=5", ["start and stop", "stop 5", "5"]),
        ("segments=5-9,x", ["segments", "\"x\"", "first-stop"]),
        ("segments=5-4", ["segments", "stop 4", "5"]),
        ("segments=5-9 start=3", ["segments", "start", "one of both"]),
        ("preroll=soon", ["preroll", "\"soon\"", "milliseconds"]),
        ("stop=100004", ["100004", "out of range", "100003"]),
        ("start=100003", ["100003", "out of range", "a store#1.zarr"]),
        (
            "segments=0-5,7-100004",
            ["100004", "out of range", "100003"],
        ),
        ("link=1", ["link 1", "out of range", "1"]),
    ] {
        fails(&store.source(properties), ResourceError::Settings, &words);
    }
}

#[test]
fn a_location_without_a_store_is_named() {
    let nowhere = "opusindexsrc name=source";
    fails(
        nowhere,
        ResourceError::Settings,
        &["location", "found none"],
    );
    let folder = Store::empty();
    let missing = folder.source("");
    fails(
        &missing,
        StreamError::WrongType,
        &["a store#1.zarr", "not a store"],
    );
    fs::create_dir(folder.path()).expect("a folder");
    fails(
        &missing,
        StreamError::WrongType,
        &["a store#1.zarr", "not a store"],
    );
    let group = r#"{"zarr_format": 3, "node_type": "group", "attributes": {}}"#;
    fs::write(folder.path().join("zarr.json"), group).expect("a file");
    fails(&missing, StreamError::WrongType, &["a store#1.zarr"]);
}

#[test]
fn another_version_is_refused() {
    let store = Store::of(opus::ODD_TOOLS);
    let json = store.path().join("zarr.json");
    let text = fs::read_to_string(&json).expect("attributes");
    let version = gstharmony::opus::attributes::SPEC_VERSION;
    let newer = text.replace(&format!("\"{version}\""), "\"99.0\"");
    assert_ne!(newer, text);
    fs::write(&json, newer).expect("written");
    fails(&store.source(""), StreamError::Format, &["99.0", version]);
}

/// Writes a field of a row of the index.
fn set_field(store: &Store, packet: u64, field: u64, value: u64) {
    let chunk = store.path().join("opus_index/c/0/0");
    let file = OpenOptions::new().write(true).open(chunk).expect("a chunk");
    let at = (packet * 5 + field) * 8;
    file.write_all_at(&value.to_le_bytes(), at)
        .expect("written");
}

#[test]
fn a_damaged_index_is_found_with_packet_and_field() {
    for (field, name) in [(0, "byte_pos"), (2, "sample_count"), (3, "cum_start")] {
        let store = Store::of(opus::ODD_TOOLS);
        set_field(&store, 50, field, 7);
        fails(&store.source(""), StreamError::Demux, &["packet 50", name]);
    }
}

#[test]
fn a_leap_between_two_pages_of_rows_is_found() {
    let store = Store::of(opus::CELT);
    let packets = store.committed();
    assert!(packets > 300, "more than a page");
    // From packet 256 on, where a page begins, all rows agree with each other.
    for packet in 256..packets {
        set_field(&store, packet, 3, packet * 960 + 1);
        set_field(&store, packet, 4, packet * 960 + 960);
    }
    let player = Player::through(&store.source(""), "identity");
    let started = player.pipeline.set_state(gst::State::Playing);
    started.expect("it plays");
    assert_eq!(std::iter::from_fn(|| player.pull()).count(), 256);
    let bus = player.pipeline.bus().expect("a bus");
    let message = bus.pop_filtered(&[gst::MessageType::Error]);
    let message = message.expect("an error");
    let gst::MessageView::Error(error) = message.view() else {
        panic!("{message:?}");
    };
    let error = error.error().to_string();
    assert!(
        error.contains("packet 256") && error.contains("cum_start"),
        "{error}"
    );
}

#[test]
fn a_count_that_is_not_the_packets_is_found_when_it_is_verified() {
    let store = Store::of(opus::ODD_TOOLS);
    // Packet 50 would have 480 samples less, and packet 51 those.
    set_field(&store, 50, 2, 480);
    set_field(&store, 50, 4, 50 * 960 + 479);
    set_field(&store, 51, 2, 1440);
    set_field(&store, 51, 3, 50 * 960 + 480);
    fails(
        &store.source(""),
        StreamError::Demux,
        &["packet 50", "sample_count", "480", "960"],
    );
    let unverified = Player::through(&store.source("verify-index=false"), "identity");
    unverified
        .pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    let packets = std::iter::from_fn(|| unverified.pull()).count() as u64;
    assert_eq!(packets, (312u64 + 100_003).div_ceil(960));
}

#[test]
fn a_packet_that_breaks_a_rule_is_named() {
    let store = Store::of(opus::ODD_TOOLS);
    let chunk = store.path().join("opus_packets/c/0");
    let file = OpenOptions::new().write(true).open(chunk).expect("a chunk");
    // The first packet becomes one of code 3 without a frame.
    file.write_all_at(&[0xff, 0], 0).expect("written");
    fails(&store.source(""), StreamError::Demux, &["packet 0", "R5"]);
}

#[test]
fn a_missing_chunk_is_named() {
    for (chunk, array) in [
        ("opus_packets/c/0", "opus_packets"),
        ("opus_index/c/0/0", "opus_index"),
    ] {
        let store = Store::of(opus::ODD_TOOLS);
        fs::remove_file(store.path().join(chunk)).expect("removed");
        fails(&store.source(""), StreamError::Demux, &[array, "missing"]);
    }
}
