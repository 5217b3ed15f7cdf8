//! GStreamer's own players and tools open a recording with no word of H4MK: the typefinder and the ranks suffice.

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use common::packets::capture;
use common::pipeline::quoted;
use common::{PluginFolder, Stream, media};
use gst::prelude::*;

/// H.264 with B-frames and AAC, recorded. The name says nothing of what it is.
struct Recording(tempfile::TempDir);

impl Recording {
    fn new() -> Self {
        let recording = Self(tempfile::tempdir().expect("a folder"));
        let pipeline = common::launch(&format!(
            "{} ! parsebin name=p  h4mkmux name=m ! filesink location={}  p. ! queue ! m.  p. ! queue ! m.",
            media::H264_AAC.source(),
            quoted(&recording.path())
        ));
        common::run(&pipeline).good();
        recording
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("recording.bin")
    }

    /// What `element`, fed with the file, gives.
    fn streams(&self, element: &str) -> Vec<Stream> {
        let source = quoted(&self.path());
        let (run, streams) = capture(&format!("filesrc location={source} ! {element} name=d"));
        run.good();
        streams
    }

    /// Number of packets stored of video and of audio.
    fn stored(&self) -> (usize, usize) {
        let streams = self.streams("h4mkdemux");
        let [video, audio] = ["video_0", "audio_0"].map(|name| {
            let stream = streams.iter().find(|s| s.pad == name);
            stream.expect("the stream is there").packets.len()
        });
        assert_eq!(streams.len(), 2);
        (video, audio)
    }
}

#[test]
fn decodebin_decodes_every_frame() {
    let recording = Recording::new();
    let streams = recording.streams("decodebin");
    let decoded: BTreeMap<_, _> = streams
        .iter()
        .map(|s| (s.caps[0].structure(0).unwrap().name().to_string(), s))
        .collect();
    assert_eq!(
        Vec::from_iter(decoded.keys()),
        ["audio/x-raw", "video/x-raw"]
    );
    let video = decoded["video/x-raw"];
    assert_eq!(video.packets.len(), recording.stored().0);
    let shown: Vec<_> = video.packets.iter().map(|p| p.pts).collect();
    assert!(shown.is_sorted_by(|a, b| a < b), "{shown:?}");
    assert!(streams.iter().all(Stream::ended));
}

#[test]
fn parsebin_gives_the_packets_that_are_stored() {
    let recording = Recording::new();
    let (direct, parsed) = (
        recording.streams("h4mkdemux"),
        recording.streams("parsebin"),
    );
    assert_eq!(parsed.len(), direct.len());
    let media = |s: &Stream| s.caps[0].structure(0).unwrap().name().to_string();
    for direct in &direct {
        let parsed = parsed.iter().find(|p| media(p) == media(direct)).unwrap();
        let times = |s: &Stream| Vec::from_iter(s.packets.iter().map(|p| (p.pts, p.duration)));
        assert_eq!(times(parsed), times(direct), "{}", direct.pad);
        let hashes = |s: &Stream| Vec::from_iter(s.packets.iter().map(|p| p.sha256.clone()));
        // The parser of H.264 repeats the parameter sets in the packets; that of AAC leaves them alone.
        if media(direct) == "audio/mpeg" {
            assert_eq!(hashes(parsed), hashes(direct));
        }
        let keys = |s: &Stream| {
            let deltas = s
                .packets
                .iter()
                .map(|p| p.flags & gst::BufferFlags::DELTA_UNIT);
            Vec::from_iter(deltas)
        };
        assert_eq!(keys(parsed), keys(direct));
    }
}

#[test]
fn playbin_plays_picture_and_sound_to_the_end() {
    let recording = Recording::new();
    let counts = Arc::new(Mutex::new(BTreeMap::<&str, usize>::new()));
    let sink = |kind: &'static str| {
        let sink = gst::ElementFactory::make("fakesink").property("sync", false);
        let sink = sink.property("signal-handoffs", true).build().unwrap();
        let counts = counts.clone();
        sink.connect("handoff", false, move |_| {
            *counts.lock().unwrap().entry(kind).or_default() += 1;
            None
        });
        sink
    };
    let playbin = gst::ElementFactory::make("playbin")
        .property(
            "uri",
            gst::glib::filename_to_uri(recording.path(), None).unwrap(),
        )
        .property("video-sink", sink("video"))
        .property("audio-sink", sink("audio"))
        .build()
        .unwrap();
    common::run(&playbin.downcast().unwrap()).good();
    let counts = counts.lock().unwrap();
    assert_eq!(counts["video"], recording.stored().0);
    assert!(counts["audio"] > 0);
}

#[test]
fn gst_discoverer_tells_container_streams_and_duration() {
    let recording = Recording::new();
    let output = PluginFolder::new()
        .command("gst-discoverer-1.0")
        .arg("-v")
        .arg(recording.path())
        .env("LC_ALL", "C")
        .output()
        .expect("gst-discoverer-1.0 is installed");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    for words in [
        "Duration: 0:00:04.0",
        "Seekable: yes",
        "container format: H4MK",
        "container #0: application/x-h4mk",
        "video #1: video/x-h264",
        "audio #2: audio/mpeg",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
}
