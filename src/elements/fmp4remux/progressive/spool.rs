//! Media that wait for their `moov` in a temporary file without a name.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};

use crate::elements::collector::{Fault, Output};

/// Bytes that are read back at a time.
const PIECE: usize = 1 << 20;
/// Bytes that are gathered before they are written.
const GATHERED: usize = 256 << 10;

/// The file goes when this does, however the program ends.
#[derive(Debug)]
pub(super) struct Spool {
    file: BufWriter<File>,
    length: u64,
}

fn refused(what: &str, error: &io::Error) -> Fault {
    let folder = std::env::temp_dir();
    Fault::Mux {
        slot: None,
        reason: format!(
            "temporary file in {}: {what}: {error}; TMPDIR names another folder, moov-placement=end needs none",
            folder.display()
        ),
    }
}

impl Spool {
    pub fn new() -> Result<Self, Fault> {
        let file = tempfile::tempfile().map_err(|e| refused("it can't be made", &e))?;
        Ok(Self {
            file: BufWriter::with_capacity(GATHERED, file),
            length: 0,
        })
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.length
    }

    pub fn write(&mut self, buffer: &gst::BufferRef) -> Result<(), Fault> {
        for memory in buffer.iter_memories() {
            let map = memory.map_readable().map_err(|_| gst::FlowError::Error)?;
            let written = self.file.write_all(map.as_slice());
            written.map_err(|e| refused("it can't be written", &e))?;
            self.length = self.length.saturating_add(map.len() as u64);
        }
        Ok(())
    }

    /// Pushes all that was written.
    pub fn push(self, out: &Output) -> Result<(), Fault> {
        let unread = |e: &io::Error| refused("it can't be read", e);
        let file = self.file.into_inner();
        let mut file = file.map_err(|e| refused("it can't be written", e.error()))?;
        file.rewind().map_err(|e| unread(&e))?;
        let mut left = self.length;
        while left > 0 {
            let size = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let mut piece = vec![0; size];
            file.read_exact(&mut piece).map_err(|e| unread(&e))?;
            out.push_buffer(gst::Buffer::from_slice(piece))?;
            left -= size as u64;
        }
        Ok(())
    }
}
