//! The H4MK container, version 1 with its extensions: bytes in, records and requests out.
//!
//! Nothing here does I/O or knows GStreamer. [`Writer`] appends chunks to a buffer of the caller's,
//! [`Walk`] turns bytes at a position into records, [`Opener`], [`BackScan`] and [`Search`] say which
//! range of the file they want next. Push mode, pull mode, the command-line tool and the fuzzers all
//! share them.
//!
//! All integers of the format are little-endian; times in records are nanoseconds of stream running
//! time unless a name says `_ms`.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod block;
mod bytes;
pub mod chain;
pub mod chunk;
pub mod crc;
pub mod error;
pub mod index;
mod index_builder;
mod index_chain;
pub mod open;
pub mod recovery;
pub mod timing;
pub mod track;
pub mod walk;
pub mod writer;

pub use block::{Block, BlockMeta, Clipping, Kind, KindTracker, PayloadCheck};
pub use chain::{Chain, ChainBlock, ChainFinder};
pub use chunk::{ChunkHead, ChunkType, FileHeader};
pub use error::Error;
pub use index::{End, Entry, Index, IndexChunk, SeekTable};
pub use index_builder::{IndexBuilder, Indexed};
pub use open::{Finished, Opened, Opener};
pub use recovery::{BackScan, Search};
pub use timing::Timing;
pub use track::{Track, Tracks};
pub use walk::{Chunk, Cut, Record, Step, Walk};
pub use writer::{Sidecars, WriteError, Writer, WriterOptions};
