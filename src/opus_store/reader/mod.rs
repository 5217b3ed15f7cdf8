//! Reading a store: any packet, and the packet of any sample.

mod group;
mod snapshot;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::StoreError;
use super::arrays::{Compression, ZarrFormat};
use super::pages::{Page, Pages};
use super::table::Table;
use crate::opus::index::check;
use crate::opus::layout::GAPS;
use crate::opus::lookup::{Search, Step};
use crate::opus::{Attributes, Gap, Head, Row};

pub(super) use group::{attributes as group_attributes, storage};
pub(super) use snapshot::Snapshot;

/// Most rows of a page where a page is a part of a chunk: 20 kB, one range read.
const PAGE: u64 = 512;
/// Gaps read at once, and most of them in all.
const GAPS_AT_ONCE: u64 = 10_000;
const MOST_GAPS: usize = 100_000_000;
/// Rows that all pages together hold: 4 MiB of them.
const CACHED_ROWS: u64 = 100_000;

/// A link of a store, open for reading; threads may share it.
///
/// It trusts nothing behind `committed_packets`, and each row and packet that it returns is checked. The index is never
/// loaded whole: pages of it are, and about 4 MiB of them kept.
///
/// A store that is still being written is read as it was when it was opened, or last [refreshed](Self::refresh).
#[derive(Debug)]
pub struct OpusStore {
    path: PathBuf,
    link: u64,
    links: u64,
    /// The folder, whatever its name is: another in its place is another store.
    folder: Folder,
    now: RwLock<Arc<Snapshot>>,
    pages: Pages,
    /// Where the index lacks sums: the last row of each page, as far as the packets have been walked.
    walked: Mutex<Vec<Row>>,
}

/// What a store is, in figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// Version of its Zarr format.
    pub format: ZarrFormat,
    /// How chunks of its index are stored.
    pub index_compression: Compression,
    /// Whether its index has the samples of packets; else readers count them.
    pub sample_index: bool,
    /// Number of this link, from 0.
    pub link: u64,
    /// Links of the store.
    pub links: u64,
    /// Committed packets.
    pub packets: u64,
    /// Bytes of the array of packets; those behind the last committed packet included.
    pub bytes: u64,
    /// PCM samples at 48 kHz, pre-skip and end trim not counted.
    pub pcm_samples: u64,
    /// Rows of the array of gaps.
    pub gaps: u64,
    /// Whether there are hashes of the decoded samples.
    pub certified: bool,
    /// All attributes of the link's group.
    pub attributes: Arc<Attributes>,
}

/// The packet that holds a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Number of the packet in its link.
    pub packet: u64,
    /// The sample within the packet, from 0.
    pub offset: u64,
    /// The packet's row.
    pub row: Row,
}

/// Consecutive packets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packets {
    /// Number of the first.
    pub first: u64,
    /// A row for each.
    pub rows: Vec<Row>,
    /// Their bytes, one packet behind the other.
    pub bytes: Vec<u8>,
}

impl Packets {
    /// Each packet's row and bytes, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Row, &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.rows.iter().map(move |row| {
            let length = usize::try_from(row.byte_len).unwrap_or(usize::MAX);
            let (packet, behind) = rest.split_at_checked(length).unwrap_or_default();
            rest = behind;
            (row, packet)
        })
    }
}

impl OpusStore {
    /// Opens the first link of a store; most have no other.
    ///
    /// # Errors
    /// Those of [`Self::open_link`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_link(path, 0)
    }

    /// Opens a link of a chained stream (RFC 7845, 3), from 0.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`], [`StoreError::UnsupportedVersion`], [`StoreError::BadAttribute`],
    /// [`StoreError::BadArray`] or [`StoreError::NoIndex`] for what is no store, or a damaged one; [`StoreError::Link`]
    /// where it has fewer links; [`StoreError::Io`] or [`StoreError::Zarr`] where it can't be read.
    pub fn open_link(path: impl AsRef<Path>, link: u64) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let storage = storage(path)?;
        let (_, root) = group_attributes(&storage, path, "")?;
        let links = root.links.unwrap_or(1).max(1);
        if link >= links {
            return Err(StoreError::Link {
                wanted: link,
                links,
            });
        }
        let now = Snapshot::take(&storage, path, &crate::opus::layout::link_group(link))?;
        group::agree(&now.attributes)?;
        Ok(Self {
            folder: Folder::of(path)?,
            pages: Pages::new(page_size(&now.index), CACHED_ROWS),
            path: path.into(),
            link,
            links,
            now: RwLock::new(Arc::new(now)),
            walked: Mutex::default(),
        })
    }

    /// Folder of the store.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Links that the store had when it was opened: 1 but for chained streams.
    pub const fn links(&self) -> u64 {
        self.links
    }

    /// What the store is, in figures.
    pub fn info(&self) -> Info {
        let now = self.now();
        Info {
            format: now.format,
            index_compression: now.index.compression(),
            sample_index: now.has_sums(),
            link: self.link,
            links: self.links,
            packets: now.packets(),
            bytes: now.blob.rows(),
            pcm_samples: now.attributes.pcm_samples(),
            gaps: now.gaps.as_ref().map_or(0, Table::rows),
            certified: now.hashes.is_some(),
            attributes: Arc::clone(&now.attributes),
        }
    }

    /// The attributes of the link's group.
    pub fn attributes(&self) -> Arc<Attributes> {
        Arc::clone(&self.now().attributes)
    }

    /// The header of the stream (RFC 7845, 5.1).
    ///
    /// # Errors
    /// [`StoreError::Head`] where the attribute `opus_head` is none.
    pub fn head(&self) -> Result<Head, StoreError> {
        self.now().head()
    }

    /// Looks for what a writer has committed meanwhile, and returns whether anything has changed.
    ///
    /// # Errors
    /// Those of [`Self::open_link`]; [`StoreError::Replaced`] where another store is in its place. The store stays as it was.
    pub fn refresh(&self) -> Result<bool, StoreError> {
        let storage = storage(&self.path)?;
        let group = crate::opus::layout::link_group(self.link);
        let new = Snapshot::take(&storage, &self.path, &group)?;
        let old = self.now();
        if Folder::of(&self.path)? != self.folder || !new.continues(&old) {
            return Err(StoreError::Replaced {
                path: self.path.clone(),
            });
        }
        let changed = new.attributes != old.attributes;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(changed)
    }

    /// The packet that holds a PCM sample, which counts from the end of the pre-skip.
    ///
    /// # Errors
    /// [`StoreError::Range`] behind the end, [`StoreError::NotComplete`] where the end is not written yet; else those of
    /// [`Self::row`].
    pub fn find(&self, sample: u64) -> Result<Found, StoreError> {
        let now = self.now();
        if sample >= now.attributes.pcm_samples() {
            return Err(out_of_range(&now, sample, sample.saturating_add(1)));
        }
        self.search(&now, sample.saturating_add(now.attributes.pre_skip))
    }

    /// The packet that holds a sample of the time line, which counts from the first decoded sample: pre-skip and end trim
    /// are parts of it.
    ///
    /// # Errors
    /// Those of [`Self::find`].
    pub fn find_on_timeline(&self, sample: u64) -> Result<Found, StoreError> {
        self.search(&self.now(), sample)
    }

    /// Checks that PCM samples `[range.start, range.end)` can be read.
    ///
    /// # Errors
    /// [`StoreError::Range`] where some are behind the end or the range ends before it begins, [`StoreError::NotComplete`]
    /// where they are not written yet.
    pub fn check_range(&self, range: &Range<u64>) -> Result<(), StoreError> {
        let now = self.now();
        if range.start > range.end {
            return Err(StoreError::Range {
                start: range.start,
                stop: range.end,
                total: now.attributes.pcm_samples(),
            });
        }
        if range.end > now.attributes.pcm_samples() {
            return Err(out_of_range(&now, range.start, range.end));
        }
        Ok(())
    }

    /// The row of a packet.
    ///
    /// # Errors
    /// [`StoreError::PacketRange`] behind the committed packets, [`StoreError::NotMonotone`] for a damaged row,
    /// [`StoreError::MissingChunk`], [`StoreError::BadArray`] or [`StoreError::Io`] where it can't be read.
    pub fn row(&self, packet: u64) -> Result<Row, StoreError> {
        let now = self.now();
        in_range(&now, &(packet..packet.saturating_add(1)))?;
        let page = self.page(&now, packet)?;
        let row = page.row(packet).copied().unwrap_or_default();
        let before = packet.checked_sub(1).and_then(|before| page.row(before));
        check(before, &row, packet).map_err(StoreError::NotMonotone)?;
        Ok(row)
    }

    /// The rows of consecutive packets.
    ///
    /// # Errors
    /// Those of [`Self::row`].
    pub fn rows(&self, packets: Range<u64>) -> Result<Vec<Row>, StoreError> {
        let now = self.now();
        in_range(&now, &packets)?;
        self.checked_rows(&now, packets)
    }

    /// Consecutive packets, with their rows.
    ///
    /// # Errors
    /// Those of [`Self::row`], and [`StoreError::OutOfBlob`] where a row points behind the packets' bytes.
    pub fn packets(&self, packets: Range<u64>) -> Result<Packets, StoreError> {
        let now = self.now();
        in_range(&now, &packets)?;
        let rows = self.checked_rows(&now, packets.clone())?;
        for (packet, row) in packets.clone().zip(&rows) {
            now.inside(packet, row.byte_pos, row.byte_len)?;
        }
        let start = rows.first().map_or(0, |row| row.byte_pos);
        let end = rows.last().and_then(Row::byte_end).unwrap_or(start);
        Ok(Packets {
            first: packets.start,
            bytes: now.blob.read(start..end)?,
            rows,
        })
    }

    /// Hashes of consecutive packets' decoded samples.
    ///
    /// # Errors
    /// [`StoreError::NoHashes`] in a store without; else those of [`Self::row`].
    pub fn hashes(&self, packets: Range<u64>) -> Result<Vec<u64>, StoreError> {
        let now = self.now();
        in_range(&now, &packets)?;
        now.hashes
            .as_ref()
            .ok_or(StoreError::NoHashes)?
            .read_u64(packets)
    }

    /// All gaps among the committed packets, and the one behind the last.
    ///
    /// # Errors
    /// [`StoreError::MissingChunk`], [`StoreError::BadArray`] or [`StoreError::Io`].
    pub fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        let now = self.now();
        let Some(table) = &now.gaps else {
            return Ok(Vec::new());
        };
        let mut gaps = Vec::new();
        let mut from = 0;
        while from < table.rows() {
            let until = table.rows().min(from + GAPS_AT_ONCE);
            let values = table.read_u64(from..until)?;
            let (rows, _) = values.as_chunks::<2>();
            let committed = rows
                .iter()
                .map(|&[packet, samples]| Gap { packet, samples })
                .take_while(|gap| gap.packet <= now.packets());
            let before = gaps.len();
            gaps.extend(committed);
            if gaps.len() - before < rows.len() {
                break;
            }
            if gaps.len() > MOST_GAPS {
                return Err(StoreError::BadArray {
                    array: GAPS.into(),
                    what: "shape",
                    found: format!("{} gaps", table.rows()),
                    expected: format!("at most {MOST_GAPS}"),
                });
            }
            from = until;
        }
        Ok(gaps)
    }

    fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn search(&self, now: &Snapshot, sample: u64) -> Result<Found, StoreError> {
        let total = now.attributes.total_samples;
        let Some(mut search) = Search::new(sample, now.packets(), total) else {
            let pcm = sample.saturating_sub(now.attributes.pre_skip);
            return Err(out_of_range(now, pcm, pcm.saturating_add(1)));
        };
        loop {
            let rows = match search.next() {
                Step::Rows(rows) => rows,
                Step::Found { packet, row } => {
                    let offset = sample.saturating_sub(row.cum_start);
                    return Ok(Found {
                        packet,
                        offset,
                        row,
                    });
                }
            };
            // The page in the middle of the window most probably has the sample, and any page brings the search on.
            let page = self.page(now, rows.start + (rows.end - rows.start) / 2)?;
            search
                .feed(page.first, &page.rows)
                .map_err(StoreError::NotMonotone)?;
        }
    }

    fn checked_rows(&self, now: &Snapshot, packets: Range<u64>) -> Result<Vec<Row>, StoreError> {
        let mut rows: Vec<Row> = Vec::new();
        let size = self.pages.size();
        for page in packets.start / size..packets.end.div_ceil(size) {
            let page = self.page(now, page * size)?;
            for row in page.part(&packets) {
                let packet = packets.start + rows.len() as u64;
                check(rows.last(), row, packet).map_err(StoreError::NotMonotone)?;
                rows.push(*row);
            }
        }
        Ok(rows)
    }

    fn page(&self, now: &Snapshot, packet: u64) -> Result<Arc<Page>, StoreError> {
        self.pages.get(packet, now.packets(), |packets| {
            if now.has_sums() {
                return now.rows(packets, None);
            }
            let before = self.walk(now, packets.start / self.pages.size())?;
            now.rows(packets, before.as_ref())
        })
    }

    /// Walks the packets before a page, as far as they are not walked yet, and returns the last row before it.
    fn walk(&self, now: &Snapshot, page: u64) -> Result<Option<Row>, StoreError> {
        let mut walked = self.walked();
        while (walked.len() as u64) < page {
            let first = walked.len() as u64 * self.pages.size();
            let rows = now.rows(first..first + self.pages.size(), walked.last())?;
            walked.extend(rows.last());
        }
        let before = page.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        Ok(before.and_then(|at| walked.get(at)).copied())
    }

    fn walked(&self) -> MutexGuard<'_, Vec<Row>> {
        // Rows are pushed whole, so those of a poisoned list are right.
        self.walked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells a folder from others that had or get its name.
#[derive(Debug, PartialEq, Eq)]
struct Folder(u64, u64);

impl Folder {
    fn of(path: &Path) -> Result<Self, StoreError> {
        use std::os::unix::fs::MetadataExt as _;
        let found = std::fs::metadata(path).map_err(|error| StoreError::Io {
            path: path.into(),
            error,
        })?;
        Ok(Self(found.dev(), found.ino()))
    }
}

/// Rows of a page: a chunk where that is read whole anyway, else an equal part of one.
fn page_size(index: &Table) -> u64 {
    let chunk = index.chunk_rows();
    match index.compression() {
        Compression::Zstd => chunk,
        Compression::None => chunk.div_ceil(chunk.div_ceil(PAGE)),
    }
}

fn in_range(now: &Snapshot, packets: &Range<u64>) -> Result<(), StoreError> {
    if packets.start <= packets.end && packets.end <= now.packets() {
        return Ok(());
    }
    Err(StoreError::PacketRange {
        start: packets.start,
        stop: packets.end,
        committed_packets: now.packets(),
    })
}

/// The error of PCM samples that end behind those that can be read.
fn out_of_range(now: &Snapshot, start: u64, stop: u64) -> StoreError {
    let attributes = &now.attributes;
    if attributes.has_ended() {
        return StoreError::Range {
            start,
            stop,
            total: attributes.pcm_samples(),
        };
    }
    StoreError::NotComplete {
        wanted: stop.saturating_sub(1),
        readable: attributes.pcm_samples(),
        committed_packets: attributes.committed_packets,
    }
}
