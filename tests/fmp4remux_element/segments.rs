//! `segment-mode`: one segment rendered alone is byte for byte what it is in the whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;

use crate::common::pipeline::quoted;
use crate::common::{Recipe, media};
use crate::run::{self, Told, Written};

const QUEUE: &str = "queue max-size-time=0 max-size-bytes=0 max-size-buffers=0";

/// The recipe's streams in H4MK, without DTS where the source has none.
fn recorded(recipe: &Recipe, pads: &[&str]) -> String {
    let path = media::cached(&format!("{}-2.h4mk", recipe.name), recipe.ffmpeg, |path| {
        let demuxer = if recipe.name.ends_with(".mp4") {
            "qtdemux"
        } else {
            "matroskademux"
        };
        let branches: String = pads.iter().map(|pad| branch(pad)).collect();
        let pipeline = crate::common::launch(&format!(
            "{} ! {demuxer} name=d  h4mkmux name=m ! filesink location={} {branches}",
            recipe.source(),
            quoted(path),
        ));
        crate::common::run(&pipeline).good();
    });
    format!("filesrc location={} ! h4mkdemux name=d", quoted(&path))
}

/// Without a parser: after a flush `h264parse` puts parameter sets before the first picture.
/// Nobody waits for subtitles: without a queue they come in the file's order.
fn branch(pad: &str) -> String {
    if pad.starts_with("subtitle") {
        format!("  d.{pad} ! m.{pad}")
    } else {
        format!("  d.{pad} ! {QUEUE} ! m.{pad}")
    }
}

/// Renders each segment alone, `lead` before its begin sought to, and compares it.
fn compare(properties: &str, source: &str, pads: &[&str], lead: gst::ClockTime) {
    let branches: String = pads.iter().map(|pad| branch(pad)).collect();
    let sources = format!("{source} {branches}");
    let whole = run::good(properties, &sources);
    let segments = whole.segments();
    assert!(segments.len() >= 2, "{} segments", segments.len());
    for (place, (number, parts)) in segments.iter().enumerate() {
        let next = segments.get(place + 1).map(|(_, next)| next[0].start);
        let alone = alone(&whole, (properties, &sources), (*number, parts), next, lead);
        let twin = whole.of(parts.iter().copied());
        let why = || {
            let at = twin.iter().zip(&alone.bytes).position(|(a, b)| a != b);
            format!(
                "segment {number} of {} with {properties:?}, {parts:?}: {:?}, {} and {} bytes, other at {at:?}",
                sources,
                alone.told,
                twin.len(),
                alone.bytes.len()
            )
        };
        assert_eq!(alone.error, None, "{}", why());
        assert!(alone.bytes == twin, "{}", why());
    }
}

fn alone(
    whole: &Written,
    (properties, sources): (&str, &str),
    (number, parts): (u32, &[&Told]),
    stop: Option<u64>,
    lead: gst::ClockTime,
) -> Written {
    let start = gst::ClockTime::from_nseconds(parts[0].start);
    let stop = stop.map(|stop| format!("segment-stop={stop}"));
    let properties = format!(
        "{properties} segment-mode=true segment-start={} {} start-fragment-sequence-number={number}",
        start.nseconds(),
        stop.unwrap_or_default()
    );
    run::from(
        &properties,
        sources,
        start.saturating_sub(lead),
        |pipeline| {
            let muxer = pipeline.by_name("m").unwrap();
            muxer.set_property("stream-origin", &whole.origin);
        },
    )
}

const SHAPES: [&str; 2] = [
    "fragment-duration=1000000000",
    "fragment-duration=1000000000 chunk-duration=300000000",
];
const BOTH: [&str; 2] = ["video_0", "audio_0"];
/// Matroska's clusters hold sound that is a bit earlier or later than the key.
const LEAD: gst::ClockTime = gst::ClockTime::from_seconds(1);

fn from_h4mk(recipe: &Recipe, pads: &[&str]) {
    let source = recorded(recipe, pads);
    for shape in SHAPES {
        compare(shape, &source, pads, gst::ClockTime::ZERO);
    }
}

fn from_matroska(recipe: &Recipe, pads: &[&str]) {
    let source = format!("{} ! matroskademux name=d", recipe.source());
    for shape in SHAPES {
        compare(shape, &source, pads, LEAD);
    }
}

#[test]
fn segments_of_h4mk_without_dts_are_their_twins() {
    from_h4mk(&media::H264_AAC, &BOTH);
}

#[test]
fn segments_of_h4mk_with_open_gops_are_their_twins() {
    from_h4mk(&media::H264_OPEN_GOP, &BOTH[..1]);
}

#[test]
fn segments_of_h4mk_of_a_varying_rate_are_their_twins() {
    from_h4mk(&media::H264_VFR, &BOTH[..1]);
}

#[test]
fn segments_of_h4mk_with_a_gap_in_the_sound_are_their_twins() {
    from_h4mk(&media::AUDIO_GAP, &BOTH);
}

#[test]
fn segments_of_h4mk_with_dts_are_their_twins() {
    from_h4mk(&media::H264_EDIT_LIST, &BOTH);
}

#[test]
fn segments_of_matroska_are_their_twins() {
    from_matroska(&media::H264_AAC, &BOTH);
    from_matroska(&media::H264_OPEN_GOP, &BOTH[..1]);
}

#[test]
fn segments_of_sound_alone_are_their_twins() {
    from_h4mk(&media::AAC_441, &["audio_0"]);
}

#[test]
fn segments_behind_a_gap_that_was_not_waited_for_are_their_twins() {
    let source = recorded(&media::AUDIO_GAP, &BOTH);
    let shape = "fragment-duration=1000000000 max-gap=1500000000";
    compare(shape, &source, &BOTH, gst::ClockTime::ZERO);
}

#[test]
fn segments_of_long_groups_that_are_split_are_their_twins() {
    let source = recorded(&media::AUDIO_GAP, &BOTH);
    let shape = "fragment-duration=2500000000 max-gop-duration=600000000";
    compare(shape, &source, &BOTH, gst::ClockTime::ZERO);
}

#[test]
fn segments_of_other_codecs_are_their_twins() {
    from_h4mk(&media::VP9_OPUS, &BOTH);
    from_h4mk(&media::AV1_OPUS, &BOTH);
    from_h4mk(&media::H265_OPEN_GOP, &BOTH[..1]);
    from_h4mk(&media::H264_FLAC, &BOTH);
    from_h4mk(&media::APART, &BOTH);
}

#[test]
fn segments_with_subtitles_are_their_twins() {
    let source = recorded(&media::H264_SRT, &["video_0", "subtitle_0"]);
    for shape in SHAPES {
        compare(shape, &source, &["video_0", "subtitle_0"], LEAD);
    }
}

#[test]
fn a_segment_that_is_complete_ends_the_stream_and_the_rest_is_not_read() {
    let source = recorded(&media::AUDIO_GAP, &BOTH);
    let branches: String = BOTH.iter().map(|pad| branch(pad)).collect();
    let sources = format!("{source} {branches}");
    let newest = Arc::new(AtomicU64::new(0));
    let seen = newest.clone();
    let properties = "fragment-duration=1000000000 segment-mode=true segment-stop=1000000000";
    let alone = run::from(properties, &sources, gst::ClockTime::ZERO, |pipeline| {
        let pad = pipeline
            .by_name("m")
            .unwrap()
            .static_pad("video_0")
            .unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let pts = info.buffer().and_then(|b| b.pts()).unwrap();
            seen.fetch_max(pts.nseconds(), Ordering::SeqCst);
            gst::PadProbeReturn::Ok
        });
    });
    assert_eq!(alone.error, None);
    assert_eq!(alone.told.len(), 1);
    // A second of queue, and what is needed behind the stop.
    let newest = newest.load(Ordering::SeqCst);
    assert!(newest < 4_000_000_000, "{newest}");
}
