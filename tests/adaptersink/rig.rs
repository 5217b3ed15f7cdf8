//! The element with a pad of the test's before it.

use std::time::Duration;

use gst::prelude::*;
use gst_check::Harness;
use gstharmony::elements::adaptersink::AdapterSink;

use crate::common;

pub const MS: u64 = 1_000_000;
/// Caps of blocks.
pub const BLOCKS: &str =
    "application/x-h4mk-block,codec=(string)test,track-id=(int)1,kind=(string)video";

/// A block to be: kind, PTS in ms, number and payload.
#[derive(Clone, Debug)]
pub struct Sketch {
    pub kind: &'static str,
    pub pts: u64,
    pub number: Option<u64>,
    pub payload: Vec<u8>,
    pub flags: gst::BufferFlags,
}

/// A block of a millisecond whose payload is its kind and time.
pub fn block(kind: &'static str, pts: u64) -> Sketch {
    Sketch {
        kind,
        pts,
        number: None,
        payload: format!("{kind}{pts} ").into_bytes(),
        flags: gst::BufferFlags::empty(),
    }
}

impl Sketch {
    pub fn number(self, number: u64) -> Self {
        Self {
            number: Some(number),
            ..self
        }
    }

    pub fn flags(self, flags: gst::BufferFlags) -> Self {
        Self { flags, ..self }
    }

    pub fn payload(self, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            payload: payload.into(),
            ..self
        }
    }

    /// The buffer; its kind is in the meta alone where `flags` says nothing.
    pub fn buffer(&self) -> gst::Buffer {
        let mut buffer = gst::Buffer::from_mut_slice(self.payload.clone());
        let writable = buffer.make_mut();
        writable.set_pts(gst::ClockTime::from_nseconds(self.pts * MS));
        writable.set_duration(gst::ClockTime::from_nseconds(MS));
        if let Some(number) = self.number {
            writable.set_offset(number);
        }
        writable.set_flags(self.flags);
        if self.kind != "I" {
            writable.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        let mut meta = gst::meta::CustomMeta::add(writable, gstharmony::meta::BLOCK_META)
            .expect("the element registers the meta");
        meta.mut_structure().set("kind", self.kind);
        buffer
    }
}

pub struct Rig {
    pub harness: Harness,
    pub sink: AdapterSink,
    pub bus: gst::Bus,
}

/// The element, not started: properties as in a launch line.
pub fn sink(properties: &str) -> AdapterSink {
    common::init();
    let element = gst::ElementFactory::make("adaptersink")
        .build()
        .expect("the element is registered");
    for assignment in properties.split_whitespace() {
        let (name, value) = assignment.split_once('=').expect("name=value");
        element.set_property_from_str(name, value);
    }
    element.downcast().expect("the type is this crate's")
}

impl Rig {
    /// Playing, with a segment from 0.
    pub fn new(properties: &str, caps: &str) -> Self {
        Self::of(sink(properties), caps)
    }

    pub fn of(sink: AdapterSink, caps: &str) -> Self {
        let bus = gst::Bus::new();
        sink.set_bus(Some(&bus));
        let mut harness = Harness::with_element(&sink, Some("sink"), None);
        harness.set_src_caps_str(caps);
        Self { harness, sink, bus }
    }

    pub fn push(&mut self, block: &Sketch) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.harness.push(block.buffer())
    }

    pub fn push_all(&mut self, blocks: &[Sketch]) {
        for block in blocks {
            assert_eq!(self.push(block), Ok(gst::FlowSuccess::Ok), "{block:?}");
        }
    }

    /// Outputs that are there.
    pub fn outputs(&self) -> Vec<gst::Sample> {
        std::iter::from_fn(|| self.sink.try_pull_output(Duration::ZERO)).collect()
    }

    /// The bytes of outputs that are there, as text.
    pub fn texts(&self) -> Vec<String> {
        self.outputs().iter().map(text).collect()
    }

    pub fn end(&mut self) {
        assert!(self.harness.push_event(gst::event::Eos::new()));
    }

    pub fn stat(&self, name: &str) -> u64 {
        stat(&self.sink, name)
    }

    /// Texts of messages of this type.
    pub fn messages(&self, kind: gst::MessageType) -> Vec<gst::Message> {
        std::iter::from_fn(|| self.bus.pop())
            .filter(|message| message.type_() == kind)
            .collect()
    }
}

pub fn stat(sink: &AdapterSink, name: &str) -> u64 {
    let stats = sink.property::<gst::Structure>("stats");
    stats
        .get::<u64>(name)
        .unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub fn text(sample: &gst::Sample) -> String {
    let buffer = sample.buffer().expect("an output has a buffer");
    let map = buffer.map_readable().expect("it can be read");
    String::from_utf8_lossy(&map).trim_end().to_owned()
}

pub fn index(sample: &gst::Sample) -> u64 {
    let info = sample.info().expect("an output has an info");
    let index = info.get("index").expect("it has an index");
    assert_eq!(sample.buffer().map(|b| b.offset()), Some(index));
    index
}

pub fn pts_ms(sample: &gst::Sample) -> Option<u64> {
    let pts = sample.buffer().and_then(gst::BufferRef::pts);
    pts.map(gst::ClockTime::mseconds)
}
