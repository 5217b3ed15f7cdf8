//! Caps and buffers that go out.

use super::published::Fragment;
use crate::elements::collector::buffer_at;
use crate::isobmff::fragment::{EMPTY_SIZE, Payload};
use crate::isobmff::model::Variant;
use crate::meta;

/// Caps of the output, with the init segment where there is one.
pub(super) fn caps(variant: Variant, init: Option<&gst::Buffer>) -> gst::Caps {
    let variant = match variant {
        Variant::Fragmented => "iso-fragmented",
        Variant::Cmaf => "cmaf",
        Variant::Progressive => "iso",
    };
    let caps = gst::Caps::builder("video/quicktime").field("variant", variant);
    match init {
        Some(init) => caps
            .field("streamheader", gst::Array::new([init.clone()]))
            .build(),
        None => caps.build(),
    }
}

/// The buffers of a fragment: its boxes, then its samples as they came.
pub(super) fn fragment(
    header: Vec<u8>,
    payloads: Vec<Payload<gst::Buffer>>,
    written: &Fragment,
) -> gst::BufferList {
    let delta = gst::BufferFlags::DELTA_UNIT;
    let mut flags = gst::BufferFlags::HEADER;
    if written.is_chunk || !written.starts_with_key {
        flags |= delta;
    }
    if written.discontinuity {
        flags |= gst::BufferFlags::DISCONT;
    }
    let mut head = buffer_at(header, written.offset, flags);
    let mut offset = head.offset_end();
    let times = head.make_mut();
    times.set_pts(gst::ClockTime::from_nseconds(written.start_ns));
    times.set_dts(gst::ClockTime::from_nseconds(written.start_ns));
    times.set_duration(gst::ClockTime::from_nseconds(written.duration_ns));
    let mut list = gst::BufferList::new_sized(payloads.len() + 1);
    if let Some(list) = list.get_mut() {
        list.add(head);
        let samples = payloads.into_iter().map(|(_, payload)| payload);
        let mut pieces = samples
            .flat_map(|sample| pieces(sample.unwrap_or_else(empty_text)))
            .peekable();
        while let Some(mut piece) = pieces.next() {
            let end = offset + piece.size() as u64;
            let writable = piece.make_mut();
            writable.set_offset(offset);
            writable.set_offset_end(end);
            let last = pieces.peek().is_none();
            let marker = if last {
                gst::BufferFlags::MARKER
            } else {
                gst::BufferFlags::empty()
            };
            meta::replace_flags(writable, delta | marker);
            offset = end;
            list.add(piece);
        }
    }
    list
}

/// A sample as buffers of one memory each. GStreamer 1.22's `filesink` writes 1024 memories at once and loses some of
/// a buffer whose memories do not all fall into one write.
pub(super) fn pieces(sample: gst::Buffer) -> impl Iterator<Item = gst::Buffer> {
    let (whole, divided) = if sample.n_memory() > 1 {
        (None, Some(sample))
    } else {
        (Some(sample), None)
    };
    let divided = divided.into_iter().flat_map(|sample| {
        (0..sample.n_memory()).filter_map(move |place| {
            let mut piece = gst::Buffer::new();
            let writable = piece.make_mut();
            writable.append_memory(sample.memory(place)?);
            writable.set_pts(sample.pts());
            writable.set_dts(sample.dts());
            writable.set_flags(sample.flags());
            Some(piece)
        })
    });
    whole.into_iter().chain(divided)
}

/// A sample that shows no text.
fn empty_text() -> gst::Buffer {
    gst::Buffer::from_slice([0; EMPTY_SIZE as usize])
}
