//! What the collector knows of a pad.

use std::sync::{Arc, Condvar};

use gst::prelude::*;

use super::queue::{Block, Entry, Queue};
use super::{Slot, Timeline};
use crate::elements::time::{nanoseconds, signed_nanoseconds};

/// A segment that is not corrected within so many nanoseconds of blocks stays as it is.
const DOUBT: u64 = 500_000_000;
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
    /// Blocks of it were handed on.
    pub started: bool,
    /// It is sparse, and others have waited for it in vain.
    pub is_silent: bool,
    /// A GAP came.
    pub has_gap: bool,
    pub flushing: bool,
    /// The muxer does not know yet that a flush came.
    pub flushed: bool,
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

/// True when a segment says anew, and other than before, where running time begins.
fn is_correction(
    old: &gst::FormattedSegment<gst::ClockTime>,
    new: &gst::FormattedSegment<gst::ClockTime>,
) -> bool {
    old.base() == new.base() && old.time() == new.time() && old.rate() == new.rate()
}

impl PadState {
    pub fn new(pad: gst::Pad) -> Self {
        Self {
            pad,
            queue: Queue::default(),
            segment: None,
            has_caps: false,
            sparse: false,
            started: false,
            is_silent: false,
            has_gap: false,
            flushing: false,
            flushed: false,
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

    fn time(&self, time: Option<gst::ClockTime>, timeline: Timeline) -> Option<i64> {
        let segment = self.segment.as_ref()?;
        let time = match timeline {
            Timeline::Running => segment.to_running_time_full(time?)?,
            Timeline::Stream => segment.to_stream_time_full(time?)?,
        };
        Some(signed_nanoseconds(time))
    }

    /// `patient` where blocks wait for a correction.
    pub fn set_segment(&mut self, segment: &gst::Segment, patient: bool) {
        // Buffers of any other format have no times.
        let segment = segment.downcast_ref::<gst::ClockTime>().cloned();
        if let Some((old, new)) = self.segment.as_ref().zip(segment.as_ref())
            && patient
            && !self.started
            && is_correction(old, new)
        {
            let start =
                |s: &gst::FormattedSegment<gst::ClockTime>| s.start().map_or(0, nanoseconds);
            let later = start(old).saturating_sub(start(new));
            self.queue.shift(later);
            self.newest = self.newest.saturating_add(later);
        }
        self.segment = segment;
    }

    /// True where the segment may yet be corrected: `matroskademux` begins it at the first block of the file, and again
    /// when a block of another stream is earlier.
    pub fn is_in_doubt(&self) -> bool {
        let begins_late = self.segment.as_ref().is_some_and(|segment| {
            let zero = Some(gst::ClockTime::ZERO);
            segment.start() > zero && segment.time() == zero && segment.base() == zero
        });
        let waits = self.queue.has_blocks() && !self.sparse && !self.ended;
        begins_late && waits && self.queue.span() < DOUBT
    }

    pub fn push(&mut self, slot: Slot, buffer: gst::Buffer, timeline: Timeline) {
        if !self.has_caps {
            self.has_caps = true;
            let caps = gst::Caps::new_empty_simple(NO_CAPS);
            self.queue.push_event(Entry::Caps(caps));
        }
        let pts = self.time(buffer.pts(), timeline);
        let dts = self.time(buffer.dts(), timeline);
        let time = dts.or(pts).unwrap_or(self.newest);
        self.newest = time;
        self.is_silent = false;
        self.queue.push_block(Block {
            slot,
            buffer,
            pts,
            dts,
            time,
        });
    }

    /// A GAP from `start` on: nothing comes before its end.
    pub fn gap(
        &mut self,
        start: gst::ClockTime,
        duration: Option<gst::ClockTime>,
        timeline: Timeline,
    ) {
        self.has_gap = true;
        self.is_silent = false;
        let end = start.saturating_add(duration.unwrap_or(gst::ClockTime::ZERO));
        if let Some(end) = self.time(Some(end), timeline) {
            self.position = self.position.max(end);
        }
    }

    /// FLUSH_STOP: everything but caps and tags is as it was at first.
    pub fn flush(&mut self) {
        self.queue.flush();
        self.segment = None;
        self.flushing = false;
        self.flushed = self.started;
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

    /// True when others wait for its next block; `sparse` when they wait for sparse streams too.
    pub fn is_awaited(&self, sparse: bool) -> bool {
        (!self.sparse || sparse && !self.is_silent)
            && !self.ended
            && !self.flushing
            && self.pad.is_linked()
    }

    pub fn wake(&mut self) {
        self.blocked = false;
        self.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pad whose first segment begins 21 ms late, with blocks of these times in milliseconds.
    fn late(blocks: &[u64]) -> PadState {
        gst::init().unwrap();
        let mut pad = PadState::new(gst::Pad::builder(gst::PadDirection::Sink).build());
        pad.set_segment(&segment(21), true);
        for ms in blocks {
            let mut buffer = gst::Buffer::new();
            let made = buffer.make_mut();
            made.set_pts(gst::ClockTime::from_mseconds(*ms));
            pad.push(0, buffer, Timeline::Running);
        }
        pad
    }

    fn segment(start_ms: u64) -> gst::Segment {
        let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
        segment.set_start(gst::ClockTime::from_mseconds(start_ms));
        segment.set_time(gst::ClockTime::ZERO);
        segment.upcast()
    }

    fn times(pad: &mut PadState) -> Vec<i64> {
        let popped = || match pad.queue.pop_event() {
            Some(_) => Some(None),
            None => pad.queue.pop_block().map(Some),
        };
        let blocks = std::iter::from_fn(popped).flatten();
        blocks.map(|b| b.time / 1_000_000).collect()
    }

    #[test]
    fn blocks_of_a_first_segment_that_is_corrected_get_other_times() {
        let mut pad = late(&[21, 181]);
        pad.set_segment(&segment(0), true);
        assert_eq!(times(&mut pad), [21, 181]);
    }

    #[test]
    fn what_was_handed_on_and_what_nobody_lets_wait_is_not_corrected() {
        let mut handed_on = late(&[21, 181]);
        handed_on.started = true;
        handed_on.set_segment(&segment(0), true);
        assert_eq!(times(&mut handed_on), [0, 160]);
        let mut at_once = late(&[21, 181]);
        at_once.set_segment(&segment(0), false);
        assert_eq!(times(&mut at_once), [0, 160]);
    }

    #[test]
    fn a_late_segment_is_in_doubt_for_half_a_second_or_to_the_end() {
        assert!(late(&[21, 520]).is_in_doubt());
        assert!(!late(&[21, 521]).is_in_doubt());
        let mut ended = late(&[21]);
        ended.ended = true;
        assert!(!ended.is_in_doubt());
        let mut sure = late(&[21]);
        sure.set_segment(&segment(0), true);
        assert!(!sure.is_in_doubt());
    }
}
