//! Playback to the end in headless Chromium. One browser plays all; each test looks its own cases up.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Remuxed, demuxed, remux, segmented};
use crate::common::browser::{Case, Played, play};
use crate::common::ffprobe::probe;
use crate::common::{Recipe, media};

/// How a file is made and played.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// One fragmented file through MSE.
    Mse,
    /// The same by its playlist of byte ranges, through hls.js.
    Ranges,
    /// The same cut into an init segment and segments, through hls.js.
    Segments,
    /// A CMAF file a track, in chunks, through MSE.
    Cmaf,
    /// A progressive file by its address.
    Progressive,
}

/// Something for Chromium: what it is, its recipe and branches, and the ways it must play in.
type Wanted = (
    &'static str,
    Recipe,
    &'static [&'static str],
    &'static [Way],
);

const H264: &str = "video_0 ! h264parse";
const AVC3: &str = "video_0 ! h264parse ! video/x-h264,stream-format=avc3";
const AAC: &str = "audio_0 ! aacparse";
const FLAC: &str = "audio_0 ! flacparse";
const VP9: &str = "video_0 ! vp9parse";
const AV1: &str = "video_0 ! av1parse";
const OPUS: &str = "audio_0 ! opusparse";
const FRAGMENTED: &[Way] = &[Way::Mse, Way::Ranges];
const ALL: &[Way] = &[
    Way::Mse,
    Way::Ranges,
    Way::Segments,
    Way::Cmaf,
    Way::Progressive,
];
const WANTED: &[Wanted] = &[
    ("avc1 and AAC", media::H264_AAC, &[H264, AAC], ALL),
    ("avc3 and AAC", media::H264_AAC, &[AVC3, AAC], FRAGMENTED),
    ("avc1 and FLAC", media::H264_FLAC, &[H264, FLAC], FRAGMENTED),
    ("VP9 and Opus", media::VP9_OPUS, &[VP9, OPUS], ALL),
    ("AV1 and Opus", media::AV1_OPUS, &[AV1, OPUS], ALL),
    ("open GOPs", media::H264_OPEN_GOP, &[H264], FRAGMENTED),
    ("VFR", media::H264_VFR, &[H264], FRAGMENTED),
    // hls.js complains of a fragment that lacks one of the tracks, and plays it.
    ("late sound", media::APART, &[H264, AAC], &[Way::Mse]),
];

/// What is to be seen of a case: seconds of the first stream's beginning and of all streams' end, and video frames.
struct Expected {
    start: f64,
    end: f64,
    frames: usize,
}

/// What the source's packets say.
fn expected(recipe: Recipe, branches: usize) -> Expected {
    let streams = probe(&recipe.path());
    let seconds = |ns: i64| ns as f64 / 1e9;
    let first = |at: usize| seconds(*streams[at].pts_ns().iter().min().expect("packets"));
    let last = |at: usize| {
        let stream = &streams[at];
        let ends = stream
            .packets
            .iter()
            .map(|p| stream.ns(p.pts.expect("a PTS") + p.duration.unwrap_or_default()));
        seconds(ends.max().expect("packets"))
    };
    let over = |f: &dyn Fn(usize) -> f64| (0..branches).map(f).fold(0.0, f64::max);
    Expected {
        start: first(0),
        end: over(&last),
        frames: streams[0].packets.len(),
    }
}

/// How long the first so many streams of a recipe's file last, in seconds from zero.
pub fn seconds_of(recipe: Recipe, streams: usize) -> f64 {
    expected(recipe, streams).end
}

/// The files of one way to play, and the case.
fn made(wanted: &Wanted, way: Way) -> (Case, Vec<Remuxed>) {
    let (name, recipe, branches, _) = wanted;
    let name = format!("{name}, {way:?}");
    let second = "fragment-duration=1000000000";
    let whole = |properties: &str| remux(&demuxed(*recipe, branches), properties);
    if way == Way::Cmaf {
        let track = |branch: &&str| {
            let properties = format!("output-mode=cmaf {second} chunk-duration=200000000");
            remux(&demuxed(*recipe, &[branch]), &properties)
        };
        let files: Vec<Remuxed> = branches.iter().map(track).collect();
        let paths: Vec<_> = files.iter().map(|f| f.file.as_path()).collect();
        return (Case::tracks(&name, &paths), files);
    }
    let playlist = "playlist-type=vod playlist-location={folder}/index.m3u8";
    let file = match way {
        Way::Ranges => whole(&format!("{second} {playlist} media-uri=file.mp4")),
        Way::Segments => segmented(&demuxed(*recipe, branches), &format!("{second} {playlist}")),
        Way::Progressive => whole("output-mode=progressive moov-placement=front-spool"),
        _ => whole(second),
    };
    let index = file.folder.path().join("index.m3u8");
    let case = match way {
        Way::Ranges | Way::Segments => Case::hls(&name, &index),
        Way::Progressive => Case::source(&name, &file.file),
        _ => Case::mse(&name, &[&file.file]),
    };
    (case, vec![file])
}

struct All {
    played: HashMap<String, Played>,
    // What was played goes with it.
    _files: Vec<Remuxed>,
}

/// Plays everything, once for all tests.
fn all() -> &'static All {
    static ALL: OnceLock<All> = OnceLock::new();
    ALL.get_or_init(|| {
        let (mut cases, mut files) = (Vec::new(), Vec::new());
        for wanted in WANTED {
            for way in wanted.3 {
                let (case, made) = made(wanted, *way);
                cases.push(case);
                files.extend(made);
            }
        }
        let played = play(&cases);
        let names = cases.into_iter().map(|c| c.name);
        All {
            played: names.zip(played).collect(),
            _files: files,
        }
    })
}

/// Fails unless what has this name plays in each way as its source's packets say.
fn plays(name: &str) {
    let wanted = WANTED.iter().find(|w| w.0 == name);
    let (_, recipe, branches, ways) = wanted.expect("it is wanted");
    let expected = expected(*recipe, branches.len());
    for way in *ways {
        let played = &all().played[&format!("{name}, {way:?}")];
        played.check(
            expected.start,
            expected.end - expected.start,
            expected.frames,
        );
    }
}

macro_rules! wanted {
    ($($name:ident: $wanted:literal;)*) => {
        $(
            #[test]
            fn $name() {
                plays($wanted);
            }
        )*
    };
}

wanted! {
    avc1_and_aac_play_to_their_end: "avc1 and AAC";
    avc3_and_aac_play_to_their_end: "avc3 and AAC";
    avc1_and_flac_play_to_their_end: "avc1 and FLAC";
    vp9_and_opus_play_to_their_end: "VP9 and Opus";
    av1_and_opus_play_to_their_end: "AV1 and Opus";
    open_gops_play_to_their_end: "open GOPs";
    a_variable_frame_rate_plays_to_its_end: "VFR";
    late_sound_plays_to_its_end: "late sound";
}
