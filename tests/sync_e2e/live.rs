//! Microphones and cameras that deliver in time with a test clock, which stands for the reference's.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::time::Instant;

use gst::prelude::*;

use crate::rig::{Lane, PATIENCE, Rig};
use crate::scene::{Clock, Scene};

pub const RATE: f64 = 48_000.0;
/// Samples of a buffer: 20 ms.
pub const FRAME: usize = 960;
/// Of the second microphone's own tone.
pub const TONE_HZ: f64 = 50.0;
pub const TONE_LEVEL: f64 = 0.3;
/// Both microphones say that they are so late, in milliseconds.
const SOURCE_LATENCY: u64 = 20;
/// How long a second of media may be looked at.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(250);

const MONO: &str = "audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=1";
const STEREO: &str =
    "audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=2,channel-mask=(bitmask)3";

/// A source: its buffers, each with the time on the clock at which it is there.
struct Source {
    lane: Lane,
    buffers: VecDeque<(f64, gst::Buffer)>,
}

/// A microphone or two, what else the test puts beside them, an aligner behind them and the clock.
pub struct Stage {
    pub rig: Rig,
    clock: gst_check::TestClock,
    sources: Vec<Source>,
    /// What was sent: of the reference, of the second microphone, and of those that came later.
    pub sent: Vec<Vec<gst::Buffer>>,
    /// The time on the clock, in seconds.
    pub now: f64,
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// A buffer of that time and duration in seconds.
pub fn buffer(time: f64, duration: f64, data: Vec<u8>) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(data);
    let made = buffer.get_mut().expect("a new buffer is ours");
    made.set_pts(gst::ClockTime::from_nseconds(nanoseconds(time)));
    made.set_duration(gst::ClockTime::from_nseconds(nanoseconds(duration)));
    buffer
}

fn sound(time: f64, values: impl Iterator<Item = f32>) -> gst::Buffer {
    buffer(time, 0.02, values.flat_map(f32::to_le_bytes).collect())
}

/// The reference: what is recorded is there at once.
fn reference(recorded: &[f32]) -> VecDeque<(f64, gst::Buffer)> {
    let frame = |(number, frame): (usize, &[f32])| {
        let time = (number * FRAME) as f64 / RATE;
        (time + 0.02, sound(time, frame.iter().copied()))
    };
    let frames = recorded.chunks_exact(FRAME);
    frames.enumerate().map(frame).collect()
}

/// What the own time 0 of a clock is called where its timestamps are `lead` seconds less than the truth at first, and from
/// when on those and the clock's time are not negative.
pub fn naming(clock: &Clock, lead: f64) -> (f64, f64) {
    let offset = clock.apply(0.0);
    let base = offset - lead;
    (base, (0.0_f64).max(-base).max(-offset) + 0.02)
}

/// The other one, whose clock drifts. The second channel has the tone.
fn other(scene: &Scene, lead: f64) -> VecDeque<(f64, gst::Buffer)> {
    let (base, first) = naming(&scene.clock, lead);
    let frame = |(number, frame): (usize, &[f32])| {
        let start = number * FRAME;
        let time = start as f64 / RATE;
        let stereo = frame.iter().enumerate().flat_map(|(at, &heard)| {
            let own = (start + at) as f64 / RATE;
            let tone = TONE_LEVEL * (TAU * TONE_HZ * own).sin();
            [heard, tone as f32]
        });
        let there = scene.clock.apply(time + 0.02);
        (time >= first).then(|| (there, sound(time + base, stereo)))
    };
    let chunks = scene.heard.chunks_exact(FRAME);
    chunks.enumerate().filter_map(frame).collect()
}

impl Stage {
    /// An aligner with these properties and a microphone before it, which is the reference.
    pub fn alone(properties: &str, recorded: &[f32]) -> Self {
        let (rig, clock) = Rig::live(properties);
        let mut stage = Self {
            rig,
            clock,
            sources: Vec::new(),
            sent: Vec::new(),
            now: 0.0,
        };
        stage.add(MONO, SOURCE_LATENCY, reference(recorded));
        stage
    }

    /// An aligner with these properties and two microphones before it, of which the second's timestamps are `lead` seconds
    /// less than the truth at first.
    pub fn new(properties: &str, scene: &Scene, lead: f64) -> Self {
        let mut stage = Self::alone(properties, &scene.reference);
        stage.add(STEREO, SOURCE_LATENCY, other(scene, lead));
        stage
    }

    /// One more source, which says that it is so many milliseconds late; its number.
    pub fn add(
        &mut self,
        caps: &str,
        latency_ms: u64,
        buffers: VecDeque<(f64, gst::Buffer)>,
    ) -> usize {
        let lane = self.rig.source(caps, latency_ms);
        self.sources.push(Source { lane, buffers });
        self.sent.push(Vec::new());
        self.sources.len() - 1
    }

    /// One more microphone like the second, from now on; its number.
    pub fn join(&mut self, scene: &Scene, lead: f64) -> usize {
        let mut buffers = other(scene, lead);
        buffers.retain(|(at, _)| *at > self.now);
        self.add(STEREO, SOURCE_LATENCY, buffers)
    }

    /// A source goes, and its pads; those that came later get its number and the next.
    pub fn leave(&mut self, number: usize) {
        let source = self.sources.remove(number);
        self.sent.remove(number);
        self.rig.element.release_request_pad(&source.lane.sink);
    }

    /// From now on a source's timestamps are so many seconds more than they would be.
    pub fn shift_timestamps(&mut self, number: usize, by: f64) {
        let by = (by * 1e9) as i64;
        for (_, buffer) in &mut self.sources[number].buffers {
            let pts = buffer.pts().expect("a PTS").nseconds();
            let pts = pts.checked_add_signed(by).expect("a time");
            let made = buffer.make_mut();
            made.set_pts(gst::ClockTime::from_nseconds(pts));
        }
    }

    /// The stream of the reference (0), of the other microphone (1), or of what came later.
    pub fn lane(&self, number: usize) -> &Lane {
        &self.sources[number].lane
    }

    /// How far the measurement of a stream has come.
    pub fn state(&self, number: usize) -> String {
        let value = self.lane(number).sink.property_value("state");
        let (_, state) = gst::glib::EnumValue::from_value(&value).expect("an enum");
        state.nick().to_owned()
    }

    /// Wakes who waits for a time that has come.
    fn ring(&self) {
        let now = self.clock.time();
        while self
            .clock
            .peek_next_pending_id()
            .is_some_and(|id| id.time() <= now)
        {
            self.clock.process_next_clock_id();
        }
    }

    /// Waits until no stream's task is behind: at most two buffers wait before it, as those do whose time is yet to come.
    /// Whoever asks for a time that has passed is woken meanwhile.
    fn keep_up(&self) {
        let began = Instant::now();
        loop {
            self.ring();
            let is_behind = |(source, sent): (&Source, &Vec<gst::Buffer>)| {
                let size = sent.last().map_or(0, |buffer| buffer.size());
                self.rig.stat(&source.lane, "buffered-bytes") > 2 * size as u64
            };
            if !self.sources.iter().zip(&self.sent).any(is_behind) {
                return;
            }
            std::thread::yield_now();
            assert!(
                began.elapsed() < PATIENCE,
                "at {} s nothing moves",
                self.now
            );
        }
    }

    /// Plays the next buffer of whichever source is next; false at the end of one.
    fn step(&mut self) -> bool {
        let due = |source: &Source| source.buffers.front().map(|(at, _)| *at);
        let Some(due) = self.sources.iter().map(due).collect::<Option<Vec<f64>>>() else {
            return false;
        };
        let earliest = due.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        let number = earliest.map_or(0, |(number, _)| number);
        let source = &mut self.sources[number];
        if let Some((at, buffer)) = source.buffers.pop_front() {
            self.now = at;
            self.clock
                .set_time(gst::ClockTime::from_nseconds(nanoseconds(at)));
            self.sent[number].push(buffer.clone());
            source.lane.push(buffer);
        }
        self.ring();
        self.keep_up();
        true
    }

    /// Plays up to a time on the clock, or to the end; false at the end.
    pub fn play(&mut self, until: f64) -> bool {
        while self.now < until {
            if !self.step() {
                return false;
            }
        }
        true
    }

    /// Plays until a stream is locked, with time to look at each second of it.
    pub fn play_until_locked(&mut self, number: usize) {
        while self.state(number) != "locked" {
            assert!(
                self.play(self.now + 1.0),
                "locked at {} s: {}",
                self.now,
                self.state(number)
            );
            self.look();
        }
    }

    /// Gives the thread that measures time to look at what came: the test's clock runs as fast as it can.
    pub fn look(&self) {
        self.rig
            .bus
            .timed_pop_filtered(LOOK, &[gst::MessageType::Element]);
    }

    /// Ends all streams and waits for the end of what comes out.
    pub fn end(&mut self) {
        for source in &self.sources {
            source.lane.end();
        }
        let began = Instant::now();
        let ended = |lane: &Lane| {
            lane.events()
                .iter()
                .any(|e| e.type_() == gst::EventType::Eos)
        };
        while !self.sources.iter().all(|source| ended(&source.lane)) {
            self.now += 0.02;
            self.clock
                .set_time(gst::ClockTime::from_nseconds(nanoseconds(self.now)));
            self.ring();
            std::thread::yield_now();
            assert!(began.elapsed() < PATIENCE, "all streams end");
        }
    }
}
