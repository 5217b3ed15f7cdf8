//! A run of the muxer behind a demuxer: what went out, and what it told.

use std::sync::{Arc, Mutex, mpsc};

use gst::prelude::*;

use crate::common::pipeline::{PATIENCE, launch, run, watch};

/// A fragment, or a chunk of one, as `fragment-written` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub sequence: u32,
    pub start: u64,
    pub duration: u64,
    pub offset: u64,
    pub size: u64,
    pub key: bool,
}

impl Told {
    /// Number of its segment.
    pub fn segment(&self) -> u32 {
        self.sequence / 4096
    }

    /// The fields of a structure of `byte-range-map` or of an element message.
    pub fn new(structure: &gst::StructureRef) -> Self {
        Self {
            sequence: structure.get("sequence").unwrap(),
            start: structure.get("start").unwrap(),
            duration: structure.get("duration").unwrap(),
            offset: structure.get("offset").unwrap(),
            size: structure.get("size").unwrap(),
            key: structure.get("starts-with-key").unwrap(),
        }
    }
}

/// What a run wrote.
#[derive(Debug)]
pub struct Written {
    pub bytes: Vec<u8>,
    /// From the element messages.
    pub told: Vec<Told>,
    /// `stream-origin` at the end.
    pub origin: Option<gst::Structure>,
    /// The error, where it ended with one.
    pub error: Option<String>,
    pub warnings: Vec<String>,
}

impl Written {
    /// The bytes of a segment, or of any row of fragments.
    pub fn of<'a>(&self, fragments: impl IntoIterator<Item = &'a Told>) -> Vec<u8> {
        let range = |f: &Told| f.offset as usize..(f.offset + f.size) as usize;
        let parts = fragments.into_iter().map(|f| &self.bytes[range(f)]);
        parts.collect::<Vec<_>>().concat()
    }

    /// The segments: number, and its fragments.
    pub fn segments(&self) -> Vec<(u32, Vec<&Told>)> {
        let mut segments: Vec<(u32, Vec<&Told>)> = Vec::new();
        for told in &self.told {
            match segments.last_mut() {
                Some((number, parts)) if *number == told.segment() => parts.push(told),
                _ => segments.push((told.segment(), vec![told])),
            }
        }
        segments
    }
}

/// Runs a pipeline with the muxer `m`, whose output goes to a fakesink; `start` starts it.
fn collect(
    properties: &str,
    sources: &str,
    start: impl FnOnce(&gst::Pipeline),
    end: impl FnOnce(&gst::Pipeline) -> crate::common::Run,
) -> Written {
    let pipeline = launch(&format!(
        "fmp4remux name=m {properties} ! fakesink sync=false async=false  {sources}"
    ));
    let muxer = pipeline.by_name("m").unwrap();
    let bytes = gather(&muxer);
    start(&pipeline);
    let run = end(&pipeline);
    let told = run.messages.iter().filter_map(|message| {
        let structure = message.structure()?;
        (structure.name() == "fragment-written").then(|| Told::new(structure))
    });
    Written {
        told: told.collect(),
        origin: muxer.property("stream-origin"),
        error: run.error,
        warnings: run.warnings,
        bytes: std::mem::take(&mut bytes.lock().unwrap()),
    }
}

/// All that leaves the muxer.
fn gather(muxer: &gst::Element) -> Arc<Mutex<Vec<u8>>> {
    let bytes = Arc::<Mutex<Vec<u8>>>::default();
    let kept = bytes.clone();
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    let source = muxer.static_pad("src").unwrap();
    source.add_probe(mask, move |_, info| {
        let mut kept = kept.lock().unwrap();
        let mut keep = |b: &gst::BufferRef| kept.extend_from_slice(&b.map_readable().unwrap());
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => keep(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(keep),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    bytes
}

/// The whole, from begin to end.
pub fn whole(properties: &str, sources: &str) -> Written {
    collect(properties, sources, |_| {}, run)
}

/// The same without an error or a warning.
pub fn good(properties: &str, sources: &str) -> Written {
    let written = whole(properties, sources);
    assert_eq!(written.error, None, "{properties} {sources}");
    assert!(written.warnings.is_empty(), "{:?}", written.warnings);
    written
}

/// What comes from `seek` on: the demuxer `d` is sought when each pad of the muxer has a buffer that it does not take
/// yet. (`matroskademux` learns from the first blocks of all streams where stream time begins.) `prepare` sees the
/// muxer before.
pub fn from(
    properties: &str,
    sources: &str,
    seek: gst::ClockTime,
    prepare: impl FnOnce(&gst::Pipeline),
) -> Written {
    let start = |pipeline: &gst::Pipeline| {
        prepare(pipeline);
        let (tell, reached) = mpsc::channel();
        let pads = pipeline.by_name("m").unwrap().sink_pads();
        let blocks: Vec<_> = pads
            .iter()
            .map(|pad| {
                let (mut tell, mask) = (Some(tell.clone()), gst::PadProbeType::BUFFER);
                let told = Mutex::new(move || tell.take().map(|tell| tell.send(())));
                let id = pad.add_probe(gst::PadProbeType::BLOCK | mask, move |_, _| {
                    told.lock().unwrap()();
                    gst::PadProbeReturn::Ok
                });
                id.unwrap()
            })
            .collect();
        pipeline.set_state(gst::State::Playing).unwrap();
        let patience = std::time::Duration::from_nanos(PATIENCE.nseconds());
        for _ in &pads {
            reached.recv_timeout(patience).expect("each pad has data");
        }
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT | gst::SeekFlags::SNAP_BEFORE;
        let demuxer = pipeline.by_name("d").unwrap();
        demuxer.seek_simple(flags, seek).expect("it seeks");
        for (pad, id) in pads.iter().zip(blocks) {
            pad.remove_probe(id);
        }
    };
    let end = |pipeline: &gst::Pipeline| {
        let run = watch(&pipeline.bus().unwrap());
        pipeline.set_state(gst::State::Null).unwrap();
        run
    };
    collect(properties, sources, start, end)
}
