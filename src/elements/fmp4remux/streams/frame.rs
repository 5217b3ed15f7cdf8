//! How long an audio buffer lasts, by its codec.

/// How to tell the samples of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameLength {
    /// The same for each.
    Constant(u32),
}

impl FrameLength {
    /// Samples of a buffer with this payload, at the stream's rate.
    ///
    /// # Errors
    /// A text for people where the payload is no frame of the codec.
    pub fn samples(self, _payload: &[u8]) -> Result<u32, String> {
        match self {
            Self::Constant(samples) => Ok(samples),
        }
    }
}
