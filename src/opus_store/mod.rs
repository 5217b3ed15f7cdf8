//! A store of Opus packets on disk: Zarr arrays of packets and index, and the sound of any range of samples.
//!
//! The layout is that of [`crate::opus::layout`] and [`crate::opus::Attributes`]; Python reads it with zarr, dask and
//! xarray as it is.

pub mod arrays;
pub mod certify;
pub mod check;
pub mod decoder;
pub mod error;
pub mod extract;
pub mod files;
mod pages;
pub mod reader;
pub mod rebuild;
mod table;
pub mod writer;

pub use arrays::{Compression, ZarrFormat};
pub use decoder::{Decoder, Refusal};
pub use error::StoreError;
pub use extract::{Certainty, Extraction, Pcm, Sample};
pub use reader::{Found, Info, OpusStore, Packets};
pub use writer::{Options, StoreWriter, Summary};
