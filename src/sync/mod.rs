//! How streams lie on one time line, measured from what is in them.
//!
//! Nothing here does I/O or knows GStreamer. Streams leave *markers*: mono audio at 16 kHz in a [`Window`], and [`Event`]s,
//! instants known to lie in an interval (a flash, a clap, a step of a sensor). Two streams' markers give an [`Affine`] map
//! from a stream's own time to its reference's.
//!
//! All times are seconds in `f64`, which tells nanoseconds apart for months; a drift is a plain ratio (200 ppm = 2e-4).
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod affine;
pub mod audio;
pub mod clock;
pub mod dtw;
pub mod line;
pub mod markers;
pub mod offline;
pub mod output;
pub mod picture;
pub mod sensor;
pub mod settings;
pub mod state;

pub use affine::Affine;
pub use line::{Placed, SampleLine};
pub use markers::{Event, Snapshot, Window};
pub use settings::Settings;
pub use state::{Factors, Measure, State};

/// Samples a second of the mono audio that is compared.
pub const RATE: f64 = 16_000.0;
