//! Queries, events from downstream, and what the application can ask.

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::{CAT, H4mkDemux};
use super::reader::{Lookup, Source};
use super::state::clock_time;
use crate::sample_table::QUERY;
use crate::text::before_zero;

impl H4mkDemux {
    pub(super) fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Seek(_) => self.seek_event(event),
            // They speak of decoded time, which means nothing to a file.
            gst::EventView::Qos(_) | gst::EventView::Latency(_) => true,
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    pub(super) fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        use gst::QueryViewMut as View;
        match query.view_mut() {
            View::Position(q) if q.format() == gst::Format::Time => {
                q.set(self.position());
                true
            }
            View::Duration(q) if q.format() == gst::Format::Time => {
                self.look_at_growth();
                let duration = self.duration();
                q.set(duration);
                duration.is_some()
            }
            View::Seeking(q) if q.format() == gst::Format::Time => {
                q.set(self.can_seek(), gst::ClockTime::ZERO, self.duration());
                true
            }
            View::Seeking(q) => {
                q.set(
                    false,
                    gst::GenericFormattedValue::none_for_format(q.format()),
                    gst::GenericFormattedValue::none_for_format(q.format()),
                );
                true
            }
            View::Segment(q) => {
                let segment = self.state().segment.clone();
                let start = segment.to_stream_time(segment.start());
                let stop = segment.stop().or(segment.duration());
                let stop = segment.to_stream_time(stop).or(stop);
                q.set(segment.rate(), start, stop);
                true
            }
            View::Formats(q) => {
                q.set([gst::Format::Time, gst::Format::Bytes]);
                true
            }
            View::Scheduling(q) => {
                q.set(gst::SchedulingFlags::SEQUENTIAL, 1, -1, 0);
                q.add_scheduling_modes([gst::PadMode::Push]);
                true
            }
            View::Convert(q) => self.convert(q),
            View::Custom(q) if q.structure().is_some_and(|s| s.name() == QUERY) => {
                self.sample_table(pad, q)
            }
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }

    /// Reads the tail of a file that has grown since it was last looked at, for its duration.
    fn look_at_growth(&self) {
        let mut guard = self.reader();
        let growing = guard.as_mut().filter(|r| {
            let extended = r.header.is_some_and(|h| h.has_extensions());
            extended && r.finished.is_none() && matches!(r.source, Source::Pull(_))
        });
        let Some(reader) = growing else {
            return;
        };
        if let Err(error) = reader.refresh() {
            gst::debug!(CAT, imp = self, "The tail can't be read: {error:?}");
        }
        let known = reader.duration_ns;
        drop(guard);
        let mut state = self.state();
        state.duration_ns = state.duration_ns.max(known);
    }

    fn can_seek(&self) -> bool {
        let reader = self.reader();
        let Some(reader) = reader.as_ref() else {
            return false;
        };
        match reader.source {
            Source::Pull(_) => true,
            Source::Push(_) => !matches!(reader.lookup, Lookup::None),
        }
    }

    /// TIME to BYTES and back, by the reference track's seek entries: as exact as they are.
    fn convert(&self, query: &mut gst::query::Convert) -> bool {
        let (value, format) = query.get();
        let state = self.state();
        let Some(track) = state.reference() else {
            return false;
        };
        drop(state);
        let reader = self.reader();
        let Some(Lookup::Full(index)) = reader.as_ref().map(|r| &r.lookup) else {
            return false;
        };
        use gst::GenericFormattedValue as Value;
        let converted: Option<Value> = match (value, format) {
            (Value::Time(Some(time)), gst::Format::Bytes) => {
                let time = i64::try_from(time.nseconds()).unwrap_or(i64::MAX);
                index
                    .find(track, time)
                    .map(|e| gst::format::Bytes::from_u64(e.offset).into())
            }
            (Value::Bytes(Some(bytes)), gst::Format::Time) => index
                .track(track)
                .iter()
                .take_while(|e| e.offset <= *bytes)
                .last()
                .map(|e| clock_time(e.pts_ns).into()),
            (value, format) if value.format() == format => Some(value),
            _ => None,
        };
        match converted {
            Some(converted) => {
                query.set(value, converted);
                true
            }
            None => false,
        }
    }

    /// The property `tracks`.
    pub(super) fn tracks_structure(&self) -> gst::Structure {
        let tracks = self.state().tracks.clone();
        let mut all = gst::Structure::new_empty("tracks");
        for track in &tracks.0 {
            let name = format!("track-{}", track.track_id);
            let mut one = gst::Structure::builder(&name)
                .field("track-id", u32::from(track.track_id))
                .field("name", before_zero(&track.name))
                .field("kind", before_zero(&track.kind))
                .field("codec", before_zero(&track.codec))
                .field("sample-rate", track.sample_rate)
                .field("channels", track.channels)
                .field("note", before_zero(&track.note))
                .field("sparse", track.sparse);
            if let Some(Ok(caps)) = track.caps.as_deref().map(crate::caps::parse) {
                one = one.field("caps", caps);
            }
            all.set(&name, one.build());
        }
        all
    }

    /// The property `index`.
    pub(super) fn index_structure(&self) -> gst::Structure {
        let reader = self.reader();
        let mut all = gst::Structure::new_empty("index");
        if let Some(Lookup::Full(index)) = reader.as_ref().map(|r| &r.lookup) {
            for part in index.entries().chunk_by(|a, b| a.track_id == b.track_id) {
                let Some(first) = part.first() else {
                    continue;
                };
                let pairs = part.iter().flat_map(|e| {
                    let offset = i64::try_from(e.offset).unwrap_or(i64::MAX);
                    [e.pts_ns, offset]
                });
                all.set(format!("track-{}", first.track_id), gst::Array::new(pairs));
            }
        }
        all
    }

    /// The action signal `decode-chain`: payload offsets of the blocks that show a track at a time.
    pub(super) fn decode_chain(&self, track: u32, time: u64) -> Option<gst::Structure> {
        let track = u16::try_from(track).ok()?;
        let time = i64::try_from(time).ok()?;
        let mut reader = self.reader();
        let found = reader.as_mut()?.chain(track, time);
        match found {
            Ok(Some((key, offsets))) => Some(
                gst::Structure::builder("decode-chain")
                    .field("keyframe", key)
                    .field("chain", gst::Array::new(offsets))
                    .build(),
            ),
            Ok(None) => None,
            Err(error) => {
                gst::warning!(CAT, imp = self, "No chain for track {track}: {error:?}");
                None
            }
        }
    }
}
