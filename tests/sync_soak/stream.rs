//! A stream that is disturbed: what it sends when, and what must come out meanwhile.

use gst::prelude::*;
use gstharmony::elements::syncaligner::PadState;

use super::common::Random;
use super::content::Kind;
use super::lane::{Eye, Pads};

/// Everything is right again, and anything goes on, within so many milliseconds.
pub const LIMIT: u64 = 1000;
/// How far from the clock timestamps may jump, in milliseconds.
const SHIFT: (i64, i64) = (-3000, 3000);
/// And where those of a new stream may be, which is believed: streams that are further from each other than `max-delay`
/// can't be brought together.
const BEGIN: (i64, i64) = (-200, 100);
/// Offsets are set within this, in milliseconds. They are false, and where what the others are measured against leaves, the
/// false offset of its heir moves them all.
const OFFSET: i64 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Stall,
    Shift,
    Garbage,
    Caps,
    End,
    Flush,
    Remove,
    Offset,
}

pub const FAULTS: [Fault; 8] = [
    Fault::Stall,
    Fault::Shift,
    Fault::Garbage,
    Fault::Caps,
    Fault::End,
    Fault::Flush,
    Fault::Remove,
    Fault::Offset,
];

/// Times are those of the clock, in milliseconds.
pub struct Stream {
    pub kind: Kind,
    pub eye: Eye,
    number: usize,
    pads: Option<Pads>,
    variant: u64,
    /// Added to timestamps.
    shift: i64,
    fault: Option<Fault>,
    /// Nothing is sent, or nothing sound, until then.
    until: u64,
    next: u64,
    /// The last that was done to it.
    pub disturbed: u64,
    /// The next buffer is the first since a hole.
    discont: bool,
    pub sent: u64,
    pub counts: [u64; FAULTS.len()],
}

impl Stream {
    pub fn new(element: &gst::Element, kind: Kind, number: usize, eye: Eye) -> Self {
        let pads = Pads::request(element, number, &eye);
        pads.begin(kind, 0);
        Self {
            kind,
            number,
            pads: Some(pads),
            variant: 0,
            shift: 0,
            fault: None,
            until: 0,
            // First it is seen undisturbed.
            next: 5000,
            disturbed: 0,
            discont: false,
            sent: 0,
            counts: [0; FAULTS.len()],
            eye,
        }
    }

    /// Does what is to be done when the clock is at `now`.
    pub fn tick(&mut self, element: &gst::Element, random: &mut Random, now: u64) {
        if self.fault.is_some() {
            self.disturbed = now;
            if now >= self.until {
                self.recover(element, random, now);
                self.next = now + 1500 + random.below(6000);
            }
        } else if now >= self.next && self.eye.seen().awaited.is_none() {
            self.disturbed = now;
            self.disturb(element, random, now);
        }
        let silent = self.fault.is_some_and(|fault| fault != Fault::Garbage);
        if !silent && now >= self.kind.duration() && now.is_multiple_of(self.kind.duration()) {
            self.send(random, now - self.kind.duration());
        }
        self.eye.seen().calm = self.is_calm(now);
    }

    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// What is being done to it, in words.
    pub fn told(&self) -> String {
        let (number, shift, fault) = (self.number, self.shift, self.fault);
        format!("sink_{number}: {fault:?}, shifted by {shift} ms")
    }

    /// Nothing has been done to it of late.
    pub fn is_calm(&self, now: u64) -> bool {
        self.fault.is_none() && now > self.disturbed + LIMIT
    }

    /// Something must come out of it all the time, its own or what fills in.
    fn must_flow(&self) -> bool {
        let ended = self.pads.is_none()
            || matches!(
                self.fault,
                Some(Fault::End | Fault::Remove | Fault::Garbage)
            );
        self.kind != Kind::Text && !ended
    }

    fn disturb(&mut self, element: &gst::Element, random: &mut Random, now: u64) {
        let fault = FAULTS[random.below(FAULTS.len() as u64) as usize];
        self.counts[fault as usize] += 1;
        let lasts = match fault {
            Fault::Stall => 100 + random.below(4900),
            Fault::Caps | Fault::Flush | Fault::Offset => 0,
            _ => 100 + random.below(2000),
        };
        (self.fault, self.until) = (Some(fault), now + lasts);
        let pads = self
            .pads
            .as_ref()
            .expect("a stream between faults has pads");
        match fault {
            Fault::Stall | Fault::Garbage => {}
            Fault::Shift => {
                self.shift = within(random, SHIFT);
            }
            Fault::Caps => {
                self.variant = random.below(self.kind.variants());
                pads.caps(self.kind, self.variant);
            }
            Fault::End => {
                pads.pad.push_event(gst::event::Eos::new());
            }
            Fault::Flush => {
                pads.pad.push_event(gst::event::FlushStart::new());
                pads.pad.push_event(gst::event::FlushStop::new(true));
                pads.segment();
            }
            Fault::Remove => {
                if let Some(pads) = self.pads.take() {
                    pads.release(element);
                }
            }
            Fault::Offset => {
                let offset = within(random, (-OFFSET, OFFSET));
                let name = pads.sink.name();
                let arguments: [&dyn ToValue; 2] = [&name.as_str(), &(offset * 1_000_000)];
                let values = arguments.map(ToValue::to_value);
                let set = element.emit_by_name_with_values("set-offset", &values);
                // What the others are measured against has none.
                let state = pads.sink.property::<PadState>("state");
                if state != PadState::Reference && !set.is_some_and(|v| v.get() == Ok(true)) {
                    self.eye.problem("the offset is not set");
                }
            }
        }
    }

    fn recover(&mut self, element: &gst::Element, random: &mut Random, now: u64) {
        match self.fault.take() {
            Some(Fault::End) => {
                let pads = self.pads.as_ref().expect("it ended, and is there");
                pads.begin(self.kind, self.variant);
            }
            Some(Fault::Remove) => {
                self.eye.begin();
                self.shift = within(random, BEGIN);
                let pads = Pads::request(element, self.number, &self.eye);
                pads.begin(self.kind, self.variant);
                self.pads = Some(pads);
            }
            _ => {}
        }
        self.discont = true;
        let mut seen = self.eye.seen();
        // What fills in until then is old by so much; what is awaited is the stream's own.
        seen.out = Some(now);
        if self.kind != Kind::Text {
            seen.awaited = Some(now);
        }
    }

    fn send(&mut self, random: &mut Random, ms: u64) {
        let Some(pads) = &self.pads else { return };
        let mut buffer = gst::Buffer::from_mut_slice(self.kind.data(self.variant, ms));
        let made = buffer.get_mut().expect("a new buffer is ours");
        made.set_pts(if self.fault == Some(Fault::Garbage) {
            garbage(random, ms)
        } else {
            let shifted = (ms).saturating_add_signed(self.shift);
            Some(gst::ClockTime::from_mseconds(shifted))
        });
        if self.kind != Kind::Text {
            made.set_duration(gst::ClockTime::from_mseconds(self.kind.duration()));
        }
        if std::mem::take(&mut self.discont) {
            made.set_flags(gst::BufferFlags::DISCONT);
        }
        self.sent += 1;
        if let Err(flow) = pads.pad.push(buffer) {
            self.eye
                .problem(&format!("a buffer is answered with {flow}"));
        }
    }

    /// By how much it is later than it should be, in milliseconds, and why that is wrong.
    pub fn late(&self, now: u64) -> Option<(u64, &'static str)> {
        let seen = self.eye.seen();
        let since = |then: Option<u64>| then.map_or(0, |then| now.saturating_sub(then));
        let waits = since(seen.awaited);
        if waits > 0 && self.fault.is_none() {
            return Some((waits, "its data do not come out again"));
        }
        self.must_flow()
            .then(|| (since(seen.out), "nothing comes out"))
    }

    /// Its map leapt by so many milliseconds: for so long what comes has been shown, or is not due.
    pub fn stepped(&self, now: u64, ms: u64) {
        let mut seen = self.eye.seen();
        seen.awaited = seen.awaited.map(|_| now + ms);
        seen.out = Some(now + ms);
    }

    /// It is not to be told again.
    pub fn forgive(&self, now: u64) {
        let mut seen = self.eye.seen();
        (seen.awaited, seen.out) = (None, Some(now));
    }

    pub fn close(&mut self, element: &gst::Element) {
        if let Some(pads) = self.pads.take() {
            pads.release(element);
        }
    }
}

fn within(random: &mut Random, (from, to): (i64, i64)) -> i64 {
    from + random.below(to.abs_diff(from)) as i64
}

/// No timestamp, one of the past, or one that can't be.
fn garbage(random: &mut Random, ms: u64) -> Option<gst::ClockTime> {
    match random.below(4) {
        0 => None,
        1 => Some(gst::ClockTime::from_mseconds(random.below(ms + 1))),
        2 => Some(gst::ClockTime::from_nseconds(random.next() >> 2)),
        _ => Some(gst::ClockTime::from_nseconds(
            u64::MAX - 1 - random.below(1000),
        )),
    }
}
