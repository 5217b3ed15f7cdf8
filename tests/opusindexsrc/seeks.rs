//! Seeks, compared with a sequential decode.

use gst::prelude::*;

use crate::common::Random;
use crate::common::opus;
use crate::player::{Decoded, Player, Store, sequential};

const FLUSH: gst::SeekFlags = gst::SeekFlags::FLUSH;
const SET: gst::SeekType = gst::SeekType::Set;
const NONE: gst::SeekType = gst::SeekType::None;

fn samples(count: u64) -> gst::format::Default {
    gst::format::Default::from_u64(count)
}

fn time(sample: u64) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(sample * 62_500 / 3)
}

/// A store of CELT, playing, and the same from the start.
fn playing(properties: &str) -> (Store, Player, Decoded) {
    let store = Store::of(opus::CELT);
    let player = Player::new(&store.source(properties));
    player.state(gst::State::Playing);
    (store, player, sequential(opus::CELT))
}

/// The samples from the first that was decoded on are those of the sequential decode.
#[track_caller]
fn same(decoded: &Decoded, whole: &Decoded, first: u64) {
    let run = decoded.run();
    assert_eq!(run.first, first);
    let stop = first + decoded.count() as u64;
    assert!(
        run.samples == whole.part(first, stop),
        "{first}: other values"
    );
}

#[test]
fn seeks_while_playing_go_to_the_very_sample() {
    let (_store, player, whole) = playing("");
    let mut random = Random::new(31);
    for n in 0..50 {
        let to = random.below(whole.count() as u64 - 3000);
        let flags = match n % 3 {
            0 => FLUSH,
            1 => FLUSH | gst::SeekFlags::ACCURATE,
            _ => FLUSH | gst::SeekFlags::KEY_UNIT,
        };
        match n % 2 {
            0 => player
                .pipeline
                .seek_simple(flags, samples(to))
                .expect("a seek in samples"),
            _ => player
                .pipeline
                .seek_simple(flags, time(to))
                .expect("a seek in time"),
        }
        let mut decoded = Decoded::default();
        player.pull_to(&mut decoded, 2500);
        same(&decoded, &whole, to);
        assert_eq!(decoded.run().running, 0, "a flush begins anew");
    }
}

#[test]
fn times_between_samples_go_to_the_nearest() {
    let (_store, player, whole) = playing("");
    for (ns, sample) in [(1_000_010_000, 48_000), (1_000_011_000, 48_001)] {
        let to = gst::ClockTime::from_nseconds(ns);
        player.pipeline.seek_simple(FLUSH, to).expect("a seek");
        let mut decoded = Decoded::default();
        player.pull_to(&mut decoded, 1000);
        same(&decoded, &whole, sample);
    }
}

#[test]
fn a_seek_with_a_stop_ends_there() {
    let (_store, player, whole) = playing("");
    for (start, stop) in [(50_000, 60_001), (50_000, 50_001), (0, 700)] {
        let source = player.source();
        let sought = source.seek(1.0, FLUSH, SET, samples(start), SET, samples(stop));
        sought.expect("a seek");
        let decoded = player.rest();
        assert_eq!(decoded.places(), [(start, (stop - start) as usize)]);
        same(&decoded, &whole, start);
    }
}

#[test]
fn seeks_count_from_the_end_too() {
    let (_store, player, whole) = playing("");
    let total = whole.count() as u64;
    // −1234 as it is in the event.
    let back = samples(1234u64.wrapping_neg());
    let event = gst::event::Seek::new(1.0, FLUSH, gst::SeekType::End, back, NONE, samples(0));
    assert!(player.source().send_event(event));
    let decoded = player.rest();
    assert_eq!(decoded.places(), [(total - 1234, 1234)]);
    same(&decoded, &whole, total - 1234);
}

#[test]
fn the_stop_of_the_properties_stays_until_a_seek_goes_behind_it() {
    let (_store, player, whole) = playing("start=1000 stop=20000");
    let total = whole.count() as u64;
    let source = player.source();
    for (to, stop) in [(15_000, 20_000), (total - 500, total)] {
        let sought = source.seek(1.0, FLUSH, SET, samples(to), NONE, samples(0));
        sought.expect("a seek");
        assert_eq!(player.rest().places(), [(to, (stop - to) as usize)]);
    }
}

#[test]
fn a_seek_ends_a_list() {
    let (_store, player, whole) = playing("segments=0-960,48000-48960");
    let to = whole.count() as u64 - 5000;
    player
        .pipeline
        .seek_simple(FLUSH, samples(to))
        .expect("a seek");
    let decoded = player.rest();
    assert_eq!(decoded.places(), [(to, 5000)]);
    same(&decoded, &whole, to);
}

#[test]
fn a_seek_to_the_end_is_the_end() {
    let (_store, player, whole) = playing("");
    for to in [whole.count() as u64, whole.count() as u64 + 48_000] {
        player
            .pipeline
            .seek_simple(FLUSH, samples(to))
            .expect("a seek");
        assert!(player.pull().is_none());
    }
    player
        .pipeline
        .seek_simple(FLUSH, samples(9))
        .expect("a seek back");
    let mut decoded = Decoded::default();
    player.pull_to(&mut decoded, 100);
    same(&decoded, &whole, 9);
}

#[test]
fn a_seek_before_the_start_takes_the_place_of_the_properties() {
    let (store, whole) = (Store::of(opus::CELT), sequential(opus::CELT));
    let player = Player::new(&store.source("start=5000 stop=6000"));
    player.pipeline.set_state(gst::State::Ready).expect("READY");
    let source = player.source();
    let sought = source.seek(1.0, FLUSH, SET, samples(70_000), SET, samples(71_000));
    sought.expect("a seek");
    let decoded = player.decode();
    assert_eq!(decoded.places(), [(70_000, 1000)]);
    same(&decoded, &whole, 70_000);
    // The next start begins with the properties again. An appsink remembers its EOS in READY.
    player.state(gst::State::Null);
    assert_eq!(player.decode().places(), [(5000, 1000)]);
}

#[test]
fn without_a_flush_running_time_goes_on() {
    let (_store, player, whole) = playing("");
    let mut decoded = Decoded::default();
    player.pull_to(&mut decoded, 1);
    let source = player.source();
    // Without a flush a seek waits until the buffer on its way is taken, so it is another thread's.
    let together = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let seek = scope.spawn(|| {
            together.wait();
            let flags = gst::SeekFlags::empty();
            source.seek(1.0, flags, SET, samples(90_000), SET, samples(92_000))
        });
        together.wait();
        while !seek.is_finished() {
            let Some(sample) = player.pull() else { break };
            decoded.add(&sample);
        }
        seek.join().expect("no panic").expect("a seek");
    });
    while let Some(sample) = player.pull() {
        decoded.add(&sample);
    }
    let [first, second] = decoded.runs.as_slice() else {
        panic!("{:?}", decoded.places());
    };
    let played = (first.samples.len() / 2) as u64;
    assert!(played < 90_000, "{played}");
    assert_eq!(second.running, time(played).nseconds());
    assert_eq!(second.first, 90_000);
    assert!(first.samples == whole.part(0, played));
    assert!(second.samples == whole.part(90_000, 92_000));
}

#[test]
fn a_segment_seek_ends_with_its_message_and_no_eos() {
    let (_store, player, whole) = playing("");
    let flags = FLUSH | gst::SeekFlags::SEGMENT;
    let source = player.source();
    let event = gst::event::Seek::new(1.0, flags, SET, time(30_000), SET, time(33_000));
    let seqnum = event.seqnum();
    assert!(source.send_event(event));
    let mut decoded = Decoded::default();
    player.pull_to(&mut decoded, 3000);
    let message = player.wait(gst::MessageType::SegmentDone);
    assert_eq!(message.seqnum(), seqnum);
    let gst::MessageView::SegmentDone(done) = message.view() else {
        unreachable!("the bus was filtered");
    };
    assert_eq!(done.get(), gst::GenericFormattedValue::from(time(33_000)));
    // The loop goes on without a flush, seamless in running time.
    let again = gst::SeekFlags::SEGMENT;
    let sought = source.seek(1.0, again, SET, time(30_000), SET, time(33_000));
    sought.expect("the next round");
    player.pull_to(&mut decoded, 6000);
    player.wait(gst::MessageType::SegmentDone);
    assert_eq!(decoded.places(), [(30_000, 3000), (30_000, 3000)]);
    assert_eq!(decoded.runs[1].running, time(3000).nseconds());
    for run in &decoded.runs {
        assert!(run.samples == whole.part(30_000, 33_000));
    }
}

#[test]
fn other_rates_play_the_same_samples_sooner() {
    let (_store, player, whole) = playing("");
    let source = player.source();
    let sought = source.seek(4.0, FLUSH, SET, samples(40_000), SET, samples(50_000));
    sought.expect("a seek");
    let player_source = player.source().static_pad("src").expect("a pad");
    let decoded = player.rest();
    assert_eq!(decoded.places(), [(40_000, 10_000)]);
    same(&decoded, &whole, 40_000);
    let segment = player_source
        .sticky_event::<gst::event::Segment>(0)
        .expect("a segment");
    assert_eq!(segment.segment().rate(), 4.0);
}

#[test]
fn what_cannot_be_sought_is_refused_and_playing_goes_on() {
    let (_store, player, whole) = playing("stop=30000");
    let source = player.source();
    let bytes = gst::format::Bytes::from_u64(5);
    let zero = gst::format::Bytes::ZERO;
    assert!(
        source
            .seek(-1.0, FLUSH, SET, samples(0), SET, samples(5000))
            .is_err(),
        "reverse"
    );
    assert!(
        source
            .seek(1.0, FLUSH, SET, samples(9000), SET, samples(8000))
            .is_err(),
        "crossed"
    );
    assert!(
        source.seek(1.0, FLUSH, SET, bytes, NONE, zero).is_err(),
        "bytes"
    );
    let decoded = player.rest();
    assert_eq!(decoded.places(), [(0, 30_000)]);
    same(&decoded, &whole, 0);
}

#[test]
fn segments_carry_the_seqnum_of_their_seek() {
    let (_store, player, _) = playing("");
    let event = gst::event::Seek::new(1.0, FLUSH, SET, samples(777), NONE, samples(0));
    let seqnum = event.seqnum();
    assert!(player.pipeline.send_event(event));
    assert!(player.pull().is_some());
    let pad = player.source().static_pad("src").expect("a pad");
    let segment = pad
        .sticky_event::<gst::event::Segment>(0)
        .expect("a segment");
    assert_eq!(segment.seqnum(), seqnum);
    assert_eq!(segment.segment().start().value(), 777 * 62_500 / 3);
}

#[test]
fn the_rate_changes_instantly_where_the_sink_can() {
    let (_store, player, _) = playing("");
    // A sink that waits for its application holds the event back.
    player.state(gst::State::Paused);
    let pad = player.source().static_pad("src").expect("a pad");
    let (sender, events) = std::sync::mpsc::channel();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::InstantRateChange(change)) = info.event().map(|e| e.view()) {
            sender.send(change.get().0).expect("the test waits");
        }
        gst::PadProbeReturn::Ok
    });
    let flags = gst::SeekFlags::INSTANT_RATE_CHANGE;
    let change = gst::event::Seek::new(2.0, flags, NONE, samples(0), NONE, samples(0));
    assert!(player.source().send_event(change));
    assert_eq!(events.try_recv(), Ok(2.0));
}
