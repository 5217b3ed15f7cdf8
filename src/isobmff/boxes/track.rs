//! `trak` and all in it but the sample tables.

use super::movie::{IDENTITY, Samples};
use super::writer::{BoxWriter, FourCc, is_wide};
use super::{language, stbl, stsd};
use crate::isobmff::model::{Edit, Movie, Orientation, SampleEntry, Track};

/// The kind of a track's media, from its first description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Video,
    Audio,
    Text,
}

impl Media {
    pub(super) fn of(track: &Track) -> Self {
        match track.entries.first() {
            Some(SampleEntry::Audio(_)) => Self::Audio,
            Some(SampleEntry::Text(_)) => Self::Text,
            Some(SampleEntry::Video(_)) | None => Self::Video,
        }
    }

    /// `handler_type`. 3GPP TS 26.245, 5.16 has tx3g under `text`.
    fn handler(self) -> FourCc {
        match self {
            Self::Video => *b"vide",
            Self::Audio => *b"soun",
            Self::Text => *b"text",
        }
    }

    /// The handler's name where the track has none.
    fn name(self) -> &'static str {
        match self {
            Self::Video => "VideoHandler",
            Self::Audio => "SoundHandler",
            Self::Text => "SubtitleHandler",
        }
    }
}

/// `trak` (ISO/IEC 14496-12, 8.3.1), the movie's at `place`.
pub(super) fn trak(
    w: &mut BoxWriter,
    movie: &Movie,
    track: &Track,
    samples: &Samples,
    place: usize,
) {
    let (media, shown) = match samples {
        Samples::Fragmented => (0, 0),
        Samples::Tables(tables) => tables.durations(movie, track, place),
    };
    w.boxed(*b"trak", |w| {
        tkhd(w, movie, track, shown);
        edts(w, &track.edits);
        w.boxed(*b"mdia", |w| {
            mdhd(w, movie, track, media);
            elng(w, &track.language);
            hdlr(w, track);
            w.boxed(*b"minf", |w| {
                media_header(w, Media::of(track));
                dinf(w);
                w.boxed(*b"stbl", |w| {
                    stsd::stsd(w, &track.entries);
                    match samples {
                        Samples::Fragmented => stbl::empty(w, track),
                        Samples::Tables(tables) => tables.write(w, track, place),
                    }
                });
            });
        });
    });
}

/// `tkhd` (8.3.2), `duration` in ticks of the movie.
fn tkhd(w: &mut BoxWriter, movie: &Movie, track: &Track, duration: u64) {
    const ENABLED_IN_MOVIE: u32 = 3;
    let created = movie.creation_time.unwrap_or(0);
    let wide = is_wide(created) || is_wide(duration);
    let media = Media::of(track);
    let (width, height) = display_size(track);
    w.full(*b"tkhd", wide.into(), ENABLED_IN_MOVIE, |w| {
        w.sized(wide, created, "tkhd: creation_time");
        w.sized(wide, created, "tkhd: modification_time");
        w.u32(track.id);
        w.zeros(4);
        w.sized(wide, duration, "tkhd: duration");
        w.zeros(8);
        w.u16(0); // layer
        w.u16(alternate_group(movie, media));
        w.u16(if media == Media::Audio { 0x100 } else { 0 }); // volume
        w.zeros(2);
        let matrix = match media {
            Media::Video => matrix(track.orientation, width, height),
            Media::Audio | Media::Text => IDENTITY,
        };
        matrix.iter().for_each(|&value| w.i32(value));
        w.u32(width);
        w.u32(height);
    });
}

/// Audio tracks, and texts, are alternatives (languages) where there are several: one of each is played at a time.
fn alternate_group(movie: &Movie, media: Media) -> u16 {
    let tracks = movie.tracks.iter();
    let alike = tracks.filter(|track| Media::of(track) == media).count();
    match media {
        Media::Audio if alike > 1 => 1,
        Media::Text if alike > 1 => 2,
        _ => 0,
    }
}

/// `width` and `height` of `tkhd`, 16.16: the size in square pixels, before the matrix turns it.
fn display_size(track: &Track) -> (u32, u32) {
    match track.entries.first() {
        Some(SampleEntry::Video(video)) => {
            let height = u32::from(video.height) << 16;
            let width = match video.pixel_aspect {
                Some((h, v)) if h != 0 && v != 0 => {
                    let wide = (u128::from(video.width) << 16) * u128::from(h);
                    let rounded = (wide + u128::from(v / 2)) / u128::from(v);
                    u32::try_from(rounded).unwrap_or(u32::MAX)
                }
                _ => u32::from(video.width) << 16,
            };
            (width, height)
        }
        Some(SampleEntry::Text(text)) => {
            (u32::from(text.width) << 16, u32::from(text.height) << 16)
        }
        Some(SampleEntry::Audio(_)) | None => (0, 0),
    }
}

/// The matrix that turns a picture of `width` and `height` (16.16) and moves it back to the origin. A point (x, y), y
/// downwards, goes to (ax + cy + x₀, bx + dy + y₀).
fn matrix(orientation: Orientation, width: u32, height: u32) -> [i32; 9] {
    const ONE: i32 = 0x1_0000;
    let size = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let (w, h) = (size(width), size(height));
    let (mut a, mut b, c, d, mut x, mut y) = match orientation.quarter_turns % 4 {
        0 => (ONE, 0, 0, ONE, 0, 0),
        1 => (0, ONE, -ONE, 0, h, 0),
        2 => (-ONE, 0, 0, -ONE, w, h),
        _ => (0, -ONE, ONE, 0, 0, w),
    };
    if orientation.mirrored {
        // x is w − x: what a and b took to one side they take to the other.
        x = x.saturating_add(a.signum().saturating_mul(w));
        y = y.saturating_add(b.signum().saturating_mul(w));
        (a, b) = (-a, -b);
    }
    [a, b, 0, c, d, 0, x, y, 0x4000_0000]
}

/// `edts` with an `elst` (8.6.5, 8.6.6); nothing where media time is presentation time.
fn edts(w: &mut BoxWriter, edits: &[Edit]) {
    if edits.is_empty() {
        return;
    }
    // media_time is signed: 31 bits in version 0.
    let wide = edits.iter().any(|edit| {
        is_wide(edit.duration)
            || edit
                .media_time
                .is_some_and(|time| i32::try_from(time).is_err())
    });
    w.boxed(*b"edts", |w| {
        w.full(*b"elst", wide.into(), 0, |w| {
            w.count(edits.len(), "elst: entry_count");
            for edit in edits {
                w.sized(wide, edit.duration, "elst: segment_duration");
                let time = edit
                    .media_time
                    .map_or(-1, |time| i64::try_from(time).unwrap_or(i64::MAX));
                match i32::try_from(time) {
                    Ok(time) if !wide => w.i32(time),
                    _ => w.i64(time),
                }
                w.u32(0x1_0000); // media_rate: 1
            }
        });
    });
}

/// `mdhd` (8.4.2), `duration` in ticks of the track.
fn mdhd(w: &mut BoxWriter, movie: &Movie, track: &Track, duration: u64) {
    let created = movie.creation_time.unwrap_or(0);
    let wide = is_wide(created) || is_wide(duration);
    w.full(*b"mdhd", wide.into(), 0, |w| {
        w.sized(wide, created, "mdhd: creation_time");
        w.sized(wide, created, "mdhd: modification_time");
        w.u32(track.timescale);
        w.sized(wide, duration, "mdhd: duration");
        w.u16(language::packed(&track.language));
        w.u16(0);
    });
}

/// `elng` (8.4.6), where the tag says what the three letters of `mdhd` do not.
fn elng(w: &mut BoxWriter, tag: &str) {
    if tag.is_empty() || tag.contains('\0') || language::is_code(tag) {
        return;
    }
    w.full(*b"elng", 0, 0, |w| {
        w.bytes(tag.as_bytes());
        w.u8(0);
    });
}

/// `hdlr` (8.4.3).
fn hdlr(w: &mut BoxWriter, track: &Track) {
    let media = Media::of(track);
    w.full(*b"hdlr", 0, 0, |w| {
        w.u32(0);
        w.bytes(&media.handler());
        w.zeros(12);
        // A zero would end the name early.
        match track.name.split('\0').next() {
            Some(name) if !name.is_empty() => w.bytes(name.as_bytes()),
            _ => w.bytes(media.name().as_bytes()),
        }
        w.u8(0);
    });
}

/// `vmhd`, `smhd` or `nmhd` (12.1.2, 12.2.2, 8.4.5.2).
fn media_header(w: &mut BoxWriter, media: Media) {
    match media {
        Media::Video => w.full(*b"vmhd", 0, 1, |w| w.zeros(8)),
        Media::Audio => w.full(*b"smhd", 0, 0, |w| w.zeros(4)),
        Media::Text => w.full(*b"nmhd", 0, 0, |_| ()),
    }
}

/// `dinf` (8.7.1): the media are in this file.
fn dinf(w: &mut BoxWriter) {
    w.boxed(*b"dinf", |w| {
        w.full(*b"dref", 0, 0, |w| {
            w.u32(1);
            w.full(*b"url ", 0, 1, |_| ());
        });
    });
}
