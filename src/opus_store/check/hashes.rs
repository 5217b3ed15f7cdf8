//! The hashes of decoded packets.

use super::report::Findable;
use crate::opus_store::StoreError;
use crate::opus_store::certify::{fingerprint, hash};
use crate::opus_store::decoder::Decoder;
use crate::opus_store::reader::Snapshot;
use crate::opus_store::table::Table;

/// Hashes read at once; a part of a chunk.
const BATCH: u64 = 2_000;

/// A decode of a link from its start, compared with the hashes that were stored.
pub(super) struct Decode<'a> {
    table: &'a Table,
    packets: u64,
    decoder: Decoder,
    pcm: Vec<i16>,
    /// Hashes of the packets from `first` on.
    batch: Vec<u64>,
    first: u64,
    compared: u64,
    stopped: bool,
}

impl<'a> Decode<'a> {
    /// A decoder for a link; none where it has no hashes, or another decoder made them.
    ///
    /// # Errors
    /// [`StoreError::Head`] or [`StoreError::Decoder`] where libopus takes no such header.
    pub fn new(now: &'a Snapshot) -> Result<Option<Self>, StoreError> {
        let Some(table) = &now.hashes else {
            return Ok(None);
        };
        if now.attributes.decoder_fingerprint.as_deref() != Some(fingerprint()?) {
            return Ok(None);
        }
        Ok(Some(Self {
            table,
            packets: now.packets(),
            decoder: Decoder::new(&now.head()?)?,
            pcm: Vec::new(),
            batch: Vec::new(),
            first: 0,
            compared: 0,
            stopped: false,
        }))
    }

    /// Hashes that were compared.
    pub const fn compared(&self) -> u64 {
        self.compared
    }

    /// Decodes the next packet and compares its hash.
    pub fn packet(&mut self, packet: u64, bytes: &[u8], found: &mut Findable) {
        if self.stopped {
            return;
        }
        self.pcm.clear();
        if let Err(refusal) = self.decoder.decode_i16(bytes, &mut self.pcm) {
            found.error(&refusal.of(packet));
            return self.stop(packet, found);
        }
        let stored = match self.stored(packet) {
            Ok(stored) => stored,
            Err(error) => {
                found.error_unless_missing(&error);
                return self.stop(packet, found);
            }
        };
        self.compared += 1;
        let decoded = hash(&self.pcm);
        if stored != decoded {
            let what = format!("hash: found {stored:016x}, expected {decoded:016x} by a decode");
            found.problem(Some(packet), what);
        }
    }

    /// A packet that is not decoded changes what those behind it decode to.
    pub fn stop(&mut self, packet: u64, found: &mut Findable) {
        if !self.stopped {
            found.problem(Some(packet), "hashes from here on are not compared");
            self.stopped = true;
        }
    }

    fn stored(&mut self, packet: u64) -> Result<u64, StoreError> {
        let at = |first: u64| usize::try_from(packet.wrapping_sub(first)).unwrap_or(usize::MAX);
        if let Some(hash) = self.batch.get(at(self.first)) {
            return Ok(*hash);
        }
        let end = packet.saturating_add(BATCH).min(self.packets);
        self.batch = self.table.read_u64(packet..end)?;
        self.first = packet;
        Ok(self.batch.first().copied().unwrap_or(0))
    }
}
