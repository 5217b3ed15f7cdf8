//! Whether XIDX and XEND agree with the blocks.

use std::collections::{HashMap, HashSet};

use gstharmony::h4mk::{Block, Chunk, End, Entry, Finished, IndexChunk, Record, Step};

use crate::findings::Findings;
use crate::survey::Survey;

/// Most key blocks between two XIDX that are remembered. A writer puts an XIDX every ten seconds.
const MOST_KEYS: usize = 1 << 20;
/// Up to so many entries in all XIDX, the full index must have every one; above, a writer may thin it.
const NEVER_THINNED: u64 = 500_000;

/// A key block that an entry may point to.
struct Key {
    track_id: u16,
    group: u64,
    offset: u64,
    pts_ns: Option<i64>,
    number: u64,
    trak: u32,
    /// Its track had blocks before that need others: it must have an entry.
    must: bool,
    /// Blocks after it are shown before it.
    leading: bool,
}

/// Follows a walk.
pub struct IndexCheck {
    /// Entries of the full index by offset; those before `next` have been met.
    claims: Vec<Entry>,
    next: usize,
    full: Option<u64>,
    keys: Vec<Key>,
    overflown: bool,
    deltas: HashSet<u16>,
    last_key: HashMap<u16, usize>,
    /// Blocks of each track.
    numbers: HashMap<u16, u64>,
    traks: Vec<u64>,
    xver: u64,
    blocks: u64,
    entries: u64,
    recent: Span,
    all: Span,
    previous: u64,
    /// Ordinal and position of the XIDX that a later `skip` may point to.
    skips: Vec<(u32, u64)>,
    ordinal: u32,
    last_full: u64,
}

/// Lowest time and highest end, unless a block had no time.
#[derive(Clone, Copy, Default)]
struct Span {
    times: Option<(i64, i64)>,
    unknown: bool,
}

impl Span {
    fn add(&mut self, block: &Block) {
        let Some(time) = block.time() else {
            self.unknown = true;
            return;
        };
        let end = time.saturating_add_unsigned(block.meta.timing.duration.unwrap_or(0));
        let (first, last) = self.times.unwrap_or((time, end));
        self.times = Some((first.min(time), last.max(end)));
    }

    /// Times that leave blocks out mislead a search; times that say nothing or too much only slow it down.
    fn check(self, offset: u64, name: &str, claimed: (i64, i64), findings: &mut Findings) {
        let Some(times) = self
            .times
            .filter(|times| !self.unknown && *times != claimed)
        else {
            return;
        };
        let ((first, last), (found_first, found_last)) = (times, claimed);
        let covers = found_first <= first && last <= found_last;
        if covers || claimed == (0, 0) {
            let what = format!(
                "{name}: found times {found_first} to {found_last} ns, expected {first} to {last}"
            );
            findings.warning(offset, what);
        } else {
            findings.differ(offset, &format!("{name}, first_ns"), found_first, first);
            findings.differ(offset, &format!("{name}, last_ns"), found_last, last);
        }
    }
}

impl IndexCheck {
    /// `finished`: the full index, where the file has one that can be found.
    pub fn new(finished: Option<&Finished>) -> Self {
        let mut claims = finished
            .map(|finished| finished.index.entries().to_vec())
            .unwrap_or_default();
        claims.sort_by_key(|entry| entry.offset);
        Self {
            claims,
            next: 0,
            full: finished.map(|finished| finished.end.full_index),
            keys: Vec::new(),
            overflown: false,
            deltas: HashSet::new(),
            last_key: HashMap::new(),
            numbers: HashMap::new(),
            traks: Vec::new(),
            xver: 0,
            blocks: 0,
            entries: 0,
            recent: Span::default(),
            all: Span::default(),
            previous: 0,
            skips: Vec::new(),
            ordinal: 0,
            last_full: 0,
        }
    }

    /// Takes a step that `survey` has counted already.
    pub fn step(&mut self, step: &Step, survey: &Survey, findings: &mut Findings) {
        if !survey.header.has_extensions() {
            return;
        }
        match step {
            Step::Block(block) => self.block(block, findings),
            Step::Chunk(chunk, Record::Tracks(_)) => self.traks.push(chunk.offset),
            Step::Chunk(chunk, Record::Index(index)) => self.index(chunk, index, findings),
            Step::Chunk(chunk, Record::End(end)) => self.xend(chunk.offset, end, findings),
            Step::Chunk(chunk, _) if &chunk.head.kind.0 == b"XVER" => self.xver = chunk.offset,
            _ => {}
        }
    }

    fn block(&mut self, block: &Block, findings: &mut Findings) {
        let track = block.meta.track_id;
        self.blocks += 1;
        self.recent.add(block);
        self.all.add(block);
        let count = self.numbers.entry(track).or_default();
        let number = std::mem::replace(count, *count + 1);
        if !block.meta.kind.is_key() {
            self.deltas.insert(track);
            let key = self
                .last_key
                .get(&track)
                .and_then(|at| self.keys.get_mut(*at));
            if let Some(key) = key.filter(|key| key.pts_ns > block.time() && block.time().is_some())
            {
                key.leading = true;
            }
            return;
        }
        let key = Key {
            track_id: track,
            group: block.group_offset,
            offset: block.offset,
            pts_ns: block.time(),
            number,
            trak: u32::try_from(self.traks.len().saturating_sub(1)).unwrap_or(u32::MAX),
            must: self.deltas.contains(&track),
            leading: false,
        };
        self.claimed(&key, findings);
        if self.keys.len() < MOST_KEYS {
            self.last_key.insert(track, self.keys.len());
            self.keys.push(key);
        } else if !std::mem::replace(&mut self.overflown, true) {
            let what = format!(
                "more than {MOST_KEYS} key blocks with no XIDX: their entries are not checked"
            );
            findings.warning(block.offset, what);
        }
    }

    /// Entries of the full index that point before this key block or to it.
    fn claimed(&mut self, key: &Key, findings: &mut Findings) {
        let full = self.full.unwrap_or_default();
        // Entries of a group of several tracks have one offset: what is met is swapped to the front.
        let mut at = self.next;
        while let Some(entry) = self
            .claims
            .get(at)
            .copied()
            .filter(|entry| entry.offset <= key.offset)
        {
            if entry.offset < key.group {
                let what = format!("{}: no key block is there, expected one", describe(&entry));
                findings.problem(full, what);
            } else if entry.track_id == key.track_id
                && key.pts_ns.is_none_or(|pts| pts == entry.pts_ns)
            {
                compare(full, &entry, key, findings);
            } else {
                at += 1;
                continue;
            }
            self.claims.swap(self.next, at);
            self.next += 1;
            at += 1;
        }
    }

    fn index(&mut self, chunk: &Chunk, index: &IndexChunk, findings: &mut Findings) {
        let at = chunk.offset;
        let name = if index.full { "full XIDX" } else { "XIDX" };
        findings.differ(at, &format!("{name}, self"), index.position, at);
        findings.differ(
            at,
            &format!("{name}, previous"),
            index.previous,
            self.previous,
        );
        findings.differ(at, &format!("{name}, ordinal"), index.ordinal, self.ordinal);
        findings.differ(
            at,
            &format!("{name}, sequence"),
            index.sequence,
            self.blocks,
        );
        let target = self.ordinal & self.ordinal.wrapping_sub(1);
        while self
            .skips
            .last()
            .is_some_and(|(ordinal, _)| *ordinal > target)
        {
            self.skips.pop();
        }
        let skip = self.skips.last().map_or(0, |(_, position)| *position);
        if index.skip == 0 && skip != 0 {
            let what = format!("{name}, skip: found none, expected {skip}: a search cannot use it");
            findings.warning(at, what);
        } else {
            findings.differ(at, &format!("{name}, skip"), index.skip, skip);
        }
        self.skips.push((self.ordinal, at));
        self.previous = at;
        self.ordinal = self.ordinal.wrapping_add(1);
        if index.full {
            self.full_index(at, index, findings);
        } else {
            self.recent
                .check(at, name, (index.first_ns, index.last_ns), findings);
            self.recent_index(at, index, findings);
        }
    }

    /// An XIDX of the blocks since the one before it.
    fn recent_index(&mut self, at: u64, index: &IndexChunk, findings: &mut Findings) {
        self.entries += index.entries.len() as u64;
        let keys = std::mem::take(&mut self.keys);
        let overflown = std::mem::take(&mut self.overflown);
        self.last_key.clear();
        self.recent = Span::default();
        let mut met = HashSet::new();
        for entry in &index.entries {
            let fits = |key: &&Key| {
                key.track_id == entry.track_id
                    && key.pts_ns.is_none_or(|pts| pts == entry.pts_ns)
                    && (key.group == entry.offset || key.offset == entry.offset)
            };
            // Keys lie in the order of their groups.
            let from = keys.partition_point(|key| key.offset < entry.offset);
            match keys
                .iter()
                .skip(from)
                .take_while(|key| key.group <= entry.offset)
                .find(fits)
            {
                Some(key) => {
                    compare(at, entry, key, findings);
                    if key.leading && !entry.leading {
                        let what = format!(
                            "{}: leading blocks follow, expected its flag to say so",
                            describe(entry)
                        );
                        findings.problem(at, what);
                    }
                    met.insert(key.offset);
                }
                None if overflown => {}
                None => findings.problem(
                    at,
                    format!("{}: no key block is there, expected one", describe(entry)),
                ),
            }
        }
        for key in keys
            .iter()
            .filter(|key| key.must && !met.contains(&key.offset))
        {
            let what = format!(
                "XIDX: no entry for the key block of track {} at {}",
                key.track_id, key.offset
            );
            findings.problem(at, what);
        }
    }

    fn full_index(&mut self, at: u64, index: &IndexChunk, findings: &mut Findings) {
        self.last_full = at;
        self.all
            .check(at, "full XIDX", (index.first_ns, index.last_ns), findings);
        if !index
            .entries
            .is_sorted_by_key(|entry| (entry.track_id, entry.pts_ns))
        {
            let what =
                "full XIDX: found entries out of order, expected them sorted by track, then PTS";
            findings.problem(at, what.to_owned());
        }
        let count = index.entries.len() as u64;
        if self.entries <= NEVER_THINNED || count > self.entries {
            findings.differ(at, "full XIDX, entries", count, self.entries);
        }
        if index.trak_offsets != self.traks {
            let (found, expected) = (&index.trak_offsets, &self.traks);
            findings.problem(
                at,
                format!("full XIDX, TRAK offsets: found {found:?}, expected {expected:?}"),
            );
        }
    }

    fn xend(&mut self, at: u64, end: &End, findings: &mut Findings) {
        findings.differ(at, "XEND, full_index", end.full_index, self.last_full);
        findings.differ(
            at,
            "XEND, trak",
            end.trak,
            self.traks.last().copied().unwrap_or_default(),
        );
        findings.differ(at, "XEND, verification", end.verification, self.xver);
        findings.differ(at, "XEND, blocks", end.blocks, self.blocks);
        self.all
            .check(at, "XEND", (end.first_ns, end.last_ns), findings);
    }

    /// What must hold at the end of a finished file.
    pub fn end(&self, survey: &Survey, findings: &mut Findings) {
        for entry in self.claims.iter().skip(self.next) {
            let what = format!("{}: no key block is there, expected one", describe(entry));
            findings.problem(self.full.unwrap_or_default(), what);
        }
        if survey.end.is_some() && self.full.is_none() {
            let what = "XEND: its full index cannot be opened, expected an XIDX with entries that can be read";
            findings.problem(survey.stop, what.to_owned());
        }
    }
}

fn describe(entry: &Entry) -> String {
    format!(
        "XIDX entry for track {} at {} ns, offset {}",
        entry.track_id, entry.pts_ns, entry.offset
    )
}

/// Number and TRAK of an entry against its key block.
fn compare(at: u64, entry: &Entry, key: &Key, findings: &mut Findings) {
    let number = u32::try_from(key.number).unwrap_or(u32::MAX);
    if entry.number != number {
        let (what, found) = (describe(entry), entry.number);
        findings.problem(
            at,
            format!("{what}: number found {found}, expected {number}"),
        );
    }
    if entry.trak != key.trak {
        let (what, found, expected) = (describe(entry), entry.trak, key.trak);
        findings.problem(
            at,
            format!("{what}: trak found {found}, expected {expected}"),
        );
    }
}
