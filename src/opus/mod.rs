//! Opus packets and the index of a store of them: where each packet is, and which samples it holds.
//!
//! Nothing here does I/O or knows GStreamer. [`Packet`] reads a packet's table of contents (RFC 6716, 3), [`Head`] the
//! header of a stream (RFC 7845, 5.1). A [`Row`] is a packet's place, a [`Gap`] what is missing, [`Attributes`]
//! are what a store says of itself. [`Plan`] says which packets give a range of samples, and what of each is kept.
//!
//! All times are samples at 48 kHz, the rate at which Opus counts. The *time line* of a store begins at the first decoded
//! sample, those of the pre-skip included; a *PCM sample* counts from the end of the pre-skip.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod attributes;
pub mod error;
pub mod head;
pub mod index;
pub mod layout;
pub mod lookup;
pub mod packet;
pub mod plan;
pub mod stream;

pub use attributes::{Attributes, PreSkipSource};
pub use error::Error;
pub use head::{Head, Mapping};
pub use index::{Gap, Row};
pub use packet::{Mode, Packet, Toc, samples};
pub use plan::{Clip, Plan, Preroll};
pub use stream::{Start, Stream};

/// Samples a second of all counts.
pub const RATE: u32 = 48_000;
/// Most samples of a packet: 120 ms (RFC 6716, 3.2.5, R5).
pub const MOST_SAMPLES: u32 = 5760;
