//! Textures that elements of OpenGL made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst_gl::prelude::*;
use gst_gl::{GLContext, GLDisplay, GLMemory, GLMemoryRef, GLSyncMeta, GLTextureTarget};
use gst_video::{VideoFormat, VideoInfo};

use super::payload;
use crate::adapter::{Error, Frame, TextureId, TextureUploader};

/// How the textures that are taken come to be.
const EXPECTED: &str = "expected memory:GLMemory in one texture of target 2D, as from \
    glupload ! glcolorconvert ! video/x-raw(memory:GLMemory),format=RGBA,texture-target=2D";

/// What the sink knows of OpenGL, and tells elements upstream: they share their textures only on one display.
#[derive(Debug, Default)]
pub(super) struct OpenGl(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    display: Option<GLDisplay>,
    /// The application's.
    application: Option<GLContext>,
    /// The one in which the last texture was made.
    upstream: Option<GLContext>,
}

impl OpenGl {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the display or the context that the application or an element beside sets.
    pub(super) fn set(&self, sink: &impl IsA<gst::Element>, context: &gst::Context) {
        let (display, application) = gst_gl::functions::gl_handle_set_context(sink, context);
        let mut known = self.known();
        if display.is_some() {
            known.display = display;
        }
        if application.is_some() {
            known.application = application;
        }
    }

    /// Answers an element upstream that looks for a display or a context. False: it is to look elsewhere.
    pub(super) fn answer(
        &self,
        sink: &impl IsA<gst::Element>,
        query: &mut gst::query::Context,
    ) -> bool {
        let known = self.known();
        let (display, upstream, application) = (
            known.display.clone(),
            known.upstream.clone(),
            known.application.clone(),
        );
        drop(known);
        gst_gl::functions::gl_handle_context_query(
            sink,
            query,
            display.as_ref(),
            upstream.as_ref(),
            application.as_ref(),
        )
    }

    /// Asks for points in the stream of commands at which a texture is complete: an application that draws in a context of its own
    /// waits for them.
    pub(super) fn propose(query: &mut gst::query::Allocation) {
        let (caps, _) = query.get();
        let is_gl = caps
            .and_then(|caps| caps.features(0))
            .is_some_and(|features| features.contains(gst_gl::CAPS_FEATURE_MEMORY_GL_MEMORY));
        if is_gl {
            query.add_allocation_meta::<GLSyncMeta>(None);
        }
    }

    /// The stream is over.
    pub(super) fn forget(&self) {
        self.known().upstream = None;
    }
}

/// A texture in use, held by each buffer that brought it.
#[derive(Debug)]
struct Held {
    size: (u32, u32),
    buffers: Vec<gst::Buffer>,
}

/// Takes textures as elements upstream made them, and holds their buffers until they are released.
#[derive(Debug, Default)]
struct GlUploader {
    gl: Arc<OpenGl>,
    /// Names of textures have a meaning in contexts that share with this one.
    context: Option<GLContext>,
    held: HashMap<TextureId, Held>,
}

/// Takes textures from elements upstream.
///
/// # Errors
/// Only without OpenGL.
pub(super) fn uploader(gl: &Arc<OpenGl>) -> Result<Box<dyn TextureUploader>, String> {
    Ok(Box::new(GlUploader {
        gl: gl.clone(),
        ..GlUploader::default()
    }))
}

impl GlUploader {
    /// Names of this context are those of the textures that are held.
    fn enter(&mut self, context: &GLContext) -> Result<(), Error> {
        let is_known = |known: &GLContext| known == context || known.can_share(context);
        if self.held.is_empty() {
            self.context = Some(context.clone());
        } else if !self.context.as_ref().is_some_and(is_known) {
            return Err(Error::Texture(format!(
                "found a frame of another OpenGL context, expected one that shares with that of {} textures in use",
                self.held.len()
            )));
        }
        self.gl.known().upstream = Some(context.clone());
        Ok(())
    }
}

impl TextureUploader for GlUploader {
    fn upload(&mut self, frame: &Frame<'_>, _: Option<TextureId>) -> Result<TextureId, Error> {
        let buffer = payload::of_buffer(frame.payload)
            .map(payload::BufferPayload::buffer)
            .ok_or_else(|| Error::Stream(format!("found bytes of an adapter, {EXPECTED}")))?;
        let memory = only_texture(buffer)?;
        let context = memory.context();
        self.enter(context)?;
        if let Some(sync) = buffer.meta::<GLSyncMeta>() {
            sync.wait(context);
        }
        complete(buffer, frame)?;
        let size = |length| u32::try_from(length).unwrap_or(0);
        let id = TextureId(u64::from(memory.texture_id()));
        let held = self.held.entry(id).or_insert_with(|| Held {
            size: (size(memory.texture_width()), size(memory.texture_height())),
            buffers: Vec::new(),
        });
        held.buffers.push(buffer.clone());
        Ok(id)
    }

    fn release(&mut self, id: TextureId) {
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        held.buffers.pop();
        if held.buffers.is_empty() {
            self.held.remove(&id);
        }
        if self.held.is_empty() {
            self.context = None;
        }
    }

    fn size(&self, id: TextureId) -> Option<(u32, u32)> {
        self.held.get(&id).map(|held| held.size)
    }

    /// They belong to pools of elements upstream, which wait for them.
    fn reuses(&self) -> bool {
        false
    }
}

/// The texture of a buffer.
fn only_texture(buffer: &gst::BufferRef) -> Result<&GLMemoryRef, Error> {
    let found = |what: String| Error::Stream(format!("found {what}, {EXPECTED}"));
    let textures = buffer.n_memory();
    if textures == 0 {
        return Err(found("a buffer without memory".to_owned()));
    }
    let memory = buffer.peek_memory(0);
    let Some(texture) = memory.downcast_memory_ref::<GLMemory>() else {
        let kind = memory
            .allocator()
            .map_or("unknown", |allocator| allocator.memory_type().as_str());
        return Err(found(format!("memory of type {kind}")));
    };
    if textures > 1 {
        return Err(found(format!("{textures} textures")));
    }
    match texture.texture_target() {
        GLTextureTarget::_2d => Ok(texture),
        other => Err(found(format!("a texture of target {other:?}"))),
    }
}

/// Has what the processor wrote into the texture's memory brought into the texture.
fn complete(buffer: &gst::BufferRef, frame: &Frame<'_>) -> Result<(), Error> {
    let info = VideoInfo::builder(
        VideoFormat::from_string(frame.format),
        frame.width,
        frame.height,
    )
    .build()
    .map_err(|_| {
        Error::Stream(format!(
            "found the format {}, expected one of GstVideoFormat",
            frame.format
        ))
    })?;
    gst_gl::GLVideoFrameRef::from_buffer_ref_readable(buffer, &info)
        .map(drop)
        .map_err(|error| Error::Texture(format!("found one that can't be mapped: {error}")))
}
