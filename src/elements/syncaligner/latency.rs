//! Latency of live input: upstream's, what the user adds, and what a stream that is too late needs beyond it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use gst::prelude::*;

use super::analysis::Id;
use super::shared::Shared;
use super::stream::{Stream, lock};
use crate::elements::time::nanoseconds;

/// What is added for late streams comes in steps of so many nanoseconds, so that drift does not ask for more each second.
const STEP: u64 = 20_000_000;

#[derive(Default)]
pub(super) struct Latency(Mutex<State>);

#[derive(Default)]
struct State {
    /// Latency of the live streams' upstream, in nanoseconds.
    upstream: BTreeMap<Id, i64>,
    /// The pipeline's, in nanoseconds: so much after their time media are taken by sinks.
    configured: i64,
    /// What streams need that are later than the user allowed for, in nanoseconds. It never shrinks while streams flow:
    /// each change disturbs every sink.
    extra: u64,
}

/// What upstream of a pad says: live, least and most latency.
fn peer_latency(pad: &gst::Pad) -> Option<(bool, gst::ClockTime, Option<gst::ClockTime>)> {
    let mut query = gst::query::Latency::new();
    pad.peer_query(&mut query).then(|| query.result())
}

impl Latency {
    pub fn reset(&self) {
        *lock(&self.0) = State::default();
    }

    /// Asks what upstream of a stream says. True where it is live.
    pub fn ask(&self, stream: &Stream) -> bool {
        let answer = peer_latency(stream.sink.upcast_ref());
        let mut state = lock(&self.0);
        match answer {
            Some((true, min, _)) => state.upstream.insert(stream.id, nanoseconds(min)),
            _ => state.upstream.remove(&stream.id),
        };
        state.upstream.contains_key(&stream.id)
    }

    /// A stream is gone.
    pub fn forget(&self, id: Id) {
        lock(&self.0).upstream.remove(&id);
    }

    /// A sink was told the latency of the pipeline.
    pub fn configure(&self, latency: gst::ClockTime) {
        lock(&self.0).configured = nanoseconds(latency);
    }

    /// The latency of the pipeline in nanoseconds, as far as a sink was told.
    pub fn configured(&self) -> i64 {
        lock(&self.0).configured
    }

    /// Upstream's latency in nanoseconds, where it is live.
    pub fn of(&self, id: Id) -> Option<i64> {
        lock(&self.0).upstream.get(&id).copied()
    }

    /// Answers a LATENCY query: the slowest upstream's, and ours. Only measuring takes no time.
    pub fn answer(&self, shared: &Shared, query: &mut gst::query::Latency) {
        let (mut live, mut min, mut max) = (false, gst::ClockTime::ZERO, gst::ClockTime::NONE);
        for stream in shared.streams() {
            let answer = peer_latency(stream.sink.upcast_ref());
            let mut state = lock(&self.0);
            if let Some((true, pad_min, pad_max)) = answer {
                state.upstream.insert(stream.id, nanoseconds(pad_min));
                live = true;
                min = min.max(pad_min);
                max = max.into_iter().chain(pad_max).min();
            }
        }
        let own = shared
            .settings()
            .latency_ns
            .saturating_add(lock(&self.0).extra);
        let own = match live && !shared.measures_only() {
            true => gst::ClockTime::from_nseconds(own.min(i64::MAX.unsigned_abs())),
            false => gst::ClockTime::ZERO,
        };
        let max = max.map(|max| max.saturating_add(own));
        query.set(live, min.saturating_add(own), max);
    }

    /// A map has changed: a stream that is later than what is allowed for delays the others.
    pub fn adapt(&self, shared: &Shared) {
        if shared.measures_only() {
            return;
        }
        let settings = shared.settings();
        let (latency, most) = (settings.latency_ns, settings.max_delay_ns);
        drop(settings);
        let late = |stream: &Stream| {
            self.of(stream.id)?;
            let at = stream.stats().position();
            let shift = shared.known(stream).map.shift(at) * 1e9;
            // Saturates.
            Some((-shift).max(0.0) as u64)
        };
        let streams = shared.streams();
        let latest = streams.iter().filter_map(|s| late(s)).max().unwrap_or(0);
        // What is later than media may be held can't be waited for.
        let latest = latest.min(most);
        let needed = latest
            .saturating_sub(latency)
            .div_ceil(STEP)
            .saturating_mul(STEP);
        let mut state = lock(&self.0);
        if needed <= state.extra {
            return;
        }
        state.extra = needed;
        drop(state);
        self.tell(shared);
    }

    /// Our part has changed.
    pub fn tell(&self, shared: &Shared) {
        if let Some(element) = shared.element() {
            let message = gst::message::Latency::builder().src(&element).build();
            // Without a bus nobody computes latency.
            let _ = element.post_message(message);
        }
    }
}
