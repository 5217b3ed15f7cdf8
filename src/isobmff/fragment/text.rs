//! Cues that wait for a cut. Text has no gaps in MP4: an empty sample shows nothing until the next cue.

use std::collections::VecDeque;

use super::queue::{Input, Placed, TrackSpec, Until};
use crate::isobmff::timing::{TimingError, difference, ticks};

/// Bytes of a sample without text: its length, 0.
pub const EMPTY_SIZE: u32 = 2;
/// A cue that does not say how long it is shown, and has none behind it.
const DEFAULT_NS: i64 = 2_000_000_000;

#[derive(Debug)]
pub(super) struct TextQueue<T> {
    timescale: u32,
    pending: VecDeque<Input<T>>,
    /// Where the samples that were taken end.
    position: Option<i64>,
}

impl<T> TextQueue<T> {
    pub fn new(spec: TrackSpec) -> Self {
        Self {
            timescale: spec.timescale,
            pending: VecDeque::new(),
            position: None,
        }
    }

    pub fn push(&mut self, input: Input<T>) {
        self.pending.push_back(input);
    }

    /// Text begins where its first segment does. Of a segment `alone`, cues that began before are not in it, but what
    /// follows them begins at their end.
    pub fn begin(&mut self, time_ns: i64, alone: bool) -> Result<(), TimingError> {
        if self.position.is_some() {
            return Ok(());
        }
        let mut before = Vec::new();
        while alone
            && let Some(cue) = self.pending.front()
            && cue.pts_ns < time_ns
            && let Some(cue) = self.pending.pop_front()
        {
            let next = self.pending.front().map(|next| next.pts_ns);
            self.cue(cue, next.filter(|next| *next < time_ns), &mut before)?;
        }
        let begin = ticks(time_ns, self.timescale).max(0);
        self.position = Some(self.position.map_or(begin, |end| end.max(begin)));
        Ok(())
    }

    pub fn take(&mut self, until: Until) -> Result<Vec<Placed<T>>, TimingError> {
        let all = self.pending.len();
        let count = match until {
            Until::Cut(cut) => self.pending.partition_point(|i| i.pts_ns < cut.time_ns),
            Until::Ready => all.saturating_sub(1),
            Until::End => all,
        };
        let mut taken: Vec<Placed<T>> = Vec::with_capacity(count * 2 + 1);
        for left in (0..count).rev() {
            let Some(input) = self.pending.pop_front() else {
                break;
            };
            let next = self.pending.front().map(|next| next.pts_ns);
            // Behind a cut the next one may be there or not: that is for chance to say, and not for the file.
            let sure = left > 0 || until == Until::Ready;
            self.cue(input, next.filter(|_| sure), &mut taken)?;
        }
        if let Until::Cut(cut) = until {
            self.fill(ticks(cut.time_ns, self.timescale), &mut taken)?;
        }
        Ok(taken)
    }

    /// Places a cue, which ends where the next one begins, if that is known. Two that begin together have half of the
    /// time each.
    fn cue(
        &mut self,
        input: Input<T>,
        next_ns: Option<i64>,
        taken: &mut Vec<Placed<T>>,
    ) -> Result<(), TimingError> {
        let told = ticks(input.pts_ns, self.timescale).max(0);
        let position = self.position.unwrap_or(0);
        let start = told.max(position);
        self.fill(start, taken)?;
        let own = input.duration_ns.map(|ns| ticks(ns, self.timescale));
        let next = self.pending.front();
        let next = next.map(|next| ticks(next.pts_ns, self.timescale));
        let length = own.or_else(|| next.map(|next| next.saturating_sub(start)));
        let length = length.unwrap_or_else(|| ticks(DEFAULT_NS, self.timescale));
        let mut end = told.saturating_add(length);
        if end <= start {
            // The one before is written, and shown until then: better late than never.
            end = start.saturating_add(length);
        }
        if let Some(next) = next_ns.map(|ns| ticks(ns, self.timescale)) {
            end = if next > start {
                end.min(next)
            } else {
                start.saturating_add(end.saturating_sub(start) / 2)
            };
        }
        let end = end.max(start.saturating_add(1));
        taken.push(Placed {
            pts: start,
            dts: start,
            duration: difference("duration", end, start, self.timescale)?,
            sync: true,
            open: false,
            size: input.size,
            entry: input.entry,
            payload: Some(input.payload),
        });
        self.position = Some(end);
        Ok(())
    }

    /// Nothing is shown up to this tick.
    fn fill(&mut self, end: i64, taken: &mut Vec<Placed<T>>) -> Result<(), TimingError> {
        let start = self.position.unwrap_or(0);
        if end <= start {
            return Ok(());
        }
        taken.push(Placed {
            pts: start,
            dts: start,
            duration: difference("duration", end, start, self.timescale)?,
            sync: true,
            open: false,
            size: EMPTY_SIZE,
            entry: 0,
            payload: None,
        });
        self.position = Some(end);
        Ok(())
    }
}
