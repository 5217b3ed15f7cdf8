//! The sound of ranges of samples.
//!
//! A decoder that begins in the middle of a stream gives the right samples only after some packets: the pre-roll. How many
//! it takes depends on what it hears, from 80 ms (RFC 7845, 4.6) to many seconds for SILK on tonal music. A certified store
//! tells whether they were enough; see [`super::certify`].

mod many;
mod worker;

use std::ops::Range;

use super::{Decoder, OpusStore, Refusal, StoreError, certify};
use crate::opus::Preroll;
use worker::Worker;

/// How samples are extracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extraction {
    /// How much is decoded before a range. In a certified store [`Preroll::Auto`] is [`Preroll::Certified`];
    /// [`Preroll::Samples`] is never widened.
    pub preroll: Preroll,
    /// Whether the stream's output gain is applied (RFC 7845, 5.1), as players do.
    pub gain: bool,
}

impl Default for Extraction {
    fn default() -> Self {
        Self {
            preroll: Preroll::Auto,
            gain: true,
        }
    }
}

/// Decoded samples at 48 kHz.
#[derive(Debug, Clone, PartialEq)]
pub struct Pcm<T> {
    /// Interleaved samples: [`Self::channels`] values for each sample of the range.
    pub samples: Vec<T>,
    /// Channels.
    pub channels: usize,
    /// Whether they are what a decoder that began at the link's start gives.
    pub certainty: Certainty,
}

/// Whether samples are, to the bit, those of a decoder that began at the link's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certainty {
    /// They are: all hashes match.
    Certified {
        /// Samples that were decoded before the range.
        preroll_samples: u64,
    },
    /// They may be, and nothing proves it.
    Uncertified {
        /// What is missing, in words.
        why: String,
    },
}

/// A sample as libopus gives it: `i16`, or `f32` of which full scale is 1.
pub trait Sample: sealed::Sample {}

impl Sample for i16 {}
impl Sample for f32 {}

mod sealed {
    use super::{Decoder, Refusal, certify};

    pub trait Sample: Copy + Send + 'static {
        /// Appends the samples of a packet to `out`; gives those of a channel.
        fn decode(
            decoder: &mut Decoder,
            packet: &[u8],
            out: &mut Vec<Self>,
        ) -> Result<usize, Refusal>;

        /// The hash of a packet's samples, where hashes are of samples of this type.
        fn hash(samples: &[Self]) -> Option<u64>;
    }

    impl Sample for i16 {
        fn decode(
            decoder: &mut Decoder,
            packet: &[u8],
            out: &mut Vec<Self>,
        ) -> Result<usize, Refusal> {
            decoder.decode_i16(packet, out)
        }

        fn hash(samples: &[Self]) -> Option<u64> {
            Some(certify::hash(samples))
        }
    }

    impl Sample for f32 {
        fn decode(
            decoder: &mut Decoder,
            packet: &[u8],
            out: &mut Vec<Self>,
        ) -> Result<usize, Refusal> {
            decoder.decode_f32(packet, out)
        }

        fn hash(_: &[Self]) -> Option<u64> {
            None
        }
    }
}

impl OpusStore {
    /// PCM samples `[range.start, range.end)` of the link, exactly as many.
    ///
    /// Packets that were lost before the store was written are not made up: the time line goes on without them.
    ///
    /// # Errors
    /// [`StoreError::Range`] and [`StoreError::NotComplete`] for samples that are not there, [`StoreError::NoHashes`] for
    /// [`Preroll::Certified`] in a store without hashes, [`StoreError::Decode`] where libopus refuses a packet; else those
    /// of [`Self::packets`].
    pub fn extract(&self, range: Range<u64>, how: &Extraction) -> Result<Pcm<i16>, StoreError> {
        Worker::new(self, how)?.extract(&range)
    }

    /// As [`Self::extract`], for callers that may change their mind: `interrupted` is asked every 512 packets.
    ///
    /// # Errors
    /// [`StoreError::Interrupted`] once `interrupted` has said so; else those of [`Self::extract`].
    pub fn extract_unless(
        &self,
        range: Range<u64>,
        how: &Extraction,
        interrupted: &(dyn Fn() -> bool + Sync),
    ) -> Result<Pcm<i16>, StoreError> {
        Worker::new(self, how)?.unless(interrupted).extract(&range)
    }

    /// As [`Self::extract`], in floats: before soft clipping, not limited to full scale. They are certified only where
    /// decoding began at the link's start, as hashes are of 16-bit samples.
    ///
    /// # Errors
    /// Those of [`Self::extract`].
    pub fn extract_f32(&self, range: Range<u64>, how: &Extraction) -> Result<Pcm<f32>, StoreError> {
        Worker::new(self, how)?.extract(&range)
    }

    /// Extracts many ranges on `jobs` threads, and hands each with its number to `each`, in order, on the thread of the
    /// caller. No more than four ranges a thread are in memory at a time.
    ///
    /// # Errors
    /// The first of `each`, or of [`Self::extract`]; ranges behind it are not handed out.
    pub fn extract_many<T, E>(
        &self,
        ranges: &[Range<u64>],
        how: &Extraction,
        jobs: usize,
        each: impl FnMut(usize, Pcm<T>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        T: Sample,
        E: From<StoreError>,
    {
        many::extract(self, ranges, how, jobs, each)
    }
}
