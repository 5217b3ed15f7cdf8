//! Writing a store: packets in, arrays out, and at any moment a part that readers may trust.

mod column;
mod hashes;
mod link;
mod place;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

pub(super) use column::Column;
use column::Storage;
use link::Link;
use place::Place;

use super::arrays::{Compression, ZarrFormat};
use super::error::StoreError;
use super::files::AtomicFiles;
use crate::opus::{Attributes, Clip, Row, Start};

/// How a store is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// A store of Opus packets that is there already is replaced; anything else never is.
    pub overwrite: bool,
    /// Version of the Zarr format.
    pub format: ZarrFormat,
    /// How chunks of the index are stored.
    pub index_compression: Compression,
    /// Packets are decoded, for hashes of their samples.
    pub pcm_hash: bool,
    /// What is committed outlasts the end of power, not only that of the process.
    pub fsync: bool,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Links of the stream.
    pub links: u64,
    /// Packets of all links.
    pub packets: u64,
    /// Gaps of all links; packets without bytes are some.
    pub gaps: u64,
    /// Samples at 48 kHz of all time lines.
    pub samples: u64,
    /// Packets in the midst of a link that were to be clipped, which an index has no place for.
    pub ignored_clips: u64,
}

/// Writes a store of Opus packets.
///
/// [`StoreWriter::begin`] starts a link, [`StoreWriter::packet`] and [`StoreWriter::gap`] fill it, and
/// [`StoreWriter::finish`] completes the store. Chunks are written as they fill up. What came is readable from the next
/// [`StoreWriter::commit`] on, which also happens by itself every 40 000 packets. A commit writes packets, hashes, gaps and
/// index, then the shapes of their arrays, and last the number of packets in the group's attributes, each key in one
/// step: whenever the writer dies, what the attributes promise is there.
///
/// After an error of writing the store stays as it was committed, and nothing more is taken.
pub struct StoreWriter {
    place: Place,
    options: Options,
    open_storage: OpenStorage,
    state: State,
    ended: Ended,
}

/// Makes the storage of files in a folder.
type OpenStorage = Box<dyn Fn(AtomicFiles) -> Arc<Storage> + Send + Sync>;

/// A store with a link that is written.
struct Open {
    storage: Arc<Storage>,
    link: Link,
}

/// What can be done.
enum State {
    /// Nothing is written: a link has to begin.
    New,
    /// A link is written.
    Open(Box<Open>),
    /// Nothing any more.
    Closed(&'static str),
}

const NO_STREAM: &str = "no stream has begun";
const FAILED: &str = "writing has failed";

/// The links that have ended.
#[derive(Default)]
struct Ended {
    summary: Summary,
    /// Attributes of the first, which is the root.
    root: Option<Attributes>,
}

impl StoreWriter {
    /// Prepares to write a store at `path`; its folder must be there. Nothing is written before the first link begins.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where something is at `path` already, unless it is a store of Opus packets and to be
    /// overwritten; [`StoreError::Io`] where nothing can be written.
    pub fn create(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        Self::create_in(path.as_ref(), options, |files| Arc::new(files))
    }

    fn create_in(
        path: &Path,
        options: Options,
        open_storage: impl Fn(AtomicFiles) -> Arc<Storage> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            place: Place::new(path, options.overwrite)?,
            options,
            open_storage: Box::new(open_storage),
            state: State::New,
            ended: Ended::default(),
        })
    }

    /// Begins a link. The first is the root of the store, which with this is at its path; a later one, after which the one
    /// before is at its end, is a group of its own.
    ///
    /// # Errors
    /// [`StoreError::Decoder`] where hashes are wanted and libopus does not decode such a stream; otherwise those of
    /// writing.
    pub fn begin(&mut self, start: Start) -> Result<(), StoreError> {
        let open = match self.take()? {
            None => self.first_link(start)?,
            Some(open) => {
                let storage = self.end_link(open)?;
                self.next_link(storage, start)?
            }
        };
        self.state = State::Open(Box::new(open));
        Ok(())
    }

    /// Takes the next packet of the link; its row. One without bytes has none: it is recorded as a gap as long as the packet
    /// before it.
    ///
    /// # Errors
    /// [`StoreError::Packet`] when it breaks a rule of RFC 6716, 3.4, [`StoreError::Decode`] when hashes are wanted and
    /// libopus does not take it: it is left out, and the next one may come. Those of writing.
    pub fn packet(&mut self, bytes: &[u8], clip: Clip) -> Result<Option<Row>, StoreError> {
        let taken = self.link()?.packet(bytes, clip);
        let row = self.after(taken)?;
        if self.link()?.is_commit_due() {
            self.commit()?;
        }
        Ok(row)
    }

    /// Records that samples are missing before the next packet; 0 where nothing tells how many.
    ///
    /// # Errors
    /// Those of writing.
    pub fn gap(&mut self, samples: u64) -> Result<(), StoreError> {
        let taken = self.link()?.gap(Some(samples));
        self.after(taken)
    }

    /// Says how many samples the last gap has, once that is known.
    ///
    /// # Errors
    /// Those of writing.
    pub fn amend_gap(&mut self, samples: u64) -> Result<(), StoreError> {
        let taken = self.link()?.amend_gap(samples);
        self.after(taken)
    }

    /// Says that the link ends so many samples before its last packet does, where clipping said nothing of it.
    ///
    /// # Errors
    /// When no link is written.
    pub fn end_before(&mut self, samples: u64) -> Result<(), StoreError> {
        self.link()?.end_before(samples);
        Ok(())
    }

    /// Packets of the current link that readers may trust.
    pub fn committed_packets(&self) -> u64 {
        match &self.state {
            State::Open(open) => open.link.committed_packets(),
            State::New | State::Closed(_) => 0,
        }
    }

    /// Makes all that came readable.
    ///
    /// # Errors
    /// Those of writing.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        let links = self.ended.links_with_current();
        let State::Open(open) = &mut self.state else {
            return self.link().map(drop);
        };
        let Open { storage, link } = &mut **open;
        if link.is_committed() {
            return Ok(());
        }
        let is_root = self.ended.root.is_none();
        let committed = link.flush().and_then(|()| {
            let mut attributes = link.attributes(false)?;
            attributes.links = is_root.then_some(links);
            link.write_attributes(&**storage, &attributes)
        });
        self.after(committed)
    }

    /// Ends the last link, and says that the store is complete.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(&mut self) -> Result<Summary, StoreError> {
        let Some(open) = self.take()? else {
            self.state = State::New;
            return Err(StoreError::State(NO_STREAM));
        };
        let storage = self.end_link(open)?;
        if let Some(root) = &mut self.ended.root {
            root.complete = true;
            link::write_attributes(&*storage, "", self.options.format, root)?;
        }
        self.state = State::Closed("it is complete");
        Ok(self.ended.summary)
    }

    /// The link that is written, taken out. What fails before another state is set is the last that was tried.
    fn take(&mut self) -> Result<Option<Open>, StoreError> {
        let failed = State::Closed(FAILED);
        match std::mem::replace(&mut self.state, failed) {
            State::New => Ok(None),
            State::Open(open) => Ok(Some(*open)),
            State::Closed(why) => {
                self.state = State::Closed(why);
                Err(StoreError::State(why))
            }
        }
    }

    fn link(&mut self) -> Result<&mut Link, StoreError> {
        match &mut self.state {
            State::Open(open) => Ok(&mut open.link),
            State::New => Err(StoreError::State(NO_STREAM)),
            State::Closed(why) => Err(StoreError::State(why)),
        }
    }

    /// Takes nothing more after an error, but for that of a packet that was left out.
    fn after<T>(&mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &done
            && !matches!(error, StoreError::Packet { .. } | StoreError::Decode { .. })
        {
            self.state = State::Closed(FAILED);
        }
        done
    }

    /// Begins the store beside its path, and moves it there.
    fn first_link(&self, start: Start) -> Result<Open, StoreError> {
        let staging = self.place.stage()?;
        let storage = (self.open_storage)(AtomicFiles::new(&staging, self.options.fsync));
        let made = Link::new(0, start, &storage, &self.options).and_then(|link| {
            let mut attributes = link.attributes(false)?;
            attributes.links = Some(1);
            link.create(&*storage, &attributes)?;
            Ok(link)
        });
        let mut link = made.inspect_err(|_| place::remove(&staging))?;
        let path = self.place.settle(&staging, self.options.fsync)?;
        let storage = (self.open_storage)(AtomicFiles::new(path, self.options.fsync));
        link.go_on_in(&storage);
        Ok(Open { storage, link })
    }

    /// Begins a group beside those of the links before.
    fn next_link(&mut self, storage: Arc<Storage>, start: Start) -> Result<Open, StoreError> {
        let links = self.ended.links_with_current();
        let link = Link::new(links - 1, start, &storage, &self.options)?;
        link.create(&*storage, &link.attributes(false)?)?;
        if let Some(root) = &mut self.ended.root {
            root.links = Some(links);
            link::write_attributes(&*storage, "", self.options.format, root)?;
        }
        Ok(Open { storage, link })
    }

    /// Commits all of a link. Of the root it says that it is complete only with the last link.
    fn end_link(&mut self, open: Open) -> Result<Arc<Storage>, StoreError> {
        let Open { storage, mut link } = open;
        link.flush()?;
        let mut attributes = link.attributes(true)?;
        if self.ended.root.is_none() {
            attributes.complete = false;
            attributes.links = Some(1);
        }
        link.write_attributes(&*storage, &attributes)?;
        self.ended.add(&link);
        self.ended.root.get_or_insert(attributes);
        Ok(storage)
    }
}

impl Ended {
    const fn links_with_current(&self) -> u64 {
        self.summary.links + 1
    }

    fn add(&mut self, link: &Link) {
        let stream = link.stream();
        let summary = &mut self.summary;
        summary.links += 1;
        summary.packets += stream.packets();
        summary.gaps += link.gaps();
        summary.samples = summary.samples.saturating_add(stream.total_samples());
        summary.ignored_clips += stream.ignored_clips();
    }
}
