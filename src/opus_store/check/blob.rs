//! The bytes of packets, read ahead.

use crate::opus_store::StoreError;
use crate::opus_store::table::Table;

/// Bytes read at once.
const AHEAD: u64 = 1 << 20;

/// Packets' bytes in the order of the packets: a window of the array that moves on.
pub(in crate::opus_store) struct Blob<'a> {
    table: &'a Table,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Blob<'a> {
    /// Nothing is read yet.
    pub const fn new(table: &'a Table) -> Self {
        Self {
            table,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// Bytes from `pos` on, all of which are in the array.
    ///
    /// # Errors
    /// Those of [`Table::read`].
    pub fn get(&mut self, pos: u64, length: u64) -> Result<&[u8], StoreError> {
        if self.at(pos, length).is_none() {
            self.read(pos, length)?;
        }
        let at = self.at(pos, length).unwrap_or(0..0);
        Ok(self.bytes.get(at).unwrap_or_default())
    }

    /// Where the bytes are in the window.
    fn at(&self, pos: u64, length: u64) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(pos.checked_sub(self.start)?).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        (end <= self.bytes.len()).then_some(start..end)
    }

    /// Moves the window: to the end of a chunk, so that a chunk that is missing costs only the packets in it.
    fn read(&mut self, pos: u64, length: u64) -> Result<(), StoreError> {
        let end = pos.saturating_add(length);
        let chunk = self.table.chunk_rows();
        let chunk_end = pos.saturating_add(chunk - pos % chunk);
        let ahead = pos.saturating_add(AHEAD).min(chunk_end);
        self.bytes = self
            .table
            .read(pos..end.max(ahead).min(self.table.rows()))?;
        self.start = pos;
        Ok(())
    }
}
