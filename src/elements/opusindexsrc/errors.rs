//! Errors of the store as error messages of the right domain.

use std::io::ErrorKind;

use crate::opus_store::StoreError;

/// The message for an error of the store in `location`.
pub(super) fn message(error: &StoreError, location: &str) -> gst::ErrorMessage {
    use gst::{LibraryError, ResourceError, StreamError};
    macro_rules! told {
        ($domain:expr) => {
            gst::error_msg!($domain, ("{location}: {error}"))
        };
    }
    match error {
        StoreError::Io { error: io, .. } if io.kind() == ErrorKind::NotFound => {
            told!(ResourceError::NotFound)
        }
        StoreError::Io { error: io, .. } if io.kind() == ErrorKind::PermissionDenied => {
            told!(ResourceError::NotAuthorized)
        }
        StoreError::Io { .. } | StoreError::Zarr { .. } => told!(ResourceError::Read),
        StoreError::Range { .. }
        | StoreError::NotComplete { .. }
        | StoreError::Link { .. }
        | StoreError::NoHashes => told!(ResourceError::Settings),
        StoreError::NotAStore { .. } => told!(StreamError::WrongType),
        StoreError::UnsupportedVersion { .. } => told!(StreamError::Format),
        StoreError::Decode { .. } => told!(StreamError::Decode),
        StoreError::Decoder(_) => told!(LibraryError::Init),
        _ => told!(StreamError::Demux),
    }
}
