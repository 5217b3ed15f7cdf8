//! How long an audio buffer lasts, by its codec.

use crate::isobmff::config::{eac3, flac};
use crate::opus;

/// How to tell the samples of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameLength {
    /// The same for each.
    Constant(u32),
    /// By the table of contents of the packet.
    Opus,
    /// By the header of the frame.
    Flac,
    /// By the headers of the frames of an access unit.
    Eac3,
}

impl FrameLength {
    /// Samples of a buffer with this payload, at the stream's rate. 0 of E-AC-3 is that of dependent substreams alone, which
    /// `ac3parse` puts into buffers of their own and MP4 into the sample before.
    ///
    /// # Errors
    /// A text for people where the payload is no frame of the codec.
    pub fn samples(self, payload: &[u8]) -> Result<u32, String> {
        match self {
            Self::Constant(samples) => Ok(samples),
            Self::Opus => opus::samples(payload).map_err(|error| error.to_string()),
            Self::Flac => flac::samples(payload).map_err(|error| error.to_string()),
            Self::Eac3 => eac3::samples(payload).map_err(|error| error.to_string()),
        }
    }

    /// True of a buffer that is a header of the stream and no sample, whatever its flags say.
    pub fn is_header(self, payload: &[u8]) -> bool {
        match self {
            Self::Flac => !flac::has_sync(payload),
            Self::Opus => payload.starts_with(b"OpusHead") || payload.starts_with(b"OpusTags"),
            Self::Constant(_) | Self::Eac3 => false,
        }
    }
}
