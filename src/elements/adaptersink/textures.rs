//! Frames in textures, and how applications hold them.

use std::sync::Arc;

use gst::glib;
use gst_video::VideoInfo;

use crate::adapter::{self, Error, Frame, Output, Texture};

/// A texture that a sample holds in the field `texture` of its info: it goes back when the last copy goes.
#[derive(Debug, Clone, glib::Boxed)]
#[boxed_type(name = "GstAdapterSinkTexture")]
pub struct TextureHandle(Arc<Texture>);

impl TextureHandle {
    /// The texture.
    #[must_use]
    pub fn texture(&self) -> &Texture {
        &self.0
    }
}

/// Puts outputs into textures.
pub(super) struct Textures {
    pool: Arc<adapter::Textures>,
    /// Caps that were read last, and what they say.
    known: Option<(gst::Caps, VideoInfo)>,
}

impl Textures {
    pub(super) fn new(pool: Arc<adapter::Textures>) -> Self {
        Self { pool, known: None }
    }

    /// The texture with the frame of an output, whose caps are these unless it says otherwise.
    pub(super) fn upload(
        &mut self,
        output: Output,
        caps: &gst::Caps,
    ) -> Result<(Output, TextureHandle), Error> {
        let said = output.caps.as_deref().and_then(|caps| caps.parse().ok());
        let info = self.info(said.as_ref().unwrap_or(caps))?;
        let caps = output.caps.clone();
        let payload = output.into_payload();
        let frame = Frame {
            width: info.width(),
            height: info.height(),
            format: info.format().to_str(),
            payload: &payload,
        };
        let texture = self.pool.upload(&frame)?;
        let data = adapter::Data::Passed(payload);
        Ok((Output { data, caps }, TextureHandle(Arc::new(texture))))
    }

    fn info(&mut self, caps: &gst::Caps) -> Result<VideoInfo, Error> {
        if let Some((known, info)) = &self.known
            && known == caps
        {
            return Ok(info.clone());
        }
        let info = VideoInfo::from_caps(caps).map_err(|_| {
            Error::Stream(format!(
                "uploader: found an output of {caps}, expected video/x-raw"
            ))
        })?;
        self.known = Some((caps.clone(), info.clone()));
        Ok(info)
    }
}
