//! A group: blocks that share a timing chunk, one allocation for their framing, and one push.

use crate::elements::collector::{Fault, Output, Slot};
use crate::h4mk::{BlockMeta, WriteError, Writer};
use crate::meta;

/// Bytes around one block: CORE head, CRC, and its timing record as long as it mostly is.
const FRAMING: usize = 44;
/// Bytes of an XTIM before its records, with its framing.
const TIMING: usize = 32;
/// GStreamer 1.22's `filesink` gathers 64 KiB and loses memories when these are more than the kernel writes at
/// once (1024). So a block whose memories, the two of its framing among them, would have fewer bytes each than
/// this is copied into the framing, and neighbours that are share a buffer until it has so many bytes.
const LEAST_PER_MEMORY: usize = 80;
/// Framing of a block that is not the first of its group.
const LEAST_FRAMING: usize = 24;
/// A buffer with more memories than this has no room for framing: GStreamer would merge, and so copy them.
const MOST_MEMORIES: usize = 14;

/// Blocks whose place in the file is settled, not yet written.
#[derive(Debug, Default)]
pub(super) struct Group {
    metas: Vec<BlockMeta>,
    buffers: Vec<(Slot, gst::Buffer)>,
    first_time: i64,
    /// Where the framing around each payload ends.
    cuts: Vec<Cut>,
}

/// A block's share of the framing, from where the one before it ends.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// End of what comes before the payload; for a payload that lies in the framing its end as well as `end`.
    head: usize,
    /// End of what comes behind it.
    end: usize,
}

impl Cut {
    /// True when the framing has the payload in it.
    fn holds_payload(self) -> bool {
        self.head == self.end
    }
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
            let mut blocks = self.metas.drain(..).zip(self.buffers.drain(..));
            let mut cuts = self.cuts.drain(..).peekable();
            while let Some((cut, (meta, (_, buffer)))) = cuts.next().zip(blocks.next()) {
                let entry = entry && at == 0;
                if !cut.holds_payload() {
                    let frame = (
                        framing.share(at..cut.head),
                        framing.share(cut.head..cut.end),
                    );
                    offset = add(list, buffer, frame, &meta, (offset, entry));
                    at = cut.end;
                    continue;
                }
                let mut end = cut.end;
                while let Some(next) =
                    cuts.next_if(|c| c.holds_payload() && end - at < LEAST_PER_MEMORY)
                {
                    end = next.end;
                    blocks.next();
                }
                offset = add_whole(list, buffer, framing.share(at..end), &meta, (offset, entry));
                at = end;
            }
        }
        out.push(list)
    }

    /// The bytes around the payloads, small payloads too, in file order; `cuts` then says where each block's end.
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
                self.cuts
                    .push(put_block(writer, *slot, buffer, &mut bytes)?);
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

/// Appends what comes before the payload, the payload if it is small, and the CRC.
fn put_block(
    writer: &mut Writer,
    slot: Slot,
    buffer: &gst::BufferRef,
    bytes: &mut Vec<u8>,
) -> Result<Cut, Fault> {
    let unreadable = |_| Fault::Mux {
        slot: Some(slot),
        reason: "found a buffer whose memory can't be read".to_string(),
    };
    let is_small = buffer.size() + LEAST_FRAMING < LEAST_PER_MEMORY * (buffer.n_memory() + 2);
    let mut put = |parts: &[&[u8]]| {
        let crc = writer
            .block(parts.iter().copied(), bytes)
            .map_err(|e| refused(Some(slot), &e))?;
        let head = bytes.len();
        if is_small {
            parts.iter().for_each(|part| bytes.extend_from_slice(part));
        }
        bytes.extend_from_slice(&crc);
        let end = bytes.len();
        Ok(Cut {
            head: if is_small { end } else { head },
            end,
        })
    };
    if buffer.n_memory() <= 1 {
        let map = buffer.map_readable().map_err(unreadable)?;
        put(&[map.as_slice()])
    } else {
        // One by one: mapping the whole buffer would merge its memories.
        let maps: Vec<_> = buffer
            .iter_memories()
            .map(|memory| memory.map_readable().map_err(unreadable))
            .collect::<Result<_, _>>()?;
        let parts: Vec<&[u8]> = maps.iter().map(|m| m.as_slice()).collect();
        put(&parts)
    }
}

/// Adds a block that lies as a whole in `stored`, and blocks after it that do so too, to the list. Returns the
/// byte position behind them.
fn add_whole(
    list: &mut gst::BufferListRef,
    mut buffer: gst::Buffer,
    stored: gst::Memory,
    meta: &BlockMeta,
    (offset, entry): (u64, bool),
) -> u64 {
    let end = offset + stored.size() as u64;
    let block = buffer.make_mut();
    block.remove_all_memory();
    block.append_memory(stored);
    label(block, meta, (offset, end), entry);
    list.add(buffer);
    end
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
fn label(buffer: &mut gst::BufferRef, block: &BlockMeta, (offset, end): (u64, u64), entry: bool) {
    // A buffer can't hold a time below zero.
    let time = |t: Option<i64>| t.and_then(|t| u64::try_from(t).ok());
    buffer.set_pts(time(block.timing.pts).map(gst::ClockTime::from_nseconds));
    buffer.set_dts(time(block.timing.dts).map(gst::ClockTime::from_nseconds));
    buffer.set_offset(offset);
    buffer.set_offset_end(end);
    // The input's flags describe the payload, not the file.
    let flags = if entry {
        gst::BufferFlags::empty()
    } else {
        gst::BufferFlags::DELTA_UNIT
    };
    meta::replace_flags(buffer, flags);
}
