//! A result with all that makes a sample of it.

use std::sync::Arc;

use gst::glib::gstr;

use super::payload::{self, Sticky};
use super::textures::TextureHandle;
use crate::adapter::{Error, Published};

/// A result on its way. It becomes a sample when somebody takes it: many are only written, posted or dropped.
pub(super) struct Ready {
    pub(super) result: Published,
    pub(super) texture: Option<TextureHandle>,
    /// That of the stream.
    pub(super) sticky: Arc<Sticky>,
}

impl Ready {
    /// Its bytes.
    pub(super) fn bytes(&self) -> Result<&[u8], Error> {
        self.result.output.bytes()
    }

    pub(super) fn into_sample(self) -> gst::Sample {
        let result = self.result;
        let description = result.description.as_ref().map(ToString::to_string);
        let texture = self.texture.as_ref();
        let info = gst::Structure::builder("adaptersink")
            .field(gstr!("index"), result.index)
            .field(gstr!("blocks"), result.blocks)
            .field(gstr!("lost"), result.lost)
            .field_if_some(gstr!("description"), description.as_deref())
            .field_if_some(
                gstr!("texture-id"),
                texture.map(|held| held.texture().id().0),
            )
            .field_if_some(gstr!("texture"), texture)
            .build();
        let (mut buffer, said) = payload::into_buffer(result.output);
        let time = |time: Option<u64>| time.map(gst::ClockTime::from_nseconds);
        let (pts, duration) = (time(result.pts), time(result.duration));
        // One that was passed on untouched mostly says all this, and to change it may take a copy with all metas.
        if (buffer.pts(), buffer.duration(), buffer.offset()) != (pts, duration, result.index) {
            let buffer = buffer.make_mut();
            buffer.set_pts(pts);
            buffer.set_duration(duration);
            buffer.set_offset(result.index);
        }
        gst::Sample::builder()
            .buffer(&buffer)
            .caps(said.as_ref().unwrap_or(&self.sticky.caps))
            .segment_if_some(self.sticky.segment.as_deref())
            .info(info)
            .build()
    }

    /// What a message tells of it.
    pub(super) fn message(&self) -> gst::Structure {
        let result = &self.result;
        let description = result.description.as_ref().map(ToString::to_string);
        let caps = payload::caps(&result.output);
        gst::Structure::builder("adaptersink")
            .field("index", result.index)
            .field("pts", result.pts.map(gst::ClockTime::from_nseconds))
            .field(
                "duration",
                result.duration.map(gst::ClockTime::from_nseconds),
            )
            .field("blocks", result.blocks)
            .field("lost", result.lost)
            .field("size", result.output.size() as u64)
            .field("caps", caps.unwrap_or_else(|| self.sticky.caps.clone()))
            .field_if_some("description", description.as_deref())
            .build()
    }
}
