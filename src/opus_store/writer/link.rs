//! One link of a stream on disk: its group, and the arrays that grow in it.

use std::sync::Arc;

use serde_json::Value;

use super::Options;
use super::column::{Column, Storage};
use super::hashes::Hashes;
use crate::opus::layout::{ROWS_CHUNK, link_group};
use crate::opus::{Attributes, Clip, Gap, Row, Start, Stream};
use crate::opus_store::arrays::{self, Compression, JsonMap, ZarrFormat, refused};
use crate::opus_store::certify;
use crate::opus_store::decoder::Decoder;
use crate::opus_store::error::StoreError;

/// Full chunks of the index after which rows are committed even if nobody asks. Each commit writes the chunk of packets
/// that is not full once more, at most 4 MiB, so that it should not be too small.
const COMMIT_CHUNKS: u64 = 4;

/// A link while it is written.
pub(super) struct Link {
    group: String,
    format: ZarrFormat,
    stream: Stream,
    packets: Column,
    hashes: Option<Hashes>,
    gaps: Column,
    index: Column,
    last_gap: Option<Gap>,
    /// Rows of index and gaps that are committed.
    committed: (u64, u64),
}

const fn gap_row(gap: Gap) -> [[u8; 8]; 2] {
    [gap.packet.to_le_bytes(), gap.samples.to_le_bytes()]
}

impl Link {
    /// A link of no packets; nothing is written yet.
    pub fn new(
        number: u64,
        start: Start,
        storage: &Arc<Storage>,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let group = link_group(number);
        let column = |kind, compression| {
            Column::new(kind, storage.clone(), &group, options.format, compression)
        };
        let hashes = options
            .pcm_hash
            .then(|| {
                let column = column(arrays::PCM_HASH, Compression::None)?;
                Hashes::new(column, &start.head)
            })
            .transpose()?;
        Ok(Self {
            packets: column(arrays::PACKETS, Compression::None)?,
            hashes,
            gaps: column(arrays::GAPS, Compression::None)?,
            index: column(arrays::INDEX, options.index_compression)?,
            group,
            format: options.format,
            stream: Stream::new(start),
            last_gap: None,
            committed: (0, 0),
        })
    }

    /// Puts the group and its arrays, which have no rows, into the storage.
    pub fn create(&self, storage: &Storage, attributes: &Attributes) -> Result<(), StoreError> {
        arrays::create_group(storage, &self.group, self.format, &map(attributes)?)?;
        self.packets.store_metadata()?;
        if let Some(hashes) = &self.hashes {
            hashes.column().store_metadata()?;
        }
        self.gaps.store_metadata()?;
        self.index.store_metadata()
    }

    /// Goes on in another storage, which has all that was written.
    pub fn go_on_in(&mut self, storage: &Arc<Storage>) {
        for column in [&mut self.packets, &mut self.gaps, &mut self.index] {
            column.go_on_in(storage.clone());
        }
        if let Some(hashes) = &mut self.hashes {
            hashes.column_mut().go_on_in(storage.clone());
        }
    }

    /// The stream's state.
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Gaps so far.
    pub const fn gaps(&self) -> u64 {
        self.gaps.rows()
    }

    /// Takes a packet, or, where it has no bytes, records that it is missing.
    pub fn packet(&mut self, bytes: &[u8], clip: Clip) -> Result<Option<Row>, StoreError> {
        if bytes.is_empty() {
            return self.gap(None).map(|()| None);
        }
        let packet = self.stream.packets();
        let wrong = |error| StoreError::Packet { packet, error };
        if let Some(hashes) = &mut self.hashes {
            // A packet that is refused, by the rules or by libopus, leaves no trace.
            self.stream.check(bytes).map_err(wrong)?;
            hashes.packet(bytes)?;
        }
        let row = self.stream.packet(bytes, clip).map_err(wrong)?;
        self.packets.push(bytes)?;
        self.index
            .push(row.values().map(u64::to_le_bytes).as_flattened())?;
        Ok(Some(row))
    }

    /// Records that samples are missing here; `None`: a packet without bytes.
    pub fn gap(&mut self, samples: Option<u64>) -> Result<(), StoreError> {
        let gap = self.stream.gap(samples);
        self.gaps.push(gap_row(gap).as_flattened())?;
        self.last_gap = Some(gap);
        Ok(())
    }

    /// The last gap, of which nobody knew how long it is, has so many samples.
    pub fn amend_gap(&mut self, samples: u64) -> Result<(), StoreError> {
        let amended = self.last_gap.map(|gap| Gap { samples, ..gap });
        match amended {
            Some(gap) if self.gaps.replace_last(gap_row(gap).as_flattened()) => {
                self.last_gap = amended;
                self.committed.1 = self.committed.1.min(self.gaps() - 1);
                Ok(())
            }
            // It went out with a full chunk: what was missing then is told where it was found out.
            _ => self.gap(Some(samples)),
        }
    }

    /// The stream ends so many samples before its last packet, where clipping said nothing of it.
    pub const fn end_before(&mut self, samples: u64) {
        self.stream.end_before(samples);
    }

    /// Packets that readers may trust.
    pub const fn committed_packets(&self) -> u64 {
        self.committed.0
    }

    /// Whether so many packets came since the last commit that one is due.
    pub const fn is_commit_due(&self) -> bool {
        self.stream.packets() >= self.committed.0 + COMMIT_CHUNKS * ROWS_CHUNK
    }

    /// Whether all that came is committed.
    pub const fn is_committed(&self) -> bool {
        self.committed.0 == self.stream.packets() && self.committed.1 == self.gaps()
    }

    /// Writes all rows and makes them part of the arrays. Readers may trust them once the attributes say so.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.packets.flush()?;
        if let Some(hashes) = &mut self.hashes {
            hashes.column_mut().flush()?;
        }
        self.gaps.flush()?;
        self.index.flush()?;
        self.packets.publish()?;
        if let Some(hashes) = &mut self.hashes {
            hashes.column_mut().publish()?;
        }
        self.gaps.publish()?;
        self.index.publish()
    }

    /// What the group says of the packets so far, and when the stream `ended` of its end.
    pub fn attributes(&self, ended: bool) -> Result<Attributes, StoreError> {
        let mut attributes = self.stream.attributes(&Decoder::version(), ended);
        if self.hashes.is_some() {
            attributes.decoder_fingerprint = Some(certify::fingerprint()?.to_owned());
        }
        Ok(attributes)
    }

    /// Says so in the group: with this all that is flushed is committed.
    pub fn write_attributes(
        &mut self,
        storage: &Storage,
        attributes: &Attributes,
    ) -> Result<(), StoreError> {
        write_attributes(storage, &self.group, self.format, attributes)?;
        self.committed = (self.stream.packets(), self.gaps());
        Ok(())
    }
}

/// Replaces the attributes of a link's group.
pub(super) fn write_attributes(
    storage: &Storage,
    group: &str,
    format: ZarrFormat,
    attributes: &Attributes,
) -> Result<(), StoreError> {
    arrays::write_attributes(storage, group, format, &map(attributes)?)
}

fn map(attributes: &Attributes) -> Result<JsonMap, StoreError> {
    let value = serde_json::to_value(attributes).map_err(|error| refused("attributes", error))?;
    match value {
        Value::Object(map) => Ok(map),
        other => Err(refused("attributes", other)),
    }
}
