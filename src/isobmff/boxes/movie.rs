//! `moov` and `mvhd`; `mvex` and `trex` of a fragmented movie.

use super::fragment::default_flags;
use super::writer::{BoxWriter, is_wide};
use super::{tags, track};
use crate::isobmff::model::Movie;

/// The identity, as tracks and movies have it: 16.16, but the last column 2.30.
pub(super) const IDENTITY: [i32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// What `stbl` of a track holds, and the durations that follow from it.
pub(super) enum Samples<'a> {
    /// Samples are in movie fragments: the tables are empty, durations 0.
    Fragmented,
    /// Tables of every track, in the order of the tracks.
    Tables(&'a super::stbl::Tables<'a>),
}

/// `moov` (ISO/IEC 14496-12, 8.2.1).
pub(super) fn moov(w: &mut BoxWriter, movie: &Movie, samples: &Samples) {
    let duration = match samples {
        Samples::Fragmented => 0,
        Samples::Tables(tables) => tables.movie_duration(movie),
    };
    w.boxed(*b"moov", |w| {
        mvhd(w, movie, duration);
        for (place, track) in movie.tracks.iter().enumerate() {
            track::trak(w, movie, track, samples, place);
        }
        if matches!(samples, Samples::Fragmented) {
            mvex(w, movie);
        }
        tags::udta(w, &movie.tags);
    });
}

/// `mvhd` (8.2.2), `duration` in ticks of the movie.
fn mvhd(w: &mut BoxWriter, movie: &Movie, duration: u64) {
    let created = movie.creation_time.unwrap_or(0);
    let wide = is_wide(created) || is_wide(duration);
    w.full(*b"mvhd", wide.into(), 0, |w| {
        w.sized(wide, created, "mvhd: creation_time");
        w.sized(wide, created, "mvhd: modification_time");
        w.u32(movie.timescale);
        w.sized(wide, duration, "mvhd: duration");
        w.u32(0x1_0000); // rate: normal
        w.u16(0x100); // volume: full
        w.zeros(10);
        IDENTITY.iter().for_each(|&value| w.i32(value));
        w.zeros(24);
        let ids = movie.tracks.iter().map(|track| track.id);
        w.u32(ids.max().unwrap_or(0).saturating_add(1)); // next_track_ID
    });
}

/// `mvex` (8.8.1). There is no `mehd`: the whole duration is not known when this is written.
fn mvex(w: &mut BoxWriter, movie: &Movie) {
    w.boxed(*b"mvex", |w| {
        for track in &movie.tracks {
            w.full(*b"trex", 0, 0, |w| {
                w.u32(track.id);
                w.u32(1); // default_sample_description_index
                w.u32(0); // default_sample_duration
                w.u32(0); // default_sample_size
                w.u32(default_flags(track));
            });
        }
    });
}
