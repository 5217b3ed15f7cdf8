//! Caps that change in the middle: another size of picture, another sample entry.

use super::browser::seconds_of;
use super::{remux, segmented};
use crate::common::browser::{Case, play};
use crate::common::ffprobe::probe;
use crate::common::{boxes, media};

/// One video after the other: 320x180 and then 160x90.
fn both() -> String {
    let part = |recipe: crate::common::Recipe| {
        format!(
            "{} ! matroskademux ! h264parse ! queue ! c. ",
            recipe.source()
        )
    };
    format!(
        "concat name=c ! m.  {} {}",
        part(media::H264_AAC),
        part(media::H264_OPEN_GOP)
    )
}

/// The digests of the packets of both.
fn digests() -> Vec<String> {
    let of = |recipe: crate::common::Recipe| probe(&recipe.path()).remove(0);
    let streams = [of(media::H264_AAC), of(media::H264_OPEN_GOP)];
    let all = streams.iter().flat_map(|s| s.digests());
    all.map(str::to_owned).collect()
}

#[test]
fn a_fragmented_file_gets_another_init_segment() {
    let data = remux(&both(), "fragment-duration=1000000000").bytes();
    let movies: Vec<boxes::Node> = (boxes::parse(&data).into_iter())
        .filter(|n| n.kind == *b"moov")
        .collect();
    assert_eq!(movies.len(), 2);
    let size = |moov: &boxes::Node| {
        let entry = moov.at("trak/mdia/minf/stbl/stsd/avc1");
        (entry.number(24, 2), entry.number(26, 2))
    };
    assert_eq!(
        (size(&movies[0]), size(&movies[1])),
        ((320, 180), (160, 90))
    );
}

#[test]
fn a_progressive_file_gets_another_sample_entry() {
    let properties = "output-mode=progressive moov-placement=end";
    let remuxed = remux(&both(), properties);
    let moov = boxes::top(&remuxed.bytes(), b"moov");
    assert_eq!(moov.at("trak/mdia/minf/stbl/stsd").children.len(), 2);
    assert_eq!(probe(&remuxed.file)[0].digests(), digests());
}

#[test]
fn a_playlist_tells_the_discontinuity_and_plays_past_it() {
    let properties = "fragment-duration=1000000000 playlist-type=vod \
                      playlist-location={folder}/index.m3u8";
    let remuxed = segmented(&both(), properties);
    let index = remuxed.folder.path().join("index.m3u8");
    let text = std::fs::read_to_string(&index).unwrap();
    let lines = |name: &str| text.lines().filter(|l| l.starts_with(name)).count();
    assert_eq!(lines("#EXT-X-MAP"), 2, "{text}");
    assert_eq!(lines("#EXT-X-DISCONTINUITY"), 1, "{text}");
    let seconds = seconds_of(media::H264_AAC, 1) + seconds_of(media::H264_OPEN_GOP, 1);
    let played = play(&[Case::hls("both", &index)]);
    played[0].check(0.0, seconds, digests().len());
    assert_eq!(
        (played[0].number("width"), played[0].number("height")),
        (160.0, 90.0)
    );
}
