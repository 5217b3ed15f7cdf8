//! Endless streams into each element that the scenarios disturb.

use gst::prelude::*;

use super::common::Random;
use super::common::pipeline::quoted;
use super::launch;

/// Three endless streams into a muxer.
pub fn h4mkmux(random: &mut Random) -> (gst::Pipeline, gst::Element) {
    let live = random.below(4) == 0;
    let extensions = random.below(4) != 0;
    let pipeline = launch(&format!(
        "h4mkmux name=m extensions={extensions} ! fakesink sync=false async=false \
         videotestsrc is-live={live} ! video/x-raw,width=16,height=16,framerate=100/1 ! queue name=q ! m. \
         audiotestsrc is-live={live} samplesperbuffer=480 ! audio/x-raw,rate=48000 ! m. \
         audiotestsrc is-live={live} samplesperbuffer=200 ! audio/x-raw,rate=8000 ! queue ! m."
    ));
    let muxer = pipeline.by_name("m").expect("the muxer");
    (pipeline, muxer)
}

/// Pictures and sound, endless, into short fragments.
pub fn fmp4remux(random: &mut Random) -> (gst::Pipeline, gst::Element) {
    let live = random.below(4) == 0;
    let chunk = ["", "chunk-duration=20000000"][random.below(2) as usize];
    let pipeline = launch(&format!(
        "fmp4remux name=m fragment-duration=50000000 {chunk} ! fakesink sync=false async=false \
         videotestsrc is-live={live} ! video/x-raw,width=64,height=48,framerate=100/1 \
         ! x264enc speed-preset=ultrafast tune=zerolatency threads=1 key-int-max=5 ! queue ! m. \
         audiotestsrc is-live={live} samplesperbuffer=480 ! audio/x-raw,rate=48000 ! opusenc ! queue ! m."
    ));
    let muxer = pipeline.by_name("m").expect("the muxer");
    (pipeline, muxer)
}

/// Where the indexers of this process write.
pub fn opus_store() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("harmony-states-{}", std::process::id()))
}

/// Packets of endless sound into one store after the other, all at the same place.
pub fn opusindexer(random: &mut Random) -> (gst::Pipeline, gst::Element) {
    let live = random.below(4) == 0;
    let hashes = random.below(2) == 0;
    let pipeline = launch(&format!(
        "audiotestsrc is-live={live} samplesperbuffer=480 ! audio/x-raw,rate=48000 ! opusenc \
         ! opusindexer name=m location={} overwrite=true pcm-hash={hashes} commit-interval=0 \
         ! fakesink sync=false async=false",
        quoted(&opus_store())
    ));
    let indexer = pipeline.by_name("m").expect("the indexer");
    (pipeline, indexer)
}

/// Pictures, encoded or not, endless, into a sink that is told of by the queue before it.
pub fn adaptersink(random: &mut Random) -> (gst::Pipeline, gst::Element) {
    let live = random.below(4) == 0;
    let prefetch = random.below(2) * 3;
    let goes = [
        "post-messages=true",
        "overflow=drop-oldest",
        "overflow=drop-newest max-outputs=2",
    ];
    let goes = goes[random.below(3) as usize];
    let sink = [
        "x264enc speed-preset=ultrafast tune=zerolatency threads=1 key-int-max=5 ! queue name=m ! adaptersink",
        "queue name=m ! adaptersink frame-format=RGB uploader=null",
        "queue name=m ! adaptersink sync=true uploader=null",
    ];
    let pipeline = launch(&format!(
        "videotestsrc is-live={live} ! video/x-raw,format=I420,width=64,height=48,framerate=500/1 ! {} {goes} \
         prefetch={prefetch}",
        sink[random.below(3) as usize]
    ));
    let queue = pipeline.by_name("m").expect("the queue");
    (pipeline, queue)
}

/// Sound, pictures and text, endless, on one time line.
pub fn syncaligner(random: &mut Random) -> (gst::Pipeline, gst::Element) {
    let live = random.below(3) == 0;
    let mode = ["align", "align", "measure"][random.below(3) as usize];
    let analysis = ["continuous", "prescan"][random.below(2) as usize];
    let pipeline = launch(&format!(
        "syncaligner name=m mode={mode} analysis={analysis} window=1000000000 \
         audiotestsrc is-live={live} samplesperbuffer=480 wave=ticks ! audio/x-raw,rate=48000,format=F32LE ! m.sink_0 \
         m.src_0 ! fakesink sync=false async=false \
         audiotestsrc is-live={live} samplesperbuffer=200 ! audio/x-raw,rate=8000,format=S16LE ! queue ! m.sink_1 \
         m.src_1 ! fakesink sync=false async=false \
         videotestsrc is-live={live} ! video/x-raw,width=16,height=16,framerate=100/1 ! m.sink_2 \
         m.src_2 ! queue ! fakesink sync=false async=false"
    ));
    let aligner = pipeline.by_name("m").expect("the aligner");
    let offset = random.below(100_000_000) as i64 - 50_000_000;
    assert!(aligner.emit_by_name::<bool>("set-offset", &[&"sink_2", &offset]));
    (pipeline, aligner)
}
