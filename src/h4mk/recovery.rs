//! Files without an end: finding their last XIDX, and searching from it (specification section 3).

use super::chunk::{ChunkHead, ChunkType, HEADER_BYTES, open_chunk};
use super::index::{Entry, IndexChunk};

/// Bytes read at a time while scanning back.
const WINDOW: u64 = 1 << 20;
/// Scanning back stops after so many bytes: a walk from the start reads less.
const MAX_SCAN: u64 = 256 << 20;
/// Bytes whose CRC may be computed for each byte scanned: chunks that only look like an XIDX may lie inside each
/// other, and their CRCs together must not cost the square of the file.
const WORK_PER_BYTE: u64 = 8;
/// Bytes read beyond those that are scanned, so that most candidates lie in them as a whole.
const OVERLAP: u64 = 64 << 10;
/// First read of an XIDX whose length is not known yet.
const FIRST_READ: usize = 4096;

/// Scans back from the end of an unfinished file for the last XIDX that holds and lies where it says.
#[derive(Debug, Clone)]
pub struct BackScan {
    length: u64,
    /// Nothing at or after this position is left to look at.
    until: u64,
    lowest: u64,
    /// An XIDX that reaches beyond the bytes at hand.
    candidate: Option<(u64, u64)>,
    found: Option<IndexChunk>,
    /// Bytes of candidates looked at so far.
    work: u64,
}

impl BackScan {
    /// For a file of `length` bytes.
    pub fn new(length: u64) -> Self {
        Self {
            length,
            until: length,
            lowest: length.saturating_sub(MAX_SCAN).max(HEADER_BYTES as u64),
            candidate: None,
            found: None,
            work: 0,
        }
    }

    /// The next range wanted, as offset and length; `None` when the scan is over.
    pub fn request(&self) -> Option<(u64, usize)> {
        if self.found.is_some() {
            return None;
        }
        if let Some((offset, total)) = self.candidate {
            return Some((offset, usize::try_from(total).ok()?));
        }
        (self.until > self.lowest).then(|| {
            let start = self.start();
            let end = (self.until + OVERLAP).min(self.length);
            (start, usize::try_from(end - start).unwrap_or(usize::MAX))
        })
    }

    fn start(&self) -> u64 {
        self.until.saturating_sub(WINDOW).max(self.lowest)
    }

    /// Takes the bytes of the range wanted.
    pub fn feed(&mut self, bytes: &[u8]) {
        if let Some((offset, _)) = self.candidate.take() {
            self.found = valid_index(bytes, offset);
            self.until = offset;
            return;
        }
        let start = self.start();
        for at in (0..bytes.len()).rev() {
            let offset = start + at as u64;
            let Some(head) = bytes
                .get(at..)
                .and_then(<[u8]>::first_chunk)
                .map(ChunkHead::parse)
                .filter(|h| h.kind == ChunkType::INDEX && offset < self.until)
            else {
                continue;
            };
            if offset.saturating_add(head.total()) > self.length || !self.affords(offset, head) {
                continue;
            }
            let here = bytes.get(at..).unwrap_or_default();
            if (here.len() as u64) < head.total() {
                self.candidate = Some((offset, head.total()));
                return;
            }
            if let Some(index) = valid_index(here, offset) {
                self.found = Some(index);
                return;
            }
        }
        self.until = start;
    }

    /// Counts a candidate's bytes as work; false when they are more than the bytes scanned allow. An XIDX that
    /// holds is always affordable: whatever looks like one after its end can't have used up its own bytes' share.
    fn affords(&mut self, offset: u64, head: ChunkHead) -> bool {
        let allowed = (self.length - offset).saturating_mul(WORK_PER_BYTE);
        let work = self.work.saturating_add(head.total());
        let affords = work <= allowed;
        if affords {
            self.work = work;
        }
        affords
    }

    /// The XIDX found, once [`BackScan::request`] is `None`.
    pub fn finish(self) -> Option<IndexChunk> {
        self.found
    }
}

/// The XIDX at `offset`, if its CRC holds and it lies where it says.
fn valid_index(bytes: &[u8], offset: u64) -> Option<IndexChunk> {
    let (head, payload, _) = open_chunk(bytes, offset).ok()?;
    let index = IndexChunk::parse(head.flags, payload, offset).ok()?;
    (head.kind == ChunkType::INDEX && index.position == offset).then_some(index)
}

/// Finds the last entry of a track at or before a time by following `skip` and `previous` back from the
/// last XIDX of a file. Where the track has entries in every XIDX, that takes O(log² n) small reads: a
/// `skip` that leads too far costs a read before the step back is taken.
#[derive(Debug, Clone)]
pub struct Search {
    track_id: u16,
    time_ns: i64,
    current: IndexChunk,
    /// The XIDX that is being read: position and bytes wanted.
    reading: Option<(u64, usize)>,
    /// The XIDX being read is `current.skip` and not `current.previous`.
    skipping: bool,
    best: Option<Entry>,
}

impl Search {
    /// Searches from `last`, the last XIDX of the file.
    pub fn new(last: IndexChunk, track_id: u16, time_ns: i64) -> Self {
        let mut search = Self {
            track_id,
            time_ns,
            current: last,
            reading: None,
            skipping: false,
            best: None,
        };
        search.look();
        search
    }

    /// The next range wanted, as offset and length; `None` when the search is over.
    pub fn request(&self) -> Option<(u64, usize)> {
        self.reading
    }

    /// The entry found, once [`Search::request`] is `None`.
    pub fn finish(self) -> Option<Entry> {
        self.best
    }

    /// The last entry of the track ≤ the time in `index`.
    fn entry_in(&self, index: &IndexChunk) -> Option<Entry> {
        index
            .entries
            .iter()
            .filter(|e| e.track_id == self.track_id && e.pts_ns <= self.time_ns)
            .max_by_key(|e| e.pts_ns)
            .copied()
    }

    /// Looks into `current` and decides what to read next.
    fn look(&mut self) {
        self.best = self.entry_in(&self.current);
        self.reading = None;
        if self.best.is_some() {
            return;
        }
        // The skip target is tried first: if it lies wholly after the time, all between it and here does too.
        let (target, skipping) = if self.current.skip != self.current.previous {
            (self.current.skip, true)
        } else {
            (self.current.previous, false)
        };
        self.read(target, skipping);
    }

    /// Links only ever point back: a file can't send the search round in circles.
    fn read(&mut self, target: u64, skipping: bool) {
        let valid = target >= HEADER_BYTES as u64 && target < self.current.position;
        self.skipping = skipping;
        self.reading = valid.then_some((target, FIRST_READ));
        if !valid && skipping {
            self.read(self.current.previous, false);
        }
    }

    /// Takes the bytes of the range wanted; fewer where the file ends.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Some((offset, wanted)) = self.reading else {
            return;
        };
        let total = bytes
            .first_chunk()
            .map(ChunkHead::parse)
            .and_then(|h| usize::try_from(h.total()).ok())
            .filter(|total| *total > bytes.len() && bytes.len() == wanted);
        if let Some(total) = total {
            self.reading = Some((offset, total));
            return;
        }
        match valid_index(bytes, offset) {
            Some(index) if self.skipping && self.is_before(&index) => {
                // It begins before the time: what is wanted lies in it or between it and here.
                self.read(self.current.previous, false);
            }
            Some(index) => {
                self.current = index;
                self.look();
            }
            None => self.read_past_damage(offset),
        }
    }

    /// True when an entry of the track in `index` is at or before the time.
    fn is_before(&self, index: &IndexChunk) -> bool {
        self.entry_in(index).is_some() || index.first_ns <= self.time_ns
    }

    fn read_past_damage(&mut self, offset: u64) {
        if self.skipping && self.current.previous != offset {
            self.read(self.current.previous, false);
        } else {
            self.reading = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h4mk::chunk::put_chunk;

    /// A file of one XIDX and then `length` bytes of heads that claim to be one and to reach to the end.
    fn look_alikes(length: usize) -> (Vec<u8>, u64) {
        let mut file = vec![0; 100];
        let index = IndexChunk {
            position: 100,
            ..IndexChunk::default()
        };
        put_chunk(&mut file, ChunkType::INDEX, 0, &index.to_payload()).unwrap();
        let end = file.len() + length;
        while file.len() + 16 <= end {
            let at = file.len();
            file.extend_from_slice(b"XIDX\0\0\0\0");
            file.extend_from_slice(&((end - at - 16) as u32).to_le_bytes());
        }
        file.resize(end, 0);
        (file, index.position)
    }

    #[test]
    fn look_alikes_cost_no_more_than_their_share_and_hide_nothing() {
        let (file, position) = look_alikes(3 << 20);
        let mut scan = BackScan::new(file.len() as u64);
        let mut read = 0;
        while let Some((offset, length)) = scan.request() {
            scan.feed(&file[offset as usize..][..length]);
            read += length;
        }
        assert!(scan.work <= WORK_PER_BYTE * file.len() as u64);
        assert!(read <= 32 * file.len(), "{read} bytes read");
        assert_eq!(scan.finish().map(|i| i.position), Some(position));
    }
}
