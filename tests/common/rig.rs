//! A muxer with nothing around it: the test's thread pushes into its pads and sees each buffer that comes out.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use gst::prelude::*;
use gstharmony::h4mk::{Block, Record, Step, Walk};

/// No muxer takes this long to write what is ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// A muxer between pads of the test's.
pub struct Rig {
    pub mux: gst::Element,
    pub bus: gst::Bus,
    out: gst::Pad,
    buffers: Receiver<gst::Buffer>,
    events: Arc<Events>,
    /// What came out, in order.
    pub seen: Vec<gst::Buffer>,
    /// Buffers of each push.
    lengths: Arc<Mutex<Vec<usize>>>,
    /// What downstream answers to the next push.
    answer: Arc<Mutex<Result<gst::FlowSuccess, gst::FlowError>>>,
}

/// Events that came out, and news of them.
#[derive(Default)]
struct Events {
    seen: Mutex<Vec<gst::Event>>,
    news: Condvar,
}

/// A source pad that feeds the muxer.
#[derive(Clone)]
pub struct Input {
    pub pad: gst::Pad,
    pub sink: gst::Pad,
}

/// What an input says of itself.
#[derive(Clone, Copy, Default)]
pub struct Kind {
    /// Live, with this latency in nanoseconds.
    pub live: Option<u64>,
    /// Its STREAM_START says that it is sparse.
    pub sparse: bool,
}

/// A file that was written, taken apart.
#[derive(Default)]
pub struct Written {
    pub records: Vec<Record>,
    pub blocks: Vec<Block>,
    pub bytes: Vec<u8>,
    /// The footer was there and right.
    pub whole: bool,
}

fn out_pad(
    sender: Sender<gst::Buffer>,
    events: Arc<Events>,
    answer: Arc<Mutex<Result<gst::FlowSuccess, gst::FlowError>>>,
    lengths: Arc<Mutex<Vec<usize>>>,
) -> gst::Pad {
    let (one, many) = (lengths.clone(), lengths);
    let (single, list) = (sender.clone(), sender);
    let (first, second) = (answer.clone(), answer);
    let say = |answer: &Mutex<_>| *answer.lock().expect("no thread panics");
    // Without a template a pad takes no caps but its first ones.
    let any = gst::Caps::new_any();
    let (direction, presence) = (gst::PadDirection::Sink, gst::PadPresence::Always);
    let template = gst::PadTemplate::new("sink", direction, presence, &any).expect("a template");
    gst::Pad::builder_from_template(&template)
        .chain_function(move |_, _, buffer| {
            one.lock().expect("no thread panics").push(1);
            // The rig may be gone.
            let _ = single.send(buffer);
            say(&first)
        })
        .chain_list_function(move |_, _, buffers| {
            many.lock().expect("no thread panics").push(buffers.len());
            for buffer in buffers.iter_owned() {
                let _ = list.send(buffer);
            }
            say(&second)
        })
        .event_function(move |_, _, event| {
            events.seen.lock().expect("no thread panics").push(event);
            events.news.notify_all();
            true
        })
        .build()
}

impl Rig {
    /// `h4mkmux` with properties as in a launch line, not yet started.
    pub fn new(properties: &str) -> Self {
        Self::of("h4mkmux", properties)
    }

    /// A muxer with properties as in a launch line, not yet started.
    pub fn of(muxer: &str, properties: &str) -> Self {
        super::init();
        let mux = gst::parse::launch(&format!("{muxer} {properties}")).expect("the muxer");
        let (sender, buffers) = channel();
        let events = Arc::new(Events::default());
        let answer = Arc::new(Mutex::new(Ok(gst::FlowSuccess::Ok)));
        let lengths = Arc::default();
        let out = out_pad(sender, events.clone(), answer.clone(), Arc::clone(&lengths));
        out.set_active(true).expect("the pad starts");
        let src = mux.static_pad("src").expect("a source pad");
        src.link(&out).expect("the pads link");
        let bus = gst::Bus::new();
        mux.set_bus(Some(&bus));
        let seen = Vec::new();
        Self {
            mux,
            bus,
            out,
            buffers,
            events,
            seen,
            lengths,
            answer,
        }
    }

    /// `h4mkmux`, playing.
    pub fn playing(properties: &str) -> Self {
        let rig = Self::new(properties);
        rig.set_state(gst::State::Playing);
        rig
    }

    pub fn set_state(&self, state: gst::State) {
        self.mux.set_state(state).expect("the state changes");
    }

    /// What downstream answers from now on.
    pub fn set_answer(&self, answer: Result<gst::FlowSuccess, gst::FlowError>) {
        *self.answer.lock().expect("no thread panics") = answer;
    }

    /// A new pad from a template or of a name, with a source on it that has said nothing yet.
    pub fn silent(&self, name: &str, kind: Kind) -> Input {
        let sink = self
            .mux
            .request_pad_simple(name)
            .expect("the muxer gives a pad");
        let pad = gst::Pad::builder(gst::PadDirection::Src)
            .query_function(move |pad, parent, query| match query.view_mut() {
                gst::QueryViewMut::Latency(query) => {
                    let latency = gst::ClockTime::from_nseconds(kind.live.unwrap_or(0));
                    query.set(kind.live.is_some(), latency, gst::ClockTime::NONE);
                    true
                }
                _ => gst::Pad::query_default(pad, parent, query),
            })
            .build();
        pad.set_active(true).expect("the pad starts");
        pad.link(&sink).expect("the pads link");
        let flags = if kind.sparse {
            gst::StreamFlags::SPARSE
        } else {
            gst::StreamFlags::empty()
        };
        let start = gst::event::StreamStart::builder(name).flags(flags);
        assert!(pad.push_event(start.build()));
        Input { pad, sink }
    }

    /// A new pad with caps and a segment from 0 on.
    pub fn input(&self, name: &str, caps: &str) -> Input {
        self.input_of_kind(name, caps, Kind::default())
    }

    pub fn input_of_kind(&self, name: &str, caps: &str, kind: Kind) -> Input {
        let input = self.silent(name, kind);
        input.caps(caps);
        input.segment();
        input
    }

    /// The next buffer that comes out.
    pub fn next(&mut self) -> gst::Buffer {
        let buffer = self.buffers.recv_timeout(PATIENCE).expect("a buffer");
        self.seen.push(buffer.clone());
        buffer
    }

    /// What is out now.
    pub fn drain(&mut self) -> usize {
        let before = self.seen.len();
        self.seen.extend(self.buffers.try_iter());
        self.seen.len() - before
    }

    /// What is out now, a list for each push.
    pub fn lists(&mut self) -> Vec<Vec<gst::Buffer>> {
        self.drain();
        let mut buffers = self.seen.iter().cloned();
        let lengths = self.lengths.lock().expect("no thread panics");
        let list = |length: &usize| buffers.by_ref().take(*length).collect();
        lengths.iter().map(list).collect()
    }

    /// Events that came out.
    pub fn events(&self) -> Vec<gst::Event> {
        self.events.seen.lock().expect("no thread panics").clone()
    }

    pub fn ended(&self) -> bool {
        let events = self.events();
        events.iter().any(|e| e.type_() == gst::EventType::Eos)
    }

    /// Waits for EOS.
    pub fn wait_for_end(&self) {
        let seen = self.events.seen.lock().expect("no thread panics");
        let missing = |seen: &mut Vec<gst::Event>| {
            let mut types = seen.iter().map(|e| e.type_());
            types.all(|t| t != gst::EventType::Eos)
        };
        let news = &self.events.news;
        let waited = news.wait_timeout_while(seen, PATIENCE, missing);
        assert!(
            !waited.expect("no thread panics").1.timed_out(),
            "EOS comes"
        );
    }

    /// The file as it is now.
    pub fn file(&mut self) -> Written {
        self.drain();
        let mut bytes = Vec::new();
        for buffer in &self.seen {
            assert_eq!(
                buffer.offset(),
                bytes.len() as u64,
                "OFFSET is the position"
            );
            bytes.extend_from_slice(&buffer.map_readable().expect("readable"));
        }
        read(bytes)
    }

    /// (track, PTS in ms) of each block of the file as it is now.
    pub fn order(&mut self) -> Vec<(u16, i64)> {
        let file = self.file();
        let blocks = file.blocks.iter();
        blocks
            .map(|b| (b.meta.track_id, b.meta.timing.pts.unwrap_or(-1) / 1_000_000))
            .collect()
    }

    /// The text of the error message on the bus.
    pub fn error(&self) -> String {
        let message = self
            .bus
            .timed_pop_filtered(gst::ClockTime::from_seconds(60), &[gst::MessageType::Error])
            .expect("an error message");
        match message.view() {
            gst::MessageView::Error(e) => {
                format!("{} ({})", e.error(), e.debug().unwrap_or_default())
            }
            _ => unreachable!("the bus was filtered"),
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.mux.set_state(gst::State::Null);
        self.mux.set_bus(None);
        let _ = self.out.set_active(false);
    }
}

/// Takes a file apart, every CRC checked.
pub fn read(bytes: Vec<u8>) -> Written {
    let mut written = Written::default();
    let mut walk = Walk::new(Some(bytes.len() as u64));
    loop {
        let window = &bytes[walk.position() as usize..];
        match walk.step(window, true).expect("a valid file") {
            Step::Header(_) => {}
            Step::Chunk(_, record) => written.records.push(record),
            Step::Block(block) => {
                let mut check = block.check.clone();
                let end = block.end() as usize;
                check.update(&bytes[check.next_offset() as usize..end - 4]);
                let crc = bytes[end - 4..end].try_into().expect("four bytes");
                check.finish(crc).expect("the CRC holds");
                written.blocks.push(block);
            }
            Step::Footer { .. } => {
                written.whole = true;
                break;
            }
            Step::Cut(_) | Step::Need(_) => break,
        }
    }
    written.bytes = bytes;
    written
}

impl Written {
    /// The payload of a block.
    pub fn payload(&self, block: &Block) -> &[u8] {
        &self.bytes[block.data_offset() as usize..block.end() as usize - 4]
    }

    /// Every TRAK, in order.
    pub fn tracks(&self) -> Vec<&gstharmony::h4mk::Tracks> {
        let tracks = self.records.iter().filter_map(|record| match record {
            Record::Tracks(tracks) => Some(&**tracks),
            _ => None,
        });
        tracks.collect()
    }
}

/// A buffer at so many milliseconds, large enough to be passed on as it is.
pub fn buffer(ms: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(ms.to_le_bytes().repeat(32));
    let made = buffer.get_mut().expect("a new buffer is ours");
    made.set_pts(gst::ClockTime::from_mseconds(ms));
    buffer
}

impl Input {
    pub fn caps(&self, caps: &str) {
        let caps: gst::Caps = caps.parse().expect("valid caps");
        assert!(self.pad.push_event(gst::event::Caps::new(&caps)));
    }

    pub fn segment(&self) {
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        self.event(gst::event::Segment::new(&segment));
    }

    pub fn event(&self, event: gst::Event) {
        assert!(self.pad.push_event(event));
    }

    /// Pushes a buffer at so many milliseconds.
    pub fn push(&self, ms: u64) {
        assert_eq!(self.pad.push(buffer(ms)), Ok(gst::FlowSuccess::Ok));
    }

    pub fn gap(&self, ms: u64, duration_ms: u64) {
        let gap = gst::event::Gap::builder(gst::ClockTime::from_mseconds(ms))
            .duration(gst::ClockTime::from_mseconds(duration_ms));
        self.event(gap.build());
    }

    pub fn end(&self) {
        self.event(gst::event::Eos::new());
    }
}
