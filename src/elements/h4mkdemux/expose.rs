//! Making source pads from tracks, and telling the application of them.

use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::{CAT, H4mkDemux};
use super::state::{State, clock_time};
use super::stream::{Stream, template_name, track_caps};
use crate::h4mk::{Track, Tracks};

impl H4mkDemux {
    /// A new source pad for a track, named by its kind and its place among the tracks of that kind.
    fn make_pad(&self, state: &State, track: &Track) -> Option<gst::Pad> {
        let template = self.obj().pad_template(template_name(track))?;
        let same = |s: &&Stream| template_name(&s.track) == template_name(track);
        let number = state.streams.iter().filter(same).count();
        // A track whose kind changed keeps the name that it had.
        let is_taken = |name: &String| state.streams.iter().any(|s| s.pad.name() == *name);
        let name = (number..)
            .map(|number| template_name(track).replace("%u", &number.to_string()))
            .find(|name| !is_taken(name))?;
        let pad = gst::Pad::builder_from_template(&template)
            .name(name)
            .event_function(|pad, parent, event| {
                H4mkDemux::catch_panic_pad_function(
                    parent,
                    || false,
                    |demux| demux.src_event(pad, event),
                )
            })
            .query_function(|pad, parent, query| {
                H4mkDemux::catch_panic_pad_function(
                    parent,
                    || false,
                    |demux| demux.src_query(pad, query),
                )
            })
            .build();
        Some(pad)
    }

    /// Takes a TRAK over: new tracks get pads, known ones their new caps and tags.
    pub(super) fn apply_tracks(&self, tracks: &Arc<Tracks>) {
        let expose = self.settings().expose;
        let mut new = Vec::new();
        {
            let mut state = self.state();
            state.tracks = tracks.clone();
            for track in &tracks.0 {
                if let Some(at) = state.stream_index(track.track_id) {
                    if let Some(stream) = state.streams.get_mut(at) {
                        stream.update(track, expose);
                    }
                    continue;
                }
                let (caps, blocks, trouble) = track_caps(track, expose);
                if let Some(trouble) = trouble {
                    gst::element_imp_warning!(
                        self,
                        gst::StreamError::Demux,
                        ["Track {} plays as blocks: {trouble}", track.track_id]
                    );
                }
                let Some(pad) = self.make_pad(&state, track) else {
                    continue;
                };
                let stream = Stream::new(&self.obj(), pad.clone(), track, caps, blocks);
                state.combiner.add_pad(&pad);
                state.streams.push(stream);
                new.push(pad);
            }
        }
        if !new.is_empty() {
            self.add_pads(&new);
        }
    }

    /// Adds pads with their first events, then tells of the new collection.
    fn add_pads(&self, pads: &[gst::Pad]) {
        let (collection, starts) = self.first_events();
        for (pad, events) in starts.into_iter().filter(|(pad, _)| pads.contains(pad)) {
            // Activating a pad that was just made can't fail.
            let _ = pad.set_active(true);
            for event in events {
                // Stored on the pad, as nothing is linked yet.
                let _ = pad.store_sticky_event(&event);
            }
            if let Err(error) = self.obj().add_pad(&pad) {
                gst::warning!(CAT, imp = self, "Pad {} not added: {error}", pad.name());
            }
        }
        let message = gst::message::StreamCollection::builder(&collection).src(&*self.obj());
        let _ = self.obj().post_message(message.build());
        let late = self.state().exposed;
        for pad in self.pads() {
            // A pad that nothing is linked to yet keeps the event.
            let _ = pad.push_event(gst::event::StreamCollection::new(&collection));
        }
        if late {
            self.obj().no_more_pads();
        }
    }

    pub(super) fn pads(&self) -> Vec<gst::Pad> {
        let state = self.state();
        state.streams.iter().map(|s| (*s.pad).clone()).collect()
    }

    /// The collection of all streams, and for each pad its stream-start and caps.
    fn first_events(&self) -> (gst::StreamCollection, Vec<(gst::Pad, Vec<gst::Event>)>) {
        let upstream = self.upstream_group();
        let mut state = self.state();
        let group = *state
            .group_id
            .get_or_insert_with(|| upstream.unwrap_or_else(gst::GroupId::next));
        let mut collection = gst::StreamCollection::builder(None);
        let mut starts = Vec::new();
        for stream in &state.streams {
            collection = collection.stream(stream.stream.clone());
            let id = stream.stream.stream_id().unwrap_or_default();
            let start = gst::event::StreamStart::builder(&id)
                .group_id(group)
                .flags(stream.stream.stream_flags())
                .stream(stream.stream.clone())
                .build();
            let caps = gst::event::Caps::new(&stream.caps);
            starts.push(((*stream.pad).clone(), vec![start, caps]));
        }
        (collection.build(), starts)
    }

    fn upstream_group(&self) -> Option<gst::GroupId> {
        self.sinkpad
            .sticky_event::<gst::event::StreamStart>(0)
            .and_then(|event| event.group_id())
    }

    /// All pads that there will be, as far as is known: says so, and sends the deferred seek on its way.
    pub(super) fn finish_exposing(&self) {
        let duration = self.reader().as_ref().and_then(|r| r.duration_ns);
        {
            let mut state = self.state();
            if state.exposed {
                return;
            }
            state.exposed = true;
            state.duration_ns = duration.max(state.duration_ns);
            let duration = state.duration_ns.map(clock_time);
            state.segment.set_duration(duration);
        }
        self.obj().no_more_pads();
    }
}
