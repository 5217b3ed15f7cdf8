//! A group: blocks that share a timing chunk, one allocation for their framing, and one push.

use crate::elements::collector::{Fault, Output, Slot};
use crate::h4mk::{BlockMeta, WriteError, Writer};

/// Bytes around one block: CORE head, CRC, and its timing record as long as it mostly is.
const FRAMING: usize = 44;
/// Bytes of an XTIM before its records, with its framing.
const TIMING: usize = 32;
/// CRC behind the payload.
const CRC: usize = 4;
/// A buffer with more memories than this has no room for framing: GStreamer would merge, and so copy them.
const MOST_MEMORIES: usize = 14;

/// Blocks whose place in the file is settled, not yet written.
#[derive(Debug, Default)]
pub(super) struct Group {
    metas: Vec<BlockMeta>,
    buffers: Vec<(Slot, gst::Buffer)>,
    first_time: i64,
    /// Where the framing before each payload ends.
    cuts: Vec<usize>,
}

impl Group {
    pub fn len(&self) -> usize {
        self.metas.len()
    }

    /// Nanoseconds from the first block to a time.
    pub fn span(&self, time: i64) -> u64 {
        self.first_time.abs_diff(time)
    }

    pub fn push(&mut self, slot: Slot, time: i64, meta: BlockMeta, buffer: gst::Buffer) {
        if self.metas.is_empty() {
            self.first_time = time;
        }
        self.metas.push(meta);
        self.buffers.push((slot, buffer));
    }

    /// Writes the group. A reader can begin at its first buffer when `entry` is set.
    pub fn write(
        &mut self,
        writer: &mut Writer,
        extensions: bool,
        entry: bool,
        out: &Output,
    ) -> Result<(), Fault> {
        if self.metas.is_empty() {
            return Ok(());
        }
        let mut offset = writer.position();
        let framing = gst::Memory::from_slice(self.framing(writer, extensions)?);
        let mut list = gst::BufferList::new_sized(self.buffers.len());
        let mut at = 0;
        if let Some(list) = list.get_mut() {
            let blocks = self.metas.drain(..).zip(self.buffers.drain(..));
            for ((meta, (_, buffer)), cut) in blocks.zip(self.cuts.drain(..)) {
                let entry = entry && at == 0;
                let frame = (framing.share(at..cut), framing.share(cut..cut + CRC));
                offset = add(list, buffer, frame, &meta, (offset, entry));
                at = cut + CRC;
            }
        }
        out.push(list)
    }

    /// The bytes around the payloads, in file order; `cuts` then says where each payload belongs.
    fn framing(&mut self, writer: &mut Writer, extensions: bool) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::with_capacity(TIMING + FRAMING * self.metas.len());
        // Plain version 1 has no groups; one block at a time tells which one it can't hold.
        let step = if extensions { self.metas.len() } else { 1 };
        for (metas, buffers) in self.metas.chunks(step).zip(self.buffers.chunks(step)) {
            let last = buffers.last().map(|(slot, _)| *slot);
            writer
                .begin_group(metas, &mut bytes)
                .map_err(|e| refused(last, &e))?;
            for (slot, buffer) in buffers {
                let crc = put_block(writer, *slot, buffer, &mut bytes)?;
                self.cuts.push(bytes.len());
                bytes.extend_from_slice(&crc);
            }
        }
        Ok(bytes)
    }
}

pub(super) fn refused(slot: Option<Slot>, error: &WriteError) -> Fault {
    Fault::Mux {
        slot,
        reason: error.to_string(),
    }
}

/// Appends what comes before the payload, and returns the CRC behind it.
fn put_block(
    writer: &mut Writer,
    slot: Slot,
    buffer: &gst::BufferRef,
    bytes: &mut Vec<u8>,
) -> Result<[u8; CRC], Fault> {
    let unreadable = |_| Fault::Mux {
        slot: Some(slot),
        reason: "found a buffer whose memory can't be read".to_string(),
    };
    let written = if buffer.n_memory() <= 1 {
        let map = buffer.map_readable().map_err(unreadable)?;
        writer.block([map.as_slice()], bytes)
    } else {
        // One by one: mapping the whole buffer would merge its memories.
        let maps: Vec<_> = buffer
            .iter_memories()
            .map(|memory| memory.map_readable().map_err(unreadable))
            .collect::<Result<_, _>>()?;
        writer.block(maps.iter().map(|m| m.as_slice()), bytes)
    };
    written.map_err(|e| refused(Some(slot), &e))
}

/// Adds a block with its framing to the list. Returns the byte position behind it.
fn add(
    list: &mut gst::BufferListRef,
    mut buffer: gst::Buffer,
    (head, tail): (gst::Memory, gst::Memory),
    meta: &BlockMeta,
    (offset, entry): (u64, bool),
) -> u64 {
    let end = offset + (head.size() + tail.size()) as u64 + u64::from(meta.len);
    if buffer.n_memory() <= MOST_MEMORIES {
        let block = buffer.make_mut();
        block.prepend_memory(head);
        block.append_memory(tail);
        label(block, meta, (offset, end), entry);
        list.add(buffer);
        return end;
    }
    let payload = offset + head.size() as u64;
    let behind = end - tail.size() as u64;
    let (mut before, mut after) = (gst::Buffer::new(), gst::Buffer::new());
    let first = before.make_mut();
    first.append_memory(head);
    label(first, meta, (offset, payload), entry);
    label(buffer.make_mut(), meta, (payload, behind), false);
    let last = after.make_mut();
    last.append_memory(tail);
    label(last, meta, (behind, end), false);
    list.add(before);
    list.add(buffer);
    list.add(after);
    end
}

/// Times, place in the file and flags of an output buffer.
fn label(buffer: &mut gst::BufferRef, meta: &BlockMeta, (offset, end): (u64, u64), entry: bool) {
    // A buffer can't hold a time below zero.
    let time = |t: Option<i64>| t.and_then(|t| u64::try_from(t).ok());
    buffer.set_pts(time(meta.timing.pts).map(gst::ClockTime::from_nseconds));
    buffer.set_dts(time(meta.timing.dts).map(gst::ClockTime::from_nseconds));
    buffer.set_offset(offset);
    buffer.set_offset_end(end);
    // The input's flags describe the payload, not the file; the memory's mark is the pool's.
    buffer.unset_flags(!gst::BufferFlags::TAG_MEMORY);
    if !entry {
        buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
    }
}
