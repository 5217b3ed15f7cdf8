//! GStreamer elements for containers, indexing and alignment, and the pure cores behind them.
pub mod h4mk;
