//! Chained streams: a link of the store for each link of the file.

use gst::prelude::*;
use serde_json::json;

use crate::common::opus::{self, Opus};
use crate::common::pipeline::{launch, quoted, run};
use crate::exact::same_sound;
use crate::python::{self, Job};
use crate::walked::compare;

/// Indexes every link of a chained file, which oggdemux gives a pad each, and compares each with the walk.
fn check(file: Opus, properties: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store.zarr");
    let line = format!(
        "filesrc location={} ! oggdemux name=d  concat name=c ! opusindexer location={} {properties} ! fakesink",
        quoted(&file.path()),
        quoted(&store)
    );
    let pipeline = launch(&line);
    let concat = pipeline.by_name("c").expect("concat");
    let demuxer = pipeline.by_name("d").expect("the demuxer");
    demuxer.connect_pad_added(move |_, pad| {
        let sink = concat.request_pad_simple("sink_%u").expect("a pad");
        pad.link(&sink).expect("the pads link");
    });
    run(&pipeline).good();
    let walked = file.walk();
    let jobs: Vec<Job> = (0..walked.len() as u64)
        .map(|link| Job {
            link,
            ..Job::new(&store)
        })
        .collect();
    let read = python::read(&jobs);
    for (at, (read, link)) in read.iter().zip(&walked).enumerate() {
        compare(read, link, &format!("{} link {at}", file.name));
        let links = (at == 0).then_some(walked.len());
        assert_eq!(read["attributes"]["links"], json!(links), "link {at}");
    }
    same_sound(&store, walked.len(), file);
}

#[test]
fn each_link_of_a_chained_file_is_a_group() {
    check(opus::CHAIN, "");
    check(opus::CHAIN, "zarr-format=2 pcm-hash=true");
}

#[test]
fn links_with_the_same_header_are_links_of_their_own() {
    check(opus::CHAIN_ALIKE, "");
}
