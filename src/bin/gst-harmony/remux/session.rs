//! The pipeline: source, streams as they are found, outputs; and its run to the end.

use std::collections::BTreeMap;

use gst::MessageView;
use gst::prelude::*;

use super::AudioCodec;
use super::codecs::make;
use super::hls::{self, Segments};
use super::input::{Input, Interrupt};
use super::output::{Form, Output, Target, add};
use super::streams::{LeftOut, SharedStreams, Streams};
use super::track::{Track, lock};
use crate::failure::{Failure, Outcome};
use crate::progress::Progress;

/// How often Ctrl-C is looked at and the bar moves.
pub const TICK: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// After so many ticks without a thread at work none will come.
pub const MOST_IDLE: u32 = 10;

/// What was written.
pub struct Done {
    pub targets: Vec<Target>,
    pub tracks: Vec<Track>,
    pub left_out: Vec<LeftOut>,
    /// Of each muxer, by its name: `mux` of a file, the track's in a folder.
    pub segments: BTreeMap<String, Segments>,
}

/// A pipeline that is not started yet; it goes back to NULL however it ends.
pub struct Session {
    pipeline: gst::Pipeline,
    input: Input,
    interrupt: Interrupt,
    targets: Vec<Target>,
    streams: SharedStreams,
    segments: BTreeMap<String, Segments>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Going down to NULL cannot be refused; the answer tells nothing.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Session {
    /// Checks what can be checked before anything flows.
    pub fn new(
        input: Input,
        interrupt: Interrupt,
        targets: Vec<Target>,
        fragment: gst::ClockTime,
        transcode: Option<AudioCodec>,
    ) -> Outcome<Self> {
        let pipeline = gst::Pipeline::new();
        let told = input.tells_samples();
        let placement = if told == Some(true) {
            "front-exact"
        } else {
            "front-spool"
        };
        let outputs = targets
            .iter()
            .map(|target| Output::new(&pipeline, target, fragment, placement));
        let outputs = outputs.collect::<Outcome<Vec<_>>>()?;
        let source = input.source()?;
        // The demuxer alone answers for its samples: parsers behind it could change them.
        let demuxer = make(if told.is_some() {
            "h4mkdemux"
        } else {
            "parsebin"
        })?;
        add(&pipeline, &source)?;
        add(&pipeline, &demuxer)?;
        source
            .link(&demuxer)
            .map_err(|error| Failure::data(&input.path, error))?;
        let streams = Streams::follow(&pipeline, &demuxer, input.path.clone(), outputs, transcode)?;
        Ok(Self {
            pipeline,
            input,
            interrupt,
            targets,
            streams,
            segments: BTreeMap::new(),
        })
    }

    /// Runs it to the end; the targets have their names then.
    pub fn run(mut self) -> Outcome<Done> {
        let bus = self
            .pipeline
            .bus()
            .ok_or_else(|| Failure::data(&self.input.path, "the pipeline has no bus"))?;
        let mut idle = 0;
        let mut progress = Progress::new(self.input.length, "remuxing");
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
                return Err(Failure::data(
                    &self.input.path,
                    "stopped before its end; nothing is written",
                ));
            }
            // Messages come faster than ticks, while the pipeline starts.
            idle = if self.is_stuck() {
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
        self.finish()
    }

    /// No stream was found and no thread looks for one: `parsebin` can lose the error of a demuxer that it just added.
    fn is_stuck(&self) -> bool {
        lock(&self.streams).is_empty() && is_idle(&self.pipeline)
    }

    /// One message of the bus. True: the end.
    fn handle(&mut self, message: &gst::Message) -> Outcome<bool> {
        if let Some(failure) = lock(&self.streams).failure.take() {
            return Err(failure);
        }
        match message.view() {
            MessageView::Eos(_) => return Ok(true),
            MessageView::Error(error) => {
                return Err(Failure::data(
                    &self.input.path,
                    crate::run::error_text(error),
                ));
            }
            MessageView::Warning(warning) => {
                eprintln!("gst-harmony: warning: {}", warning.error());
            }
            MessageView::Element(element) => {
                let written = element.structure().and_then(Segments::of);
                if let Some((written, name)) =
                    written.zip(element.src().map(|source| source.name()))
                {
                    self.segments.entry(name.into()).or_default().add(written);
                }
            }
            _ => {}
        }
        Ok(false)
    }

    /// How many of the source's bytes are behind us, by the time that has passed of its duration.
    fn position(&self) -> u64 {
        let ends = lock(&self.streams)
            .tracks
            .iter()
            .filter_map(|track| lock(track).end_ns)
            .collect::<Vec<_>>();
        let end = u64::try_from(ends.into_iter().max().unwrap_or(0)).unwrap_or(0);
        progressed(&self.pipeline, self.input.length, end)
    }

    fn finish(mut self) -> Outcome<Done> {
        // Files are closed before they get their names.
        self.pipeline
            .set_state(gst::State::Null)
            .map_err(|error| Failure::data(&self.input.path, error))?;
        let (tracks, left_out) = {
            let mut streams = lock(&self.streams);
            (
                std::mem::take(&mut streams.tracks),
                std::mem::take(&mut streams.left_out),
            )
        };
        let tracks: Vec<Track> = tracks
            .iter()
            .map(|track| std::mem::take(&mut *lock(track)))
            .collect();
        if tracks.is_empty() {
            return Err(Failure::data(
                &self.input.path,
                "found no stream that MP4 can hold, expected one",
            ));
        }
        let mut targets = std::mem::take(&mut self.targets);
        for target in &mut targets {
            if target.form == Form::Folder {
                hls::finish(target.partial(), &tracks, &self.segments)?;
            }
            target.commit()?;
        }
        Ok(Done {
            targets,
            tracks,
            left_out,
            segments: std::mem::take(&mut self.segments),
        })
    }
}

/// No thread of the pipeline is at work.
pub fn is_idle(pipeline: &gst::Pipeline) -> bool {
    let busy = |element: gst::Element| {
        let mut pads = element.pads().into_iter();
        pads.any(|pad| pad.task_state() == gst::TaskState::Started)
    };
    !pipeline.iterate_recurse().into_iter().flatten().any(busy)
}

/// How many of a source's `length` bytes are behind us when `end` ns of its duration are.
pub fn progressed(pipeline: &gst::Pipeline, length: u64, end: u64) -> u64 {
    let duration = pipeline
        .query_duration::<gst::ClockTime>()
        .map_or(0, |d| d.nseconds());
    let done = u128::from(length) * u128::from(end.min(duration)) / u128::from(duration.max(1));
    u64::try_from(done).unwrap_or(length)
}
