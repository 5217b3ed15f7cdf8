//! A first segment that begins late may be wrong: when it is believed.

use crate::common::Input;
use crate::common::rig::{Kind, Rig};
use crate::{AT_ONCE, AUDIO, VIDEO};

/// A segment that begins so late, as `matroskademux` has it where the first block of a file does.
fn late_segment(input: &Input, start_ms: u64) {
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_mseconds(start_ms));
    segment.set_time(gst::ClockTime::ZERO);
    input.event(gst::event::Segment::new(&segment));
}

/// A stream whose segment begins 21 ms late, and one whose segment begins at 0.
fn doubtful(live: bool) -> (Rig, [Input; 2]) {
    let rig = Rig::playing(AT_ONCE);
    let kind = Kind {
        live: live.then_some(0),
        ..Kind::default()
    };
    let [video, audio] = [("video_0", VIDEO), ("audio_0", AUDIO)].map(|(name, caps)| {
        let input = rig.silent(name, kind);
        input.caps(caps);
        input
    });
    late_segment(&video, 21);
    audio.segment();
    (rig, [video, audio])
}

#[test]
fn blocks_of_a_first_segment_that_is_corrected_get_other_times() {
    let (mut rig, [video, audio]) = doubtful(false);
    [21, 61].into_iter().for_each(|ms| video.push(ms));
    [0, 30].into_iter().for_each(|ms| audio.push(ms));
    assert_eq!(rig.drain(), 0, "the segment may yet be corrected");
    late_segment(&video, 0);
    video.push(101);
    audio.push(90);
    video.end();
    audio.end();
    let expected = [(2, 0), (1, 21), (2, 30), (1, 61), (2, 90), (1, 101)];
    assert_eq!(rig.order(), expected);
}

#[test]
fn a_first_segment_that_is_not_corrected_is_believed_after_half_a_second() {
    let (mut rig, [video, audio]) = doubtful(false);
    [0, 500].into_iter().for_each(|ms| audio.push(ms));
    (0..13).for_each(|n| video.push(21 + n * 40));
    assert_eq!(rig.drain(), 0, "480 ms");
    video.push(21 + 520);
    let order = rig.order();
    assert_eq!(order[..3], [(1, 0), (2, 0), (1, 40)]);
    // What comes then is no correction of what is out.
    late_segment(&video, 0);
    video.push(581);
    video.end();
    audio.end();
    assert_eq!(rig.order().last(), Some(&(1, 581)));
}

#[test]
fn the_end_of_a_stream_ends_the_doubt_about_its_segment() {
    let (mut rig, [video, audio]) = doubtful(false);
    audio.push(0);
    video.push(21);
    assert_eq!(rig.drain(), 0);
    video.end();
    assert_eq!(rig.order(), [(1, 0), (2, 0)]);
}

#[test]
fn live_input_does_not_wait_for_a_correction() {
    let (mut rig, [video, audio]) = doubtful(true);
    audio.push(0);
    video.push(21);
    assert_eq!(rig.order(), [(1, 0), (2, 0)]);
}
