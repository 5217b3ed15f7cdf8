//! A stream's own line, from timestamps that may be anything.
//!
//! Timestamps that lead on are taken as they are, and so are holes of up to [`HOLE`], larger ones where a DISCONT flag (live:
//! the clock) vouches for them. Anything else is a suspicion: that buffer is dropped, and when the next one leads on from it
//! the timestamps have jumped. Then the own line goes on where it was (live: as far from the clock as it was), later
//! timestamps are taken relative to that, and the caller is told that the map is to be proven anew. So the map that
//! was measured before holds as well as anybody can know.
//!
//! A live stream that was away and leads on late has no place where others have filled in for it. Where it catches up, as
//! what waited in a network does, its line stays; where it does not, its timestamps have jumped, too.

/// Audio that is off by less, in nanoseconds, leads on.
const TOLERANCE: i64 = 40_000_000;
/// The longest hole that needs nobody to vouch for it.
const HOLE: i64 = 2_000_000_000;
/// The longest hole that a DISCONT flag vouches for.
const CUT: i64 = 3_600_000_000_000;
/// How far from the clock live timestamps may be.
const ASTRAY: i64 = 2_000_000_000;
/// Behind a hole live timestamps may be ahead of the clock by so much more than in the beginning: media do not come
/// before they were made.
const HASTE: i64 = 250_000_000;
/// What is usual for a stream follows what comes by at most this part of the time that passes: single buffers hardly count.
const FOLLOW: i64 = 100;
/// A live stream of which nothing came for so long was away.
const AWAY: i64 = 250_000_000;
/// A stream that was away is looked at for so long, by the clock, until it is said that it does not catch up.
const TRIAL: i64 = 400_000_000;

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
    /// Live: what upstream says it takes, at most.
    pub latency: i64,
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
    /// Live: by how much buffers usually are ahead of the clock.
    ahead: Option<i64>,
    /// By how much the first one was.
    begun: i64,
    /// When what was placed last came.
    came: Option<i64>,
    /// Live: it came back late.
    late: Option<Late>,
}

/// A stream that was away, and is later since.
#[derive(Debug, Clone, Copy)]
struct Late {
    since: i64,
    /// By how much it was ahead of the clock then.
    ahead: i64,
}

fn near(a: i64, b: i64, tolerance: i64) -> bool {
    a.abs_diff(b) <= tolerance.unsigned_abs()
}

impl Times {
    /// A flush: a live stream stays as far from the clock, any other begins anew.
    pub fn flush(&mut self) {
        *self = Self {
            added: self.added,
            ahead: self.ahead,
            begun: self.begun,
            ..Self::default()
        };
    }

    /// What is added to running times on the own line.
    pub fn added(&self) -> i64 {
        self.added
    }

    /// A time of this stream on its own line.
    pub fn on_line(&self, time: i64) -> i64 {
        time.saturating_add(self.added)
    }

    /// Nothing comes from a time for a duration: where that is on the own line, or `None` where it can't be believed.
    pub fn gap(&mut self, said: Said) -> Option<(i64, i64)> {
        let from = self.on_line(said.time?);
        let to = from.saturating_add(said.duration);
        let leads_on = match self.expected {
            Some(expected) => {
                let off = from.saturating_sub(expected);
                let longest = if said.sparse { CUT } else { HOLE };
                (-TOLERANCE..=longest).contains(&off)
            }
            None => said.now.is_none_or(|now| near(from, now, ASTRAY)),
        };
        // What is not live may have a gap of any length; no clock has seen one that is to come.
        let seen = said.now.is_none_or(|now| to.saturating_sub(now) <= ASTRAY);
        if !leads_on || !seen || said.duration > CUT {
            return None;
        }
        self.expected = self.expected.max(Some(to));
        Some((from, to))
    }

    /// Places a buffer; `None` where its timestamp can't be believed, or not yet.
    pub fn place(&mut self, said: Said) -> Option<Placed> {
        let Some(time) = said.time else {
            let from = match said.duration {
                // Nothing but the clock says that time passes.
                0 => self.expected.max(said.now),
                _ => self.expected.or(said.now),
            };
            return Some(self.go_on(from.unwrap_or(0), said, false));
        };
        let Some(expected) = self.expected else {
            return self.begin(time, said);
        };
        if self.stays_late(time, said) {
            return Some(self.jump(time, said));
        }
        let from = self.on_line(time);
        let off = from.saturating_sub(expected);
        let tolerance = TOLERANCE.max(said.duration.saturating_mul(5) / 2);
        if near(from, expected, tolerance) || said.sparse && (0..=CUT).contains(&off) {
            return Some(self.go_on(from, said, false));
        }
        if (0..=self.longest_hole(from, said)).contains(&off) {
            return Some(self.go_on(from, said, true));
        }
        self.suspect(time, said)
    }

    /// Places the first buffer, or the first after a flush.
    fn begin(&mut self, time: i64, said: Said) -> Option<Placed> {
        let Some(now) = said.now else {
            self.added = 0;
            return Some(self.go_on(time, said, false));
        };
        if let Some(ahead) = self.ahead {
            let from = self.on_line(time);
            let leads_on = near(from, now.saturating_add(ahead), HASTE);
            return match leads_on {
                true => Some(self.go_on(from, said, false)),
                false => self.suspect(time, said),
            };
        }
        if !near(time, now, ASTRAY) {
            return self.suspect(time, said);
        }
        self.begun = time.saturating_sub(now);
        Some(self.go_on(time, said, false))
    }

    /// How long a hole that ends at `from` may be.
    fn longest_hole(&self, from: i64, said: Said) -> i64 {
        let Some(now) = said.now else {
            return if said.discont { CUT } else { HOLE };
        };
        let ahead = from.saturating_sub(now);
        if ahead > said.latency.max(self.begun).saturating_add(HASTE) {
            return 0;
        }
        if near(from, now, ASTRAY) { CUT } else { HOLE }
    }

    /// True where a stream that was away came back late, and does not catch up.
    fn stays_late(&mut self, time: i64, said: Said) -> bool {
        let (Some(now), Some(usual), Some(came)) = (said.now, self.ahead, self.came) else {
            return false;
        };
        let ahead = self.on_line(time).saturating_sub(now);
        // What is no later than upstream says is not late.
        if said.sparse || ahead.saturating_add(HASTE) >= usual.min(0) {
            self.late = None;
            return false;
        }
        let begins = Late { since: now, ahead };
        let Some(late) = self.late else {
            self.late = (now.saturating_sub(came) >= AWAY).then_some(begins);
            return false;
        };
        let tried = now.saturating_sub(late.since);
        if tried < TRIAL {
            return false;
        }
        let gained = ahead.saturating_sub(late.ahead);
        self.late = Some(begins);
        gained < tried / 4
    }

    fn go_on(&mut self, from: i64, said: Said, jumped: bool) -> Placed {
        self.suspicion = None;
        self.follow(from, said);
        self.came = said.now;
        let to = from.saturating_add(said.duration);
        self.expected = Some(to);
        Placed {
            from,
            to,
            jumped,
            stale: false,
        }
    }

    /// Notes how far from the clock a buffer is.
    fn follow(&mut self, from: i64, said: Said) {
        let Some(now) = said
            .now
            .filter(|_| said.time.is_some() && self.late.is_none())
        else {
            return;
        };
        let ahead = from.saturating_sub(now);
        let usual = self.ahead.unwrap_or(ahead);
        let passed = self.came.map_or(0, |came| now.saturating_sub(came));
        // After a time without data nothing is learnt from that.
        let most = passed.clamp(0, AWAY) / FOLLOW;
        let step = ahead.saturating_sub(usual).clamp(-most, most);
        self.ahead = Some(usual.saturating_add(step));
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
        Some(self.jump(time, said))
    }

    /// The timestamps have jumped: the line goes on.
    fn jump(&mut self, time: i64, said: Said) -> Placed {
        self.late = None;
        let ahead = self.ahead.unwrap_or(0);
        let clock = said.now.map(|now| now.saturating_add(ahead));
        let from = self.expected.max(clock).unwrap_or(0);
        self.added = from.saturating_sub(time);
        let placed = self.go_on(from, said, true);
        Placed {
            stale: true,
            ..placed
        }
    }
}

#[cfg(test)]
mod tests;
