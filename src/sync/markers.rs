//! What a stream leaves behind to be compared by.

/// Mono audio at [`RATE`](super::RATE) on its stream's own time line, without holes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// The time of the first sample, in seconds.
    pub start: f64,
    /// The samples; full scale is 1.
    pub samples: Vec<f32>,
}

impl Window {
    /// How long it is, in seconds.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.samples.len() as f64 / super::RATE
    }

    /// The time behind its last sample, in seconds.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.start + self.duration()
    }
}

/// An instant that lies somewhere in an interval: the onset of a flash, a clap or a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// Not before this time, in seconds on its stream's own line.
    pub earliest: f64,
    /// Not after this time.
    pub latest: f64,
    /// How far it stands out, in standard deviations of what is normal there.
    pub strength: f32,
}

impl Event {
    /// The middle of its interval.
    #[must_use]
    pub fn middle(&self) -> f64 {
        f64::midpoint(self.earliest, self.latest)
    }
}

/// The markers that one analysis looks at: a copy, so that no lock is held while it looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The latest audio; nothing for a stream without any.
    pub audio: Option<Window>,
    /// The latest events, oldest first.
    pub events: Vec<Event>,
    /// Up to where the stream was seen, in seconds on its own line.
    pub seen: f64,
}
