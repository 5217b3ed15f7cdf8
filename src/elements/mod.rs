//! The GStreamer elements.

use gst::glib;

/// `adaptersink`.
pub mod adaptersink;
pub mod collector;
/// `fmp4remux`.
pub mod fmp4remux;
/// `h4mkdemux`.
pub mod h4mkdemux;
/// `h4mkmux`.
pub mod h4mkmux;
/// `opusindexer`.
pub mod opusindexer;
/// `opusindexsrc`.
pub mod opusindexsrc;
/// `syncaligner`.
pub mod syncaligner;
mod time;

/// Registers every element with the plugin.
///
/// # Errors
/// When GStreamer refuses a registration.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    h4mkmux::register(plugin)?;
    h4mkdemux::register(plugin)?;
    fmp4remux::register(plugin)?;
    opusindexer::register(plugin)?;
    opusindexsrc::register(plugin)?;
    syncaligner::register(plugin)?;
    adaptersink::register(plugin)
}
