//! How streams are put onto the reference's line once they are measured.
//!
//! [`Steer`] holds the map that is applied and how it gives way to a new one; [`Warp`] carries samples along it, [`Frames`]
//! pictures. All three keep their output's times from running backwards.

mod feed;
pub mod frames;
mod linear;
mod sinc;
pub mod steer;
pub mod warp;

pub use frames::{Frames, Verdict};
pub use steer::{Piece, Steer, Step};
pub use warp::{Chunk, Counts, Kernel, MOST_CHANNELS, MOST_RATE, Warp};
