//! How one map gives way to another in the samples.

use super::{Chunk, Grid, Kernel, ON, Steer, Warp};

/// Length of a fade, in seconds.
const FADE: f64 = 5e-3;
/// A hole longer than this is left open, in seconds.
const SILENCE: f64 = 5.0;
/// So is one of more samples than these of all channels: they are made at once.
const MOST_SILENCE: f64 = 64e6;
/// Maps that differ by no more than this share of a sample follow each other without a fade: between two slews lies one of
/// a thousandth.
const SMOOTH: f64 = 5e-3;

/// The old content's end while a step is made.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    samples: Vec<f32>,
    /// The frame of the grid that it begins at.
    from: i64,
    /// The time on the stream's own line up to which content went out before the step.
    content: f64,
    /// All of it is here.
    whole: bool,
}

/// What is to be done at the next frame.
#[derive(Clone, Copy, Debug)]
pub enum Course {
    /// Frames are made up to this time of the stream's own line.
    Run(f64),
    /// A step is to be made.
    Step,
    /// Something changed: ask again.
    Again,
}

impl Warp {
    /// What is to be done at the next frame.
    pub(super) fn course(&mut self, grid: Grid, steer: &mut Steer) -> Course {
        if self.tail.as_ref().is_some_and(|tail| !tail.whole) {
            return Course::Step;
        }
        let time = self.time_of(grid, grid.next);
        let own = self.map.invert(time);
        let piece = steer.piece(own);
        if piece.map == self.map {
            return Course::Run(piece.until);
        }
        let gap = piece.map.apply(own) - time;
        if gap.abs() * self.rate <= SMOOTH {
            self.map = piece.map;
            return Course::Run(piece.until);
        }
        if self.fresh {
            self.begin(self.feed.oldest(), steer);
            return Course::Again;
        }
        if let Some(from) = self.fade_from {
            let waits = self.content.is_some()
                && self
                    .tail
                    .as_ref()
                    .is_some_and(|tail| tail.from == grid.next);
            if waits {
                return Course::Step;
            }
            // A step within a fade waits for the fade's end.
            let left = (from + self.fade() as i64 - grid.next).max(1);
            return Course::Run(own + left as f64 / self.rate);
        }
        self.tail = Some(Tail {
            samples: self.buffer(),
            from: grid.next,
            content: own,
            whole: false,
        });
        Course::Step
    }

    /// Frames of a fade.
    fn fade(&self) -> usize {
        match self.kernel {
            Kernel::Sinc => (FADE * self.rate).round() as usize,
            Kernel::Linear => 0,
        }
    }

    /// Makes the old content's end, faded out. False: it waits for input.
    pub(super) fn capture(&mut self, grid: Grid, last: bool) -> bool {
        let Some(mut tail) = self.tail.take() else {
            return true;
        };
        if !tail.whole {
            let frames = self.fade();
            loop {
                let have = tail.samples.len() / self.channels;
                let own = self.map.invert(self.time_of(grid, tail.from + have as i64));
                let room = frames.saturating_sub(have);
                if room == 0 || self.run(own, f64::INFINITY, room, last, &mut tail.samples) == 0 {
                    break;
                }
            }
            if last {
                tail.samples.resize(frames * self.channels, 0.0);
            }
            tail.whole = tail.samples.len() >= frames * self.channels;
            if tail.whole {
                for (at, frame) in tail.samples.chunks_exact_mut(self.channels).enumerate() {
                    let gain = 1.0 - rise(at, frames);
                    frame.iter_mut().for_each(|sample| *sample *= gain);
                }
            }
        }
        let whole = tail.whole;
        self.tail = Some(tail);
        whole
    }

    /// Takes the new map. Where it leads forwards, the hole is filled.
    pub(super) fn change(&mut self, grid: Grid, steer: &mut Steer, out: &mut Vec<Chunk>) {
        let Some(tail) = self.tail.take() else { return };
        let at = self.time_of(grid, grid.next);
        self.map = steer.map_at(self.map.invert(at));
        // What was dropped meanwhile is gone.
        let content = tail.content.max(self.feed.oldest());
        let start = self.map.apply(content);
        let hole = ((start - at) * self.rate - ON).ceil().max(0.0) as i64;
        if hole > 0 {
            self.end_tail(&tail, hole, out);
            self.silence(grid.next.saturating_add(hole), out);
        }
        self.fade_from = Some(grid.next.saturating_add(hole));
        self.content = Some(tail.content);
        self.tail = Some(tail);
        self.discont = true;
    }

    /// Sends the rest of a tail, up to so many frames from its begin.
    pub(super) fn end_tail(&mut self, tail: &Tail, frames: i64, out: &mut Vec<Chunk>) {
        let Some(grid) = self.grid else { return };
        let skip = usize::try_from(grid.next - tail.from).unwrap_or(0);
        let count = usize::try_from(frames).unwrap_or(usize::MAX);
        let end = count.saturating_mul(self.channels).min(tail.samples.len());
        let Some(rest) = tail.samples.get(skip * self.channels..end) else {
            return;
        };
        if rest.is_empty() {
            return;
        }
        let mut samples = self.buffer();
        samples.extend_from_slice(rest);
        let made = (rest.len() / self.channels) as i64;
        self.send(
            self.time_of(grid, grid.next),
            tail.content,
            samples,
            false,
            out,
        );
        self.grid = Some(Grid {
            next: grid.next + made,
            ..grid
        });
    }

    /// Sends silence up to a frame of the grid; a hole that is too long stays open.
    fn silence(&mut self, until: i64, out: &mut Vec<Chunk>) {
        let Some(mut grid) = self.grid else { return };
        let most = (SILENCE * self.rate).min(MOST_SILENCE / self.channels as f64);
        let open = until.saturating_sub(grid.next) as f64 > most;
        while grid.next < until && !open {
            let frames = usize::try_from(until - grid.next)
                .unwrap_or(usize::MAX)
                .min(self.limit);
            let mut samples = self.buffer();
            samples.resize(frames * self.channels, 0.0);
            let time = self.time_of(grid, grid.next);
            self.send(time, self.map.invert(time), samples, true, out);
            grid.next += frames as i64;
        }
        grid.next = grid.next.max(until);
        self.grid = Some(grid);
    }

    /// Fades new content in, over the old content's end.
    pub(super) fn blend(&mut self, next: i64, made: usize, samples: &mut [f32]) {
        let Some(from) = self.fade_from else { return };
        let (channels, fade) = (self.channels, self.fade());
        let start = samples.len().saturating_sub(made * channels);
        let tail = self.tail.take().unwrap_or_default();
        let new = samples.get_mut(start..).unwrap_or_default();
        for (frame, at) in new.chunks_exact_mut(channels).zip(next..) {
            let gain = usize::try_from(at - from).map_or(0.0, |k| rise(k, fade));
            let old = usize::try_from(at - tail.from)
                .ok()
                .and_then(|k| tail.samples.get(k * channels..(k + 1) * channels))
                .unwrap_or_default();
            frame.iter_mut().for_each(|sample| *sample *= gain);
            frame.iter_mut().zip(old).for_each(|(new, old)| *new += old);
        }
        if next + made as i64 >= from + fade as i64 {
            self.fade_from = None;
            self.reuse(tail.samples);
        } else {
            self.tail = Some(tail);
        }
    }
}

/// The gain of a frame of a fade in: half a wave of a cosine. Its complement to 1 is that of the fade out.
fn rise(frame: usize, frames: usize) -> f32 {
    if frame >= frames {
        return 1.0;
    }
    let part = (frame as f64 + 0.5) / frames as f64;
    (0.5 - 0.5 * (std::f64::consts::PI * part).cos()) as f32
}
