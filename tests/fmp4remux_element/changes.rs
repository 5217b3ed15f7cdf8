//! Caps that change on the way, and streams that come late or in any order.

use std::path::PathBuf;

use gst::prelude::*;

use crate::common::packets::capture;
use crate::common::pipeline::quoted;
use crate::common::{Rig, boxes, ffprobe, media};
use crate::streams::{
    AUDIO, LARGER, SLOWER, VIDEO, bytes, picture_at, pictures, playing, seconds, sound,
};

/// The file in parts, each from one init segment to the next.
fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let boxes = boxes::parse(bytes);
    let begins = boxes.iter().filter(|n| n.kind == *b"ftyp");
    let mut begins: Vec<usize> = begins.map(|n| n.offset).collect();
    begins.push(bytes.len());
    begins
        .windows(2)
        .map(|pair| &bytes[pair[0]..pair[1]])
        .collect()
}

/// Samples of each track in a part.
fn samples(part: &[u8]) -> Vec<usize> {
    let (movie, fragments) = boxes::fragments(part);
    let of = |id| {
        let of_track = fragments.iter().filter(move |f| f.track == id);
        of_track.map(|f| f.samples.len()).sum()
    };
    movie.trak.iter().map(|t| of(t.tkhd.track_id)).collect()
}

fn width(part: &[u8]) -> u64 {
    let moov = boxes::top(part, b"moov");
    moov.at("trak/mdia/minf/stbl/stsd/avc1").number(24, 2)
}

#[test]
fn another_size_of_picture_gets_another_init_segment_at_its_first_key() {
    let mut rig = playing("");
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    seconds(&video, &audio, 0..1);
    pictures(&video, 25..40);
    (47..76).for_each(|n| assert!(audio.pad.push(sound(n)).is_ok()));
    video.caps(LARGER);
    video.pad.push(picture_at(40, 1600, true)).unwrap();
    pictures(&video, 41..50);
    (76..93).for_each(|n| assert!(audio.pad.push(sound(n)).is_ok()));
    video.end();
    audio.end();
    let file = bytes(&mut rig);
    let parts = parts(&file);
    assert_eq!(parts.len(), 2);
    assert_eq!((width(parts[0]), width(parts[1])), (64, 128));
    let (before, after) = (samples(parts[0]), samples(parts[1]));
    assert_eq!((before[0], after[0]), (40, 10));
    // Sound is cut at the same time: 1.6 s are 75 frames.
    assert_eq!((before[1], after[1]), (75, 18));
    let caps = rig.events();
    let caps = caps.iter().filter(|e| e.type_() == gst::EventType::Caps);
    assert_eq!(caps.count(), 2);
    let lists = rig.lists();
    let init = lists.iter().rposition(|list| list.len() == 1).unwrap();
    let flags = gst::BufferFlags::HEADER | gst::BufferFlags::DISCONT;
    assert_eq!(lists[init][0].flags(), flags);
    assert_eq!(
        lists[init + 1][0].flags(),
        flags,
        "times may go on elsewhere"
    );
}

#[test]
fn another_rate_of_sound_keeps_the_ticks_of_its_track() {
    let mut rig = playing("");
    let audio = rig.input("audio_0", AUDIO);
    (0..50).for_each(|n| assert!(audio.pad.push(sound(n)).is_ok()));
    audio.caps(SLOWER);
    let begin = 50 * 1024 * 1_000_000_000_u64 / 48_000;
    for number in 0..40 {
        let mut frame = sound(number);
        let ns = begin + number * 1024 * 1_000_000_000 / 44_100;
        frame
            .get_mut()
            .unwrap()
            .set_pts(gst::ClockTime::from_nseconds(ns));
        audio.pad.push(frame).unwrap();
    }
    audio.end();
    let file = bytes(&mut rig);
    let parts = parts(&file);
    assert_eq!(parts.len(), 2);
    assert_eq!(samples(parts[0]), [50]);
    assert_eq!(samples(parts[1]), [40]);
    let moov = boxes::top(parts[1], b"moov");
    assert_eq!(moov.at("trak/mdia/mdhd").number(12, 4), 48_000);
    let (_, before) = boxes::fragments(parts[0]);
    let (_, after) = boxes::fragments(parts[1]);
    assert_eq!(before.last().unwrap().end(), after[0].base);
    assert_eq!(after[0].base, 50 * 1024);
    // A frame is 1024 * 48000 / 44100 = 1114.6 ticks.
    let lengths = after[0].samples.iter().map(|s| s.duration);
    assert!(lengths.clone().all(|d| d == 1114 || d == 1115), "{after:?}");
}

/// Two sizes of real pictures, one behind the other, with parameter sets where `format` has them.
fn two_sizes(format: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("both.mp4");
    let part = |recipe: crate::common::Recipe| {
        let source = recipe.source();
        format!(
            "{source} ! matroskademux ! h264parse ! video/x-h264,stream-format={format} ! queue ! c. "
        )
    };
    let pipeline = crate::common::launch(&format!(
        "concat name=c ! fmp4remux fragment-duration=1000000000 ! filesink location={}  {} {}",
        quoted(&file),
        part(media::H264_5994),
        part(media::H264_INTERLACED)
    ));
    crate::common::run(&pipeline).good();
    (folder, file)
}

#[test]
fn both_parts_of_a_file_of_two_sizes_play() {
    for (format, entry) in [("avc", "avc1"), ("avc3", "avc3")] {
        let (folder, file) = two_sizes(format);
        let bytes = std::fs::read(&file).unwrap();
        let parts = parts(&bytes);
        assert_eq!(parts.len(), 2, "{format}");
        for (part, recipe) in parts.iter().zip([media::H264_5994, media::H264_INTERLACED]) {
            let path = folder.path().join("part.mp4");
            std::fs::write(&path, part).unwrap();
            let stream = ffprobe::probe(&path).remove(0);
            assert_eq!(stream.stream["codec_tag_string"], entry);
            let source = ffprobe::probe(&recipe.path()).remove(0);
            assert_eq!(stream.packets.len(), source.packets.len());
            if format == "avc" {
                assert_eq!(stream.digests(), source.digests());
            }
            let (run, played) = capture(&format!(
                "filesrc location={} ! qtdemux name=d",
                quoted(&path)
            ));
            assert_eq!(run.error, None);
            assert_eq!(played[0].packets.len(), source.packets.len());
        }
    }
}

#[test]
fn a_stream_that_comes_late_is_in_another_init_segment() {
    let mut rig = playing("");
    let video = rig.input("video_0", VIDEO);
    pictures(&video, 0..30);
    let audio = rig.input("audio_%u", AUDIO);
    (70..94).for_each(|n| assert!(audio.pad.push(sound(n)).is_ok()));
    pictures(&video, 30..60);
    (94..120).for_each(|n| assert!(audio.pad.push(sound(n)).is_ok()));
    video.end();
    audio.end();
    let file = bytes(&mut rig);
    let parts = parts(&file);
    assert_eq!(parts.len(), 2);
    assert_eq!(samples(parts[0]).len(), 1);
    assert_eq!(samples(parts[1]).len(), 2);
    let total: Vec<Vec<usize>> = parts.iter().map(|p| samples(p)).collect();
    assert_eq!(total[0][0] + total[1][0], 60);
    assert_eq!(total[1][1], 50);
}

#[test]
fn pads_without_names_take_streams_in_any_order() {
    for order in [
        "p. ! queue ! m. p. ! queue ! m.",
        "p.src_1 ! queue ! m. p.src_0 ! queue ! m.",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file.mp4");
        let pipeline = crate::common::launch(&format!(
            "{} ! parsebin name=p  fmp4remux name=m ! filesink location={}  {order}",
            media::H264_AAC.source(),
            quoted(&file)
        ));
        crate::common::run(&pipeline).good();
        let mut codecs: Vec<String> = ffprobe::probe(&file).into_iter().map(|s| s.codec).collect();
        codecs.sort();
        assert_eq!(codecs, ["aac", "h264"], "{order}");
    }
}

#[test]
fn a_flush_throws_away_what_waits_and_the_file_goes_on() {
    let mut rig: Rig = playing("");
    let video = rig.input("video_0", VIDEO);
    pictures(&video, 0..30);
    video.event(gst::event::FlushStart::new());
    video.event(gst::event::FlushStop::new(true));
    video.segment();
    pictures(&video, 50..80);
    video.end();
    rig.wait_for_end();
    let file = bytes(&mut rig);
    assert_eq!(parts(&file).len(), 1);
    assert!(samples(&file)[0] >= 55);
    let flushed = |e: &gst::Event| e.type_() == gst::EventType::FlushStart;
    assert!(!rig.events().iter().any(flushed));
}
