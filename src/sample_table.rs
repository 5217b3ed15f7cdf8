//! The sample table: what a source pad is going to push, told before it does.
//!
//! A muxer that writes its index first has to know every sample's size and times before the first byte of media.
//! Whoever knows them answers a custom query named [`QUERY`]; the fields of its structure are named here, and the
//! samples are packed one after the other, each in [`SAMPLE_BYTES`] bytes, all integers little-endian:
//!
//! | bytes | |
//! |---|---|
//! | 0..8 | `position`, u64: the place in the order that is common to all pads of the element, strictly rising |
//! | 8..12 | `size`, u32: bytes of the buffer |
//! | 12..16 | `flags`, u32: bit 0 sync (no DELTA_UNIT), bit 1 HEADER, bit 2 DISCONT, bit 3 DROPPABLE; others are 0 and are ignored |
//! | 16..24 | `pts`, i64: nanoseconds of running time of a playback from the start; the lowest value: none |
//! | 24..32 | `dts`, i64: the same |
//! | 32..40 | `duration`, u64: nanoseconds; the highest value: none |
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

/// Name of the query's structure.
pub const QUERY: &str = "sample-table";
/// Field, uint: the version of the answer, [`VERSION`].
pub const FIELD_VERSION: &str = "version";
/// Field, `GstCaps`: the caps of the pad's first buffer.
pub const FIELD_CAPS: &str = "caps";
/// Field, `GstBuffer`: the packed samples, one for every buffer that the pad will push, in that order.
pub const FIELD_SAMPLES: &str = "samples";
/// Field, `GstValueArray` of structures with `sample` (uint64) and `caps` (`GstCaps`): the caps that come into force
/// after the first ones, each with the number of the first sample that they hold for, from 0. Empty where the caps
/// stay as they are.
pub const FIELD_CAPS_CHANGES: &str = "caps-changes";
/// Field, `GstBuffer`: what is to be cut from decoded audio, as [`Clipped`] packs it; absent where nothing is.
pub const FIELD_CLIPPING: &str = "clipping";
/// The version written here.
pub const VERSION: u32 = 1;
/// Bytes of a packed sample.
pub const SAMPLE_BYTES: usize = 40;
/// Bytes of a packed [`Clipped`].
pub const CLIPPED_BYTES: usize = 24;

const SYNC: u32 = 1;
const HEADER: u32 = 1 << 1;
const DISCONT: u32 = 1 << 2;
const DROPPABLE: u32 = 1 << 3;

const NO_TIME: i64 = i64::MIN;
const NO_DURATION: u64 = u64::MAX;

/// What is wrong with a packed table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are not whole samples.
    #[error("sample table: found {found} bytes, expected a multiple of 40")]
    Length {
        /// Bytes of the table.
        found: usize,
    },
    /// The samples are not in order.
    #[error("sample table, sample {sample}: position found {found}, expected more than {before}")]
    Order {
        /// Number of the sample, from 0.
        sample: usize,
        /// Its position.
        found: u64,
        /// The position of the sample before it.
        before: u64,
    },
}

/// One buffer that is going to be pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableSample {
    /// The place in the order that is common to all pads, such as a byte offset.
    pub position: u64,
    /// Bytes.
    pub size: u32,
    /// It decodes on its own: no DELTA_UNIT.
    pub sync: bool,
    /// It is a stream header.
    pub header: bool,
    /// It does not follow the one before it.
    pub discont: bool,
    /// No other one needs it.
    pub droppable: bool,
    /// Presentation time, nanoseconds of running time.
    pub pts: Option<i64>,
    /// Decoding time, nanoseconds of running time.
    pub dts: Option<i64>,
    /// Nanoseconds.
    pub duration: Option<u64>,
}

impl TableSample {
    /// Packs the sample. A time or duration that has the value for "none" comes out as the one next to it.
    pub fn to_bytes(self) -> [u8; SAMPLE_BYTES] {
        let bit = |on: bool, bit: u32| if on { bit } else { 0 };
        let flags = bit(self.sync, SYNC)
            | bit(self.header, HEADER)
            | bit(self.discont, DISCONT)
            | bit(self.droppable, DROPPABLE);
        let time = |time: Option<i64>| time.map_or(NO_TIME, |t| t.max(NO_TIME + 1));
        let duration = self
            .duration
            .map_or(NO_DURATION, |d| d.min(NO_DURATION - 1));
        let mut out = [0; SAMPLE_BYTES];
        let fields = (self.position.to_le_bytes().into_iter())
            .chain(self.size.to_le_bytes())
            .chain(flags.to_le_bytes())
            .chain(time(self.pts).to_le_bytes())
            .chain(time(self.dts).to_le_bytes())
            .chain(duration.to_le_bytes());
        out.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        out
    }

    /// Unpacks a sample; any 40 bytes are one.
    pub fn parse(bytes: &[u8; SAMPLE_BYTES]) -> Self {
        let mut words = words(bytes);
        let mut word = || words.next().unwrap_or_default();
        let position = word();
        let second = word();
        let size = (second & u64::from(u32::MAX)) as u32;
        let flags = (second >> 32) as u32;
        let mut time = || Some(word() as i64).filter(|t| *t != NO_TIME);
        let (pts, dts) = (time(), time());
        Self {
            position,
            size,
            sync: flags & SYNC != 0,
            header: flags & HEADER != 0,
            discont: flags & DISCONT != 0,
            droppable: flags & DROPPABLE != 0,
            pts,
            dts,
            duration: Some(word()).filter(|d| *d != NO_DURATION),
        }
    }
}

/// A sample of which a part is cut once it is decoded, as `GstAudioClippingMeta` says it; packed as three u64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clipped {
    /// Number of the table's sample, from 0.
    pub sample: u64,
    /// Audio samples to cut from its start.
    pub start: u64,
    /// Audio samples to cut from its end.
    pub end: u64,
}

impl Clipped {
    /// Packs it.
    pub fn to_bytes(self) -> [u8; CLIPPED_BYTES] {
        let mut out = [0; CLIPPED_BYTES];
        let fields = [self.sample, self.start, self.end];
        let fields = fields.into_iter().flat_map(u64::to_le_bytes);
        out.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        out
    }

    /// Unpacks all that `bytes` hold; what is left over at their end is none.
    pub fn parse_all(bytes: &[u8]) -> impl Iterator<Item = Self> {
        bytes.as_chunks::<CLIPPED_BYTES>().0.iter().map(|bytes| {
            let mut words = words(bytes);
            let mut word = || words.next().unwrap_or_default();
            Self {
                sample: word(),
                start: word(),
                end: word(),
            }
        })
    }
}

/// The little-endian words of `bytes`.
fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let words = bytes.as_chunks::<8>().0.iter();
    words.map(|w| u64::from_le_bytes(*w))
}

/// A packed table, checked: whole samples, in order.
#[derive(Debug, Clone, Copy)]
pub struct SampleTable<'a> {
    samples: &'a [[u8; SAMPLE_BYTES]],
}

impl<'a> SampleTable<'a> {
    /// Checks a packed table.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Order`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let (samples, rest) = bytes.as_chunks::<SAMPLE_BYTES>();
        if !rest.is_empty() {
            return Err(Error::Length { found: bytes.len() });
        }
        let table = Self { samples };
        let mut before = None;
        for (sample, found) in table.iter().map(|s| s.position).enumerate() {
            if let Some(before) = before.filter(|before| found <= *before) {
                return Err(Error::Order {
                    sample,
                    found,
                    before,
                });
            }
            before = Some(found);
        }
        Ok(table)
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// True when the pad will push nothing.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The sample with this number, from 0.
    pub fn get(&self, number: usize) -> Option<TableSample> {
        self.samples.get(number).map(TableSample::parse)
    }

    /// The samples in the order in which they are pushed.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = TableSample> + use<'a> {
        self.samples.iter().map(TableSample::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_sample() -> impl Strategy<Value = TableSample> {
        let time = || proptest::option::of(NO_TIME + 1..=i64::MAX);
        let duration = proptest::option::of(0..NO_DURATION);
        let fields = (any::<u64>(), any::<u32>(), any::<[bool; 4]>());
        (fields, time(), time(), duration).prop_map(
            |((position, size, flags), pts, dts, duration)| {
                let [sync, header, discont, droppable] = flags;
                TableSample {
                    position,
                    size,
                    sync,
                    header,
                    discont,
                    droppable,
                    pts,
                    dts,
                    duration,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn samples_come_back_in_order(mut samples in proptest::collection::vec(any_sample(), 0..20)) {
            samples.sort_by_key(|s| s.position);
            samples.dedup_by_key(|s| s.position);
            let packed: Vec<u8> = samples.iter().flat_map(|s| s.to_bytes()).collect();
            let table = SampleTable::parse(&packed).unwrap();
            prop_assert_eq!(table.iter().collect::<Vec<_>>(), samples);
        }

        #[test]
        fn any_bytes_are_a_table_or_an_error(bytes: Vec<u8>) {
            if let Ok(table) = SampleTable::parse(&bytes) {
                prop_assert_eq!(table.len() * SAMPLE_BYTES, bytes.len());
            }
        }
    }

    #[test]
    fn what_is_clipped_comes_back() {
        let first = Clipped {
            sample: 0,
            start: 312,
            end: 0,
        };
        let last = Clipped {
            sample: 1 << 40,
            start: 0,
            end: 77,
        };
        let packed = [first.to_bytes(), last.to_bytes()].concat();
        let back: Vec<_> = Clipped::parse_all(&packed).collect();
        assert_eq!(back, [first, last]);
    }

    #[test]
    fn the_layout_is_the_one_that_is_documented() {
        let sample = TableSample {
            position: 0x0102_0304_0506_0708,
            size: 0x1112_1314,
            sync: true,
            droppable: true,
            pts: Some(-2),
            duration: Some(3),
            ..Default::default()
        };
        let mut expected = vec![8, 7, 6, 5, 4, 3, 2, 1, 0x14, 0x13, 0x12, 0x11, 9, 0, 0, 0];
        expected.extend([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        expected.extend([0, 0, 0, 0, 0, 0, 0, 0x80, 3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(sample.to_bytes().to_vec(), expected);
    }

    #[test]
    fn a_time_that_would_read_as_none_is_moved_by_one() {
        let sample = TableSample {
            pts: Some(i64::MIN),
            duration: Some(u64::MAX),
            ..Default::default()
        };
        let back = TableSample::parse(&sample.to_bytes());
        assert_eq!(
            (back.pts, back.duration),
            (Some(i64::MIN + 1), Some(u64::MAX - 1))
        );
    }

    #[test]
    fn what_is_cut_or_out_of_order_is_refused() {
        let one = TableSample {
            position: 5,
            ..Default::default()
        };
        let packed = [one.to_bytes(), one.to_bytes()].concat();
        assert_eq!(
            SampleTable::parse(&packed).unwrap_err(),
            Error::Order {
                sample: 1,
                found: 5,
                before: 5
            }
        );
        assert_eq!(
            SampleTable::parse(&packed[..41]).unwrap_err(),
            Error::Length { found: 41 }
        );
    }
}
