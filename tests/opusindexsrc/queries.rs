//! Queries, in samples and in time.

use gst::prelude::*;

use crate::common::opus;
use crate::player::{Player, Store};

fn samples(count: u64) -> gst::format::Default {
    gst::format::Default::from_u64(count)
}

/// A paused source into a sink that keeps all.
fn paused(properties: &str) -> (Store, Player) {
    let store = Store::of(opus::ODD_TOOLS);
    let player = Player::new(&store.source(properties));
    player.state(gst::State::Paused);
    (store, player)
}

#[test]
fn duration_and_position_are_told_in_both_formats() {
    let (_store, player) = paused("start=30000 stop=40000");
    let source = player.source();
    let time = gst::ClockTime::from_nseconds(100_003 * 62_500 / 3);
    assert_eq!(source.query_duration(), Some(time));
    assert_eq!(source.query_duration(), Some(samples(100_003)));
    let position = source
        .query_position::<gst::format::Default>()
        .expect("a position");
    assert!((30_000..=40_000).contains(&*position), "{position:?}");
    let time = source
        .query_position::<gst::ClockTime>()
        .expect("a position");
    assert!((625..=834).contains(&time.mseconds()), "{time}");
    player.decode();
    assert_eq!(source.query_position(), Some(samples(40_000)));
    let bytes = source.query_duration::<gst::format::Bytes>();
    assert_eq!(bytes, None, "packets have no fixed size");
}

#[test]
fn samples_and_times_are_converted_into_each_other() {
    let (_store, player) = paused("");
    let source = player.source();
    for sample in [0, 1, 2, 47_999, 48_000, 100_003, 1 << 40] {
        let time: Option<gst::ClockTime> = source.query_convert(samples(sample)).expect("a time");
        let time = time.expect("a time");
        assert_eq!(time.nseconds(), sample * 62_500 / 3);
        assert_eq!(source.query_convert(time), Some(Some(samples(sample))));
    }
    let bytes: Option<Option<gst::format::Bytes>> = source.query_convert(samples(1));
    assert_eq!(bytes, None);
}

#[test]
fn seeking_is_possible_in_time_and_samples() {
    let (_store, player) = paused("start=10");
    let source = player.source();
    for (format, able) in [
        (gst::Format::Time, true),
        (gst::Format::Default, true),
        (gst::Format::Bytes, false),
    ] {
        let mut query = gst::query::Seeking::new(format);
        assert!(source.query(&mut query));
        let (seekable, start, end) = query.result();
        assert_eq!(seekable, able);
        assert_eq!(
            (start.value(), end.value() > 0),
            if able { (0, true) } else { (-1, false) }
        );
    }
}

#[test]
fn formats_scheduling_and_segment_are_told() {
    let (_store, player) = paused("start=4800 stop=9600");
    let source = player.source();
    let mut query = gst::query::Formats::new();
    assert!(source.query(&mut query));
    let formats: Vec<_> = query.result().collect();
    assert_eq!(formats, [gst::Format::Time, gst::Format::Default]);
    let mut query = gst::query::Scheduling::new();
    assert!(source.query(&mut query));
    assert!(query.has_scheduling_mode(gst::PadMode::Push));
    assert!(!query.has_scheduling_mode(gst::PadMode::Pull));
    assert!(query.result().0.contains(gst::SchedulingFlags::SEEKABLE));
    let mut query = gst::query::Segment::new(gst::Format::Time);
    assert!(source.query(&mut query));
    let (rate, start, stop) = query.result();
    assert_eq!(rate, 1.0);
    let ms = |value: gst::GenericFormattedValue| value.value() / 1_000_000;
    assert_eq!((ms(start), ms(stop)), (100, 200));
}

#[test]
fn a_source_that_is_not_open_converts_and_knows_no_duration() {
    let source = Player::new("opusindexsrc name=source location=/nowhere").source();
    assert_eq!(source.query_duration::<gst::ClockTime>(), None);
    assert_eq!(
        source.query_convert(samples(48_000)),
        Some(Some(gst::ClockTime::SECOND))
    );
}

#[test]
fn what_was_played_is_counted() {
    let (_store, player) = paused("segments=48000-48960,96000-96960 preroll=100");
    player.decode();
    let stats = player.source().property::<gst::Structure>("stats");
    assert_eq!(stats.get::<u32>("ranges"), Ok(2));
    // 4800 samples before sample 96 312 of the time line: from the start of packet 95 on.
    assert_eq!(stats.get::<u64>("preroll-samples"), Ok(96_312 - 95 * 960));
    assert_eq!(
        stats.get::<u64>("packets"),
        Ok(14),
        "twice 5 or 6 of pre-roll, and 2"
    );
    assert!(stats.get::<u64>("bytes").is_ok_and(|bytes| bytes > 14 * 20));
}
