//! Made-up streams into a muxer: each buffer as the test says, with times that may be negative.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::packets::Tap;
use super::pipeline::{Run, launch, quoted, run};

/// All segments begin here, so that buffers of a negative running time can be made.
const ORIGIN: gst::ClockTime = gst::ClockTime::from_seconds(3600);

/// One buffer to be; times are nanoseconds of running time.
#[derive(Clone, Debug)]
pub struct Item {
    pub pts: Option<i64>,
    pub dts: Option<i64>,
    pub duration: Option<u64>,
    pub flags: gst::BufferFlags,
    pub payload: Vec<u8>,
}

impl Item {
    /// A buffer that decodes on its own, with a PTS alone.
    pub fn key(pts: i64, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            pts: Some(pts),
            dts: None,
            duration: None,
            flags: gst::BufferFlags::empty(),
            payload: payload.into(),
        }
    }

    /// A buffer that needs others.
    pub fn delta(pts: i64, payload: impl Into<Vec<u8>>) -> Self {
        Self::key(pts, payload).flags(gst::BufferFlags::DELTA_UNIT)
    }

    /// The same with a DTS.
    pub fn dts(self, dts: i64) -> Self {
        Self {
            dts: Some(dts),
            ..self
        }
    }

    /// The same with a duration.
    pub fn lasting(self, duration: u64) -> Self {
        Self {
            duration: Some(duration),
            ..self
        }
    }

    /// The same with more flags.
    pub fn flags(self, flags: gst::BufferFlags) -> Self {
        Self {
            flags: self.flags | flags,
            ..self
        }
    }

    /// Gives the buffer its times and flags.
    fn label(&self, buffer: &mut gst::BufferRef) {
        let absolute = |time: i64| {
            let time = ORIGIN.nseconds().checked_add_signed(time);
            gst::ClockTime::from_nseconds(time.expect("a time after the origin"))
        };
        buffer.set_pts(self.pts.map(absolute));
        buffer.set_dts(self.dts.map(absolute));
        buffer.set_duration(self.duration.map(gst::ClockTime::from_nseconds));
        gstharmony::meta::replace_flags(buffer, self.flags);
    }
}

/// A stream of the test's making.
#[derive(Clone)]
pub struct Source {
    source: gst_app::AppSrc,
    /// What has been pushed and not yet come out.
    items: Arc<Mutex<VecDeque<Item>>>,
}

impl Source {
    /// Sends a buffer.
    pub fn push(&self, item: &Item) {
        let buffer = gst::Buffer::from_slice(item.payload.clone());
        self.items
            .lock()
            .expect("no test thread panics")
            .push_back(item.clone());
        self.source
            .push_buffer(buffer)
            .expect("the source takes the buffer");
    }

    /// Sends buffers.
    pub fn push_all(&self, items: &[Item]) {
        items.iter().for_each(|item| self.push(item));
    }

    /// Changes the caps of the buffers that follow.
    pub fn caps(&self, caps: &str) {
        let caps: gst::Caps = caps.parse().expect("valid caps");
        self.source.set_caps(Some(&caps));
    }

    /// Sends any other event between buffers.
    pub fn event(&self, event: impl Into<gst::Event>) {
        assert!(
            self.source.send_event(event.into()),
            "the source takes the event"
        );
    }

    /// A GAP event.
    pub fn gap(&self, at: i64, duration: u64) {
        let at = ORIGIN
            .nseconds()
            .checked_add_signed(at)
            .expect("a time after the origin");
        let gap = gst::event::Gap::builder(gst::ClockTime::from_nseconds(at))
            .duration(gst::ClockTime::from_nseconds(duration));
        self.event(gap.build());
    }

    /// Ends the stream.
    pub fn end(&self) {
        self.source.end_of_stream().expect("the source ends");
    }
}

/// A muxer with sources of the test's making.
pub struct Feed {
    pub pipeline: gst::Pipeline,
    pub muxer: gst::Element,
    pub tap: Tap,
}

impl Feed {
    /// An `h4mkmux` with `properties` (as in a launch line) that writes to `file`.
    pub fn new(file: &Path, properties: &str) -> Self {
        Self::with("h4mkmux", file, properties)
    }

    /// The same with any muxer.
    pub fn with(muxer: &str, file: &Path, properties: &str) -> Self {
        let pipeline = launch(&format!(
            "{muxer} name=m {properties} ! filesink location={}",
            quoted(file)
        ));
        let muxer = pipeline.by_name("m").expect("the muxer");
        let tap = Tap::default();
        tap.sinks(&muxer);
        Self {
            pipeline,
            muxer,
            tap,
        }
    }

    /// A new stream on a requested pad.
    pub fn track(&self, template: &str, caps: &str) -> Source {
        add_track(&self.pipeline, &self.muxer, template, caps, false)
    }

    /// A new stream whose STREAM_START says that it is sparse.
    pub fn sparse_track(&self, template: &str, caps: &str) -> Source {
        add_track(&self.pipeline, &self.muxer, template, caps, true)
    }

    /// Runs to EOS or an error.
    pub fn run(&self) -> Run {
        run(&self.pipeline)
    }
}

/// Links a new source to a new pad of the muxer; while the pipeline runs this makes a late pad.
pub fn add_track(
    pipeline: &gst::Pipeline,
    muxer: &gst::Element,
    template: &str,
    caps: &str,
    sparse: bool,
) -> Source {
    let caps: gst::Caps = caps.parse().expect("valid caps");
    let source = gst_app::AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .max_bytes(0)
        .build();
    let queue = gst::ElementFactory::make("queue").build().expect("queue");
    pipeline
        .add_many([source.upcast_ref(), &queue])
        .expect("the source is added");
    source.link(&queue).expect("the queue links");
    let source_pad = source.static_pad("src").expect("a source pad");
    let items: Arc<Mutex<VecDeque<Item>>> = Arc::default();
    let pushed = items.clone();
    let mask = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
    source_pad.add_probe(mask, move |_, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Event(event)) => rewrite(event, sparse),
            // appsrc fills times in that are missing, and adds flags.
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let item = pushed.lock().expect("no test thread panics").pop_front();
                item.expect("an item for each buffer")
                    .label(buffer.make_mut());
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    let pad = muxer
        .request_pad_simple(template)
        .expect("the muxer gives a pad");
    queue
        .static_pad("src")
        .expect("a queue has one")
        .link(&pad)
        .expect("the muxer takes the stream");
    queue.sync_state_with_parent().expect("the queue starts");
    source.sync_state_with_parent().expect("the source starts");
    Source { source, items }
}

/// appsrc's own segment begins at 0 and its streams are not sparse: events are changed on their way.
fn rewrite(event: &mut gst::Event, sparse: bool) {
    match event.view() {
        gst::EventView::Segment(e) => {
            let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
            segment.set_start(ORIGIN);
            *event = gst::event::Segment::builder(&segment)
                .seqnum(e.seqnum())
                .build();
        }
        gst::EventView::StreamStart(e) if sparse => {
            *event = gst::event::StreamStart::builder(e.stream_id())
                .flags(gst::StreamFlags::SPARSE)
                .seqnum(e.seqnum())
                .build();
        }
        _ => {}
    }
}
