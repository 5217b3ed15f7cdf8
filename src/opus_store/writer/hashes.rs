//! Hashes of what each packet decodes to.

use super::column::Column;
use crate::opus::Head;
use crate::opus_store::certify;
use crate::opus_store::decoder::Decoder;
use crate::opus_store::error::StoreError;

/// Decodes a link from its start and keeps a hash of each packet's samples.
pub(super) struct Hashes {
    column: Column,
    decoder: Decoder,
    /// Samples of one packet.
    pcm: Vec<i16>,
    packets: u64,
}

impl Hashes {
    /// Hashes of a link with this header go to `column`.
    ///
    /// # Errors
    /// [`StoreError::Decoder`] where libopus takes no such header.
    pub fn new(column: Column, head: &Head) -> Result<Self, StoreError> {
        Ok(Self {
            column,
            decoder: Decoder::new(head)?,
            pcm: Vec::new(),
            packets: 0,
        })
    }

    /// Decodes the next packet.
    ///
    /// # Errors
    /// [`StoreError::Decode`] where libopus does not take it.
    pub fn packet(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.pcm.clear();
        self.decoder
            .decode_i16(bytes, &mut self.pcm)
            .map_err(|refusal| refusal.of(self.packets))?;
        self.packets += 1;
        self.column.push(&certify::hash(&self.pcm).to_le_bytes())
    }

    /// The array of hashes.
    pub const fn column(&self) -> &Column {
        &self.column
    }

    /// The array of hashes.
    pub const fn column_mut(&mut self) -> &mut Column {
        &mut self.column
    }
}
