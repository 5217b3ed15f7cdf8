//! Names and shapes of a store's arrays.

/// Bytes of all packets, one after the other: uint8, dimension [`BYTE`].
pub const PACKETS: &str = "opus_packets";
/// A row for each packet, [`super::Row::FIELDS`]: uint64, dimensions [`PACKET`] and [`FIELD`].
pub const INDEX: &str = "opus_index";
/// What is missing, [`super::Gap::FIELDS`]: uint64, dimensions [`GAP`] and [`GAP_FIELD`].
pub const GAPS: &str = "opus_gaps";
/// For each packet the first 8 bytes of BLAKE3 over its decoded samples, read little-endian: uint64, dimension
/// [`PACKET`]. Only in certified stores.
pub const PCM_HASH: &str = "opus_pcm_hash";

/// Dimension of bytes.
pub const BYTE: &str = "byte";
/// Dimension of packets.
pub const PACKET: &str = "packet";
/// Dimension of the fields of a row.
pub const FIELD: &str = "field";
/// Dimension of gaps.
pub const GAP: &str = "gap";
/// Dimension of the fields of a gap.
pub const GAP_FIELD: &str = "gap_field";

/// Bytes of a chunk of [`PACKETS`].
pub const PACKETS_CHUNK: u64 = 4 << 20;
/// Rows of a chunk of [`INDEX`], [`GAPS`] and [`PCM_HASH`].
pub const ROWS_CHUNK: u64 = 10_000;

/// The group of a link of a chained stream: the first is the root (an empty name), later ones `link_1`, `link_2`, ...
pub fn link_group(link: u64) -> String {
    if link == 0 {
        String::new()
    } else {
        format!("link_{link}")
    }
}
