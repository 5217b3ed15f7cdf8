//! Files of many gigabytes whose large buffers are holes on the disk.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

/// A buffer of so many bytes is a hole but for its first [`KEPT`].
const LARGE: usize = 1 << 20;
/// Bytes of a large buffer that are written.
const KEPT: usize = 16;

/// Has `sink`, a `filesink`, leave out what large buffers hold: it seeks over them. The file reads back as zeros
/// there, so buffers should be of zeros past their first 16 bytes.
pub fn sparse(sink: &gst::Element) {
    let pad = sink.static_pad("sink").expect("a sink has one");
    let position = Arc::new(Mutex::new(0));
    let mask = gst::PadProbeType::BUFFER
        | gst::PadProbeType::BUFFER_LIST
        | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(mask, move |pad, info| {
        match &info.data {
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Segment(e) = event.view()
                    && let Some(bytes) = e.segment().downcast_ref::<gst::format::Bytes>()
                {
                    let start = bytes.start().map_or(0, |b| *b);
                    *position.lock().expect("no test thread panics") = start;
                }
                gst::PadProbeReturn::Ok
            }
            Some(gst::PadProbeData::Buffer(buffer)) => {
                if buffer.size() < LARGE {
                    *position.lock().expect("no test thread panics") += buffer.size() as u64;
                    return gst::PadProbeReturn::Ok;
                }
                hole(pad, buffer, &position)
            }
            Some(gst::PadProbeData::BufferList(list)) => {
                // Each comes by here again, alone.
                for buffer in list.iter_owned() {
                    if let Err(error) = pad.chain(buffer) {
                        panic!("the sink takes what is left: {error}");
                    }
                }
                gst::PadProbeReturn::Handled
            }
            _ => gst::PadProbeReturn::Ok,
        }
    });
}

/// Writes the begin of a buffer and seeks to its end.
fn hole(pad: &gst::Pad, buffer: &gst::Buffer, position: &Mutex<u64>) -> gst::PadProbeReturn {
    let begin = buffer
        .copy_region(gst::BufferCopyFlags::MEMORY, 0..KEPT)
        .expect("a region of the buffer");
    let end = *position.lock().expect("no test thread panics") + buffer.size() as u64;
    pad.chain(begin).expect("the sink takes the begin");
    let mut segment = gst::FormattedSegment::<gst::format::Bytes>::new();
    segment.set_start(gst::format::Bytes::from_u64(end));
    assert!(
        pad.send_event(gst::event::Segment::new(&segment)),
        "the sink seeks"
    );
    gst::PadProbeReturn::Handled
}
