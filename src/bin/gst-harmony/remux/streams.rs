//! The streams as the demuxer finds them. They wait until all of them are known: a muxer writes its tracks first.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::AudioCodec;
use super::codecs::{self, Way, make, way};
use super::output::{Output, add, join};
use super::track::{Origin, Shared, attach, lock};
use crate::failure::{Failure, Outcome};
use crate::session::{Fault, Session};

/// How far streams may lie apart in the source, in bytes of the one that is ahead.
const MOST_APART: u32 = 256 << 20;

/// A stream that is not in the output.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// Its place in the source, from 0.
    pub stream: usize,
    pub codec: String,
    pub why: &'static str,
}

/// A stream that is held back.
struct Waiting {
    stream: usize,
    /// Its queue's source pad, blocked by this probe.
    pad: gst::Pad,
    block: Option<gst::PadProbeId>,
    caps: Option<gst::Caps>,
    ended: bool,
}

/// What the streams became so far.
pub struct Streams {
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    outputs: Vec<Output>,
    transcode: Option<AudioCodec>,
    /// Streams wait here for each other, however far apart they lie in the source.
    queues: gst::Element,
    count: usize,
    waiting: Vec<Waiting>,
    /// A demuxer is there, which tells when it has all its pads.
    demuxer: bool,
    /// No pad follows, as far as is known.
    complete: bool,
    pub tracks: Vec<Shared>,
    pub left_out: Vec<LeftOut>,
    fault: Fault,
}

/// What the callbacks share.
pub type SharedStreams = Arc<Mutex<Streams>>;

impl Streams {
    /// Follows `demuxer`, which is in the session's pipeline.
    pub fn follow(
        session: &Session,
        demuxer: &gst::Element,
        outputs: Vec<Output>,
        transcode: Option<AudioCodec>,
    ) -> Outcome<SharedStreams> {
        let queues = make("multiqueue")?;
        // A queue grows past its buffers while another is empty; the bytes are the bound.
        queues.set_property("max-size-buffers", 50u32);
        queues.set_property("max-size-time", 0u64);
        queues.set_property("max-size-bytes", MOST_APART);
        add(&session.pipeline, &queues)?;
        let streams = Arc::new(Mutex::new(Self {
            pipeline: session.pipeline.downgrade(),
            outputs,
            transcode,
            queues: queues.clone(),
            count: 0,
            waiting: Vec::new(),
            demuxer: false,
            complete: false,
            tracks: Vec::new(),
            left_out: Vec::new(),
            fault: session.fault(),
        }));
        let shared = streams.clone();
        demuxer.connect_pad_added(move |_, pad| {
            if pad.direction() == gst::PadDirection::Src {
                let added = lock(&shared).added(&shared, pad);
                lock(&shared).fault.check(added);
            }
        });
        let shared = streams.clone();
        queues.connect("overrun", false, move |_| {
            let mut streams = lock(&shared);
            let filled = streams.filled();
            streams.fault.check(filled);
            None
        });
        match demuxer.downcast_ref::<gst::Bin>() {
            Some(bin) => {
                let shared = streams.clone();
                bin.connect_deep_element_added(move |_, _, element| {
                    let klass = element
                        .metadata(gst::ELEMENT_METADATA_KLASS)
                        .unwrap_or_default();
                    if klass.contains("Demux") {
                        told(&shared, element);
                    }
                });
            }
            None => told(&streams, demuxer),
        }
        Ok(streams)
    }

    /// No stream was found yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A pad of the demuxer: its packets go into a queue whose end is blocked.
    fn added(&mut self, shared: &SharedStreams, pad: &gst::Pad) -> Outcome {
        let Some(pipeline) = self.pipeline.upgrade() else {
            return Ok(());
        };
        let stream = self.count;
        self.count += 1;
        let caps = pad.current_caps();
        let text = pad
            .query_caps(None)
            .structure(0)
            .is_some_and(|s| s.name().starts_with("text/"));
        let missing = || Failure::Data("queue: found no pad, expected one".to_owned());
        let (sink, source) = if text {
            // Text comes seldom: a queue that is empty most of the time would let the others grow without need.
            let queue = make("queue")?;
            queue.set_property("max-size-buffers", 0u32);
            queue.set_property("max-size-bytes", 0u32);
            queue.set_property("max-size-time", 0u64);
            add(&pipeline, &queue)?;
            (queue.static_pad("sink"), queue.static_pad("src"))
        } else {
            let sink = self.queues.request_pad_simple("sink_%u");
            let name = sink
                .as_ref()
                .map(|sink| sink.name().replace("sink", "src"))
                .unwrap_or_default();
            (sink, self.queues.static_pad(&name))
        };
        let (sink, source) = sink.zip(source).ok_or_else(missing)?;
        let block = source.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_, _| {
            gst::PadProbeReturn::Ok
        });
        self.waiting.push(Waiting {
            stream,
            pad: source,
            block,
            caps,
            ended: false,
        });
        let weak = Arc::downgrade(shared);
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            let (Some(event), Some(shared)) = (info.event(), weak.upgrade()) else {
                return gst::PadProbeReturn::Ok;
            };
            let news = match event.view() {
                gst::EventView::Caps(caps) => Some(caps.caps_owned()),
                gst::EventView::Eos(_) => None,
                _ => return gst::PadProbeReturn::Ok,
            };
            let mut streams = lock(&shared);
            let known = streams.known(stream, news);
            streams.fault.check(known);
            gst::PadProbeReturn::Ok
        });
        join(Some(pad), &sink)?;
        // Without a demuxer there is one stream.
        self.complete |= !self.demuxer;
        self.release()
    }

    /// The caps of a stream, or its end.
    fn known(&mut self, stream: usize, caps: Option<gst::Caps>) -> Outcome {
        if let Some(waiting) = self
            .waiting
            .iter_mut()
            .find(|waiting| waiting.stream == stream)
        {
            waiting.ended |= caps.is_none();
            waiting.caps = caps.or_else(|| waiting.caps.take());
        }
        // Some demuxers never say that they have all.
        self.complete |= self.waiting.iter().all(|waiting| waiting.ended);
        self.release()
    }

    /// Lets the streams go when all of them are known.
    fn release(&mut self) -> Outcome {
        let known = |waiting: &Waiting| waiting.caps.is_some() || waiting.ended;
        match self.complete && self.waiting.iter().all(known) {
            true => self.open(),
            false => Ok(()),
        }
    }

    /// A queue is full: either all streams are known, or they are too far apart.
    fn filled(&mut self) -> Outcome {
        if !self.waiting.is_empty() {
            self.complete = true;
            return self.open();
        }
        let full = |pad: &gst::Pad| pad.property::<u32>("current-level-bytes") >= MOST_APART;
        if !self.queues.src_pads().iter().any(full) {
            return Ok(());
        }
        Err(Failure::Data(format!(
            "streams lie too far apart: found more than {} MiB of one before the next packet of another",
            MOST_APART >> 20
        )))
    }

    /// Links the streams that wait to the outputs, and lets them go.
    fn open(&mut self) -> Outcome {
        let Some(pipeline) = self.pipeline.upgrade() else {
            return Ok(());
        };
        let mut waiting = std::mem::take(&mut self.waiting);
        for waiting in &waiting {
            self.take(&pipeline, waiting)?;
        }
        for waiting in &mut waiting {
            if let Some(block) = waiting.block.take() {
                waiting.pad.remove_probe(block);
            }
        }
        Ok(())
    }

    fn take(&mut self, pipeline: &gst::Pipeline, waiting: &Waiting) -> Outcome {
        let caps = waiting.caps.clone().unwrap_or_else(gst::Caps::new_empty);
        let way = way(&caps, waiting.stream, self.transcode).map_err(Failure::Data)?;
        if let Way::LeftOut(why) = way {
            let codec = codecs::description(&caps);
            self.left_out.push(LeftOut {
                stream: waiting.stream,
                codec,
                why,
            });
        }
        let kind = way.kind().map(|kind| kind.name());
        let count = self
            .tracks
            .iter()
            .filter(|track| Some(lock(track).kind) == kind)
            .count();
        let origin = Origin {
            pad: &waiting.pad,
            caps: &caps,
            way,
            count,
        };
        self.tracks.extend(attach(pipeline, &self.outputs, origin)?);
        Ok(())
    }
}

/// Listens to a demuxer that will say when it has all its pads.
fn told(shared: &SharedStreams, demuxer: &gst::Element) {
    lock(shared).demuxer = true;
    let weak = Arc::downgrade(shared);
    demuxer.connect_no_more_pads(move |_| {
        if let Some(shared) = weak.upgrade() {
            let mut streams = lock(&shared);
            streams.complete = true;
            let released = streams.release();
            streams.fault.check(released);
        }
    });
}
