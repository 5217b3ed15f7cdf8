//! From the reader's items to what goes out on the pads; the same in pull and push mode.

use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::{CAT, H4mkDemux};
use super::reader::{Item, ReadError, Reader, Source};
use super::state::{Delivery, State, clock_time};
use super::stream::Start;
use crate::h4mk::{Block, Error, Record, Tracks};

/// What to do after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Take the next step.
    Continue,
    /// Push mode: come again with more bytes.
    Wait,
}

/// Why the steps stop.
#[derive(Debug)]
pub(super) enum Stop {
    /// The segment or the file is at its end.
    Done,
    /// The file ends without a footer.
    Cut(Error),
    /// The bytes are wrong.
    Format(Error),
    /// Upstream or downstream said so.
    Flow(gst::FlowError),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Flow(error) => Self::Flow(error),
            ReadError::Format(error) => Self::Format(error),
        }
    }
}

impl H4mkDemux {
    /// Reads one item and delivers it.
    pub(super) fn step(&self) -> Result<Outcome, Stop> {
        let mut guard = self.reader();
        let reader = guard.as_mut().ok_or(Stop::Flow(gst::FlowError::Flushing))?;
        if let Some((block, at)) = reader.pending.take() {
            let delivery = self.prepare(reader, block, at)?;
            drop(guard);
            return self.push_delivery(delivery);
        }
        match reader.next()? {
            Item::Block(block) => {
                let mut state = self.state();
                let block = numbered(reader, &state, block);
                let Some(at) = state.accept(&block) else {
                    let done = state.is_done();
                    return if done {
                        Err(Stop::Done)
                    } else {
                        Ok(Outcome::Continue)
                    };
                };
                drop(state);
                let delivery = self.prepare(reader, block, at)?;
                drop(guard);
                self.push_delivery(delivery)
            }
            Item::Record(record) => {
                let extended = reader.header.is_some_and(|h| h.has_extensions());
                let last = reader.finished.as_ref().map(|f| f.tracks.clone());
                let meta = matches!(record, Record::Tracks(_) | Record::Sidecar(_))
                    .then(|| reader.meta.clone())
                    .flatten();
                drop(guard);
                if let Some(meta) = meta {
                    self.state().set_meta(meta);
                }
                self.record(record, extended, last);
                Ok(Outcome::Continue)
            }
            Item::Wait => Ok(Outcome::Wait),
            Item::End => Err(Stop::Done),
            Item::Cut(error) => Err(Stop::Cut(error)),
        }
    }

    /// The block's payload and what goes with it; `None` when push mode has to wait for it.
    fn prepare(
        &self,
        reader: &mut Reader,
        block: Block,
        at: usize,
    ) -> Result<Option<Delivery>, Stop> {
        match reader.payload(&block)? {
            Some(payload) => Ok(self.state().deliver(at, &block, payload)),
            None => match &reader.source {
                Source::Push(push) if !push.eos => {
                    reader.pending = Some((block, at));
                    Ok(None)
                }
                _ => Err(Stop::Cut(Error::Truncated {
                    offset: block.offset,
                    what: "a CORE chunk",
                    available: reader
                        .walk
                        .length()
                        .map_or(0, |l| l.saturating_sub(block.offset)),
                    needed: block.end() - block.offset,
                })),
            },
        }
    }

    fn push_delivery(&self, delivery: Option<Delivery>) -> Result<Outcome, Stop> {
        let Some(delivery) = delivery else {
            return Ok(Outcome::Wait);
        };
        for event in delivery.events {
            // What a pad answers to an event shows in the flow of its next buffer.
            let _ = delivery.pad.push_event(event);
        }
        let flow = delivery.pad.push(delivery.buffer);
        for (pad, events) in delivery.gaps {
            for event in events {
                let _ = pad.push_event(event);
            }
        }
        // Whatever the other pads said, one that takes data is reason to go on.
        if flow.is_err() {
            let mut state = self.state();
            let combined = state.combiner.update_pad_flow(&*delivery.pad, flow);
            combined.map_err(Stop::Flow)?;
        }
        Ok(Outcome::Continue)
    }

    fn record(&self, record: Record, extended: bool, last: Option<Arc<Tracks>>) {
        match record {
            Record::Tracks(tracks) => {
                let exposed = self.state().exposed;
                if !exposed {
                    self.apply_tracks(&union(&tracks, last.as_deref()));
                    self.finish_exposing();
                    self.run_deferred_seek();
                } else if extended {
                    self.apply_tracks(&tracks);
                }
            }
            Record::Sidecar(_)
            | Record::Timing { .. }
            | Record::SeekTable(_)
            | Record::Index(_)
            | Record::End(_)
            | Record::Unknown(_) => {}
        }
    }

    /// The end of the segment: the next group when playing backwards, else EOS or segment-done.
    ///
    /// True when there is more to play.
    pub(super) fn finish_segment(&self) -> bool {
        match self.previous_group() {
            Ok(true) => return true,
            Ok(false) => {}
            Err(error) => gst::warning!(CAT, imp = self, "No group before this one: {error:?}"),
        }
        self.finish_streams();
        false
    }

    /// EOS or segment-done on all pads.
    pub(super) fn finish_streams(&self) {
        let (segment, seqnum, pads) = {
            let mut state = self.state();
            let count = state.streams.len();
            let pads: Vec<_> = (0..count)
                .filter_map(|at| {
                    let events = state.events(at);
                    Some(((*state.streams.get(at)?.pad).clone(), events))
                })
                .collect();
            (state.segment.clone(), state.seqnum, pads)
        };
        if pads.is_empty() {
            gst::element_imp_error!(
                self,
                gst::StreamError::Demux,
                ["The file ended before its tracks (no TRAK chunk): there is nothing to play"]
            );
            return;
        }
        let segment_seek = segment.flags().contains(gst::SegmentFlags::SEGMENT);
        let stop = if segment.rate() < 0.0 {
            segment.start()
        } else {
            segment.stop().or(segment.duration()).or(segment.position())
        };
        if segment_seek {
            // The next loop follows where this one should end, wherever its last block does.
            if let Some(stop) = stop {
                self.state().segment.set_position(stop);
            }
            let message = gst::message::SegmentDone::builder(stop)
                .src(&*self.obj())
                .seqnum(seqnum);
            let _ = self.obj().post_message(message.build());
        }
        for (pad, events) in pads {
            for event in events {
                let _ = pad.push_event(event);
            }
            let last = if segment_seek {
                gst::event::SegmentDone::builder(stop)
                    .seqnum(seqnum)
                    .build()
            } else {
                gst::event::Eos::builder().seqnum(seqnum).build()
            };
            let _ = pad.push_event(last);
        }
    }

    /// Posts an error for what stopped the steps, where it is one, and ends all streams. The flow to return
    /// upstream.
    pub(super) fn stop(&self, stop: Stop) -> Result<gst::FlowSuccess, gst::FlowError> {
        match stop {
            Stop::Done => Err(gst::FlowError::Eos),
            Stop::Cut(error) if self.settings().strict => {
                self.format_error(&error);
                Err(gst::FlowError::Error)
            }
            Stop::Cut(error) => {
                if !self.state().streams.is_empty() {
                    gst::element_imp_warning!(
                        self,
                        gst::StreamError::Demux,
                        ["The file is cut or unfinished: {error}; what is whole was played"]
                    );
                    return Err(gst::FlowError::Eos);
                }
                self.format_error(&error);
                Err(gst::FlowError::Error)
            }
            Stop::Format(error) => {
                self.format_error(&error);
                Err(gst::FlowError::Error)
            }
            Stop::Flow(error @ (gst::FlowError::Flushing | gst::FlowError::Eos)) => Err(error),
            Stop::Flow(error) => {
                self.obj_flow_error(error);
                Err(error)
            }
        }
    }

    fn format_error(&self, error: &Error) {
        gst::element_imp_error!(self, gst::StreamError::Demux, ["{error}"]);
    }

    fn obj_flow_error(&self, error: gst::FlowError) {
        gst::element_imp_error!(
            self,
            gst::StreamError::Failed,
            ("Internal data stream error"),
            ["streaming stopped, reason {error}"]
        );
    }

    /// EOS on all pads, whatever the segment says: after an error.
    pub(super) fn end_streams(&self) {
        let seqnum = self.state().seqnum;
        for pad in self.pads() {
            let _ = pad.push_event(gst::event::Eos::builder().seqnum(seqnum).build());
        }
    }

    /// Where growing files are followed: the time that the streams have reached, for messages.
    pub(super) fn position(&self) -> Option<gst::ClockTime> {
        self.state().segment.position()
    }

    /// The duration as far as it is known.
    pub(super) fn duration(&self) -> Option<gst::ClockTime> {
        self.state().duration_ns.map(clock_time)
    }
}

/// The block, with the number that its entry knows when a seek began with it.
fn numbered(reader: &mut Reader, state: &State, mut block: Block) -> Block {
    if block.number.is_some() || !block.meta.kind.is_key() {
        return block;
    }
    let stream = state
        .stream_index(block.meta.track_id)
        .and_then(|at| state.streams.get(at));
    if let Some(Start::AtEntry(entry)) = stream.map(|s| s.start)
        && entry.offset == block.group_offset
        && block.time() == Some(entry.pts_ns)
    {
        let number = u64::from(entry.number);
        reader
            .walk
            .set_next_number(block.meta.track_id, number.saturating_add(1));
        block.number = Some(number);
    }
    block
}

/// The tracks of the first TRAK, and those that come later in a finished file.
pub(super) fn union(first: &Arc<Tracks>, last: Option<&Tracks>) -> Arc<Tracks> {
    let late = last
        .into_iter()
        .flat_map(|last| &last.0)
        .filter(|track| first.get(track.track_id).is_none());
    Arc::new(Tracks(first.0.iter().chain(late).cloned().collect()))
}
