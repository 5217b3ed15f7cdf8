//! A stream's markers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use super::super::pad::{PadKind, Words};
use super::super::reference::Kind;
use super::super::stream::lock;
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
}

/// What is kept of a stream.
#[derive(Debug, Default)]
pub struct Markers {
    sense: Sense,
    /// The latest events, and up to where the stream was seen when they were found.
    events: VecDeque<(f64, Event)>,
    /// How much is kept, in seconds.
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

impl Markers {
    /// How what comes next looks; by what it can be compared.
    pub fn set_caps(&mut self, caps: &gst::CapsRef, words: &Words) -> By {
        let sense = std::mem::take(&mut self.sense);
        let Some(structure) = caps.structure(0) else {
            return By::Events;
        };
        self.sense = match Kind::of(caps) {
            Some(Kind::Audio) => self.sound(sense, structure),
            _ => Sense::Nothing,
        };
        match self.sense {
            Sense::Sound(_) if words.kind != PadKind::Events => By::Sound,
            _ => By::Events,
        }
    }

    fn sound(&self, sense: Sense, structure: &gst::StructureRef) -> Sense {
        let Some(layout) = Layout::of(structure) else {
            return Sense::Nothing;
        };
        match sense {
            Sense::Sound(mut sound) => {
                sound.set_layout(layout);
                Sense::Sound(sound)
            }
            _ => Sense::Sound(Box::new(Sound::new(layout, self.keep))),
        }
    }

    /// Takes the markers of media that begin at `time`; up to where the stream is seen then.
    pub fn buffer(&mut self, time: f64, buffer: &gst::BufferRef) -> f64 {
        let map = match self.sense {
            Sense::Nothing => None,
            _ => buffer.map_readable().ok(),
        };
        let mut found = Vec::new();
        let seen = match (&mut self.sense, map) {
            (Sense::Sound(sound), Some(map)) => sound.push(time, &map, &mut found),
            _ => time,
        };
        self.events
            .extend(found.into_iter().map(|event| (seen, event)));
        let surplus = self.events.len().saturating_sub(MOST_EVENTS);
        self.events.drain(..surplus);
        seen
    }

    /// Nothing has come.
    pub fn clear(&mut self) {
        self.events.clear();
        if let Sense::Sound(sound) = &mut self.sense {
            sound.clear();
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
