//! Microphones that deliver in time with a test clock, which stands for the reference's.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::time::Instant;

use gst::prelude::*;

use crate::common::corpus::{Pair, samples};
use crate::rig::{Lane, PATIENCE, Rig, bytes};

pub const RATE: f64 = 48_000.0;
/// Samples of a buffer: 20 ms.
pub const FRAME: usize = 960;
/// Of the second microphone's own tone.
pub const TONE_HZ: f64 = 50.0;
pub const TONE_LEVEL: f64 = 0.3;
/// Both sources say that they are so late, in milliseconds.
const SOURCE_LATENCY: u64 = 20;
/// How long a second of media may be looked at.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(250);

const MONO: &str = "audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=1";
const STEREO: &str =
    "audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=2,channel-mask=(bitmask)3";

/// A source: its buffers, each with the time on the clock at which it is there.
struct Microphone {
    lane: Lane,
    buffers: VecDeque<(f64, gst::Buffer)>,
}

/// Two microphones, an aligner behind them and the clock.
pub struct Stage {
    pub rig: Rig,
    clock: gst_check::TestClock,
    microphones: [Microphone; 2],
    /// What was sent, of the reference and of the second.
    pub sent: [Vec<gst::Buffer>; 2],
    /// The time on the clock, in seconds.
    pub now: f64,
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

fn buffer(time: f64, values: impl Iterator<Item = f32>) -> gst::Buffer {
    let mut buffer = bytes(0, 20, values.flat_map(f32::to_le_bytes).collect());
    let made = buffer.get_mut().expect("a new buffer is ours");
    made.set_pts(gst::ClockTime::from_nseconds(nanoseconds(time)));
    buffer
}

/// The reference: what is recorded is there at once.
fn reference(pair: &Pair) -> VecDeque<(f64, gst::Buffer)> {
    let recorded = samples(&pair.reference);
    let frame = |(number, frame): (usize, &[f32])| {
        let time = (number * FRAME) as f64 / RATE;
        let made = buffer(time, frame.iter().copied());
        (time + 0.02, made)
    };
    recorded
        .chunks_exact(FRAME)
        .enumerate()
        .map(frame)
        .collect()
}

/// The other one, whose clock drifts: its timestamps are `lead` seconds less than the truth at first. The second channel
/// has the tone.
fn other(pair: &Pair, lead: f64) -> VecDeque<(f64, gst::Buffer)> {
    let recorded = samples(&pair.stream);
    // What its own time 0 is called, and from when on its timestamps and the clock's time are not negative.
    let base = pair.offset - lead;
    let first = (0.0_f64).max(-base).max(-pair.offset) + 0.02;
    let frame = |(number, frame): (usize, &[f32])| {
        let start = number * FRAME;
        let time = start as f64 / RATE;
        let stereo = frame.iter().enumerate().flat_map(|(at, &heard)| {
            let own = (start + at) as f64 / RATE;
            let tone = TONE_LEVEL * (TAU * TONE_HZ * own).sin();
            [heard, tone as f32]
        });
        (time >= first).then(|| (pair.apply(time + 0.02), buffer(time + base, stereo)))
    };
    let chunks = recorded.chunks_exact(FRAME);
    chunks.enumerate().filter_map(frame).collect()
}

impl Stage {
    /// An aligner with these properties, and a pair of the corpus before it.
    pub fn new(properties: &str, pair: &Pair, lead: f64) -> Self {
        let (rig, clock) = Rig::live(properties);
        let microphones = [(MONO, reference(pair)), (STEREO, other(pair, lead))];
        let microphones = microphones.map(|(caps, buffers)| Microphone {
            lane: rig.source(caps, SOURCE_LATENCY),
            buffers,
        });
        Self {
            rig,
            clock,
            microphones,
            sent: Default::default(),
            now: 0.0,
        }
    }

    /// The stream of the reference (0) or of the other microphone (1).
    pub fn lane(&self, number: usize) -> &Lane {
        &self.microphones[number].lane
    }

    /// The state of the second stream.
    pub fn state(&self) -> String {
        let value = self.lane(1).sink.property_value("state");
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
            let is_behind = |(m, sent): (&Microphone, &Vec<gst::Buffer>)| {
                let size = sent.last().map_or(0, |buffer| buffer.size());
                self.rig.stat(&m.lane, "buffered-bytes") > 2 * size as u64
            };
            if !self.microphones.iter().zip(&self.sent).any(is_behind) {
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

    /// Plays the next buffer of whichever microphone is next; false at the end of one.
    fn step(&mut self) -> bool {
        let due = |microphone: &Microphone| microphone.buffers.front().map(|(at, _)| *at);
        let (Some(first), Some(second)) = (due(&self.microphones[0]), due(&self.microphones[1]))
        else {
            return false;
        };
        let number = usize::from(second < first);
        let microphone = &mut self.microphones[number];
        if let Some((at, buffer)) = microphone.buffers.pop_front() {
            self.now = at;
            self.clock
                .set_time(gst::ClockTime::from_nseconds(nanoseconds(at)));
            self.sent[number].push(buffer.clone());
            microphone.lane.push(buffer);
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

    /// Plays until the second stream is locked, with time to look at each second of it.
    pub fn play_until_locked(&mut self) {
        while self.state() != "locked" {
            assert!(
                self.play(self.now + 1.0),
                "locked at {} s: {}",
                self.now,
                self.state()
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

    /// Ends both streams and waits for the end of what comes out.
    pub fn end(&mut self) {
        for microphone in &self.microphones {
            microphone.lane.end();
        }
        let began = Instant::now();
        let ended = |lane: &Lane| {
            lane.events()
                .iter()
                .any(|e| e.type_() == gst::EventType::Eos)
        };
        while !self.microphones.iter().all(|m| ended(&m.lane)) {
            self.now += 0.02;
            self.clock
                .set_time(gst::ClockTime::from_nseconds(nanoseconds(self.now)));
            self.ring();
            std::thread::yield_now();
            assert!(began.elapsed() < PATIENCE, "both streams end");
        }
    }
}
