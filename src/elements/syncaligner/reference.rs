//! Which stream the others are measured against.

use std::sync::Mutex;

use gst::prelude::*;

use super::analysis::Id;
use super::shared::Shared;
use super::stream::{Stream, lock};
use crate::sync::Affine;

/// How long a picture waits for sound that would be the better reference, in seconds of its own line.
const PATIENCE: f64 = 1.0;

/// What a stream is made of, by its caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Audio,
    Video,
    Sensor,
    /// Text and JSON: one event a buffer, at any time.
    Text,
}

impl Kind {
    /// `None` for caps that the templates do not have.
    pub fn of(caps: &gst::CapsRef) -> Option<Self> {
        Some(match caps.structure(0)?.name().as_str() {
            "audio/x-raw" => Self::Audio,
            "video/x-raw" => Self::Video,
            "application/x-sensor" => Self::Sensor,
            "text/x-raw" | "application/x-json" => Self::Text,
            _ => return None,
        })
    }
}

#[derive(Default)]
pub(super) struct Reference(Mutex<State>);

#[derive(Default)]
struct State {
    id: Option<Id>,
    /// From the reference's own line to the one that all are on: the identity, unless another was it before.
    anchor: Affine,
    /// Where pictures began.
    pictures: Option<f64>,
}

impl Reference {
    pub fn reset(&self) {
        *lock(&self.0) = State::default();
    }

    pub fn anchor(&self) -> Anchor {
        Anchor(lock(&self.0).anchor)
    }

    /// Media of a stream have come up to `at` on its own line: it may be what the others are measured against.
    pub fn elect(&self, shared: &Shared, stream: &Stream, kind: Kind, at: f64) {
        if lock(&self.0).id.is_some() {
            return;
        }
        let wanted = shared.settings().reference_pad.clone();
        let is_it = match wanted {
            Some(name) => stream.name() == name,
            None => match kind {
                Kind::Audio => true,
                Kind::Video => self.has_waited(shared, at),
                Kind::Sensor | Kind::Text => false,
            },
        };
        if is_it {
            // It stays where it is put; another may have been the reference before.
            let anchor = stream.output().steer.goal();
            let mut state = lock(&self.0);
            if state.id.is_some() {
                // Another thread was faster.
                return;
            }
            (state.id, state.anchor) = (Some(stream.id), anchor);
            drop(state);
            shared.analysis.reference(stream.id);
        }
    }

    /// True when no sound is to come, or none has come for long.
    fn has_waited(&self, shared: &Shared, at: f64) -> bool {
        let began = *lock(&self.0).pictures.get_or_insert(at);
        let may_be_sound = |stream: &Stream| {
            let caps = stream.sink.current_caps();
            caps.is_none_or(|caps| Kind::of(&caps) == Some(Kind::Audio))
        };
        at - began > PATIENCE || !shared.streams().iter().any(|s| may_be_sound(s))
    }

    /// A stream is gone. Where it was the reference, the next takes over, and all stay on the line that they are on.
    pub fn released(&self, shared: &Shared, id: Id) {
        let heirs = shared.streams();
        let heir = heirs
            .iter()
            .map(|stream| (stream.id, shared.analysis.known(stream.id)))
            .filter(|(_, known)| known.has_map())
            .max_by(|(_, a), (_, b)| a.quality().total_cmp(&b.quality()));
        let mut state = lock(&self.0);
        if state.id != Some(id) {
            return;
        }
        state.id = heir.map(|(id, _)| id);
        if let Some((id, known)) = heir {
            state.anchor = Anchor(state.anchor).after(known.map);
            drop(state);
            shared.analysis.reference(id);
        }
    }
}

/// From the reference's own line to the common one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor(Affine);

impl Anchor {
    /// The map to the common line of one to the reference's.
    pub fn after(self, map: Affine) -> Affine {
        let Self(anchor) = self;
        Affine {
            offset: anchor.offset + map.offset * (1.0 + anchor.drift),
            drift: anchor.drift + map.drift * (1.0 + anchor.drift),
        }
    }
}
