//! What can be wrong with packets, headers and rows.

/// Why a packet, a header or a row of an index can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A packet breaks a rule of RFC 6716, 3.4.
    #[error(
        "byte {offset} of the Opus packet breaks {rule} of RFC 6716: found {found}, expected {expected}"
    )]
    Packet {
        /// `R1` to `R7`, or `Appendix B` for the lengths of a self-delimited packet.
        rule: &'static str,
        /// Byte of the packet at which it does.
        offset: usize,
        /// What is there.
        found: String,
        /// What should be.
        expected: &'static str,
    },
    /// The streams of one multistream packet last for different times (RFC 7845, 3).
    #[error(
        "stream {stream} of the Opus packet has {found} samples, expected {expected} as in the first"
    )]
    StreamDurations {
        /// Number of the stream in the packet, from 0.
        stream: u8,
        /// Its samples.
        found: u32,
        /// Samples of the first stream.
        expected: u32,
    },
    /// An `OpusHead` ends before a field that must be there.
    #[error("OpusHead ends inside {field}: found {found} bytes, expected more")]
    HeadTruncated {
        /// The field that is not whole.
        field: &'static str,
        /// Bytes that are there.
        found: usize,
    },
    /// A field of an `OpusHead` has a value that it can't have (RFC 7845, 5.1).
    #[error("OpusHead, {field} (byte {offset}): found {found}, expected {expected}")]
    Head {
        /// Name of the field.
        field: &'static str,
        /// Byte of the header at which it begins.
        offset: usize,
        /// What is there.
        found: String,
        /// What should be.
        expected: &'static str,
    },
    /// A row of the index does not follow from the one before it.
    #[error("index row of packet {packet}, {field}: found {found}, expected {expected}")]
    Row {
        /// Number of the packet.
        packet: u64,
        /// The field that is wrong.
        field: &'static str,
        /// What is there.
        found: u64,
        /// What should be.
        expected: String,
    },
    /// The sums of a stream do not fit 64 bits.
    #[error("packet {packet}: {what} does not fit 64 bits")]
    Overflow {
        /// Number of the packet.
        packet: u64,
        /// The sum.
        what: &'static str,
    },
}
