//! A link of a store as it was at a moment.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use zarrs::filesystem::FilesystemStore;

use super::super::StoreError;
use super::super::arrays::{self, ZarrFormat};
use super::super::table::Table;
use super::group;
use crate::opus::index::MOST_BYTES;
use crate::opus::{Attributes, Gap, Head, Packet, Row, layout};

/// Attributes and arrays of a link that belong together: what is committed, and nothing behind it.
#[derive(Debug)]
pub(in super::super) struct Snapshot {
    pub format: ZarrFormat,
    pub attributes: Arc<Attributes>,
    pub index: Table,
    pub blob: Table,
    pub gaps: Option<Table>,
    pub hashes: Option<Table>,
    columns: Columns,
}

/// Which column of the index has which field.
#[derive(Debug, Clone, Copy)]
struct Columns {
    byte_len: usize,
    /// The other fields, where they are all there.
    sums: Option<[usize; 4]>,
    sample_count: Option<usize>,
}

impl Columns {
    fn of(fields: &[String]) -> Result<Self, StoreError> {
        let at = |name: &str| fields.iter().position(|field| field == name);
        let Some(byte_len) = at("byte_len") else {
            return Err(StoreError::BadAttribute {
                name: "index_fields".into(),
                found: format!("{fields:?}"),
                expected: format!("{:?}, byte_len at least", Row::FIELDS),
            });
        };
        let sums = ["byte_pos", "sample_count", "cum_start", "cum_end"].map(at);
        Ok(Self {
            byte_len,
            sums: match sums {
                [Some(pos), Some(count), Some(start), Some(end)] => Some([pos, count, start, end]),
                _ => None,
            },
            sample_count: at("sample_count"),
        })
    }
}

impl Snapshot {
    /// A link's group as it is now. Its attributes are read before its arrays: a writer that is at work extends them in
    /// the other order, so that the arrays have at least what the attributes say.
    ///
    /// # Errors
    /// Those of [`group::attributes`] and [`Table::open`]; [`StoreError::NoIndex`] and [`StoreError::BadArray`] where arrays
    /// are missing, or shorter than the attributes say.
    pub fn take(
        storage: &Arc<FilesystemStore>,
        path: &Path,
        group: &str,
    ) -> Result<Self, StoreError> {
        let (format, attributes) = group::attributes(storage, path, group)?;
        let columns = Columns::of(&attributes.index_fields)?;
        let wide = attributes.index_fields.len() as u64;
        let open = |kind, wide| Table::open(storage, group, kind, wide);
        let index = open(arrays::INDEX, wide)?.ok_or(StoreError::NoIndex {
            array: layout::INDEX,
        })?;
        let blob = open(arrays::PACKETS, 1)?.ok_or_else(|| StoreError::BadArray {
            array: layout::PACKETS.into(),
            what: "metadata",
            found: "nothing".into(),
            expected: "an array of packets".into(),
        })?;
        let hashes = open(arrays::PCM_HASH, 1)?;
        for table in [Some(&index), hashes.as_ref()].into_iter().flatten() {
            if table.rows() < attributes.committed_packets {
                return Err(StoreError::BadArray {
                    array: table.name().into(),
                    what: "shape",
                    found: format!("{} rows", table.rows()),
                    expected: format!("{} committed packets", attributes.committed_packets),
                });
            }
        }
        Ok(Self {
            format,
            columns,
            index,
            blob,
            gaps: open(arrays::GAPS, Gap::FIELDS.len() as u64)?,
            hashes,
            attributes: Arc::new(attributes),
        })
    }

    /// Whether this is the same link as before, with at least as many packets: what was read of it holds.
    pub fn continues(&self, before: &Self) -> bool {
        self.packets() >= before.packets()
            && self.attributes.opus_head == before.attributes.opus_head
            && self.attributes.index_fields == before.attributes.index_fields
            && self.index.chunk_rows() == before.index.chunk_rows()
    }

    /// Packets that are committed.
    pub fn packets(&self) -> u64 {
        self.attributes.committed_packets
    }

    /// Whether the index has all columns; else [`Self::rows`] needs the row before its first.
    pub const fn has_sums(&self) -> bool {
        self.columns.sums.is_some()
    }

    /// The header of the stream.
    ///
    /// # Errors
    /// [`StoreError::Head`].
    pub fn head(&self) -> Result<Head, StoreError> {
        Head::parse(&self.attributes.opus_head).map_err(StoreError::Head)
    }

    /// Rows of committed packets, as they are in the index; what it lacks is counted from `before`, the row before them.
    ///
    /// # Errors
    /// Those of [`Table::read`]; [`StoreError::Packet`] where a packet has to tell its samples and does not,
    /// [`StoreError::NotMonotone`] where sums leave 64 bits.
    pub fn rows(
        &self,
        packets: Range<u64>,
        before: Option<&Row>,
    ) -> Result<Box<[Row]>, StoreError> {
        let values = self.index.read_u64(packets.clone())?;
        let rows = values.chunks_exact(self.index.columns() as usize);
        let value = |row: &[u64], at: usize| row.get(at).copied().unwrap_or(0);
        if let Some([pos, count, start, end]) = self.columns.sums {
            let row = |row: &[u64]| Row {
                byte_pos: value(row, pos),
                byte_len: value(row, self.columns.byte_len),
                sample_count: value(row, count),
                cum_start: value(row, start),
                cum_end: value(row, end),
            };
            return Ok(rows.map(row).collect());
        }
        let lengths = rows.clone().map(|row| value(row, self.columns.byte_len));
        let counts: Vec<u64> = match self.columns.sample_count {
            Some(at) => rows.map(|row| value(row, at)).collect(),
            None => {
                let byte_pos = before.and_then(Row::byte_end).unwrap_or(0);
                self.counts(packets.start, byte_pos, lengths.clone())?
            }
        };
        let mut previous = before.copied();
        packets
            .zip(lengths.zip(counts))
            .map(|(packet, (byte_len, samples))| {
                let samples = u32::try_from(samples).unwrap_or(u32::MAX);
                let row = Row::after(previous.as_ref(), packet, byte_len, samples)
                    .map_err(StoreError::NotMonotone)?;
                previous = Some(row);
                Ok(row)
            })
            .collect()
    }

    /// Bytes of each of consecutive packets, as they are in the index.
    ///
    /// # Errors
    /// Those of [`Table::read`].
    pub fn lengths(&self, packets: Range<u64>) -> Result<Vec<u64>, StoreError> {
        let values = self.index.read_u64(packets)?;
        let rows = values.chunks_exact(self.index.columns() as usize);
        Ok(rows
            .map(|row| row.get(self.columns.byte_len).copied().unwrap_or(0))
            .collect())
    }

    /// Samples of consecutive packets, from the packets themselves (RFC 6716, 3.1).
    fn counts(
        &self,
        first: u64,
        byte_pos: u64,
        lengths: impl Iterator<Item = u64> + Clone,
    ) -> Result<Vec<u64>, StoreError> {
        let streams = self.head()?.streams();
        let mut pos = byte_pos;
        for (packet, byte_len) in (first..).zip(lengths.clone()) {
            pos = self.inside(packet, pos, byte_len)?;
        }
        let bytes = self.blob.read(byte_pos..pos)?;
        let mut rest = bytes.as_slice();
        (first..)
            .zip(lengths)
            .map(|(packet, byte_len)| {
                let (bytes, behind) = rest.split_at_checked(byte_len as usize).unwrap_or_default();
                rest = behind;
                Packet::parse_streams(bytes, streams)
                    .map(|parsed| u64::from(parsed.samples))
                    .map_err(|error| StoreError::Packet { packet, error })
            })
            .collect()
    }

    /// The byte behind a packet, where all of it is in the array of packets.
    ///
    /// # Errors
    /// [`StoreError::OutOfBlob`], also where it is longer than any packet.
    pub fn inside(&self, packet: u64, byte_pos: u64, byte_len: u64) -> Result<u64, StoreError> {
        let blob = self.blob.rows();
        match byte_pos.checked_add(byte_len) {
            Some(end) if end <= blob && byte_len <= MOST_BYTES => Ok(end),
            _ => Err(StoreError::OutOfBlob {
                packet,
                byte_pos,
                byte_len,
                blob,
            }),
        }
    }
}
