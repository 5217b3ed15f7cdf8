//! The stream passes the indexer as it came: every byte, time, flag, meta and event.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use crate::common::opus::{self, Opus};
use crate::common::pipeline::{launch, quoted, run};

/// All that passed a pad, in words.
type Seen = Arc<Mutex<Vec<String>>>;

fn buffer(buffer: &gst::BufferRef) -> String {
    let mut metas = Vec::new();
    buffer.foreach_meta(|meta| {
        let clip = meta.downcast_ref::<gst_audio::AudioClippingMeta>();
        metas.push(match clip {
            Some(clip) => format!("clip {:?} to {:?}", clip.start(), clip.end()),
            None => format!("{:?}", meta.api()),
        });
        std::ops::ControlFlow::Continue(())
    });
    let bytes = buffer.map_readable().expect("a buffer can be read");
    format!(
        "{:?} {:?} {:?} {} {} {:?} {metas:?} {:?}",
        buffer.pts(),
        buffer.dts(),
        buffer.duration(),
        buffer.offset(),
        buffer.offset_end(),
        buffer.flags(),
        &bytes[..]
    )
}

fn watch(pad: &gst::Pad) -> Seen {
    let seen = Seen::default();
    let kept = seen.clone();
    let mask = gst::PadProbeType::BUFFER
        | gst::PadProbeType::BUFFER_LIST
        | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(mask, move |_, info| {
        let mut kept = kept.lock().expect("no test thread panics");
        match &info.data {
            Some(gst::PadProbeData::Buffer(data)) => kept.push(buffer(data)),
            Some(gst::PadProbeData::BufferList(list)) => kept.extend(list.iter().map(buffer)),
            Some(gst::PadProbeData::Event(event)) => {
                kept.push(format!("{:?} {:?}", event.type_(), event.structure()))
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    seen
}

fn check(file: Opus, properties: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store.zarr");
    let line = format!(
        "{} ! opusindexer name=i location={} {properties} ! fakesink",
        file.source(),
        quoted(&store)
    );
    let pipeline = launch(&line);
    let indexer = pipeline.by_name("i").expect("the indexer");
    let pads = ["sink", "src"].map(|name| indexer.static_pad(name).expect("a pad"));
    let [came, went] = pads.map(|pad| watch(&pad));
    run(&pipeline).good();
    let (came, went) = (came.lock().unwrap(), went.lock().unwrap());
    assert!(came.len() > 50, "{}: {}", file.name, came.len());
    for (at, pair) in came.iter().zip(went.iter()).enumerate() {
        assert_eq!(pair.0, pair.1, "{} {properties}: item {at}", file.name);
    }
    assert_eq!(came.len(), went.len(), "{} {properties}", file.name);
}

#[test]
fn the_stream_passes_as_it_came() {
    let files = [
        opus::ODD_TOOLS,
        opus::CELT_2_5,
        opus::SURROUND,
        opus::DTX,
        opus::GAIN,
        opus::LATE,
        opus::LOST_PAGE,
        opus::EMPTY,
        opus::MKVMERGE,
        opus::MKV_GST,
        opus::MP4_FFMPEG,
    ];
    for file in files {
        check(file, "");
        check(file, "pcm-hash=true zarr-format=2 index-compression=zstd");
    }
}
