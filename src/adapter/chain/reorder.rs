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
    /// What can go out now that `block` is the next to be decoded, in order of PTS.
    ///
    /// With DTS these are the results up to it, for nothing is shown before it is decoded. Without DTS all that lie
    /// before a block which is later than each before it: blocks between the two follow. A key block sends out everything, for
    /// what is shown before it is later than the group before.
    pub(super) fn advance(&mut self, block: &Block) -> Vec<Made> {
        self.dts = block.dts;
        if block.kind == Kind::I {
            self.highest = block.pts;
            return self.all();
        }
        if let Some(dts) = block.dts {
            return self.up_to(dts);
        }
        let (Some(pts), highest) = (block.pts, self.highest) else {
            return self.all();
        };
        if highest.is_some_and(|highest| pts <= highest) {
            return Vec::new();
        }
        self.highest = Some(pts);
        highest.map_or_else(Vec::new, |highest| self.up_to(highest))
    }

    /// Holds the result of the block that came last, or gives it back with those that can go out with it.
    pub(super) fn add(&mut self, made: Made) -> Vec<Made> {
        let pts = made.span.pts;
        self.held.push(made);
        match (pts, self.dts) {
            (None, _) => self.all(),
            (Some(_), Some(dts)) => self.up_to(dts),
            (Some(_), None) => Vec::new(),
        }
    }

    /// Everything, in order of PTS.
    pub(super) fn all(&mut self) -> Vec<Made> {
        let mut held = std::mem::take(&mut self.held);
        held.sort_by_key(|made| made.span.pts);
        held
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn up_to(&mut self, time: u64) -> Vec<Made> {
        let (mut due, later) = std::mem::take(&mut self.held)
            .into_iter()
            .partition::<Vec<_>, _>(|made| made.span.pts.is_none_or(|pts| pts <= time));
        self.held = later;
        due.sort_by_key(|made| made.span.pts);
        due
    }
}
