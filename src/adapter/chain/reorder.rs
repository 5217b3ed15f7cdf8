//! From the order of decoding to the order of time.

use super::group::Made;
use crate::adapter::{Block, Kind};

/// Holds results until no earlier one can follow.
#[derive(Debug, Default)]
pub(super) struct Reorder {
    held: Vec<Made>,
    /// The highest PTS since the key block, for streams without DTS.
    highest: Option<u64>,
    dts: Option<u64>,
}

impl Reorder {
    /// Adds to `due` what can go out now that `block` is the next to be decoded, in order of PTS.
    ///
    /// With DTS these are the results up to it, for nothing is shown before it is decoded. Without DTS all that lie
    /// before a block which is later than each before it: blocks between the two follow. A key block sends out everything, for
    /// what is shown before it is later than the group before.
    pub(super) fn advance(&mut self, block: &Block, due: &mut Vec<Made>) {
        self.dts = block.dts;
        if block.kind == Kind::I {
            self.highest = block.pts;
            return self.all(due);
        }
        if let Some(dts) = block.dts {
            return self.up_to(dts, due);
        }
        let (Some(pts), highest) = (block.pts, self.highest) else {
            return self.all(due);
        };
        if highest.is_none_or(|highest| pts > highest) {
            self.highest = Some(pts);
            if let Some(highest) = highest {
                self.up_to(highest, due);
            }
        }
    }

    /// Holds the result of the block that came last, or adds it to `due` with those that can go out with it.
    pub(super) fn add(&mut self, made: Made, due: &mut Vec<Made>) {
        let (pts, dts) = (made.span.pts, self.dts);
        // Without blocks that are shown before others nothing is ever held.
        if self.held.is_empty() && pts.is_none_or(|pts| dts.is_some_and(|dts| pts <= dts)) {
            return due.push(made);
        }
        self.held.push(made);
        match (pts, dts) {
            (None, _) => self.all(due),
            (Some(_), Some(dts)) => self.up_to(dts, due),
            (Some(_), None) => {}
        }
    }

    /// Adds everything to `due`, in order of PTS.
    pub(super) fn all(&mut self, due: &mut Vec<Made>) {
        self.held.sort_by_key(|made| made.span.pts);
        due.append(&mut self.held);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn up_to(&mut self, time: u64, due: &mut Vec<Made>) {
        let is_due = |made: &Made| made.span.pts.is_none_or(|pts| pts <= time);
        if self.held.iter().all(is_due) {
            return self.all(due);
        }
        let before = due.len();
        due.extend(self.held.extract_if(.., |made| is_due(made)));
        if let Some(added) = due.get_mut(before..) {
            added.sort_by_key(|made| made.span.pts);
        }
    }
}
