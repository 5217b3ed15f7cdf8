//! `gst-harmony tokens`: the frames of real files, against what ffprobe tells of them.

mod failures;
mod output;
mod seek;
mod sound;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::ffprobe::{Probe, probe};
use crate::common::media::{self, cached};
use crate::common::{Recipe, data};
use crate::tool::{Ran, command, tool};

/// H.264 with B-frames in AVI, which has no PTS but those of key frames.
const AVI: Recipe = Recipe {
    name: "h264.avi",
    ffmpeg: "-f lavfi -i testsrc2=s=160x90:r=25:d=2 -c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -f avi",
};

/// A film whose first stream is sound.
const SOUND_FIRST: Recipe = Recipe {
    name: "sound-first.mkv",
    ffmpeg: "-f lavfi -i sine=f=330:r=48000:d=2 -f lavfi -i testsrc2=s=160x90:r=25:d=2 -map 0 -map 1 -c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -c:a aac -f matroska",
};

/// The tokens of a file.
fn tokens(file: &Path, options: &[&str]) -> Ran {
    let mut command = command(["tokens"]);
    Ran::from(command.arg(file).args(options).output().unwrap())
}

fn told(file: &Path, options: &[&str]) -> Value {
    tokens(file, &[&["--json"], options].concat()).json()
}

/// PTS in microseconds and key flag of each token, whose index is its place.
fn list(told: &Value) -> Vec<(i64, bool)> {
    let tokens = told["tokens"].as_array().unwrap().iter().enumerate();
    let token = |(place, token): (usize, &Value)| {
        assert_eq!(token["index"], place);
        let pts = token["pts_us"].as_i64().unwrap();
        (pts, token["key"].as_bool().unwrap())
    };
    tokens.map(token).collect()
}

/// The same of what ffprobe shows, from the first frame on if `from_first`.
fn shown(probe: &Probe, from_first: bool) -> Vec<(i64, bool)> {
    let packets = probe.packets.iter().filter(|packet| !packet.discard);
    let ns = packets.map(|packet| (probe.ns(packet.pts.unwrap()), packet.key));
    let mut frames: Vec<(i64, bool)> = ns.collect();
    frames.sort_by_key(|(pts, _)| *pts);
    let start = if from_first { frames[0].0 } else { 0 };
    let us = |(pts, key): (i64, bool)| ((pts - start + 500).div_euclid(1000), key);
    frames.into_iter().map(us).collect()
}

/// Fails with the first token that is not as ffprobe says, but for a microsecond of rounding.
fn same(name: &str, found: &[(i64, bool)], expected: &[(i64, bool)]) {
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let near = (found.0 - expected.0).abs() <= 1 && found.1 == expected.1;
        assert!(
            near,
            "{name}: frame {place}: {found:?}, expected {expected:?}"
        );
    }
    assert_eq!(found.len(), expected.len(), "{name}");
}

/// A file that a script makes as `{out}`.
fn made(name: &str, script: &str) -> PathBuf {
    cached(name, script, |out| {
        let script = script.replace("{out}", &out.to_string_lossy());
        let mut bash = Command::new("bash");
        let ran = bash.args(["-euo", "pipefail", "-c", &script]).output();
        let ran = ran.unwrap();
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
    })
}

/// A film that begins in the middle of a group of pictures, by its edit list.
fn cut_by_edit_list() -> PathBuf {
    let film = media::H264_EDIT_LIST.path();
    let script = "ffmpeg -v error -nostdin -ss 1.4 -i FILM -c copy -map 0:v -bitexact {out}";
    made("cut.mp4", &script.replace("FILM", &film.to_string_lossy()))
}

#[test]
fn frames_are_shown_when_ffprobe_says_so() {
    // B-frames, open groups, interlaced, and every container. MPEG-TS and FLV begin where their first picture is.
    for (recipe, from_first) in [
        (media::H264_AAC, false),
        (media::H264_OPEN_GOP, false),
        (media::H264_VFR, false),
        (media::H264_INTERLACED, false),
        (media::H264_EDIT_LIST, false),
        (media::H264_TS, true),
        (media::FLV, true),
        (media::H265, false),
        (media::H265_OPEN_GOP, false),
        (media::VP9_OPUS, false),
        (media::AV1, false),
        (media::H264_ONE_FRAME, false),
    ] {
        let told = told(&recipe.path(), &[]);
        let probe = &probe(&recipe.path())[0];
        let expected = shown(probe, from_first);
        same(recipe.name, &list(&told), &expected);
        assert_eq!(told["frames"], expected.len(), "{}", recipe.name);
        assert_eq!(told["start_us"], expected[0].0, "{}", recipe.name);
        let keys = expected.iter().enumerate().filter(|(_, (_, key))| *key);
        let keys: Vec<usize> = keys.map(|(place, _)| place).collect();
        assert_eq!(told["keys"], Value::from(keys), "{}", recipe.name);
        // Of Matroska, ffprobe rounds durations to milliseconds.
        let duration = probe.packets.last().unwrap().duration.unwrap();
        let end = expected.last().unwrap().0 + probe.ns(duration) / 1000;
        let off = (told["end_us"].as_i64().unwrap() - end).abs();
        assert!(off < 1000, "{}: {off}", recipe.name);
        assert_eq!(told["left_out"]["outside"], 0, "{}", recipe.name);
        assert_eq!(told["from_dts"], 0, "{}", recipe.name);
    }
}

#[test]
fn a_constant_rate_is_an_exact_fraction() {
    for (recipe, options, rate) in [
        (media::H264_AAC, [].as_slice(), "30000/1001"),
        (media::H264_OPEN_GOP, &[], "24000/1001"),
        (media::H264_5994, &[], "60000/1001"),
        (media::H264_EDIT_LIST, &[], "25/1"),
        (media::H264_TS, &[], "25/1"),
        (media::H264_ONE_FRAME, &[], "25/1"),
        (media::AV1, &[], "10/1"),
        (media::AAC_441, &[], "11025/256"),
        (media::AAC, &[], "11025/256"),
        (media::MP3, &[], "1225/32"),
        (media::OPUS, &[], "50/1"),
    ] {
        let told = told(&recipe.path(), options);
        let found = &told["frame_rate"];
        assert_eq!(found["fraction"], rate, "{}", recipe.name);
        assert_eq!(found["constant"], true, "{}", recipe.name);
        let (n, d) = rate.split_once('/').unwrap();
        let value = n.parse::<f64>().unwrap() / d.parse::<f64>().unwrap();
        assert_eq!(found["value"], value, "{}", recipe.name);
    }
}

#[test]
fn a_variable_rate_is_kept_and_told_as_an_average() {
    let told = told(&media::H264_VFR.path(), &[]);
    let rate = &told["frame_rate"];
    assert_eq!(
        (&rate["constant"], &rate["fraction"]),
        (&false.into(), &Value::Null)
    );
    let seconds = told["duration_us"].as_f64().unwrap() / 1e6;
    let average = told["frames"].as_f64().unwrap() / seconds;
    assert!((rate["value"].as_f64().unwrap() - average).abs() < 1e-9);
    // Half a second is missing, and that is where it stays.
    let frames = list(&told);
    let longest = frames.windows(2).map(|pair| pair[1].0 - pair[0].0).max();
    assert_eq!(longest, Some(550_000));
}

#[test]
fn frames_before_the_edit_list_are_left_out_and_counted() {
    let file = cut_by_edit_list();
    let probe = &probe(&file)[0];
    let discarded = probe.packets.iter().filter(|packet| packet.discard).count();
    assert!(discarded > 5, "{discarded}");
    let told = told(&file, &["--seek", "0"]);
    assert_eq!(told["left_out"]["outside"], discarded);
    // All of them are decoded before the first that is shown.
    let on = &told["seek"][0];
    assert_eq!(
        (&on["frame"]["index"], &on["start"]),
        (&0.into(), &Value::Null)
    );
    let place = probe
        .packets
        .iter()
        .position(|packet| packet.pts == Some(0));
    assert_eq!(on["decode"], place.unwrap() + 1);
    let whole = super::tokens::told(&file, &[]);
    same("cut.mp4", &list(&whole), &shown(probe, false));
}

#[test]
fn frames_of_vp8_that_are_not_shown_are_left_out() {
    let encode = "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v libvpx -deadline good -cpu-used 2 -auto-alt-ref 1 -lag-in-frames 16 -arnr-maxframes 5 -g 60 -b:v 200k -bitexact";
    let script = format!(
        "ffmpeg -v error -nostdin {encode} -passlogfile {{out}} -pass 1 -f null - && \
         ffmpeg -v error -nostdin {encode} -passlogfile {{out}} -pass 2 {{out}} && rm {{out}}-0.log"
    );
    let file = made("alt-ref.webm", &script);
    let told = told(&file, &[]);
    let hidden = told["left_out"]["hidden"].as_u64().unwrap();
    let packets = probe(&file).remove(0).packets.len();
    assert_eq!(
        (told["frames"].as_u64(), packets as u64),
        (Some(100), 100 + hidden)
    );
    assert!(hidden > 0);
    let times = list(&told).into_iter().map(|(pts, _)| pts);
    assert_eq!(
        Vec::from_iter(times),
        Vec::from_iter((0..100).map(|n| n * 40_000))
    );
}

#[test]
fn decoding_times_stand_in_where_the_container_has_no_other() {
    let told = told(&AVI.path(), &[]);
    let frames = list(&told);
    let expected = (0..50).map(|n| (n * 40_000, n % 25 == 0));
    assert_eq!(frames, Vec::from_iter(expected));
    assert_eq!(told["from_dts"], 48);
    assert!(
        tokens(&AVI.path(), &[])
            .good()
            .contains("48 frames: their DTS stands in")
    );
}

#[test]
fn a_recording_has_the_tokens_of_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("a.h4mk");
    let launch = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/record-file.launch");
    let source = media::H264_EDIT_LIST.path();
    let set = |property: &str, file: &Path| format!("{property}={}", file.display());
    let (from, to) = (
        set("source.location", &source),
        set("file.location", &recording),
    );
    tool([
        "run",
        launch.to_str().unwrap(),
        "--set",
        &from,
        "--set",
        &to,
    ])
    .good();
    for options in [&[][..], &["--stream", "2"]] {
        let (recorded, source) = (told(&recording, options), told(&source, options));
        assert_eq!(list(&recorded), list(&source));
        assert_eq!(recorded["frame_rate"], source["frame_rate"]);
        assert_eq!(recorded["end_us"], source["end_us"]);
    }
}

#[test]
fn blocks_without_caps_have_tokens_too() {
    for name in ["gops", "b-blocks", "multitrack"] {
        let file = data(&format!("h4mk/{name}.h4mk"));
        let told = told(&file, &[]);
        let blocks = tool(["list", "--json", file.to_str().unwrap()]).json();
        let tracks = blocks["tracks"].as_array().unwrap();
        let is_video = |track: &&Value| track["kind"] == "video";
        let track = &tracks.iter().find(is_video).unwrap()["track_id"];
        let chunks = blocks["chunks"].as_array().unwrap().iter();
        let blocks = chunks.filter(|chunk| chunk["track_id"] == *track);
        let token = |block: &Value| {
            let ms = block["pts_ms"].as_i64().unwrap();
            (ms * 1000, block["block"] == "I")
        };
        let mut expected: Vec<(i64, bool)> = blocks.map(token).collect();
        expected.sort_by_key(|(pts, _)| *pts);
        assert_eq!(list(&told), expected, "{name}");
        assert_eq!(
            (&told["kind"], &told["media_type"]),
            (&"video".into(), &"application/x-h4mk-block".into())
        );
        // Version 1 has no durations.
        assert_eq!(told["last_duration"], "estimated", "{name}");
    }
}

#[test]
fn pictures_come_before_sound_and_streams_are_numbered_as_discover_does() {
    let file = SOUND_FIRST.path();
    let probes = probe(&file);
    let discovered = tool(["discover", "--json", file.to_str().unwrap()]).json();
    let video = told(&file, &[]);
    assert_eq!(
        (&video["stream"], &video["streams"], &video["kind"]),
        (&2.into(), &2.into(), &"video".into())
    );
    for (number, name) in [(1, "audio"), (2, "video")] {
        let told = told(&file, &["--stream", &number.to_string()]);
        let stream = &discovered["streams"][number - 1];
        assert_eq!(
            (&stream["number"], &stream["kind"]),
            (&number.into(), &name.into())
        );
        assert_eq!(
            (&told["stream"], &told["kind"]),
            (&number.into(), &name.into())
        );
        assert_eq!(told["codec"], stream["codec"]);
        assert_eq!(told["frames"], probes[number - 1].packets.len());
    }
    let text = tool(["discover", file.to_str().unwrap()]).good();
    assert!(
        text.contains("1  audio: ") && text.contains("2  video: "),
        "{text}"
    );
}
