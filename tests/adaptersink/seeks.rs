//! Preroll and seeks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;
use gstharmony::adapter::{self, Adapter, Block, Error, Output};
use gstharmony::elements::adaptersink::AdapterSink;

use crate::common::media::{H264_AAC, H264_ONE_KEY};
use crate::common::pipeline::watch;
use crate::common::{Random, launch, run};
use crate::rig::{pts_ms, stat};

/// Counts how often it decodes each block.
struct Counting(Arc<AtomicU64>);

impl Adapter for Counting {
    type State = Vec<u8>;

    fn decode_i(&mut self, block: &Block) -> Result<Vec<u8>, Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(block.bytes()?.to_vec())
    }

    fn apply_p(&mut self, state: &mut Vec<u8>, block: &Block) -> Result<(), Error> {
        *state = self.decode_i(block)?;
        Ok(())
    }

    fn finalize(&mut self, state: &mut Vec<u8>) -> Result<Output, Error> {
        Ok(Output::made(state.clone(), None))
    }
}

/// A pipeline with the sink `s`, paused.
fn paused(description: &str) -> (gst::Pipeline, AdapterSink) {
    let pipeline = launch(description);
    let sink = pipeline.by_name("s").expect("it has a sink");
    pipeline.set_state(gst::State::Paused).expect("it pauses");
    wait(&pipeline);
    (pipeline, sink.downcast().expect("the sink"))
}

fn wait(pipeline: &gst::Pipeline) {
    let (changed, ..) = pipeline.state(gst::ClockTime::from_seconds(60));
    changed.expect("it prerolls");
}

fn seek(pipeline: &gst::Pipeline, to: gst::ClockTime) {
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    pipeline.seek_simple(flags, to).expect("it seeks");
    wait(pipeline);
}

#[test]
fn the_block_that_prerolls_is_decoded_once() {
    for prefetch in [0, 2] {
        let decoded = Arc::new(AtomicU64::new(0));
        let counting = decoded.clone();
        let name = format!("counting-{prefetch}");
        crate::common::init();
        adapter::register(&name, move || Counting(counting.clone())).unwrap();
        let (pipeline, sink) = paused(&format!(
            "videotestsrc num-buffers=5 ! video/x-raw,format=I420,width=32,height=32 \
             ! adaptersink name=s adapter={name} prefetch={prefetch}"
        ));
        let first = sink
            .pull_output()
            .expect("the frame that it prerolls with is out");
        assert_eq!(pts_ms(&first), Some(0));
        assert_eq!(decoded.load(Ordering::Relaxed), 1);
        pipeline.set_state(gst::State::Playing).unwrap();
        assert_eq!(watch(&pipeline.bus().unwrap()).error, None);
        let rest = std::iter::from_fn(|| sink.pull_output()).count();
        assert_eq!((rest, decoded.load(Ordering::Relaxed)), (4, 5));
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn an_accurate_seek_prerolls_with_the_frame_that_is_shown_there() {
    let (pipeline, sink) = paused(&format!(
        "{} ! matroskademux ! h264parse ! avdec_h264 ! adaptersink name=s",
        H264_AAC.source()
    ));
    let mut random = Random::new(6);
    for _ in 0..20 {
        let target = gst::ClockTime::from_useconds(random.below(3_900_000));
        seek(&pipeline, target);
        let sample = sink.try_pull_output(std::time::Duration::from_secs(10));
        let sample = sample.expect("the frame is out");
        let buffer = sample.buffer().unwrap();
        let (pts, duration) = (buffer.pts().unwrap(), buffer.duration().unwrap());
        // Matroska's times are rounded to milliseconds.
        let slack = gst::ClockTime::from_mseconds(1);
        assert!(
            pts <= target + slack && target <= pts + duration + slack,
            "{target}: {pts}"
        );
    }
    pipeline.set_state(gst::State::Null).unwrap();
}

/// Deltas before the target are decoded, and the first output is the target's.
#[test]
fn blocks_before_an_accurate_seeks_target_are_decoded_and_not_published() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("film.h4mk");
    let record = format!(
        "{} ! matroskademux ! h264parse ! h4mkmux ! filesink location={}",
        H264_ONE_KEY.source(),
        file.display()
    );
    run(&launch(&record)).good();
    let (pipeline, sink) = paused(&format!(
        "filesrc location={} ! h4mkdemux expose=blocks ! adaptersink name=s output-mode=block max-outputs=1000",
        file.display()
    ));
    let target = gst::ClockTime::from_mseconds(2_200);
    seek(&pipeline, target);
    let before = stat(&sink, "decoded");
    pipeline.set_state(gst::State::Playing).unwrap();
    assert_eq!(watch(&pipeline.bus().unwrap()).error, None);
    let outputs: Vec<_> = std::iter::from_fn(|| sink.pull_output()).collect();
    let times: Vec<_> = outputs.iter().filter_map(|o| o.buffer()?.pts()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let frame = gst::ClockTime::from_mseconds(34);
    assert!(times[0] <= target && target < times[0] + frame, "{times:?}");
    assert!(before > 60, "{before} blocks were decoded on the way");
    assert_eq!(stat(&sink, "corrupt"), 0);
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn pausing_with_a_full_queue_loses_nothing() {
    let (pipeline, sink) = paused(
        "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=32,height=32 \
         ! adaptersink name=s max-outputs=3",
    );
    let mut indices = Vec::new();
    for round in 0..10 {
        pipeline.set_state(gst::State::Playing).unwrap();
        for _ in 0..3 {
            indices.push(crate::rig::index(&sink.pull_output().expect("an output")));
        }
        if round < 9 {
            pipeline.set_state(gst::State::Paused).unwrap();
        }
    }
    assert!(sink.pull_output().is_none());
    assert_eq!(indices, (0..30).collect::<Vec<_>>());
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn blocks_that_a_step_leaves_out_are_decoded_and_not_published() {
    let (pipeline, sink) = paused(
        "videotestsrc num-buffers=10 ! video/x-raw,format=I420,width=32,height=32,framerate=10/1 \
         ! adaptersink name=s",
    );
    let step = gst::event::Step::new(gst::format::Buffers::from_u64(3), 1.0, true, false);
    assert!(pipeline.send_event(step));
    wait(&pipeline);
    let times: Vec<_> = (0..2)
        .filter_map(|_| pts_ms(&sink.pull_output()?))
        .collect();
    assert_eq!(times, [0, 300]);
    assert_eq!(stat(&sink, "decoded"), 4, "others may build on them");
    pipeline.set_state(gst::State::Null).unwrap();
}
