//! A result with all that makes a sample of it.

use super::payload;
use super::textures::TextureHandle;
use crate::adapter::{Error, Published};

/// A result on its way. It becomes a sample when somebody takes it: many are only written, posted or dropped.
pub(super) struct Ready {
    pub(super) result: Published,
    pub(super) texture: Option<TextureHandle>,
    pub(super) segment: Option<gst::Segment>,
    /// Those of the stream.
    pub(super) caps: gst::Caps,
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
            .field("index", result.index)
            .field("blocks", result.blocks)
            .field("lost", result.lost)
            .field_if_some("description", description.as_deref())
            .field_if_some("texture-id", texture.map(|held| held.texture().id().0))
            .field_if_some("texture", texture)
            .build();
        let (mut buffer, said) = payload::into_buffer(result.output);
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(result.pts.map(gst::ClockTime::from_nseconds));
            buffer.set_duration(result.duration.map(gst::ClockTime::from_nseconds));
            buffer.set_offset(result.index);
        }
        gst::Sample::builder()
            .buffer(&buffer)
            .caps(said.as_ref().unwrap_or(&self.caps))
            .segment_if_some(self.segment.as_ref())
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
            .field("caps", caps.unwrap_or_else(|| self.caps.clone()))
            .field_if_some("description", description.as_deref())
            .build()
    }
}
