//! Live input: a stream that stalls holds nobody up, and latency is that of a fragment.

use gst::prelude::*;

use crate::common::Input;
use crate::common::rig::{Kind, Rig};
use crate::streams::{AUDIO, VIDEO, picture, sound};

/// A muxer on a test clock behind live pictures and live sound, of 20 ms latency each.
fn live(properties: &str) -> (Rig, gst_check::TestClock, [Input; 2]) {
    let rig = Rig::of("fmp4remux", properties);
    let clock = gst_check::TestClock::new();
    rig.mux.set_clock(Some(&clock)).unwrap();
    rig.mux.set_base_time(gst::ClockTime::ZERO);
    rig.mux.set_start_time(gst::ClockTime::NONE);
    rig.set_state(gst::State::Playing);
    let kind = Kind {
        live: Some(20_000_000),
        ..Kind::default()
    };
    let video = rig.input_of_kind("video_0", VIDEO, kind);
    let audio = rig.input_of_kind("audio_0", AUDIO, kind);
    (rig, clock, [video, audio])
}

/// Waits until a fragment that begins at so many milliseconds or later is out.
fn wait_for(rig: &mut Rig, ms: u64) {
    loop {
        let buffer = rig.next();
        let is_head = buffer.flags().contains(gst::BufferFlags::HEADER);
        if is_head && buffer.pts() >= Some(gst::ClockTime::from_mseconds(ms)) {
            return;
        }
    }
}

#[test]
fn fragments_go_out_while_live_sound_stalls() {
    let (mut rig, clock, [video, audio]) = live("fragment-duration=1000000000");
    audio.pad.push(sound(0)).unwrap();
    for number in 0..90 {
        clock.set_time(gst::ClockTime::from_mseconds(number * 40));
        video.pad.push(picture(number)).unwrap();
    }
    // Past every deadline: the collector's thread writes what the pictures completed, up to 3.56 s.
    clock.set_time(gst::ClockTime::from_seconds(5));
    wait_for(&mut rig, 2000);
}

#[test]
fn fragments_go_out_while_live_pictures_stall() {
    let (mut rig, clock, [video, audio]) = live("fragment-duration=1000000000");
    video.pad.push(picture(0)).unwrap();
    for number in 0..170 {
        clock.set_time(gst::ClockTime::from_mseconds(number * 21));
        audio.pad.push(sound(number)).unwrap();
    }
    // Sound is there up to 3.6 s.
    clock.set_time(gst::ClockTime::from_seconds(5));
    wait_for(&mut rig, 2000);
}

#[test]
fn latency_is_upstream_s_and_that_of_a_fragment_or_a_chunk() {
    for (properties, expected) in [
        ("fragment-duration=1000000000", 1020),
        ("fragment-duration=1000000000 chunk-duration=200000000", 220),
        ("fragment-duration=1000000000 latency=5000000", 1025),
    ] {
        let (rig, _clock, _inputs) = live(properties);
        let mut query = gst::query::Latency::new();
        assert!(rig.mux.static_pad("src").unwrap().query(&mut query));
        let (live, min, _) = query.result();
        assert!(live);
        assert_eq!(min, gst::ClockTime::from_mseconds(expected), "{properties}");
    }
}
