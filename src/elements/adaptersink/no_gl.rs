//! The plugin without OpenGL.

use std::sync::Arc;

use gst::prelude::*;

use crate::adapter::TextureUploader;

/// Nothing is known of OpenGL.
#[derive(Debug, Default)]
pub(super) struct OpenGl;

impl OpenGl {
    pub(super) fn set(&self, _sink: &impl IsA<gst::Element>, _context: &gst::Context) {}

    pub(super) fn answer(
        &self,
        _sink: &impl IsA<gst::Element>,
        _query: &mut gst::query::Context,
    ) -> bool {
        false
    }

    pub(super) fn propose(_query: &mut gst::query::Allocation) {}

    pub(super) fn forget(&self) {}
}

/// # Errors
/// There is none.
pub(super) fn uploader(_gl: &Arc<OpenGl>) -> Result<Box<dyn TextureUploader>, String> {
    Err("found gl, expected none or null: the plugin was built without the feature gl".to_owned())
}
