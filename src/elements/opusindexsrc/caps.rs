//! Caps of a range: what `opusdec` and muxers are told of the stream.

use gst_pbutils::functions::codec_utils_opus_create_caps_from_header;
use gst_tag::prelude::*;

use crate::opus::{self, Attributes, Head, RATE};

/// The field that is another for each range. `opusdec` 1.22 keeps its state through a flush and makes a new decoder
/// where the caps change, so they have to.
const RANGE_FIELD: &str = "range-number";

/// Tags for a stream without a header of its own: no vendor, no comment (RFC 7845, 5.2).
const NO_TAGS: &[u8; 16] = b"OpusTags\0\0\0\0\0\0\0\0";

/// Header and tags of the stream that is read.
#[derive(Debug, Clone)]
pub(super) struct Headers {
    pub head: Head,
    tags: Vec<u8>,
}

impl Headers {
    /// # Errors
    /// Where the store's `OpusHead` can't be read.
    pub fn new(attributes: &Attributes) -> Result<Self, opus::Error> {
        let tags = attributes.opus_tags.as_slice();
        let tags = if tags.starts_with(b"OpusTags") {
            tags
        } else {
            NO_TAGS
        };
        Ok(Self {
            head: Head::parse(&attributes.opus_head)?,
            tags: tags.to_vec(),
        })
    }

    /// Caps of range number `number`, from whose first packet `clipped` samples are thrown away.
    ///
    /// The rate field of the header is 48 000, since `opusdec` decodes at it; its pre-skip is what is clipped, as far as
    /// its 16 bits go, for muxers, since they keep no clipping.
    pub fn caps(&self, number: u32, clipped: u64) -> Option<gst::Caps> {
        let head = Head {
            pre_skip: u16::try_from(clipped).unwrap_or(u16::MAX),
            input_rate: RATE,
            ..self.head.clone()
        };
        let header = |bytes: Vec<u8>| {
            let mut buffer = gst::Buffer::from_slice(bytes);
            buffer.get_mut()?.set_flags(gst::BufferFlags::HEADER);
            Some(buffer)
        };
        let (head, tags) = (header(head.to_bytes())?, header(self.tags.clone())?);
        let mut caps = codec_utils_opus_create_caps_from_header(&head, Some(&tags)).ok()?;
        caps.make_mut().set(RANGE_FIELD, number);
        Some(caps)
    }

    /// The comments as tags.
    pub fn tags(&self) -> gst::TagList {
        let parsed = gst::TagList::from_vorbiscomment(&self.tags, b"OpusTags");
        let mut tags = parsed.map_or_else(|_| gst::TagList::new(), |(tags, _)| tags);
        let list = tags.make_mut();
        list.set_scope(gst::TagScope::Stream);
        list.add::<gst::tags::AudioCodec>(&"Opus", gst::TagMergeMode::Replace);
        tags
    }
}
