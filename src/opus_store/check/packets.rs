//! Every row with its packet.

use std::ops::Range;

use super::Progress;
use super::blob::Blob;
use super::hashes::Decode;
use super::report::{Findable, Hashes, MOST_KEPT};
use crate::opus::index::{MOST_BYTES, check};
use crate::opus::{Clip, Head, Row, Start, Stream};
use crate::opus_store::reader::Snapshot;
use crate::opus_store::{Compression, StoreError};

/// Rows read at once; a part of a chunk.
const BATCH: u64 = 2_000;

/// A pass over a link's packets.
pub(super) struct Walk<'a> {
    now: &'a Snapshot,
    blob: Blob<'a>,
    /// What the packets say of themselves; none without a header, which tells how many streams they have.
    stream: Option<Stream>,
    /// The row before, unless it could not be read.
    previous: Option<Row>,
    decode: Option<Decode<'a>>,
    hashes: Hashes,
    /// What could not be read last, so that it is told once and not for each packet in it.
    unreadable: String,
    /// Packets of which row and bytes could be read.
    pub read: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl<'a> Walk<'a> {
    /// Nothing is read yet.
    pub fn new(now: &'a Snapshot, head: Option<Head>) -> Self {
        Self {
            now,
            blob: Blob::new(&now.blob),
            stream: head.map(|head| {
                Stream::new(Start {
                    head,
                    head_bytes: None,
                    tags: None,
                    pre_skip: None,
                    before_segment: 0,
                })
            }),
            previous: None,
            decode: None,
            hashes: match now.hashes {
                Some(_) => Hashes::NotChecked,
                None => Hashes::None,
            },
            unreadable: String::new(),
            read: 0,
            bytes: 0,
        }
    }

    /// Compares the hashes as well, where they are those of this machine's decoder.
    pub fn decode(&mut self, found: &mut Findable) {
        match Decode::new(self.now) {
            Ok(Some(decode)) => self.decode = Some(decode),
            Ok(None) if self.now.hashes.is_some() => self.hashes = Hashes::OtherDecoder,
            Ok(None) => {}
            Err(error) => found.error(&error),
        }
    }

    /// What became of the hashes.
    pub fn hashes(&self) -> Hashes {
        match &self.decode {
            Some(decode) => Hashes::Checked(decode.compared()),
            None => self.hashes,
        }
    }

    /// The last row, where it could be read.
    pub const fn last(&self) -> Option<&Row> {
        self.previous.as_ref()
    }

    /// What the packets say of themselves.
    pub const fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    /// Reads and checks all packets.
    pub fn run(&mut self, progress: Progress, found: &mut Findable) {
        let packets = self.now.packets();
        let mut packet = 0;
        let mut failures = 0;
        while packet < packets {
            let batch = self.batch(packet);
            match self.now.rows(batch.clone(), self.previous.as_ref()) {
                Ok(rows) => {
                    failures = 0;
                    packet = batch.end;
                    for (packet, row) in batch.zip(&rows) {
                        self.packet(packet, row, found);
                    }
                }
                Err(error) => {
                    failures += 1;
                    packet = self.next_chunk(batch.start);
                    self.lost(&error, found);
                    self.stop_decoding(batch.start, found);
                    self.previous = None;
                    // Where columns are missing, all rows are counted from those before.
                    if !self.now.has_sums() || failures == MOST_KEPT {
                        found.problem(Some(batch.start), "rows from here on are not checked");
                        return;
                    }
                }
            }
            progress(packet, packets);
        }
    }

    /// The next packets of which rows are read at once; all in one chunk, so that one that is damaged costs no others.
    fn batch(&self, packet: u64) -> Range<u64> {
        let most = match self.now.index.compression() {
            Compression::None => BATCH,
            Compression::Zstd => self.now.index.chunk_rows(),
        };
        packet..packet.saturating_add(most).min(self.next_chunk(packet))
    }

    /// The first packet behind a packet's chunk of the index.
    fn next_chunk(&self, packet: u64) -> u64 {
        let chunk = self.now.index.chunk_rows();
        packet
            .saturating_add(chunk - packet % chunk)
            .min(self.now.packets())
    }

    fn packet(&mut self, packet: u64, row: &Row, found: &mut Findable) {
        if let Err(error) = check(self.previous.as_ref(), row, packet) {
            found.error(&StoreError::NotMonotone(error));
        }
        self.previous = Some(*row);
        if row.byte_len > MOST_BYTES {
            return self.stop_decoding(packet, found);
        }
        let bytes = self
            .now
            .inside(packet, row.byte_pos, row.byte_len)
            .and_then(|_| self.blob.get(row.byte_pos, row.byte_len));
        match bytes {
            Ok(bytes) => {
                self.read += 1;
                self.bytes += row.byte_len;
                if let Some(stream) = &mut self.stream {
                    check_packet(packet, row, bytes, stream, found);
                }
                if let Some(decode) = &mut self.decode {
                    decode.packet(packet, bytes, found);
                }
            }
            Err(error) => {
                self.lost(&error, found);
                self.stop_decoding(packet, found);
            }
        }
    }

    fn stop_decoding(&mut self, packet: u64, found: &mut Findable) {
        if let Some(decode) = &mut self.decode {
            decode.stop(packet, found);
        }
    }

    /// Tells an error, unless it is the one before: a chunk that can't be read is one problem, however many packets are in
    /// it.
    fn lost(&mut self, error: &StoreError, found: &mut Findable) {
        let what = error.to_string();
        if what != self.unreadable {
            found.error_unless_missing(error);
        }
        self.unreadable = what;
    }
}

/// A packet keeps the rules of RFC 6716 and has the samples that its row says.
fn check_packet(packet: u64, row: &Row, bytes: &[u8], stream: &mut Stream, found: &mut Findable) {
    match stream.packet(bytes, Clip::default()) {
        Ok(parsed) if parsed.sample_count == row.sample_count => {}
        Ok(parsed) => {
            let what = format!(
                "sample_count: found {}, expected {} by the packet's TOC byte",
                row.sample_count, parsed.sample_count
            );
            found.problem(Some(packet), what);
        }
        Err(error) => found.problem(Some(packet), error.to_string()),
    }
}
