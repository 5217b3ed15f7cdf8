//! Buffers as the adapters' core sees them.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use crate::adapter::{Bytes, Data, Error, Output, Payload};

/// What the sticky events before a buffer say, which many buffers share.
#[derive(Debug)]
pub(super) struct Sticky {
    pub(super) caps: gst::Caps,
    pub(super) segment: Option<Arc<gst::Segment>>,
}

/// A buffer, with what makes it a sample.
#[derive(Debug)]
pub(super) struct BufferPayload {
    buffer: gst::Buffer,
    pub(super) sticky: Arc<Sticky>,
    /// Its memory, once somebody has read it. In a place of its own: most payloads are passed on unread.
    map: OnceLock<Option<Box<gst::MappedBuffer<gst::buffer::Readable>>>>,
}

impl BufferPayload {
    pub(super) fn new(buffer: gst::Buffer, sticky: Arc<Sticky>) -> Self {
        Self {
            buffer,
            sticky,
            map: OnceLock::new(),
        }
    }

    /// The buffer, wherever its memory is.
    pub(super) fn buffer(&self) -> &gst::Buffer {
        &self.buffer
    }

    pub(super) fn sample(&self) -> gst::Sample {
        let Sticky { caps, segment } = &*self.sticky;
        let sample = gst::Sample::builder().buffer(&self.buffer).caps(caps);
        sample.segment_if_some(segment.as_deref()).build()
    }

    fn unreadable(&self) -> Error {
        Error::Memory(format!(
            "found a buffer of {} bytes that can't be mapped, expected one that can be read",
            self.buffer.size()
        ))
    }
}

impl Payload for BufferPayload {
    fn bytes(&self) -> Result<&[u8], Error> {
        let map = self.map.get_or_init(|| {
            let mapped = self.buffer.clone().into_mapped_buffer_readable();
            mapped.ok().map(Box::new)
        });
        let map = map.as_ref().ok_or_else(|| self.unreadable())?;
        Ok(map.as_slice())
    }

    fn append_to(&self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        let map = self.buffer.map_readable();
        bytes.extend_from_slice(map.map_err(|_| self.unreadable())?.as_slice());
        Ok(())
    }

    fn size(&self) -> usize {
        self.buffer.size()
    }
}

/// A sample that an application made.
#[derive(Debug)]
pub(super) struct SamplePayload {
    pub(super) caps: Option<gst::Caps>,
    inner: BufferPayload,
}

impl SamplePayload {
    /// Nothing where the sample has no buffer.
    pub(super) fn new(sample: &gst::SampleRef) -> Option<Self> {
        let buffer = sample.buffer_owned()?;
        let caps = sample.caps_owned();
        let sticky = Sticky {
            caps: gst::Caps::new_empty(),
            segment: None,
        };
        let inner = BufferPayload::new(buffer, Arc::new(sticky));
        Some(Self { caps, inner })
    }
}

impl Payload for SamplePayload {
    fn bytes(&self) -> Result<&[u8], Error> {
        self.inner.bytes()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

/// The payload as the type that it is.
fn as_type<T: 'static>(payload: &Arc<dyn Payload>) -> Option<&T> {
    let any: &dyn Any = payload.as_ref();
    any.downcast_ref()
}

/// The payload of a block, which this element made from a buffer.
pub(super) fn of_buffer(payload: &Arc<dyn Payload>) -> Option<&BufferPayload> {
    as_type(payload)
}

/// The caps of an output, where it or its payload says them.
pub(super) fn caps(output: &Output) -> Option<gst::Caps> {
    if let Some(said) = &output.caps {
        return said.parse().ok();
    }
    let Data::Passed(payload) = &output.data else {
        return None;
    };
    match as_type::<BufferPayload>(payload) {
        Some(payload) => Some(payload.sticky.caps.clone()),
        None => as_type::<SamplePayload>(payload)?.caps.clone(),
    }
}

/// The buffer of an output, and its caps where it says them. It is to be copied before it is changed where others have it too.
pub(super) fn into_buffer(output: Output) -> (gst::Buffer, Option<gst::Caps>) {
    let said = caps(&output);
    let buffer = match output.data {
        Data::Made(bytes) => gst::Buffer::from_mut_slice(bytes),
        Data::Passed(payload) => {
            let known = as_type(&payload);
            let known = known.or_else(|| as_type(&payload).map(|p: &SamplePayload| &p.inner));
            match known.map(|known: &BufferPayload| known.buffer.clone()) {
                Some(buffer) => buffer,
                None => made(payload),
            }
        }
    };
    (buffer, said)
}

/// A buffer of bytes that no buffer held, which are moved where nobody else has them.
fn made(payload: Arc<dyn Payload>) -> gst::Buffer {
    if as_type::<Bytes>(&payload).is_none() {
        return gst::Buffer::from_slice(Shared(payload));
    }
    let any: Arc<dyn Any + Send + Sync> = payload;
    let bytes = any.downcast::<Bytes>().map(Arc::unwrap_or_clone);
    gst::Buffer::from_mut_slice(bytes.map(|bytes| bytes.0).unwrap_or_default())
}

/// Bytes of a payload that somebody else made.
struct Shared(Arc<dyn Payload>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes().unwrap_or_default()
    }
}
