//! A key block with the blocks that build on it, and what is made of them.

use crate::adapter::model::AnyState;
use crate::adapter::{Block, Output};

/// The stretch of time that blocks cover.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) pts: Option<u64>,
    pub(super) end: Option<u64>,
    pub(super) blocks: u64,
}

impl Span {
    pub(super) fn of(block: &Block) -> Self {
        Self {
            pts: block.pts,
            end: block.end(),
            blocks: 1,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        // The earliest of those that are known.
        self.pts = match (self.pts, other.pts) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.end = self.end.max(other.end);
        self.blocks += other.blocks;
    }

    pub(super) fn duration(self) -> Option<u64> {
        let length = self.end?.checked_sub(self.pts?)?;
        (length > 0).then_some(length)
    }
}

/// A key block's state and what has been applied to it.
pub(super) struct Group {
    pub(super) state: AnyState,
    /// What the next result is of.
    pub(super) span: Span,
    /// The state holds results of blocks that nobody wants.
    pub(super) stale: bool,
    /// A block could not be applied: what follows would build on nothing.
    pub(super) broken: bool,
}

impl Group {
    pub(super) fn new(state: AnyState, block: &Block, wanted: bool) -> Self {
        let mut group = Self {
            state,
            span: Span::default(),
            stale: false,
            broken: false,
        };
        group.note(block, wanted);
        group
    }

    /// A block was applied.
    pub(super) fn note(&mut self, block: &Block, wanted: bool) {
        if wanted {
            self.span.add(Span::of(block));
        } else {
            self.stale = true;
        }
    }
}

/// A result before it has its number.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) output: Output,
    pub(super) span: Span,
    pub(super) lost: u64,
    /// In a place of its own: results change hands often.
    pub(super) description: Option<Box<serde_json::Value>>,
}
