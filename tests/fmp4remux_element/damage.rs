//! Bad input ends with an error that names the pad and the field; what went out before is whole.

use gst::prelude::*;

use crate::common::{Input, Rig, boxes};
use crate::streams::{AUDIO, VIDEO, bytes, picture, picture_at, pictures, playing, seconds, sound};

const AV1: &str = "video/x-av1,stream-format=obu-stream,alignment=tu,width=64,height=48";
const VP9: &str = "video/x-vp9,alignment=super-frame,width=64,height=48";
const OPUS: &str = "audio/x-opus,channels=2,rate=48000,channel-mapping-family=0";
const FLAC: &str = "audio/x-flac,framed=true,rate=48000,channels=2";

/// One of the pushes, or the end behind them, is refused.
fn refused(rig: &Rig, pushes: &[(&Input, gst::Buffer)], words: &[&str]) {
    for (input, buffer) in pushes {
        if input.pad.push(buffer.clone()) == Err(gst::FlowError::Error) {
            return told(rig, words);
        }
    }
    let [(input, _), ..] = pushes else { return };
    input.pad.push_event(gst::event::Eos::new());
    told(rig, words);
}

fn told(rig: &Rig, words: &[&str]) {
    let error = rig.error();
    for word in words {
        assert!(error.contains(word), "no {word} in: {error}");
    }
}

fn timed(payload: Vec<u8>) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(payload);
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
    buffer
}

#[test]
fn caps_that_no_file_holds_are_named() {
    for (template, caps, words) in [
        (
            "video_0",
            "audio/x-vorbis,rate=48000",
            ["video_0", "audio/x-vorbis"],
        ),
        (
            "sink_0",
            "application/x-sensor",
            ["sink_0", "application/x-sensor"],
        ),
        (
            "audio_3",
            "video/x-raw,format=I420",
            ["audio_3", "video/x-raw"],
        ),
        (
            "video_0",
            "video/x-h264,stream-format=byte-stream",
            ["video_0", "codec_data"],
        ),
        (
            "video_0",
            "video/x-h265,stream-format=hvc1",
            ["video_0", "codec_data"],
        ),
        (
            "audio_0",
            "audio/mpeg,mpegversion=1",
            ["audio_0", "mpegversion: found 1"],
        ),
        (
            "audio_0",
            "audio/mpeg,mpegversion=4,stream-format=adts",
            ["audio_0", "stream-format: found adts"],
        ),
        (
            "audio_0",
            "audio/mpeg,mpegversion=4,stream-format=raw",
            ["audio_0", "codec_data"],
        ),
        ("audio_0", FLAC, ["audio_0", "streamheader"]),
        (
            "subtitle_0",
            "text/x-raw,format=other",
            ["subtitle_0", "format: found other"],
        ),
    ] {
        let rig = playing("");
        let input = rig.input(template, caps);
        refused(&rig, &[(&input, picture(0))], &words);
    }
}

#[test]
fn a_stream_without_caps_is_named() {
    let rig = playing("");
    let input = rig.silent("video_0", Default::default());
    input.segment();
    refused(
        &rig,
        &[(&input, picture(0))],
        &["video_0", "application/octet-stream"],
    );
}

#[test]
fn payloads_that_are_none_of_their_codec_are_named() {
    for (template, caps, words) in [
        ("video_0", AV1, ["video_0", "first buffer"]),
        ("video_0", VP9, ["video_0", "first buffer"]),
        (
            "audio_0",
            "audio/x-ac3,framed=true",
            ["audio_0", "first buffer"],
        ),
        (
            "audio_0",
            "audio/x-eac3,framed=true",
            ["audio_0", "first buffer"],
        ),
    ] {
        for garbage in [vec![0xff; 40], vec![0; 3], Vec::new()] {
            let rig = playing("");
            let input = rig.input(template, caps);
            refused(&rig, &[(&input, timed(garbage))], &words);
        }
    }
    // Five packets of 60 ms are longer than a packet may be.
    for garbage in [vec![0x1b, 0x05], Vec::new()] {
        let rig = playing("");
        let input = rig.input("audio_0", OPUS);
        refused(&rig, &[(&input, timed(garbage))], &["audio_0", "Opus"]);
    }
}

/// A second and a half of pictures and sound has come; what is out then is whole, whatever comes.
fn begun() -> (Rig, Input, Input) {
    let rig = playing("");
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    seconds(&video, &audio, 0..2);
    (rig, video, audio)
}

fn whole(rig: &mut Rig) {
    let layout = boxes::layout(&bytes(rig));
    assert_eq!(layout, ["ftyp", "moov", "styp", "moof", "mdat"]);
}

#[test]
fn a_buffer_without_pts_ends_it_behind_whole_fragments() {
    let (mut rig, video, audio) = begun();
    let mut untimed = picture(50);
    untimed.get_mut().unwrap().set_pts(None);
    refused(
        &rig,
        &[(&video, untimed), (&audio, sound(200))],
        &["video_0", "PTS: found none"],
    );
    whole(&mut rig);
}

#[test]
fn times_that_go_backward_are_named() {
    let (mut rig, video, audio) = begun();
    let early = picture_at(50, 400, true);
    let words = ["video_0", "PTS goes backward", "400000000"];
    refused(&rig, &[(&video, early), (&audio, sound(94))], &words);
    whole(&mut rig);

    let (mut rig, video, audio) = begun();
    let words = ["audio_0", "PTS goes backward"];
    refused(&rig, &[(&audio, sound(20)), (&video, picture(50))], &words);
    whole(&mut rig);
}

#[test]
fn sound_that_jumps_off_its_frames_is_told_once() {
    let rig = playing("");
    let audio = rig.input("audio_0", AUDIO);
    for number in 0..200_u64 {
        let mut frame = sound(number);
        let jump = gst::ClockTime::from_mseconds(if number < 20 { 0 } else { 10 });
        let time = frame.pts().map(|pts| pts + jump);
        frame.get_mut().unwrap().set_pts(time);
        audio.pad.push(frame).unwrap();
    }
    audio.end();
    let told: Vec<_> = std::iter::from_fn(|| rig.bus.pop_filtered(&[gst::MessageType::Warning]))
        .map(|message| format!("{:?}", message.structure()))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("audio_0"), "{told:?}");
}

#[test]
fn an_access_unit_that_is_cut_is_named() {
    let (mut rig, video, audio) = begun();
    let mut cut = picture(50);
    cut.get_mut().unwrap().set_size(9);
    refused(
        &rig,
        &[(&video, cut), (&audio, sound(200))],
        &["video_0", "NALUnitLength"],
    );
    whole(&mut rig);
}

#[test]
fn new_caps_without_codec_data_are_named() {
    let (mut rig, video, audio) = begun();
    video.caps("video/x-h264,stream-format=avc,width=640,height=480");
    refused(
        &rig,
        &[(&video, picture(50)), (&audio, sound(200))],
        &["video_0", "codec_data"],
    );
    whole(&mut rig);
}

#[test]
fn a_second_stream_of_cmaf_is_named_early_or_late() {
    let rig = playing("output-mode=cmaf");
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    refused(
        &rig,
        &[(&video, picture(0)), (&audio, sound(0))],
        &["audio_0", "output-mode=cmaf"],
    );

    let rig = playing("output-mode=cmaf");
    let video = rig.input("video_0", VIDEO);
    pictures(&video, 0..30);
    let audio = rig.input("audio_0", AUDIO);
    refused(
        &rig,
        &[(&audio, sound(60)), (&video, picture(60))],
        &["audio_0", "output-mode=cmaf"],
    );
}

#[test]
fn what_downstream_answers_goes_upstream_and_ends_what_is_written() {
    for (flow, eos) in [
        (gst::FlowError::Error, false),
        (gst::FlowError::Eos, true),
        (gst::FlowError::Flushing, false),
        (gst::FlowError::NotLinked, false),
    ] {
        let mut rig = playing("");
        let video = rig.input("video_0", VIDEO);
        pictures(&video, 0..30);
        let before = rig.lists().len();
        rig.set_answer(Err(flow));
        let refused = (30..60).find_map(|n| video.pad.push(picture(n)).err());
        assert_eq!(refused, Some(flow));
        assert_eq!(video.pad.push(picture(60)), Err(flow), "it stays so");
        assert_eq!(rig.lists().len(), before + 1, "nothing goes out behind it");
        assert_eq!(rig.ended(), eos);
        let errors = rig.bus.pop_filtered(&[gst::MessageType::Error]);
        assert!(errors.is_none(), "downstream has told it itself");
    }
}

#[test]
fn an_origin_of_other_ticks_is_refused() {
    let rig = Rig::of("fmp4remux", "segment-mode=true");
    let track = gst::Structure::builder("origin")
        .field("timescale", 1000_u32)
        .field("delay", 0_i64)
        .field("first", 0_i64);
    let origin = gst::Structure::builder("stream-origin").field("video_0", track.build());
    rig.mux.set_property("stream-origin", origin.build());
    rig.set_state(gst::State::Playing);
    let video = rig.input("video_0", VIDEO);
    refused(
        &rig,
        &[(&video, picture(0))],
        &["video_0", "stream-origin", "1000", "12800"],
    );
}
