//! Progressive files: all samples in the tables of `moov`, which lies where `moov-placement` says.

use super::compare::{faithful, same_packets};
use super::{demuxed, remux};
use crate::common::{boxes, media};

const BOTH: [&str; 2] = ["video_0 ! h264parse", "audio_0 ! aacparse"];

fn kinds(data: &[u8]) -> Vec<String> {
    let mut kinds = boxes::layout(data);
    kinds.retain(|k| k != "free");
    kinds
}

#[test]
fn the_movie_is_at_the_end() {
    let properties = "output-mode=progressive moov-placement=end";
    let remuxed = faithful(media::H264_AAC, &BOTH, properties);
    assert_eq!(kinds(&remuxed.bytes()), ["ftyp", "mdat", "moov"]);
}

#[test]
fn the_movie_is_in_front_by_way_of_a_temporary_file() {
    let properties = "output-mode=progressive moov-placement=front-spool";
    let remuxed = faithful(media::H264_AAC, &BOTH, properties);
    assert_eq!(kinds(&remuxed.bytes()), ["ftyp", "moov", "mdat"]);
}

#[test]
fn the_movie_is_in_front_in_room_that_was_kept() {
    let properties =
        "output-mode=progressive moov-placement=front-reserve reserved-max-duration=10000000000";
    let remuxed = faithful(media::H264_AAC, &BOTH, properties);
    assert_eq!(kinds(&remuxed.bytes()), ["ftyp", "moov", "mdat"]);
}

#[test]
fn late_sound_and_open_gops_are_in_progressive_files_too() {
    let properties = "output-mode=progressive moov-placement=end";
    faithful(media::APART, &BOTH, properties);
    faithful(media::H264_OPEN_GOP, &BOTH[..1], properties);
    faithful(media::AUDIO_GAP, &BOTH, properties);
}

/// An H4MK file of the main input is remuxed in one pass to a pipe: what comes out is moov first.
#[test]
fn an_indexed_source_gives_a_movie_in_front_in_one_pass() {
    // MP4: of Matroska, h4mkmux records what its demuxer says of the first pictures before it corrects that.
    let folder = tempfile::tempdir().unwrap();
    let file = crate::common::pipeline::quoted(&folder.path().join("file.h4mk"));
    let recording = crate::common::pipeline::launch(&format!(
        "h4mkmux name=m ! filesink location={file}  {}",
        demuxed(media::H264_EDIT_LIST, &BOTH)
    ));
    crate::common::pipeline::run(&recording).good();
    let properties = "output-mode=progressive moov-placement=front-exact";
    let sources =
        format!("filesrc location={file} ! h4mkdemux name=d  d. ! queue ! m.  d. ! queue ! m.");
    let remuxed = remux(&sources, properties);
    assert_eq!(kinds(&remuxed.bytes()), ["ftyp", "moov", "mdat"]);
    same_packets(media::H264_EDIT_LIST, &remuxed, 2);
}
