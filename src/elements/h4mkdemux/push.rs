//! Push mode: upstream decides what comes; where it can seek in bytes, the index is fetched first.

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::deliver::{Outcome, Stop};
use super::imp::{CAT, H4mkDemux};
use super::reader::{Reader, Source};
use super::source::PushSource;
use crate::h4mk::Opener;

/// How far the index of a file that is pushed has been fetched.
#[derive(Default)]
pub(super) enum Opening {
    /// Nothing was asked for yet.
    #[default]
    Start,
    /// The opener waits for a range of the file.
    Fetching {
        opener: Box<Opener>,
        /// Bytes of the range that have arrived.
        bytes: Vec<u8>,
        /// Position of the next byte that arrives.
        at: u64,
    },
    /// The file plays from its start or where a seek went.
    Done,
}

impl H4mkDemux {
    pub(super) fn chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        if self.state().ended {
            return Err(gst::FlowError::Eos);
        }
        if !self.is_open(&buffer)? {
            return Ok(gst::FlowSuccess::Ok);
        }
        if let Some(Reader {
            source: Source::Push(push),
            ..
        }) = self.reader().as_mut()
        {
            push.push(buffer);
        }
        self.run_steps()
    }

    /// Takes steps until more bytes are needed.
    fn run_steps(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        loop {
            match self.step() {
                Ok(Outcome::Continue) => {}
                Ok(Outcome::Wait) => return Ok(gst::FlowSuccess::Ok),
                Err(stop) => return self.pushed_stop(stop),
            }
        }
    }

    fn pushed_stop(&self, stop: Stop) -> Result<gst::FlowSuccess, gst::FlowError> {
        let flow = self.stop(stop);
        match flow {
            Err(gst::FlowError::Eos) => {
                if self.finish_segment() {
                    return Ok(gst::FlowSuccess::Ok);
                }
            }
            Err(gst::FlowError::Flushing) | Ok(_) => return flow,
            Err(_) => self.end_streams(),
        }
        self.state().ended = true;
        flow
    }

    /// Feeds the opener while it fetches the index. True when the buffer is for the walker.
    fn is_open(&self, buffer: &gst::Buffer) -> Result<bool, gst::FlowError> {
        let mut opening = self.opening();
        if matches!(*opening, Opening::Start) {
            let length = self.seekable_length();
            let mut reader = Reader::new(Source::Push(PushSource::default()));
            reader.walk.set_length(length);
            *self.reader() = Some(reader);
            *opening = match length {
                Some(length) => Opening::Fetching {
                    opener: Box::new(Opener::new(length)),
                    bytes: Vec::new(),
                    at: 0,
                },
                None => Opening::Done,
            };
        }
        let Opening::Fetching { opener, bytes, at } = &mut *opening else {
            return Ok(true);
        };
        let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
        let Some((offset, wanted)) = opener.request() else {
            return Ok(true);
        };
        let whole_start = *at == 0 && bytes.is_empty();
        // What arrives before the range asked for is left over from before the seek.
        let skip = usize::try_from(offset.saturating_sub(*at + bytes.len() as u64))
            .unwrap_or(usize::MAX)
            .min(map.len());
        let useful = map.as_slice().get(skip..).unwrap_or_default();
        let missing = wanted.saturating_sub(bytes.len()).min(useful.len());
        bytes.extend_from_slice(useful.get(..missing).unwrap_or_default());
        if bytes.len() < wanted {
            return Ok(false);
        }
        if let Err(error) = opener.feed(&std::mem::take(bytes)) {
            *opening = Opening::Done;
            drop(opening);
            return self.pushed_stop(Stop::Format(error)).map(|_| false);
        }
        let next = opener.request().map(|(offset, _)| offset);
        match next {
            Some(offset) => *at = offset,
            None => self.take_opened(&mut opening),
        }
        drop(opening);
        if next.is_none() && whole_start {
            // There is no index to fetch, and this buffer is the start of the file.
            return Ok(true);
        }
        if !self.seek_upstream(next.unwrap_or(0), gst::Seqnum::next()) {
            gst::element_imp_error!(
                self,
                gst::ResourceError::Seek,
                [
                    "Upstream says that it can seek and does not, at byte {}",
                    next.unwrap_or(0)
                ]
            );
            return Err(gst::FlowError::Error);
        }
        Ok(false)
    }

    /// Hands what the opener found to the reader.
    fn take_opened(&self, opening: &mut Opening) {
        let Opening::Fetching { opener, .. } = std::mem::replace(opening, Opening::Done) else {
            return;
        };
        let finished = opener.finish().and_then(|opened| opened.finished);
        if let (Some(reader), Some(finished)) = (self.reader().as_mut(), finished) {
            reader.set_finished(finished);
        }
    }

    /// The length of the file, when upstream can seek in it.
    fn seekable_length(&self) -> Option<u64> {
        let mut query = gst::query::Seeking::new(gst::Format::Bytes);
        if !self.sinkpad.peer_query(&mut query) || !query.result().0 {
            return None;
        }
        let length = self.sinkpad.peer_query_duration::<gst::format::Bytes>()?;
        (*length > 0).then_some(*length)
    }

    /// A flushing seek of upstream to a byte.
    pub(super) fn seek_upstream(&self, offset: u64, seqnum: gst::Seqnum) -> bool {
        gst::debug!(CAT, imp = self, "Seeking upstream to byte {offset}");
        let seek = gst::event::Seek::builder(
            1.0,
            gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE,
            gst::SeekType::Set,
            gst::format::Bytes::from_u64(offset),
            gst::SeekType::None,
            gst::format::Bytes::NONE,
        )
        .seqnum(seqnum)
        .build();
        self.sinkpad.push_event(seek)
    }

    pub(super) fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Caps(_) => true,
            gst::EventView::Segment(segment) => {
                if let Some(bytes) = segment.segment().downcast_ref::<gst::format::Bytes>() {
                    self.bytes_segment(bytes.start().map_or(0, |b| *b));
                }
                true
            }
            gst::EventView::StreamStart(_) => true,
            gst::EventView::Eos(_) => {
                self.pushed_eos();
                true
            }
            gst::EventView::FlushStart(_) | gst::EventView::FlushStop(_) => self.flush(event),
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    /// Upstream continues at another byte.
    fn bytes_segment(&self, start: u64) {
        self.state().ended = false;
        if let Opening::Fetching { at, bytes, .. } = &mut *self.opening() {
            *at = start;
            bytes.clear();
            return;
        }
        if let Some(reader) = self.reader().as_mut()
            && let Source::Push(push) = &mut reader.source
        {
            reader.pending = None;
            push.restart(start);
        }
    }

    fn pushed_eos(&self) {
        if let Some(reader) = self.reader().as_mut()
            && let Source::Push(push) = &mut reader.source
        {
            push.eos = true;
        }
        // The last buffer may have brought the end already.
        if self.state().ended {
            return;
        }
        if self.sinkpad.mode() == gst::PadMode::Push && self.reader().is_none() {
            gst::element_imp_error!(
                self,
                gst::StreamError::WrongType,
                ["The stream ended before its first byte"]
            );
            return;
        }
        // What stops the steps has been told of; upstream is at its end anyway.
        let _ = self.run_steps();
    }

    /// Flushes that come from upstream go on, but for those of the index being fetched.
    fn flush(&self, event: gst::Event) -> bool {
        let fetching = matches!(*self.opening(), Opening::Fetching { .. });
        if fetching || !self.state().exposed {
            return true;
        }
        if event.type_() == gst::EventType::FlushStop {
            self.state().flushed();
            self.apply_pushed_seek();
        }
        for pad in self.pads() {
            let _ = pad.push_event(event.clone());
        }
        true
    }
}
