//! Stores that are still being written.

use gst::prelude::*;
use gst_check::Harness;
use gstharmony::h4mk::Clipping;
use gstharmony::meta::add_clipping;

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
        let indexer = store.indexer("commit-interval=0");
        let mut growing = Self {
            store,
            indexer,
            packets: Vec::new().into_iter(),
        };
        growing.begin(file);
        growing
    }

    /// Begins with the caps and packets of a file.
    fn begin(&mut self, file: Opus) {
        let samples = demuxed(file);
        let caps = samples[0].caps_owned().expect("caps");
        self.indexer.set_src_caps(caps);
        // The headers are in the caps.
        let packets = samples.iter().filter_map(|s| s.buffer_owned());
        let packets = packets.filter(|p| !p.flags().contains(gst::BufferFlags::HEADER));
        self.packets = packets.collect::<Vec<_>>().into_iter();
    }

    /// Writes the rest, and some packets of a next link.
    fn chain(&mut self, file: Opus) {
        self.write(usize::MAX);
        let start = gst::event::StreamStart::new(file.name);
        assert!(self.indexer.push_event(start));
        self.begin(file);
        self.write(5);
    }

    /// Has other samples thrown away of a packet that is not written yet.
    fn clip(&mut self, packet: usize, start: u64, end: u64) {
        let packet = &mut self.packets.as_mut_slice()[packet];
        let mut clipped = packet
            .copy_region(gst::BufferCopyFlags::MEMORY, ..)
            .expect("its bytes");
        add_clipping(clipped.make_mut(), Clipping { start, end });
        *packet = clipped;
    }

    /// Writes so many packets more.
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
    // The last 120 ms are kept back.
    player.pull_to(&mut decoded, 14 * 960 - 312);
    growing.write(30);
    player.pull_to(&mut decoded, 44 * 960 - 312);
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
    let player = Player::new(&growing.store.source("follow=true start=25000"));
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
fn follow_can_be_switched_on_before_the_end_is_reached() {
    let mut growing = Growing::new(opus::ODD_TOOLS);
    growing.write(80);
    let player = Player::new(&growing.store.source(""));
    player
        .pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    // The sink holds 8 buffers, so the source is far from the end.
    let mut decoded = Decoded::default();
    player.pull_to(&mut decoded, 1000);
    player.source().set_property("follow", true);
    growing.finish();
    while let Some(sample) = player.pull() {
        decoded.add(&sample);
    }
    assert!(
        decoded == sequential(opus::ODD_TOOLS),
        "{:?}",
        decoded.places()
    );
}

#[test]
fn an_end_that_cuts_several_packets_is_not_played() {
    let mut growing = Growing::new(opus::ODD_TOOLS);
    for packet in 15..18 {
        growing.clip(packet, 0, 960);
    }
    growing.write(17);
    let player = Player::new(&growing.store.source("follow=true"));
    player
        .pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    let mut decoded = Decoded::default();
    player.pull_to(&mut decoded, 11 * 960 - 312);
    growing.write(1);
    // This comes when all that may be played so far is out.
    player.wait(gst::MessageType::DurationChanged);
    assert!(growing.indexer.push_event(gst::event::Eos::new()));
    while let Some(sample) = player.pull() {
        decoded.add(&sample);
    }
    assert_eq!(decoded.places(), [(0, 15 * 960 - 312)]);
}

#[test]
fn a_pre_skip_of_several_packets_is_the_last_that_was_committed() {
    let mut growing = Growing::new(opus::ODD_TOOLS);
    for (packet, start) in [(0, 960), (1, 960), (2, 100)] {
        growing.clip(packet, start, 0);
    }
    growing.write(1);
    let player = Player::new(&growing.store.source("follow=true"));
    player
        .pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    growing.finish();
    let decoded = player.rest();
    let skipped = 960 + 960 + 100 - 312;
    assert_eq!(decoded.run().first, 0);
    let whole = sequential(opus::ODD_TOOLS);
    assert!(
        decoded.run().samples == whole.part(skipped, 100_003),
        "{:?}",
        decoded.places()
    );
}

#[test]
fn a_link_ends_where_the_next_begins() {
    let mut growing = Growing::new(opus::ODD_TOOLS);
    let whole = sequential(opus::ODD_TOOLS);
    growing.write(40);
    let player = Player::new(&growing.store.source("follow=true"));
    player
        .pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    let mut decoded = Decoded::default();
    player.pull_to(&mut decoded, 1000);
    growing.chain(opus::CELT);
    while let Some(sample) = player.pull() {
        decoded.add(&sample);
    }
    assert!(decoded == whole, "{:?}", decoded.places());
    // That the store goes on is not worth a warning, and leaves no hope for more of this link.
    let player = Player::new(&growing.store.source(""));
    assert!(player.decode() == whole);
    let messages = player.messages().into_iter();
    let warnings = messages.filter(|m| m.type_() == gst::MessageType::Warning);
    assert_eq!(warnings.count(), 0);
    for follow in ["", "follow=true"] {
        let source = growing.store.source(&format!("stop=100004 {follow}"));
        let told = crate::common::run(&launch(&format!("{source} ! fakesink"))).failure();
        assert!(
            told.contains("100004") && told.contains("out of range"),
            "{told}"
        );
    }
}

#[test]
fn a_range_that_is_behind_the_end_once_it_is_written_is_an_error() {
    for range in ["start=200000", "start=99000 stop=100004"] {
        let mut growing = Growing::new(opus::ODD_TOOLS);
        growing.write(40);
        let source = growing.store.source(&format!("follow=true {range}"));
        let player = Player::new(&source);
        player
            .pipeline
            .set_state(gst::State::Playing)
            .expect("it plays");
        growing.finish();
        let message = player.wait(gst::MessageType::Error);
        let gst::MessageView::Error(error) = message.view() else {
            unreachable!("the bus was filtered");
        };
        let error = error.error();
        assert!(error.matches(gst::ResourceError::Settings), "{error:?}");
        assert!(error.message().contains("out of range"), "{error:?}");
    }
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
