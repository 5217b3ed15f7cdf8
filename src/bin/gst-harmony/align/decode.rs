//! The pipeline that decodes what is compared: the first stream of sound of a file, or of pictures.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::remux::codecs::make;
use crate::remux::input::{Input, Interrupt};
use crate::remux::output::{add, join};
use crate::remux::track::{discard, encoder, lock};
use crate::session::{Fault, Session, Work};

/// Caps of moving pictures. Motion JPEG and its like have those of single pictures.
pub const PICTURES: &[&str] = &["video/", "image/"];

/// What takes a decoded stream.
pub trait Taker: Default + Send + 'static {
    /// What the names of its caps begin with, each of them.
    const KINDS: &'static [&'static str];
    /// Elements that decode it; the first is called `first` and the last `last`.
    const DECODER: &'static str;

    /// Caps and segments come before the buffers that they are for.
    fn event(&mut self, event: &gst::EventRef) -> Outcome;
    fn buffer(&mut self, buffer: &gst::Buffer) -> Outcome;
}

/// What was found in a file.
pub struct Decoded<T> {
    /// Nothing where it has no such stream.
    pub taker: Option<T>,
    /// How many such streams it has; the first was taken.
    pub count: usize,
    /// It has moving pictures.
    pub pictures: bool,
}

/// Decodes the first stream that `taker` is for. `progress` is told how many bytes of the file are behind us.
pub fn decode<T: Taker>(
    input: Input,
    interrupt: Interrupt,
    taker: T,
    progress: impl FnMut(u64),
) -> Outcome<Decoded<T>> {
    let session = Session::new(input, interrupt)?;
    let parser = session.read_by("parsebin")?;
    let mut follow = Arc::new(Mutex::new(Follow {
        taker,
        count: 0,
        others: 0,
        pictures: false,
    }));
    let pipeline = session.pipeline.downgrade();
    let (shared, fault) = (follow.clone(), session.fault());
    parser.connect_pad_added(move |_, pad| {
        if let Some(pipeline) = pipeline.upgrade()
            && pad.direction() == gst::PadDirection::Src
        {
            fault.check(added(&shared, &fault, &pipeline, pad));
        }
    });
    session.run(&mut follow, progress)?;
    let mut follow = lock(&follow);
    let (count, pictures) = (follow.count, follow.pictures);
    Ok(Decoded {
        taker: (count > 0).then(|| std::mem::take(&mut follow.taker)),
        count,
        pictures,
    })
}

/// What is known while the file is read.
struct Follow<T> {
    taker: T,
    count: usize,
    others: usize,
    pictures: bool,
}

impl<T: Taker> Work for Arc<Mutex<Follow<T>>> {
    fn has_begun(&self) -> bool {
        let follow = lock(self);
        follow.count + follow.others > 0
    }
}

/// A stream of the file: the first of its kind is decoded.
fn added<T: Taker>(
    shared: &Arc<Mutex<Follow<T>>>,
    fault: &Fault,
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
) -> Outcome {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let name = caps.structure(0).map_or("", |s| s.name().as_str());
    let is = |kinds: &[&str]| kinds.iter().any(|kind| name.starts_with(kind));
    let takes = is(T::KINDS);
    {
        let mut follow = lock(shared);
        follow.pictures |= is(PICTURES);
        if takes {
            follow.count += 1;
        } else {
            follow.others += 1;
        }
        if !takes || follow.count > 1 {
            drop(follow);
            return discard(pipeline, pad);
        }
    }
    let sink = make("fakesink")?;
    sink.set_property("async", false);
    sink.set_property("sync", false);
    sink.set_property("enable-last-sample", false);
    add(pipeline, &sink)?;
    let decoder = encoder(T::DECODER)?;
    add(pipeline, &decoder)?;
    let missing = || Failure::Data("decoder: found no pad, expected two".to_owned());
    let end = sink.static_pad("sink").ok_or_else(missing)?;
    watch(&end, shared, fault);
    join(decoder.static_pad("src").as_ref(), &end)?;
    join(Some(pad), &decoder.static_pad("sink").ok_or_else(missing)?)
}

/// Gives what arrives at the end to its taker.
fn watch<T: Taker>(pad: &gst::Pad, shared: &Arc<Mutex<Follow<T>>>, fault: &Fault) {
    let kinds = gst::PadProbeType::BUFFER
        | gst::PadProbeType::BUFFER_LIST
        | gst::PadProbeType::EVENT_DOWNSTREAM;
    let (shared, fault) = (shared.clone(), fault.clone());
    pad.add_probe(kinds, move |_, info| {
        let mut follow = lock(&shared);
        let taken = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => follow.taker.buffer(buffer),
            Some(gst::PadProbeData::BufferList(list)) => {
                let mut buffers = list.iter_owned();
                buffers.try_for_each(|buffer| follow.taker.buffer(&buffer))
            }
            Some(gst::PadProbeData::Event(event)) => follow.taker.event(event),
            _ => Ok(()),
        };
        drop(follow);
        fault.check(taken);
        gst::PadProbeReturn::Ok
    });
}
