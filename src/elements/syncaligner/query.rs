//! Queries of both sides. Those of caps pass through by the pads' flags.

use super::shared::Shared;
use super::stream::Stream;

/// As many buffers more than downstream asks for are held here.
const HELD: u32 = 4;

impl Stream {
    pub fn src_query(&self, shared: &Shared, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Latency(query) = query.view_mut() {
            shared.latency.answer(shared, query);
            return true;
        }
        match shared.element() {
            Some(element) => gst::Pad::query_default(pad, Some(&element), query),
            None => false,
        }
    }

    pub fn sink_query(&self, shared: &Shared, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let Some(element) = shared.element() else {
            return false;
        };
        let holds = !shared.measures_only();
        if holds && query.type_() == gst::QueryType::Drain {
            self.wait_until_empty(shared);
        }
        if !gst::Pad::query_default(pad, Some(&element), query) {
            return false;
        }
        if let gst::QueryViewMut::Allocation(query) = query.view_mut()
            && holds
        {
            free_pools(query);
        }
        true
    }

    /// Sleeps until everything that came has gone out. Of media that wait for a first lock no more will come: nobody waits
    /// for more of this stream.
    fn wait_until_empty(&self, shared: &Shared) {
        loop {
            let held = self.is_held(shared);
            let queue = self.queue();
            let has_media = queue.oldest().is_some();
            if queue.flow.is_err() || !queue.is_busy() && (queue.is_empty() || held && !has_media) {
                return;
            }
            if held && has_media {
                drop(queue);
                shared.gate.wait_open(shared, self.id);
            } else {
                drop(self.sleep(queue));
            }
        }
    }
}

/// Upstream fills pools of its own: those of downstream have no buffers for what is held here.
fn free_pools(query: &mut gst::query::Allocation) {
    let pools: Vec<_> = query
        .allocation_pools()
        .map(|(_, size, min, _)| (size, min))
        .collect();
    for (at, (size, min)) in pools.into_iter().enumerate() {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let min = min.saturating_add(HELD);
        query.set_nth_allocation_pool(at, gst::BufferPool::NONE, size, min, 0);
    }
}
