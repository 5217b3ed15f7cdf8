//! What can go wrong in an adapter.

/// Why an adapter could not do its part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The block is not what its format says.
    #[error("block {index}: {reason}")]
    Block {
        /// Number of the block among those that the chain received, from 0.
        index: u64,
        /// What was found and what was expected.
        reason: String,
    },
    /// The adapter takes no blocks that are decoded from both directions.
    #[error("block {index}: found kind B, expected I or P: the adapter does not take B")]
    UnsupportedB {
        /// Number of the block, from 0.
        index: u64,
    },
    /// The stream as a whole is not for this adapter.
    #[error("stream: {0}")]
    Stream(String),
    /// The adapter itself failed; no other block will do better.
    #[error("{0}")]
    Adapter(String),
    /// No adapter has this name.
    #[error("adapter: found \"{found}\", expected one of {known}")]
    Unknown {
        /// The name that was asked for.
        found: String,
        /// Those that are registered.
        known: String,
    },
    /// The bytes can't be read by the processor.
    #[error("memory: {0}")]
    Memory(String),
    /// The picture is not what its format says.
    #[error("picture: {0}")]
    Picture(String),
    /// What holds textures failed.
    #[error("texture: {0}")]
    Texture(String),
}

impl Error {
    /// True when the fault is one block's: the next key block may go better.
    #[must_use]
    pub fn is_of_block(&self) -> bool {
        matches!(
            self,
            Self::Block { .. } | Self::UnsupportedB { .. } | Self::Memory(_) | Self::Picture(_)
        )
    }
}
