//! What a store's groups say of themselves: their attributes, checked, or why there is no store.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize as _;
use serde_json::{Map, Value};
use zarrs::filesystem::FilesystemStore;

use super::super::StoreError;
use super::super::arrays::{ZarrFormat, read_attributes};
use super::super::table::bounded;
use crate::opus::Head;
use crate::opus::attributes::{Attributes, CODEC, CUM_END, PreSkipSource, SPEC_VERSION, TIMELINE};

/// Most bytes of a group's metadata: the tags of a stream are in it, with their pictures.
const MOST_METADATA: u64 = 256 << 20;

/// The storage of a folder.
///
/// # Errors
/// [`StoreError::NotAStore`] where there is no folder, [`StoreError::Io`] where it can't be looked at.
pub(in super::super) fn storage(path: &Path) -> Result<Arc<FilesystemStore>, StoreError> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(none(path, "it is a file, and a store is a folder")),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(none(path, "there is nothing"));
        }
        Err(error) => {
            return Err(StoreError::Io {
                path: path.into(),
                error,
            });
        }
    }
    let storage = FilesystemStore::new(path).map_err(|error| StoreError::Zarr {
        what: path.display().to_string(),
        error: error.to_string(),
    })?;
    Ok(Arc::new(storage))
}

/// Format and attributes of a group (an empty name: the root).
///
/// # Errors
/// [`StoreError::NotAStore`], [`StoreError::UnsupportedVersion`] or [`StoreError::BadAttribute`] where it is none of a
/// store, [`StoreError::Io`] or [`StoreError::Zarr`] where it can't be read.
pub(in super::super) fn attributes(
    storage: &Arc<FilesystemStore>,
    path: &Path,
    group: &str,
) -> Result<(ZarrFormat, Attributes), StoreError> {
    let folder = path.join(group);
    for name in ["zarr.json", ".zgroup", ".zattrs"] {
        let key = match group {
            "" => name.to_owned(),
            group => format!("{group}/{name}"),
        };
        bounded(storage, &key, MOST_METADATA)?;
    }
    match read_attributes(Arc::clone(storage), group) {
        Ok(Some((format, found))) => Ok((format, checked(&folder, found)?)),
        Ok(None) => Err(none(&folder, &no_group(&folder))),
        Err(_) if is_array(&folder) => Err(none(&folder, "it is an array of Zarr, not a group")),
        Err(error) => Err(error),
    }
}

/// What a folder without a group is.
fn no_group(folder: &Path) -> String {
    if folder.join(".zarray").exists() {
        return "it is an array of Zarr, not a group".into();
    }
    match std::fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => "the folder is empty".into(),
        Ok(false) => "it has neither zarr.json nor .zgroup".into(),
        Err(error) => error.to_string(),
    }
}

fn is_array(folder: &Path) -> bool {
    std::fs::read(folder.join("zarr.json"))
        .ok()
        .and_then(|json| serde_json::from_slice::<Value>(&json).ok())
        .is_some_and(|json| json.get("node_type").is_some_and(|kind| kind == "array"))
}

fn none(path: &Path, why: &str) -> StoreError {
    StoreError::NotAStore {
        path: path.into(),
        why: why.into(),
    }
}

/// The attributes, where they are those of a store that this crate reads.
fn checked(folder: &Path, found: Map<String, Value>) -> Result<Attributes, StoreError> {
    let (codec, version) = (found.get("codec"), found.get("spec_version"));
    if codec.is_none() || version.is_none() {
        let why = "it is another group of Zarr, without the attributes codec and spec_version";
        return Err(none(folder, why));
    }
    if let Some(Value::String(version)) = version
        && version != SPEC_VERSION
    {
        return Err(StoreError::UnsupportedVersion {
            found: version.clone(),
            expected: SPEC_VERSION,
        });
    }
    for (name, expected) in [
        ("codec", CODEC),
        ("cum_end", CUM_END),
        ("timeline", TIMELINE),
    ] {
        let value = found.get(name).unwrap_or(&Value::Null);
        if value != expected {
            return Err(bad(name, shown(value), expected.into()));
        }
    }
    Attributes::deserialize(&found).map_err(|error| culprit(&found, &error))
}

/// Refuses channels that are not those of the header, by which packets are decoded. A header that can't be read is told
/// where it is needed.
///
/// # Errors
/// [`StoreError::BadAttribute`].
pub(in super::super) fn agree(attributes: &Attributes) -> Result<(), StoreError> {
    let Ok(head) = Head::parse(&attributes.opus_head) else {
        return Ok(());
    };
    for (name, found, expected) in [
        ("channels", attributes.channels, head.channels),
        ("mapping_family", attributes.mapping_family, head.family()),
    ] {
        if found != expected {
            let expected = format!("{expected}, as opus_head has it");
            return Err(bad(name, found.to_string(), expected));
        }
    }
    Ok(())
}

/// The attribute for which these attributes are refused. What refuses them does not name it: so each is tried alone among
/// attributes that are right.
fn culprit(found: &Map<String, Value>, error: &serde_json::Error) -> StoreError {
    let Ok(Value::Object(right)) = serde_json::to_value(right()) else {
        return bad("", String::new(), error.to_string());
    };
    let refused = |name: &str, value: Option<&Value>| {
        let mut tried = right.clone();
        match value {
            Some(value) => tried.insert(name.into(), value.clone()),
            None => tried.remove(name),
        };
        Attributes::deserialize(&tried).err()
    };
    for name in right.keys().chain(found.keys()) {
        let value = found.get(name);
        if let Some(error) = refused(name, value) {
            let error = error.to_string();
            let expected = match error.split_once(", expected ") {
                Some((_, expected)) => expected,
                None if value.is_none() => "a value",
                None => &error,
            };
            return bad(
                name,
                value.map_or_else(|| "nothing".into(), shown),
                expected.into(),
            );
        }
    }
    bad("", String::new(), error.to_string())
}

/// Attributes that are right, of no stream.
fn right() -> Attributes {
    Attributes {
        spec_version: SPEC_VERSION.into(),
        codec: CODEC.into(),
        index_fields: Attributes::all_index_fields(),
        gap_fields: Attributes::all_gap_fields(),
        cum_end: CUM_END.into(),
        timeline: TIMELINE.into(),
        opus_head: Vec::new(),
        opus_tags: Vec::new(),
        channels: 1,
        mapping_family: 0,
        pre_skip: 0,
        pre_skip_source: PreSkipSource::Unknown,
        end_trim: 0,
        total_samples: 0,
        output_gain_q8: 0,
        input_sample_rate: 0,
        committed_packets: 0,
        complete: false,
        modes_seen: Vec::new(),
        recommended_preroll_ms: 0,
        libopus_version: String::new(),
        decoder_fingerprint: None,
        links: None,
    }
}

/// A value as an error shows it: its beginning.
fn shown(value: &Value) -> String {
    const MOST: usize = 60;
    let mut text = value.to_string();
    if let Some((cut, _)) = text.char_indices().nth(MOST) {
        text.truncate(cut);
        text.push_str("...");
    }
    text
}

fn bad(name: &str, found: String, expected: String) -> StoreError {
    StoreError::BadAttribute {
        name: name.into(),
        found,
        expected,
    }
}
