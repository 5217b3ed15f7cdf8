//! Several ranges, one after the other.

use gst::prelude::*;

use crate::common::Random;
use crate::common::opus;
use crate::player::{Player, Store, sequential};

/// Where a range begins in running time when so many samples came before it.
fn time(samples: u64) -> u64 {
    samples * 62_500 / 3
}

#[test]
fn ranges_of_a_list_are_exact_and_follow_each_other() {
    let (store, whole) = (Store::of(opus::CELT), sequential(opus::CELT));
    let mut random = Random::new(21);
    let mut ranges = vec![
        (0, 960),
        (500, 700),
        (500, 700),
        (700, 701),
        (40_000, 90_123),
    ];
    for _ in 0..20 {
        let start = random.below(whole.count() as u64 - 20_000);
        ranges.push((start, start + 1 + random.below(9000)));
    }
    let list: Vec<String> = ranges.iter().map(|(a, b)| format!("{a}-{b}")).collect();
    let decoded = store.decode(&format!("segments={}", list.join(",")));
    // Ranges that go on where the one before stops are one run.
    let mut expected: Vec<(u64, u64, Vec<i16>)> = Vec::new();
    let mut before = 0;
    for (start, stop) in ranges {
        let samples = whole.part(start, stop);
        match expected.last_mut() {
            Some((first, _, run)) if *first + run.len() as u64 / 2 == start => run.extend(samples),
            _ => expected.push((start, time(before), samples.to_vec())),
        }
        before += stop - start;
    }
    assert_eq!(decoded.runs.len(), expected.len());
    for (run, (first, running, samples)) in decoded.runs.iter().zip(expected) {
        assert_eq!((run.first, run.running), (first, running));
        assert!(run.samples == samples, "{first}: other values");
    }
}

#[test]
fn the_last_range_may_go_to_the_end() {
    let store = Store::of(opus::ODD_TOOLS);
    let decoded = store.decode("segments=10-20,100000-");
    assert_eq!(decoded.places(), [(10, 10), (100_000, 3)]);
}

#[test]
fn the_ranges_of_a_list_sound_at_their_rate() {
    let store = Store::of(opus::ODD_TOOLS);
    let player = Player::new(&store.source("segments=0-9600,50000-59600"));
    let (none, zero) = (gst::SeekType::None, gst::ClockTime::ZERO);
    player.pipeline.set_state(gst::State::Ready).expect("READY");
    let sought = player
        .source()
        .seek(2.0, gst::SeekFlags::FLUSH, none, zero, none, zero);
    assert!(sought.is_ok(), "before the start only the rate is changed");
    let decoded = player.decode();
    assert_eq!(decoded.places(), [(0, 9600), (50_000, 9600)]);
    assert_eq!(decoded.runs[1].running, time(4800));
}

#[test]
fn each_range_has_caps_a_segment_and_a_discontinuity() {
    let store = Store::of(opus::ODD_TOOLS);
    let source = store.source("segments=1000-2000,50000-52000 preroll=80");
    let player = Player::through(&source, "identity");
    player
        .pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    let mut begins = Vec::new();
    let mut caps = None;
    while let Some(sample) = player.pull() {
        let begun = sample.caps_owned() != caps;
        caps = sample.caps_owned();
        let flags = sample.buffer().expect("a buffer").flags();
        assert_eq!(flags.contains(gst::BufferFlags::DISCONT), begun);
        if begun {
            let segment = sample.segment().expect("a segment");
            let segment = segment.downcast_ref::<gst::ClockTime>().expect("in TIME");
            let ns = |time: Option<gst::ClockTime>| time.expect("a time").nseconds();
            assert_eq!(segment.time(), segment.start());
            begins.push((ns(segment.start()), ns(segment.stop()), ns(segment.base())));
        }
    }
    let expected = [
        (time(1000), time(2000), 0),
        (time(50_000), time(52_000), time(1000)),
    ];
    assert_eq!(begins, expected);
}
