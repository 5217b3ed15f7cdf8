//! Every file of `pipelines/` runs, with the tool, to its end, and does what it says.

mod aligned;
#[path = "../common/mod.rs"]
mod common;
mod models;
mod stores;
#[cfg(feature = "gl")]
mod textures;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::boxes::layout;
use common::ffprobe::{Probe, probe};
use common::packets::capture;
use common::pipeline::quoted;
use common::{Stream, media};
use tempfile::TempDir;

/// No pipeline here takes this long on any machine, in seconds; one that does hangs and, as the tool takes the first
/// signal for a wish to end the stream, is killed soon after.
const PATIENCE: [&str; 3] = ["-k", "5", "120"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines")
}

/// The text of `pipelines/NAME.launch`.
fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join(name).with_extension("launch"))
        .expect("the pipeline can be read")
}

const TOOL: &str = env!("CARGO_BIN_EXE_gst-harmony");

/// The tool's arguments that run a file, with `settings` in the form `element.property=value`.
fn arguments(file: &Path, settings: &[String]) -> Vec<String> {
    let mut arguments = vec!["run".to_owned(), file.display().to_string()];
    for setting in settings {
        arguments.extend(["--set".to_owned(), setting.clone()]);
    }
    arguments
}

/// Runs a file to its end.
fn run(file: &Path, settings: &[String]) {
    run_in(file, settings, &[]);
}

/// Runs a file to its end with these in the environment.
fn run_in(file: &Path, settings: &[String], environment: &[(&str, &str)]) {
    let output = Command::new("timeout")
        .args(PATIENCE)
        .arg(TOOL)
        .args(arguments(file, settings))
        .envs(environment.iter().copied())
        .output()
        .expect("the tool starts");
    assert!(
        output.status.success(),
        "{} {settings:?}: {}\n{}",
        file.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs `pipelines/NAME.launch` to its end.
fn launch(name: &str, settings: &[String]) {
    run(&folder().join(name).with_extension("launch"), settings);
}

/// A `--set` that names a file.
fn set(property: &str, path: &Path) -> String {
    format!("{property}={}", path.display())
}

/// What the demuxer finds in a recording, a stream for each track.
fn recorded(file: &Path) -> Vec<Stream> {
    let (run, streams) = capture(&format!(
        "filesrc location={} ! h4mkdemux name=d",
        quoted(file)
    ));
    run.good();
    streams
}

/// Number of packets of each media type.
fn packets(streams: &[Stream]) -> BTreeMap<String, Vec<usize>> {
    let mut counts = BTreeMap::<String, Vec<usize>>::new();
    for stream in streams {
        let caps = stream.caps.first().expect("a stream has caps");
        let name = caps.structure(0).expect("caps have a structure").name();
        counts
            .entry(name.to_string())
            .or_default()
            .push(stream.packets.len());
    }
    counts
}

/// Makes a short recording of test sources in `folder`: 90 pictures and 3 s of sound.
fn recording(folder: &TempDir) -> PathBuf {
    let file = folder.path().join("recording.h4mk");
    launch(
        "record-test",
        &[
            set("file.location", &file),
            "video.num-buffers=90".into(),
            "audio.num-buffers=150".into(),
        ],
    );
    file
}

/// A child process that is ended when the test is over.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A UDP port that was free a moment ago.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    socket.local_addr().expect("it has an address").port()
}

#[test]
fn test_sources_are_recorded() {
    let folder = TempDir::new().expect("a folder");
    let streams = recorded(&recording(&folder));
    let counts = packets(&streams);
    assert_eq!(counts["video/x-h264"], [90]);
    // The encoder's delay may add a packet at the end.
    assert!(
        (150..=152).contains(&counts["audio/x-opus"][0]),
        "{counts:?}"
    );
    assert_eq!(counts.len(), 2);
    let video = streams.iter().find(|s| s.packets.len() == 90);
    let shown: Vec<_> = video
        .expect("video")
        .packets
        .iter()
        .map(|p| p.pts)
        .collect();
    assert!(!shown.is_sorted(), "the encoder makes B-frames");
}

#[test]
fn a_file_is_recorded_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let (source, file) = (media::H264_AAC.path(), folder.path().join("a.h4mk"));
    launch(
        "record-file",
        &[set("source.location", &source), set("file.location", &file)],
    );
    let (run, streams) = capture(&format!("{} ! parsebin name=d", media::H264_AAC.source()));
    run.good();
    assert!(streams.iter().all(|s| !s.packets.is_empty()));
    assert_eq!(packets(&recorded(&file)), packets(&streams));
}

#[test]
fn a_camera_is_recorded_from_rtp() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("a.h4mk");
    let ports = [
        format!("camera.port={}", free_port()),
        format!("microphone.port={}", free_port()),
    ];
    let sender = Command::new(TOOL)
        .args(arguments(&self::folder().join("send-rtp.launch"), &ports))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the sender starts");
    let _sender = Background(sender);
    let mut settings = vec![
        set("file.location", &file),
        "camera.num-buffers=150".into(),
        "microphone.num-buffers=100".into(),
    ];
    settings.extend(ports);
    launch("record-rtp", &settings);
    let streams = recorded(&file);
    let counts = packets(&streams);
    assert_eq!(counts["audio/x-opus"], [100]);
    // A picture takes one packet or several.
    assert!(
        (10..=150).contains(&counts["video/x-h264"][0]),
        "{counts:?}"
    );
    let mut packets = streams.iter().flat_map(|s| &s.packets);
    assert!(packets.all(|p| p.pts.is_some()));
}

#[test]
fn a_recording_is_played() {
    let folder = TempDir::new().expect("a folder");
    let source = recording(&folder);
    // A file in place of screen and speakers.
    let file = folder.path().join("play.launch");
    let text = text("play")
        .replace("autovideosink", "filesink")
        .replace("videoscale", "video/x-raw,format=I420")
        .replace("autoaudiosink", "filesink");
    std::fs::write(&file, text).expect("the pipeline is written");
    let (video, audio) = (folder.path().join("video"), folder.path().join("audio"));
    run(
        &file,
        &[
            set("source.location", &source),
            set("video.location", &video),
            set("audio.location", &audio),
        ],
    );
    let size = |path: &Path| std::fs::metadata(path).expect("the sink wrote").len();
    assert_eq!(size(&video), 90 * 640 * 360 * 3 / 2);
    // 3 s in stereo of at least 16 bits, less what the encoder's delay takes.
    assert!(size(&audio) >= 2_900 * 48 * 2 * 2);
}

#[test]
fn a_recording_is_transcoded() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("small.h4mk");
    launch(
        "transcode",
        &[
            set("source.location", &recording(&folder)),
            set("file.location", &file),
        ],
    );
    let streams = recorded(&file);
    let counts = packets(&streams);
    assert_eq!(counts["video/x-h264"], [90]);
    assert!(counts["audio/x-opus"][0] >= 149, "{counts:?}");
    let widths: Vec<i32> = streams
        .iter()
        .filter_map(|s| s.caps.first()?.structure(0)?.get("width").ok())
        .collect();
    assert_eq!(widths, [320]);
}

#[test]
fn blocks_are_written_as_they_are() {
    let folder = TempDir::new().expect("a folder");
    let source = recording(&folder);
    let file = folder.path().join("blocks");
    launch(
        "blocks",
        &[set("source.location", &source), set("file.location", &file)],
    );
    let first = &recorded(&source)[0];
    let stored: usize = first.packets.iter().map(|p| p.size).sum();
    let written = std::fs::read(&file).expect("the blocks are there");
    assert_eq!(written.len(), stored);
}

#[test]
fn cameras_and_a_sensor_are_recorded_together() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("a.h4mk");
    launch(
        "multi-camera",
        &[
            set("file.location", &file),
            set("sensor.location", &self::folder().join("sensor.jsonl")),
            "left.num-buffers=60".into(),
            "right.num-buffers=60".into(),
        ],
    );
    let streams = recorded(&file);
    let counts = packets(&streams);
    assert_eq!(counts["video/x-h264"], [60, 60]);
    assert_eq!(counts["application/x-json"], [100]);
    let sensor = streams.iter().find(|s| s.packets.len() == 100);
    let times: Vec<_> = sensor
        .expect("the sensor")
        .packets
        .iter()
        .map(|p| p.pts)
        .collect();
    let expected: Vec<_> = (0..100).map(|i| Some(i * 100_000_000)).collect();
    assert_eq!(times, expected);
    let list = Command::new(TOOL)
        .args(["list", "--json"])
        .arg(&file)
        .output()
        .expect("the tool starts");
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).expect("JSON");
    let tracks = list["tracks"].as_array().expect("tracks");
    let names: Vec<_> = tracks.iter().map(|t| t["name"].as_str()).collect();
    assert_eq!(names, [Some("left"), Some("right"), Some("sensor")]);
}

#[test]
fn a_film_becomes_fragmented_mp4() {
    let folder = TempDir::new().expect("a folder");
    let (source, file) = (media::H264_AAC.path(), folder.path().join("a.mp4"));
    launch(
        "mkv-to-fmp4",
        &[set("source.location", &source), set("file.location", &file)],
    );
    same_packets(&source, &file);
    // Keys are a second apart, for four seconds.
    assert_eq!(
        boxes(&file).iter().filter(|kind| *kind == "moof").count(),
        2
    );
}

#[test]
fn a_film_is_cut_into_hls_segments() {
    let folder = TempDir::new().expect("a folder");
    let source = media::H264_AAC.path();
    let playlist = folder.path().join("film.m3u8");
    launch(
        "mkv-to-hls",
        &[
            set("source.location", &source),
            "mux.fragment-duration=1000000000".into(),
            set("mux.playlist-location", &playlist),
            set("segments.location", &folder.path().join("film-%05d.m4s")),
        ],
    );
    let text = std::fs::read_to_string(&playlist).expect("the playlist is there");
    let segments = text.lines().filter(|line| !line.starts_with('#'));
    assert!(
        segments.eq((1..=4).map(|n| format!("film-{n:05}.m4s"))),
        "{text}"
    );
    assert!(
        text.contains("#EXT-X-MAP:URI=\"film-00000.m4s\"\n"),
        "{text}"
    );
    same_packets(&source, &playlist);
}

#[test]
fn a_recording_becomes_mp4_with_moov_first() {
    let folder = TempDir::new().expect("a folder");
    let source = media::H264_AAC.path();
    let (recording, file) = (folder.path().join("a.h4mk"), folder.path().join("a.mp4"));
    launch(
        "record-file",
        &[
            set("source.location", &source),
            set("file.location", &recording),
        ],
    );
    launch(
        "h4mk-to-mp4",
        &[
            set("source.location", &recording),
            set("file.location", &file),
        ],
    );
    assert_eq!(boxes(&file), ["ftyp", "moov", "mdat"]);
    same_packets(&source, &file);
}

#[test]
fn a_camera_is_shown_live() {
    let folder = TempDir::new().expect("a folder");
    let playlist = folder.path().join("live.m3u8");
    let port = format!("camera.port={}", free_port());
    let ports = [port.clone(), format!("microphone.port={}", free_port())];
    let sender = Command::new(TOOL)
        .args(arguments(&self::folder().join("send-rtp.launch"), &ports))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the sender starts");
    let _sender = Background(sender);
    launch(
        "rtp-to-cmaf",
        &[
            port,
            "camera.num-buffers=400".into(),
            set("mux.playlist-location", &playlist),
            set("segments.location", &folder.path().join("live-%05d.m4s")),
        ],
    );
    let text = std::fs::read_to_string(&playlist).expect("the playlist is there");
    assert!(!text.contains("#EXT-X-PLAYLIST-TYPE"), "{text}");
    assert!(text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
    let listed: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(!listed.is_empty() && listed.len() <= 6, "{text}");
    let shown = probe(&playlist);
    assert_eq!(shown[0].codec, "h264");
    assert!(shown[0].packets[0].key);
    let times: Vec<i64> = shown[0].packets.iter().filter_map(|p| p.dts).collect();
    assert!(
        times.len() == shown[0].packets.len() && times.is_sorted_by(|a, b| a < b),
        "{times:?}"
    );
}

/// Types of the boxes that are in no other.
fn boxes(file: &Path) -> Vec<String> {
    layout(&std::fs::read(file).expect("the file is there"))
}

/// Number, keys and payloads of the packets are those of the source.
fn same_packets(source: &Path, made: &Path) {
    let (before, after) = (probe(source), probe(made));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.codec, after.codec);
        assert_eq!(before.packets.len(), after.packets.len());
        // The parser in front changes the first picture alone: it puts the parameter sets into it.
        assert!(
            before.digests()[1..] == after.digests()[1..],
            "{}",
            before.codec
        );
        let keys = |probe: &Probe| probe.packets.iter().map(|p| p.key).collect::<Vec<_>>();
        assert_eq!(keys(before), keys(after));
    }
}

#[test]
fn every_sensor_line_is_json_of_one_length() {
    let text = std::fs::read_to_string(folder().join("sensor.jsonl")).expect("the sensor's file");
    for line in text.lines() {
        assert_eq!(line.len(), 63, "{line}");
        let reading: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        assert!(reading["t"].is_number(), "{line}");
    }
}

#[test]
fn every_pipeline_keeps_to_the_form_and_is_in_the_readme() {
    let readme = std::fs::read_to_string(folder().join("README.md")).expect("the README");
    let source = concat!(
        include_str!("main.rs"),
        include_str!("aligned.rs"),
        include_str!("models.rs"),
        include_str!("stores.rs"),
        include_str!("textures.rs")
    );
    let mut seen = 0;
    for entry in std::fs::read_dir(folder()).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|e| e != "launch") {
            continue;
        }
        seen += 1;
        let name = path.file_stem().and_then(|s| s.to_str()).expect("a name");
        let text = text(name);
        assert!(
            text.starts_with("# "),
            "{name}: a comment says what it is for"
        );
        let pipeline = text.lines().filter(|l| !l.starts_with('#'));
        for line in pipeline {
            assert!(
                !line.contains(['"', '\'', '\\', '*', '$']),
                "{name}: {line}"
            );
        }
        assert!(
            readme.contains(&format!("({name}.launch)")),
            "{name} in the README"
        );
        let run = [format!("\"{name}\""), format!("\"{name}.launch\"")];
        assert!(
            run.iter().any(|r| source.contains(r.as_str())),
            "{name} is run here"
        );
    }
    assert!(seen >= 26, "{seen} pipelines");
}
