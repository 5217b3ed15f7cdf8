//! `fmp4remux` as others see it: what ffprobe, `qtdemux`, `mp4-atom`, the Shaka packager and Chromium make of its
//! files, against what ffprobe sees in the source.

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod cases;
mod change;
mod codecs;
mod compare;
mod damage;
mod entries;
mod fragments;
mod large;
mod long;
mod progressive;

use std::path::PathBuf;

use common::Recipe;
use common::packets::{Stream, Tap};
use common::pipeline::{Run, launch, run};
use gst::prelude::*;

/// A written file and what went into it.
pub struct Remuxed {
    /// The file, which goes with the folder.
    pub file: PathBuf,
    /// What went in, a stream for each pad of the muxer.
    pub streams: Vec<Stream>,
    /// How the pipeline ended.
    pub run: Run,
    /// Where the file lies.
    pub folder: tempfile::TempDir,
}

impl Remuxed {
    /// Fails the test unless the pipeline ended with EOS and without a warning.
    fn good(self, sources: &str) -> Self {
        let Run {
            error, warnings, ..
        } = &self.run;
        assert_eq!(*error, None, "{sources}");
        assert!(warnings.is_empty(), "{sources}: {warnings:?}");
        self
    }

    /// All bytes of the file.
    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.file).expect("the file is there")
    }
}

/// Demuxes a recipe's file; each branch names a pad of the demuxer and what lies between it and the muxer, such as
/// `video_0 ! h264parse`. Pads of the muxer have the same names. Queues have no bounds, so that gaps do not stop the demuxer.
pub fn demuxed(recipe: Recipe, branches: &[&str]) -> String {
    let demuxer = match recipe.name.rsplit('.').next() {
        Some("mkv" | "webm") => "matroskademux",
        Some("mp4") => "qtdemux",
        Some("ts") => "tsdemux",
        Some("flac") => return format!("{} ! flacparse ! m.", recipe.source()),
        Some("ogg") => "oggdemux",
        other => panic!("no demuxer for {other:?}"),
    };
    let queue = "queue max-size-time=0 max-size-bytes=0 max-size-buffers=0";
    let mut line = format!("{} ! {demuxer} name=d", recipe.source());
    for branch in branches {
        let (pad, elements) = branch.split_once(" ! ").unwrap_or((branch, "identity"));
        // Pads of demuxers are named by kind, number and what else there may be.
        let sink: Vec<&str> = pad.split('_').take(2).collect();
        line += &format!("  d.{pad} ! {queue} ! {elements} ! m.{}", sink.join("_"));
    }
    line
}

/// Runs `sources`, a launch line whose open ends go to `m.`, into a folder whose path stands for `{folder}` in the
/// muxer's properties and in `sink`. `prepare` sees the pipeline before.
fn into_folder(
    sources: &str,
    properties: &str,
    sink: &str,
    prepare: impl FnOnce(&gst::Pipeline),
) -> Remuxed {
    let folder = tempfile::tempdir().expect("a folder");
    let line = format!("fmp4remux name=m {properties} ! {sink}  {sources}");
    let pipeline = launch(&line.replace("{folder}", &folder.path().to_string_lossy()));
    let tap = Tap::default();
    tap.sinks(&pipeline.by_name("m").expect("the muxer"));
    prepare(&pipeline);
    let run = run(&pipeline);
    Remuxed {
        file: folder.path().join("file.mp4"),
        streams: tap.streams(),
        run,
        folder,
    }
}

/// Runs into `file.mp4`, however that ends.
pub fn attempt(sources: &str, properties: &str, prepare: impl FnOnce(&gst::Pipeline)) -> Remuxed {
    let sink = "filesink name=sink location={folder}/file.mp4";
    into_folder(sources, properties, sink, prepare)
}

/// Runs into an init segment and segments, `0.mp4` and so on.
pub fn segmented(sources: &str, properties: &str) -> Remuxed {
    let properties = format!("{properties} segment-uri=%d.mp4");
    let sink = "multifilesink next-file=buffer location={folder}/%d.mp4";
    into_folder(sources, &properties, sink, |_| {}).good(sources)
}

/// Runs into `file.mp4`, which must end well.
pub fn remux(sources: &str, properties: &str) -> Remuxed {
    attempt(sources, properties, |_| {}).good(sources)
}
