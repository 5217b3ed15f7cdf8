//! A stream's own line, from timestamps that may be anything.
//!
//! Timestamps that lead on are taken as they are, and so are holes of up to [`HOLE`], larger ones where a DISCONT flag (live:
//! the clock) vouches for them. Anything else is a suspicion: that buffer is dropped, and when the next one leads on from it
//! the timestamps have jumped. Then the own line goes on where it was (live: where the clock is), later
//! timestamps are taken relative to that, and the caller is told that the map is to be proven anew.

/// Audio that is off by less, in nanoseconds, leads on.
const TOLERANCE: i64 = 40_000_000;
/// The longest hole that needs nobody to vouch for it.
const HOLE: i64 = 2_000_000_000;
/// The longest hole that a DISCONT flag vouches for.
const CUT: i64 = 3_600_000_000_000;
/// How far from the clock live timestamps may be.
const ASTRAY: i64 = 2_000_000_000;

/// Where a buffer is on its stream's own line, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub from: i64,
    pub to: i64,
    /// What came before does not lead up to it.
    pub jumped: bool,
    /// The line before the jump has no known relation to what follows.
    pub stale: bool,
}

/// What is said of a buffer; nanoseconds of running time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    pub time: Option<i64>,
    pub duration: i64,
    pub discont: bool,
    /// Live: the clock's running time, less what upstream says it takes.
    pub now: Option<i64>,
    /// Holes of any length are natural.
    pub sparse: bool,
}

#[derive(Debug, Default)]
pub(super) struct Times {
    /// Where the next buffer should begin.
    expected: Option<i64>,
    /// What is added to running times.
    added: i64,
    /// Where the buffer after a suspicion would begin, in running time.
    suspicion: Option<i64>,
}

fn near(a: i64, b: i64, tolerance: i64) -> bool {
    a.abs_diff(b) <= tolerance.unsigned_abs()
}

impl Times {
    /// What comes next has no relation to what came.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// What is added to running times on the own line.
    pub fn added(&self) -> i64 {
        self.added
    }

    /// A time of this stream on its own line.
    pub fn on_line(&self, time: i64) -> i64 {
        time.saturating_add(self.added)
    }

    /// Nothing comes until `end`, on the own line.
    pub fn gap(&mut self, end: i64) {
        self.expected = self.expected.max(Some(end));
    }

    /// Places a buffer; `None` where its timestamp can't be believed, or not yet.
    pub fn place(&mut self, said: Said) -> Option<Placed> {
        let Some(time) = said.time else {
            let from = self.expected.or(said.now).unwrap_or(0);
            return Some(self.go_on(from, said.duration, false));
        };
        let Some(expected) = self.expected else {
            if said.now.is_none_or(|now| near(time, now, ASTRAY)) {
                return Some(self.go_on(time, said.duration, false));
            }
            return self.suspect(time, said);
        };
        let from = self.on_line(time);
        let off = from.saturating_sub(expected);
        let tolerance = TOLERANCE.max(said.duration.saturating_mul(5) / 2);
        if near(from, expected, tolerance) || said.sparse && (0..=CUT).contains(&off) {
            return Some(self.go_on(from, said.duration, false));
        }
        let vouched = said.now.map_or(said.discont, |now| near(from, now, ASTRAY));
        let longest = if vouched { CUT } else { HOLE };
        if (0..=longest).contains(&off) {
            return Some(self.go_on(from, said.duration, true));
        }
        self.suspect(time, said)
    }

    fn go_on(&mut self, from: i64, duration: i64, jumped: bool) -> Placed {
        self.suspicion = None;
        let to = from.saturating_add(duration);
        self.expected = Some(to);
        Placed {
            from,
            to,
            jumped,
            stale: false,
        }
    }

    /// A buffer that can't be believed alone.
    fn suspect(&mut self, time: i64, said: Said) -> Option<Placed> {
        let next = time.saturating_add(said.duration);
        let tolerance = TOLERANCE.max(said.duration.saturating_mul(5) / 2);
        let confirmed = self
            .suspicion
            .is_some_and(|suspicion| near(suspicion, time, tolerance));
        if !confirmed {
            self.suspicion = Some(next);
            return None;
        }
        let from = self.expected.max(said.now).unwrap_or(0);
        self.added = from.saturating_sub(time);
        let placed = self.go_on(from, said.duration, true);
        Some(Placed {
            stale: true,
            ..placed
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn at(ms: i64) -> Said {
        Said {
            time: Some(ms * MS),
            duration: 20 * MS,
            ..Said::default()
        }
    }

    fn begun(to_ms: i64) -> Times {
        let mut times = Times::default();
        for ms in (0..to_ms).step_by(20) {
            assert_eq!(times.place(at(ms)).map(|p| p.from), Some(ms * MS));
        }
        times
    }

    fn from_ms(placed: Option<Placed>) -> Option<i64> {
        placed.map(|p| p.from / MS)
    }

    #[test]
    fn what_has_no_timestamp_goes_on() {
        let mut times = begun(100);
        let said = Said {
            time: None,
            ..at(0)
        };
        assert_eq!(from_ms(times.place(said)), Some(100));
        assert_eq!(from_ms(times.place(said)), Some(120));
    }

    #[test]
    fn one_mad_timestamp_costs_one_buffer() {
        for mad in [-5000, 3_600_000_000, i64::MAX / MS, i64::MIN / MS] {
            let mut times = begun(100);
            assert_eq!(times.place(at(mad)), None);
            let placed = times.place(at(120)).unwrap();
            assert_eq!(placed.from, 120 * MS, "after {mad}");
            assert!(!placed.jumped && !placed.stale);
        }
    }

    #[test]
    fn random_timestamps_are_never_believed() {
        let mut times = begun(100);
        for i in 0..50 {
            assert_eq!(times.place(at(-1000 - 500 * i)), None);
        }
    }

    #[test]
    fn a_line_that_begins_anew_goes_on_where_it_was() {
        let mut times = begun(10_000);
        assert_eq!(times.place(at(0)), None);
        let placed = times.place(at(20)).unwrap();
        assert_eq!(placed.from, 10_000 * MS);
        assert!(placed.jumped && placed.stale);
        assert_eq!(from_ms(times.place(at(40))), Some(10_020));
        assert_eq!(times.added(), 9_980 * MS);
    }

    #[test]
    fn a_hole_is_a_hole() {
        let mut times = begun(100);
        let placed = times.place(at(1100)).unwrap();
        assert_eq!((placed.from, placed.jumped), (1100 * MS, true));
        assert!(!placed.stale);
        assert_eq!(times.place(at(5000)), None, "too long a hole");
        let mut times = begun(100);
        let said = Said {
            discont: true,
            ..at(5000)
        };
        assert_eq!(from_ms(times.place(said)), Some(5000));
        let mut times = begun(100);
        let said = Said {
            now: Some(5010 * MS),
            ..at(5000)
        };
        assert_eq!(from_ms(times.place(said)), Some(5000));
    }

    #[test]
    fn live_timestamps_are_near_the_clock() {
        let mut times = Times::default();
        let now = Some(10_000 * MS);
        let live = |ms| Said { now, ..at(ms) };
        assert_eq!(times.place(live(0)), None);
        let placed = times.place(live(20)).unwrap();
        assert_eq!(placed.from, 10_000 * MS, "put to where the clock is");
        assert_eq!(from_ms(times.place(live(40))), Some(10_020));
    }
}
