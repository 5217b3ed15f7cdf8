//! XTIM: exact timing for the COREs that follow (specification section 2).

use super::block::{BLOCK_PREFIX_BYTES, BlockMeta, Clipping};
use super::bytes::{Fields, put_leb, put_zigzag};
use super::chunk::ChunkType;
use super::error::Error;

const PTS: u8 = 1;
const DTS: u8 = 1 << 1;
const DURATION: u8 = 1 << 2;
const DISCONT: u8 = 1 << 3;
const HEADER: u8 = 1 << 4;
const DROPPABLE: u8 = 1 << 5;
const EXTRAS: u8 = 1 << 6;
const TRANSFORM: u8 = 1 << 7;

const EXTRA_BUFFER_FLAGS: u8 = 1;
const EXTRA_CLIPPING: u8 = 2;

/// Times of a block, in nanoseconds of stream running time; they may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// Presentation time.
    pub pts: Option<i64>,
    /// Decoding time.
    pub dts: Option<i64>,
    /// How long the block lasts.
    pub duration: Option<u64>,
}

/// How the stored bytes of a block were transformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transform {
    /// Bit 0: zstd; bit 1: AES-256-GCM.
    pub kinds: u8,
    /// Bytes of the block before it was transformed.
    pub clear_length: u64,
}

/// What an XTIM says of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    /// Length of the CORE's payload.
    pub core_bytes: u64,
    pub timing: Timing,
    pub discont: bool,
    pub header: bool,
    pub droppable: bool,
    pub buffer_flags: u32,
    pub clipping: Option<Clipping>,
    pub transform: Option<Transform>,
}

impl Record {
    fn parse(fields: &mut Fields<'_>, base: i64) -> Result<Self, Error> {
        let control = fields.u8("control")?;
        let has = |bit| control & bit != 0;
        let core_bytes = fields.leb("core_bytes")?;
        let pts = has(PTS).then(|| time(fields, base, "pts")).transpose()?;
        let dts = has(DTS).then(|| time(fields, base, "dts")).transpose()?;
        let duration = has(DURATION).then(|| fields.leb("duration")).transpose()?;
        let transform = has(TRANSFORM).then(|| transform(fields)).transpose()?;
        let mut record = Self {
            core_bytes,
            timing: Timing { pts, dts, duration },
            discont: has(DISCONT),
            header: has(HEADER),
            droppable: has(DROPPABLE),
            buffer_flags: 0,
            clipping: None,
            transform,
        };
        if has(EXTRAS) {
            record.read_extras(fields)?;
        }
        Ok(record)
    }

    fn read_extras(&mut self, fields: &mut Fields<'_>) -> Result<(), Error> {
        let total = fields.leb("extras length")?;
        let before = fields.left() as u64;
        let end = before
            .checked_sub(total)
            .ok_or_else(|| fields.error("extras length", total, format!("at most {before}")))?;
        while fields.left() as u64 > end {
            let kind = fields.u8("extra type")?;
            let length = fields.leb("extra length")?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            match (kind, length) {
                (EXTRA_BUFFER_FLAGS, 4) => self.buffer_flags = fields.u32("buffer flags")?,
                (EXTRA_CLIPPING, 16) => {
                    self.clipping = Some(Clipping {
                        start: fields.u64("clipping start")?,
                        end: fields.u64("clipping end")?,
                    });
                }
                (EXTRA_BUFFER_FLAGS | EXTRA_CLIPPING, _) => {
                    return Err(fields.error("extra length", length, "4 or 16, by its type"));
                }
                _ => {
                    fields.take(length, "extra value")?;
                }
            }
        }
        if (fields.left() as u64) < end {
            return Err(fields.error("extras", "a value past their end", "values inside"));
        }
        Ok(())
    }
}

fn time(fields: &mut Fields<'_>, base: i64, field: &'static str) -> Result<i64, Error> {
    let delta = fields.zigzag(field)?;
    base.checked_add(delta)
        .ok_or_else(|| fields.error(field, format!("{base} + {delta}"), "a 64-bit time"))
}

fn transform(fields: &mut Fields<'_>) -> Result<Transform, Error> {
    Ok(Transform {
        kinds: fields.u8("transform")?,
        clear_length: fields.leb("clear_length")?,
    })
}

/// A parsed XTIM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimingChunk {
    /// Number of the first of the blocks, counting all blocks of the file.
    pub sequence: u64,
    pub records: Vec<Record>,
}

impl TimingChunk {
    /// Reads an XTIM's `payload`, which begins at absolute `offset`.
    pub(crate) fn parse(flags: u32, payload: &[u8], offset: u64) -> Result<Self, Error> {
        let mut fields = Fields::new(payload, offset, ChunkType::TIMING);
        let count = (flags & 0xffff) as usize;
        let sequence = fields.u64("sequence")?;
        let base = fields.i64("base_ns")?;
        // A record has two bytes at least: no room is taken for more than can be there.
        let mut records = Vec::with_capacity(count.min(fields.left() / 2));
        for _ in 0..count {
            records.push(Record::parse(&mut fields, base)?);
        }
        fields.end("records")?;
        Ok(Self { sequence, records })
    }
}

/// Writes the payload of an XTIM for `blocks`; `None` when a time is too far from the first to be written.
pub(crate) fn put_timing(sequence: u64, blocks: &[BlockMeta], out: &mut Vec<u8>) -> Option<()> {
    let base = blocks
        .iter()
        .find_map(|b| b.timing.pts.or(b.timing.dts))
        .unwrap_or(0);
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&base.to_le_bytes());
    for block in blocks {
        put_record(block, base, out)?;
    }
    Some(())
}

fn put_record(block: &BlockMeta, base: i64, out: &mut Vec<u8>) -> Option<()> {
    let Timing { pts, dts, duration } = block.timing;
    let extras = block.buffer_flags != 0 || block.clipping.is_some();
    let bit = |on: bool, bit: u8| if on { bit } else { 0 };
    let control = bit(pts.is_some(), PTS)
        | bit(dts.is_some(), DTS)
        | bit(duration.is_some(), DURATION)
        | bit(block.discont, DISCONT)
        | bit(block.header, HEADER)
        | bit(block.droppable, DROPPABLE)
        | bit(extras, EXTRAS);
    out.push(control);
    put_leb(out, u64::from(block.len) + u64::from(BLOCK_PREFIX_BYTES));
    for time in [pts, dts].into_iter().flatten() {
        put_zigzag(out, time.checked_sub(base)?);
    }
    if let Some(duration) = duration {
        put_leb(out, duration);
    }
    if extras {
        put_extras(block, out);
    }
    Some(())
}

fn put_extras(block: &BlockMeta, out: &mut Vec<u8>) {
    let flags = block.buffer_flags;
    let length = if flags != 0 { 6 } else { 0 } + if block.clipping.is_some() { 18 } else { 0 };
    put_leb(out, length);
    if flags != 0 {
        out.extend_from_slice(&[EXTRA_BUFFER_FLAGS, 4]);
        out.extend_from_slice(&flags.to_le_bytes());
    }
    if let Some(Clipping { start, end }) = block.clipping {
        out.extend_from_slice(&[EXTRA_CLIPPING, 16]);
        out.extend_from_slice(&start.to_le_bytes());
        out.extend_from_slice(&end.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::Kind;
    use super::*;
    use proptest::prelude::*;

    fn any_block() -> impl Strategy<Value = BlockMeta> {
        let time = proptest::option::of(-(1i64 << 61)..(1i64 << 61));
        let clipping = proptest::option::of(
            (any::<u64>(), any::<u64>()).prop_map(|(start, end)| Clipping { start, end }),
        );
        (
            (time.clone(), time, any::<Option<u64>>()),
            any::<[bool; 3]>(),
            any::<u32>(),
            clipping,
            0..u32::MAX - 8,
        )
            .prop_map(
                |(
                    (pts, dts, duration),
                    [discont, header, droppable],
                    buffer_flags,
                    clipping,
                    len,
                )| {
                    BlockMeta {
                        track_id: 1,
                        kind: Kind::P,
                        timing: Timing { pts, dts, duration },
                        discont,
                        header,
                        droppable,
                        buffer_flags,
                        clipping,
                        len,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn every_record_comes_back(blocks in proptest::collection::vec(any_block(), 0..17), seq: u64) {
            let mut payload = Vec::new();
            put_timing(seq, &blocks, &mut payload).unwrap();
            let chunk = TimingChunk::parse(blocks.len() as u32, &payload, 0).unwrap();
            prop_assert_eq!(chunk.sequence, seq);
            prop_assert_eq!(chunk.records.len(), blocks.len());
            for (record, block) in chunk.records.iter().zip(&blocks) {
                prop_assert_eq!(record.timing, block.timing);
                prop_assert_eq!(record.core_bytes, u64::from(block.len) + 8);
                prop_assert_eq!(
                    (record.discont, record.header, record.droppable, record.buffer_flags, record.clipping),
                    (block.discont, block.header, block.droppable, block.buffer_flags, block.clipping)
                );
            }
        }

        #[test]
        fn any_bytes_are_a_chunk_or_an_error(payload: Vec<u8>, flags: u32) {
            let _ = TimingChunk::parse(flags, &payload, 0);
        }
    }

    #[test]
    fn unknown_extras_are_skipped() {
        // control: extras; core_bytes 8; extras: 9 bytes = type 9 with one byte, then buffer flags.
        let mut payload = vec![0; 16]; // sequence and base_ns
        payload.extend([EXTRAS, 8, 9, 9, 1, 0xff, 1, 4, 0, 2, 0, 0]);
        let chunk = TimingChunk::parse(1, &payload, 0).unwrap();
        assert_eq!(chunk.records[0].buffer_flags, 0x200);
    }
}
