//! Puts version and release date into the plugin description.
fn main() {
    gst_plugin_version_helper::info();
}
