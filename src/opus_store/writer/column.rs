//! An array while it grows at its end.

use std::mem;
use std::sync::Arc;

use zarrs::array::{Array, ArrayError, CodecOptions};
use zarrs::storage::{Bytes, WritableStorageTraits};

use crate::opus_store::arrays::{Compression, Kind, ZarrFormat, refused, stored};
use crate::opus_store::error::StoreError;
use crate::opus_store::files::ZEROS;

/// Where keys are written.
pub(in crate::opus_store) type Storage = dyn WritableStorageTraits;

/// An array that takes rows at its end. It keeps the chunk that is not full; full ones are written at once.
///
/// What [`Column::flush`] has written becomes part of the array only with [`Column::publish`]: its shape.
pub(in crate::opus_store) struct Column {
    kind: Kind,
    array: Array<Storage>,
    compression: Compression,
    /// Number of the chunk in `buffer`.
    chunk: u64,
    /// Rows of that chunk, little-endian.
    buffer: Vec<u8>,
    /// Bytes of `buffer` that are in the storage.
    written: usize,
}

impl Column {
    /// An array of no rows in `group`; nothing is written yet.
    pub fn new(
        kind: Kind,
        storage: Arc<Storage>,
        group: &str,
        format: ZarrFormat,
        compression: Compression,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            kind,
            array: kind.create(storage, group, format, compression)?,
            compression,
            chunk: 0,
            buffer: Vec::new(),
            written: 0,
        })
    }

    /// Goes on in another storage, which has all that was written.
    pub fn go_on_in(&mut self, storage: Arc<Storage>) {
        self.array = self.array.with_storage(storage);
    }

    /// Bytes of a full chunk.
    const fn chunk_size(&self) -> usize {
        (self.kind.chunk_rows * self.kind.row_size()) as usize
    }

    /// Rows so far, written or not.
    pub const fn rows(&self) -> u64 {
        self.chunk * self.kind.chunk_rows + self.buffer.len() as u64 / self.kind.row_size()
    }

    /// Appends rows, little-endian.
    pub fn push(&mut self, mut rows: &[u8]) -> Result<(), StoreError> {
        if self.buffer.capacity() == 0 {
            self.buffer.reserve_exact(self.chunk_size());
        }
        loop {
            let room = self.chunk_size() - self.buffer.len();
            let Some((now, rest)) = rows.split_at_checked(room) else {
                self.buffer.extend_from_slice(rows);
                return Ok(());
            };
            self.buffer.extend_from_slice(now);
            self.write()?;
            self.buffer.clear();
            self.written = 0;
            self.chunk += 1;
            rows = rest;
        }
    }

    /// Replaces the last row, unless it went out with a full chunk; whether it did.
    pub fn replace_last(&mut self, row: &[u8]) -> bool {
        let Some(start) = self.buffer.len().checked_sub(row.len()) else {
            return false;
        };
        self.buffer.truncate(start);
        self.buffer.extend_from_slice(row);
        self.written = self.written.min(start);
        true
    }

    /// Writes what is not written, if anything.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        if self.written < self.buffer.len() {
            self.write()?;
            self.written = self.buffer.len();
        }
        Ok(())
    }

    /// Makes all rows part of the array, once they are written.
    pub fn publish(&mut self) -> Result<(), StoreError> {
        let shape = self.kind.shape(self.rows());
        if self.array.shape() == shape {
            return Ok(());
        }
        self.array
            .set_shape(shape)
            .map_err(|error| refused(self.kind.name, error))?;
        self.store_metadata()
    }

    /// Writes the metadata of the array.
    pub fn store_metadata(&self) -> Result<(), StoreError> {
        self.array
            .store_metadata()
            .map_err(|error| stored(self.kind.name, error))
    }

    /// Writes the chunk, filled up with zeros. It is written even if it holds nothing else: a missing chunk would be taken
    /// for damage.
    fn write(&mut self) -> Result<(), StoreError> {
        let used = self.buffer.len();
        while self.buffer.len() < self.chunk_size() {
            let room = (self.chunk_size() - self.buffer.len()).min(ZEROS.len());
            self.buffer.extend_from_slice(&ZEROS[..room]);
        }
        let written = match self.compression {
            Compression::None => self.write_plain(),
            Compression::Zstd => self.write_encoded(),
        };
        self.buffer.truncate(used);
        written
    }

    /// Lends the buffer to the storage, without a copy of it.
    fn write_plain(&mut self) -> Result<(), StoreError> {
        let key = self.array.chunk_key(&self.kind.chunk_indices(self.chunk));
        let bytes = Bytes::from(mem::take(&mut self.buffer));
        let written = self.array.storage().set(&key, bytes.clone());
        self.buffer = Vec::from(bytes);
        written.map_err(|error| stored(self.kind.name, error))
    }

    fn write_encoded(&self) -> Result<(), StoreError> {
        let (words, _) = self.buffer.as_chunks::<8>();
        let words: Vec<u64> = words.iter().copied().map(u64::from_le_bytes).collect();
        let options = CodecOptions::default().with_store_empty_chunks(true);
        let chunk = self.kind.chunk_indices(self.chunk);
        self.array
            .store_chunk_opt(&chunk, words, &options)
            .map_err(|error| match error {
                ArrayError::StorageError(error) => stored(self.kind.name, error),
                error => refused(self.kind.name, error),
            })
    }
}
