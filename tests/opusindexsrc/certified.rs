//! Pre-roll that is proved by the hashes of the store.

use std::fs;

use gst::prelude::*;

use crate::common::Random;
use crate::common::opus;
use crate::player::{Player, Store, sequential};

#[test]
fn certified_ranges_are_exact_where_milliseconds_are_not_enough() {
    let whole = sequential(opus::SILK_MUSIC);
    let store = Store::with(opus::SILK_MUSIC, "pcm-hash=true");
    let mut random = Random::new(61);
    let mut different = 0;
    for _ in 0..6 {
        let start = random.below(whole.count() as u64 - 10_000);
        let range = format!("start={start} stop={}", start + 10_000);
        let player = Player::new(&store.source(&format!("{range} preroll=certified")));
        let decoded = player.decode();
        assert_eq!(decoded.places(), [(start, 10_000)]);
        let expected = whole.part(start, start + 10_000);
        assert!(decoded.run().samples == expected, "{range}");
        let stats = player.source().property::<gst::Structure>("stats");
        assert_eq!(stats.get::<u32>("certified-ranges"), Ok(1));
        let uncertified = store.decode(&format!("{range} preroll=80"));
        different += usize::from(uncertified.run().samples != expected);
    }
    assert!(different > 0, "80 ms are enough for all");
}

#[test]
fn a_store_without_hashes_certifies_nothing() {
    let store = Store::of(opus::ODD_TOOLS);
    let player = Player::new(&store.source("preroll=certified"));
    assert!(player.pipeline.set_state(gst::State::Paused).is_err());
    let bus = player.pipeline.bus().expect("a bus");
    let message = bus
        .pop_filtered(&[gst::MessageType::Error])
        .expect("an error");
    let gst::MessageView::Error(error) = message.view() else {
        unreachable!("the bus was filtered");
    };
    assert!(error.error().matches(gst::ResourceError::Settings));
    assert!(error.error().message().contains("pcm-hash"), "{error:?}");
}

#[test]
fn hashes_of_another_decoder_prove_nothing_and_that_is_said() {
    let whole = sequential(opus::CELT);
    let store = Store::with(opus::CELT, "pcm-hash=true");
    let json = store.path().join("zarr.json");
    let text = fs::read_to_string(&json).expect("attributes");
    let known = gstharmony::opus_store::OpusStore::open(store.path()).expect("a store");
    let ours = known
        .attributes()
        .decoder_fingerprint
        .clone()
        .expect("a fingerprint");
    let theirs = ours.chars().rev().collect::<String>();
    fs::write(&json, text.replace(&ours, &theirs)).expect("written");
    let segments = "segments=50000-60000,100000-110000 preroll=certified";
    let player = Player::new(&store.source(segments));
    let decoded = player.decode();
    assert_eq!(decoded.places(), [(50_000, 10_000), (100_000, 10_000)]);
    assert!(decoded.runs[1].samples == whole.part(100_000, 110_000));
    let message = player.wait(gst::MessageType::Warning);
    let gst::MessageView::Warning(warning) = message.view() else {
        unreachable!("the bus was filtered");
    };
    let told = warning.error().to_string();
    assert!(
        told.contains("uncertified") && told.contains(&theirs),
        "{told}"
    );
    let warnings = player.messages().into_iter();
    let warnings = warnings.filter(|m| m.type_() == gst::MessageType::Warning);
    assert_eq!(warnings.count(), 0, "it is said once");
    let stats = player.source().property::<gst::Structure>("stats");
    assert_eq!(stats.get::<u32>("certified-ranges"), Ok(0));
}
