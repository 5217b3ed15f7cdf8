//! The GStreamer elements.

use gst::glib;

/// `h4mkdemux`.
pub mod h4mkdemux;

/// Registers every element with the plugin.
///
/// # Errors
/// When GStreamer refuses a registration.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    h4mkdemux::register(plugin)
}
