//! Every packet that goes into `h4mkmux` comes out of `h4mkdemux`: same times, duration, flags, caps and bytes,
//! in running time. Every file is read by the independent version 1 reader as well.

#[path = "../common/mod.rs"]
mod common;

mod codecs;
mod large;
mod limits;
mod table;
mod timing;
mod tracks;

use std::path::{Path, PathBuf};

use common::packets::{Stream, Tap, capture, same_streams};
use common::pipeline::{launch, quoted, run};
use common::{Feed, v1};
use gst::prelude::*;
use serde_json::Value;

/// A recorded file and what went into it.
pub struct Recording {
    /// What went in, a stream for each pad of the muxer.
    pub streams: Vec<Stream>,
    /// The file, which goes with the recording.
    pub file: PathBuf,
    _folder: tempfile::TempDir,
}

/// Records what `sources` (a launch line without sink, whose open ends go to `m.`) brings.
pub fn record(sources: &str, properties: &str) -> Recording {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file.h4mk");
    let pipeline = launch(&format!(
        "h4mkmux name=m {properties} ! filesink location={}  {sources}",
        quoted(&file)
    ));
    let tap = Tap::default();
    tap.sinks(&pipeline.by_name("m").expect("the muxer"));
    run(&pipeline).good();
    Recording {
        streams: tap.streams(),
        file,
        _folder: folder,
    }
}

/// Records what the test pushes.
pub fn record_fed(properties: &str, push: impl FnOnce(&Feed)) -> Recording {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file.h4mk");
    let feed = Feed::new(&file, properties);
    push(&feed);
    feed.run().good();
    Recording {
        streams: feed.tap.streams(),
        file,
        _folder: folder,
    }
}

impl Recording {
    /// What the demuxer makes of the file when it pulls.
    pub fn play(&self) -> Vec<Stream> {
        self.play_through("")
    }

    /// What the demuxer makes of the file behind `elements`, each with a `!` after it.
    pub fn play_through(&self, elements: &str) -> Vec<Stream> {
        let file = quoted(&self.file);
        let line = format!("filesrc location={file} ! {elements} h4mkdemux name=d");
        let (run, streams) = capture(&line);
        run.good();
        streams
    }

    /// Fails unless every stream comes back packet for packet, and version 1 sees every block.
    pub fn check(&self) -> Vec<Stream> {
        let played = self.play();
        same_streams(&self.streams, &played);
        same_streams(&self.streams, &self.play_through("queue !"));
        self.check_v1();
        played
    }

    /// Fails unless a version 1 reader sees each stream as a track with its payloads in order.
    pub fn check_v1(&self) -> Value {
        let file = v1::read(&self.file, true);
        let tracks = file["tracks"].as_array().expect("tracks");
        assert_eq!(file["header"]["version"], 1);
        let mut left: Vec<&Stream> = self.streams.iter().collect();
        // Later TRAKs, if any, bring tracks that version 1 has no name for: it sees their blocks.
        let blocks = v1::blocks(&file, None);
        let mut ids: Vec<u64> = blocks
            .iter()
            .filter_map(|b| b["track_id"].as_u64())
            .collect();
        ids.extend(tracks.iter().filter_map(|t| t["track_id"].as_u64()));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(
            ids.len(),
            left.len(),
            "tracks of the file and of the recording"
        );
        for id in ids {
            let blocks = v1::blocks(&file, Some(id));
            let at = left.iter().position(|stream| same_blocks(stream, &blocks));
            left.swap_remove(
                at.unwrap_or_else(|| panic!("blocks of track {id} are not as recorded")),
            );
        }
        file
    }
}

/// Whether version 1 sees a stream: payload, kind and time in milliseconds of each block.
fn same_blocks(stream: &Stream, blocks: &[&Value]) -> bool {
    let mut last_ms = 0;
    let mut highest = i64::MIN;
    let expected = stream.packets.iter().map(|packet| {
        let time = packet.pts.or(packet.dts);
        last_ms = time.map_or(last_ms, |t| t.div_euclid(1_000_000).clamp(0, (1 << 28) - 1));
        let delta = packet.flags.contains(gst::BufferFlags::DELTA_UNIT);
        let kind = match packet.pts {
            _ if !delta => "I",
            Some(pts) if pts < highest => "B",
            _ => "P",
        };
        highest = if delta { highest } else { i64::MIN }.max(packet.pts.unwrap_or(i64::MIN));
        (packet.sha256.as_str(), kind, last_ms)
    });
    let seen = blocks.iter().map(|block| {
        let text = |key: &str| block[key].as_str().unwrap_or_default();
        (
            text("payload_sha256"),
            text("block"),
            block["pts_ms"].as_i64().unwrap_or(-1),
        )
    });
    expected.eq(seen)
}

/// `count` branches from the parser named `p` to the muxer.
pub fn branches(count: usize) -> String {
    "p. ! queue ! m. ".repeat(count)
}

/// The types of the file's chunks that version 1 does not know.
pub fn extension_chunks(file: &Path) -> Vec<String> {
    let known = ["TRAK", "META", "SAFE", "VERI", "NOTE", "CORE", "TSEK"];
    let read = v1::read(file, false);
    let chunks = read["chunks"].as_array().expect("chunks");
    let types = chunks.iter().filter_map(|c| c["type"].as_str());
    types
        .filter(|t| !known.contains(t))
        .map(str::to_owned)
        .collect()
}
