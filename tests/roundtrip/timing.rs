//! Times, flags and sizes at their edges.

use gst::BufferFlags;

use super::record_fed;
use crate::common::feed::Item;
use crate::common::{Feed, Random};

const MS: i64 = 1_000_000;
const VIDEO: &str = "video/x-test,width=16";

/// Records one stream of these items and checks it.
fn one_stream(items: &[Item]) {
    let recording = record_fed("", |feed: &Feed| {
        let source = feed.track("video_%u", VIDEO);
        source.push_all(items);
        source.end();
    });
    assert_eq!(recording.streams[0].packets.len(), items.len());
    for (packet, item) in recording.streams[0].packets.iter().zip(items) {
        // What the test means to say is what it says.
        assert_eq!(
            (packet.pts, packet.dts, packet.duration),
            (item.pts, item.dts, item.duration)
        );
    }
    recording.check();
}

#[test]
fn times_before_zero() {
    let items: Vec<Item> = (0..40)
        .map(|n| {
            let pts = (n - 10) * 40 * MS + 1;
            let item = if n % 10 == 0 {
                Item::key(pts, [n as u8])
            } else {
                Item::delta(pts, [n as u8])
            };
            item.dts(pts - 80 * MS - 1).lasting(40_000_000)
        })
        .collect();
    one_stream(&items);
}

#[test]
fn times_past_what_version_1_can_hold() {
    let hours = 75 * 3600 * 1000 * MS;
    let items: Vec<Item> = (0..30)
        .map(|n| Item::key(n * 3 * hours, vec![n as u8; 10]))
        .collect();
    one_stream(&items);
}

#[test]
fn times_that_are_missing() {
    let mut items = vec![
        Item::key(0, "a"),
        Item::key(0, "b"),
        Item::key(20 * MS, "c").dts(10 * MS),
    ];
    items[1].pts = None;
    items.push(Item {
        pts: None,
        ..Item::delta(0, "d").dts(30 * MS)
    });
    items.push(Item {
        pts: None,
        ..Item::delta(0, "e")
    });
    items.push(Item::delta(50 * MS, "f"));
    one_stream(&items);
}

#[test]
fn a_stream_without_any_time() {
    let items: Vec<Item> = (0..20)
        .map(|n| Item {
            pts: None,
            ..Item::key(0, vec![n as u8; 3])
        })
        .collect();
    one_stream(&items);
}

#[test]
fn every_kept_flag_in_every_mixture() {
    let flags = [
        BufferFlags::DISCONT,
        BufferFlags::HEADER,
        BufferFlags::DROPPABLE,
        BufferFlags::MARKER,
        BufferFlags::GAP,
        BufferFlags::CORRUPTED,
        BufferFlags::DELTA_UNIT,
        BufferFlags::from_bits_retain(1 << 20),
        BufferFlags::from_bits_retain(1 << 22),
    ];
    let items: Vec<Item> = (0..1usize << flags.len())
        .map(|mixture| {
            let mixed = flags
                .iter()
                .enumerate()
                .filter(|(bit, _)| mixture >> bit & 1 == 1);
            let mixed = mixed.fold(BufferFlags::empty(), |all, (_, flag)| all | *flag);
            Item::key(mixture as i64 * MS, [mixture as u8]).flags(mixed)
        })
        .collect();
    one_stream(&items);
}

#[test]
fn empty_buffers() {
    let items: Vec<Item> = (0..20)
        .map(|n| {
            Item::key(
                n * 10 * MS,
                vec![7; if n % 3 == 0 { 0 } else { n as usize }],
            )
        })
        .collect();
    one_stream(&items);
    one_stream(&[Item::key(0, "")]);
}

#[test]
fn durations_from_nothing_to_years() {
    let durations = [0, 1, 999_999, 1_000_000, 1 << 40, 1 << 60];
    let items: Vec<Item> = durations
        .iter()
        .enumerate()
        .map(|(n, duration)| Item::key(n as i64 * MS, "x").lasting(*duration))
        .collect();
    one_stream(&items);
}

#[test]
fn times_that_jump_back_and_ahead() {
    let mut random = Random::new(11);
    let items: Vec<Item> = (0..500)
        .map(|n| {
            let pts = random.below(3_600_000_000_000) as i64 - 60_000 * MS;
            let size = random.below(300) as usize;
            let item = if n % 7 == 0 {
                Item::key(pts, random.bytes(size))
            } else {
                Item::delta(pts, random.bytes(size))
            };
            if random.below(2) == 0 {
                item.dts(n * 40 * MS)
            } else {
                item
            }
        })
        .collect();
    one_stream(&items);
}

#[test]
fn hours_without_a_buffer_and_gap_events_between() {
    let recording = record_fed("", |feed| {
        let rare = feed.track("sink_%u", "application/x-json");
        let steady = feed.track("audio_%u", "audio/x-test,rate=8000,channels=1");
        for hour in 0..4 {
            let start = hour * 3_600_000 * MS;
            rare.push(&Item::key(start, format!("{{\"hour\":{hour}}}")));
            rare.gap(start + MS, 3_599_000_000_000);
            for n in 0..20 {
                steady.push(
                    &Item::key(start + n * 180_000 * MS, vec![n as u8; 50])
                        .lasting(180_000_000_000),
                );
            }
        }
        rare.end();
        steady.end();
    });
    assert_eq!(recording.streams[0].packets.len(), 4, "a GAP is no packet");
    recording.check();
}
