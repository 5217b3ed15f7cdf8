//! The arrays and groups of a store in both Zarr formats: what their metadata says, and opening them.
//!
//! Version 3 keeps an array's metadata in `zarr.json`, dimension names included; version 2 in `.zarray` and, for the names,
//! in the attribute `_ARRAY_DIMENSIONS` of `.zattrs`, as xarray reads them. A fill value would make xarray read integers
//! of version 2 as floats, so that there it is null. Chunks are little-endian and, but for the index on request, as they are.

use std::fmt::Display;
use std::io;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use zarrs::array::{Array, ArrayCreateError, ArrayMetadata, ArrayMetadataOptions};
use zarrs::array::{DataType, data_type};
use zarrs::group::{Group, GroupCreateError, GroupMetadata};
use zarrs::storage::{ReadableStorageTraits, StorageError, StoreKey, WritableStorageTraits};

use super::StoreError;
use super::files::PathError;
use crate::opus::{Gap, Row, layout};

/// Attributes as Zarr has them.
pub type JsonMap = Map<String, Value>;

/// Version of the Zarr format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ZarrFormat {
    /// Zarr version 2: `.zgroup`, `.zattrs`, `.zarray`.
    V2,
    /// Zarr version 3: `zarr.json`.
    #[default]
    V3,
}

/// How chunks of the index are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// As they are: a row is read without the rest of its chunk.
    #[default]
    None,
    /// Zstandard, level 3: about a fifth of the size; a row costs its whole chunk.
    Zstd,
}

/// An array of a store: what does not change from one store to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Name within its group.
    pub name: &'static str,
    /// Names of its dimensions; the first is the one that grows.
    pub dimensions: &'static [&'static str],
    /// Rows of a chunk.
    pub chunk_rows: u64,
    /// Elements of a row.
    pub columns: u64,
    /// Bytes of an element: 1 (uint8) or 8 (uint64).
    pub element_size: u64,
}

/// Bytes of the packets.
pub const PACKETS: Kind = Kind {
    name: layout::PACKETS,
    dimensions: &[layout::BYTE],
    chunk_rows: layout::PACKETS_CHUNK,
    columns: 1,
    element_size: 1,
};

/// A row for each packet.
pub const INDEX: Kind = Kind {
    name: layout::INDEX,
    dimensions: &[layout::PACKET, layout::FIELD],
    chunk_rows: layout::ROWS_CHUNK,
    columns: Row::FIELDS.len() as u64,
    element_size: 8,
};

/// What is missing.
pub const GAPS: Kind = Kind {
    name: layout::GAPS,
    dimensions: &[layout::GAP, layout::GAP_FIELD],
    chunk_rows: layout::ROWS_CHUNK,
    columns: Gap::FIELDS.len() as u64,
    element_size: 8,
};

/// A hash for each packet.
pub const PCM_HASH: Kind = Kind {
    name: layout::PCM_HASH,
    dimensions: &[layout::PACKET],
    chunk_rows: layout::ROWS_CHUNK,
    columns: 1,
    element_size: 8,
};

impl Kind {
    /// Shape of an array of so many rows.
    pub fn shape(&self, rows: u64) -> Vec<u64> {
        match self.dimensions {
            [_] => vec![rows],
            _ => vec![rows, self.columns],
        }
    }

    /// Place in the grid of the chunk that begins with row `chunk` × `chunk_rows`.
    pub fn chunk_indices(&self, chunk: u64) -> Vec<u64> {
        let mut indices = vec![0; self.dimensions.len()];
        if let Some(first) = indices.first_mut() {
            *first = chunk;
        }
        indices
    }

    /// Type of its elements.
    pub fn data_type(&self) -> DataType {
        match self.element_size {
            1 => data_type::uint8(),
            _ => data_type::uint64(),
        }
    }

    /// Bytes of a row.
    pub const fn row_size(&self) -> u64 {
        self.columns * self.element_size
    }

    /// Path within the store, as zarrs has it, of the array in a group (an empty name: the root).
    pub fn path(&self, group: &str) -> String {
        match group {
            "" => format!("/{}", self.name),
            group => format!("/{group}/{}", self.name),
        }
    }

    fn metadata(&self, format: ZarrFormat, compression: Compression) -> Value {
        let chunks = self.shape(self.chunk_rows);
        match format {
            ZarrFormat::V3 => {
                // Bytes have no order; but zarrs shortens a codec without configuration to its name, which zarr-python
                // does not take.
                let mut codecs =
                    vec![json!({"name": "bytes", "configuration": {"endian": "little"}})];
                if compression == Compression::Zstd {
                    codecs.push(
                        json!({"name": "zstd", "configuration": {"level": 3, "checksum": false}}),
                    );
                }
                json!({
                    "zarr_format": 3,
                    "node_type": "array",
                    "shape": self.shape(0),
                    "data_type": match self.element_size { 1 => "uint8", _ => "uint64" },
                    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
                    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
                    "fill_value": 0,
                    "codecs": codecs,
                    "attributes": {},
                    "dimension_names": self.dimensions,
                })
            }
            ZarrFormat::V2 => json!({
                "zarr_format": 2,
                "shape": self.shape(0),
                "chunks": chunks,
                "dtype": match self.element_size { 1 => "|u1", _ => "<u8" },
                "compressor": match compression {
                    Compression::None => Value::Null,
                    Compression::Zstd => json!({"id": "zstd", "level": 3}),
                },
                "fill_value": null,
                "order": "C",
                "filters": null,
                "dimension_separator": ".",
                "attributes": {"_ARRAY_DIMENSIONS": self.dimensions},
            }),
        }
    }

    /// The array in `group`, of no rows; nothing is written yet.
    ///
    /// # Errors
    /// [`StoreError::Zarr`] where zarrs refuses what is asked for.
    pub fn create<S: ?Sized>(
        &self,
        storage: Arc<S>,
        group: &str,
        format: ZarrFormat,
        compression: Compression,
    ) -> Result<Array<S>, StoreError> {
        let metadata = self.metadata(format, compression);
        let metadata = match format {
            ZarrFormat::V3 => serde_json::from_value(metadata).map(ArrayMetadata::V3),
            ZarrFormat::V2 => serde_json::from_value(metadata).map(ArrayMetadata::V2),
        }
        .map_err(|error| refused(self.name, error))?;
        let array = Array::new_with_metadata(storage, &self.path(group), metadata)
            .map_err(|error| refused(self.name, error))?;
        let options = ArrayMetadataOptions::default().with_include_zarrs_metadata(false);
        Ok(array.with_metadata_options(options))
    }

    /// The array in `group`, or none where there is none. Its columns may be others: the attributes tell.
    ///
    /// # Errors
    /// [`StoreError::BadArray`] where its type or its number of dimensions is not that of the kind, [`StoreError::Zarr`] or
    /// [`StoreError::Io`] where it can't be read.
    pub fn open<S: ReadableStorageTraits + ?Sized + 'static>(
        &self,
        storage: Arc<S>,
        group: &str,
    ) -> Result<Option<Array<S>>, StoreError> {
        let array = match Array::open(storage, &self.path(group)) {
            Ok(array) => array,
            Err(ArrayCreateError::MissingMetadata) => return Ok(None),
            Err(ArrayCreateError::StorageError(error)) => return Err(stored(self.name, error)),
            Err(error) => return Err(refused(self.name, error)),
        };
        let bad = |what, found: &dyn Display, expected: &dyn Display| StoreError::BadArray {
            array: self.name.into(),
            what,
            found: found.to_string(),
            expected: expected.to_string(),
        };
        let (found, expected) = (array.data_type(), self.data_type());
        if *found != expected {
            return Err(bad("type", found, &expected));
        }
        let (found, expected) = (array.shape().len(), self.dimensions.len());
        if found != expected {
            return Err(bad("dimensions", &found, &expected));
        }
        Ok(Some(array))
    }
}

/// Attributes of a group (an empty name: the root) and its format, or none where there is no group.
///
/// # Errors
/// [`StoreError::Zarr`] or [`StoreError::Io`] where its metadata can't be read.
pub fn read_attributes<S: ReadableStorageTraits + ?Sized>(
    storage: Arc<S>,
    group: &str,
) -> Result<Option<(ZarrFormat, JsonMap)>, StoreError> {
    let opened = match Group::open(storage, &format!("/{group}")) {
        Ok(opened) => opened,
        Err(GroupCreateError::MissingMetadata) => return Ok(None),
        Err(GroupCreateError::StorageError(error)) => return Err(stored(group, error)),
        Err(error) => return Err(refused(group, error)),
    };
    let format = match opened.metadata() {
        GroupMetadata::V2(_) => ZarrFormat::V2,
        GroupMetadata::V3(_) => ZarrFormat::V3,
    };
    Ok(Some((format, opened.attributes().clone())))
}

/// Begins a group (an empty name: the root), so that arrays may be put into it.
///
/// # Errors
/// [`StoreError::Io`] or [`StoreError::Zarr`] where it can't be written.
pub fn create_group<S: WritableStorageTraits + ?Sized>(
    storage: &S,
    group: &str,
    format: ZarrFormat,
    attributes: &JsonMap,
) -> Result<(), StoreError> {
    if format == ZarrFormat::V2 {
        put(storage, group, ".zgroup", &json!({"zarr_format": 2}))?;
    }
    write_attributes(storage, group, format, attributes)
}

/// Replaces the attributes of a group (an empty name: the root) in one step.
///
/// # Errors
/// [`StoreError::Io`] or [`StoreError::Zarr`] where they can't be written.
pub fn write_attributes<S: WritableStorageTraits + ?Sized>(
    storage: &S,
    group: &str,
    format: ZarrFormat,
    attributes: &JsonMap,
) -> Result<(), StoreError> {
    match format {
        ZarrFormat::V3 => {
            let group_metadata =
                json!({"zarr_format": 3, "node_type": "group", "attributes": attributes});
            put(storage, group, "zarr.json", &group_metadata)
        }
        ZarrFormat::V2 => put(storage, group, ".zattrs", attributes),
    }
}

fn put<S: WritableStorageTraits + ?Sized>(
    storage: &S,
    group: &str,
    name: &str,
    value: &impl serde::Serialize,
) -> Result<(), StoreError> {
    let key = match group {
        "" => name.to_owned(),
        group => format!("{group}/{name}"),
    };
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| refused(&key, error))?;
    let key = StoreKey::new(key).map_err(|error| refused(name, error))?;
    storage
        .set(&key, bytes.into())
        .map_err(|error| stored(key.as_str(), error))
}

/// zarrs takes `what` not.
pub fn refused(what: &str, error: impl Display) -> StoreError {
    StoreError::Zarr {
        what: what.into(),
        error: error.to_string(),
    }
}

/// The storage fails at `what`: an error of the operating system stays one.
pub fn stored(what: &str, error: StorageError) -> StoreError {
    let StorageError::IOError(error) = error else {
        return refused(what, error);
    };
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(PathError { path, error }) => StoreError::Io {
            path: path.clone(),
            error: copied(error),
        },
        None => StoreError::Io {
            path: what.into(),
            error: copied(&error),
        },
    }
}

fn copied(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use zarrs::filesystem::FilesystemStore;

    use super::*;
    use crate::opus_store::files::AtomicFiles;

    const BOTH: [ZarrFormat; 2] = [ZarrFormat::V3, ZarrFormat::V2];

    #[test]
    fn arrays_open_as_they_were_made() {
        for format in BOTH {
            for (kind, group) in [(PACKETS, ""), (INDEX, "link_1"), (GAPS, ""), (PCM_HASH, "")] {
                let folder = tempfile::tempdir().unwrap();
                let files = Arc::new(AtomicFiles::new(folder.path(), false));
                let mut made = kind
                    .create(files, group, format, Compression::Zstd)
                    .unwrap();
                made.set_shape(kind.shape(12_345)).unwrap();
                made.store_metadata().unwrap();
                let store = Arc::new(FilesystemStore::new(folder.path()).unwrap());
                let array = kind.open(store.clone(), group).unwrap().unwrap();
                assert_eq!(array.shape(), kind.shape(12_345));
                assert_eq!(array.shape().len(), kind.dimensions.len());
                let chunk = array.chunk_shape(&kind.chunk_indices(1)).unwrap();
                let elements: u64 = chunk.iter().map(|length| length.get()).product();
                assert_eq!(elements, kind.chunk_rows * kind.columns);
                let names: Vec<_> = match array.dimension_names() {
                    Some(names) => names.iter().flatten().map(String::as_str).collect(),
                    None => {
                        let names = array.attributes()["_ARRAY_DIMENSIONS"].as_array().unwrap();
                        names.iter().filter_map(Value::as_str).collect()
                    }
                };
                assert_eq!(names, kind.dimensions);
                assert!(!array.attributes().contains_key("_zarrs"));
                let missing = kind.open(store, "link_2").unwrap();
                assert!(missing.is_none());
            }
        }
    }

    #[test]
    fn every_codec_of_version_3_is_written_with_its_configuration() {
        for (kind, compression) in [
            (PACKETS, Compression::None),
            (INDEX, Compression::None),
            (INDEX, Compression::Zstd),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let files = Arc::new(AtomicFiles::new(folder.path(), false));
            let made = kind.create(files, "", ZarrFormat::V3, compression).unwrap();
            made.store_metadata().unwrap();
            let path = folder.path().join(kind.name).join("zarr.json");
            let metadata: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            let codecs = metadata["codecs"].as_array().unwrap();
            assert_eq!(
                codecs.len(),
                1 + usize::from(compression == Compression::Zstd)
            );
            for codec in codecs {
                // zarr-python takes no bare names, as zarrs writes them where there is no configuration.
                assert!(codec["configuration"].is_object(), "{codec}");
            }
        }
    }

    #[test]
    fn an_array_of_another_type_or_rank_is_refused_by_name() {
        for format in BOTH {
            let folder = tempfile::tempdir().unwrap();
            let files = Arc::new(AtomicFiles::new(folder.path(), false));
            let flat = Kind {
                dimensions: &[layout::PACKET],
                ..INDEX
            };
            let narrow = Kind {
                element_size: 1,
                ..PCM_HASH
            };
            for kind in [flat, narrow] {
                let made = kind.create(files.clone(), "", format, Compression::None);
                made.unwrap().store_metadata().unwrap();
            }
            let store = Arc::new(FilesystemStore::new(folder.path()).unwrap());
            let message = |kind: Kind| kind.open(store.clone(), "").unwrap_err().to_string();
            assert_eq!(
                message(INDEX),
                "array opus_index, dimensions: found 1, expected 2"
            );
            let message = message(PCM_HASH);
            assert!(
                message.contains("opus_pcm_hash, type: found uint8"),
                "{message}"
            );
        }
    }

    #[test]
    fn attributes_are_read_back_from_root_and_link() {
        for format in BOTH {
            let folder = tempfile::tempdir().unwrap();
            let files = AtomicFiles::new(folder.path(), false);
            let store = Arc::new(FilesystemStore::new(folder.path()).unwrap());
            for group in ["", "link_1"] {
                assert_eq!(read_attributes(store.clone(), group).unwrap(), None);
                let mut attributes = Map::new();
                create_group(&files, group, format, &attributes).unwrap();
                attributes.insert("codec".into(), "opus".into());
                write_attributes(&files, group, format, &attributes).unwrap();
                let read = read_attributes(store.clone(), group).unwrap();
                assert_eq!(read, Some((format, attributes)));
            }
        }
    }

    #[test]
    fn damaged_metadata_is_an_error_and_not_a_missing_array() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(FilesystemStore::new(folder.path()).unwrap());
        std::fs::create_dir(folder.path().join("opus_index")).unwrap();
        std::fs::write(folder.path().join("opus_index/zarr.json"), "{").unwrap();
        std::fs::write(folder.path().join("zarr.json"), "[]").unwrap();
        assert!(INDEX.open(store.clone(), "").is_err());
        assert!(read_attributes(store, "").is_err());
    }

    #[test]
    fn an_error_of_the_operating_system_keeps_kind_and_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("zarr.json/in the way")).unwrap();
        let files = AtomicFiles::new(folder.path(), false);
        let error = create_group(&files, "", ZarrFormat::V3, &Map::new()).unwrap_err();
        let StoreError::Io { path, error } = error else {
            panic!("{error}");
        };
        assert_eq!(path, folder.path().join("zarr.json"));
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }
}
