//! The pipelines that put streams onto one time line, checked by a correlation of the test's own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use gst::prelude::*;
use tempfile::TempDir;

use crate::common::corpus::{self, Pair};
use crate::common::pipeline::quoted;
use crate::common::{self};
use crate::{Background, TOOL, arguments, folder, free_port, launch, set};

/// Samples a second of all sound here.
const RATE: f64 = 48_000.0;

/// Decodes a track of a recording by a chain that ends in raw media, and gives each buffer's running time in seconds and
/// its bytes.
fn decoded(file: &Path, track: &str, chain: &str) -> Vec<(f64, Vec<u8>)> {
    let pipeline = common::launch(&format!(
        "filesrc location={} ! h4mkdemux name=d d.{track} ! queue ! {chain} ! fakesink name=end sync=false",
        quoted(file)
    ));
    let end = pipeline.by_name("end").and_then(|e| e.static_pad("sink"));
    let taken = Arc::new(Mutex::new(Vec::new()));
    let taker = taken.clone();
    let probe = move |pad: &gst::Pad, info: &mut gst::PadProbeInfo| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
            let segment = pad.sticky_event::<gst::event::Segment>(0);
            let segment = segment.expect("a segment").segment().clone();
            let segment = segment.downcast::<gst::ClockTime>().expect("in time");
            let time = segment.to_running_time(buffer.pts()).expect("a time");
            let bytes = buffer.map_readable().expect("readable").to_vec();
            let time = time.nseconds() as f64 * 1e-9;
            taker.lock().expect("no panic").push((time, bytes));
        }
        gst::PadProbeReturn::Ok
    };
    end.expect("the end's pad")
        .add_probe(gst::PadProbeType::BUFFER, probe);
    common::run(&pipeline).good();
    let mut taken = taken.lock().expect("no panic");
    assert!(!taken.is_empty(), "{track} has media");
    std::mem::take(&mut *taken)
}

/// The sound of a track, where its timestamps put it: sample i is heard at i / RATE.
fn heard(file: &Path, track: &str) -> Vec<f32> {
    let chain =
        "flacparse ! flacdec ! audioconvert ! audio/x-raw,format=F32LE,channels=1,rate=48000";
    let mut line = Vec::new();
    for (time, bytes) in decoded(file, track, chain) {
        line.resize((time * RATE).round() as usize, 0.0);
        let samples = bytes.chunks_exact(4);
        line.extend(samples.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
    }
    line
}

/// By how many seconds half a second of `b` from `at` on is later than the same sound in `a`, up to 20 ms either way.
/// Differences from sample to sample have the sharper peak.
fn lag(a: &[f32], b: &[f32], at: f64) -> f64 {
    const REACH: usize = 960;
    let begin = (at * RATE) as usize;
    let rises = |s: &[f32]| Vec::from_iter(s.windows(2).map(|w| w[1] - w[0]));
    let piece = rises(&b[begin..begin + 24_000]);
    let around = rises(&a[begin - REACH..begin + 24_000 + REACH]);
    let power = |s: &[f32]| s.iter().map(|x| x * x).sum::<f32>().sqrt();
    let alike = |from: usize| {
        let other = &around[from..from + piece.len()];
        let product: f32 = piece.iter().zip(other).map(|(x, y)| x * y).sum();
        product / (power(&piece) * power(other)).max(f32::MIN_POSITIVE)
    };
    let all = (0..=2 * REACH).map(|from| (from, alike(from)));
    let (best, height) = all.max_by(|a, b| a.1.total_cmp(&b.1)).expect("lags");
    assert!(height > 0.4, "{height} at {at} s: the same is heard");
    (REACH as f64 - best as f64) / RATE
}

/// Both tracks of a recording carry the same sound at the same time, at each of these times.
fn assert_together(file: &Path, tracks: [&str; 2], times: &[f64]) {
    let [a, b] = tracks.map(|track| heard(file, track));
    for time in times {
        let lag = lag(&a, &b, *time);
        assert!(lag.abs() < 0.5e-3, "{:.3} ms at {time} s", lag * 1e3);
    }
}

/// Two recordings of one scene that begin at different times, with clocks that differ by 200 ppm.
fn pair() -> Pair {
    let pair = corpus::pair("drift-speech-+200-clean", 16);
    assert!(pair.offset.abs() > 0.02 && pair.drift > 190e-6);
    pair
}

#[test]
fn two_microphones_are_put_onto_one_line() {
    let folder = TempDir::new().expect("a folder");
    let (pair, file) = (pair(), folder.path().join("a.h4mk"));
    let settings = [
        set("first.location", &pair.reference),
        set("second.location", &pair.stream),
        set("file.location", &file),
    ];
    launch("align-microphones", &settings);
    let begin = pair.offset.max(0.0) + 0.3;
    assert_together(&file, ["audio_0", "audio_1"], &[begin, 5.0, 9.0, 13.0]);
}

/// A film of 16 s with its own sound, whose pictures are white in every other second.
fn film(folder: &Path, sound: &Path) -> std::path::PathBuf {
    let film = folder.join("camera.mov");
    let pictures = "color=black:size=160x90:rate=30:duration=16,\
                    drawbox=color=white:t=fill:enable='gte(mod(t,2),0.99)'";
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", pictures])
        .arg("-i")
        .arg(sound)
        .args(["-c:v", "libx264", "-preset", "ultrafast"])
        .args(["-c:a", "pcm_s16le", "-map", "0:v", "-map", "1:a"])
        .arg(&film)
        .status()
        .expect("ffmpeg is installed");
    assert!(made.success());
    film
}

#[test]
fn a_camera_s_pictures_follow_its_sound_onto_a_recorder_s_line() {
    let folder = TempDir::new().expect("a folder");
    let (pair, file) = (pair(), folder.path().join("a.h4mk"));
    let settings = [
        set("recorder.location", &pair.reference),
        set("camera.location", &film(folder.path(), &pair.stream)),
        set("file.location", &file),
    ];
    launch("align-camera-recorder", &settings);
    assert_together(&file, ["audio_0", "audio_1"], &[5.0, 13.0]);

    let frames = decoded(
        &file,
        "video_0",
        "h264parse ! avdec_h264 ! video/x-raw,format=I420",
    );
    let bright = |bytes: &[u8]| bytes[0] > 128;
    let edges = frames.windows(2).filter_map(|pair| match pair {
        [(_, before), (time, frame)] if !bright(before) && bright(frame) => Some(*time),
        _ => None,
    });
    let edges: Vec<f64> = edges.collect();
    // The camera shows white from its own seconds 1, 3, 5, … on.
    let own = (0..8).map(|n| f64::from(2 * n + 1));
    let on_line = own.map(|t| pair.apply(t));
    // A frame before is there to be darker.
    let expected: Vec<f64> = on_line.filter(|t| *t > 0.04).collect();
    assert_eq!(edges.len(), expected.len(), "{edges:?} {expected:?}");
    for (edge, expected) in edges.iter().zip(&expected) {
        assert!((edge - expected).abs() < 1e-3, "{edges:?} {expected:?}");
    }
}

#[test]
fn microphones_that_drift_apart_are_recorded_together_from_rtp() {
    let recordings = TempDir::new().expect("a folder");
    let file = recordings.path().join("a.h4mk");
    let ports = [
        format!("first.port={}", free_port()),
        format!("second.port={}", free_port()),
    ];
    let sender = Command::new(TOOL)
        .args(arguments(
            &folder().join("send-drifting-rtp.launch"),
            &ports,
        ))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the sender starts");
    let _sender = Background(sender);
    // A hundred packets a second.
    let mut settings = vec![
        set("file.location", &file),
        "first.num-buffers=2000".into(),
        "second.num-buffers=2000".into(),
    ];
    settings.extend(ports);
    launch("align-rtp", &settings);
    // Where they are not measured they lie 4 ms apart at the end, and what the network adds.
    assert_together(&file, ["audio_0", "audio_1"], &[16.0, 17.0, 18.0]);
}
