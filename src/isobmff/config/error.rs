//! What can be wrong with a codec's headers.

/// Why a header can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The header ends before a field that must be there.
    #[error("{codec}: the header ends inside {field}: found {found} bytes, expected more")]
    Truncated {
        /// Name of the header, for example `avcC`.
        codec: &'static str,
        /// The field that is not whole.
        field: &'static str,
        /// Bytes that are there.
        found: usize,
    },
    /// A field has a value that it can't have, or that MP4 can't hold.
    #[error("{codec}, {field} (byte {offset}): found {found}, expected {expected}")]
    Field {
        /// Name of the header.
        codec: &'static str,
        /// Name of the field, as the codec's specification has it.
        field: &'static str,
        /// Byte of the header at which the reader stood.
        offset: usize,
        /// What is there.
        found: String,
        /// What should be.
        expected: &'static str,
    },
}
