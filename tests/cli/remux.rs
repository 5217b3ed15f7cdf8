//! `gst-harmony remux`: what it reads and what it writes.

mod failures;
mod hls;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::boxes::layout;
use crate::common::ffprobe::{Probe, probe};
use crate::common::media;
use crate::tool::{Ran, command, piped, tool};

/// A folder to write into.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Names of what is in it.
    fn names(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }
}

fn remux(input: &Path, output: &Path, options: &[&str]) -> Ran {
    Ran::from(with(input, output, options).output().unwrap())
}

fn with(input: &Path, output: &Path, options: &[&str]) -> Command {
    let mut command = command(["remux"]);
    command.arg(input).arg(output).args(options);
    command
}

fn hls(input: &Path, folder: &Path, options: &[&str]) -> Command {
    let mut command = command(["remux"]);
    command.arg(input).arg("--hls").arg(folder).args(options);
    command
}

fn codecs(probes: &[Probe]) -> Vec<&str> {
    probes.iter().map(|probe| probe.codec.as_str()).collect()
}

/// SHA-256 of all pictures of the first video stream, or of all samples of the first audio stream.
fn decoded(file: &Path, stream: &str) -> String {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(file)
        .args([
            "-map",
            stream,
            "-fps_mode",
            "passthrough",
            "-f",
            "hash",
            "-hash",
            "sha256",
            "-",
        ])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.is_empty(),
        "{}: {errors}",
        file.display()
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Types of the boxes that are in no other.
fn boxes(file: &Path) -> Vec<String> {
    layout(&fs::read(file).unwrap())
}

/// Every packet of the source is there, with its PTS but for one constant and the source's rounding to ms.
fn same(source: &Path, output: &Path) {
    let (before, after) = (probe(source), probe(output));
    assert_eq!(codecs(&before), codecs(&after));
    let shift = after[0].pts_ns()[0] - before[0].pts_ns()[0];
    for (before, after) in before.iter().zip(&after) {
        // Of MP4, the demuxer leaves out what lies behind the edit list's end.
        let count = after.packets.len();
        let is_mp4 = source.extension().is_some_and(|e| e == "mp4");
        let less = before.packets.len() - count;
        assert!(
            less == 0 || less == 1 && is_mp4,
            "{}: {less} less",
            before.codec
        );
        let keys = |probe: &Probe| Vec::from_iter(probe.packets.iter().map(|p| p.key));
        assert_eq!(keys(before)[..count], keys(after), "{}", before.codec);
        let (old, new) = (before.pts_ns(), after.pts_ns());
        for (old, new) in old.iter().zip(&new) {
            let off = (new - old - shift).abs();
            assert!(
                off <= 1_000_000,
                "{}: {old} and {new}, {shift}",
                before.codec
            );
        }
    }
    assert_eq!(decoded(source, "0:v:0"), decoded(output, "0:v:0"));
}

#[test]
fn every_container_becomes_fragmented_mp4() {
    let place = Place::new();
    for recipe in [
        media::H264_AAC,
        media::H264_EDIT_LIST,
        media::H264_TS,
        media::FLV,
        media::VP9_OPUS,
        media::H264_FLAC,
    ] {
        let output = place.file("out.mp4");
        let told = remux(&recipe.path(), &output, &["--json"]).json();
        let types = boxes(&output);
        assert_eq!(types[..2], ["ftyp", "moov"], "{}", recipe.name);
        let fragments = types.iter().filter(|kind| *kind == "moof").count();
        assert_eq!(
            told["written"][0]["fragments"], fragments,
            "{}",
            recipe.name
        );
        assert!(fragments > 0, "{}", recipe.name);
        same(&recipe.path(), &output);
        assert_eq!(place.names(), BTreeSet::from(["out.mp4".to_owned()]));
    }
}

#[test]
fn the_summary_tells_of_every_track() {
    let place = Place::new();
    let told = remux(&media::H264_AAC.path(), &place.file("a.mp4"), &["--json"]).json();
    let tracks = told["tracks"].as_array().unwrap();
    let probes = probe(&place.file("a.mp4"));
    for ((track, probe), name) in tracks.iter().zip(&probes).zip(["video_0", "audio_0"]) {
        assert_eq!(track["name"], name);
        assert_eq!(track["packets"], probe.packets.len());
        assert_eq!(
            track["bytes"],
            probe.packets.iter().map(|p| p.size).sum::<usize>()
        );
        assert_eq!(track["transcoded"], false);
        let seconds = track["duration_ns"].as_f64().unwrap() / 1e9;
        assert!((seconds - 4.0).abs() < 0.1, "{seconds}");
    }
    assert_eq!(tracks.len(), 2);
    assert!(tracks[0]["codecs"].as_str().unwrap().starts_with("avc"));
    assert_eq!(tracks[1]["codecs"], "mp4a.40.2");
    assert_eq!(
        told["written"][0]["bytes"],
        fs::metadata(place.file("a.mp4")).unwrap().len()
    );
    let text = remux(&media::H264_AAC.path(), &place.file("b.mp4"), &[]).good();
    for word in ["b.mp4: fragmented", "video_0", "audio_0", "H.264"] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    assert_eq!(
        fs::read(place.file("a.mp4")).unwrap(),
        fs::read(place.file("b.mp4")).unwrap()
    );
}

#[test]
fn a_pipe_gets_the_same_file() {
    let place = Place::new();
    let input = media::H264_AAC.path();
    remux(&input, &place.file("a.mp4"), &[]).good();
    let pipe = place.file("pipe.mp4");
    let bytes = piped(&pipe, || drop(remux(&input, &pipe, &[]).good()));
    assert!(bytes == fs::read(place.file("a.mp4")).unwrap());
    assert!(pipe.metadata().unwrap().file_type().is_fifo());
    let names = ["a.mp4", "pipe.mp4"].map(str::to_owned);
    assert_eq!(place.names(), BTreeSet::from(names));
}

#[test]
fn progressive_files_have_their_moov_first() {
    let place = Place::new();
    let recording = place.file("a.h4mk");
    let launch = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/record-file.launch");
    let set = |property: &str, file: &Path| format!("{property}={}", file.display());
    let (source, file) = (
        // MP4: of Matroska, h4mkmux records what its demuxer says of the first pictures before it corrects that.
        set("source.location", &media::H264_EDIT_LIST.path()),
        set("file.location", &recording),
    );
    tool([
        "run",
        launch.to_str().unwrap(),
        "--set",
        &source,
        "--set",
        &file,
    ])
    .good();
    let film = media::H264_AAC.path();
    for (input, source) in [
        (film.clone(), film),
        (recording, media::H264_EDIT_LIST.path()),
    ] {
        let output = place.file("out.mp4");
        remux(&input, &output, &["--progressive"]).good();
        let types = boxes(&output);
        let moov = types.iter().position(|kind| kind == "moov");
        let mdat = types.iter().position(|kind| kind == "mdat");
        assert!(moov < mdat && moov.is_some(), "{types:?}");
        assert!(!types.contains(&"moof".to_owned()), "{types:?}");
        same(&source, &output);
    }
}

#[test]
fn fragments_are_as_long_as_asked() {
    let place = Place::new();
    let fragments = |time: &str| {
        let told = remux(
            &media::H264_AAC.path(),
            &place.file("a.mp4"),
            &["--json", "--fragment", time],
        )
        .json();
        told["written"][0]["fragments"].as_u64().unwrap()
    };
    // Keys are a second apart, for four seconds.
    assert_eq!(
        (fragments("1s"), fragments("1500ms"), fragments("10s")),
        (4, 2, 1)
    );
}

#[test]
fn cmaf_is_for_one_stream() {
    let place = Place::new();
    remux(&media::VP9.path(), &place.file("a.mp4"), &["--cmaf"]).good();
    let brand = fs::read(place.file("a.mp4")).unwrap();
    assert_eq!(brand[4..8], *b"ftyp");
    assert!(
        brand[8..64]
            .chunks(4)
            .any(|brand| brand == b"cmfc" || brand == b"cmf2")
    );
    let two = media::H264_AAC.path();
    remux(&two, &place.file("b.mp4"), &["--cmaf"]).fails(1, &[two.to_str().unwrap(), "--hls"]);
    assert_eq!(place.names(), BTreeSet::from(["a.mp4".to_owned()]));
}

#[test]
fn sound_that_mp4_cannot_hold_is_encoded_only_on_request() {
    let place = Place::new();
    let vorbis = media::H264_VORBIS.path();
    let words = [
        "stream 1 (audio)",
        "Vorbis",
        "audio/x-vorbis",
        "--transcode-audio",
    ];
    remux(&vorbis, &place.file("a.mp4"), &[]).fails(1, &words);
    assert!(place.names().is_empty(), "{:?}", place.names());
    for (option, codec) in [("aac", "aac"), ("opus", "opus")] {
        let output = place.file("a.mp4");
        let told = remux(&vorbis, &output, &["--json", "--transcode-audio", option]).json();
        assert_eq!(
            (
                &told["tracks"][0]["transcoded"],
                &told["tracks"][1]["transcoded"]
            ),
            (&false.into(), &true.into())
        );
        let probes = probe(&output);
        assert_eq!(codecs(&probes), ["h264", codec]);
        let last = probes[1].pts_ns().last().copied().unwrap();
        assert!((2_900_000_000..3_100_000_000).contains(&last), "{last}");
    }
    // What MP4 can hold stays as it is.
    let told = remux(
        &media::H264_AAC.path(),
        &place.file("b.mp4"),
        &["--json", "--transcode-audio", "opus"],
    )
    .json();
    assert_eq!(told["tracks"][1]["transcoded"], false);
}

#[test]
fn pictures_that_mp4_cannot_hold_are_an_error() {
    let place = Place::new();
    let words = ["stream 0 (video)", "VP8", "video/x-vp8", "sound only"];
    remux(
        &media::VP8_VORBIS.path(),
        &place.file("a.mp4"),
        &["--transcode-audio", "aac"],
    )
    .fails(1, &words);
    assert!(place.names().is_empty(), "{:?}", place.names());
}

/// A film that is shown turned by a quarter: in `tkhd` the matrix says so (ISO/IEC 14496-12, 8.3.2).
fn rotated(place: &Place) -> PathBuf {
    let mut film = fs::read(media::H264_EDIT_LIST.path()).unwrap();
    let tkhd = film.windows(4).position(|kind| kind == b"tkhd").unwrap();
    // Behind the type: version and flags, five numbers of 32 bits, 16 bytes of others.
    let matrix = tkhd + 4 + 4 + 5 * 4 + 16;
    let turned: [i32; 9] = [0, 0x1_0000, 0, -0x1_0000, 0, 0, 0, 0, 0x4000_0000];
    for (at, number) in turned.into_iter().enumerate() {
        film[matrix + 4 * at..][..4].copy_from_slice(&number.to_be_bytes());
    }
    fs::write(place.file("rotated.mp4"), film).unwrap();
    place.file("rotated.mp4")
}

#[test]
fn rotation_colour_and_light_are_kept() {
    let place = Place::new();
    let output = place.file("a.mp4");
    let told = |source: &Path, options: &[&str], words: &[&str]| {
        remux(source, &output, options).good();
        let stream = probe(&output).remove(0).stream;
        for word in words {
            assert!(stream.to_string().contains(word), "no {word} in {stream}");
        }
    };
    let light = [
        "\"color_transfer\":\"smpte2084\"",
        "\"red_x\":\"34000/50000\"",
        "\"max_content\":1000",
    ];
    let turned = ["\"rotation\":-90"];
    let rotated = rotated(&place);
    for options in [&[][..], &["--progressive"]] {
        told(&rotated, options, &turned);
        told(&media::H265_HDR.path(), options, &light);
    }
}

#[test]
fn sound_alone_is_put_into_mp4_too() {
    let place = Place::new();
    let output = place.file("a.mp4");
    for (recipe, codec) in [
        (media::AC3, "ac3"),
        (media::EAC3, "eac3"),
        (media::OPUS, "opus"),
        (media::FLAC, "flac"),
        (media::AAC_96, "aac"),
    ] {
        let told = remux(&recipe.path(), &output, &["--json"]).json();
        let probes = probe(&output);
        assert_eq!(codecs(&probes), [codec]);
        assert_eq!(told["tracks"][0]["packets"], probes[0].packets.len());
        let source = probe(&recipe.path());
        assert_eq!(source[0].packets.len(), probes[0].packets.len(), "{codec}");
    }
}

#[test]
fn subtitles_are_kept() {
    let place = Place::new();
    let (file, source) = (place.file("a.mp4"), media::H264_SRT.path());
    let told = remux(&source, &file, &["--json"]).json();
    assert_eq!(told["left_out"], Value::Array(Vec::new()));
    let probes = probe(&file);
    assert_eq!(codecs(&probes), ["h264", "mov_text"]);
    // Two bytes are a text of no characters.
    let shown = probes[1].packets.iter().filter(|packet| packet.size > 2);
    let times: Vec<i64> = shown
        .map(|packet| probes[1].ns(packet.pts.unwrap()) / 1_000_000)
        .collect();
    assert_eq!(times, [500, 1900, 3100]);
    remux(&source, &file, &["--progressive"]).good();
    // ffmpeg knows how long a text is shown in these files only.
    let text = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(&file)
        .args(["-map", "0:s", "-f", "srt", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    for line in [
        "first",
        "second naïve ✓",
        "00:00:01,900 --> 00:00:02,000",
        "third",
        "of two lines",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
}
