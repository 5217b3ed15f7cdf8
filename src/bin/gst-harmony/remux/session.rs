//! The pipeline: source, streams as they are found, outputs; and its run to the end.

use std::collections::BTreeMap;

use gst::prelude::*;

use super::AudioCodec;
use super::hls::{self, Segments};
use super::input::{Input, Interrupt};
use super::output::{Form, Output, Target};
use super::streams::{LeftOut, SharedStreams, Streams};
use super::track::{Track, lock};
use crate::failure::{Failure, Outcome};
use crate::progress::Progress;
use crate::session::{Session, Work};

/// What was written.
pub struct Done {
    pub targets: Vec<Target>,
    pub tracks: Vec<Track>,
    pub left_out: Vec<LeftOut>,
    /// Of each muxer, by its name: `mux` of a file, the track's in a folder.
    pub segments: BTreeMap<String, Segments>,
}

/// Writes the input's streams to the targets; they have their names then.
pub fn remux(
    input: Input,
    interrupt: Interrupt,
    targets: Vec<Target>,
    fragment: gst::ClockTime,
    transcode: Option<AudioCodec>,
) -> Outcome<Done> {
    let told = input.tells_samples();
    let session = Session::new(input, interrupt)?;
    let placement = if told == Some(true) {
        "front-exact"
    } else {
        "front-spool"
    };
    let outputs = targets
        .iter()
        .map(|target| Output::new(&session.pipeline, target, fragment, placement));
    let outputs = outputs.collect::<Outcome<Vec<_>>>()?;
    // The demuxer alone answers for its samples: parsers behind it could change them.
    let demuxer = session.read_by(if told.is_some() {
        "h4mkdemux"
    } else {
        "parsebin"
    })?;
    let mut work = Remux {
        streams: Streams::follow(&session, &demuxer, outputs, transcode)?,
        segments: BTreeMap::new(),
    };
    let mut progress = Progress::new(session.input.length, "remuxing");
    session.run(&mut work, |done| progress.update(done))?;
    drop(progress);
    finish(&session.input, targets, work)
}

/// What is known while it runs.
struct Remux {
    streams: SharedStreams,
    segments: BTreeMap<String, Segments>,
}

impl Work for Remux {
    fn has_begun(&self) -> bool {
        !lock(&self.streams).is_empty()
    }

    fn stopped(&self) -> &'static str {
        "stopped before its end; nothing is written"
    }

    fn told(&mut self, message: &gst::message::Element) {
        let written = message.structure().and_then(Segments::of);
        if let Some((written, source)) = written.zip(message.src()) {
            let name = source.name().into();
            self.segments.entry(name).or_default().add(written);
        }
    }

    /// By the time that has passed of any track: a muxer answers no position.
    fn position(&self, _: &gst::Pipeline) -> u64 {
        let streams = lock(&self.streams);
        let ends = streams.tracks.iter().filter_map(|track| lock(track).end_ns);
        u64::try_from(ends.max().unwrap_or(0)).unwrap_or(0)
    }
}

/// Gives the targets their names.
fn finish(input: &Input, mut targets: Vec<Target>, work: Remux) -> Outcome<Done> {
    let (tracks, left_out) = {
        let mut streams = lock(&work.streams);
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
            &input.path,
            "found no stream that MP4 can hold, expected one",
        ));
    }
    for target in &mut targets {
        if target.form == Form::Folder {
            hls::finish(target.partial(), &tracks, &work.segments)?;
        }
        target.commit()?;
    }
    Ok(Done {
        targets,
        tracks,
        left_out,
        segments: work.segments,
    })
}
