//! XIDX, XEND and TSEK, and looking a time up (specification sections 1 and 2).

use std::ops::Range;

use super::bytes::Fields;
use super::chunk::ChunkType;
use super::error::Error;

/// Bytes of an XIDX payload before its entries.
pub(crate) const INDEX_HEAD_BYTES: usize = 56;
/// Bytes of an entry.
pub(crate) const ENTRY_BYTES: usize = 32;
/// Bytes of an XEND payload.
pub(crate) const END_BYTES: usize = 48;
/// Most entries that a TSEK can hold.
pub(crate) const MAX_SEEK_ENTRIES: usize = 65_535;

const FULL: u32 = 1;
const LEADING: u16 = 1;

/// A place to start reading from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// PTS of the key block in nanoseconds.
    pub pts_ns: i64,
    /// Where to read from: the XTIM or CORE chunk that brings the block.
    pub offset: u64,
    /// Its track.
    pub track_id: u16,
    /// Blocks follow the key block that are shown before it.
    pub leading: bool,
    /// Ordinal of the TRAK in force.
    pub trak: u32,
    /// Blocks of the track before the key block.
    pub number: u32,
}

impl Entry {
    fn parse(fields: &mut Fields<'_>) -> Result<Self, Error> {
        let entry = Self {
            pts_ns: fields.i64("entry pts")?,
            offset: fields.u64("entry offset")?,
            track_id: fields.u16("entry track_id")?,
            leading: fields.u16("entry flags")? & LEADING != 0,
            trak: fields.u32("entry trak")?,
            number: fields.u32("entry number")?,
        };
        fields.u32("entry reserved")?;
        Ok(entry)
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.pts_ns.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.track_id.to_le_bytes());
        let flags = if self.leading { LEADING } else { 0 };
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(&self.trak.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
    }
}

/// One XIDX chunk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexChunk {
    /// Position that the chunk claims for itself.
    pub position: u64,
    /// Position of the XIDX before it, 0 for none.
    pub previous: u64,
    /// Position of the XIDX whose ordinal is this one's with its lowest set bit cleared, 0 for none.
    pub skip: u64,
    /// Blocks of the file before this chunk.
    pub sequence: u64,
    /// Lowest PTS of the blocks it covers, nanoseconds.
    pub first_ns: i64,
    /// Highest end of the blocks it covers, nanoseconds.
    pub last_ns: i64,
    /// Number of the XIDX, from 0.
    pub ordinal: u32,
    /// True for the index of the whole file.
    pub full: bool,
    /// Seek entries; of a full index sorted by track, then PTS.
    pub entries: Vec<Entry>,
    /// Full index only: every TRAK before it, in order.
    pub trak_offsets: Vec<u64>,
}

impl IndexChunk {
    /// Reads an XIDX's `payload`, which begins at absolute `offset`.
    ///
    /// # Errors
    /// [`Error::Field`] where the payload's length and its counts disagree.
    pub fn parse(flags: u32, payload: &[u8], offset: u64) -> Result<Self, Error> {
        let mut fields = Fields::new(payload, offset, ChunkType::INDEX);
        let mut index = Self {
            position: fields.u64("self")?,
            previous: fields.u64("previous")?,
            skip: fields.u64("skip")?,
            sequence: fields.u64("sequence")?,
            first_ns: fields.i64("first_ns")?,
            last_ns: fields.i64("last_ns")?,
            full: flags & FULL != 0,
            ..Self::default()
        };
        let count = fields.u32("count")? as usize;
        index.ordinal = fields.u32("ordinal")?;
        if count > fields.left() / ENTRY_BYTES {
            let most = format!("at most {}", fields.left() / ENTRY_BYTES);
            return Err(fields.error("count", count, most));
        }
        index.entries.reserve_exact(count);
        for _ in 0..count {
            index.entries.push(Entry::parse(&mut fields)?);
        }
        if index.full {
            index.trak_offsets = trak_offsets(&mut fields)?;
        }
        fields.end("entries")?;
        Ok(index)
    }

    /// The payload of the chunk.
    pub(crate) fn to_payload(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(
            INDEX_HEAD_BYTES + self.entries.len() * ENTRY_BYTES + 8 + self.trak_offsets.len() * 8,
        );
        for value in [self.position, self.previous, self.skip, self.sequence] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        for value in [self.first_ns, self.last_ns] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        let count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        for value in [count, self.ordinal] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        self.entries.iter().for_each(|e| e.put(&mut out));
        if self.full {
            let traks = u32::try_from(self.trak_offsets.len()).unwrap_or(u32::MAX);
            for value in [traks, 0] {
                out.extend_from_slice(&value.to_le_bytes());
            }
            for offset in &self.trak_offsets {
                out.extend_from_slice(&offset.to_le_bytes());
            }
        }
        out
    }

    /// The chunk's flags.
    pub(crate) fn flags(&self) -> u32 {
        if self.full { FULL } else { 0 }
    }
}

fn trak_offsets(fields: &mut Fields<'_>) -> Result<Vec<u64>, Error> {
    let count = fields.u32("trak_count")? as usize;
    fields.u32("reserved")?;
    if count > fields.left() / 8 {
        let most = format!("at most {}", fields.left() / 8);
        return Err(fields.error("trak_count", count, most));
    }
    (0..count).map(|_| fields.u64("trak offset")).collect()
}

/// XEND: the last chunk of a finished file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct End {
    /// Position of the full index.
    pub full_index: u64,
    /// Position of the copy of the TRAK in force.
    pub trak: u64,
    /// Position of the XVER, 0 for none.
    pub verification: u64,
    /// Blocks of the file.
    pub blocks: u64,
    /// Lowest PTS, nanoseconds.
    pub first_ns: i64,
    /// Highest end of a block, nanoseconds.
    pub last_ns: i64,
}

impl End {
    /// Reads an XEND's `payload`, which begins at absolute `offset`.
    ///
    /// # Errors
    /// [`Error::Field`] when it has not 48 bytes.
    pub fn parse(payload: &[u8], offset: u64) -> Result<Self, Error> {
        let mut fields = Fields::new(payload, offset, ChunkType::END);
        let end = Self {
            full_index: fields.u64("full_index")?,
            trak: fields.u64("trak")?,
            verification: fields.u64("verification")?,
            blocks: fields.u64("blocks")?,
            first_ns: fields.i64("first_ns")?,
            last_ns: fields.i64("last_ns")?,
        };
        fields.end("last_ns")?;
        Ok(end)
    }

    pub(crate) fn to_payload(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(END_BYTES);
        for value in [self.full_index, self.trak, self.verification, self.blocks] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        for value in [self.first_ns, self.last_ns] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out
    }
}

/// TSEK: the seek table of one track, as version 1 has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeekTable {
    /// Its track.
    pub track_id: u16,
    /// PTS in milliseconds and absolute position of the CORE's payload.
    pub entries: Vec<(u32, u32)>,
}

impl SeekTable {
    /// Reads a TSEK's `payload`, which begins at absolute `offset`.
    ///
    /// # Errors
    /// [`Error::Field`]: a wrong magic, or a length that disagrees with the count.
    pub fn parse(payload: &[u8], offset: u64) -> Result<Self, Error> {
        let mut fields = Fields::new(payload, offset, ChunkType::SEEK_TABLE);
        magic(&mut fields, b"H4TS", "H4TS")?;
        let track_id = fields.u16("track_id")?;
        fields.u16("reserved")?;
        magic(&mut fields, b"H4SK", "H4SK")?;
        let count = usize::from(fields.u16("count")?);
        fields.u16("reserved")?;
        if count * 8 != fields.left() {
            return Err(fields.error("count", count, format!("{}", fields.left() / 8)));
        }
        let entries = (0..count)
            .map(|_| Ok((fields.u32("pts_ms")?, fields.u32("offset")?)))
            .collect::<Result<_, Error>>()?;
        Ok(Self { track_id, entries })
    }

    pub(crate) fn to_payload(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + self.entries.len() * 8);
        let count = u16::try_from(self.entries.len()).unwrap_or(u16::MAX);
        for (magic, number) in [(b"H4TS", self.track_id), (b"H4SK", count)] {
            out.extend_from_slice(magic);
            out.extend_from_slice(&number.to_le_bytes());
            out.extend_from_slice(&[0; 2]);
        }
        for (pts, offset) in &self.entries {
            out.extend_from_slice(&pts.to_le_bytes());
            out.extend_from_slice(&offset.to_le_bytes());
        }
        out
    }
}

fn magic(fields: &mut Fields<'_>, expected: &[u8; 4], name: &'static str) -> Result<(), Error> {
    let found = fields.take(4, "magic")?;
    if found == expected {
        return Ok(());
    }
    Err(fields.error("magic", found.escape_ascii(), name))
}

/// The seek entries of a whole file, in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Index {
    /// Sorted by track, then PTS.
    entries: Vec<Entry>,
    /// Where each track's entries lie, sorted by track.
    tracks: Vec<(u16, Range<usize>)>,
}

impl Index {
    /// Takes entries in any order.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        let key = |e: &Entry| (e.track_id, e.pts_ns);
        if !entries.is_sorted_by_key(key) {
            entries.sort_by_key(key);
        }
        let mut tracks: Vec<(u16, Range<usize>)> = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            match tracks.last_mut() {
                Some((track, range)) if *track == entry.track_id => range.end = at + 1,
                _ => tracks.push((entry.track_id, at..at + 1)),
            }
        }
        Self { entries, tracks }
    }

    /// All entries, sorted by track, then PTS.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries of a track, sorted by PTS.
    pub fn track(&self, track_id: u16) -> &[Entry] {
        self.tracks
            .binary_search_by_key(&track_id, |(track, _)| *track)
            .ok()
            .and_then(|at| self.tracks.get(at))
            .and_then(|(_, range)| self.entries.get(range.clone()))
            .unwrap_or_default()
    }

    /// The last entry of the track at or before `time_ns`: read from there on to the last key block ≤ `time_ns`.
    pub fn find(&self, track_id: u16, time_ns: i64) -> Option<&Entry> {
        let entries = self.track(track_id);
        let after = entries.partition_point(|e| e.pts_ns <= time_ns);
        after.checked_sub(1).and_then(|at| entries.get(at))
    }

    /// The first entry of the track after `time_ns`.
    pub fn find_after(&self, track_id: u16, time_ns: i64) -> Option<&Entry> {
        let entries = self.track(track_id);
        entries.get(entries.partition_point(|e| e.pts_ns <= time_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(track_id: u16, pts_ns: i64) -> Entry {
        Entry {
            pts_ns,
            offset: pts_ns.unsigned_abs(),
            track_id,
            leading: pts_ns % 2 == 0,
            trak: 0,
            number: 7,
        }
    }

    #[test]
    fn a_time_finds_the_last_entry_before_it() {
        let index = Index::new(vec![
            entry(2, 50),
            entry(1, 20),
            entry(1, -10),
            entry(1, 20),
        ]);
        assert_eq!(index.find(1, -11), None);
        assert_eq!(index.find(1, 19).map(|e| e.pts_ns), Some(-10));
        assert_eq!(index.find(1, i64::MAX).map(|e| e.pts_ns), Some(20));
        assert_eq!(index.find(3, 0), None);
        assert_eq!(index.find_after(1, -10).map(|e| e.pts_ns), Some(20));
        assert_eq!(index.find_after(2, 50), None);
    }

    #[test]
    fn a_count_beyond_the_payload_is_an_error_before_any_room_is_taken() {
        let mut payload = IndexChunk::default().to_payload();
        payload[48..52].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(
            IndexChunk::parse(0, &payload, 100),
            Err(Error::Field { field: "count", .. })
        ));
    }

    proptest! {
        #[test]
        fn an_index_comes_back(pts in proptest::collection::vec(any::<i64>(), 0..20), full: bool, traks in proptest::collection::vec(any::<u64>(), 0..4), ordinal: u32) {
            let index = IndexChunk {
                position: 9, previous: 8, skip: 7, sequence: 6, first_ns: -5, last_ns: 4, ordinal, full,
                entries: pts.into_iter().map(|p| entry(3, p)).collect(),
                trak_offsets: if full { traks } else { Vec::new() },
            };
            prop_assert_eq!(IndexChunk::parse(index.flags(), &index.to_payload(), 0), Ok(index));
        }

        #[test]
        fn any_bytes_are_a_chunk_or_an_error(payload: Vec<u8>, flags: u32) {
            let _ = IndexChunk::parse(flags, &payload, 0);
            let _ = SeekTable::parse(&payload, 0);
            let _ = End::parse(&payload, 0);
        }
    }
}
