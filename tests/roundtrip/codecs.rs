//! Streams of real encoders, as `parsebin` gives them.

use super::{branches, extension_chunks, record};
use crate::common::Recipe;
use crate::common::media;

/// Records the file with `parsebin` and checks it, with extensions and as a plain version 1 file.
fn comes_back(recipe: Recipe, streams: usize) {
    let sources = format!(
        "{} ! parsebin name=p  {}",
        recipe.source(),
        branches(streams)
    );
    let recording = record(&sources, "");
    assert_eq!(recording.streams.len(), streams);
    assert!(
        recording.streams.iter().all(|s| s.packets.len() >= 3),
        "{}",
        recipe.name
    );
    recording.check();
    assert!(!extension_chunks(&recording.file).is_empty());
}

/// The same as a plain version 1 file; only where no time is negative.
fn comes_back_plain(recipe: Recipe, streams: usize) {
    let sources = format!(
        "{} ! parsebin name=p  {}",
        recipe.source(),
        branches(streams)
    );
    let plain = record(&sources, "extensions=false");
    plain.check_v1();
    assert_eq!(extension_chunks(&plain.file), Vec::<String>::new());
    // Blocks of version 1 play with their payloads and milliseconds.
    let played = plain.play();
    assert_eq!(played.len(), streams);
    for recorded in &plain.streams {
        let hashes = |s: &crate::Stream| {
            s.packets
                .iter()
                .map(|p| p.sha256.clone())
                .collect::<Vec<_>>()
        };
        let found = played.iter().find(|s| hashes(s) == hashes(recorded));
        let found = found.unwrap_or_else(|| panic!("{} does not come back", recorded.pad));
        for (found, recorded) in found.packets.iter().zip(&recorded.packets) {
            let floor = recorded.pts.map(|t| t.div_euclid(1_000_000) * 1_000_000);
            assert!(
                recorded.pts.is_none() || found.pts == floor,
                "{found:?} {recorded:?}"
            );
        }
    }
}

macro_rules! codecs {
    ($($name:ident: $recipe:ident, $streams:literal;)*) => {
        $(
            #[test]
            fn $name() {
                comes_back(media::$recipe, $streams);
                comes_back_plain(media::$recipe, $streams);
            }
        )*
    };
}

codecs! {
    h264_with_b_frames_and_aac: H264_AAC, 2;
    h264_with_open_gops: H264_OPEN_GOP, 1;
    h264_of_variable_frame_rate: H264_VFR, 1;
    h265: H265, 1;
    h265_with_open_gops: H265_OPEN_GOP, 1;
    vp8_and_vorbis: VP8_VORBIS, 2;
    vp9_and_opus: VP9_OPUS, 2;
    av1: AV1, 1;
    opus: OPUS, 1;
    aac: AAC, 1;
    flac: FLAC, 1;
    h264_and_subtitles: H264_SRT, 2;
    vp8_and_webvtt: VP8_WEBVTT, 2;
    video_and_audio_that_start_apart: APART, 2;
    two_languages_beside_the_video: TAGGED, 3;
}

#[test]
fn h264_whose_first_dts_is_negative() {
    let sources = format!(
        "{} ! parsebin name=p  {}",
        media::H264_EDIT_LIST.source(),
        branches(2)
    );
    let recording = record(&sources, "");
    let negative = recording
        .streams
        .iter()
        .any(|s| s.packets.iter().any(|p| p.dts < Some(0)));
    assert!(negative, "the media has no negative DTS");
    recording.check();
}

#[test]
fn h264_byte_stream_and_adts_aac() {
    // Audio begins before the segment here: no plain version 1 file.
    comes_back(media::H264_TS, 2);
}

#[test]
fn what_a_demuxer_gives_without_a_parser() {
    for recipe in [media::H264_AAC, media::VP8_VORBIS, media::H265] {
        let streams = if recipe.name == media::H265.name {
            1
        } else {
            2
        };
        let sources = format!(
            "{} ! matroskademux name=p  {}",
            recipe.source(),
            branches(streams)
        );
        record(&sources, "").check();
    }
}

#[test]
fn raw_audio_and_video() {
    let sources = "videotestsrc num-buffers=20 ! video/x-raw,format=I420,width=64,height=48,framerate=30000/1001 ! queue ! m. \
        videotestsrc num-buffers=20 pattern=ball ! video/x-raw,format=RGB,width=32,height=16,framerate=24000/1001 ! queue ! m. \
        audiotestsrc num-buffers=40 ! audio/x-raw,format=S16LE,rate=44100,channels=2 ! queue ! m. \
        audiotestsrc num-buffers=40 wave=ticks ! audio/x-raw,format=F32LE,rate=48000,channels=1 ! queue ! m.";
    record(sources, "").check();
    let wav = format!("{} ! wavparse ! queue ! m.", media::WAV.source());
    record(&wav, "").check();
}

#[test]
fn interlaced_raw_video_keeps_its_flags() {
    let sources = "videotestsrc num-buffers=12 ! video/x-raw,width=64,height=48,framerate=50/1 ! interlace field-pattern=2:3 ! queue ! m.";
    let recording = record(sources, "");
    let flags: Vec<_> = recording.streams[0]
        .packets
        .iter()
        .map(|p| p.flags.bits() >> 20)
        .collect();
    assert!(
        flags.iter().any(|f| *f != 0),
        "no interlacing flags to keep"
    );
    recording.check();
}

#[test]
fn encoders_of_gstreamer() {
    let sources = "videotestsrc num-buffers=30 ! video/x-raw,width=160,height=90,framerate=25/1 ! x264enc bframes=2 key-int-max=10 speed-preset=ultrafast ! queue ! m. \
        audiotestsrc num-buffers=60 ! audio/x-raw,rate=48000,channels=2 ! opusenc ! queue ! m. \
        audiotestsrc num-buffers=60 ! audio/x-raw,rate=44100,channels=2 ! vorbisenc ! queue ! m. \
        videotestsrc num-buffers=15 ! video/x-raw,width=64,height=48,framerate=25/1 ! jpegenc ! queue ! m.";
    record(sources, "").check();
}

#[test]
fn opaque_blocks_are_remuxed_as_the_same_blocks() {
    let sources = format!(
        "{} ! parsebin name=p  {}",
        media::H264_AAC.source(),
        branches(2)
    );
    let first = record(&sources, "");
    let file = crate::quoted(&first.file);
    let blocks = format!(
        "filesrc location={file} ! h4mkdemux name=p expose=blocks  {}",
        branches(2)
    );
    let second = record(&blocks, "");
    second.check();
    let of = |recording: &crate::Recording| {
        let file = crate::v1::read(&recording.file, true);
        let block = |b: &&serde_json::Value| {
            format!("{} {} {}", b["payload_sha256"], b["pts_ms"], b["block"])
        };
        let mut blocks: Vec<String> = crate::v1::blocks(&file, None).iter().map(block).collect();
        // Which track comes first where times are equal is up to the order of the pads.
        blocks.sort();
        blocks
    };
    assert_eq!(of(&second), of(&first));
}
