//! Blocks that the base class would drop: what lies before the segment is decoded, since others build on it.

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::AdapterSink;

/// Puts the probe on the sink pad.
pub(super) fn install(sink: &AdapterSink) {
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    let weak = sink.downgrade();
    sink.sink_pad().add_probe(kinds, move |pad, info| {
        let Some(sink) = weak.upgrade() else {
            return gst::PadProbeReturn::Ok;
        };
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => match sink.imp().outside(buffer) {
                Ok(false) => return gst::PadProbeReturn::Ok,
                Ok(true) => info.flow_res = Ok(gst::FlowSuccess::Ok),
                Err(error) => info.flow_res = Err(error),
            },
            // One by one: those in the segment have to be done with before those that follow them.
            Some(gst::PadProbeData::BufferList(list)) => {
                let list = list.clone();
                let mut buffers = list.iter_owned();
                let flow = buffers.try_for_each(|buffer| pad.chain(buffer).map(|_| ()));
                info.flow_res = flow.map(|()| gst::FlowSuccess::Ok);
            }
            _ => return gst::PadProbeReturn::Ok,
        }
        info.data = None;
        gst::PadProbeReturn::Handled
    });
}
