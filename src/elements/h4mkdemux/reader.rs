//! The file as the demuxer sees it: a walker on a source of bytes, and an index where there is one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::source::{PullSource, PushSource, Window};
use crate::h4mk::{
    BackScan, Block, ChainBlock, ChainFinder, ChunkType, Entry, Error, FileHeader, Finished, Index,
    IndexBuilder, IndexChunk, Indexed, Opener, Record, Search, Step, Tracks, Walk,
};

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The source could not give the bytes.
    Flow(gst::FlowError),
    /// The bytes are wrong.
    Format(Error),
}

impl From<gst::FlowError> for ReadError {
    fn from(error: gst::FlowError) -> Self {
        Self::Flow(error)
    }
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Format(error)
    }
}

pub(super) enum Source {
    Pull(PullSource),
    Push(PushSource),
}

impl Source {
    /// The walker's next step; `None` in push mode: more has to arrive first.
    fn step(&mut self, walk: &mut Walk) -> Result<Option<Step>, ReadError> {
        let mut need = 1;
        loop {
            let position = walk.position();
            let window = match self {
                Self::Pull(pull) => pull.window(position, need)?,
                Self::Push(push) => push.window(position, need)?,
            };
            let Window::Bytes(bytes, at_end) = window else {
                return Ok(None);
            };
            match walk.step(bytes, at_end)? {
                Step::Need(more) => need = more,
                step => return Ok(Some(step)),
            }
        }
    }
}

/// What the next step brought.
#[derive(Debug)]
pub(super) enum Item {
    Block(Block),
    Record(Record),
    /// More bytes have to be pushed first.
    Wait,
    /// The footer: nothing comes after it.
    End,
    /// The file ends here without one.
    Cut(Error),
}

/// Where to look a time up.
#[derive(Debug, Default)]
pub(super) enum Lookup {
    /// A file that can't be sought in.
    #[default]
    None,
    /// Every entry is in memory.
    Full(Index),
    /// The last XIDX of an unfinished file, from which the others are reached.
    Linked(Box<IndexChunk>),
}

pub(super) struct Reader {
    pub source: Source,
    pub walk: Walk,
    pub header: Option<FileHeader>,
    pub lookup: Lookup,
    pub finished: Option<Box<Finished>>,
    /// The META in force.
    pub meta: Option<String>,
    /// End of the last block that is known of, in nanoseconds.
    pub duration_ns: Option<i64>,
    /// Push mode: a block that is wanted and whose payload has not all arrived, with its stream.
    pub pending: Option<(Block, usize)>,
    /// Every TRAK seen, by ordinal.
    pub(super) traks: BTreeMap<u32, Arc<Tracks>>,
    /// Positions of TRAKs, by ordinal, where the index has them.
    pub(super) trak_offsets: Vec<u64>,
    /// Ordinal of the next TRAK, while walking on from a known place.
    next_trak: u32,
}

impl Reader {
    pub fn new(source: Source) -> Self {
        let length = match &source {
            Source::Pull(pull) => pull.length(),
            Source::Push(_) => None,
        };
        Self {
            source,
            walk: Walk::new(length),
            header: None,
            lookup: Lookup::None,
            finished: None,
            meta: None,
            duration_ns: None,
            pending: None,
            traks: BTreeMap::new(),
            trak_offsets: Vec::new(),
            next_trak: 0,
        }
    }

    /// Takes the next step.
    pub fn next(&mut self) -> Result<Item, ReadError> {
        loop {
            let Some(step) = self.source.step(&mut self.walk)? else {
                return Ok(Item::Wait);
            };
            match step {
                Step::Need(_) => {}
                Step::Header(header) => self.header = Some(header),
                Step::Chunk(chunk, record) => {
                    self.note(chunk.head.kind, &record);
                    return Ok(Item::Record(record));
                }
                Step::Block(block) => return Ok(Item::Block(block)),
                Step::Footer { .. } => return Ok(Item::End),
                Step::Cut(cut) => {
                    if self.has_grown() {
                        continue;
                    }
                    return Ok(Item::Cut(cut.into_error()));
                }
            }
        }
    }

    /// Keeps a TRAK for entries that refer to it, and the META.
    fn note(&mut self, kind: ChunkType, record: &Record) {
        match record {
            Record::Tracks(tracks) => {
                self.traks
                    .entry(self.next_trak)
                    .or_insert_with(|| tracks.clone());
                self.next_trak = self.next_trak.saturating_add(1);
            }
            // Where a finished file has a copy at its end, that was read when it was opened.
            Record::Sidecar(text)
                if kind == ChunkType::META
                    && self.finished.as_ref().is_none_or(|f| f.meta.is_none()) =>
            {
                self.meta = Some(text.clone());
            }
            _ => {}
        }
    }

    /// True when the file is longer than it was; the walker knows then.
    fn has_grown(&mut self) -> bool {
        let Source::Pull(pull) = &mut self.source else {
            return false;
        };
        let length = pull.length();
        let grown = length > self.walk.length();
        if grown {
            pull.forget();
            self.walk.set_length(length);
        }
        grown
    }

    /// The opaque bytes of a block, its CRC checked; `None` when they are not all there (yet).
    pub fn payload(&mut self, block: &Block) -> Result<Option<gst::Buffer>, ReadError> {
        let length = block.meta.len as usize;
        let mut check = block.check.clone();
        match &mut self.source {
            Source::Pull(pull) => {
                let Some(bytes) = pull.bytes(block.data_offset(), length + 4)? else {
                    return Ok(None);
                };
                let (data, stored) = bytes.split_last_chunk::<4>().ok_or(gst::FlowError::Error)?;
                check.update(data);
                check.finish(*stored)?;
                Ok(Some(pull.take(block.data_offset(), length)?))
            }
            Source::Push(push) => {
                if !push.has(block.data_offset(), length + 4) {
                    return Ok(None);
                }
                let Some(buffer) = push.take(block.data_offset(), length) else {
                    return Ok(None);
                };
                for memory in buffer.iter_memories() {
                    let map = memory.map_readable().map_err(|_| gst::FlowError::Error)?;
                    check.update(map.as_slice());
                }
                let end = block.end() - 4;
                if let Window::Bytes(bytes, _) = push.window(end, 4)?
                    && let Some(stored) = bytes.first_chunk()
                {
                    check.finish(*stored)?;
                }
                Ok(Some(buffer))
            }
        }
    }

    pub(super) fn pull(&mut self) -> Result<&mut PullSource, ReadError> {
        match &mut self.source {
            Source::Pull(pull) => Ok(pull),
            Source::Push(_) => Err(ReadError::Flow(gst::FlowError::NotSupported)),
        }
    }

    /// Pull mode: the next step of a walk beside the one that plays.
    pub(super) fn step_of(&mut self, walk: &mut Walk) -> Result<Step, ReadError> {
        self.pull()?;
        let step = self.source.step(walk)?;
        step.ok_or(ReadError::Flow(gst::FlowError::NotSupported))
    }

    /// Opens the file: reads the index of a finished one, finds or builds the index of any other.
    pub fn open(&mut self) -> Result<(), ReadError> {
        let length = self.pull()?.length().unwrap_or(0);
        let mut opener = Opener::new(length);
        while let Some((offset, wanted)) = opener.request() {
            let bytes = self.pull()?.read(offset, wanted)?;
            opener.feed(bytes)?;
        }
        self.pull()?.forget();
        let opened = opener.finish();
        self.header = opened.as_ref().map(|o| o.header);
        match opened.and_then(|o| o.finished) {
            Some(finished) => self.set_finished(finished),
            None => self.open_unfinished()?,
        }
        self.walk = Walk::new(Some(length));
        self.next_trak = 0;
        Ok(())
    }

    /// Takes over what the end of a finished file says.
    pub fn set_finished(&mut self, finished: Box<Finished>) {
        self.lookup = Lookup::Full(finished.index.clone());
        self.trak_offsets.clone_from(&finished.trak_offsets);
        self.duration_ns = Some(finished.last_ns);
        self.meta.clone_from(&finished.meta);
        if let Some(last) = self.trak_offsets.len().checked_sub(1) {
            let last = u32::try_from(last).unwrap_or(u32::MAX);
            self.traks.insert(last, finished.tracks.clone());
        }
        self.finished = Some(finished);
    }

    /// A file without an end: its last XIDX, else a walk over all chunk heads.
    fn open_unfinished(&mut self) -> Result<(), ReadError> {
        let Some(header) = self.header else {
            return Ok(());
        };
        let length = self.pull()?.length().unwrap_or(0);
        let mut last = None;
        if header.has_extensions() {
            let mut scan = BackScan::new(length);
            while let Some((offset, wanted)) = scan.request() {
                scan.feed(self.pull()?.read(offset, wanted)?);
            }
            last = scan.finish();
        }
        let mut builder = IndexBuilder::default();
        let mut walk = match &last {
            Some(index) => Walk::at(index.position, header, Some(length)),
            None => Walk::new(Some(length)),
        };
        self.pull()?.forget();
        self.pull()?.heads_only = true;
        let walked = self.index_heads(&mut walk, &mut builder);
        self.pull()?.heads_only = false;
        self.pull()?.forget();
        walked?;
        let walked_to = builder.span().map(|s| s.last_ns);
        let known = last.as_ref().map(|i| i.last_ns);
        self.duration_ns = known.max(walked_to).max(self.duration_ns);
        self.lookup = match last {
            Some(last) => Lookup::Linked(Box::new(last)),
            None => Lookup::Full(Index::new(builder.all())),
        };
        Ok(())
    }

    /// Walks chunk heads to the end of what is whole.
    fn index_heads(
        &mut self,
        walk: &mut Walk,
        builder: &mut IndexBuilder,
    ) -> Result<(), ReadError> {
        // From elsewhere nothing says how many TRAKs were before.
        let from_start = walk.position() == 0;
        let mut trak = None;
        loop {
            let step = match self.step_of(walk) {
                // What is wrong there is met again, and told, when the walk that plays comes to it.
                Err(ReadError::Format(_)) => return Ok(()),
                step => step?,
            };
            match step {
                Step::Block(block) => builder.push(&Indexed {
                    track_id: block.meta.track_id,
                    kind: block.meta.kind,
                    time_ns: block.time(),
                    duration_ns: block.meta.timing.duration.unwrap_or(0),
                    offset: block.group_offset,
                    seek_entry: None,
                    trak: trak.unwrap_or(0),
                }),
                Step::Chunk(_, Record::Tracks(tracks)) if from_start => {
                    let ordinal = trak.map_or(0, |t: u32| t.saturating_add(1));
                    trak = Some(ordinal);
                    self.traks.entry(ordinal).or_insert(tracks);
                }
                Step::Need(_) | Step::Header(_) | Step::Chunk(..) => {}
                Step::Footer { .. } | Step::Cut(_) => return Ok(()),
            }
        }
    }

    /// Looks again at the end of a file that was unfinished when it was opened.
    pub fn refresh(&mut self) -> Result<(), ReadError> {
        let length = self.pull()?.length();
        if self.finished.is_some() || length == self.walk.length() {
            return Ok(());
        }
        let (walk, next_trak) = (self.walk.clone(), self.next_trak);
        self.pull()?.forget();
        self.open()?;
        self.walk = walk;
        self.walk.set_length(length);
        self.next_trak = next_trak;
        Ok(())
    }

    /// The last entry of the track at or before a time, else its first.
    pub fn find(&mut self, track_id: u16, time_ns: i64) -> Result<Option<Entry>, ReadError> {
        let last = match &self.lookup {
            Lookup::None => return Ok(None),
            Lookup::Full(index) => {
                let found = index.find(track_id, time_ns);
                return Ok(found.or_else(|| index.track(track_id).first()).copied());
            }
            Lookup::Linked(last) => last.as_ref().clone(),
        };
        let mut search = Search::new(last, track_id, time_ns);
        while let Some((offset, wanted)) = search.request() {
            search.feed(self.pull()?.read(offset, wanted)?);
        }
        Ok(search.finish())
    }

    /// The PTS of the first entry after a time, where all entries are in memory.
    pub fn find_after(&self, track_id: u16, time_ns: i64) -> Option<i64> {
        match &self.lookup {
            Lookup::Full(index) => index.find_after(track_id, time_ns).map(|e| e.pts_ns),
            _ => None,
        }
    }

    /// Moves the walker to an entry, or to the start of the file.
    pub fn go_to(&mut self, entry: Option<&Entry>) -> Result<Option<Arc<Tracks>>, ReadError> {
        let (Some(entry), Some(header)) = (entry, self.header) else {
            self.walk = Walk::new(self.walk.length());
            self.next_trak = 0;
            return Ok(self.traks.get(&0).cloned());
        };
        self.walk = Walk::at(entry.offset, header, self.walk.length());
        self.next_trak = entry.trak.saturating_add(1);
        self.tracks_at(entry.trak)
    }

    /// Calls `look` with the track's blocks from the entry for `time_ns` on, until it returns true. The walker
    /// stays where it is.
    fn look_from(
        &mut self,
        track_id: u16,
        time_ns: i64,
        mut look: impl FnMut(&Block) -> bool,
    ) -> Result<(), ReadError> {
        let Some(entry) = self.find(track_id, time_ns)? else {
            return Ok(());
        };
        let Some(header) = self.header else {
            return Ok(());
        };
        let mut walk = Walk::at(entry.offset, header, self.walk.length());
        loop {
            match self.step_of(&mut walk)? {
                Step::Block(block) if block.meta.track_id == track_id && look(&block) => {
                    return Ok(());
                }
                Step::Footer { .. } | Step::Cut(_) => return Ok(()),
                _ => {}
            }
        }
    }

    /// The PTS of the last key block at or before a time, and of the first after it.
    pub fn keys_around(
        &mut self,
        track_id: u16,
        time_ns: i64,
    ) -> Result<(Option<i64>, Option<i64>), ReadError> {
        let (mut before, mut after) = (None, None);
        self.look_from(track_id, time_ns, |block| {
            let time = block.time().filter(|_| block.meta.kind.is_key());
            match time {
                Some(time) if time <= time_ns => before = Some(time),
                Some(time) => after = Some(time),
                None => {}
            }
            after.is_some()
        })?;
        Ok((before, after))
    }

    /// The decode chain of a track at a time: payload offset of its key block and of every block in it.
    pub fn chain(
        &mut self,
        track_id: u16,
        time_ns: i64,
    ) -> Result<Option<(u64, Vec<u64>)>, ReadError> {
        let mut finder = ChainFinder::new(time_ns);
        self.look_from(track_id, time_ns, |block| {
            finder.push(ChainBlock::from(block))
        })?;
        Ok(finder.finish().map(|chain| {
            let offsets = chain.blocks.iter().map(|b| b.payload_offset).collect();
            (chain.key.payload_offset, offsets)
        }))
    }
}
