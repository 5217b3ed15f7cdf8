//! Packets as they pass a pad, in running time, so that two pipelines with different segments compare.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use sha2::{Digest, Sha256};

use super::pipeline::{Run, launch, run};

/// One buffer. Times are nanoseconds of running time and may be negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Presentation time.
    pub pts: Option<i64>,
    /// Decoding time.
    pub dts: Option<i64>,
    /// Duration in nanoseconds.
    pub duration: Option<u64>,
    /// Buffer flags but TAG_MEMORY, which is about allocation.
    pub flags: gst::BufferFlags,
    /// The caps in force.
    pub caps: Option<gst::Caps>,
    /// Bytes of payload.
    pub size: usize,
    /// SHA-256 of the payload, hexadecimal.
    pub sha256: String,
}

/// All that passed a pad.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// The pad's name.
    pub pad: String,
    /// Buffers, in order.
    pub packets: Vec<Packet>,
    /// Stream id of the last STREAM_START.
    pub stream_id: Option<String>,
    /// Its flags.
    pub stream_flags: Option<gst::StreamFlags>,
    /// Every CAPS event's caps.
    pub caps: Vec<gst::Caps>,
    /// Every event but those above, in order.
    pub events: Vec<gst::Event>,
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
}

impl Stream {
    /// Whether an EOS event passed.
    pub fn ended(&self) -> bool {
        self.events.iter().any(|e| e.type_() == gst::EventType::Eos)
    }

    /// The packets less the DISCONT flag of the first one: demuxers set it whatever the source had.
    pub fn comparable(&self) -> Vec<Packet> {
        let mut packets = self.packets.clone();
        if let Some(first) = packets.first_mut() {
            first.flags.remove(gst::BufferFlags::DISCONT);
        }
        packets
    }

    fn buffer(&mut self, buffer: &gst::BufferRef) {
        let running = |time: Option<gst::ClockTime>| -> Option<i64> {
            let time = self.segment.as_ref()?.to_running_time_full(time?)?;
            Some(match time {
                gst::Signed::Positive(t) => t.nseconds() as i64,
                gst::Signed::Negative(t) => -(t.nseconds() as i64),
            })
        };
        let map = buffer.map_readable().expect("a buffer can be read");
        let packet = Packet {
            pts: running(buffer.pts()),
            dts: running(buffer.dts()),
            duration: buffer.duration().map(|d| d.nseconds()),
            // `flags()` would leave out those of video, such as interlacing.
            flags: gstharmony::meta::all_flags(buffer) - gst::BufferFlags::TAG_MEMORY,
            caps: self.caps.last().cloned(),
            size: map.len(),
            sha256: format!("{:x}", Sha256::digest(&map)),
        };
        self.packets.push(packet);
    }

    fn event(&mut self, event: &gst::Event) {
        match event.view() {
            gst::EventView::StreamStart(e) => {
                self.stream_id = Some(e.stream_id().to_owned());
                self.stream_flags = Some(e.stream_flags());
            }
            gst::EventView::Caps(e) => self.caps.push(e.caps_owned()),
            gst::EventView::Segment(e) => self.segment = e.segment().clone().downcast().ok(),
            _ => {}
        }
        if !matches!(
            event.type_(),
            gst::EventType::StreamStart | gst::EventType::Caps
        ) {
            self.events.push(event.clone());
        }
    }
}

/// Watches pads of a pipeline while it runs; pads are told apart by the order in which they were added.
#[derive(Clone, Default)]
pub struct Tap(Arc<Mutex<Vec<Arc<Mutex<Stream>>>>>);

impl Tap {
    /// Watches what flows through `pad` from now on.
    pub fn pad(&self, pad: &gst::Pad) {
        let stream = Arc::new(Mutex::new(Stream {
            pad: pad.name().into(),
            ..Default::default()
        }));
        self.0
            .lock()
            .expect("no test thread panics")
            .push(stream.clone());
        let mask = gst::PadProbeType::BUFFER
            | gst::PadProbeType::BUFFER_LIST
            | gst::PadProbeType::EVENT_DOWNSTREAM
            | gst::PadProbeType::EVENT_FLUSH;
        pad.add_probe(mask, move |_, info| {
            let mut stream = stream.lock().expect("no test thread panics");
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => stream.buffer(buffer),
                Some(gst::PadProbeData::BufferList(list)) => {
                    list.iter().for_each(|b| stream.buffer(b))
                }
                Some(gst::PadProbeData::Event(event)) => stream.event(event),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Watches every present and coming sink pad of a muxer.
    pub fn sinks(&self, muxer: &gst::Element) {
        muxer.sink_pads().iter().for_each(|p| self.pad(p));
        let tap = self.clone();
        muxer.connect_pad_added(move |_, pad| {
            if pad.direction() == gst::PadDirection::Sink {
                tap.pad(pad);
            }
        });
    }

    /// Watches every present and coming source pad of a demuxer or parser, and ends each in a fakesink.
    pub fn sources(&self, pipeline: &gst::Pipeline, demuxer: &gst::Element) {
        let (tap, weak) = (self.clone(), pipeline.downgrade());
        let take = move |pad: &gst::Pad| {
            let Some(pipeline) = weak.upgrade() else {
                return;
            };
            // Not async: one thread feeds all sinks, which could not preroll one after the other.
            let sink = gst::ElementFactory::make("fakesink")
                .property("sync", false)
                .property("async", false)
                .build()
                .expect("fakesink");
            pipeline.add(&sink).expect("the sink is added");
            tap.pad(pad);
            pad.link(&sink.static_pad("sink").expect("a sink pad"))
                .expect("the pad links");
            sink.sync_state_with_parent().expect("the sink starts");
        };
        demuxer.src_pads().iter().for_each(&take);
        demuxer.connect_pad_added(move |_, pad| {
            if pad.direction() == gst::PadDirection::Src {
                take(pad);
            }
        });
    }

    /// What was seen so far, a stream for each pad.
    pub fn streams(&self) -> Vec<Stream> {
        let streams = self.0.lock().expect("no test thread panics");
        streams
            .iter()
            .map(|s| s.lock().expect("no test thread panics").clone())
            .collect()
    }
}

/// Runs `description`, whose demuxer or parser is named `d` and has open source pads, and returns what
/// each of its pads gave.
pub fn capture(description: &str) -> (Run, Vec<Stream>) {
    let pipeline = launch(description);
    let demuxer = pipeline.by_name("d").expect("an element named d");
    let tap = Tap::default();
    tap.sources(&pipeline, &demuxer);
    let run = run(&pipeline);
    (run, tap.streams())
}

/// Fails with the first difference unless the streams are the same, in any order.
pub fn same_streams(recorded: &[Stream], played: &[Stream]) {
    assert_eq!(played.len(), recorded.len(), "streams");
    let mut left: Vec<&Stream> = played.iter().collect();
    for stream in recorded {
        let same = |other: &&Stream| other.comparable() == stream.comparable();
        if let Some(at) = left.iter().position(same) {
            left.swap_remove(at);
            continue;
        }
        let alike = left.iter().find(|s| s.caps.first() == stream.caps.first());
        differ(stream, alike.or(left.first()).expect("as many streams"));
    }
}

/// Fails with what is different.
fn differ(recorded: &Stream, played: &Stream) -> ! {
    let (recorded_packets, played_packets) = (recorded.comparable(), played.comparable());
    let pairs = recorded_packets.iter().zip(&played_packets).enumerate();
    for (at, (wanted, found)) in pairs {
        assert_eq!(
            found, wanted,
            "packet {at} of {}, played on {}",
            recorded.pad, played.pad
        );
    }
    panic!(
        "{} has {} packets, {} are played on {}",
        recorded.pad,
        recorded_packets.len(),
        played_packets.len(),
        played.pad
    );
}
