//! What the collector knows of a pad.

use std::sync::{Arc, Condvar};

use gst::prelude::*;

use super::Slot;
use super::queue::{Block, Entry, Queue};

/// Caps of a stream that comes without.
const NO_CAPS: &str = "application/octet-stream";

#[derive(Debug)]
pub(super) struct PadState {
    pub pad: gst::Pad,
    pub queue: Queue,
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    /// Caps came, at least into the queue.
    pub has_caps: bool,
    pub sparse: bool,
    /// A GAP came.
    pub has_gap: bool,
    pub flushing: bool,
    /// EOS came behind what is in the queue.
    pub ended: bool,
    /// The muxer knows of the end.
    pub told: bool,
    /// The element no longer has this pad.
    pub released: bool,
    /// Upstream was asked for its latency.
    pub asked: bool,
    /// Nothing before this time comes any more.
    pub position: i64,
    /// Time of the newest block that came.
    newest: i64,
    /// The chain function waits for room.
    pub blocked: bool,
    pub room: Arc<Condvar>,
}

/// Nanoseconds, saturating.
pub(super) fn nanoseconds(time: gst::ClockTime) -> i64 {
    i64::try_from(time.nseconds()).unwrap_or(i64::MAX)
}

impl PadState {
    pub fn new(pad: gst::Pad) -> Self {
        Self {
            pad,
            queue: Queue::default(),
            segment: None,
            has_caps: false,
            sparse: false,
            has_gap: false,
            flushing: false,
            ended: false,
            told: false,
            released: false,
            asked: false,
            position: i64::MIN,
            newest: i64::MIN,
            blocked: false,
            room: Arc::new(Condvar::new()),
        }
    }

    /// Back to before the first event.
    pub fn reset(&mut self) {
        *self = Self::new(self.pad.clone());
    }

    fn running_time(&self, time: Option<gst::ClockTime>) -> Option<i64> {
        let running = self.segment.as_ref()?.to_running_time_full(time?)?;
        Some(match running {
            gst::Signed::Positive(time) => nanoseconds(time),
            gst::Signed::Negative(time) => -nanoseconds(time),
        })
    }

    pub fn set_segment(&mut self, segment: &gst::Segment) {
        // Buffers of any other format have no times.
        self.segment = segment.downcast_ref::<gst::ClockTime>().cloned();
    }

    pub fn push(&mut self, slot: Slot, buffer: gst::Buffer) {
        if !self.has_caps {
            self.has_caps = true;
            let caps = gst::Caps::new_empty_simple(NO_CAPS);
            self.queue.push_event(Entry::Caps(caps));
        }
        let pts = self.running_time(buffer.pts());
        let dts = self.running_time(buffer.dts());
        let time = dts.or(pts).unwrap_or(self.newest);
        self.newest = time;
        self.queue.push_block(Block {
            slot,
            buffer,
            pts,
            dts,
            time,
        });
    }

    /// A GAP from `start` on: nothing comes before its end.
    pub fn gap(&mut self, start: gst::ClockTime, duration: Option<gst::ClockTime>) {
        self.has_gap = true;
        let end = start.saturating_add(duration.unwrap_or(gst::ClockTime::ZERO));
        if let Some(end) = self.running_time(Some(end)) {
            self.position = self.position.max(end);
        }
    }

    /// FLUSH_STOP: everything but caps and tags is as it was at first.
    pub fn flush(&mut self) {
        self.queue.flush();
        self.segment = None;
        self.flushing = false;
        self.ended = false;
        self.told = false;
        self.has_gap = false;
        self.position = i64::MIN;
        self.newest = i64::MIN;
    }

    /// True when nothing comes from this pad: it has ended, or nothing is linked to it.
    pub fn is_over(&self) -> bool {
        self.queue.is_empty() && (self.ended || !self.pad.is_linked())
    }

    /// True when others wait for its next block.
    pub fn is_awaited(&self) -> bool {
        !self.sparse && !self.ended && !self.flushing && self.pad.is_linked()
    }

    pub fn wake(&mut self) {
        self.blocked = false;
        self.room.notify_all();
    }
}
