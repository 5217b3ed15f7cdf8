//! What version 1 cannot hold: an error that says which limit, or, with extensions, no limit at all.

use std::sync::Mutex;

use gst::prelude::*;

use super::record_fed;
use crate::common::feed::{Feed, Item, add_track};
use crate::common::packets::same_streams;
use crate::common::v1;

const MS: i64 = 1_000_000;

/// The error of a plain version 1 recording.
fn plain_error(push: impl FnOnce(&Feed)) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let feed = Feed::new(&folder.path().join("file.h4mk"), "extensions=false");
    push(&feed);
    feed.run().failure()
}

#[test]
fn a_plain_file_cannot_hold_a_time_before_zero_and_says_so() {
    let error = plain_error(|feed| {
        let source = feed.track("video_%u", "video/x-test");
        source.push_all(&[Item::key(-1, "a"), Item::key(40 * MS, "b")]);
        source.end();
    });
    assert!(
        error.contains("PTS") && error.contains("version 1"),
        "{error}"
    );
}

#[test]
fn a_plain_file_ends_at_74_hours_and_says_so() {
    let error = plain_error(|feed| {
        let source = feed.track("video_%u", "video/x-test");
        source.push_all(&[Item::key(0, "a"), Item::key((1 << 28) * MS, "b")]);
        source.end();
    });
    assert!(error.contains("74.6 h"), "{error}");
}

#[test]
fn a_plain_file_holds_the_last_millisecond() {
    let recording = record_fed("extensions=false", |feed| {
        let source = feed.track("video_%u", "video/x-test");
        source.push_all(&[
            Item::key(0, "a"),
            Item::key(((1 << 28) - 1) * MS + 999_999, "b"),
        ]);
        source.end();
    });
    let file = recording.check_v1();
    assert_eq!(v1::blocks(&file, None)[1]["pts_ms"], (1 << 28) - 1);
}

#[test]
fn a_plain_file_has_one_trak_and_a_caps_change_says_so() {
    let error = plain_error(|feed| {
        let source = feed.track("video_%u", "video/x-test,width=1");
        source.push(&Item::key(0, "a"));
        source.caps("video/x-test,width=2");
        source.push(&Item::key(40 * MS, "b"));
        source.end();
    });
    assert!(
        error.contains("TRAK") && error.contains("version 1"),
        "{error}"
    );
}

#[test]
fn a_plain_file_has_one_trak_and_a_late_pad_says_so() {
    let error = plain_error(|feed| {
        let source = feed.track("video_%u", "video/x-test,width=1");
        source.push(&Item::key(0, "a"));
        let pad = feed.muxer.sink_pads().pop().expect("the pad");
        let (pipeline, muxer) = (feed.pipeline.downgrade(), feed.muxer.downgrade());
        // The first buffer has been written when the second comes.
        source.push_all(&[Item::key(40 * MS, "b"), Item::key(80 * MS, "c")]);
        source.end();
        let late = move || {
            let late = add_track(
                &pipeline.upgrade()?,
                &muxer.upgrade()?,
                "audio_%u",
                "audio/x-late",
                false,
            );
            late.push(&Item::key(60 * MS, "late"));
            late.end();
            Some(())
        };
        let mut seen = 0;
        let late = Mutex::new(move || {
            seen += 1;
            if seen == 3 { late() } else { None }
        });
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            (late.lock().expect("one thread"))();
            gst::PadProbeReturn::Ok
        });
    });
    assert!(
        error.contains("TRAK") && error.contains("version 1"),
        "{error}"
    );
}

#[test]
fn seventy_thousand_key_blocks_leave_the_seek_table_out() {
    for properties in ["", "extensions=false"] {
        let recording = record_fed(properties, |feed| {
            let many = feed.track("audio_%u", "audio/x-test,rate=48000,channels=1");
            let few = feed.track("audio_%u", "audio/x-test,rate=8000,channels=1");
            for n in 0..70_000i64 {
                many.push(&Item::key(n * 10 * MS, (n as u32).to_le_bytes()).lasting(10_000_000));
            }
            for n in 0..700i64 {
                few.push(
                    &Item::key(n * 1000 * MS, (n as u32).to_be_bytes()).lasting(1_000_000_000),
                );
            }
            many.end();
            few.end();
        });
        if properties.is_empty() {
            same_streams(&recording.streams, &recording.play());
        }
        let file = recording.check_v1();
        let tables = file["seek_tables"].as_object().expect("seek tables");
        let lengths: Vec<_> = tables
            .values()
            .filter_map(|t| t.as_array().map(Vec::len))
            .collect();
        assert_eq!(
            lengths,
            [700],
            "the table of 70 000 is left out, the other is complete"
        );
        assert_eq!(v1::blocks(&file, None).len(), 70_700);
    }
}

#[test]
fn sixty_five_thousand_five_hundred_and_thirty_five_key_blocks_have_a_seek_table() {
    let recording = record_fed("", |feed| {
        let source = feed.track("audio_%u", "audio/x-test,rate=48000,channels=1");
        (0..65_535i64).for_each(|n| source.push(&Item::key(n * MS, "k")));
        source.end();
    });
    let file = v1::read(&recording.file, false);
    let tables = file["seek_tables"].as_object().expect("seek tables");
    let entries = tables
        .values()
        .next()
        .and_then(|t| t.as_array())
        .expect("a table");
    let offsets: Vec<_> = v1::blocks(&file, None)
        .iter()
        .map(|b| b["offset"].as_u64())
        .collect();
    assert!(entries.iter().map(|e| e[1].as_u64()).eq(offsets));
}
