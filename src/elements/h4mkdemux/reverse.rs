//! Playing backwards: key group by key group, each of them forwards.

/// The group that is being delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reverse {
    /// PTS of its key block, nanoseconds.
    pub group_start: i64,
    /// PTS of the key block after it, or the end of the segment.
    pub group_end: i64,
}

impl Reverse {
    /// True when nothing before this group lies inside a segment that begins at `start`.
    pub fn is_first(&self, start: i64) -> bool {
        self.group_start <= start
    }
}
