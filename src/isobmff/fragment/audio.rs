//! Audio frames that wait for a cut. Their ticks depend on the segment that they are in, so they get them last.

use std::collections::VecDeque;

use super::queue::{Cut, CutKind, Input, Placed, TrackSpec, Until};
use crate::isobmff::timing::{AudioClock, TimingError, difference, nanoseconds};

#[derive(Debug)]
pub(super) struct AudioQueue<T> {
    timescale: u32,
    clock: AudioClock,
    pending: VecDeque<Input<T>>,
    /// Number of the first in `pending`.
    number: u64,
    newest_ns: i64,
    last: Option<i64>,
    /// Tick of the next frame, where the one before it has its duration from that.
    promised: Option<i64>,
    /// Frames that had to leave the grid.
    off_grid: u64,
}

impl<T> AudioQueue<T> {
    pub fn new(spec: TrackSpec, unit: Option<i64>) -> Self {
        let mut clock = AudioClock::new(spec.timescale, unit);
        if let Some(first) = spec.first {
            clock.set_first(first);
        }
        Self {
            timescale: spec.timescale,
            clock,
            pending: VecDeque::new(),
            number: 0,
            newest_ns: i64::MIN,
            last: None,
            promised: None,
            off_grid: 0,
        }
    }

    pub fn push(&mut self, input: Input<T>) -> Result<(), TimingError> {
        if input.pts_ns < self.newest_ns {
            return Err(TimingError::Backward {
                found_ns: input.pts_ns,
                least_ns: self.newest_ns,
            });
        }
        self.newest_ns = input.pts_ns;
        if self.clock.first().is_none() {
            let first = crate::isobmff::timing::ticks(input.pts_ns, self.timescale);
            self.clock.set_first(first);
        }
        self.pending.push_back(input);
        Ok(())
    }

    pub fn newest_ns(&self) -> i64 {
        self.newest_ns
    }

    pub fn first(&self) -> Option<i64> {
        self.clock.first()
    }

    /// Number and time of the frame of this number, or of the first there is behind it.
    pub fn look(&self, number: u64) -> Option<(u64, i64)> {
        let number = number.max(self.number);
        let place = usize::try_from(number - self.number).ok()?;
        Some((number, self.pending.get(place)?.pts_ns))
    }

    pub fn is_settled(&self, cut: &Cut) -> bool {
        self.newest_ns >= cut.time_ns
    }

    /// How many frames could not follow the one before, and were placed by their time alone.
    pub fn off_grid(&self) -> u64 {
        self.off_grid
    }

    pub fn take(&mut self, until: Until) -> Result<Vec<Placed<T>>, TimingError> {
        let all = self.pending.len();
        let (count, restart) = match until {
            Until::Cut(cut) => (
                self.pending.partition_point(|i| i.pts_ns < cut.time_ns),
                cut.kind == CutKind::Segment,
            ),
            Until::Ready => (all.saturating_sub(1), false),
            Until::End => (all, false),
        };
        let mut taken = Vec::with_capacity(count);
        for left in (0..count).rev() {
            let Some(input) = self.pending.pop_front() else {
                break;
            };
            self.number += 1;
            let tick = self.place(&input)?;
            if left == 0 && restart {
                self.clock.restart();
            }
            taken.push(self.placed(input, tick)?);
        }
        if restart {
            self.clock.restart();
        }
        Ok(taken)
    }

    fn place(&mut self, input: &Input<T>) -> Result<i64, TimingError> {
        let (tick, left) = self.clock.place(input.pts_ns, grid(input));
        let tick = match self.promised.take() {
            Some(promised) => {
                self.clock.set_previous(promised, grid(input));
                promised
            }
            None => tick,
        };
        self.off_grid += u64::from(left);
        if let Some(last) = self.last.filter(|last| tick <= *last) {
            return Err(TimingError::Backward {
                found_ns: input.pts_ns,
                least_ns: nanoseconds(last, self.timescale),
            });
        }
        self.last = Some(tick);
        Ok(tick)
    }

    fn placed(&mut self, input: Input<T>, tick: i64) -> Result<Placed<T>, TimingError> {
        let next = self.pending.front();
        self.promised = next.map(|next| self.clock.look(next.pts_ns, grid(next)).0);
        let own = || tick.saturating_add(input.frame.saturating_sub(input.trim).max(0));
        let end = self.promised.unwrap_or_else(own);
        Ok(Placed {
            pts: tick,
            dts: tick,
            duration: difference("duration", end, tick, self.timescale)?,
            sync: input.sync,
            open: false,
            size: input.size,
            entry: input.entry,
            payload: Some(input.payload),
        })
    }
}

/// Ticks from frame to frame where those make a grid; else 0, and each frame is at the tick of its time.
fn grid<T>(input: &Input<T>) -> i64 {
    if input.even { input.frame } else { 0 }
}
