//! What a store says of itself: the attributes of a link's group.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Gap, Row};

/// Version of the layout; readers refuse another.
pub const SPEC_VERSION: &str = "1.0";
/// The attribute `codec`.
pub const CODEC: &str = "opus";
/// The attribute `cum_end`: the last sample is part of the packet.
pub const CUM_END: &str = "inclusive";
/// The attribute `timeline`.
pub const TIMELINE: &str = "decoded-48k-including-pre-skip";

/// Where the pre-skip comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreSkipSource {
    /// `GstAudioClippingMeta` on the first packets.
    ClippingMeta,
    /// The stream's `OpusHead`.
    StreamHeader,
    /// The segment began after the first packet: what demuxers make of an edit list.
    Segment,
    /// The application set it.
    Property,
    /// Nothing told: it is taken as 0.
    Unknown,
}

/// The attributes of a link's group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attributes {
    /// [`SPEC_VERSION`].
    pub spec_version: String,
    /// [`CODEC`].
    pub codec: String,
    /// Names of the index' columns.
    pub index_fields: Vec<String>,
    /// Names of the gaps' columns.
    #[serde(default)]
    pub gap_fields: Vec<String>,
    /// [`CUM_END`].
    pub cum_end: String,
    /// [`TIMELINE`].
    pub timeline: String,
    /// The stream's `OpusHead` (RFC 7845, 5.1), in base64; made from its caps where it has none.
    #[serde(with = "bytes")]
    pub opus_head: Vec<u8>,
    /// Its `OpusTags` (RFC 7845, 5.2), in base64; empty where it has none.
    #[serde(with = "bytes", default)]
    pub opus_tags: Vec<u8>,
    /// Output channels.
    pub channels: u8,
    /// Channel mapping family (RFC 7845, 5.1.1).
    pub mapping_family: u8,
    /// Samples of the time line before the first PCM sample.
    pub pre_skip: u64,
    /// Where `pre_skip` comes from.
    pub pre_skip_source: PreSkipSource,
    /// Samples of the time line behind the last PCM sample; 0 until the store is complete.
    pub end_trim: u64,
    /// Samples of the time line that are committed.
    pub total_samples: u64,
    /// Gain in 1/256 dB that a player applies (RFC 7845, 5.1).
    pub output_gain_q8: i16,
    /// Hz of the sound before it was encoded; 0 where unknown.
    pub input_sample_rate: u32,
    /// Packets that a reader may trust; nothing behind them is.
    pub committed_packets: u64,
    /// Whether the stream ended and all of it is here.
    pub complete: bool,
    /// `SILK`, `hybrid` and `CELT`, those of them that packets used (RFC 6716, 3.1, table 2).
    pub modes_seen: Vec<String>,
    /// Milliseconds to decode before a range, for samples equal to those of a decoder that began at the start.
    pub recommended_preroll_ms: u32,
    /// The libopus that was there when the store was written.
    pub libopus_version: String,
    /// The decoder that made the hashes; only in certified stores.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decoder_fingerprint: Option<String>,
    /// Links of the chained stream; only in the root.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub links: Option<u64>,
}

impl Attributes {
    /// PCM samples: the time line without pre-skip and end trim.
    pub const fn pcm_samples(&self) -> u64 {
        self.total_samples
            .saturating_sub(self.pre_skip)
            .saturating_sub(self.end_trim)
    }

    /// Whether the link has ended: the store is complete, or another link has begun behind the first.
    pub fn has_ended(&self) -> bool {
        self.complete || self.links.is_some_and(|links| links > 1)
    }

    /// The names of all columns of an index, as attributes have them.
    pub fn all_index_fields() -> Vec<String> {
        Row::FIELDS.map(String::from).to_vec()
    }

    /// The names of all columns of gaps, as attributes have them.
    pub fn all_gap_fields() -> Vec<String> {
        Gap::FIELDS.map(String::from).to_vec()
    }
}

/// Bytes as base64 (RFC 4648, 4).
mod bytes {
    use super::{BASE64_STANDARD, Deserialize, Deserializer, Engine, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        BASE64_STANDARD
            .decode(text.as_bytes())
            .map_err(|error| serde::de::Error::custom(format!("not base64: {error}")))
    }
}
