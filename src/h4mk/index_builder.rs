//! Which blocks become seek entries, in bounded memory (specification section 2, XIDX and TSEK).

use std::collections::HashMap;

use super::block::{Kind, MAX_PTS_MS};
use super::index::{Entry, MAX_SEEK_ENTRIES, SeekTable};

/// Least time between the entries of a track where every block is a key block.
pub const DEFAULT_INTERVAL_NS: u64 = 500_000_000;
/// Most memory for entries before that time doubles.
pub const DEFAULT_MEMORY: usize = 32 << 20;

/// What the builder is told of a block.
#[derive(Debug, Clone, Copy)]
pub struct Indexed {
    /// Its track.
    pub track_id: u16,
    /// Its kind.
    pub kind: Kind,
    /// PTS, else DTS, in nanoseconds.
    pub time_ns: Option<i64>,
    /// How long it lasts, in nanoseconds.
    pub duration_ns: u64,
    /// Where to read from to meet it.
    pub offset: u64,
    /// Position of its CORE's payload, and its PTS in milliseconds, for the seek table.
    pub seek_entry: Option<(u32, u32)>,
    /// Ordinal of the TRAK in force.
    pub trak: u32,
}

#[derive(Debug, Clone, Default)]
struct TrackState {
    track_id: u16,
    blocks: u64,
    has_deltas: bool,
    last_time: i64,
    /// PTS of the last key block.
    key_time: Option<i64>,
    /// PTS of the last entry.
    entry_time: Option<i64>,
    /// Place in `recent` of the last key block's entry.
    key_entry: Option<usize>,
    /// Every key block, for TSEK; `None` once one did not fit.
    keys: Option<Vec<(u32, u32)>>,
}

/// Times that a run of blocks covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Lowest time, nanoseconds.
    pub first_ns: i64,
    /// Highest end, nanoseconds.
    pub last_ns: i64,
}

impl Span {
    fn extend(span: &mut Option<Self>, time: i64, duration: u64) {
        let end = time.saturating_add_unsigned(duration);
        *span = Some(span.map_or(
            Self {
                first_ns: time,
                last_ns: end,
            },
            |s| Self {
                first_ns: s.first_ns.min(time),
                last_ns: s.last_ns.max(end),
            },
        ));
    }
}

/// Chooses seek entries while blocks are written, or read from a file that has none.
#[derive(Debug, Clone)]
pub struct IndexBuilder {
    interval_ns: u64,
    most_entries: usize,
    /// Entries of finished XIDX chunks.
    past: Vec<Entry>,
    /// Entries since the last one.
    recent: Vec<Entry>,
    tracks: Vec<TrackState>,
    recent_span: Option<Span>,
    span: Option<Span>,
}

impl Default for IndexBuilder {
    fn default() -> Self {
        Self::new(DEFAULT_INTERVAL_NS, DEFAULT_MEMORY)
    }
}

impl IndexBuilder {
    /// `interval_ns`: least time between entries of all-key tracks; `memory`: most bytes of entries.
    pub fn new(interval_ns: u64, memory: usize) -> Self {
        Self {
            interval_ns: interval_ns.max(1),
            most_entries: (memory / size_of::<Entry>()).max(16),
            past: Vec::new(),
            recent: Vec::new(),
            tracks: Vec::new(),
            recent_span: None,
            span: None,
        }
    }

    fn track_mut(&mut self, track_id: u16) -> &mut TrackState {
        let at = match self.tracks.binary_search_by_key(&track_id, |t| t.track_id) {
            Ok(at) => at,
            Err(at) => {
                self.tracks.insert(
                    at,
                    TrackState {
                        track_id,
                        keys: Some(Vec::new()),
                        ..TrackState::default()
                    },
                );
                at
            }
        };
        #[allow(clippy::indexing_slicing)] // found or put there just above
        &mut self.tracks[at]
    }

    fn track(&self, track_id: u16) -> Option<&TrackState> {
        let at = self
            .tracks
            .binary_search_by_key(&track_id, |t| t.track_id)
            .ok()?;
        self.tracks.get(at)
    }

    /// True once the track had a block that does not decode on its own.
    pub fn has_deltas(&self, track_id: u16) -> bool {
        self.track(track_id).is_some_and(|t| t.has_deltas)
    }

    /// Times of the blocks since the last [`IndexBuilder::take_recent`].
    pub fn recent_span(&self) -> Option<Span> {
        self.recent_span
    }

    /// Times of all blocks.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// Counts a block, in file order.
    pub fn push(&mut self, block: &Indexed) {
        let interval = self.interval_ns;
        let recent = self.recent.len();
        let state = self.track_mut(block.track_id);
        let number = state.blocks;
        state.blocks += 1;
        let time = block.time_ns.unwrap_or(state.last_time);
        state.last_time = time;
        if block.kind.is_key() {
            state.remember_key(block.seek_entry);
            state.key_time = Some(time);
            let due = state
                .entry_time
                .is_none_or(|last| time.saturating_sub(last) >= interval as i64);
            let wanted = due || state.has_deltas;
            state.key_entry = wanted.then_some(recent);
            if wanted {
                state.entry_time = Some(time);
                self.recent.push(Entry {
                    pts_ns: time,
                    offset: block.offset,
                    track_id: block.track_id,
                    leading: false,
                    trak: block.trak,
                    number: u32::try_from(number).unwrap_or(u32::MAX),
                });
            }
        } else {
            state.has_deltas = true;
            let leading = state.key_time.is_some_and(|key| time < key);
            let key = state.key_entry.filter(|_| leading);
            if let Some(entry) = key.and_then(|at| self.recent.get_mut(at)) {
                entry.leading = true;
            }
        }
        Span::extend(&mut self.recent_span, time, block.duration_ns);
        Span::extend(&mut self.span, time, block.duration_ns);
    }

    /// The entries since the last call, for an XIDX; they stay in the full index.
    pub fn take_recent(&mut self) -> Vec<Entry> {
        let recent = std::mem::take(&mut self.recent);
        self.recent_span = None;
        for track in &mut self.tracks {
            track.key_entry = None;
        }
        self.past.extend_from_slice(&recent);
        while self.past.len() > self.most_entries {
            self.thin();
        }
        recent
    }

    /// Doubles the least time between entries and drops those that are nearer.
    fn thin(&mut self) {
        self.interval_ns = self.interval_ns.saturating_mul(2).min(i64::MAX as u64);
        let interval = self.interval_ns as i64;
        let mut kept: HashMap<u16, i64> = HashMap::new();
        self.past.retain(|entry| {
            let last = kept.get(&entry.track_id);
            let keep = last.is_none_or(|last| entry.pts_ns.saturating_sub(*last) >= interval);
            if keep {
                kept.insert(entry.track_id, entry.pts_ns);
            }
            keep
        });
        // Without this, entries that nothing can thin (one a track) would keep it running for ever.
        if self.interval_ns == i64::MAX as u64 {
            self.most_entries = self.most_entries.max(self.past.len());
        }
    }

    /// All entries so far, in any order.
    pub fn all(&self) -> Vec<Entry> {
        let mut all = self.past.clone();
        all.extend_from_slice(&self.recent);
        all
    }

    /// The seek tables of version 1: one for each track whose key blocks all fit.
    pub fn seek_tables(&self) -> Vec<SeekTable> {
        self.tracks
            .iter()
            .filter_map(|track| {
                let mut entries = track.keys.clone()?;
                entries.sort_by_key(|(pts, _)| *pts);
                Some(SeekTable {
                    track_id: track.track_id,
                    entries,
                })
            })
            .collect()
    }

    /// Blocks of the track so far.
    pub fn blocks(&self, track_id: u16) -> u64 {
        self.track(track_id).map_or(0, |t| t.blocks)
    }
}

impl TrackState {
    fn remember_key(&mut self, key: Option<(u32, u32)>) {
        match (&mut self.keys, key) {
            (Some(keys), Some(key)) if keys.len() < MAX_SEEK_ENTRIES => keys.push(key),
            (keys, _) => *keys = None,
        }
    }
}

/// The entry of a seek table for a key block, `None` where it does not fit version 1's limits.
pub(crate) fn seek_entry(
    time_ns: Option<i64>,
    pts_ms: u32,
    payload_offset: u64,
) -> Option<(u32, u32)> {
    let fits =
        time_ns.is_none_or(|t| (0..=i64::from(MAX_PTS_MS)).contains(&t.div_euclid(1_000_000)));
    let offset = u32::try_from(payload_offset).ok()?;
    fits.then_some((pts_ms, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(track_id: u16, kind: Kind, time_ns: i64) -> Indexed {
        Indexed {
            track_id,
            kind,
            time_ns: Some(time_ns),
            duration_ns: 0,
            offset: 16,
            seek_entry: Some((0, 0)),
            trak: 0,
        }
    }

    #[test]
    fn memory_stays_bounded_and_entries_stay_spread() {
        let mut builder = IndexBuilder::new(500_000_000, 100 * size_of::<Entry>());
        for second in 0..10_000 {
            builder.push(&block(1, Kind::I, second * 1_000_000_000));
            builder.take_recent();
        }
        let all = builder.all();
        assert!((50..=100).contains(&all.len()), "{}", all.len());
        assert_eq!(all[0].pts_ns, 0);
        let gap = |w: &[Entry]| w[1].pts_ns - w[0].pts_ns;
        let widest = all.windows(2).map(gap).max().unwrap();
        assert!(widest <= 512_000_000_000, "{widest}");
    }

    #[test]
    fn leading_blocks_mark_the_entry_of_their_key() {
        let mut builder = IndexBuilder::default();
        for (kind, time) in [
            (Kind::I, 100),
            (Kind::P, 200),
            (Kind::I, 500),
            (Kind::B, 400),
        ] {
            builder.push(&block(1, kind, time));
        }
        let leading: Vec<bool> = builder.all().iter().map(|e| e.leading).collect();
        assert_eq!(leading, [false, true]);
    }

    #[test]
    fn a_key_past_the_limits_leaves_the_whole_table_out() {
        let mut builder = IndexBuilder::default();
        for n in 0..65_535 {
            builder.push(&block(1, Kind::I, n));
        }
        assert_eq!(builder.seek_tables().len(), 1);
        builder.push(&block(1, Kind::I, 65_535));
        assert!(builder.seek_tables().is_empty());
        assert_eq!(seek_entry(Some(-1), 0, 0), None);
        assert_eq!(seek_entry(Some(0), 0, 1 << 32), None);
    }
}
