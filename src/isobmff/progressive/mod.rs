//! Progressive files: all samples in the tables of one `moov`, before the media or behind them.
//!
//! [`TablesBuilder`] turns the samples of a track, as they are placed in the file, into the rows of its `stbl`;
//! [`Interleaver`] decides in which order tracks take turns where no order is given; [`TrackSpan`] gives the edit list;
//! [`reserve`] is about room for `moov` at the start. [`KnownTrack`] and
//! [`plan()`] are for samples that are all known beforehand, [`MediaStream`] for those that are placed as they come.

mod builder;
mod edits;
mod exact;
mod interleave;
mod plan;
pub mod reserve;
mod stream;

pub use builder::{ChunkLimits, TablesBuilder};
pub use edits::{TrackSpan, is_plain};
pub use exact::KnownTrack;
pub use interleave::{Chunk, Interleaver, Item};
pub use plan::{PlannedTrack, plan};
pub use stream::{MediaBox, MediaStream, PlaceError, StreamOptions};

/// What a progressive file can't hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgressiveError {
    /// More of something than the count of its box has room for.
    #[error("{what}: found more than 4294967295 in a track, expected at most that many")]
    TooMany {
        /// What is counted.
        what: &'static str,
    },
    /// The room that was reserved for `moov` is too small.
    #[error(
        "moov needs {needed} bytes, expected at most the {reserved} that are reserved at the start"
    )]
    Reserve {
        /// Bytes of `moov`, and of the `free` box behind it where its size asks for one.
        needed: u64,
        /// Bytes at hand.
        reserved: u64,
    },
    /// Sizes or offsets past 64 bits.
    #[error("{what}: found a position past 2^64 bytes")]
    TooLarge {
        /// What is there.
        what: &'static str,
    },
}
