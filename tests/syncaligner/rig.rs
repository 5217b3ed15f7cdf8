//! An aligner with nothing around it: the test's threads push into its sink pads, and all that comes out is kept.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use gst::prelude::*;

use crate::common;

/// Nothing that is to come takes this long.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const AUDIO: &str = "audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=1";
pub const VIDEO: &str = "video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1";
pub const JSON: &str = "application/x-json";
pub const SENSOR: &str = "application/x-sensor,format=F32LE,channels=1,rate=100";

const MS: u64 = 1_000_000;

/// The aligner.
pub struct Rig {
    pub element: gst::Element,
    pub bus: gst::Bus,
}

/// What came out of a source pad.
#[derive(Clone, Debug)]
pub enum Item {
    Buffer(gst::Buffer),
    Event(gst::Event),
}

#[derive(Default)]
struct Seen {
    items: Vec<Item>,
    /// What the pad answers to buffers.
    answer: Option<gst::FlowError>,
    /// Buffers are not taken until this is over.
    blocked: bool,
    flushing: bool,
}

/// A stream through the aligner: the pads before and behind it.
#[derive(Clone)]
pub struct Lane {
    pub pad: gst::Pad,
    pub sink: gst::Pad,
    pub src: gst::Pad,
    pub out: gst::Pad,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    /// Events that went upstream.
    pub upstream: Arc<Mutex<Vec<gst::Event>>>,
}

fn receive(seen: &(Mutex<Seen>, Condvar), item: Item) -> Result<gst::FlowSuccess, gst::FlowError> {
    let (state, news) = seen;
    let mut state = state.lock().expect("no thread panics");
    while state.blocked && !state.flushing {
        state = news.wait(state).expect("no thread panics");
    }
    if state.flushing {
        return Err(gst::FlowError::Flushing);
    }
    state.items.push(item);
    news.notify_all();
    state.answer.map_or(Ok(gst::FlowSuccess::Ok), Err)
}

fn take_event(seen: &(Mutex<Seen>, Condvar), event: gst::Event) {
    let (state, news) = seen;
    let mut state = state.lock().expect("no thread panics");
    match event.type_() {
        gst::EventType::FlushStart => state.flushing = true,
        gst::EventType::FlushStop => state.flushing = false,
        _ => {}
    }
    state.items.push(Item::Event(event));
    news.notify_all();
}

fn out_pad(seen: &Arc<(Mutex<Seen>, Condvar)>) -> gst::Pad {
    let (buffers, events) = (seen.clone(), seen.clone());
    // Without a template a pad takes no caps but its first ones.
    let any = gst::Caps::new_any();
    let (direction, presence) = (gst::PadDirection::Sink, gst::PadPresence::Always);
    let template = gst::PadTemplate::new("sink", direction, presence, &any).expect("a template");
    gst::Pad::builder_from_template(&template)
        .chain_function(move |_, _, buffer| receive(&buffers, Item::Buffer(buffer)))
        .event_function(move |_, _, event| {
            take_event(&events, event);
            true
        })
        .build()
}

fn in_pad(live: Option<u64>, upstream: Arc<Mutex<Vec<gst::Event>>>) -> gst::Pad {
    gst::Pad::builder(gst::PadDirection::Src)
        .event_function(move |_, _, event| {
            upstream.lock().expect("no thread panics").push(event);
            true
        })
        .query_function(move |pad, parent, query| match query.view_mut() {
            gst::QueryViewMut::Latency(query) => {
                let latency = gst::ClockTime::from_mseconds(live.unwrap_or(0));
                query.set(live.is_some(), latency, gst::ClockTime::NONE);
                true
            }
            _ => gst::Pad::query_default(pad, parent, query),
        })
        .build()
}

impl Rig {
    /// An aligner with properties as in a launch line, not yet started.
    pub fn new(properties: &str) -> Self {
        common::init();
        let element =
            gst::parse::launch(&format!("syncaligner {properties}")).expect("the aligner");
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        Self { element, bus }
    }

    /// An aligner that plays, without a clock.
    pub fn playing(properties: &str) -> Self {
        let rig = Self::new(properties);
        rig.set_state(gst::State::Playing);
        rig
    }

    /// An aligner that plays on a test clock, from running time 0.
    pub fn live(properties: &str) -> (Self, gst_check::TestClock) {
        let rig = Self::new(properties);
        let clock = gst_check::TestClock::new();
        rig.element.set_clock(Some(&clock)).expect("a clock");
        rig.element.set_base_time(gst::ClockTime::ZERO);
        rig.element.set_start_time(gst::ClockTime::NONE);
        rig.set_state(gst::State::Playing);
        (rig, clock)
    }

    /// The aligner's answer to a LATENCY query on a source pad: live, least and most, in milliseconds.
    pub fn latency(&self, lane: &Lane) -> (bool, u64, Option<u64>) {
        let mut query = gst::query::Latency::new();
        assert!(lane.src.query(&mut query));
        let (live, min, max) = query.result();
        (live, min.mseconds(), max.map(gst::ClockTime::mseconds))
    }

    pub fn set_state(&self, state: gst::State) {
        self.element.set_state(state).expect("the state changes");
    }

    /// A new stream, of which nothing has come; `live` with that latency in milliseconds.
    pub fn silent(&self, name: &str, live: Option<u64>) -> Lane {
        let sink = self.element.request_pad_simple(name).expect("a pad");
        let src_name = sink.name().replace("sink", "src");
        let src = self.element.static_pad(&src_name).expect("its source pad");
        let seen: Arc<(Mutex<Seen>, Condvar)> = Arc::default();
        let out = out_pad(&seen);
        let upstream = Arc::default();
        let pad = in_pad(live, Arc::clone(&upstream));
        for pad in [&out, &pad] {
            pad.set_active(true).expect("the pad starts");
        }
        src.link(&out).expect("the pads link");
        pad.link(&sink).expect("the pads link");
        Lane {
            pad,
            sink,
            src,
            out,
            seen,
            upstream,
        }
    }

    fn begun(&self, caps: &str, live: Option<u64>) -> Lane {
        let lane = self.silent("sink_%u", live);
        lane.event(gst::event::StreamStart::new(&lane.sink.name()));
        lane.caps(caps);
        lane.segment(0);
        lane
    }

    /// A new stream of a file.
    pub fn file(&self, caps: &str) -> Lane {
        self.begun(caps, None)
    }

    /// A new live stream with that latency in milliseconds.
    pub fn source(&self, caps: &str, latency_ms: u64) -> Lane {
        self.begun(caps, Some(latency_ms))
    }

    /// Says by how many milliseconds a stream is to be later.
    pub fn set_offset(&self, lane: &Lane, ms: i64) {
        let offset = ms * 1_000_000;
        let done = self
            .element
            .emit_by_name::<bool>("set-offset", &[&lane.sink.name().as_str(), &offset]);
        assert!(done);
    }

    /// A field of the statistics of a stream.
    pub fn stat(&self, lane: &Lane, field: &str) -> u64 {
        let stats = self.element.property::<gst::Structure>("stats");
        let stream = stats.get::<gst::Structure>(lane.sink.name().as_str());
        stream.expect("a stream").get(field).expect("a number")
    }

    /// The next message of the aligner of that name.
    pub fn message(&self, name: &str) -> gst::Structure {
        let patience = gst::ClockTime::from_nseconds(PATIENCE.as_nanos() as u64);
        loop {
            let message = self
                .bus
                .timed_pop_filtered(patience, &[gst::MessageType::Element])
                .unwrap_or_else(|| panic!("{name} is posted"));
            let structure = message.structure().expect("it has one").to_owned();
            if structure.name() == name {
                return structure;
            }
        }
    }

    /// True when a message of that name waits.
    pub fn has_message(&self, name: &str) -> bool {
        let next = || self.bus.pop_filtered(&[gst::MessageType::Element]);
        std::iter::from_fn(next).any(|m| m.structure().is_some_and(|s| s.name() == name))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.element.set_state(gst::State::Null);
        self.element.set_bus(None);
    }
}

impl Lane {
    pub fn event(&self, event: gst::Event) {
        assert!(self.pad.push_event(event));
    }

    pub fn caps(&self, caps: &str) {
        let caps: gst::Caps = caps.parse().expect("valid caps");
        self.event(gst::event::Caps::new(&caps));
    }

    /// A segment that begins at so many milliseconds.
    pub fn segment(&self, start_ms: u64) {
        let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
        segment.set_start(gst::ClockTime::from_mseconds(start_ms));
        segment.set_time(gst::ClockTime::from_mseconds(start_ms));
        self.event(gst::event::Segment::new(&segment));
    }

    pub fn end(&self) {
        self.event(gst::event::Eos::new());
    }

    pub fn try_push(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.pad.push(buffer)
    }

    pub fn push(&self, buffer: gst::Buffer) {
        assert_eq!(self.try_push(buffer), Ok(gst::FlowSuccess::Ok));
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.0.lock().expect("no thread panics")
    }

    /// Waits until what came out is as wanted.
    pub fn wait(&self, what: &str, wanted: impl Fn(&[Item]) -> bool) {
        let (state, news) = &*self.seen;
        let state = state.lock().expect("no thread panics");
        let missing = |seen: &mut Seen| !wanted(&seen.items);
        let (state, waited) = news
            .wait_timeout_while(state, PATIENCE, missing)
            .expect("no thread panics");
        let items = state.items.len();
        drop(state);
        assert!(!waited.timed_out(), "{what}: {items} came out");
    }

    /// Waits until so many buffers came out, and gives them.
    pub fn buffers(&self, number: usize) -> Vec<gst::Buffer> {
        let what = format!("{number} buffers");
        self.wait(&what, |items| only_buffers(items).len() >= number);
        self.all()
    }

    /// Waits until what came out ends at so many milliseconds, or a millisecond before.
    pub fn wait_for_time(&self, ms: u64) {
        let wanted = gst::ClockTime::from_mseconds(ms - 1);
        self.wait(&format!("what is at {ms} ms"), |items| {
            let last = only_buffers(items).pop();
            last.is_some_and(|b| b.pts().unwrap() + b.duration().unwrap() >= wanted)
        });
    }

    /// The buffers that came out so far.
    pub fn all(&self) -> Vec<gst::Buffer> {
        only_buffers(&self.state().items)
    }

    /// PTS in milliseconds of the first so many buffers.
    pub fn times(&self, number: usize) -> Vec<u64> {
        pts_ms(&self.buffers(number))
    }

    /// The events that came out so far.
    pub fn events(&self) -> Vec<gst::Event> {
        let event = |item: &Item| match item {
            Item::Event(event) => Some(event.clone()),
            Item::Buffer(_) => None,
        };
        self.state().items.iter().filter_map(event).collect()
    }

    /// Waits until an event of that type came out.
    pub fn wait_for(&self, type_: gst::EventType) {
        self.wait(&format!("{type_:?}"), |items| {
            items
                .iter()
                .any(|item| matches!(item, Item::Event(e) if e.type_() == type_))
        });
    }

    pub fn items(&self) -> Vec<Item> {
        self.state().items.clone()
    }

    /// What downstream answers to buffers from now on.
    pub fn answer(&self, answer: Option<gst::FlowError>) {
        self.state().answer = answer;
    }

    /// Downstream takes nothing, or takes again.
    pub fn block(&self, blocked: bool) {
        self.state().blocked = blocked;
        self.seen.1.notify_all();
    }

    /// Waits until the aligner takes no more of this stream.
    pub fn wait_full(&self, rig: &Rig) {
        let begun = std::time::Instant::now();
        // 200 ms of sound, and what the task has in hand.
        while rig.stat(self, "buffered-bytes") < 10 * 960 * 4 {
            assert!(begun.elapsed() < PATIENCE, "the queue fills");
            std::thread::yield_now();
        }
    }

    /// Forgets what came out.
    pub fn clear(&self) {
        self.state().items.clear();
    }
}

fn only_buffers(items: &[Item]) -> Vec<gst::Buffer> {
    let buffer = |item: &Item| match item {
        Item::Buffer(buffer) => Some(buffer.clone()),
        Item::Event(_) => None,
    };
    items.iter().filter_map(buffer).collect()
}

/// Sets the clock to so many milliseconds, and lets everybody know who waits for that or less.
pub fn set_clock(clock: &gst_check::TestClock, ms: u64) {
    let now = gst::ClockTime::from_mseconds(ms);
    clock.set_time(now);
    while clock.next_entry_time().is_some_and(|next| next <= now) {
        clock.process_next_clock_id();
    }
}

/// PTS in milliseconds.
pub fn pts_ms(buffers: &[gst::Buffer]) -> Vec<u64> {
    let pts = |b: &gst::Buffer| b.pts().expect("a PTS").nseconds() / MS;
    buffers.iter().map(pts).collect()
}

/// A buffer of so many bytes.
pub fn bytes(ms: u64, duration_ms: u64, data: Vec<u8>) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(data);
    let made = buffer.get_mut().expect("a new buffer is ours");
    made.set_pts(gst::ClockTime::from_mseconds(ms));
    made.set_duration(gst::ClockTime::from_mseconds(duration_ms));
    buffer
}

/// 20 ms of [`AUDIO`], each sample its number since 0.
pub fn audio(ms: u64) -> gst::Buffer {
    let first = ms * 48;
    let samples = (first..first + 960).flat_map(|n| (n as f32 * 1e-6).to_le_bytes());
    bytes(ms, 20, samples.collect())
}

/// A frame of [`VIDEO`].
pub fn video(ms: u64) -> gst::Buffer {
    bytes(ms, 40, vec![(ms / 40) as u8; 256])
}

/// An event as [`JSON`].
pub fn json(ms: u64) -> gst::Buffer {
    bytes(ms, 0, format!("{{\"at\":{ms}}}").into_bytes())
}
