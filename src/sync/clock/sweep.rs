//! The shift that most pairs of intervals allow.
//!
//! This is Marzullo's sweep over the ends of all intervals, with distinct events counted and not pairs: an event of one stream
//! can be only one of the other's.
use crate::sync::Event;

/// An event of each stream that may be the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// The shift is not less than this if they are the same, in seconds.
    pub least: f64,
    /// Nor more than this.
    pub most: f64,
    /// The time of the stream's event from the time that shifts are told at, in seconds.
    pub time: f64,
    /// Which event of the reference.
    pub reference: usize,
    /// Which event of the stream.
    pub stream: usize,
}

impl Match {
    /// The shift of two events if they are the same.
    #[must_use]
    pub fn new(reference: (usize, &Event), stream: (usize, &Event), origin: f64) -> Self {
        Self {
            least: reference.1.earliest - stream.1.latest,
            most: reference.1.latest - stream.1.earliest,
            time: stream.1.middle() - origin,
            reference: reference.0,
            stream: stream.0,
        }
    }

    /// The shift at the origin for this drift, from and to.
    #[must_use]
    pub fn at(&self, drift: f64) -> (f64, f64) {
        let moved = self.time * drift;
        (self.least - moved, self.most - moved)
    }

    /// How wide the interval is, in seconds.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.most - self.least
    }
}

/// A span of shifts that so many events allow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    pub from: f64,
    pub to: f64,
    pub count: usize,
}

/// Sweeps over intervals; keeps its buffers.
#[derive(Debug, Default)]
pub struct Sweep {
    ends: Vec<End>,
    references: Distinct,
    streams: Distinct,
}

/// An end of an interval.
#[derive(Clone, Copy, Debug)]
struct End {
    at: f64,
    closes: bool,
    reference: usize,
    stream: usize,
}

/// How many different ones are open.
#[derive(Debug, Default)]
struct Distinct {
    open: Vec<u16>,
    count: usize,
}

impl Distinct {
    fn clear(&mut self) {
        self.open.clear();
        self.count = 0;
    }

    fn turn(&mut self, which: usize, closes: bool) {
        if self.open.len() <= which {
            self.open.resize(which + 1, 0);
        }
        let Some(open) = self.open.get_mut(which) else {
            return;
        };
        if closes {
            *open = open.saturating_sub(1);
            self.count -= usize::from(*open == 0);
        } else {
            self.count += usize::from(*open == 0);
            *open += 1;
        }
    }
}

impl Sweep {
    /// Tells every span of shifts at this drift, by rising shift. Intervals are widened by what a drift of `half` more or less
    /// moves them.
    pub fn over(&mut self, matches: &[Match], drift: f64, half: f64, mut tell: impl FnMut(Piece)) {
        self.ends.clear();
        for found in matches {
            let (least, most) = found.at(drift);
            let wider = half * found.time.abs();
            let end = |at, closes| End {
                at,
                closes,
                reference: found.reference,
                stream: found.stream,
            };
            self.ends.push(end(least - wider, false));
            self.ends.push(end(most + wider, true));
        }
        let order = |a: &End, b: &End| a.at.total_cmp(&b.at).then(a.closes.cmp(&b.closes));
        self.ends.sort_unstable_by(order);
        self.references.clear();
        self.streams.clear();
        let next = self.ends.iter().skip(1).map(|end| end.at);
        for (end, next) in self.ends.iter().zip(next) {
            self.references.turn(end.reference, end.closes);
            self.streams.turn(end.stream, end.closes);
            tell(Piece {
                from: end.at,
                to: next,
                count: self.references.count.min(self.streams.count),
            });
        }
    }

    /// The span that most events allow; the widest of equals. Shifts between `without` don't count.
    pub fn best(
        &mut self,
        matches: &[Match],
        drift: f64,
        half: f64,
        without: (f64, f64),
    ) -> Option<Piece> {
        let mut best: Option<Piece> = None;
        self.over(matches, drift, half, |piece| {
            let inside = piece.from >= without.0 && piece.to <= without.1;
            let better = best.is_none_or(|best| {
                (piece.count, piece.to - piece.from) > (best.count, best.to - best.from)
            });
            if better && !inside && piece.count > 0 {
                best = Some(piece);
            }
        });
        best
    }
}
