//! What happened so far, in numbers.

use std::time::Duration;

use super::Kind;

/// Counts since the stream began.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Blocks that arrived.
    pub received: u64,
    /// Key blocks among them.
    pub i: u64,
    /// Blocks of kind P among them.
    pub p: u64,
    /// Blocks of kind B among them.
    pub b: u64,
    /// Blocks that the adapter took.
    pub decoded: u64,
    /// Outputs that were published.
    pub rendered: u64,
    /// Blocks that were left out because the key block before them is missing or they came too late, and outputs that
    /// found the queue full.
    pub dropped: u64,
    /// Blocks that came too late.
    pub late: u64,
    /// Blocks that are missing in the stream.
    pub lost: u64,
    /// Blocks that the adapter refused.
    pub corrupt: u64,
    /// Time that the adapter took for `timed` blocks.
    pub busy: Duration,
    /// Blocks that `busy` is of. Where they take little only a sample is timed, and each of it stands for several.
    pub timed: u64,
}

impl Stats {
    /// Counts a block that arrived.
    pub fn receive(&mut self, kind: Kind) {
        self.received += 1;
        match kind {
            Kind::I => self.i += 1,
            Kind::P => self.p += 1,
            Kind::B => self.b += 1,
        }
    }

    /// Mean time that the adapter took for a block, in nanoseconds; 0 before the first.
    #[must_use]
    pub fn mean_decode_ns(&self) -> u64 {
        let mean = self.busy.as_nanos() / u128::from(self.timed.max(1));
        u64::try_from(mean).unwrap_or(u64::MAX)
    }
}
