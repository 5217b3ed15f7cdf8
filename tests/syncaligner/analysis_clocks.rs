//! What clocks and the user say of streams, and what content says to that.

use gst::prelude::*;
use gstharmony::elements::syncaligner::PadState;

use crate::analysis_rig::{MICROPHONE, Microphone, PART, hear};
use crate::rig::{Rig, VIDEO, bytes};

const NTP: &str = "timestamp/x-ntp";
/// Some time of a clock, in nanoseconds.
const NOW: u64 = 3_900_000_000_000_000_000;
const MS: u64 = 1_000_000;

/// A reference and a stream that began 250 ms after it; the stream's clock is off by that many milliseconds.
fn stamped(rig: &Rig, off: u64) -> (Microphone, Microphone) {
    let reference = Microphone::new(rig.file(MICROPHONE), 1000).stamped(NTP, NOW);
    let begin = NOW + (250 + off) * MS;
    let stream = Microphone::new(rig.file(MICROPHONE), 1250).stamped(NTP, begin);
    (reference, stream)
}

#[test]
fn content_verifies_what_clocks_say() {
    let rig = Rig::playing("max-drift=50");
    let (reference, stream) = stamped(&rig, 2);
    hear(&[&reference, &stream], 0, 500);
    assert_eq!(stream.state(), PadState::Provisional);
    assert!((stream.offset() - 252.0).abs() < 1e-3);
    let uncertainty = || stream.lane.sink.property::<u64>("uncertainty-ns");
    assert_eq!(uncertainty() / MS, 10);
    hear(&[&reference, &stream], 500, 12_000);
    let locked = rig.message("syncaligner-locked");
    assert_eq!(locked.get::<i64>("offset").map(|o| o / 1000), Ok(252_000));
    assert!((stream.offset() - 252.0).abs() < 1e-3, "the clocks' word");
    // What is claimed of sound, and that it lies 2 ms off the clocks.
    assert!(
        uncertainty().abs_diff(3 * MS) < MS / 10,
        "{}",
        uncertainty()
    );
}

#[test]
fn content_that_contradicts_clocks_is_told() {
    let rig = Rig::playing("max-drift=50");
    let (reference, stream) = stamped(&rig, 100);
    hear(&[&reference, &stream], 0, 12_000);
    let told = rig.message("syncaligner-ambiguous");
    assert_eq!(told.get::<f64>("quality"), Ok(0.0));
    assert_eq!(stream.state(), PadState::Provisional);
    assert!((stream.offset() - 350.0).abs() < 1e-3, "the clocks' word");
    assert!(!rig.has_message("syncaligner-locked"));
}

#[test]
fn clocks_alone_are_believed_for_now() {
    let rig = Rig::playing("max-drift=50");
    let reference = Microphone::new(rig.file(MICROPHONE), 0).stamped("timestamp/x-unix", 5000 * MS);
    let camera = rig.file(VIDEO);
    let caps = gst::Caps::new_empty_simple("timestamp/x-unix");
    for ms in (0..2000).step_by(PART as usize) {
        reference.lane.push(reference.part(ms, true));
        let mut frame = bytes(ms, PART, vec![0; 256]);
        let time = gst::ClockTime::from_mseconds(4900 + ms);
        let made = frame.get_mut().expect("a new buffer is ours");
        gst::ReferenceTimestampMeta::add(made, &caps, time, gst::ClockTime::NONE);
        camera.push(frame);
    }
    let state = camera.sink.property::<PadState>("state");
    assert_eq!(state, PadState::Provisional);
    assert_eq!(camera.sink.property::<i64>("offset"), -100_000_000);
    assert_eq!(camera.sink.property::<u64>("uncertainty-ns") / MS, 10);
}

#[test]
fn content_tells_better_than_the_user() {
    let rig = Rig::playing("max-drift=50");
    let reference = Microphone::new(rig.file(MICROPHONE), 1000);
    let stream = Microphone::new(rig.file(MICROPHONE), 1250);
    rig.set_offset(&stream.lane, 100);
    hear(&[&reference, &stream], 0, 2000);
    assert_eq!(
        (stream.state(), stream.offset()),
        (PadState::Provisional, 100.0)
    );
    hear(&[&reference, &stream], 2000, 12_000);
    assert_eq!(stream.state(), PadState::Locked);
    assert!((stream.offset() - 250.0).abs() < 0.05);
}

#[test]
fn measuring_begins_anew_when_told() {
    let rig = Rig::playing("max-drift=50");
    let reference = Microphone::new(rig.file(MICROPHONE), 1000);
    let stream = Microphone::new(rig.file(MICROPHONE), 1250);
    hear(&[&reference, &stream], 0, 12_000);
    rig.message("syncaligner-locked");
    rig.element.emit_by_name::<()>("relock", &[]);
    assert_eq!(stream.state(), PadState::Unlocked);
    hear(&[&reference, &stream], 12_000, 20_000);
    let again = rig.message("syncaligner-locked");
    let offset = again.get::<i64>("offset").expect("an offset");
    assert!(offset.abs_diff(250_000_000) < 50_000);
}

#[test]
fn maps_outlive_their_reference() {
    let rig = Rig::playing("max-drift=50");
    let reference = Microphone::new(rig.file(MICROPHONE), 1000);
    let early = Microphone::new(rig.file(MICROPHONE), 900);
    let late = Microphone::new(rig.file(MICROPHONE), 1250);
    hear(&[&reference, &early, &late], 0, 12_000);
    assert_eq!(
        (early.state(), late.state()),
        (PadState::Locked, PadState::Locked)
    );
    rig.element.release_request_pad(&reference.lane.sink);
    let states = [early.state(), late.state()];
    assert!(states.contains(&PadState::Reference));
    assert!(states.contains(&PadState::Provisional));
    let are_same = || (early.offset() + 100.0).abs() < 0.05 && (late.offset() - 250.0).abs() < 0.05;
    assert!(are_same(), "{} {}", early.offset(), late.offset());
    hear(&[&early, &late], 12_000, 20_000);
    let states = [early.state(), late.state()];
    assert!(states.contains(&PadState::Locked));
    assert!(are_same(), "{} {}", early.offset(), late.offset());
}
