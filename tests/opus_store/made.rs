//! Stores made by hand, file by file as the Zarr specifications have them, with chunks that are small.

use std::fs;
use std::path::{Path, PathBuf};

use gstharmony::opus::{Gap, Row};
use gstharmony::opus_store::{Compression, ZarrFormat};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::random::Random;

/// Rows of a chunk of index, gaps and hashes.
pub const ROWS: usize = 700;
/// Bytes of a chunk of packets.
pub const BYTES: usize = 16 << 10;
/// Samples before the first PCM sample.
pub const PRE_SKIP: u64 = 312;
/// Samples behind the last.
pub const END_TRIM: u64 = 100;

/// Both formats, with the index as it is and compressed.
pub const KINDS: [(ZarrFormat, Compression); 4] = [
    (ZarrFormat::V3, Compression::None),
    (ZarrFormat::V3, Compression::Zstd),
    (ZarrFormat::V2, Compression::None),
    (ZarrFormat::V2, Compression::Zstd),
];

/// What a store is made of.
#[derive(Clone)]
pub struct Made {
    pub format: ZarrFormat,
    pub compression: Compression,
    /// Columns of the index.
    pub fields: Vec<&'static str>,
    pub packets: Vec<Vec<u8>>,
    pub gaps: Vec<Gap>,
    pub hashes: Option<Vec<u64>>,
    /// Packets that the attributes promise.
    pub committed: usize,
    pub complete: bool,
}

impl Made {
    /// A version 3 store of `count` packets of CELT that last 2.5 to 20 ms.
    pub fn of(count: usize) -> Self {
        let mut random = Random::new(7);
        let packet = |_| {
            let length = 1 + random.below(80) as usize;
            let mut packet = random.bytes(length);
            packet[0] = (28 + random.below(4) as u8) << 3;
            packet
        };
        Self {
            format: ZarrFormat::V3,
            compression: Compression::None,
            fields: Row::FIELDS.to_vec(),
            packets: (0..count).map(packet).collect(),
            gaps: Vec::new(),
            hashes: None,
            committed: count,
            complete: true,
        }
    }

    /// The same of another kind.
    pub fn kind(mut self, (format, compression): (ZarrFormat, Compression)) -> Self {
        self.format = format;
        self.compression = compression;
        self
    }

    /// The rows of all packets, by table 2 of RFC 6716.
    pub fn rows(&self) -> Vec<Row> {
        let (mut byte_pos, mut cum_start) = (0, 0);
        let row = |packet: &Vec<u8>| {
            let sample_count = 120 << ((packet[0] >> 3) % 4);
            let row = Row {
                byte_pos,
                byte_len: packet.len() as u64,
                sample_count,
                cum_start,
                cum_end: cum_start + sample_count - 1,
            };
            byte_pos += row.byte_len;
            cum_start += sample_count;
            row
        };
        self.packets.iter().map(row).collect()
    }

    /// Writes the store into a new folder.
    pub fn write(&self) -> Store {
        let folder = tempfile::tempdir().unwrap();
        self.write_to(&folder.path().join("store.zarr"));
        Store { folder }
    }

    /// Writes the store, or what has changed of it: the attributes last.
    pub fn write_to(&self, path: &Path) {
        fs::create_dir_all(path).unwrap();
        let rows = self.rows();
        let cells = |row: &Row| -> Vec<u64> {
            let at = |field: &&str| Row::FIELDS.iter().position(|name| name == field);
            let cell = |field| at(field).map_or(99, |at| row.values()[at]);
            self.fields.iter().map(cell).collect()
        };
        let index: Vec<u64> = rows.iter().flat_map(cells).collect();
        let gaps: Vec<u64> = self
            .gaps
            .iter()
            .flat_map(|gap| [gap.packet, gap.samples])
            .collect();
        let width = self.fields.len();
        self.array(path, "opus_packets", None, 1, &self.packets.concat());
        if let Some(hashes) = &self.hashes {
            self.array(path, "opus_pcm_hash", None, 8, &bytes(hashes));
        }
        self.array(path, "opus_gaps", Some(2), 8, &bytes(&gaps));
        self.array(path, "opus_index", Some(width), 8, &bytes(&index));
        self.group(path, &self.attributes());
    }

    /// The attributes of the group.
    pub fn attributes(&self) -> Value {
        let total = self.rows()[..self.committed]
            .last()
            .map_or(0, |row| row.cum_end + 1);
        json!({
            "spec_version": "1.0",
            "codec": "opus",
            "index_fields": self.fields,
            "gap_fields": ["packet", "samples"],
            "cum_end": "inclusive",
            "timeline": "decoded-48k-including-pre-skip",
            // OpusHead: version 1, mono, pre-skip 312, 48 kHz, no gain, family 0
            "opus_head": "T3B1c0hlYWQBATgBgLsAAAAAAA==",
            "opus_tags": "",
            "channels": 1,
            "mapping_family": 0,
            "pre_skip": PRE_SKIP,
            "pre_skip_source": "stream-header",
            "end_trim": if self.complete { END_TRIM } else { 0 },
            "total_samples": total,
            "output_gain_q8": 0,
            "input_sample_rate": 48000,
            "committed_packets": self.committed,
            "complete": self.complete,
            "modes_seen": ["CELT"],
            "recommended_preroll_ms": 660,
            "libopus_version": "libopus 1.3.1",
        })
    }

    /// Writes a group.
    pub fn group(&self, path: &Path, attributes: &Value) {
        fs::create_dir_all(path).unwrap();
        match self.format {
            ZarrFormat::V3 => {
                let group =
                    json!({"zarr_format": 3, "node_type": "group", "attributes": attributes});
                put(&path.join("zarr.json"), &group);
            }
            ZarrFormat::V2 => {
                put(&path.join(".zgroup"), &json!({"zarr_format": 2}));
                put(&path.join(".zattrs"), attributes);
            }
        }
    }

    fn array(&self, path: &Path, name: &str, wide: Option<usize>, element: usize, data: &[u8]) {
        let folder = path.join(name);
        fs::create_dir_all(&folder).unwrap();
        let row = wide.unwrap_or(1) * element;
        let chunk_rows = if element == 1 { BYTES } else { ROWS };
        let zstd = name == "opus_index" && self.compression == Compression::Zstd;
        for (number, chunk) in data.chunks(chunk_rows * row).enumerate() {
            let mut chunk = chunk.to_vec();
            chunk.resize(chunk_rows * row, 0);
            if zstd {
                chunk = zstd::encode_all(chunk.as_slice(), 3).unwrap();
            }
            let key = match (self.format, wide) {
                (ZarrFormat::V3, None) => format!("c/{number}"),
                (ZarrFormat::V3, Some(_)) => format!("c/{number}/0"),
                (ZarrFormat::V2, None) => format!("{number}"),
                (ZarrFormat::V2, Some(_)) => format!("{number}.0"),
            };
            let file = folder.join(key);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, chunk).unwrap();
        }
        let shape = |rows: usize| match wide {
            None => json!([rows]),
            Some(wide) => json!([rows, wide]),
        };
        let (rows, chunks) = (shape(data.len() / row), shape(chunk_rows));
        match self.format {
            ZarrFormat::V3 => {
                let mut codecs =
                    vec![json!({"name": "bytes", "configuration": {"endian": "little"}})];
                if zstd {
                    codecs.push(
                        json!({"name": "zstd", "configuration": {"level": 3, "checksum": false}}),
                    );
                }
                let metadata = json!({
                    "zarr_format": 3, "node_type": "array", "shape": rows,
                    "data_type": if element == 1 { "uint8" } else { "uint64" },
                    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
                    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
                    "fill_value": 0, "codecs": codecs,
                });
                put(&folder.join("zarr.json"), &metadata);
            }
            ZarrFormat::V2 => {
                let metadata = json!({
                    "zarr_format": 2, "shape": rows, "chunks": chunks,
                    "dtype": if element == 1 { "|u1" } else { "<u8" },
                    "compressor": zstd.then(|| json!({"id": "zstd", "level": 3})),
                    "fill_value": null, "order": "C", "filters": null,
                });
                put(&folder.join(".zarray"), &metadata);
            }
        }
    }
}

/// A store in a folder of its own.
pub struct Store {
    folder: TempDir,
}

impl Store {
    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("store.zarr")
    }

    /// Changes a file of JSON.
    pub fn edit(&self, file: &str, change: impl FnOnce(&mut Value)) {
        let path = self.path().join(file);
        let mut value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut value);
        put(&path, &value);
    }

    /// Changes an attribute of a version 3 store.
    pub fn attribute(&self, name: &str, value: Value) {
        self.edit("zarr.json", |json| json["attributes"][name] = value);
    }

    /// Changes an element of the index, uncompressed and of version 3.
    pub fn cell(&self, packet: usize, field: usize, value: u64) {
        let path = self
            .path()
            .join(format!("opus_index/c/{}/0", packet / ROWS));
        let mut chunk = fs::read(&path).unwrap();
        let at = (packet % ROWS * Row::FIELDS.len() + field) * 8;
        chunk[at..at + 8].copy_from_slice(&value.to_le_bytes());
        fs::write(path, chunk).unwrap();
    }

    /// Changes a byte of the packets of version 3.
    pub fn byte(&self, at: u64, value: u8) {
        let path = self
            .path()
            .join(format!("opus_packets/c/{}", at as usize / BYTES));
        let mut chunk = fs::read(&path).unwrap();
        chunk[at as usize % BYTES] = value;
        fs::write(path, chunk).unwrap();
    }

    /// Removes a file.
    pub fn remove(&self, file: &str) {
        fs::remove_file(self.path().join(file)).unwrap();
    }
}

fn bytes(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// Replaces a file in one step, as writers of growing stores do.
pub fn put(path: &Path, value: &Value) {
    let beside = path.with_extension("partial");
    fs::write(&beside, serde_json::to_vec_pretty(value).unwrap()).unwrap();
    fs::rename(beside, path).unwrap();
}
