//! What is damaged, cut, no media or no option.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::{list, tokens, told};
use crate::common::{Random, data, media};
use crate::tool::{Ran, command, piped, tool};

#[test]
fn a_file_that_is_cut_gives_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let film = media::H264_AAC.path();
    let cut = folder.path().join("cut.mkv");
    let bytes = fs::read(&film).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let (whole, part) = (list(&told(&film, &[])), list(&told(&cut, &[])));
    // B-frames whose successors are missing may lie behind the cut.
    let count = part.len() - 4;
    assert!((20..100).contains(&count), "{count}");
    assert_eq!(part[..count], whole[..count]);
    // Of MP4 the index is missing.
    let film = fs::read(media::H264_EDIT_LIST.path()).unwrap();
    let cut = folder.path().join("cut.mp4");
    fs::write(&cut, &film[..film.len() / 2]).unwrap();
    tokens(&cut, &[]).fails(1, &["cut.mp4", "no playable streams"]);
}

#[test]
fn what_is_no_media_or_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("empty"), b"").unwrap();
    fs::write(path("words"), [b'U'; 9000]).unwrap();
    let wave = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0";
    fs::write(path("silent.wav"), wave).unwrap();
    let known = "found no file format that GStreamer knows";
    tokens(&path("empty"), &[]).fails(1, &["empty", known]);
    tokens(&path("words"), &[]).fails(1, &["words"]);
    tokens(&path("silent.wav"), &[]).fails(1, &["silent.wav"]);
    tokens(&data("h4mk/empty-track.h4mk"), &[]).fails(1, &["empty-track.h4mk"]);
    tokens(&data("h4mk/bad-header-only.h4mk"), &[]).fails(1, &["bad-header-only.h4mk"]);
    tokens(&path("missing.mkv"), &[]).fails(2, &["missing.mkv"]);
    tokens(folder.path(), &[]).fails(2, &["found a folder"]);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.mkv");
    fs::copy(media::H264_AAC.path(), &film).unwrap();
    let name = film.to_str().unwrap();
    let there = [
        "--stream: found 3",
        "1 (video, H.264 (High Profile)), 2 (audio, MPEG-4 AAC)",
    ];
    tokens(&film, &["--stream", "3"]).fails(2, &there);
    tokens(&film, &["--stream", "0"]).fails(2, &["found 0"]);
    tokens(&film, &["--binary", "--seek", "1"]).fails(2, &["--binary", "--seek"]);
    let read = "found the file that is read";
    tokens(&film, &["--output", name]).fails(2, &[read]);
    tokens(&film, &["--metadata", name]).fails(2, &[read]);
    let both = folder.path().join("both").to_str().unwrap().to_owned();
    let options = ["--binary", "--output", &both, "--metadata", &both];
    tokens(&film, &options).fails(2, &["--metadata"]);
    // Nothing is left behind, whatever fails.
    let other = folder.path().join("out").to_str().unwrap().to_owned();
    tokens(&film, &["--stream", "3", "--output", &other]).fails(2, &[]);
    let names: Vec<_> = fs::read_dir(&folder).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(
        fs::read(&film).unwrap(),
        fs::read(media::H264_AAC.path()).unwrap()
    );
}

#[test]
fn pipes_are_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let film = media::H264_AAC.path();
    let expected = list(&told(&film, &[]));
    let mut child = command(["tokens", "--json", "/dev/stdin"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&fs::read(&film).unwrap())
        .unwrap();
    let read = child.wait_with_output().unwrap();
    assert_eq!(
        list(&serde_json::from_slice(&read.stdout).unwrap()),
        expected
    );
    let pipe = folder.path().join("pipe");
    let options = ["--binary", "--output", pipe.to_str().unwrap()];
    let records = piped(&pipe, || drop(tokens(&film, &options).good()));
    assert_eq!(records.len(), 13 * expected.len());
}

/// A copy with some bytes changed, in a file of that name.
fn damaged(bytes: &[u8], random: &mut Random, file: &Path) {
    let mut bytes = bytes.to_vec();
    for _ in 0..8 {
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] = random.below(256) as u8;
    }
    fs::write(file, bytes).unwrap();
}

#[test]
fn damaged_files_give_an_answer_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(6);
    for source in [
        media::H264_ONE_FRAME.path(),
        media::H264_EDIT_LIST.path(),
        media::OPUS.path(),
        data("h4x/two-tracks.h4mk"),
    ] {
        let bytes = fs::read(&source).unwrap();
        let file = folder.path().join(source.file_name().unwrap());
        for round in 0..6 {
            damaged(&bytes, &mut random, &file);
            let ran: Ran = tool(["tokens", "--json", "--seek", "0.1", file.to_str().unwrap()]);
            let code = ran
                .code
                .unwrap_or_else(|| panic!("killed in round {round}: {ran:?}"));
            assert!(code < 2 && !ran.stderr.contains("panicked"), "{ran:?}");
            if code == 0 {
                serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap();
            }
        }
    }
}
