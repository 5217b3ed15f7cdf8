//! One range on its way out: its packets, each with its place in time and what of it is kept.

use std::collections::VecDeque;

use crate::h4mk::Clipping;
use crate::meta::add_clipping;
use crate::opus::index::check;
use crate::opus::{Attributes, Clip, Error, MOST_SAMPLES, Packet, Plan, Row};
use crate::opus_store::{OpusStore, Packets, StoreError};

use super::ranges::Wanted;
use super::time::time_of;

/// Packets that are read at once: 64 kB of music, and the pre-roll of a short range with what it is for.
const PAGE: u64 = 256;

/// How far a store can be read now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readable {
    packets: u64,
    /// PCM samples.
    pub samples: u64,
    /// More may come.
    pub growing: bool,
}

impl Readable {
    pub fn of(attributes: &Attributes, follow: bool) -> Self {
        let growing = follow && !attributes.has_ended();
        // The end of the stream may cut its last packets, so these are kept until it is known whether they are the last.
        let kept = if growing { MOST_SAMPLES } else { 0 };
        Self {
            packets: attributes.committed_packets,
            samples: attributes.pcm_samples().saturating_sub(kept.into()),
            growing,
        }
    }
}

/// Where a packet's kept samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    /// Its first kept PCM sample; in pre-roll the first that is kept at all.
    first: u64,
    /// The PCM sample behind its last kept one.
    behind: u64,
    clip: Clip,
}

impl Stamp {
    /// Pre-roll carries the time of the first kept sample: decoders count on from the first time that they see.
    fn new(plan: &Plan, pre_skip: u64, row: &Row) -> Self {
        let clip = plan.clip(row);
        let kept = row.sample_count - clip.start - clip.end;
        let first = row.cum_start.max(plan.start).saturating_sub(pre_skip);
        Self {
            first,
            behind: first.saturating_add(kept),
            clip,
        }
    }
}

/// What comes next of a range.
pub(super) enum Next {
    Packet(gst::Buffer),
    /// All of the range is out.
    Done,
    /// All that is readable is out, and the range goes on.
    Starved,
}

/// A range that is being played.
pub(super) struct Playing {
    pub wanted: Wanted,
    /// Its end is that of what is wanted, or of what can be read.
    plan: Plan,
    pre_skip: u64,
    /// Streams of a packet, where the packets are compared with the index.
    check: Option<u8>,
    /// The packet behind the page.
    next: u64,
    /// The packet behind the last of the range, where it is known.
    last: Option<u64>,
    /// Rows of the page that are still to come.
    rows: VecDeque<Row>,
    /// The last row of the page, which that of the next page has to follow.
    page_end: Option<Row>,
    /// The sample of the time line behind what is out.
    behind: u64,
    /// Bytes of the page, and where they begin in the store.
    bytes: gst::Buffer,
    byte_pos: u64,
}

impl Playing {
    /// What is wanted, with a plan for it that begins with packet `first` and ends before packet `last`.
    pub fn new(wanted: Wanted, plan: Plan, pre_skip: u64, first: u64, last: Option<u64>) -> Self {
        Self {
            wanted,
            plan,
            pre_skip,
            next: first,
            last,
            check: None,
            rows: VecDeque::new(),
            page_end: None,
            behind: 0,
            bytes: gst::Buffer::new(),
            byte_pos: 0,
        }
    }

    /// Compares each packet, which has so many streams, with the index.
    pub fn checked(mut self, streams: u8) -> Self {
        self.check = Some(streams);
        self
    }

    /// Moves the end to that of what is wanted and, where nothing more comes, readable.
    fn limit(&mut self, readable: &Readable) {
        let behind = |samples: u64| samples.saturating_add(self.pre_skip);
        let mut end = self.wanted.stop.map_or(u64::MAX, behind);
        if !readable.growing {
            end = end.min(behind(readable.samples));
        }
        if end > self.plan.end {
            self.last = None;
        }
        self.plan.end = end;
    }

    /// The next packet, of those that can be read.
    pub fn next(&mut self, store: &OpusStore, readable: &Readable) -> Result<Next, StoreError> {
        self.limit(readable);
        if self.behind >= self.plan.end {
            return Ok(Next::Done);
        }
        if self.rows.is_empty() {
            self.read(store, readable.packets)?;
        }
        let Some(row) = self.rows.front().copied() else {
            return Ok(Next::Starved);
        };
        if row.cum_start >= self.plan.end {
            return Ok(Next::Done);
        }
        let sure = readable.samples.saturating_add(self.pre_skip);
        if readable.growing && row.cum_end >= sure {
            return Ok(Next::Starved);
        }
        self.rows.pop_front();
        self.behind = row.cum_end.saturating_add(1);
        Ok(Next::Packet(self.buffer(&row)?))
    }

    /// Reads a page.
    fn read(&mut self, store: &OpusStore, readable: u64) -> Result<(), StoreError> {
        let end = self.next.saturating_add(PAGE).min(readable);
        let end = self.last.map_or(end, |last| last.min(end));
        if self.next >= end {
            return Ok(());
        }
        let packets = store.packets(self.next..end)?;
        if let (Some(before), Some(row)) = (&self.page_end, packets.rows.first()) {
            check(Some(before), row, self.next).map_err(StoreError::NotMonotone)?;
        }
        if let Some(streams) = self.check {
            compare(&packets, streams)?;
        }
        self.page_end = packets.rows.last().copied();
        self.byte_pos = packets.rows.first().map_or(0, |row| row.byte_pos);
        self.rows = packets.rows.into();
        self.bytes = gst::Buffer::from_slice(packets.bytes);
        self.next = end;
        Ok(())
    }

    /// A packet of the page, its memory shared.
    fn buffer(&self, row: &Row) -> Result<gst::Buffer, StoreError> {
        let place = |row: &Row| {
            let start = usize::try_from(row.byte_pos.checked_sub(self.byte_pos)?).ok()?;
            let end = start.checked_add(usize::try_from(row.byte_len).ok()?)?;
            let memory = gst::BufferCopyFlags::MEMORY;
            self.bytes.copy_region(memory, start..end).ok()
        };
        let mut buffer = place(row).ok_or(StoreError::OutOfBlob {
            packet: self.next,
            byte_pos: row.byte_pos,
            byte_len: row.byte_len,
            blob: self.byte_pos.saturating_add(self.bytes.size() as u64),
        })?;
        let stamp = Stamp::new(&self.plan, self.pre_skip, row);
        let pts = time_of(stamp.first);
        if let Some(made) = buffer.get_mut() {
            made.set_pts(pts);
            made.set_duration(time_of(stamp.behind) - pts);
            made.set_offset(stamp.first);
            made.set_offset_end(stamp.behind);
            let Clip { start, end } = stamp.clip;
            if start > 0 || end > 0 {
                add_clipping(made, Clipping { start, end });
            }
        }
        Ok(buffer)
    }
}

/// Compares what the index says of packets with what they say themselves.
fn compare(packets: &Packets, streams: u8) -> Result<(), StoreError> {
    for (packet, (row, bytes)) in (packets.first..).zip(packets.iter()) {
        let parsed = Packet::parse_streams(bytes, streams)
            .map_err(|error| StoreError::Packet { packet, error })?;
        if u64::from(parsed.samples) != row.sample_count {
            return Err(StoreError::NotMonotone(Error::Row {
                packet,
                field: "sample_count",
                found: row.sample_count,
                expected: format!("{} as the packet has", parsed.samples),
            }));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_stamped_with_their_kept_samples() {
        let row = |n: u64| Row {
            sample_count: 960,
            cum_start: n * 960,
            cum_end: n * 960 + 959,
            ..Row::default()
        };
        // PCM samples 1000 to 2999: 1312 to 3311 of the time line, in packets 1 to 3.
        let plan = Plan::new(&(1000..3000), 312, 960);
        let stamps = [0, 1, 2, 3].map(|n| Stamp::new(&plan, 312, &row(n)));
        let stamp = |first, behind, start, end| Stamp {
            first,
            behind,
            clip: Clip { start, end },
        };
        assert_eq!(stamps[0], stamp(1000, 1000, 960, 0), "pre-roll");
        assert_eq!(stamps[1], stamp(1000, 1608, 352, 0));
        assert_eq!(stamps[2], stamp(1608, 2568, 0, 0));
        assert_eq!(stamps[3], stamp(2568, 3000, 0, 528));
        let whole = Plan::new(&(0..u64::MAX), 312, 960);
        assert_eq!(Stamp::new(&whole, 312, &row(0)), stamp(0, 648, 312, 0));
    }
}
