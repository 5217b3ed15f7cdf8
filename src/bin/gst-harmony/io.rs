//! The tool's file I/O: one file behind a window of bounded size, and the core's walker fed from it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use gstharmony::h4mk::{
    Block, Error, FileHeader, Opened, Opener, PayloadCheck, Record, Step, Walk,
};

use crate::failure::{Failure, Outcome};

/// Bytes read at once where the reading goes on from the last.
const READ_ON: usize = 256 << 10;
/// Bytes read at once after a jump: the next chunk's head is all that is wanted there.
const READ_AFTER_JUMP: usize = 4 << 10;
/// Passing over less than this is no jump: reading through is cheaper than many small readings.
const STRIDE: u64 = 16 << 10;

/// A regular file, its length taken when it was opened.
pub struct Source {
    file: File,
    path: PathBuf,
    length: u64,
    /// What was read, from `start` of the file on.
    buffer: Vec<u8>,
    start: u64,
}

impl Source {
    /// Opens `path`.
    pub fn open(path: &Path) -> Outcome<Self> {
        let file = File::open(path).map_err(|error| Failure::open(path, &error))?;
        let metadata = file
            .metadata()
            .map_err(|error| Failure::open(path, &error))?;
        if !metadata.is_file() {
            let what = "found no regular file, expected one that can be read at any position";
            return Err(Failure::Usage(format!("{}: {what}", path.display())));
        }
        let path = path.to_owned();
        Ok(Self {
            file,
            path,
            length: metadata.len(),
            buffer: Vec::new(),
            start: 0,
        })
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bad data in this file.
    pub fn failure(&self, error: &Error) -> Failure {
        Failure::data(&self.path, error)
    }

    /// The bytes from `position` on: `wanted` of them at least, unless the file ends before.
    pub fn window(&mut self, position: u64, wanted: usize) -> Outcome<&[u8]> {
        let left = self.length.saturating_sub(position);
        let wanted = usize::try_from(left).map_or(wanted, |left| left.min(wanted));
        if self.held(position).len() < wanted {
            self.read(position, wanted).map_err(|error| {
                Failure::data(&self.path, format!("offset {position}: {error}"))
            })?;
        }
        Ok(self.held(position))
    }

    /// What the buffer has from `position` on.
    fn held(&self, position: u64) -> &[u8] {
        let skip = position
            .checked_sub(self.start)
            .and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| self.buffer.get(skip..))
            .unwrap_or_default()
    }

    fn read(&mut self, position: u64, wanted: usize) -> io::Result<()> {
        let end = self.start + self.buffer.len() as u64;
        let goes_on = (self.start..=end + STRIDE).contains(&position);
        let kept = self.held(position).len();
        self.buffer.drain(..self.buffer.len() - kept);
        self.start = position;
        let most = wanted.max(if goes_on { READ_ON } else { READ_AFTER_JUMP });
        let left = self.length.saturating_sub(position);
        let most = usize::try_from(left).map_or(most, |left| left.min(most));
        self.file.seek(SeekFrom::Start(position + kept as u64))?;
        self.buffer.resize(most, 0);
        let read = self
            .file
            .read_exact(self.buffer.get_mut(kept..).unwrap_or_default());
        if read.is_err() {
            // Nothing of a reading that failed is to be taken for the file's bytes.
            self.buffer.clear();
        }
        // A record of many megabytes must not keep its room for ever.
        if self.buffer.capacity() > 4 * most.max(READ_ON) {
            self.buffer.shrink_to(READ_ON);
        }
        read
    }

    /// The header, and the index of a finished file: three reads.
    pub fn opened(&mut self) -> Outcome<Opened> {
        let mut opener = Opener::new(self.length);
        while let Some((offset, length)) = opener.request() {
            let window = self.window(offset, length)?;
            let bytes = window.get(..length).unwrap_or(window);
            opener
                .feed(bytes)
                .map_err(|error| Failure::data(&self.path, error))?;
        }
        let none = || {
            Failure::data(
                &self.path,
                "offset 0: found nothing, expected a file header",
            )
        };
        opener.finish().ok_or_else(none)
    }
}

/// A walk over a [`Source`].
pub struct Scan<'a> {
    source: &'a mut Source,
    walk: Walk,
}

impl<'a> Scan<'a> {
    /// From the start of the file.
    pub fn new(source: &'a mut Source) -> Self {
        let walk = Walk::new(Some(source.length));
        Self { source, walk }
    }

    /// From a chunk in the middle of the file.
    pub fn at(source: &'a mut Source, position: u64, header: FileHeader) -> Self {
        let walk = Walk::at(position, header, Some(source.length));
        Self { source, walk }
    }

    /// How far it has come.
    pub fn position(&self) -> u64 {
        self.walk.position()
    }

    /// The next step, never [`Step::Need`]. An error leaves the walk where it is.
    pub fn next(&mut self) -> Outcome<Result<Step, Error>> {
        let mut wanted = 0;
        loop {
            let position = self.walk.position();
            let window = self.source.window(position, wanted)?;
            let at_end = position + window.len() as u64 >= self.walk.length().unwrap_or(u64::MAX);
            match self.walk.step(window, at_end) {
                // The walker asks for more than it has seen, so this ends.
                Ok(Step::Need(more)) if more > wanted => wanted = more,
                Ok(Step::Need(more)) => {
                    let what = format!("offset {position}: {more} bytes cannot be read");
                    return Err(Failure::data(&self.source.path, what));
                }
                step => return Ok(step),
            }
        }
    }

    /// The next step; whatever is wrong with the bytes is bad data.
    pub fn strict(&mut self) -> Outcome<Step> {
        let step = self.next()?;
        step.map_err(|error| self.source.failure(&error))
    }

    /// The next step, the CRC of its payload checked too. A cut file is bad data unless `partial`.
    pub fn checked(&mut self, partial: bool) -> Outcome<Step> {
        let step = self.strict()?;
        let checked = self.crc(&step)?;
        checked.map_err(|error| self.source.failure(&error))?;
        match step {
            Step::Cut(cut) if !partial => Err(self.source.failure(&cut.into_error())),
            step => Ok(step),
        }
    }

    /// Checks the CRC of a step's payload where the walker did not.
    pub fn crc(&mut self, step: &Step) -> Outcome<Result<(), Error>> {
        let checked = match step {
            Step::Block(block) => self.block(block, &mut |_| {})?,
            Step::Chunk(_, Record::Unknown(check)) => self.payload(check.clone(), &mut |_| {})?,
            _ => return Ok(Ok(())),
        };
        Ok(checked.map(|_| ()))
    }

    /// Reads what is left of a chunk, hands it to `each` piece by piece, and checks its CRC, which it gives.
    pub fn payload(
        &mut self,
        mut check: PayloadCheck,
        each: &mut dyn FnMut(&[u8]),
    ) -> Outcome<Result<u32, Error>> {
        while check.left() > 0 {
            let wanted = usize::try_from(check.left())
                .unwrap_or(usize::MAX)
                .min(READ_ON);
            let window = self.source.window(check.next_offset(), wanted)?;
            let piece = window.get(..wanted).unwrap_or(window);
            if piece.is_empty() {
                break;
            }
            each(piece);
            check.update(piece);
        }
        let window = self.source.window(check.next_offset(), 4)?;
        let stored = window.first_chunk::<4>().copied().unwrap_or_default();
        Ok(check.finish(stored).map(|()| u32::from_le_bytes(stored)))
    }

    /// The CRC stored in the four bytes before `end`, unchecked.
    pub fn stored_crc(&mut self, end: u64) -> Outcome<u32> {
        let window = self.source.window(end.saturating_sub(4), 4)?;
        Ok(u32::from_le_bytes(
            window.first_chunk::<4>().copied().unwrap_or_default(),
        ))
    }

    /// As [`Self::payload`] for a block; `each` sees its opaque bytes.
    pub fn block(
        &mut self,
        block: &Block,
        each: &mut dyn FnMut(&[u8]),
    ) -> Outcome<Result<u32, Error>> {
        self.payload(block.check.clone(), each)
    }

    /// The file.
    pub fn source(&self) -> &Source {
        self.source
    }
}
