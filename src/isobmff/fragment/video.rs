//! Pictures that wait for a cut.

use std::collections::VecDeque;

use super::queue::{Cut, Input, Media, Placed, TrackSpec, Until};
use crate::isobmff::timing::{Reorder, Timed, TimingError, difference, nanoseconds, ticks};

/// Most pictures that any codec here reorders.
const MOST_DEPTH: usize = 16;

/// What decides on cuts sees of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Its number in the stream.
    pub number: u64,
    pub pts_ns: i64,
    /// The time that a decoder shows when it comes to this picture: rises from picture to picture.
    pub clock_ns: i64,
    pub sync: bool,
}

#[derive(Debug)]
pub(super) struct VideoQueue<T> {
    timescale: u32,
    delay: i64,
    frame: Option<i64>,
    reorder: Reorder<Input<T>>,
    /// With decoding times.
    ready: VecDeque<Timed<Input<T>>>,
    /// Number of the first in `ready`.
    number: u64,
    newest_ns: i64,
    /// The step before, for a last picture of which nothing else is known.
    step: Option<i64>,
}

impl<T> VideoQueue<T> {
    pub fn new(spec: TrackSpec) -> Self {
        let (depth, delay, frame) = match spec.media {
            Media::Video {
                depth,
                delay,
                frame,
            } => (depth, delay, frame),
            Media::Audio { .. } | Media::Text => (0, 0, None),
        };
        // Less would have pictures decoded before the first is shown, which is before zero.
        let delay = delay.max(i64::try_from(depth.min(MOST_DEPTH)).unwrap_or(0));
        let mut reorder = Reorder::new(spec.timescale, depth, delay);
        if let Some(first) = spec.first {
            reorder.set_first(first);
        }
        Self {
            timescale: spec.timescale,
            delay,
            frame,
            reorder,
            ready: VecDeque::new(),
            number: 0,
            newest_ns: i64::MIN,
            step: None,
        }
    }

    pub fn push(&mut self, input: Input<T>) -> Result<(), TimingError> {
        self.newest_ns = self.newest_ns.max(input.pts_ns);
        let pts = ticks(input.pts_ns, self.timescale);
        self.reorder.push(pts, input.sync, input, &mut self.ready)
    }

    pub fn end(&mut self) -> Result<(), TimingError> {
        self.reorder.finish(&mut self.ready)
    }

    pub fn newest_ns(&self) -> i64 {
        self.newest_ns
    }

    pub fn first(&self) -> Option<i64> {
        self.reorder.first()
    }

    pub fn delay(&self) -> i64 {
        self.delay
    }

    /// The picture of this number, or the first there is behind it.
    pub fn look(&self, number: u64) -> Option<Look> {
        let number = number.max(self.number);
        let place = usize::try_from(number - self.number).ok()?;
        let picture = self.ready.get(place)?;
        Some(self.seen(number, picture))
    }

    fn seen(&self, number: u64, picture: &Timed<Input<T>>) -> Look {
        let clock = picture.dts.saturating_add(self.delay);
        Look {
            number,
            pts_ns: picture.payload.pts_ns,
            clock_ns: nanoseconds(clock, self.timescale),
            sync: picture.sync,
        }
    }

    /// How many pictures are before a cut, where that is known.
    fn before(&self, cut: &Cut) -> Option<usize> {
        if let Some(at) = cut.at {
            let place = usize::try_from(at.saturating_sub(self.number)).ok()?;
            return (place < self.ready.len()).then_some(place);
        }
        self.ready.iter().position(|picture| {
            let look = self.seen(0, picture);
            look.sync && look.pts_ns >= cut.time_ns || look.clock_ns >= cut.time_ns
        })
    }

    pub fn is_settled(&self, cut: &Cut) -> bool {
        self.before(cut).is_some()
    }

    pub fn take(&mut self, until: Until) -> Result<Vec<Placed<T>>, TimingError> {
        let all = self.ready.len();
        let count = match until {
            Until::Cut(cut) => self.before(&cut).unwrap_or(all),
            Until::Ready => all.saturating_sub(1),
            Until::End => all,
        };
        let mut taken = Vec::with_capacity(count);
        for _ in 0..count {
            let Some(picture) = self.ready.pop_front() else {
                break;
            };
            self.number += 1;
            let next = self.ready.front().map(|next| next.dts);
            taken.push(self.placed(picture, next)?);
        }
        Ok(taken)
    }

    fn placed(
        &mut self,
        picture: Timed<Input<T>>,
        next: Option<i64>,
    ) -> Result<Placed<T>, TimingError> {
        let Timed {
            pts,
            dts,
            sync,
            open,
            payload: input,
        } = picture;
        let own = input.duration_ns.map(|ns| ticks(ns, self.timescale));
        let step = next.map(|next| next.saturating_sub(dts));
        let length = step.or(self.frame).or(own).or(self.step).unwrap_or(1);
        self.step = Some(length);
        Ok(Placed {
            pts,
            dts,
            duration: difference("duration", length, 0, self.timescale)?,
            sync,
            open,
            size: input.size,
            entry: input.entry,
            payload: Some(input.payload),
        })
    }
}
