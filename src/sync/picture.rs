//! Flashes in pictures, and the instants they begin at.
//!
//! Every eighth row of the luma is looked at, in blocks. A flash is a rise from one frame to the next, of the whole picture
//! or of one place (an LED in a corner), far beyond what is usual there; where things move, what rises stands beside what
//! falls, and is none. A cut to a brighter scene is taken for a flash: between two cameras it is as good as one.
//!
//! **A frame's timestamp is when the exposure of its first row begins.** Row y of height H is exposed from
//! `timestamp + y / H * readout` on, for `exposure`. How much of its exposure a row has had light for tells when the light
//! came on.

mod grid;
mod onset;

use std::collections::VecDeque;

use crate::sync::Event;
pub use grid::{Depth, Luma};
use grid::{Frame, Layout};
use onset::Shutter;

/// Frames further apart than this have nothing to say of each other, in seconds.
const APART: f64 = 1.0;
/// After a flash none is told for so long, in seconds: its light still grows.
const QUIET: f64 = 0.15;
/// The share of each frame in what is usual.
const USUAL: f32 = 0.1;
/// What is usual is at least this, in steps of luma: of a place, and of the picture.
const LEAST: (f32, f32) = (1.0, 0.3);
/// A flash rises at least so far, in steps of luma: a place, and the picture.
const RISE: (f32, f32) = (16.0, 3.0);
/// And so many times what is usual.
const FAR: f32 = 8.0;
/// The share of a place's rise that its neighbours may fall by.
const FALL: f32 = 0.25;
/// Frames that are held: two before the one that rises, and one behind it.
const HELD: usize = 4;

/// Finds flashes in frames of one size.
#[derive(Clone, Debug)]
pub struct Picture {
    layout: Layout,
    shutter: Option<Shutter>,
    frames: VecDeque<Frame>,
    /// What is usual: of each cell, and of the picture.
    usual: Vec<f32>,
    usual_all: f32,
    quiet_until: f64,
    risen: Option<Risen>,
}

/// A rise from the last but one frame to the last.
#[derive(Clone, Copy, Debug)]
struct Risen {
    strength: f32,
    /// The cell, if it is one place; by row and column.
    cell: Option<(usize, usize)>,
}

impl Picture {
    /// For frames of this size in pixels; `exposure` and `readout` (first row to last, 0 where all rows are exposed at
    /// once) in seconds, where they are known. Without an exposure an event lies anywhere between the frame before and
    /// the end of its own.
    #[must_use]
    pub fn new(width: usize, height: usize, exposure: Option<f64>, readout: f64) -> Self {
        let layout = Layout::new(width, height);
        Self {
            usual: vec![0.0; layout.cells()],
            layout,
            shutter: exposure
                .filter(|e| (0.0..1.0).contains(e))
                .map(|exposure| Shutter {
                    exposure: exposure.max(1e-6),
                    readout: if (0.0..1.0).contains(&readout) {
                        readout
                    } else {
                        0.0
                    },
                }),
            frames: VecDeque::with_capacity(HELD),
            usual_all: 0.0,
            quiet_until: f64::NEG_INFINITY,
            risen: None,
        }
    }

    /// Takes the frame of this timestamp and duration, in seconds on the stream's own line, and returns the flash that is
    /// certain by now: with a declared exposure it is told a frame late. A frame whose luma is cut short, or of no finite
    /// timestamp, is ignored; one that is not after the last begins anew.
    pub fn push(&mut self, pts: f64, duration: f64, luma: &Luma<'_>) -> Vec<Event> {
        let mut found = Vec::new();
        if !pts.is_finite() {
            return found;
        }
        let follows = |last: &Frame| pts > last.pts && pts - last.pts <= APART;
        if !self.frames.back().is_none_or(follows) {
            found.extend(self.finish());
            self.frames.clear();
        }
        let spare = if self.frames.len() == HELD {
            self.frames.pop_front()
        } else {
            None
        };
        let Some(frame) = self.layout.sample(pts, duration, luma, spare) else {
            return found;
        };
        self.frames.push_back(frame);
        if let Some(risen) = self.risen.take() {
            found.extend(self.locate(risen, true));
        }
        self.risen = self.compare();
        if let Some(risen) = self.risen {
            self.quiet_until = pts + QUIET;
            if self.shutter.is_none() {
                self.risen = None;
                found.extend(self.locate(risen, false));
            }
        }
        found
    }

    /// Returns what waits for a frame, at the end of the stream.
    pub fn finish(&mut self) -> Option<Event> {
        let risen = self.risen.take()?;
        self.locate(risen, false)
    }

    /// How the last frame rose over the one before.
    fn compare(&mut self) -> Option<Risen> {
        let (last, before) = {
            let mut back = self.frames.iter().rev();
            (back.next()?, back.next()?)
        };
        let rises = self.layout.rises(before, last);
        let all = rises.iter().sum::<f32>() / rises.len().max(1) as f32;
        let mut sorted = rises.clone();
        let middle = sorted.len() / 2;
        let median = if sorted.is_empty() {
            0.0
        } else {
            *sorted.select_nth_unstable_by(middle, f32::total_cmp).1
        };
        let whole = all / self.usual_all.max(LEAST.1);
        let mut best = (0.0, None);
        for (index, (rise, usual)) in rises.iter().zip(&self.usual).enumerate() {
            // Where light goes out, what stays does not rise.
            let rise = (rise - median).min(*rise);
            let far = rise / usual.max(LEAST.0);
            if far > best.0 && rise >= RISE.0 && far >= FAR {
                let cell = self.layout.cell(index);
                if self.layout.moves(&rises, cell, median) < FALL {
                    best = (far, Some(cell));
                }
            }
        }
        let flash = if all >= RISE.1 && whole >= FAR {
            Some(Risen {
                strength: whole,
                cell: None,
            })
        } else {
            best.1.map(|cell| Risen {
                strength: best.0,
                cell: Some(cell),
            })
        };
        let quiet = last.pts < self.quiet_until;
        for (usual, rise) in self.usual.iter_mut().zip(&rises) {
            *usual = follow(*usual, *rise, LEAST.0);
        }
        self.usual_all = follow(self.usual_all, all, LEAST.1);
        flash.filter(|_| !quiet)
    }

    /// When the light of a rise came on. `behind`: there is a frame behind the one that rose.
    fn locate(&self, risen: Risen, behind: bool) -> Option<Event> {
        let frames: Vec<&Frame> = self.frames.iter().collect();
        let (frames, after) = match (behind, frames.as_slice()) {
            (true, [rest @ .., after]) => (rest, Some(*after)),
            (_, all) => (all, None),
        };
        let [earlier @ .., before, here] = frames else {
            return None;
        };
        let rows = self.layout.rows_of(risen.cell);
        let interval = self.shutter.and_then(|shutter| {
            let base = earlier.last().unwrap_or(before);
            shutter.interval(&self.layout, rows, base, before, here, after)
        });
        let (earliest, latest) = interval.unwrap_or((before.pts, here.pts + here.lasts(before)));
        Some(Event {
            earliest,
            latest,
            strength: risen.strength,
        })
    }
}

/// What is usual, one frame later; a flash itself hardly counts.
fn follow(usual: f32, rise: f32, least: f32) -> f32 {
    let most = 5.0 * usual.max(least);
    usual + USUAL * (rise.abs().min(most) - usual)
}

#[cfg(test)]
mod tests;
