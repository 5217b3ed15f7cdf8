//! Rows of the index, and gaps.

use super::{Error, MOST_SAMPLES};

/// Most bytes of a packet: 255 streams (RFC 7845, 5.1.1) of 48 frames of 1275 bytes (RFC 6716, 3.4, R2 and R5), rounded up.
pub const MOST_BYTES: u64 = 16 << 20;

/// Where a packet is and which samples of the time line it decodes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Row {
    /// First byte in the packets' array.
    pub byte_pos: u64,
    /// Bytes of the packet.
    pub byte_len: u64,
    /// Samples at 48 kHz, 1 to 5760.
    pub sample_count: u64,
    /// Its first sample on the time line.
    pub cum_start: u64,
    /// Its last sample on the time line (inclusive).
    pub cum_end: u64,
}

impl Row {
    /// Names of the columns, in their order.
    pub const FIELDS: [&'static str; 5] = [
        "byte_pos",
        "byte_len",
        "sample_count",
        "cum_start",
        "cum_end",
    ];

    /// The columns.
    pub const fn values(&self) -> [u64; 5] {
        [
            self.byte_pos,
            self.byte_len,
            self.sample_count,
            self.cum_start,
            self.cum_end,
        ]
    }

    /// A row of columns.
    pub const fn from_values(values: [u64; 5]) -> Self {
        let [byte_pos, byte_len, sample_count, cum_start, cum_end] = values;
        Self {
            byte_pos,
            byte_len,
            sample_count,
            cum_start,
            cum_end,
        }
    }

    /// The first byte behind the packet.
    pub const fn byte_end(&self) -> Option<u64> {
        self.byte_pos.checked_add(self.byte_len)
    }

    /// The row of the packet behind this one.
    ///
    /// # Errors
    /// [`Error::Overflow`] when a sum leaves 64 bits.
    pub fn after(
        previous: Option<&Self>,
        packet: u64,
        byte_len: u64,
        sample_count: u32,
    ) -> Result<Self, Error> {
        let overflow = |what| move || Error::Overflow { packet, what };
        let (byte_pos, cum_start) = match previous {
            Some(row) => (
                row.byte_end().ok_or_else(overflow("byte_pos"))?,
                row.cum_end
                    .checked_add(1)
                    .ok_or_else(overflow("cum_start"))?,
            ),
            None => (0, 0),
        };
        let last = u64::from(sample_count.max(1)) - 1;
        Ok(Self {
            byte_pos,
            byte_len,
            sample_count: u64::from(sample_count),
            cum_start,
            cum_end: cum_start
                .checked_add(last)
                .ok_or_else(overflow("cum_end"))?,
        })
    }

    /// Whether the packet holds a sample of the time line.
    pub const fn holds(&self, sample: u64) -> bool {
        self.cum_start <= sample && sample <= self.cum_end
    }
}

/// Checks a row by itself and, where it is known, against the row before it. `packet` is its number.
///
/// # Errors
/// [`Error::Row`] with the first field that is wrong.
pub fn check(previous: Option<&Row>, row: &Row, packet: u64) -> Result<(), Error> {
    let wrong = |field, found, expected: String| {
        Err(Error::Row {
            packet,
            field,
            found,
            expected,
        })
    };
    if row.sample_count == 0 || row.sample_count > u64::from(MOST_SAMPLES) {
        return wrong(
            "sample_count",
            row.sample_count,
            format!("1 to {MOST_SAMPLES}"),
        );
    }
    if row.byte_len == 0 || row.byte_len > MOST_BYTES {
        return wrong("byte_len", row.byte_len, format!("1 to {MOST_BYTES}"));
    }
    let last = row.cum_start.checked_add(row.sample_count - 1);
    if last != Some(row.cum_end) {
        let expected = format!(
            "cum_start {} + sample_count {} - 1",
            row.cum_start, row.sample_count
        );
        return wrong("cum_end", row.cum_end, expected);
    }
    let (pos, start) = match previous {
        Some(previous) => (previous.byte_end(), previous.cum_end.checked_add(1)),
        None if packet == 0 => (Some(0), Some(0)),
        None => return Ok(()),
    };
    if pos != Some(row.byte_pos) {
        let expected = pos.map_or_else(|| "64 bits".into(), |pos| pos.to_string());
        return wrong("byte_pos", row.byte_pos, expected);
    }
    if start != Some(row.cum_start) {
        let expected = start.map_or_else(|| "64 bits".into(), |start| start.to_string());
        return wrong("cum_start", row.cum_start, expected);
    }
    Ok(())
}

/// Something that is missing: before packet `packet` there should be `samples` more. A packet without bytes is one, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gap {
    /// Number of the packet behind the gap.
    pub packet: u64,
    /// Samples that are missing; 0 where nothing tells how many.
    pub samples: u64,
}

impl Gap {
    /// Names of the columns, in their order.
    pub const FIELDS: [&'static str; 2] = ["packet", "samples"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_each_other() {
        let first = Row::after(None, 0, 100, 960).unwrap();
        assert_eq!(first.values(), [0, 100, 960, 0, 959]);
        let second = Row::after(Some(&first), 1, 7, 120).unwrap();
        assert_eq!(second.values(), [100, 7, 120, 960, 1079]);
        assert_eq!(Row::from_values(second.values()), second);
        check(None, &first, 0).unwrap();
        check(Some(&first), &second, 1).unwrap();
        check(None, &second, 1).unwrap();
        assert!(second.holds(960) && second.holds(1079));
        assert!(!second.holds(959) && !second.holds(1080));
    }

    #[test]
    fn every_field_of_a_wrong_row_is_named() {
        let first = Row::after(None, 0, 100, 960).unwrap();
        let good = Row::after(Some(&first), 1, 7, 120).unwrap();
        let named = |row: Row| match check(Some(&first), &row, 1).unwrap_err() {
            Error::Row { field, .. } => field,
            other => panic!("{other}"),
        };
        assert_eq!(
            named(Row {
                sample_count: 0,
                ..good
            }),
            "sample_count"
        );
        assert_eq!(
            named(Row {
                sample_count: 5761,
                ..good
            }),
            "sample_count"
        );
        assert_eq!(
            named(Row {
                byte_len: MOST_BYTES + 1,
                ..good
            }),
            "byte_len"
        );
        assert_eq!(
            named(Row {
                byte_len: 0,
                ..good
            }),
            "byte_len"
        );
        assert_eq!(
            named(Row {
                cum_end: 1080,
                ..good
            }),
            "cum_end"
        );
        assert_eq!(
            named(Row {
                byte_pos: 99,
                ..good
            }),
            "byte_pos"
        );
        let later = Row {
            cum_start: 961,
            cum_end: 1080,
            ..good
        };
        assert_eq!(named(later), "cum_start");
        let end = Row {
            cum_start: u64::MAX,
            ..good
        };
        assert_eq!(named(end), "cum_end");
    }

    #[test]
    fn sums_that_leave_64_bits_are_refused() {
        let row = Row {
            byte_pos: u64::MAX,
            byte_len: 1,
            ..Row::default()
        };
        let error = Row::after(Some(&row), 9, 1, 1).unwrap_err();
        assert_eq!(
            error,
            Error::Overflow {
                packet: 9,
                what: "byte_pos"
            }
        );
        let row = Row {
            cum_end: u64::MAX,
            ..Row::default()
        };
        assert!(Row::after(Some(&row), 9, 1, 1).is_err());
        assert!(
            check(
                Some(&row),
                &Row {
                    sample_count: 1,
                    byte_len: 1,
                    ..Row::default()
                },
                9
            )
            .is_err()
        );
    }
}
