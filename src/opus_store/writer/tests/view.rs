//! A store as somebody sees it who knows Zarr and the attributes, and nothing of this project's reader.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use zarrs::array::{Array, ArraySubset, FromArrayBytes};
use zarrs::filesystem::FilesystemStore;

use crate::opus::layout::link_group;
use crate::opus::{Attributes, Gap, Row, index};
use crate::opus_store::arrays::{self, Kind, ZarrFormat, read_attributes};

/// A link, with the rows that may be trusted.
pub(super) struct Seen {
    pub format: ZarrFormat,
    pub attributes: Attributes,
    pub rows: Vec<Row>,
    /// Bytes of the packets.
    pub blob: Vec<u8>,
    pub gaps: Vec<Gap>,
    pub hashes: Option<Vec<u64>>,
}

impl Seen {
    /// A link of the store at `path`, or none where it is not. Whoever goes by the shapes of the arrays alone must find
    /// whole rows, too.
    pub fn link(path: &Path, number: u64) -> Option<Self> {
        let store = Arc::new(FilesystemStore::new(path).unwrap());
        let group = link_group(number);
        let (format, map) = read_attributes(store.clone(), &group).unwrap()?;
        let attributes: Attributes = serde_json::from_value(Value::Object(map)).unwrap();
        let open = |kind: Kind| kind.open(store.clone(), &group).unwrap();
        let packets = open(arrays::PACKETS).unwrap();
        let gaps = open(arrays::GAPS).unwrap();
        let rows = open(arrays::INDEX).unwrap();

        let committed = attributes.committed_packets as usize;
        let rows: Vec<u64> = values(&rows);
        let (rows, []) = rows.as_chunks::<5>() else {
            panic!("rows of another width");
        };
        let mut rows: Vec<_> = rows.iter().copied().map(Row::from_values).collect();
        let mut previous = None;
        for (packet, row) in (0..).zip(&rows) {
            index::check(previous, row, packet).unwrap();
            previous = Some(row);
        }
        let blob: Vec<u8> = values(&packets);
        let end = rows.last().map_or(0, |row| row.byte_end().unwrap());
        assert!(end <= blob.len() as u64, "{end} of {}", blob.len());
        assert!(committed <= rows.len(), "{committed} of {}", rows.len());
        rows.truncate(committed);

        let gaps: Vec<u64> = values(&gaps);
        let gaps = gaps.as_chunks::<2>().0.iter();
        let hashes = open(arrays::PCM_HASH).map(|hashes| {
            let mut hashes: Vec<u64> = values(&hashes);
            assert!(committed <= hashes.len());
            hashes.truncate(committed);
            hashes
        });
        Some(Self {
            format,
            rows,
            blob,
            gaps: gaps
                .map(|&[packet, samples]| Gap { packet, samples })
                .filter(|gap| gap.packet <= attributes.committed_packets)
                .collect(),
            hashes,
            attributes,
        })
    }

    /// Bytes of a packet.
    pub fn packet(&self, number: usize) -> &[u8] {
        let row = &self.rows[number];
        &self.blob[row.byte_pos as usize..][..row.byte_len as usize]
    }
}

/// All values, none of them of a chunk that is missing.
fn values<T>(array: &Array<FilesystemStore>) -> Vec<T>
where
    Vec<T>: FromArrayBytes,
{
    let all = ArraySubset::new_with_shape(array.shape().to_vec());
    let chunks = array.chunks_in_array_subset(&all).unwrap().unwrap();
    for chunk in &chunks.indices() {
        let stored = array.retrieve_encoded_chunk(&chunk).unwrap();
        assert!(
            stored.is_some(),
            "chunk {chunk:?} of {} is missing",
            array.path()
        );
    }
    array.retrieve_array_subset(&all).unwrap()
}
