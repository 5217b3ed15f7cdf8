//! The tests' readers of MP4 find what is there and refuse what is damaged, on files of
//! ffmpeg's making.

mod common;

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::browser::{Case, play};
use common::{Recipe, boxes, ffprobe, media, tools};

/// The media as ffmpeg writes it into a fragmented MP4, without its tags, which `mp4-atom` does not know.
fn fragmented(recipe: Recipe, folder: &Path) -> PathBuf {
    let file = folder.join("file.mp4");
    let run = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(recipe.path())
        .args(["-c", "copy", "-bitexact", "-map_metadata", "-1"])
        .args(["-movflags", "frag_keyframe+default_base_moof+delay_moov"])
        .arg(&file)
        .output()
        .expect("ffmpeg is installed");
    assert!(run.status.success(), "{run:?}");
    file
}

/// Whether `check` fails the test that it would be part of.
fn refused(check: impl FnOnce() + std::panic::UnwindSafe) -> bool {
    catch_unwind(check).is_err()
}

#[test]
fn packets_are_those_of_the_source_but_for_rounding() {
    let folder = tempfile::tempdir().unwrap();
    let file = fragmented(media::H264_AAC, folder.path());
    let (source, copy) = (
        ffprobe::probe(&media::H264_AAC.path()),
        ffprobe::probe(&file),
    );
    assert_eq!(copy.len(), 2);
    for (source, copy) in source.iter().zip(&copy) {
        assert!(source.packets.len() > 100);
        assert_eq!(source.digests(), copy.digests());
        let apart = source
            .pts_ns()
            .into_iter()
            .zip(copy.pts_ns())
            .map(|(a, b)| a - b);
        assert!(apart.clone().max().unwrap() - apart.min().unwrap() < 1_000_000);
    }
}

#[test]
fn fragments_add_up_to_all_samples() {
    let folder = tempfile::tempdir().unwrap();
    let data = std::fs::read(fragmented(media::H264_AAC, folder.path())).unwrap();
    let (moov, fragments) = boxes::fragments(&data);
    assert_eq!(moov.trak.len(), 2);
    let samples = |track| {
        let of_track = fragments.iter().filter(move |f| f.track == track);
        of_track.map(|f| f.samples.len()).sum::<usize>()
    };
    let source = ffprobe::probe(&media::H264_AAC.path());
    assert_eq!(samples(1), source[0].packets.len());
    assert_eq!(samples(2), source[1].packets.len());
    let video = fragments.iter().filter(|f| f.track == 1);
    assert!(video.clone().all(|f| f.samples[0].sync()));
    let sync = video.flat_map(|f| &f.samples).filter(|s| s.sync()).count();
    assert_eq!(sync, source[0].packets.iter().filter(|p| p.key).count());
}

#[test]
fn boxes_are_found_by_path_and_cut_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = std::fs::read(fragmented(media::H264_AAC, folder.path())).unwrap();
    assert_eq!(boxes::layout(&data)[..3], ["ftyp", "moov", "moof"]);
    let moov = boxes::top(&data, b"moov");
    assert_eq!(moov.all(b"trak").count(), 2);
    let avcc = moov.at("trak/mdia/minf/stbl/stsd/avc1/avcC");
    assert_eq!(avcc.number(0, 1), 1);
    assert!(moov.find("trak/mdia/minf/stbl/stsd/hvc1").is_none());
    let cut = data[..data.len() - 1].to_vec();
    assert!(refused(move || drop(boxes::parse(&cut))));
}

#[test]
fn the_strict_reader_refuses_boxes_that_it_does_not_know_or_that_are_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let data = std::fs::read(fragmented(media::H264_AAC, folder.path())).unwrap();
    assert_eq!(boxes::strict(&data).1, Vec::<String>::new());
    let renamed = |from: &[u8; 4], to: &[u8; 4]| {
        let mut data = data.clone();
        let at = data.windows(4).position(|w| w == from).unwrap();
        data[at..at + 4].copy_from_slice(to);
        data
    };
    for (from, to) in [(b"esds", b"zzzz"), (b"tfdt", b"zzzz"), (b"smhd", b"vmhd")] {
        let data = renamed(from, to);
        assert!(refused(move || drop(boxes::strict(&data))), "{from:?}");
    }
}

#[test]
fn the_packager_takes_good_files_and_refuses_damaged_ones() {
    let folder = tempfile::tempdir().unwrap();
    let file = fragmented(media::VP9_OPUS, folder.path());
    let source = ffprobe::probe(&file);
    let outputs = tools::package(&file, 2, folder.path());
    for (output, source) in outputs.iter().zip(&source) {
        let packaged = ffprobe::probe(output);
        assert_eq!(packaged[0].digests(), source.digests());
    }
    let mut data = std::fs::read(&file).unwrap();
    let at = data.windows(4).position(|w| w == b"trun").unwrap();
    // 65 536 samples more than there are.
    data[at + 9] = 1;
    std::fs::write(&file, data).unwrap();
    let folder = folder.path().to_owned();
    assert!(refused(move || drop(tools::package(&file, 2, &folder))));
}

/// A playlist of ffmpeg's with segments of its own.
fn playlist(recipe: Recipe, folder: &Path) -> PathBuf {
    let file = folder.join("index.m3u8");
    let run = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(recipe.path())
        .args(["-c", "copy", "-bitexact", "-hls_time", "1"])
        .args(["-hls_segment_type", "fmp4", "-hls_playlist_type", "vod"])
        .arg(&file)
        .output()
        .expect("ffmpeg is installed");
    assert!(run.status.success(), "{run:?}");
    file
}

#[test]
fn the_browser_plays_good_files_and_names_what_is_wrong_with_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = fragmented(media::H264_AAC, folder.path());
    let data = std::fs::read(&file).unwrap();
    let boxes = boxes::parse(&data);
    let (second, third) = (boxes[4].offset, boxes[6].offset);
    let written = |name: &str, parts: &[&[u8]]| {
        let path = folder.path().join(name);
        std::fs::write(&path, parts.concat()).unwrap();
        path
    };
    let holed = written("holed.mp4", &[&data[..second], &data[third..]]);
    let cut = written("cut.mp4", &[&data[..data.len() - 100]]);
    let mut damaged = data.clone();
    let run = data[second..]
        .windows(4)
        .position(|w| w == b"trun")
        .unwrap();
    // 65 536 samples more than there are.
    damaged[second + run + 9] = 1;
    let damaged = written("damaged.mp4", &[&damaged]);
    let played = play(&[
        Case::mse("file", &[&file]),
        Case::hls("playlist", &playlist(media::H264_AAC, folder.path())),
        Case::source("source", &media::H264_EDIT_LIST.path()),
        Case::mse("a fragment is missing", &[&holed]),
        Case::mse("the file is cut", &[&cut]),
        Case::mse("a fragment is damaged", &[&damaged]),
        Case::mse("no file", &[&file, &folder.path().join("none.mp4")]),
    ]);
    // 29.97 for four seconds, from the start of the audio.
    played[0].check(0.0, 4.06, 120);
    played[1].check(0.0, 4.06, 120);
    played[2].check(0.0, 3.0, 75);
    for (played, wanted) in
        played[3..]
            .iter()
            .zip(["buffered is [[", "of size", "appendBuffer", "404"])
    {
        let error = played.error().unwrap_or_else(|| panic!("{played:?}"));
        assert!(error.contains(wanted), "{error}");
    }
}
