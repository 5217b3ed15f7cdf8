//! TRAKs by their ordinal, by which seek entries refer to them.

use std::sync::Arc;

use super::reader::{Lookup, ReadError, Reader, Source};
use crate::h4mk::{Entry, Record, Step, Tracks, Walk};

impl Reader {
    /// The TRAK with this ordinal, read where it was not met before.
    pub(super) fn tracks_at(&mut self, ordinal: u32) -> Result<Option<Arc<Tracks>>, ReadError> {
        if !self.traks.contains_key(&ordinal) && matches!(self.source, Source::Pull(_)) {
            match self.trak_offset(ordinal) {
                Some(offset) => {
                    if let Some(tracks) = self.read_tracks(offset, 0)? {
                        self.traks.insert(ordinal, tracks);
                    }
                }
                None => self.follow_links()?,
            }
        }
        Ok(self.traks.get(&ordinal).cloned())
    }

    fn trak_offset(&self, ordinal: u32) -> Option<u64> {
        let at = usize::try_from(ordinal).ok()?;
        self.trak_offsets.get(at).copied()
    }

    /// Push mode: where to read from so that what is in force at the entry is known: the entry itself, or
    /// the TRAK before it, where that was never met.
    pub(super) fn with_tracks(&self, entry: Entry) -> Entry {
        let before = entry.trak.checked_sub(1);
        match (self.trak_offset(entry.trak), before) {
            (Some(offset), Some(trak)) if !self.traks.contains_key(&entry.trak) => Entry {
                offset,
                trak,
                ..entry
            },
            _ => entry,
        }
    }

    /// An unfinished file: reads all its TRAKs, each but the first of which is right behind an XIDX.
    fn follow_links(&mut self) -> Result<(), ReadError> {
        let Lookup::Linked(last) = &self.lookup else {
            return Ok(());
        };
        let mut index = Some(last.as_ref().clone());
        let mut found = Vec::new();
        while let Some(chunk) = index.take() {
            found.extend(self.read_tracks(chunk.position, 1)?);
            // Positions fall, so that this ends.
            if (1..chunk.position).contains(&chunk.previous)
                && let Some(Record::Index(previous)) = self.read_record(chunk.previous, 0)?
            {
                index = Some(previous);
            }
        }
        for (tracks, ordinal) in found.into_iter().rev().zip(1..) {
            self.traks.entry(ordinal).or_insert(tracks);
        }
        Ok(())
    }

    fn read_tracks(&mut self, offset: u64, skip: usize) -> Result<Option<Arc<Tracks>>, ReadError> {
        Ok(match self.read_record(offset, skip)? {
            Some(Record::Tracks(tracks)) => Some(tracks),
            _ => None,
        })
    }

    /// What the chunk says that comes `skip` chunks after the one at `offset`; `None` where that is no record.
    fn read_record(&mut self, offset: u64, mut skip: usize) -> Result<Option<Record>, ReadError> {
        let Some(header) = self.header else {
            return Ok(None);
        };
        let mut walk = Walk::at(offset, header, self.walk.length());
        loop {
            match self.step_of(&mut walk)? {
                Step::Chunk(_, record) if skip == 0 => return Ok(Some(record)),
                Step::Chunk(..) => skip -= 1,
                _ => return Ok(None),
            }
        }
    }
}
