//! A writer killed with SIGKILL at any moment leaves a store of which everything committed is readable and right.

use std::path::Path;
use std::process::{Child, Stdio};

use gstharmony::opus_store::{Extraction, OpusStore, StoreError};
use serde_json::json;

use crate::common::packets::Tap;
use crate::common::pipeline::{launch, run};
use crate::common::{PluginFolder, Random};
use crate::python::{self, Job};
use gst::prelude::*;

/// A loud signal at a high rate: a chunk of packets is full after some 3300, one of rows after 10 000.
const SOURCE: &str = "audiotestsrc wave=saw freq=523 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 \
                      ! opusenc bitrate=510000 bitrate-type=cbr complexity=0 name=e";
/// Most packets before the kill.
const MOST: u64 = 14_000;

/// Starts an indexer, in a process of its own, that never ends by itself.
fn start(plugin: &PluginFolder, store: &Path, properties: &str) -> Child {
    let line = format!(
        "{SOURCE} ! opusindexer commit-interval=1000000 {properties} location={} ! fakesink",
        store.display()
    );
    let mut command = plugin.command("gst-launch-1.0");
    command
        .arg("-q")
        .args(line.split_whitespace())
        .stdout(Stdio::null());
    command.spawn().expect("gst-launch-1.0 is installed")
}

/// Kills the indexer as soon as so many packets are committed.
fn kill_at(child: &mut Child, store: &Path, packets: u64) {
    // No sleep: what is waited for is in the store, asked again and again while the child does the work.
    while OpusStore::open(store).map_or(0, |store| store.info().packets) < packets {
        let ended = child.try_wait().expect("the child is there");
        assert!(ended.is_none(), "the indexer ended by itself");
        std::thread::yield_now();
    }
    child.kill().expect("SIGKILL is sent");
    child.wait().expect("the child is gone");
}

/// SHA-256 of the packets that the source gives.
fn packets() -> Vec<String> {
    let source = SOURCE.replace("audiotestsrc", &format!("audiotestsrc num-buffers={MOST}"));
    let pipeline = launch(&format!("{source} ! fakesink name=s"));
    let tap = Tap::default();
    let sink = pipeline.by_name("s").expect("the sink");
    tap.pad(&sink.static_pad("sink").expect("a pad"));
    run(&pipeline).good();
    let stream = &tap.streams()[0];
    stream.packets.iter().map(|p| p.sha256.clone()).collect()
}

#[test]
fn a_writer_killed_at_any_commit_leaves_a_prefix_of_the_stream() {
    let plugin = PluginFolder::new();
    let expected = packets();
    let mut random = Random::new(7);
    let rounds = [
        "",
        "zarr-format=2",
        "pcm-hash=true",
        "index-compression=zstd",
        "fsync=true",
        "",
    ];
    for (round, properties) in rounds.into_iter().enumerate() {
        let path = plugin.file(&format!("killed-{round}.zarr"));
        let mut child = start(&plugin, &path, properties);
        kill_at(&mut child, &path, 1 + random.below(1 << (8 + round)));
        let store = OpusStore::open(&path).expect("the store opens");
        let info = store.info();
        assert!(!info.attributes.complete, "{properties}");
        let count = info.packets as usize;
        let read = &python::read(&[Job::new(&path)])[0];
        assert_eq!(read["attributes"]["committed_packets"], json!(count));
        let most = count.min(expected.len());
        let found = read["sha256"].as_array().expect("hashes");
        assert_eq!(
            found[..most],
            json!(expected[..most]).as_array().unwrap()[..]
        );
        let last = info.pcm_samples.saturating_sub(100)..info.pcm_samples;
        let pcm = store
            .extract(last.clone(), &Extraction::default())
            .expect("sound");
        assert_eq!(pcm.samples.len() as u64, 2 * (last.end - last.start));
        let behind = store.extract(last.start..last.end + 1, &Extraction::default());
        assert!(
            matches!(behind, Err(StoreError::NotComplete { .. })),
            "{properties}"
        );
    }
}
