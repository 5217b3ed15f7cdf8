//! The pipeline of `index`, and its run to the end.

use gst::MessageView;
use gst::prelude::*;

use super::index::Wishes;
use super::links::{LeftOut, Links, SharedLinks};
use crate::failure::{Failure, Outcome};
use crate::progress::Progress;
use crate::remux::codecs::make;
use crate::remux::input::{Input, Interrupt};
use crate::remux::output::add;
use crate::remux::session::{MOST_IDLE, TICK, is_idle, progressed};
use crate::remux::track::lock;

/// What was done beside what the store says.
pub struct Done {
    pub left_out: Vec<LeftOut>,
    /// Of sound that was encoded: what it was, and its samples a second.
    pub encoded: Option<(String, i32)>,
}

/// A pipeline that is not started yet; it goes back to NULL however it ends.
pub struct Session {
    pipeline: gst::Pipeline,
    input: Input,
    interrupt: Interrupt,
    links: SharedLinks,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Going down to NULL cannot be refused; the answer tells nothing.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Session {
    /// Source and parser; the rest is added when it is known what is in the file.
    pub fn new(input: Input, interrupt: Interrupt, wishes: Wishes) -> Outcome<Self> {
        let pipeline = gst::Pipeline::new();
        let (source, parser) = (input.source()?, make("parsebin")?);
        add(&pipeline, &source)?;
        add(&pipeline, &parser)?;
        source
            .link(&parser)
            .map_err(|error| Failure::data(&input.path, error))?;
        let links = Links::follow(&pipeline, &parser, input.path.clone(), wishes);
        Ok(Self {
            pipeline,
            input,
            interrupt,
            links,
        })
    }

    /// Runs it to the end.
    pub fn run(self) -> Outcome<Done> {
        let bus = self
            .pipeline
            .bus()
            .ok_or_else(|| Failure::data(&self.input.path, "the pipeline has no bus"))?;
        let mut idle = 0;
        let mut progress = Progress::new(self.input.length, "indexing");
        // The message that says why is on the bus.
        let refused = self.pipeline.set_state(gst::State::Playing).err();
        loop {
            let message = bus.timed_pop(TICK);
            if let Some(message) = &message
                && self.handle(message)?
            {
                break;
            }
            if self.interrupt.came() {
                return Err(Failure::data(&self.input.path, "stopped before its end"));
            }
            let stuck = is_idle(&self.pipeline) && !lock(&self.links).has_begun();
            // Messages come faster than ticks, while the pipeline starts.
            idle = if stuck {
                idle + u32::from(message.is_none())
            } else {
                0
            };
            if idle > MOST_IDLE {
                let what = "found no stream, expected one: its demuxer has stopped";
                return Err(Failure::data(&self.input.path, what));
            }
            if let Some(error) = refused.as_ref().filter(|_| !bus.have_pending()) {
                return Err(Failure::data(&self.input.path, error));
            }
            progress.update(self.position());
        }
        drop(progress);
        self.pipeline
            .set_state(gst::State::Null)
            .map_err(|error| Failure::data(&self.input.path, error))?;
        let mut links = lock(&self.links);
        Ok(Done {
            left_out: std::mem::take(&mut links.left_out),
            encoded: links.encoded.take(),
        })
    }

    /// One message of the bus. True: the end.
    fn handle(&self, message: &gst::Message) -> Outcome<bool> {
        match message.view() {
            MessageView::Eos(_) => return Ok(true),
            MessageView::Error(error) => return Err(self.failure(error)),
            // What an element has to say about it came before.
            MessageView::Application(_) => {
                if let Some(failure) = lock(&self.links).failure.take() {
                    return Err(failure);
                }
            }
            MessageView::Warning(warning) => {
                eprintln!("gst-harmony: warning: {}", warning.error());
            }
            _ => {}
        }
        Ok(false)
    }

    fn failure(&self, error: &gst::message::Error) -> Failure {
        if error.error().matches(gst::StreamError::TypeNotFound) {
            let what = "found no file format that GStreamer knows, expected one. If these are Opus packets one after \
                        the other: they have no lengths of their own (RFC 6716, section 3), so that they can't be told \
                        apart; write them to Ogg, Matroska or MP4 where they are made";
            return Failure::data(&self.input.path, what);
        }
        if error.error().matches(gst::ResourceError::OpenWrite) {
            return Failure::Usage(crate::run::error_text(error));
        }
        Failure::data(&self.input.path, crate::run::error_text(error))
    }

    /// How many of the source's bytes are behind us, by the time that has passed of its duration.
    fn position(&self) -> u64 {
        let end = self.pipeline.query_position::<gst::ClockTime>();
        progressed(
            &self.pipeline,
            self.input.length,
            end.map_or(0, gst::ClockTime::nseconds),
        )
    }
}
