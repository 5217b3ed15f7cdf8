//! Making an index again from the lengths in it and the packets themselves.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::StoreError;
use super::arrays::{self, Kind, read_attributes, write_attributes};
use super::check::{Blob, Progress};
use super::files::AtomicFiles;
use super::reader::{Snapshot, group_attributes, storage};
use super::table::Table;
use super::writer::Column;
use crate::opus::layout::{INDEX, link_group};
use crate::opus::{Clip, Row, Start, Stream};

/// The array while it is written.
const REBUILT: Kind = Kind {
    name: ".opus_index.rebuilt",
    ..arrays::INDEX
};
/// The array that it replaces, until the attributes tell of the new one.
const REPLACED: &str = ".opus_index.replaced";
/// Rows read at once; a part of a chunk.
const BATCH: u64 = 2_000;

/// What was made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rebuilt {
    /// Links of the store.
    pub links: u64,
    /// Packets of all links.
    pub packets: u64,
    /// Samples at 48 kHz of all time lines.
    pub samples: u64,
}

/// Makes the index of each link again: `byte_pos`, `sample_count`, `cum_start` and `cum_end` of all committed packets, from
/// their `byte_len` and their table of contents (RFC 6716, 3.1). The attributes that follow from them (`index_fields`,
/// `total_samples`, `modes_seen`, `recommended_preroll_ms`) are made again as well.
///
/// `byte_len` can't be made again: packets do not say how long they are (RFC 6716, 3). The new array is written beside
/// the old one and then renamed. A rebuild that is killed leaves the old index or the new one, or between the two
/// renames none, and is undone by the next.
///
/// # Errors
/// [`StoreError::NoIndex`] without an index, [`StoreError::MissingChunk`] where a part of the index or of the packets is
/// missing; [`StoreError::OutOfBlob`], [`StoreError::Packet`] or [`StoreError::BadArray`] where `byte_len` does not
/// cut the bytes into packets; those of [`super::OpusStore::open`]. The store is then as it was.
///
/// No writer may be at work on the store.
pub fn rebuild(path: &Path, progress: Progress) -> Result<Rebuilt, StoreError> {
    let (_, root) = group_attributes(&storage(path)?, path, "")?;
    let mut rebuilt = Rebuilt {
        links: root.links.unwrap_or(1).max(1),
        ..Rebuilt::default()
    };
    for link in 0..rebuilt.links {
        let stream = Link::new(path, &link_group(link)).rebuild(progress)?;
        rebuilt.packets += stream.packets();
        rebuilt.samples = rebuilt.samples.saturating_add(stream.total_samples());
    }
    Ok(rebuilt)
}

/// A link whose index is made again.
struct Link<'a> {
    path: &'a Path,
    group: &'a str,
    /// The three places of the index.
    index: PathBuf,
    rebuilt: PathBuf,
    replaced: PathBuf,
}

impl<'a> Link<'a> {
    fn new(path: &'a Path, group: &'a str) -> Self {
        let folder = path.join(group);
        Self {
            path,
            group,
            index: folder.join(INDEX),
            rebuilt: folder.join(REBUILT.name),
            replaced: folder.join(REPLACED),
        }
    }

    fn rebuild(&self, progress: Progress) -> Result<Stream, StoreError> {
        self.undo()?;
        let now = Snapshot::take(&storage(self.path)?, self.path, self.group)?;
        let stream = match self.write(&now, progress) {
            Ok(stream) => stream,
            Err(error) => {
                // The first error is the one to tell.
                let _ = fs::remove_dir_all(&self.rebuilt);
                return Err(error);
            }
        };
        rename(&self.index, &self.replaced)?;
        rename(&self.rebuilt, &self.index)?;
        self.write_attributes(&now, &stream)?;
        remove(&self.replaced)?;
        Ok(stream)
    }

    /// Ends what a rebuild that was killed left: its index stays where the attributes fit it.
    fn undo(&self) -> Result<(), StoreError> {
        if self.replaced.exists() {
            let storage = storage(self.path)?;
            let (_, attributes) = group_attributes(&storage, self.path, self.group)?;
            let columns = attributes.index_fields.len() as u64;
            match Table::open(&storage, self.group, arrays::INDEX, columns) {
                Ok(Some(_)) => remove(&self.replaced)?,
                _ => {
                    remove(&self.index)?;
                    rename(&self.replaced, &self.index)?;
                }
            }
        }
        remove(&self.rebuilt)
    }

    /// Writes the new array.
    fn write(&self, now: &Snapshot, progress: Progress) -> Result<Stream, StoreError> {
        let mut column = Column::new(
            REBUILT,
            Arc::new(AtomicFiles::new(self.path, true)),
            self.group,
            now.format,
            now.index.compression(),
        )?;
        let mut stream = Stream::new(Start {
            head: now.head()?,
            head_bytes: None,
            tags: None,
            pre_skip: None,
            before_segment: 0,
        });
        let mut blob = Blob::new(&now.blob);
        let mut pos = 0;
        let packets = now.packets();
        while stream.packets() < packets {
            let first = stream.packets();
            let lengths = now.lengths(first..first.saturating_add(BATCH).min(packets))?;
            for length in lengths {
                let packet = stream.packets();
                let end = now.inside(packet, pos, length)?;
                let row = stream
                    .packet(blob.get(pos, length)?, Clip::default())
                    .map_err(|error| StoreError::Packet { packet, error })?;
                column.push(row.values().map(u64::to_le_bytes).as_flattened())?;
                pos = end;
            }
            progress(stream.packets(), packets);
        }
        if now.attributes.complete && pos != now.blob.rows() {
            return Err(StoreError::BadArray {
                array: INDEX.into(),
                what: "sum of byte_len",
                found: pos.to_string(),
                expected: format!("{}, the bytes of all packets", now.blob.rows()),
            });
        }
        column.store_metadata()?;
        column.flush()?;
        column.publish()?;
        Ok(stream)
    }

    /// The attributes that follow from rows and packets; all others stay.
    fn write_attributes(&self, now: &Snapshot, stream: &Stream) -> Result<(), StoreError> {
        let Some((format, mut attributes)) = read_attributes(storage(self.path)?, self.group)?
        else {
            return Err(StoreError::NotAStore {
                path: self.path.into(),
                why: "its group is gone".into(),
            });
        };
        let made = stream.attributes(&now.attributes.libopus_version, now.attributes.complete);
        attributes.insert("index_fields".into(), json!(Row::FIELDS));
        attributes.insert("total_samples".into(), json!(made.total_samples));
        attributes.insert("modes_seen".into(), json!(made.modes_seen));
        let preroll = json!(made.recommended_preroll_ms);
        attributes.insert("recommended_preroll_ms".into(), preroll);
        let files = AtomicFiles::new(self.path, true);
        write_attributes(&files, self.group, format, &attributes)
    }
}

/// Renames a folder beside itself, so that it has its name even after the end of power.
fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to)
        .and_then(|()| {
            to.parent()
                .map_or(Ok(()), |above| fs::File::open(above)?.sync_all())
        })
        .map_err(|error| at(from, error))
}

/// Removes a folder, if it is there.
fn remove(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(at(folder, error)),
        _ => Ok(()),
    }
}

fn at(path: &Path, error: io::Error) -> StoreError {
    StoreError::Io {
        path: path.into(),
        error,
    }
}
