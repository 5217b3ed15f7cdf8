//! One stream against the reference.

use std::path::PathBuf;

use gstharmony::sync::offline::{self, Comparison, Verdict};
use gstharmony::sync::{Measure, Settings, dtw};

use super::read::{Events, Material};

/// What is asked for.
pub struct Wishes {
    /// Length of the pieces of sound that are compared, in seconds.
    pub window: f64,
    /// Largest offset, in seconds; nothing: as far as the longer of two files goes.
    pub max_offset: Option<f64>,
    /// Largest drift, as a ratio.
    pub max_drift: f64,
    /// The warping path, too.
    pub dtw: bool,
}

/// What was compared.
#[derive(Clone, Copy, Debug)]
pub enum By {
    Sound,
    /// How many events and of what kind.
    Events {
        stream: (usize, &'static str),
        reference: (usize, &'static str),
    },
}

impl By {
    /// What the correlation is counted in.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Sound => "peak/RMS",
            Self::Events { .. } => "events that agree",
        }
    }
}

/// What became of a stream.
pub struct Aligned {
    pub file: PathBuf,
    pub by: By,
    /// It has sound, and nothing is to be heard.
    pub silent: bool,
    /// Offsets up to this were looked for, in seconds.
    pub max_offset: f64,
    /// Its length, in seconds.
    pub end: f64,
    pub comparison: Comparison,
    /// The warping path, where it was asked for: times of the stream and of the reference.
    pub path: Vec<(f64, f64)>,
}

impl Aligned {
    pub fn measure(&self) -> &Measure {
        &self.comparison.measure
    }

    pub fn is_locked(&self) -> bool {
        self.comparison.state == Verdict::Locked
    }

    /// Its map says something.
    pub fn has_map(&self) -> bool {
        matches!(
            self.comparison.state,
            Verdict::Locked | Verdict::Provisional
        )
    }

    /// The word for its state.
    pub fn state(&self) -> &'static str {
        match self.comparison.state {
            Verdict::Locked => "locked",
            Verdict::Provisional => "provisional",
            Verdict::Ambiguous => "ambiguous",
            Verdict::Unrelated => "unrelated",
        }
    }
}

/// Compares sound with sound; where one of the two has none, events.
pub fn align(reference: &Material, stream: &Material, wishes: &Wishes) -> Aligned {
    let whole = reference.end.max(stream.end);
    let max_offset = wishes.max_offset.unwrap_or(whole);
    let settings = Settings {
        window: wishes.window,
        max_offset,
        max_drift: wishes.max_drift,
        ..Settings::default()
    };
    let mut aligned = Aligned {
        file: stream.path.clone(),
        by: By::Sound,
        silent: stream.is_silent(),
        max_offset,
        end: stream.end,
        comparison: Comparison::default(),
        path: Vec::new(),
    };
    let (Some(ours), Some(theirs)) = (&stream.sound, &reference.sound) else {
        (aligned.by, aligned.comparison) = by_events(reference, stream, &settings);
        return aligned;
    };
    aligned.comparison = offline::compare(theirs, ours, &settings);
    if wishes.dtw {
        aligned.path = dtw::path(theirs, ours, max_offset);
    }
    aligned
}

/// Tries events of one kind with events of the same kind, then others; takes what is locked first, or else is best.
fn by_events(reference: &Material, stream: &Material, settings: &Settings) -> (By, Comparison) {
    let every = stream
        .events
        .iter()
        .flat_map(|ours| reference.events.iter().map(move |theirs| (ours, theirs)));
    let mut pairs: Vec<(&Events, &Events)> = every.collect();
    pairs.sort_by_key(|(ours, theirs)| ours.kind != theirs.kind);
    let mut best: Option<(By, Comparison)> = None;
    for (ours, theirs) in pairs {
        let by = By::Events {
            stream: (ours.list.len(), ours.kind),
            reference: (theirs.list.len(), theirs.kind),
        };
        let ends = (0.0, stream.end);
        let found = offline::compare_events(&theirs.list, &ours.list, ends, settings);
        let rank = |comparison: &Comparison| {
            (
                comparison.state == Verdict::Locked,
                comparison.measure.factors.quality(),
            )
        };
        if best
            .as_ref()
            .is_none_or(|(_, best)| rank(&found) > rank(best))
        {
            best = Some((by, found));
        }
    }
    best.unwrap_or_else(|| (By::Sound, Comparison::default()))
}
