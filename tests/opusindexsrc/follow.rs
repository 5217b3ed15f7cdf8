//! Stores that are still being written.

use gst::prelude::*;
use gst_check::Harness;

use crate::common::opus::{self, Opus};
use crate::common::pipeline::launch;
use crate::player::{Decoded, Player, Store, demuxed, sequential};

/// A store that grows by packets of a file as the test says; each is committed as it comes.
struct Growing {
    store: Store,
    indexer: Harness,
    packets: std::vec::IntoIter<gst::Buffer>,
}

impl Growing {
    fn new(file: Opus) -> Self {
        let store = Store::empty();
        let samples = demuxed(file);
        let mut indexer = store.indexer("commit-interval=0");
        indexer.set_src_caps(samples[0].caps_owned().expect("caps"));
        let packets: Vec<_> = samples.iter().filter_map(|s| s.buffer_owned()).collect();
        Self {
            store,
            indexer,
            packets: packets.into_iter(),
        }
    }

    /// Writes so many buffers more.
    fn write(&mut self, count: usize) {
        for packet in self.packets.by_ref().take(count) {
            self.indexer.push(packet).expect("the packet is written");
        }
    }

    /// Writes the rest, and the end.
    fn finish(&mut self) {
        self.write(usize::MAX);
        assert!(self.indexer.push_event(gst::event::Eos::new()));
    }
}

#[test]
fn a_growing_store_is_played_as_it_grows() {
    let mut growing = Growing::new(opus::ODD_TOOLS);
    let whole = sequential(opus::ODD_TOOLS);
    growing.write(20);
    let player = Player::new(&growing.store.source("follow=true"));
    player
        .pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    let mut decoded = Decoded::default();
    // The last of 20 buffers, two of them headers at most, is kept back.
    player.pull_to(&mut decoded, 17 * 960 - 312);
    growing.write(30);
    player.pull_to(&mut decoded, 47 * 960 - 312);
    assert!(decoded.count() < 51 * 960);
    player.wait(gst::MessageType::DurationChanged);
    growing.finish();
    while let Some(sample) = player.pull() {
        decoded.add(&sample);
    }
    assert!(decoded == whole, "{:?}", decoded.places());
}

#[test]
fn a_range_that_is_not_written_yet_is_waited_for() {
    let mut growing = Growing::new(opus::ODD_TOOLS);
    growing.write(5);
    let player = Player::new(&growing.store.source("follow=true start=60000 stop=61000"));
    player
        .pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    growing.write(80);
    let decoded = player.rest();
    assert_eq!(decoded.places(), [(60_000, 1000)]);
    assert!(decoded.run().samples == sequential(opus::ODD_TOOLS).part(60_000, 61_000));
}

#[test]
fn seeks_and_stops_end_the_wait() {
    let mut growing = Growing::new(opus::ODD_TOOLS);
    let whole = sequential(opus::ODD_TOOLS);
    growing.write(40);
    let player = Player::new(&growing.store.source("follow=true start=30000"));
    player.state(gst::State::Playing);
    let mut decoded = Decoded::default();
    player.pull_to(&mut decoded, 1000);
    let to = gst::format::Default::from_u64(500);
    player
        .pipeline
        .seek_simple(gst::SeekFlags::FLUSH, to)
        .expect("a seek");
    let mut decoded = Decoded::default();
    player.pull_to(&mut decoded, 20_000);
    assert_eq!(decoded.run().first, 500);
    assert!(decoded.run().samples == whole.part(500, 500 + decoded.count() as u64));
    // It waits now. The application's own EOS comes through.
    assert!(player.pipeline.send_event(gst::event::Eos::new()));
    assert!(player.rest().count() < 40 * 960);
    player.state(gst::State::Null);
}

#[test]
fn follow_can_be_switched_off_to_end_where_the_store_does() {
    let mut growing = Growing::new(opus::ODD_TOOLS);
    growing.write(40);
    let player = Player::new(&growing.store.source("follow=true"));
    player
        .pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    let mut decoded = Decoded::default();
    player.pull_to(&mut decoded, 10_000);
    player.source().set_property("follow", false);
    while let Some(sample) = player.pull() {
        decoded.add(&sample);
    }
    let committed = growing.store.committed();
    assert_eq!(decoded.places(), [(0, committed as usize * 960 - 312)]);
}

#[test]
fn without_follow_what_is_committed_plays_with_a_warning() {
    let mut growing = Growing::new(opus::ODD_TOOLS);
    growing.write(40);
    let player = Player::new(&growing.store.source(""));
    let decoded = player.decode();
    let committed = growing.store.committed();
    assert_eq!(decoded.places(), [(0, committed as usize * 960 - 312)]);
    let message = player.wait(gst::MessageType::Warning);
    let gst::MessageView::Warning(warning) = message.view() else {
        unreachable!("the bus was filtered");
    };
    let told = warning.error().to_string();
    assert!(told.contains("not complete"), "{told}");
    assert!(told.contains(&format!("{committed} packets")), "{told}");
}

#[test]
fn what_is_not_written_is_an_error_without_follow() {
    let mut growing = Growing::new(opus::ODD_TOOLS);
    growing.write(40);
    let pipeline = launch(&format!(
        "{} ! fakesink",
        growing.store.source("stop=60000")
    ));
    let told = crate::common::run(&pipeline).failure();
    assert!(told.contains("not complete"), "{told}");
    assert!(told.contains("sample 59999"), "{told}");
}
