//! Bad input ends with an error that names the pad and the field, and what was written before it plays.

use std::sync::atomic::{AtomicUsize, Ordering};

use gst::prelude::*;

use super::{Remuxed, attempt, demuxed};
use crate::common::ffprobe::probe;
use crate::common::media;

const BOTH: [&str; 2] = ["video_0 ! h264parse name=v", "audio_0 ! aacparse name=a"];
const SECOND: &str = "fragment-duration=1000000000";

/// Changes each buffer that leaves the element `name`; `change` gets its number.
fn edit(
    pipeline: &gst::Pipeline,
    name: &str,
    change: impl Fn(usize, &mut gst::BufferRef) + Send + Sync + 'static,
) {
    let element = pipeline.by_name(name).expect("the element");
    let pad = element.static_pad("src").expect("a source pad");
    let count = AtomicUsize::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
            change(count.fetch_add(1, Ordering::SeqCst), buffer.make_mut());
        }
        gst::PadProbeReturn::Ok
    });
}

/// What comes of the main input with its video changed.
fn with_video(change: impl Fn(usize, &mut gst::BufferRef) + Send + Sync + 'static) -> Remuxed {
    attempt(&demuxed(media::H264_AAC, &BOTH), SECOND, |pipeline| {
        edit(pipeline, "v", change)
    })
}

/// Fails unless the error holds every one of these words, and the file as many video packets at least.
fn ended(remuxed: Remuxed, words: &[&str], packets: usize) {
    let Remuxed { file, run, .. } = remuxed;
    let error = run.failure();
    for word in words {
        assert!(error.contains(word), "no {word} in: {error}");
    }
    if packets > 0 {
        let found = probe(&file)[0].packets.len();
        assert!(found >= packets, "{found} packets");
    }
}

#[test]
fn a_missing_pts() {
    let bad = with_video(|number, buffer| {
        if number == 70 {
            buffer.set_pts(None);
            buffer.set_dts(None);
        }
    });
    ended(bad, &["video_0", "PTS"], 30);
}

#[test]
fn caps_without_codec_data() {
    let line = "video/x-h264,stream-format=avc,alignment=au,width=320,height=180";
    let sources = demuxed(
        media::H264_AAC,
        &[&format!("video_0 ! capssetter replace=true caps={line}")],
    );
    ended(
        attempt(&sources, SECOND, |_| {}),
        &["video_0", "codec_data"],
        0,
    );
}

#[test]
fn an_access_unit_that_is_cut() {
    let bad = with_video(|number, buffer| {
        if number == 70 {
            let half = buffer.size() / 2;
            buffer.set_size(half);
        }
    });
    ended(bad, &["video_0"], 30);
}

#[test]
fn a_pts_that_repeats_or_goes_far_back() {
    for time in [0, 1_000] {
        let back = gst::ClockTime::from_mseconds(time);
        let bad = with_video(move |number, buffer| {
            if number == 70 {
                buffer.set_pts(back);
            }
        });
        ended(bad, &["video_0", "PTS"], 30);
    }
}

#[test]
fn sound_whose_pts_goes_back() {
    let bad = attempt(&demuxed(media::H264_AAC, &BOTH), SECOND, |pipeline| {
        edit(pipeline, "a", |number, buffer| {
            if number == 130 {
                buffer.set_pts(gst::ClockTime::ZERO);
            }
        });
    });
    ended(bad, &["audio_0", "PTS"], 30);
}

#[test]
fn a_downstream_error_leaves_what_was_written() {
    let sources = demuxed(media::H264_AAC, &BOTH);
    let bad = attempt(&sources, SECOND, |pipeline| {
        let sink = pipeline.by_name("sink").expect("the sink");
        let pad = sink.static_pad("sink").expect("its pad");
        let lists = AtomicUsize::new(0);
        // The init segment and two fragments pass.
        pad.add_probe(gst::PadProbeType::BUFFER_LIST, move |_, info| {
            if lists.fetch_add(1, Ordering::SeqCst) < 3 {
                return gst::PadProbeReturn::Ok;
            }
            info.flow_res = Err(gst::FlowError::Error);
            gst::PadProbeReturn::Handled
        });
    });
    ended(bad, &["streaming stopped"], 60);
}

#[test]
fn a_downstream_error_ends_the_pipeline() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none").join("file.mp4");
    let pipeline = crate::common::pipeline::launch(&format!(
        "fmp4remux name=m ! filesink location={}  {}",
        crate::common::pipeline::quoted(&file),
        demuxed(media::H264_AAC, &BOTH)
    ));
    let error = crate::common::pipeline::run(&pipeline).failure();
    assert!(error.contains("filesink"), "{error}");
}
