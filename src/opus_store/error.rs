//! What can be wrong with a store, or with what is asked of it.

use std::path::PathBuf;

use crate::opus;

/// Why a store can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Samples are asked for that the stream does not have.
    #[error(
        "samples {start} to {stop} are out of range: there are {total} (0 to {total}, the end excluded)"
    )]
    Range {
        /// First PCM sample.
        start: u64,
        /// The PCM sample behind the last.
        stop: u64,
        /// PCM samples of the stream.
        total: u64,
    },
    /// Samples are asked for that are not written yet.
    #[error(
        "sample {wanted} is not there yet: the store is not complete, {readable} samples of \
         {committed_packets} packets can be read"
    )]
    NotComplete {
        /// The PCM sample.
        wanted: u64,
        /// PCM samples that can be read.
        readable: u64,
        /// Packets that are committed.
        committed_packets: u64,
    },
    /// Packets are asked for that the store does not have.
    #[error("packets {start} to {stop} are out of range: {committed_packets} are committed")]
    PacketRange {
        /// Number of the first.
        start: u64,
        /// Number of the one behind the last.
        stop: u64,
        /// Packets that are committed.
        committed_packets: u64,
    },
    /// A link is asked for that the store does not have.
    #[error("link {wanted} is out of range: the store has {links}")]
    Link {
        /// Number of the link, from 0.
        wanted: u64,
        /// Links of the store.
        links: u64,
    },
    /// The caller no longer wants what it asked for.
    #[error("interrupted")]
    Interrupted,
    /// An array is not of the shape, type or chunks that it must have.
    #[error("array {array}, {what}: found {found}, expected {expected}")]
    BadArray {
        /// Name of the array.
        array: String,
        /// What is wrong, for example `shape`.
        what: &'static str,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// An attribute is missing, or has a value that it can't have.
    #[error("attribute {name}: found {found}, expected {expected}")]
    BadAttribute {
        /// Its name.
        name: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// The index does not rise as it must.
    #[error("the index is damaged: {0}")]
    NotMonotone(opus::Error),
    /// A packet lies outside of the bytes that are there.
    #[error(
        "packet {packet} at byte {byte_pos}, {byte_len} bytes, is out of the blob of {blob} bytes"
    )]
    OutOfBlob {
        /// Number of the packet.
        packet: u64,
        /// Its first byte.
        byte_pos: u64,
        /// Its bytes.
        byte_len: u64,
        /// Bytes of the array of packets.
        blob: u64,
    },
    /// A chunk of an array is not there; Zarr would read it as zeros.
    #[error("array {array}: chunk {chunk} is missing")]
    MissingChunk {
        /// Name of the array.
        array: String,
        /// The chunk's key.
        chunk: String,
    },
    /// The store is of another version.
    #[error("the store has version {found}, expected {expected}")]
    UnsupportedVersion {
        /// `spec_version` of the store.
        found: String,
        /// The version that is known.
        expected: &'static str,
    },
    /// There is no store of Opus packets.
    #[error("{path} is not a store of Opus packets: {why}")]
    NotAStore {
        /// The path.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
    /// Another store is where one was open.
    #[error("{path} is another store than the one that was opened")]
    Replaced {
        /// The path.
        path: PathBuf,
    },
    /// The store has no index, and packets have no lengths of their own.
    #[error(
        "array {array} is missing, and packets can't be told apart without it (RFC 6716, 3: no lengths)"
    )]
    NoIndex {
        /// Name of the array.
        array: &'static str,
    },
    /// Something is there where the store should be written.
    #[error("{path} exists{why}")]
    Exists {
        /// The path.
        path: PathBuf,
        /// What to do, or why it is not replaced.
        why: &'static str,
    },
    /// A packet breaks a rule.
    #[error("packet {packet}: {error}")]
    Packet {
        /// Number of the packet in its link.
        packet: u64,
        /// The rule.
        error: opus::Error,
    },
    /// The stream's header can't be used.
    #[error("{0}")]
    Head(opus::Error),
    /// libopus does not take a packet or a header.
    #[error("packet {packet}: libopus says {code}")]
    Decode {
        /// Number of the packet in its link.
        packet: u64,
        /// What libopus says.
        code: String,
    },
    /// The decoder can't be made.
    #[error("libopus makes no decoder: {0}")]
    Decoder(String),
    /// A hash is asked for in a store without hashes.
    #[error("the store has no hashes of its samples: it was not written with pcm-hash")]
    NoHashes,
    /// Nothing can be written before the stream has begun, or after it has ended.
    #[error("the store takes nothing now: {0}")]
    State(&'static str),
    /// The operating system refuses.
    #[error("{path}: {error}")]
    Io {
        /// The path.
        path: PathBuf,
        /// What it says.
        error: std::io::Error,
    },
    /// zarrs refuses.
    #[error("{what}: {error}")]
    Zarr {
        /// The array or key.
        what: String,
        /// What it says.
        error: String,
    },
}
