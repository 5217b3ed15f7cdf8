//! The source pad as a [`super::Mux`] sees it.

use gst::glib;
use gst::prelude::*;

use super::Slot;

/// Why a muxer can't go on.
#[derive(Debug)]
pub enum Fault {
    /// Downstream's answer.
    Flow(gst::FlowError),
    /// The stream of a pad, or the file as a whole, can't be muxed.
    Mux {
        /// The pad, which the error message then names.
        slot: Option<Slot>,
        /// What was found and what would have been right.
        reason: String,
    },
}

impl From<gst::FlowError> for Fault {
    fn from(flow: gst::FlowError) -> Self {
        Self::Flow(flow)
    }
}

/// A buffer of bytes that go out at this position.
pub fn buffer_at(bytes: Vec<u8>, at: u64, flags: gst::BufferFlags) -> gst::Buffer {
    let end = at + bytes.len() as u64;
    let mut buffer = gst::Buffer::from_slice(bytes);
    let writable = buffer.make_mut();
    writable.set_offset(at);
    writable.set_offset_end(end);
    writable.set_flags(flags);
    buffer
}

/// Where a muxer puts what it makes.
#[derive(Debug)]
pub struct Output {
    pad: gst::Pad,
    /// True when upstream is live: then nothing is held back.
    pub live: bool,
    begun: bool,
    group_id: Option<gst::GroupId>,
}

impl Output {
    pub(in crate::elements) fn new(pad: gst::Pad) -> Self {
        Self {
            pad,
            live: false,
            begun: false,
            group_id: None,
        }
    }

    pub(super) fn set_group_id(&mut self, group_id: Option<gst::GroupId>) {
        self.group_id = group_id.or(self.group_id);
    }

    /// Caps of the stream: at the start stream-start, caps and a BYTES segment, later new caps.
    pub fn caps(&mut self, caps: &gst::Caps) {
        if !self.begun {
            // Made of many streams: there is no one upstream id to derive it from.
            let id = format!(
                "harmony-{:08x}{:08x}",
                glib::random_int(),
                glib::random_int()
            );
            let group_id = self.group_id.unwrap_or_else(gst::GroupId::next);
            self.event(
                gst::event::StreamStart::builder(&id)
                    .group_id(group_id)
                    .build(),
            );
        }
        self.event(gst::event::Caps::new(caps));
        if !self.begun {
            let segment = gst::FormattedSegment::<gst::format::Bytes>::new();
            self.event(gst::event::Segment::new(&segment));
            self.begun = true;
        }
    }

    /// Whether downstream takes bytes in the place of others that it has got.
    pub fn can_seek(&self) -> bool {
        let mut query = gst::query::Seeking::new(gst::Format::Bytes);
        self.pad.peer_query(&mut query) && query.result().0
    }

    /// What is pushed next lies at this byte of the stream.
    pub fn seek(&self, position: u64) {
        let mut segment = gst::FormattedSegment::<gst::format::Bytes>::new();
        segment.set_start(gst::format::Bytes::from_u64(position));
        segment.set_time(gst::format::Bytes::from_u64(position));
        self.event(gst::event::Segment::new(&segment));
    }

    /// Sends an event downstream. What becomes of it is told by the next push.
    pub fn event(&self, event: gst::Event) {
        let _ = self.pad.push_event(event);
    }

    /// Pushes buffers, more than one as a list.
    ///
    /// # Errors
    /// Downstream's answer.
    pub fn push(&self, list: gst::BufferList) -> Result<(), Fault> {
        self.pad.push_list(list)?;
        Ok(())
    }

    /// Pushes one buffer.
    ///
    /// # Errors
    /// Downstream's answer.
    pub fn push_buffer(&self, buffer: gst::Buffer) -> Result<(), Fault> {
        self.pad.push(buffer)?;
        Ok(())
    }
}
