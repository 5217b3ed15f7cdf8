//! Reading windows of an array's rows.

use std::fmt::Display;
use std::io::{self, Read as _};
use std::ops::Range;
use std::sync::Arc;

use zarrs::array::{Array, ArrayMetadata};
use zarrs::filesystem::FilesystemStore;
use zarrs::metadata::v2::{ArrayMetadataV2, ArrayMetadataV2Order};
use zarrs::metadata::v3::ArrayMetadataV3;
use zarrs::storage::byte_range::ByteRange;
use zarrs::storage::{Bytes, ReadableStorageTraits, StorageError, StoreKey};

use super::StoreError;
use super::arrays::{Compression, Kind, stored};

/// Most bytes read at once, so that a shape that lies allocates no more than this before a chunk turns out short.
const PIECE: u64 = 8 << 20;
/// Most bytes of an uncompressed chunk: 1 TiB. Windows of it are read, never all.
const MOST_CHUNK: u64 = 1 << 40;
/// Most bytes of a compressed chunk, which is decompressed whole: 64 MiB, 160 times what a writer of this crate has.
const MOST_COMPRESSED: u64 = 64 << 20;
/// Most bytes of an array's metadata.
const MOST_METADATA: u64 = 1 << 20;

/// An array of a store, open for reading: rows of a fixed number of little-endian elements, one chunk wide.
///
/// A chunk that is not there is an error and never zeros. A window of an uncompressed chunk is one range read; a
/// compressed chunk is read whole.
#[derive(Debug)]
pub(super) struct Table {
    kind: Kind,
    array: Array<FilesystemStore>,
    rows: u64,
    columns: u64,
    chunk_rows: u64,
    compression: Compression,
}

impl Table {
    /// The array in a group (an empty name: the root), or none where there is none.
    ///
    /// # Errors
    /// [`StoreError::BadArray`] where type, dimensions, chunks or codecs are none that a store has, [`StoreError::Io`] or
    /// [`StoreError::Zarr`] where its metadata can't be read.
    pub fn open(
        storage: &Arc<FilesystemStore>,
        group: &str,
        kind: Kind,
        columns: u64,
    ) -> Result<Option<Self>, StoreError> {
        let path = kind.path(group);
        for name in ["zarr.json", ".zarray", ".zattrs"] {
            let key = format!("{}/{name}", path.trim_start_matches('/'));
            bounded(storage, &key, MOST_METADATA)?;
        }
        let Some(array) = kind.open(Arc::clone(storage), group)? else {
            return Ok(None);
        };
        let bad = |what, found: &dyn Display, expected: &dyn Display| StoreError::BadArray {
            array: kind.name.into(),
            what,
            found: found.to_string(),
            expected: expected.to_string(),
        };
        let (chunk, compression) = match array.metadata() {
            ArrayMetadata::V3(metadata) => layout_v3(metadata),
            ArrayMetadata::V2(metadata) => layout_v2(metadata),
        }
        .map_err(|(what, found, expected)| bad(what, &found, &expected))?;
        let shape = array.shape();
        let rows = shape.first().copied().unwrap_or(0);
        if shape.get(1).is_some_and(|found| *found != columns) {
            return Err(bad(
                "shape",
                &format!("{shape:?}"),
                &format!("(rows, {columns})"),
            ));
        }
        let chunk_rows = match chunk.as_slice() {
            [rows] => *rows,
            [rows, wide] if *wide == columns => *rows,
            _ => {
                let expected = format!("(rows, {columns})");
                return Err(bad("chunk shape", &format!("{chunk:?}"), &expected));
            }
        };
        let most = match compression {
            Compression::None => MOST_CHUNK,
            Compression::Zstd => MOST_COMPRESSED,
        };
        let row_size = columns * kind.element_size;
        if chunk_rows == 0 || chunk_rows > most / row_size {
            let expected = format!("1 to {} rows", most / row_size);
            return Err(bad("chunk shape", &format!("{chunk_rows} rows"), &expected));
        }
        Ok(Some(Self {
            kind,
            array,
            rows,
            columns,
            chunk_rows,
            compression,
        }))
    }

    /// Rows that the array's shape has.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Elements of a row.
    pub const fn columns(&self) -> u64 {
        self.columns
    }

    /// Rows of a chunk.
    pub const fn chunk_rows(&self) -> u64 {
        self.chunk_rows
    }

    /// How its chunks are stored.
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// Name of the array.
    pub const fn name(&self) -> &'static str {
        self.kind.name
    }

    /// Bytes of rows, as they are in the array.
    ///
    /// # Errors
    /// [`StoreError::BadArray`] where rows are asked for that the array has not, or a chunk is shorter than its shape;
    /// [`StoreError::MissingChunk`]; [`StoreError::Io`].
    pub fn read(&self, rows: Range<u64>) -> Result<Vec<u8>, StoreError> {
        if rows.start > rows.end || rows.end > self.rows {
            let found = format!("{} rows", self.rows);
            return Err(self.bad("shape", found, format!("rows {rows:?}")));
        }
        let row_size = self.row_size();
        let mut out = Vec::new();
        let mut row = rows.start;
        while row < rows.end {
            let chunk = row / self.chunk_rows;
            let first = row % self.chunk_rows;
            let end = (rows.end - row).min(self.chunk_rows - first) + first;
            match self.compression {
                Compression::None => {
                    self.read_window(chunk, first * row_size..end * row_size, &mut out)?;
                }
                Compression::Zstd => {
                    let whole = self.decompress(chunk)?;
                    let window = (first * row_size) as usize..(end * row_size) as usize;
                    out.extend_from_slice(whole.get(window).unwrap_or_default());
                }
            }
            row += end - first;
        }
        Ok(out)
    }

    /// Rows as 64-bit elements.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn read_u64(&self, rows: Range<u64>) -> Result<Vec<u64>, StoreError> {
        let bytes = self.read(rows)?;
        let (elements, _) = bytes.as_chunks::<8>();
        Ok(elements.iter().map(|le| u64::from_le_bytes(*le)).collect())
    }

    /// Keys of the chunks of the first `rows` rows that are not there, in their order.
    pub fn missing_chunks(&self, rows: u64) -> impl Iterator<Item = Result<String, StoreError>> {
        (0..rows.div_ceil(self.chunk_rows)).filter_map(|chunk| {
            let key = self.key(chunk);
            match self.array.storage().size_key(&key) {
                Ok(Some(_)) => None,
                Ok(None) => Some(Ok(key.as_str().to_owned())),
                Err(error) => Some(Err(stored(key.as_str(), error))),
            }
        })
    }

    /// Reads a range of bytes of an uncompressed chunk, in one read where it is no longer than [`PIECE`].
    fn read_window(
        &self,
        chunk: u64,
        range: Range<u64>,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let key = self.key(chunk);
        let storage = self.array.storage();
        let mut at = range.start;
        while at < range.end {
            let length = (range.end - at).min(PIECE);
            let window = ByteRange::FromStart(at, Some(length));
            match storage.get_partial(&key, window) {
                Ok(Some(bytes)) => out.extend_from_slice(&bytes),
                Ok(None) => return Err(self.missing(key.as_str())),
                Err(error) => return Err(self.failed(&key, at + length, error)),
            }
            at += length;
        }
        Ok(())
    }

    /// A compressed chunk, whole.
    fn decompress(&self, chunk: u64) -> Result<Vec<u8>, StoreError> {
        let key = self.key(chunk);
        let size = self.chunk_rows * self.row_size();
        let compressed = self.compressed(&key, size)?;
        let mut whole = Vec::new();
        // One byte more than there should be tells a chunk that is too long, whatever its header says.
        let taken = zstd::stream::read::Decoder::with_buffer(compressed.as_ref())
            .and_then(|decoder| decoder.take(size + 1).read_to_end(&mut whole));
        match taken {
            Ok(_) if whole.len() as u64 == size => Ok(whole),
            Ok(_) => {
                let more = if whole.len() as u64 > size {
                    "more than "
                } else {
                    ""
                };
                let bytes = (whole.len() as u64).min(size);
                let found = format!("{key} has {more}{bytes} bytes");
                Err(self.bad("bytes of a chunk", found, size.to_string()))
            }
            Err(error) => {
                let found = format!("{key}: {error}");
                Err(self.bad("bytes of a chunk", found, "Zstandard (RFC 8878)".into()))
            }
        }
    }

    /// A chunk as its file has it; no longer than Zstandard makes of `size` bytes that it can't compress.
    fn compressed(&self, key: &StoreKey, size: u64) -> Result<Bytes, StoreError> {
        let storage = self.array.storage();
        let most = size + size / 128 + 1024;
        match storage.size_key(key) {
            Ok(Some(found)) if found > most => {
                let found = format!("{key} has {found} bytes");
                return Err(self.bad("bytes of a chunk", found, format!("at most {most}")));
            }
            Ok(_) => {}
            Err(error) => return Err(stored(key.as_str(), error)),
        }
        match storage.get(key) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(self.missing(key.as_str())),
            Err(error) => Err(stored(key.as_str(), error)),
        }
    }

    fn key(&self, chunk: u64) -> StoreKey {
        self.array.chunk_key(&self.kind.chunk_indices(chunk))
    }

    const fn row_size(&self) -> u64 {
        self.columns * self.kind.element_size
    }

    /// The error of a chunk that is not there.
    pub fn missing(&self, key: &str) -> StoreError {
        StoreError::MissingChunk {
            array: self.kind.name.into(),
            chunk: key.into(),
        }
    }

    /// The error of a read that should have reached byte `end` of a chunk.
    fn failed(&self, key: &StoreKey, end: u64, error: StorageError) -> StoreError {
        let short = matches!(&error, StorageError::IOError(error)
            if error.kind() == io::ErrorKind::UnexpectedEof);
        match self.array.storage().size_key(key) {
            Ok(Some(size)) if short && size < end => {
                let whole = self.chunk_rows * self.row_size();
                let found = format!("{key} has {size} bytes");
                self.bad("bytes of a chunk", found, whole.to_string())
            }
            _ => stored(key.as_str(), error),
        }
    }

    fn bad(&self, what: &'static str, found: String, expected: String) -> StoreError {
        StoreError::BadArray {
            array: self.kind.name.into(),
            what,
            found,
            expected,
        }
    }
}

/// Chunk shape and compression, or what of the metadata is none that a store has, what it is and what it should be.
type Layout = Result<(Vec<u64>, Compression), (&'static str, String, &'static str)>;

/// What codecs a store has.
const CODECS: &str = "bytes (little-endian), then at most zstd";

fn layout_v3(metadata: &ArrayMetadataV3) -> Layout {
    let grid = &metadata.chunk_grid;
    let chunk = grid
        .configuration()
        .and_then(|configuration| configuration.get("chunk_shape"))
        .and_then(|shape| serde_json::from_value(shape.clone()).ok());
    let (Some(chunk), "regular") = (chunk, grid.name()) else {
        return Err(("chunk grid", grid.to_string(), "regular"));
    };
    let keys = &metadata.chunk_key_encoding;
    if !matches!(keys.name(), "default" | "v2") {
        return Err(("chunk key encoding", keys.to_string(), "default or v2"));
    }
    if let Some(transformer) = metadata.storage_transformers.first() {
        return Err(("storage transformers", transformer.to_string(), "none"));
    }
    let found = || {
        let names: Vec<_> = metadata.codecs.iter().map(ToString::to_string).collect();
        ("codecs", names.join(", "), CODECS)
    };
    let (first, rest) = metadata.codecs.split_first().ok_or_else(found)?;
    let endian = first.configuration().and_then(|c| c.get("endian"));
    if first.name() != "bytes" || endian.is_some_and(|endian| endian != "little") {
        return Err(found());
    }
    match rest {
        [] => Ok((chunk, Compression::None)),
        [zstd] if zstd.name() == "zstd" => Ok((chunk, Compression::Zstd)),
        _ => Err(found()),
    }
}

fn layout_v2(metadata: &ArrayMetadataV2) -> Layout {
    let chunk = metadata.chunks.iter().map(|rows| rows.get()).collect();
    if metadata.order != ArrayMetadataV2Order::C && metadata.shape.len() > 1 {
        return Err(("order", format!("{:?}", metadata.order), "C"));
    }
    let dtype = serde_json::to_string(&metadata.dtype).unwrap_or_default();
    if dtype.contains('>') {
        return Err(("type", dtype, "little-endian"));
    }
    if let Some(filter) = metadata.filters.iter().flatten().next() {
        return Err(("filters", filter.id().to_owned(), "none"));
    }
    match &metadata.compressor {
        None => Ok((chunk, Compression::None)),
        Some(compressor) if compressor.id() == "zstd" => Ok((chunk, Compression::Zstd)),
        Some(compressor) => Err(("compressor", compressor.id().to_owned(), "none or zstd")),
    }
}

/// Refuses a key of more than `most` bytes before anybody reads it whole.
///
/// # Errors
/// [`StoreError::Zarr`].
pub(super) fn bounded(storage: &FilesystemStore, key: &str, most: u64) -> Result<(), StoreError> {
    let size = StoreKey::new(key)
        .map_err(|error| error.to_string())
        .and_then(|key| storage.size_key(&key).map_err(|error| error.to_string()));
    let error = match size {
        Ok(Some(size)) if size > most => format!("found {size} bytes, expected at most {most}"),
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    Err(StoreError::Zarr {
        what: key.into(),
        error,
    })
}
