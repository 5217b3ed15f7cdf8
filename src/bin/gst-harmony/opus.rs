//! The subcommands for stores of Opus packets: `index`, `info`, `extract`, and what `verify` says of a store.

pub mod extract;
pub mod index;
pub mod info;
pub mod verify;

mod links;
mod pcm;
mod segments;
mod sequential;
mod session;
mod wav;

use std::path::Path;

use gstharmony::opus_store::StoreError;

use crate::failure::Failure;
use crate::progress::Progress;

/// A bar over the packets of one link after the other: packets that are behind us, and packets of the link.
pub fn progress(verb: &'static str) -> impl FnMut(u64, u64) {
    let mut bar: Option<(u64, Progress)> = None;
    move |done, packets| {
        if bar.as_ref().is_none_or(|(of, _)| *of != packets) {
            bar = Some((packets, Progress::counting(packets, verb)));
        }
        if let Some((_, bar)) = &mut bar {
            bar.update(done);
        }
    }
}

/// What a store refuses: a wish that it can't fulfil is bad usage, anything else bad data.
pub fn failure(store: &Path, error: &StoreError) -> Failure {
    match error {
        StoreError::Range { .. }
        | StoreError::Link { .. }
        | StoreError::Exists { .. }
        | StoreError::NoHashes => Failure::Usage(message(store, error)),
        _ => Failure::Data(message(store, error)),
    }
}

/// The error with the store's name, which some errors have themselves.
pub fn message(store: &Path, error: &StoreError) -> String {
    match error {
        StoreError::NotAStore { .. } | StoreError::Exists { .. } | StoreError::Io { .. } => {
            error.to_string()
        }
        _ => format!("{}: {error}", store.display()),
    }
}
