//! A pipeline that a command makes itself, and its run to the end.

use std::path::Path;
use std::sync::{Arc, Mutex};

use gst::MessageView;
use gst::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::remux::codecs::make;
use crate::remux::input::{Input, Interrupt};
use crate::remux::output::add;
use crate::remux::track::lock;
use crate::run::error_text;

/// How often Ctrl-C is looked at and the bar moves.
const TICK: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// After so many ticks without a thread at work none will come.
const MOST_IDLE: u32 = 10;

/// What a command knows of its pipeline while it runs.
pub trait Work {
    /// A stream was found.
    fn has_begun(&self) -> bool;

    /// Ctrl-C has ended it.
    fn stopped(&self) -> &'static str {
        "stopped before its end"
    }

    /// What an error of an element means for the input.
    fn failure(&self, input: &Path, error: &gst::message::Error) -> Failure {
        if error.error().matches(gst::StreamError::TypeNotFound) {
            let what = "found no file format that GStreamer knows, expected one";
            return Failure::data(input, what);
        }
        Failure::data(input, error_text(error))
    }

    /// An element has told something.
    fn told(&mut self, _message: &gst::message::Element) {}

    /// Nanoseconds that are behind us.
    fn position(&self, pipeline: &gst::Pipeline) -> u64 {
        let position = pipeline.query_position::<gst::ClockTime>();
        position.map_or(0, gst::ClockTime::nseconds)
    }
}

/// The pipeline of a command. It goes back to NULL however it ends.
pub struct Session {
    pub pipeline: gst::Pipeline,
    pub input: Input,
    bus: gst::Bus,
    interrupt: Interrupt,
    fault: Fault,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Going down to NULL cannot be refused; the answer tells nothing.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Session {
    /// An empty pipeline.
    pub fn new(input: Input, interrupt: Interrupt) -> Outcome<Self> {
        let pipeline = gst::Pipeline::new();
        let bus = pipeline
            .bus()
            .ok_or_else(|| Failure::data(&input.path, "the pipeline has no bus"))?;
        let fault = Fault {
            input: input.path.as_path().into(),
            bus: bus.clone(),
            first: Arc::default(),
        };
        Ok(Self {
            pipeline,
            input,
            bus,
            interrupt,
            fault,
        })
    }

    /// Adds the input and the element of this name behind it, which finds the streams.
    pub fn read_by(&self, name: &str) -> Outcome<gst::Element> {
        let (source, reader) = (self.input.source()?, make(name)?);
        add(&self.pipeline, &source)?;
        add(&self.pipeline, &reader)?;
        source
            .link(&reader)
            .map_err(|error| Failure::data(&self.input.path, error))?;
        Ok(reader)
    }

    /// For callbacks that may fail.
    pub fn fault(&self) -> Fault {
        self.fault.clone()
    }

    /// Runs it to the end; it is in NULL then. `progress` is told how many of the input's bytes are behind us.
    pub fn run(&self, work: &mut impl Work, mut progress: impl FnMut(u64)) -> Outcome {
        let input = &self.input.path;
        let mut idle = 0;
        // The message that says why is on the bus.
        let refused = self.pipeline.set_state(gst::State::Playing).err();
        loop {
            let message = self.bus.timed_pop(TICK);
            if let Some(message) = &message
                && self.handle(message, work)?
            {
                break;
            }
            if self.interrupt.came() {
                return Err(Failure::data(input, work.stopped()));
            }
            // `parsebin` can lose the error of a demuxer that it just added. Messages come faster than ticks, while the
            // pipeline starts.
            idle = if !work.has_begun() && self.is_idle() {
                idle + u32::from(message.is_none())
            } else {
                0
            };
            if idle > MOST_IDLE {
                let what = "found no stream, expected one: its demuxer has stopped";
                return Err(Failure::data(input, what));
            }
            if let Some(error) = refused.as_ref().filter(|_| !self.bus.have_pending()) {
                return Err(Failure::data(input, error));
            }
            progress(self.progressed(work.position(&self.pipeline)));
        }
        // Files are closed then.
        self.pipeline
            .set_state(gst::State::Null)
            .map_err(|error| Failure::data(input, error))?;
        Ok(())
    }

    /// One message of the bus. True: the end.
    fn handle(&self, message: &gst::Message, work: &mut impl Work) -> Outcome<bool> {
        match message.view() {
            MessageView::Eos(_) => return Ok(true),
            MessageView::Error(error) => return Err(work.failure(&self.input.path, error)),
            // What an element has to say about it came before.
            MessageView::Application(_) => {
                if let Some(failure) = lock(&self.fault.first).take() {
                    return Err(failure);
                }
            }
            MessageView::Warning(warning) => {
                eprintln!("gst-harmony: warning: {}", warning.error());
            }
            MessageView::Element(element) => work.told(element),
            _ => {}
        }
        Ok(false)
    }

    /// No thread of the pipeline is at work.
    fn is_idle(&self) -> bool {
        let busy = |element: gst::Element| {
            let mut pads = element.pads().into_iter();
            pads.any(|pad| pad.task_state() == gst::TaskState::Started)
        };
        let mut elements = self.pipeline.iterate_recurse().into_iter().flatten();
        !elements.any(busy)
    }

    /// How many of the input's bytes are behind us when `end` ns of its duration are.
    fn progressed(&self, end: u64) -> u64 {
        let length = self.input.length;
        let duration = self.pipeline.query_duration::<gst::ClockTime>();
        let duration = duration.map_or(0, gst::ClockTime::nseconds);
        let done = u128::from(length) * u128::from(end.min(duration)) / u128::from(duration.max(1));
        u64::try_from(done).unwrap_or(length)
    }
}

/// The failure of a callback of the pipeline, on its way to the session.
#[derive(Clone)]
pub struct Fault {
    input: Arc<Path>,
    bus: gst::Bus,
    first: Arc<Mutex<Option<Failure>>>,
}

impl Fault {
    /// Keeps a failure, and wakes the session.
    pub fn check(&self, outcome: Outcome) {
        let Err(failure) = outcome else { return };
        lock(&self.first).get_or_insert(failure.of(&self.input));
        let news = gst::Structure::new_empty("failed");
        // Refused only when the pipeline has ended.
        let _ = self.bus.post(gst::message::Application::new(news));
    }

    /// Something has failed.
    pub fn is_set(&self) -> bool {
        lock(&self.first).is_some()
    }
}
