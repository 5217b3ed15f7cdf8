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
            self.cue(cue, &mut before)?;
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
        for _ in 0..count {
            let Some(input) = self.pending.pop_front() else {
                break;
            };
            self.cue(input, &mut taken)?;
        }
        if let Until::Cut(cut) = until {
            self.fill(ticks(cut.time_ns, self.timescale), &mut taken)?;
        }
        Ok(taken)
    }

    fn cue(&mut self, input: Input<T>, taken: &mut Vec<Placed<T>>) -> Result<(), TimingError> {
        let mut start = ticks(input.pts_ns, self.timescale).max(0);
        let own = input.duration_ns.map(|ns| ticks(ns, self.timescale));
        let next = self.pending.front();
        let next = next.map(|next| ticks(next.pts_ns, self.timescale));
        let position = self.position.unwrap_or(0);
        if start < position {
            start = shorten(taken, start, position);
        } else {
            self.fill(start, taken)?;
        }
        let length = own.or_else(|| next.map(|next| next.saturating_sub(start)));
        let length = length.unwrap_or_else(|| ticks(DEFAULT_NS, self.timescale));
        let end = start.saturating_add(length.max(1));
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

/// A cue begins while another is shown: that one ends, if it is not written yet. Returns where the new one begins.
fn shorten<T>(taken: &mut [Placed<T>], start: i64, position: i64) -> i64 {
    match taken.last_mut() {
        Some(last) if start > last.dts => {
            last.duration = u32::try_from(start - last.dts).unwrap_or(last.duration);
            start
        }
        _ => position,
    }
}
