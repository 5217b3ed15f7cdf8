//! The streaming thread: opens the store, and pushes range after range.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::errors::message;
use super::imp::{CAT, OpusIndexSrc};
use super::session::{Reading, Segment, Session, Step};
use crate::opus::Preroll;
use crate::opus_store::{Extraction, OpusStore, StoreError};

/// How often the end of a growing store is looked at.
const POLL: Duration = Duration::from_millis(50);

impl OpusIndexSrc {
    /// Opens what the properties say.
    pub(super) fn open_store(&self) -> Result<(Arc<OpusStore>, Session), gst::ErrorMessage> {
        let settings = self.settings();
        let wrong = |why: String| gst::error_msg!(gst::ResourceError::Settings, ("{why}"));
        let location = settings.location().map_err(wrong)?;
        let wanted = settings.ranges().map_err(wrong)?;
        let preroll = settings.preroll().map_err(wrong)?;
        let told = |error: StoreError| message(&error, &location.to_string_lossy());
        let store = OpusStore::open_link(location, settings.link()).map_err(told)?;
        let store = Arc::new(store);
        let session =
            Session::new(store.clone(), wanted, preroll, settings.follow).map_err(told)?;
        let attributes = store.attributes();
        if !attributes.has_ended() && !settings.follow {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Demux,
                (
                    "{}: the store is not complete, {} samples of {} packets can be read",
                    location.display(),
                    attributes.pcm_samples(),
                    attributes.committed_packets
                )
            );
        }
        Ok((store, session))
    }

    pub(super) fn next_buffer(&self) -> Result<gst::Buffer, gst::FlowError> {
        let mut begins = false;
        loop {
            let settings = self.settings();
            let reading = Reading {
                preroll: settings.preroll().unwrap_or_default(),
                verify: settings.verify_index,
                follow: settings.follow,
            };
            let step = match self.session().as_mut() {
                Some(session) => session.step(&reading),
                None => return Err(gst::FlowError::Flushing),
            };
            match step {
                Ok(Step::Packet(mut buffer)) => {
                    if let Some(made) = buffer.get_mut().filter(|_| begins) {
                        made.set_flags(gst::BufferFlags::DISCONT);
                    }
                    return Ok(buffer);
                }
                Ok(Step::Range(caps, segment)) => {
                    self.begin_range(caps, segment)?;
                    begins = true;
                }
                Ok(Step::Certify(range)) => self.certify(range)?,
                Ok(Step::Wait) => self.wait_for_more()?,
                Ok(Step::End) => return Err(gst::FlowError::Eos),
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// Looks for the pre-roll of a range, for as long as nobody wants this thread for something else.
    fn certify(&self, range: Range<u64>) -> Result<(), gst::FlowError> {
        let how = Extraction {
            preroll: Preroll::Certified,
            gain: false,
        };
        let store = self.open().ok_or(gst::FlowError::Flushing)?;
        match store.extract_unless(range, &how, &|| *self.interrupted()) {
            Ok(pcm) => {
                if let Some(session) = self.session().as_mut() {
                    session.certify(pcm.certainty);
                }
                Ok(())
            }
            Err(StoreError::Interrupted) => Err(gst::FlowError::Flushing),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Posts an error.
    fn failed(&self, error: &StoreError) -> gst::FlowError {
        self.post_error_message(self.told(error));
        gst::FlowError::Error
    }

    fn told(&self, error: &StoreError) -> gst::ErrorMessage {
        let settings = self.settings();
        let location = settings.location().cloned().unwrap_or_default();
        message(error, &location.to_string_lossy())
    }

    /// Caps and segment of a range, before its first packet.
    fn begin_range(
        &self,
        caps: Option<gst::Caps>,
        segment: Option<Segment>,
    ) -> Result<(), gst::FlowError> {
        let obj = self.obj();
        let caps = caps.ok_or(gst::FlowError::NotNegotiated)?;
        gst::debug!(CAT, imp = self, "A range begins: {caps:?}, {segment:?}");
        if obj.set_caps(&caps).is_err() {
            let flushing = obj.src_pad().pad_flags().contains(gst::PadFlags::FLUSHING);
            return Err(match flushing {
                true => gst::FlowError::Flushing,
                false => gst::FlowError::NotNegotiated,
            });
        }
        if let Some(segment) = segment
            && obj.new_segment(segment.upcast_ref()).is_err()
        {
            return Err(gst::FlowError::Error);
        }
        let doubt = self.session().as_mut().and_then(Session::take_doubt);
        if let Some(why) = doubt {
            gst::element_imp_warning!(self, gst::StreamError::Decode, ("uncertified: {why}"));
        }
        let tags = self.session().as_mut().and_then(Session::take_tags);
        if let Some(tags) = tags {
            // The base class pushes it behind the segment.
            let _ = self.parent_send_event(gst::event::Tag::new(tags));
        }
        Ok(())
    }

    /// Waits a moment at the end of a growing store, or until a seek or a state change comes.
    fn wait_for_more(&self) -> Result<(), gst::FlowError> {
        let interrupted = self.interrupted();
        match self
            .wake
            .wait_timeout_while(interrupted, POLL, |interrupted| !*interrupted)
        {
            Ok((_, time)) if time.timed_out() => {}
            // A seek or a state change is waiting for this thread.
            _ => return Err(gst::FlowError::Flushing),
        }
        let Some(store) = self.open() else {
            return Err(gst::FlowError::Flushing);
        };
        let changed = store.refresh().map_err(|error| self.failed(&error))?;
        let looked = self.session().as_mut().map_or(Ok(()), Session::look);
        looked.map_err(|error| self.failed(&error))?;
        if changed {
            let message = gst::message::DurationChanged::builder().src(&*self.obj());
            let _ = self.obj().post_message(message.build());
        }
        Ok(())
    }

    /// The property `stats`.
    pub(super) fn stats(&self) -> gst::Structure {
        let stats = self.session().as_ref().map(|s| s.stats).unwrap_or_default();
        gst::Structure::builder("opusindexsrc-stats")
            .field("packets", stats.packets)
            .field("bytes", stats.bytes)
            .field("ranges", stats.ranges)
            .field("certified-ranges", stats.certified)
            .field("preroll-samples", stats.preroll)
            .build()
    }
}
