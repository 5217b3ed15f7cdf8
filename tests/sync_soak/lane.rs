//! A stream through the aligner: the pads before and behind it, and what is seen there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

use super::content::Kind;
use super::watch::Problems;

/// The meta that has the time that a buffer came with.
const ORIGINAL: &str = "timestamp/x-original";

/// What came out of a source pad. Times are those of the clock, in milliseconds.
#[derive(Default)]
pub struct Seen {
    /// PTS of the last buffer or gap, in nanoseconds.
    pts: Option<u64>,
    /// The time that the last of the stream's own buffers came with.
    original: Option<gst::ClockTime>,
    /// When something came out.
    pub out: Option<u64>,
    /// Data have come again, and wait to be seen.
    pub awaited: Option<u64>,
    /// How long that took, each time.
    pub recoveries: Vec<u64>,
    /// The stream is as it should be.
    pub calm: bool,
    /// The longest time without output while the stream was calm.
    pub worst: u64,
    pub buffers: u64,
    pub filled: u64,
}

/// What all pads of a stream, old and new, share.
#[derive(Clone)]
pub struct Eye {
    pub seen: Arc<Mutex<Seen>>,
    name: String,
    clock: Arc<AtomicU64>,
    problems: Problems,
}

impl Eye {
    pub fn new(name: &str, clock: &Arc<AtomicU64>, problems: &Problems) -> Self {
        Self {
            seen: Arc::default(),
            name: name.to_owned(),
            clock: clock.clone(),
            problems: problems.clone(),
        }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.clock.load(Ordering::Acquire)
    }

    pub fn problem(&self, what: &str) {
        self.problems
            .add(format!("{} at {} ms: {what}", self.name, self.now()));
    }

    fn came_out(&self, pts: Option<gst::ClockTime>, own: bool) {
        let now = self.now();
        let Some(pts) = pts.map(gst::ClockTime::nseconds) else {
            return self.problem("a buffer without a PTS");
        };
        let mut seen = self.seen();
        let before = seen.pts.replace(pts);
        if let Some(out) = seen.out.replace(now)
            && seen.calm
        {
            seen.worst = seen.worst.max(now.saturating_sub(out));
        }
        if own && let Some(since) = seen.awaited.take() {
            seen.recoveries.push(now.saturating_sub(since));
        }
        drop(seen);
        if let Some(before) = before.filter(|before| *before > pts) {
            self.problem(&format!("PTS {pts} ns after {before} ns"));
        }
    }

    fn buffer(&self, buffer: &gst::BufferRef) {
        let mut metas = buffer.iter_meta::<gst::ReferenceTimestampMeta>();
        let original = metas
            .find(|m| {
                m.reference()
                    .structure(0)
                    .is_some_and(|s| s.name() == ORIGINAL)
            })
            .map(|m| m.timestamp());
        // A frame that is shown again keeps the time that it came with.
        let own = original.is_some() && original != self.seen().original;
        self.came_out(buffer.pts(), own);
        let mut seen = self.seen();
        seen.original = original.or(seen.original);
        seen.buffers += 1;
        seen.filled += u64::from(!own);
    }

    fn event(&self, event: &gst::Event) {
        match event.view() {
            gst::EventView::Gap(gap) => {
                self.came_out(Some(gap.get().0), false);
                self.seen().filled += 1;
            }
            // What comes next begins anew.
            gst::EventView::FlushStop(_) => self.seen().pts = None,
            _ => {}
        }
    }

    /// Another pad: its line is its own.
    pub fn begin(&self) {
        let mut seen = self.seen();
        (seen.pts, seen.out) = (None, None);
    }
}

/// The pads of a stream.
pub struct Pads {
    pub pad: gst::Pad,
    pub sink: gst::Pad,
    src: gst::Pad,
    out: gst::Pad,
}

fn out_pad(eye: &Eye) -> gst::Pad {
    let (buffers, events) = (eye.clone(), eye.clone());
    let any = gst::Caps::new_any();
    let (direction, presence) = (gst::PadDirection::Sink, gst::PadPresence::Always);
    let template = gst::PadTemplate::new("sink", direction, presence, &any).expect("a template");
    gst::Pad::builder_from_template(&template)
        .chain_function(move |_, _, buffer| {
            buffers.buffer(&buffer);
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(move |_, _, event| {
            events.event(&event);
            true
        })
        .build()
}

fn in_pad() -> gst::Pad {
    gst::Pad::builder(gst::PadDirection::Src)
        .event_function(|_, _, _| true)
        .query_function(|pad, parent, query| match query.view_mut() {
            gst::QueryViewMut::Latency(query) => {
                query.set(true, gst::ClockTime::ZERO, gst::ClockTime::NONE);
                true
            }
            _ => gst::Pad::query_default(pad, parent, query),
        })
        .build()
}

impl Pads {
    pub fn request(element: &gst::Element, number: usize, eye: &Eye) -> Self {
        let sink = element.request_pad_simple(&format!("sink_{number}"));
        let src = element.static_pad(&format!("src_{number}"));
        let pads = Self {
            pad: in_pad(),
            sink: sink.expect("a pad"),
            src: src.expect("its source pad"),
            out: out_pad(eye),
        };
        for pad in [&pads.out, &pads.pad] {
            pad.set_active(true).expect("the pad starts");
        }
        pads.src.link(&pads.out).expect("the pads link");
        pads.pad.link(&pads.sink).expect("the pads link");
        pads
    }

    pub fn release(self, element: &gst::Element) {
        element.release_request_pad(&self.sink);
        for pad in [&self.pad, &self.out] {
            pad.set_active(false).expect("the pad stops");
        }
    }

    /// The stream begins, or begins again.
    pub fn begin(&self, kind: Kind, variant: u64) {
        let name = self.sink.name();
        self.pad.push_event(gst::event::StreamStart::new(&name));
        self.caps(kind, variant);
        self.segment();
    }

    pub fn caps(&self, kind: Kind, variant: u64) {
        let caps: gst::Caps = kind.caps(variant).parse().expect("valid caps");
        self.pad.push_event(gst::event::Caps::new(&caps));
    }

    pub fn segment(&self) {
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        self.pad.push_event(gst::event::Segment::new(&segment));
    }
}
