//! Real media.

use gst::prelude::*;
use gstharmony::elements::adaptersink::AdapterSink;

use crate::common::media::{H264_AAC, H264_VFR};
use crate::common::{launch, run};
use crate::rig::{index, stat};

/// All outputs of a pipeline with the sink `s`, whose queue takes them all.
fn outputs(description: &str) -> (Vec<gst::Sample>, AdapterSink) {
    let pipeline = launch(description);
    let sink = pipeline.by_name("s").expect("it has a sink");
    let sink: AdapterSink = sink.downcast().expect("the sink");
    // There is nothing to pull from an element that has not started.
    pipeline.set_state(gst::State::Paused).expect("it pauses");
    let puller = std::thread::spawn({
        let sink = sink.clone();
        move || std::iter::from_fn(|| sink.pull_output()).collect()
    });
    run(&pipeline).good();
    (puller.join().unwrap(), sink)
}

/// The same stream by `appsink`.
fn by_appsink(description: &str) -> Vec<gst::Sample> {
    let pipeline = launch(&format!("{description} ! appsink name=a sync=false"));
    let sink = pipeline.by_name("a").expect("it has a sink");
    let sink: gst_app::AppSink = sink.downcast().expect("an appsink");
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let samples = std::iter::from_fn(|| sink.pull_sample().ok()).collect();
    pipeline.set_state(gst::State::Null).expect("it stops");
    samples
}

fn bytes(sample: &gst::Sample) -> Vec<u8> {
    sample.buffer().unwrap().map_readable().unwrap().to_vec()
}

#[test]
fn frames_as_they_are_have_the_bytes_and_times_that_appsink_has() {
    for media in [H264_AAC, H264_VFR] {
        let stream = format!(
            "{} ! matroskademux ! h264parse ! avdec_h264",
            media.source()
        );
        let expected = by_appsink(&stream);
        let (found, sink) = outputs(&format!("{stream} ! adaptersink name=s"));
        assert_eq!(found.len(), expected.len());
        assert!(found.len() > 90);
        for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(index(found), number as u64);
            let times =
                |s: &gst::Sample| (s.buffer().unwrap().pts(), s.buffer().unwrap().duration());
            assert_eq!(times(found), times(expected), "VFR is kept");
            assert_eq!(found.caps(), expected.caps());
            assert!(bytes(found) == bytes(expected), "frame {number}");
        }
        assert_eq!(stat(&sink, "rendered"), found.len() as u64);
        assert_eq!(stat(&sink, "lost"), 0);
    }
}
