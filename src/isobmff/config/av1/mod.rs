//! AV1: `av1C` (AV1 in ISOBMFF, 2.3) from the bitstream, and the OBUs of temporal units (AV1 specification, 5.3).

mod sequence;

pub use sequence::Sequence;

use super::{Error, bits::Bits};

/// `obu_type` of a sequence header.
const SEQUENCE_HEADER: u8 = 1;
/// `obu_type` of a temporal delimiter.
const TEMPORAL_DELIMITER: u8 = 2;

/// What `av1C` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The `AV1CodecConfigurationRecord`.
    pub record: Vec<u8>,
    /// The sequence header; `None` where the record came without one.
    pub sequence: Option<Sequence>,
}

/// One open bitstream unit.
struct Obu<'a> {
    kind: u8,
    /// The header, with the extension but without the size.
    header: &'a [u8],
    payload: &'a [u8],
    /// All bytes of it.
    length: usize,
}

impl<'a> Obu<'a> {
    /// The unit at the start of these bytes; one without a size takes them all.
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let head = *bytes.first()?;
        let extended = head & 4 != 0;
        let (header, rest) = bytes.split_at_checked(if extended { 2 } else { 1 })?;
        let payload = match head & 2 != 0 {
            true => {
                let (size, used) = leb128(rest)?;
                rest.get(used..used.checked_add(size)?)?
            }
            false => rest,
        };
        let size_field = match head & 2 != 0 {
            true => leb128(rest)?.1,
            false => 0,
        };
        Some(Self {
            kind: (head >> 3) & 15,
            header,
            payload,
            length: header.len() + size_field + payload.len(),
        })
    }
}

/// The units of a temporal unit; ends before one that is not whole.
fn units(bytes: &[u8]) -> impl Iterator<Item = Obu<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let unit = Obu::first(rest)?;
        rest = rest.get(unit.length..).unwrap_or_default();
        Some(unit)
    })
}

/// A number in `leb128()` (4.10.5), and its bytes.
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, index + 1));
        }
    }
    None
}

/// Appends a number in `leb128()`.
fn put_leb128(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of the temporal delimiters at the start of a temporal unit, which a sample leaves out (AV1 in ISOBMFF, 2.4).
pub fn leading_delimiters(unit: &[u8]) -> usize {
    let delimiters = units(unit).take_while(|obu| obu.kind == TEMPORAL_DELIMITER);
    delimiters.map(|obu| obu.length).sum()
}

impl Config {
    /// Takes an `AV1CodecConfigurationRecord` as it is.
    ///
    /// # Errors
    /// When it is cut, of another version, or its sequence header can't be read.
    pub fn parse(record: &[u8]) -> Result<Self, Error> {
        let mut bits = Bits::new("av1C", record);
        let marker = bits.small(8, "marker and version")?;
        if marker != 0x81 {
            return Err(bits.wrong("marker and version", marker, "129"));
        }
        bits.skip(24, "initial_presentation_delay_minus_one")?;
        let header = units(record.get(4..).unwrap_or_default()).find(Obu::is_sequence);
        Ok(Self {
            record: record.to_vec(),
            sequence: header.map(|obu| Sequence::parse(obu.payload)).transpose()?,
        })
    }

    /// Makes the record from a temporal unit with a sequence header, as a stream begins with.
    ///
    /// # Errors
    /// When there is no sequence header, or it can't be read.
    pub fn from_temporal_unit(unit: &[u8]) -> Result<Self, Error> {
        let missing = || {
            let bits = Bits::new("AV1 temporal unit", unit);
            bits.wrong(
                "OBU_SEQUENCE_HEADER",
                "none",
                "one in the first temporal unit",
            )
        };
        let obu = units(unit).find(Obu::is_sequence).ok_or_else(missing)?;
        let sequence = Sequence::parse(obu.payload)?;
        let mut record = sequence.record_head().to_vec();
        // The record's units have their size each.
        record.extend(obu.header.iter().take(1).map(|head| head | 2));
        record.extend(obu.header.iter().skip(1));
        put_leb128(&mut record, obu.payload.len());
        record.extend_from_slice(obu.payload);
        Ok(Self {
            record,
            sequence: Some(sequence),
        })
    }

    /// `codecs` parameter (AV1 in ISOBMFF, 5). Chroma and colour follow where they differ from what their absence says.
    pub fn codecs(&self) -> String {
        let byte = |at| self.record.get(at).copied().unwrap_or(0);
        let (profile, level) = (byte(1) >> 5, byte(1) & 0x1f);
        let tier = if byte(2) & 0x80 != 0 { 'H' } else { 'M' };
        let depth = match byte(2) & 0x60 {
            0x60 => 12,
            0x40 => 10,
            _ => 8,
        };
        let codecs = format!("av01.{profile}.{level:02}{tier}.{depth:02}");
        let Some(sequence) = self.sequence.filter(|sequence| !sequence.is_usual()) else {
            return codecs;
        };
        let (mono, x, y) = ((byte(2) >> 4) & 1, (byte(2) >> 3) & 1, (byte(2) >> 2) & 1);
        let position = if x & y == 1 { byte(2) & 3 } else { 0 };
        let colour = sequence.colour;
        format!(
            "{codecs}.{mono}.{x}{y}{position}.{:02}.{:02}.{:02}.{}",
            colour.primaries,
            colour.transfer,
            colour.matrix,
            u8::from(colour.full_range)
        )
    }
}

impl Obu<'_> {
    fn is_sequence(&self) -> bool {
        self.kind == SEQUENCE_HEADER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_leading_delimiters_are_counted_and_no_others() {
        let frame = [0x32, 1, 0xff];
        assert_eq!(leading_delimiters(&frame), 0);
        // Two, one of them with an extension, then a frame, then one that does not lead.
        let unit = [0x12, 0, 0x16, 0x08, 0, 0x32, 1, 0xff, 0x12, 0];
        assert_eq!(leading_delimiters(&unit), 5);
        assert_eq!(leading_delimiters(&[]), 0);
        assert_eq!(leading_delimiters(&[0x12]), 0, "cut");
        assert_eq!(leading_delimiters(&[0x12, 0x80, 0x80]), 0, "cut");
    }

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for value in [0, 1, 127, 128, 300, 1 << 20] {
            let mut bytes = Vec::new();
            put_leb128(&mut bytes, value);
            assert_eq!(leb128(&bytes), Some((value, bytes.len())));
        }
        assert_eq!(leb128(&[0xff; 9]), None);
    }
}
