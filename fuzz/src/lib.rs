//! What the fuzz targets do with their bytes. Each function panics when the core breaks a promise.

mod allocation;
mod config;
mod opus;
mod reader;
mod repair;

pub use allocation::bounded;
pub use config::config;
pub use opus::{opus_head, opus_lookup, opus_packet};
pub use reader::reader;
pub use repair::repair;

use gstharmony::h4mk::Tracks;

/// The bytes as the JSON of a TRAK: what is accepted comes back from what is written of it.
pub fn tracks(data: &[u8]) {
    let tracks = match Tracks::parse(data, 28) {
        Ok(tracks) => tracks,
        Err(error) => return assert_eq!(error.offset(), 28, "{error}"),
    };
    let again =
        Tracks::parse(tracks.to_json(true).as_bytes(), 28).expect("what is written is read");
    assert_eq!(again, tracks);
    let plain =
        Tracks::parse(tracks.to_json(false).as_bytes(), 28).expect("what is written is read");
    assert_eq!(plain.0.len(), tracks.0.len());
    for (plain, track) in plain.0.iter().zip(&tracks.0) {
        assert_eq!(
            (plain.track_id, &plain.name, &plain.note),
            (track.track_id, &track.name, &track.note)
        );
        assert!(plain.caps.is_none() && plain.tags.is_none() && !plain.sparse);
    }
}
