//! The search for the packet that holds a sample, in an index that is read a few rows at a time.
//!
//! A [`Search`] does no reading: it says which rows it wants, and is fed them. It guesses by interpolation, which finds
//! packets of one duration with the first window, and goes on between the rows that it knows.

use std::ops::Range;

use super::{Error, MOST_SAMPLES, Row, index};

/// Rows before and behind the first guess.
const FIRST_HALF: u64 = 128;
/// Most rows before and behind a guess: 82 kB of index.
const MOST_HALF: u64 = 1024;

/// What a search needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These rows of the index, for [`Search::feed`]; at least one.
    Rows(Range<u64>),
    /// The search is over.
    Found {
        /// Number of the packet that holds the sample.
        packet: u64,
        /// Its row.
        row: Row,
    },
}

/// The search for a sample of the time line.
///
/// Packets of one duration take one window of rows. Where durations change, the windows grow, and every second one halves
/// what is left, if the one before did not: 20 million rows take 2 windows where durations are mixed, 3 on average where
/// they change once, and 30 at most whatever they are.
#[derive(Debug, Clone)]
pub struct Search {
    sample: u64,
    /// The first packet that can hold the sample.
    low: Edge,
    /// The first packet behind those that can.
    high: Edge,
    /// `high` is out of a row, and not what the caller said.
    high_known: bool,
    guess: u64,
    /// Rows wanted before and behind the guess.
    half: u64,
    /// Windows read.
    windows: u32,
    found: Option<(u64, Row)>,
}

/// The first sample of a packet.
#[derive(Debug, Clone, Copy)]
struct Edge {
    packet: u64,
    sample: u64,
}

impl Search {
    /// Begins a search for `sample` among `packets` rows that have `total_samples` samples together; [`None`] when it is
    /// not among them. `total_samples` may be wrong: it only guides the first guess.
    pub fn new(sample: u64, packets: u64, total_samples: u64) -> Option<Self> {
        if packets == 0 || sample >= total_samples {
            return None;
        }
        let mut search = Self {
            sample,
            low: Edge {
                packet: 0,
                sample: 0,
            },
            high: Edge {
                packet: packets,
                sample: total_samples,
            },
            high_known: false,
            guess: 0,
            half: FIRST_HALF,
            windows: 0,
            found: None,
        };
        search.guess = search.between();
        Some(search)
    }

    /// What is needed next: the same until [`Search::feed`].
    #[allow(clippy::should_implement_trait)] // it has no end to iterate to: `Found` stays
    pub fn next(&self) -> Step {
        if let Some((packet, row)) = self.found {
            return Step::Found { packet, row };
        }
        let from = self.guess.saturating_sub(self.half);
        let to = self.guess.saturating_add(self.half).saturating_add(1);
        Step::Rows(from.max(self.low.packet)..to.min(self.high.packet))
    }

    /// Takes rows from packet `first` on: those that were wanted, or any others that meet them, for example a whole page of
    /// a cache. Each call narrows the search by a row at least.
    ///
    /// Looks at the row that was guessed; else at the first and the last row, and at those on the way to the sample: not at
    /// all of them.
    ///
    /// # Errors
    /// [`Error::Row`] when the rows do not rise as those of an index, contradict rows fed before, end before the sample, or
    /// are none of those that are left; [`Error::Overflow`] when their sums leave 64 bits.
    pub fn feed(&mut self, first: u64, rows: &[Row]) -> Result<(), Error> {
        if self.found.is_some() {
            return Ok(());
        }
        let (first, rows) = self.left_of(first, rows);
        let (Some(head), Some(tail)) = (rows.first(), rows.last()) else {
            let left = format!("rows of {} to {}", self.low.packet, self.high.packet);
            return Err(wrong(first, "row", first, left));
        };
        // The rows are far apart in memory: the usual case looks at one place alone.
        let guessed = usize::try_from(self.guess.saturating_sub(first)).ok();
        if let Some(at) = guessed.filter(|at| rows.get(*at).is_some_and(|r| r.holds(self.sample))) {
            return self.find(first, rows, at);
        }
        let (start, end) = edges(first, rows.len(), head, tail)?;
        rises(self.low, start)?;
        rises(start, end)?;
        if self.high_known {
            rises(end, self.high)?;
        }
        if head.cum_start <= self.sample && self.sample <= tail.cum_end {
            let at = rows.partition_point(|row| row.cum_end < self.sample);
            return self.find(first, rows, at);
        }
        let before = self.rows_left();
        if self.sample < head.cum_start {
            (self.high, self.high_known) = (start, true);
        } else {
            self.low = end;
            if end.packet >= self.high.packet {
                let expected = format!("{} or more", self.sample);
                return Err(wrong(end.packet - 1, "cum_end", tail.cum_end, expected));
            }
        }
        self.windows = self.windows.saturating_add(1);
        self.half = self.half.saturating_mul(2).min(MOST_HALF);
        let slow = self.rows_left() > before / 2;
        let guess = if slow && self.windows.is_multiple_of(2) {
            self.low.packet.saturating_add(self.rows_left() / 2)
        } else {
            self.beyond(start, end, rows)
                .unwrap_or_else(|| self.between())
        };
        let last = self.high.packet.saturating_sub(1);
        self.guess = guess.min(last).max(self.low.packet);
        Ok(())
    }

    /// Rows that can hold the sample.
    const fn rows_left(&self) -> u64 {
        self.high.packet.saturating_sub(self.low.packet)
    }

    /// Those of the rows that can hold the sample.
    fn left_of<'a>(&self, first: u64, rows: &'a [Row]) -> (u64, &'a [Row]) {
        let skip = self.low.packet.saturating_sub(first);
        let take = self.high.packet.saturating_sub(first.max(self.low.packet));
        let skipped = usize::try_from(skip).ok().and_then(|skip| rows.get(skip..));
        let rows = skipped.unwrap_or_default();
        let take = usize::try_from(take).unwrap_or(usize::MAX).min(rows.len());
        (
            first.max(self.low.packet),
            rows.get(..take).unwrap_or_default(),
        )
    }

    /// Ends the search at one of the rows, if it is sound and holds the sample.
    fn find(&mut self, first: u64, rows: &[Row], at: usize) -> Result<(), Error> {
        let packet = first.saturating_add(at as u64);
        let previous = at.checked_sub(1).and_then(|at| rows.get(at));
        let Some(row) = rows.get(at) else {
            return Err(wrong(packet, "row", packet, "a row".into()));
        };
        index::check(previous, row, packet)?;
        rises(
            self.low,
            Edge {
                packet,
                sample: row.cum_start,
            },
        )?;
        if !row.holds(self.sample) {
            let expected = format!("{} or less", self.sample);
            return Err(wrong(packet, "cum_start", row.cum_start, expected));
        }
        self.found = Some((packet, *row));
        Ok(())
    }

    /// The packet of the sample if all that are left lasted alike.
    fn between(&self) -> u64 {
        let samples = self.high.sample.saturating_sub(self.low.sample);
        let ahead = self.sample.saturating_sub(self.low.sample);
        let rows = scale(ahead, self.rows_left(), samples);
        self.low.packet.saturating_add(rows)
    }

    /// The packet of the sample if those beyond a window last as long as those in it; [`None`] when these differ.
    fn beyond(&self, start: Edge, end: Edge, rows: &[Row]) -> Option<u64> {
        let count = end.packet.saturating_sub(start.packet);
        let each = rows.first()?.sample_count;
        let middle = rows.get(rows.len() / 2)?.cum_start;
        let to = |packets: u64| start.sample.checked_add(each.checked_mul(packets)?);
        if to(count) != Some(end.sample) || to(count / 2) != Some(middle) {
            return None;
        }
        Some(if self.sample < start.sample {
            let behind = (start.sample - self.sample).div_ceil(each.max(1));
            start.packet.saturating_sub(behind)
        } else {
            let ahead = self.sample.saturating_sub(end.sample) / each.max(1);
            end.packet.saturating_add(ahead)
        })
    }
}

/// `value * by / of`, which `by` bounds where `value < of`.
fn scale(value: u64, by: u64, of: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(by) / u128::from(of.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Where rows from packet `first` on begin and end.
fn edges(first: u64, count: usize, head: &Row, tail: &Row) -> Result<(Edge, Edge), Error> {
    let packet = first.saturating_add(count as u64);
    let last = packet.saturating_sub(1);
    index::check(None, head, first)?;
    index::check(None, tail, last)?;
    let overflow = || Error::Overflow {
        packet: last,
        what: "cum_end",
    };
    let sample = tail.cum_end.checked_add(1).ok_or_else(overflow)?;
    let start = Edge {
        packet: first,
        sample: head.cum_start,
    };
    Ok((start, Edge { packet, sample }))
}

/// Checks that the packets between two edges have samples, and not too many.
fn rises(low: Edge, high: Edge) -> Result<(), Error> {
    let packets = high.packet.saturating_sub(low.packet);
    let most = packets.saturating_mul(MOST_SAMPLES.into());
    let samples = high.sample.checked_sub(low.sample);
    if samples.is_some_and(|samples| (packets..=most).contains(&samples)) {
        return Ok(());
    }
    let expected = format!(
        "{packets} to {most} more than {} of packet {}",
        low.sample, low.packet
    );
    Err(wrong(high.packet, "cum_start", high.sample, expected))
}

fn wrong(packet: u64, field: &'static str, found: u64, expected: String) -> Error {
    Error::Row {
        packet,
        field,
        found,
        expected,
    }
}
