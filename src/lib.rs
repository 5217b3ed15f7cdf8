//! GStreamer elements for containers, indexing and alignment, and the pure cores behind them.
//!
//! The cores ([`adapter`], [`h4mk`], [`isobmff`], [`opus`], [`sample_table`], [`sync`]) know nothing of GStreamer; the elements (feature
//! `plugin`, on by default) are thin layers over them. An application that links this crate calls
//! [`plugin_register_static`] after `gst::init`.

pub mod adapter;
pub mod h4mk;
pub mod isobmff;
pub mod opus;
pub mod sample_table;
pub mod sync;

#[cfg(feature = "opus-store")]
pub mod opus_store;

#[cfg(feature = "plugin")]
pub mod caps;
#[cfg(feature = "plugin")]
pub mod elements;
#[cfg(feature = "plugin")]
pub mod meta;
#[cfg(feature = "plugin")]
pub mod opus_caps;
#[cfg(feature = "plugin")]
pub mod tags;
#[cfg(feature = "plugin")]
pub mod text;

#[cfg(feature = "plugin")]
pub use plugin::{plugin_desc, plugin_register_static};

/// The plugin's description, and its registration.
#[cfg(feature = "plugin")]
#[allow(missing_docs)] // the macro writes items without them
mod plugin {
    use super::elements::register;

    gst::plugin_define!(
        harmony,
        env!("CARGO_PKG_DESCRIPTION"),
        register,
        concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
        "MPL-2.0",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_REPOSITORY"),
        env!("BUILD_REL_DATE")
    );
}
