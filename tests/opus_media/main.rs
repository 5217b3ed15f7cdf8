//! The store of Opus packets as others see it: files of real encoders and muxers against an independent walk, ffprobe,
//! libopusfile, zarr, dask and xarray.

#[path = "../common/mod.rs"]
mod common;

mod chained;
mod core;
mod decoders;
mod exact;
mod indexed;
mod killed;
mod media;
mod python;
mod refused;
mod untouched;
mod walked;
