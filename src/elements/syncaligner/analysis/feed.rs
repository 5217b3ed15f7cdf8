//! A stream's markers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use super::super::pad::{PadKind, Words};
use super::super::reference::Kind;
use super::super::stream::lock;
use super::light::Light;
use super::prior::Stamps;
use super::reading::Reading;
use super::sound::{Layout, Sound};
use crate::sync::{Event, Snapshot};

/// As many events are kept; more are none that tell streams apart.
const MOST_EVENTS: usize = 128;

/// By what a stream can be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// What is heard.
    Sound,
    /// Events, if there are any.
    #[default]
    Events,
}

#[derive(Debug, Default)]
enum Sense {
    #[default]
    Nothing,
    Sound(Box<Sound>),
    Light(Box<Light>),
    Reading(Box<Reading>),
    /// Each buffer is an event.
    Buffers,
}

/// What is kept of a stream.
#[derive(Debug, Default)]
pub struct Markers {
    sense: Sense,
    /// The latest events, and up to where the stream was seen when they were found.
    events: VecDeque<(f64, Event)>,
    /// What clocks say of the stream's own line.
    pub stamps: Stamps,
    /// How much sound is kept, in seconds.
    keep: f64,
}

/// Markers of a stream, for its upstream thread to fill and for steps to copy.
#[derive(Debug, Default)]
pub struct Feed(Mutex<Markers>);

impl Feed {
    /// A stream of which so many seconds are kept.
    pub fn new(keep: f64) -> Self {
        Self(Mutex::new(Markers {
            keep,
            ..Markers::default()
        }))
    }

    pub fn lock(&self) -> MutexGuard<'_, Markers> {
        lock(&self.0)
    }
}

impl Sense {
    fn of(caps: &gst::CapsRef, words: &Words) -> Self {
        let events = words.kind == PadKind::Events;
        let sense = match Kind::of(caps) {
            _ if events => Some(Self::Buffers),
            Some(Kind::Video) => Light::new(caps, words).map(|l| Self::Light(Box::new(l))),
            Some(Kind::Sensor) => Reading::new(caps).map(|r| Self::Reading(Box::new(r))),
            _ => None,
        };
        sense.unwrap_or_default()
    }

    /// The markers of media that begin at `time`, and up to where the stream is seen then.
    fn take(&mut self, time: f64, buffer: &gst::BufferRef) -> (f64, Vec<Event>) {
        let mut found = Vec::new();
        let here = Event {
            earliest: time,
            latest: time,
            strength: 1.0,
        };
        let seen = match (self, buffer.map_readable()) {
            (Self::Nothing, _) | (_, Err(_)) => time,
            (Self::Buffers, _) => {
                found.push(here);
                time
            }
            (Self::Sound(sound), Ok(map)) => sound.push(time, &map, &mut found),
            (Self::Light(light), Ok(map)) => light.push(time, buffer, &map, &mut found),
            (Self::Reading(reading), Ok(map)) => reading.push(time, &map, &mut found),
        };
        (seen, found)
    }
}

impl Markers {
    /// How what comes next looks; by what it can be compared.
    pub fn set_caps(&mut self, caps: &gst::CapsRef, words: &Words) -> By {
        let layout = match Kind::of(caps) {
            Some(Kind::Audio) => Layout::of(caps),
            _ => None,
        };
        self.sense = match (std::mem::take(&mut self.sense), layout) {
            (Sense::Sound(mut sound), Some(layout)) => {
                sound.set_layout(layout);
                Sense::Sound(sound)
            }
            (_, Some(layout)) => Sense::Sound(Box::new(Sound::new(layout, self.keep))),
            (_, None) => Sense::of(caps, words),
        };
        match self.sense {
            Sense::Sound(_) if words.kind != PadKind::Events => By::Sound,
            _ => By::Events,
        }
    }

    /// Takes the markers of media that begin at `time`; up to where the stream is seen then.
    pub fn buffer(&mut self, time: f64, buffer: &gst::BufferRef) -> f64 {
        self.stamps.take(time, buffer);
        let (seen, found) = self.sense.take(time, buffer);
        let found = found.into_iter().map(|event| (seen, event));
        self.events.extend(found);
        let surplus = self.events.len().saturating_sub(MOST_EVENTS);
        self.events.drain(..surplus);
        seen
    }

    /// Nothing has come.
    pub fn clear(&mut self) {
        self.events.clear();
        self.stamps.clear();
        match &mut self.sense {
            Sense::Sound(sound) => sound.clear(),
            Sense::Light(light) => light.clear(),
            Sense::Reading(reading) => reading.clear(),
            Sense::Nothing | Sense::Buffers => {}
        }
    }

    /// A copy of what is kept up to `seen`: events, and sound of `span` if there is one.
    pub fn snapshot(&self, span: Option<(f64, f64)>, seen: f64) -> Snapshot {
        let span = span.map(|(from, to)| (from, to.min(seen)));
        let audio = match (&self.sense, span) {
            (Sense::Sound(sound), Some(span)) => sound.window(span),
            _ => None,
        };
        let known = self.events.iter().filter(|(found, _)| *found <= seen);
        Snapshot {
            audio,
            events: known.map(|(_, event)| *event).collect(),
            seen,
        }
    }
}
