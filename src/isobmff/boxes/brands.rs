//! `ftyp` and `styp`: what a reader must know to read a file or a segment.

use super::writer::{BoxWriter, FourCc};
use crate::isobmff::model::{AudioCodec, Movie, SampleEntry, Variant, VideoCodec};

/// How much of a stream begins with a `styp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentKind {
    /// A media segment; in CMAF one fragment or more.
    Segment,
    /// A fragment inside a segment: it begins with a sync sample.
    Fragment,
    /// A chunk inside a fragment.
    Chunk,
}

/// A `styp` (ISO/IEC 14496-12, 8.16.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentType {
    /// What begins here.
    pub kind: SegmentKind,
    /// The last of the stream: the brand `lmsg` (ISO/IEC 23009-1, 6.3.4.2).
    pub last: bool,
}

/// `ftyp` (4.3).
pub(super) fn ftyp(w: &mut BoxWriter, movie: &Movie) {
    // iso6 brings tfdt and default-base-is-moof, mp41 the descriptors in esds.
    let mut brands: Vec<FourCc> = match movie.variant {
        Variant::Fragmented => vec![*b"iso6", *b"iso5", *b"mp41"],
        Variant::Cmaf => vec![*b"cmfc", *b"iso6"],
        Variant::Progressive => vec![*b"isom", *b"iso2", *b"mp42"],
    };
    brands.extend(codec_brands(movie));
    file_type(w, *b"ftyp", &brands);
}

/// Brands that the codecs' mappings ask for.
fn codec_brands(movie: &Movie) -> Vec<FourCc> {
    let mut brands = Vec::new();
    let entries = movie.tracks.iter().flat_map(|track| &track.entries);
    for entry in entries {
        let brand = match entry {
            SampleEntry::Video(video) => match video.codec {
                VideoCodec::Av1 { .. } => *b"av01", // AV1 in ISOBMFF, 2.1
                VideoCodec::Avc { .. } => *b"avc1", // ISO/IEC 14496-12, E.3
                VideoCodec::Hevc { .. } | VideoCodec::Vp9 { .. } => continue,
            },
            SampleEntry::Audio(audio) => match audio.codec {
                AudioCodec::Opus { .. } => *b"Opus", // Opus in ISOBMFF, 4.1
                _ => continue,
            },
            SampleEntry::Text(_) => continue,
        };
        if !brands.contains(&brand) {
            brands.push(brand);
        }
    }
    brands
}

/// `styp` of a segment of the movie, with the brand `msix` where a `sidx` follows.
pub(super) fn styp(w: &mut BoxWriter, movie: &Movie, segment: SegmentType, indexed: bool) {
    // What begins a segment begins a fragment and a chunk as well (ISO/IEC 23000-19, 7.3.3).
    let mut brands: Vec<FourCc> = match (movie.variant, segment.kind) {
        (Variant::Cmaf, SegmentKind::Segment) => vec![*b"cmfs", *b"cmff", *b"cmfl", *b"cmfc"],
        (Variant::Cmaf, SegmentKind::Fragment) => vec![*b"cmff", *b"cmfl", *b"cmfc"],
        (Variant::Cmaf, SegmentKind::Chunk) => vec![*b"cmfl", *b"cmfc"],
        _ => vec![*b"msdh", *b"iso6"],
    };
    if indexed {
        brands.push(*b"msix");
    }
    if segment.last {
        brands.push(*b"lmsg");
    }
    file_type(w, *b"styp", &brands);
}

/// A `FileTypeBox` whose major brand is the first.
fn file_type(w: &mut BoxWriter, kind: FourCc, brands: &[FourCc]) {
    w.boxed(kind, |w| {
        w.bytes(brands.first().unwrap_or(b"isom"));
        w.u32(0); // minor_version
        brands.iter().for_each(|brand| w.bytes(brand));
    });
}
