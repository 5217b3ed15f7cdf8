//! Streams whose times or lengths are out of the ordinary.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use gst::prelude::*;

use super::compare::{faithful, same_packets};
use super::{attempt, demuxed, remux};
use crate::common::ffprobe::probe;
use crate::common::{boxes, media};

const BOTH: [&str; 2] = ["video_0 ! h264parse", "audio_0 ! aacparse"];
const VIDEO: [&str; 1] = ["video_0 ! h264parse"];

#[test]
fn one_frame() {
    let remuxed = faithful(media::H264_ONE_FRAME, &VIDEO, "");
    assert_eq!(probe(&remuxed.file)[0].packets.len(), 1);
}

#[test]
fn one_stream_of_two() {
    faithful(media::H264_AAC, &["video_0 ! h264parse"], "");
    faithful(media::H264_AAC, &["audio_0 ! aacparse"], "");
}

#[test]
fn sound_that_starts_late() {
    let remuxed = faithful(media::APART, &BOTH, "");
    assert!(probe(&remuxed.file)[1].pts_ns()[0] > 1_400_000_000);
}

#[test]
fn six_seconds_without_sound() {
    let remuxed = faithful(media::AUDIO_GAP, &BOTH, "");
    let (_, fragments) = boxes::fragments(&remuxed.bytes());
    let sound = fragments.iter().filter(|f| f.track == 2);
    let longest = sound.flat_map(|f| &f.samples).map(|s| s.duration).max();
    assert!(longest > Some(48_000 * 59 / 10), "{longest:?}");
}

#[test]
fn a_group_of_a_minute_is_split_and_only_its_first_sample_is_a_sync_sample() {
    let remuxed = faithful(
        media::H264_LONG_GOP,
        &VIDEO,
        "max-gop-duration=10000000000 fragment-duration=2000000000",
    );
    let (_, fragments) = boxes::fragments(&remuxed.bytes());
    assert!(fragments.len() >= 6, "{} fragments", fragments.len());
    let first = |f: &boxes::TrackFragment| f.samples[0].sync();
    let begin_with_key: Vec<bool> = fragments.iter().map(first).collect();
    assert_eq!(
        begin_with_key.iter().filter(|k| **k).count(),
        2,
        "{begin_with_key:?}"
    );
}

#[test]
fn decoding_times_of_a_constant_rate_are_the_sources_up_to_a_constant() {
    for (recipe, branches) in [
        (media::H264_EDIT_LIST, &BOTH[..]),
        (
            media::H264_TS,
            &["video_0_0100 ! h264parse", "audio_0_0101 ! aacparse"][..],
        ),
    ] {
        let remuxed = remux(&demuxed(recipe, branches), "");
        let source = probe(&recipe.path());
        let found = probe(&remuxed.file);
        let times = |p: &crate::common::ffprobe::Probe| -> Vec<i64> {
            p.packets.iter().map(|k| p.ns(k.dts.unwrap())).collect()
        };
        let video = source.iter().find(|s| s.codec == "h264").unwrap();
        let copy = found.iter().find(|s| s.codec == "h264").unwrap();
        let apart: Vec<i64> = times(video)
            .iter()
            .zip(times(copy))
            .map(|(a, b)| a - b)
            .collect();
        let spread = apart.iter().max().unwrap() - apart.iter().min().unwrap();
        assert!(
            spread <= video.ns(1) + copy.ns(1),
            "{}: {apart:?}",
            recipe.name
        );
    }
}

#[test]
fn a_negative_first_decoding_time() {
    faithful(media::H264_EDIT_LIST, &BOTH, "");
}

/// `matroskademux` begins the pictures' segment 21 ms late, and corrects that when it has seen the sound.
#[test]
fn a_segment_that_is_corrected_is_waited_for_however_much_sound_comes_first() {
    let count = Arc::new((Mutex::new(0), Condvar::new()));
    let branches = ["video_0 ! h264parse name=v", "audio_0 ! aacparse name=a"];
    let remuxed = attempt(&demuxed(media::H264_AAC, &branches), "", |pipeline| {
        let pad = |name| pipeline.by_name(name).unwrap().static_pad("src").unwrap();
        let seen = count.clone();
        pad("a").add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            *seen.0.lock().unwrap() += 1;
            seen.1.notify_all();
            gst::PadProbeReturn::Ok
        });
        // The second picture waits until the muxer holds a second of sound, a full queue, and more has come.
        let pictures = AtomicUsize::new(0);
        pad("v").add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            if pictures.fetch_add(1, Ordering::SeqCst) == 1 {
                let seen = count.0.lock().unwrap();
                drop(count.1.wait_while(seen, |seen| *seen < 49).unwrap());
            }
            gst::PadProbeReturn::Ok
        });
    });
    assert_eq!(remuxed.run.error, None);
    same_packets(media::H264_AAC, &remuxed, 2);
}

#[test]
fn equal_input_gives_equal_bytes() {
    let once = || {
        remux(
            &demuxed(media::H264_AAC, &BOTH),
            "fragment-duration=1000000000",
        )
        .bytes()
    };
    assert!(once() == once());
}
