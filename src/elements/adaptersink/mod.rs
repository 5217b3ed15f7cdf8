/**
 * SECTION:element-adaptersink
 * @title: adaptersink
 * @short_description: Hands blocks and frames to a model, a texture or the application
 * @see_also: h4mkdemux, appsink
 *
 * `adaptersink` gives the blocks of a stream to an adapter, which turns them into results and never sees the
 * container. It knows which block builds on which: a key block makes a state, deltas take it on, a delta without
 * its key block waits for the next. Results wait in a bounded queue until the application pulls them.
 *
 * Adapters are written in Rust (`gstharmony::adapter::register`), or as handlers of signals in Python, C and whatever else
 * has GObject introspection (`adapter=signals`).
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=50 ! x264enc key-int-max=10 ! adaptersink post-messages=true
 * ]| Posts a message for each group of pictures.
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=50 ! video/x-raw,width=320,height=240 ! adaptersink frame-format=RGB location=frames.rgb
 * ]| Writes frames to a file.
 */
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::adapter::TextureUploader;

mod caps;
mod engine;
mod frames;
#[cfg(feature = "gl")]
mod gl;
#[cfg(not(feature = "gl"))]
#[path = "no_gl.rs"]
mod gl;
mod imp;
mod input;
mod pad;
mod payload;
mod publish;
mod ready;
mod runner;
mod settings;
mod signals;
mod state;
mod textures;
mod times;
mod vfuncs;

pub use publish::Callbacks;
pub use settings::{FrameFormat, Full, Mode, OnError, Phases, Uploader, Window};
pub use textures::TextureHandle;

/// The instance struct, as the base class hands it over.
type Instance = <imp::AdapterSinkImp as ObjectSubclass>::Instance;

glib::wrapper! {
    /// The sink element.
    pub struct AdapterSink(ObjectSubclass<imp::AdapterSinkImp>)
        @extends gst_base::BaseSink, gst::Element, gst::Object;
}

impl AdapterSink {
    /// Sets what is called for outputs, in place of what was set before.
    pub fn set_callbacks(&self, callbacks: Callbacks) {
        self.imp().publisher.set_callbacks(callbacks);
    }

    /// Sets what puts frames into textures, from the next start on and for good, in place of the property `uploader`.
    pub fn set_uploader(&self, uploader: Box<dyn TextureUploader>) {
        self.imp().set_uploader(uploader);
    }

    /// Takes an output, or waits for one. `None`: the stream has ended, or the element has stopped.
    #[must_use]
    pub fn pull_output(&self) -> Option<gst::Sample> {
        self.imp().publisher.pull(None)
    }

    /// Takes an output, waiting for it no longer than `timeout`.
    #[must_use]
    pub fn try_pull_output(&self, timeout: Duration) -> Option<gst::Sample> {
        self.imp().publisher.pull(Some(timeout))
    }
}

/// Registers the element.
///
/// # Errors
/// When GStreamer refuses the registration.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "adaptersink",
        gst::Rank::NONE,
        AdapterSink::static_type(),
    )
}
