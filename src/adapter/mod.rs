//! Blocks and frames into models and textures: adapters, and what drives them.
//!
//! Nothing here does I/O or knows GStreamer. An [`Adapter`] turns [`Block`]s into [`Output`]s and never sees the container;
//! a [`Chain`] gives it key blocks, deltas and blocks from both directions as its rules want them; a [`queue::Queue`] keeps a bounded number
//! of outputs for whoever takes them. [`register`] makes an adapter known by a name.
//!
//! All times are nanoseconds of the stream's own time line, as its buffers have them.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod block;
pub mod chain;
pub mod convert;
pub mod dsp;
pub mod error;
pub mod model;
pub mod null;
pub mod output;
pub mod queue;
pub mod registry;
pub mod stats;
pub mod texture;
mod timing;

pub use crate::h4mk::Kind;
pub use block::{Block, Bytes, Payload};
pub use chain::{Chain, OutputMode};
pub use dsp::Dsp;
pub use error::Error;
pub use model::{Adapter, AnyAdapter, BMode, Stream};
pub use output::{Data, Output, Published};
pub use queue::{Overflow, Queue};
pub use registry::{create, names, register};
pub use stats::Stats;
pub use texture::{Frame, NullUploader, Texture, TextureId, TextureUploader, Textures, Uploads};
