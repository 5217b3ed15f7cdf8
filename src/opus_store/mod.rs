//! A store of Opus packets on disk: Zarr arrays of packets and index, and the sound of any range of samples.
//!
//! The layout is that of [`crate::opus::layout`] and [`crate::opus::Attributes`]; Python reads it with zarr, dask and
//! xarray as it is.

pub mod error;

pub use error::StoreError;
