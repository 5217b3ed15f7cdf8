//! Puts version and release date into the plugin description, and finds libopus.
fn main() {
    gst_plugin_version_helper::info();
    #[cfg(feature = "opus-store")]
    if let Err(error) = pkg_config::Config::new()
        .atleast_version("1.3")
        .probe("opus")
    {
        println!("cargo::error=libopus 1.3 or later is needed (Debian: libopus-dev): {error}");
    }
}
