//! Events and queries of both sides.

use gst::prelude::*;

use super::flow::admit;
use super::queue::Entry;
use super::{Collector, Mux, Slot, lock};
use crate::caps;

type Answer = Result<gst::FlowSuccess, gst::FlowError>;

impl<M: Mux> Collector<M> {
    pub(super) fn sink_event(
        &self,
        element: &gst::Element,
        pad: &gst::Pad,
        slot: Slot,
        event: gst::Event,
    ) -> Answer {
        use gst::EventView;
        match event.view() {
            EventView::FlushStart(_) => self.flush_start(slot),
            EventView::FlushStop(_) => self.flush_stop(element, slot),
            EventView::StreamStart(e) => {
                let sparse = e.stream_flags().contains(gst::StreamFlags::SPARSE);
                self.stream_start(slot, sparse, e.group_id())
            }
            EventView::Caps(e) => {
                let caps = e.caps_owned();
                let sparse = caps::is_sparse(&caps);
                self.enqueue(element, slot, Entry::Caps(caps), sparse)
            }
            EventView::Tag(e) => self.enqueue(element, slot, Entry::Tags(e.tag_owned()), false),
            EventView::Segment(e) => {
                let patient = lock(&self.state).patient;
                self.change(element, slot, |pad| pad.set_segment(e.segment(), patient))
            }
            EventView::Gap(e) => {
                let (start, duration) = e.get();
                let timeline = lock(&self.state).timeline;
                self.change(element, slot, |pad| pad.gap(start, duration, timeline))
            }
            EventView::Eos(_) => self.change(element, slot, |pad| pad.ended = true),
            EventView::Toc(_)
            | EventView::CustomDownstream(_)
            | EventView::CustomDownstreamSticky(_) => {
                self.enqueue(element, slot, Entry::Event(event), false)
            }
            EventView::CustomDownstreamOob(_) => {
                // A change of links in between means that there is nobody to tell.
                let _ = pad.iterate_internal_links().foreach(|src| {
                    src.push_event(event.clone());
                });
                Ok(gst::FlowSuccess::Ok)
            }
            // Of one stream each: they mean nothing for the file.
            _ => Ok(gst::FlowSuccess::Ok),
        }
    }

    fn flush_start(&self, slot: Slot) -> Answer {
        if let Some(pad) = lock(&self.state).pad(slot) {
            pad.flushing = true;
            pad.wake();
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn flush_stop(&self, element: &gst::Element, slot: Slot) -> Answer {
        let mut state = lock(&self.state);
        if let Some(pad) = state.pad(slot) {
            pad.flush();
        }
        // Caps and tags that were behind blocks are at the head now.
        state.events_pending = true;
        if state.flow == Err(gst::FlowError::Flushing) {
            state.flow = Ok(gst::FlowSuccess::Ok);
        }
        drop(self.write(element, state, Some(slot)));
        Ok(gst::FlowSuccess::Ok)
    }

    fn stream_start(&self, slot: Slot, sparse: bool, group_id: Option<gst::GroupId>) -> Answer {
        let mut state = lock(&self.state);
        state.group_id = state.group_id.or(group_id);
        if let Some(pad) = state.pad(slot) {
            pad.sparse |= sparse;
            pad.ended &= pad.released;
            pad.told &= pad.ended;
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// Puts something behind the pad's blocks.
    fn enqueue(&self, element: &gst::Element, slot: Slot, entry: Entry, sparse: bool) -> Answer {
        let mut state = lock(&self.state);
        admit(&mut state, slot)?;
        if let Some(pad) = state.pad(slot) {
            pad.has_caps |= matches!(entry, Entry::Caps(_));
            pad.sparse |= sparse;
            pad.queue.push_event(entry);
        }
        state.events_pending = true;
        self.write(element, state, Some(slot)).flow
    }

    /// Changes what is known of a pad, which may make blocks of others ready.
    fn change(
        &self,
        element: &gst::Element,
        slot: Slot,
        change: impl FnOnce(&mut super::pads::PadState),
    ) -> Answer {
        let mut state = lock(&self.state);
        admit(&mut state, slot)?;
        let mut ended = false;
        if let Some(pad) = state.pad(slot) {
            change(pad);
            ended = pad.ended;
        }
        // Where nothing waits in its queue, no block of it brings the news.
        state.events_pending |= ended;
        // EOS of the last pad makes the file end well: that is no flow to give back.
        let state = self.write(element, state, Some(slot));
        match state.flow {
            Err(flow) => Err(flow),
            Ok(_) => Ok(gst::FlowSuccess::Ok),
        }
    }

    pub(super) fn src_event(
        &self,
        element: &gst::Element,
        pad: &gst::Pad,
        event: gst::Event,
    ) -> bool {
        match event.view() {
            // One pass over live or running inputs: there is nothing to go back to.
            gst::EventView::Seek(_) => false,
            // A slow sink must not make encoders drop what is to be recorded.
            gst::EventView::Qos(_) => true,
            _ => gst::Pad::event_default(pad, Some(element), event),
        }
    }

    pub(super) fn src_query(
        &self,
        element: &gst::Element,
        pad: &gst::Pad,
        query: &mut gst::QueryRef,
    ) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Latency(query) => self.latency_query(query),
            gst::QueryViewMut::Seeking(query) => {
                let format = query.format();
                query.set(
                    false,
                    gst::GenericFormattedValue::new(format, 0),
                    gst::GenericFormattedValue::none_for_format(format),
                );
                true
            }
            _ => gst::Pad::query_default(pad, Some(element), query),
        }
    }
}
