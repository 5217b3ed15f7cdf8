//! Sample entries and what else the movie box says of a track.

use super::{demuxed, remux};
use crate::common::boxes::{Node, fragments, top};
use crate::common::ffprobe::{Probe, probe};
use crate::common::{Recipe, media};

/// The movie box of a recipe's remuxed file.
fn movie(recipe: Recipe, branches: &[&str]) -> Node {
    top(&remux(&demuxed(recipe, branches), "").bytes(), b"moov")
}

/// The first track's only sample entry.
fn entry(moov: &Node) -> &Node {
    let stsd = moov.at("trak/mdia/minf/stbl/stsd");
    assert_eq!(stsd.children.len(), 1);
    &stsd.children[0]
}

#[test]
fn parameter_sets_in_band_make_avc3() {
    let out_of_band = movie(media::H264_AAC, &["video_0 ! h264parse"]);
    assert_eq!(&entry(&out_of_band).kind, b"avc1");
    let in_band = movie(
        media::H264_AAC,
        &["video_0 ! h264parse ! video/x-h264,stream-format=avc3"],
    );
    assert_eq!(&entry(&in_band).kind, b"avc3");
}

#[test]
fn rates_past_16_bits_are_told_as_the_codec_wants_it() {
    let rate = |moov: &Node| entry(moov).number(24, 2);
    let flac = |recipe| movie(recipe, &["audio_0 ! flacparse"]);
    // FLAC in ISOBMFF, 3.3.1: the largest regular division that fits, and none where there is none.
    assert_eq!(rate(&flac(media::FLAC_882)), 44_100);
    assert_eq!(rate(&flac(media::FLAC_96)), 48_000);
    assert_eq!(rate(&movie(media::AAC_96, &["audio_0 ! aacparse"])), 0);
    assert_eq!(
        rate(&movie(media::AAC_441, &["audio_0 ! aacparse"])),
        44_100
    );
}

#[test]
fn hdr_metadata_is_kept() {
    let moov = movie(media::H265_HDR, &["video_0 ! h265parse"]);
    let entry = entry(&moov);
    let words = |node: &Node, count: usize| -> Vec<u64> {
        (0..count).map(|i| node.number(2 * i, 2)).collect()
    };
    let mdcv = entry.at("mdcv");
    // Green, blue, red, white point.
    assert_eq!(
        words(mdcv, 8),
        [13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450]
    );
    assert_eq!((mdcv.number(16, 4), mdcv.number(20, 4)), (10_000_000, 1));
    assert_eq!(words(entry.at("clli"), 2), [1000, 400]);
    let colr = entry.at("colr");
    assert_eq!(&colr.fields[..4], b"nclx");
    // BT.2020, PQ, BT.2020 non-constant luminance, limited range.
    assert_eq!(
        (
            colr.number(4, 2),
            colr.number(6, 2),
            colr.number(8, 2),
            colr.number(10, 1)
        ),
        (9, 16, 9, 0)
    );
}

#[test]
fn what_a_source_does_not_tell_is_not_made_up() {
    let moov = movie(media::H264_ONE_FRAME, &["video_0 ! h264parse"]);
    for name in ["mdcv", "clli"] {
        assert!(entry(&moov).find(name).is_none(), "{name}");
    }
}

#[test]
fn a_rotation_is_kept() {
    let turn = "video_0 ! h264parse ! taginject tags=image-orientation=rotate-90";
    let remuxed = remux(&demuxed(media::H264_ONE_FRAME, &[turn]), "");
    // ffprobe counts against the clock.
    let rotation = &probe(&remuxed.file)[0].stream["side_data_list"][0]["rotation"];
    assert_eq!(*rotation, -90);
    let moov = movie(media::H264_ONE_FRAME, &["video_0 ! h264parse"]);
    // Without the tag the matrix, behind which width and height are, has no turn.
    let fields = &moov.at("trak/tkhd").fields;
    assert_eq!(fields[fields.len() - 44..][..8], [0, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn eight_tracks_keep_their_languages_and_texts() {
    let branches = [
        "video_0 ! h264parse",
        "audio_0 ! aacparse",
        "audio_1 ! aacparse",
        "audio_2 ! aacparse",
        "audio_3 ! aacparse",
        "audio_4 ! aacparse",
        "subtitle_0",
        "subtitle_1",
    ];
    let remuxed = remux(&demuxed(media::EIGHT_TRACKS, &branches), "");
    let probes = probe(&remuxed.file);
    let language = |p: &crate::common::ffprobe::Probe| {
        p.stream["tags"]["language"].as_str().map(str::to_owned)
    };
    let languages: Vec<Option<String>> = probes[1..].iter().map(language).collect();
    let wanted = ["eng", "deu", "fra", "ita", "spa", "eng", "jpn"];
    assert_eq!(languages, wanted.map(|l| Some(l.to_owned())));
    let source = probe(&media::EIGHT_TRACKS.path());
    for (source, found) in source.iter().zip(&probes).take(6) {
        assert_eq!(source.digests(), found.digests());
    }
    assert_eq!(cues(&remuxed.bytes(), 7), cues_of(&source[6]));
    assert_eq!(texts(&remuxed.file), TEXTS);
}

/// Begin and length in milliseconds of each sample of a track that is more than an empty text's length.
fn cues(data: &[u8], track: u32) -> Vec<(u64, u64)> {
    let (moov, fragments) = fragments(data);
    let timescale = moov.trak.iter().find(|t| t.tkhd.track_id == track);
    let timescale = u64::from(timescale.expect("the track").mdia.mdhd.timescale);
    let mut cues = Vec::new();
    for fragment in fragments.iter().filter(|f| f.track == track) {
        let mut at = fragment.base;
        for sample in &fragment.samples {
            let length = u64::from(sample.duration);
            if sample.size > 2 {
                cues.push((at * 1000 / timescale, length * 1000 / timescale));
            }
            at += length;
        }
    }
    cues
}

/// The same of a stream of the source.
fn cues_of(source: &Probe) -> Vec<(u64, u64)> {
    let ms = |ticks: Option<i64>| (source.ns(ticks.expect("a time")) / 1_000_000) as u64;
    let packets = source.packets.iter();
    packets.map(|p| (ms(p.pts), ms(p.duration))).collect()
}

const TEXTS: [&str; 4] = ["first", "second naïve ✓", "third", "of two lines"];

/// The lines of the first subtitle track as ffmpeg reads them, without times and markup.
fn texts(file: &std::path::Path) -> Vec<String> {
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(file)
        .args(["-map", "0:s:0", "-c:s", "text", "-f", "srt", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("SRT is text");
    let lines = text.lines().map(str::trim);
    let is_text = |l: &&str| !l.is_empty() && !l.contains("-->") && l.parse::<u32>().is_err();
    lines.filter(is_text).map(str::to_owned).collect()
}
