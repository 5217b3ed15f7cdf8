//! `ftyp`, `moov` and what the tracks say.

use super::*;
use crate::isobmff::boxes::{Placement, file_type, init_segment, moov, progressive_header};
use crate::isobmff::error::Error;
use crate::isobmff::model::{Cover, Edit, Orientation, Tags, TextEntry, Variant};
use crate::isobmff::tables::{ChunkRun, DurationRun, SampleSizes, TrackTables};

fn init(movie: &Movie) -> Vec<u8> {
    init_segment(movie).unwrap()
}

const WIDE: Placement = Placement {
    payload: 64,
    wide: true,
};

/// A hundred thousand samples of a second, one chunk that begins at 5 GiB.
fn long_tables() -> TrackTables {
    TrackTables {
        durations: vec![DurationRun {
            count: 100_000,
            duration: 90_000,
        }],
        chunks: vec![ChunkRun {
            first_chunk: 1,
            samples: 100_000,
            entry: 0,
        }],
        sizes: SampleSizes::Constant {
            size: 7,
            count: 100_000,
        },
        chunk_offsets: vec![5 << 30],
        ..TrackTables::default()
    }
}

#[test]
fn brands_are_those_of_format_and_codecs() {
    let mut movie = movie();
    assert_eq!(
        file_type(&movie).unwrap(),
        b"\0\0\0\x20ftypiso6\0\0\0\0iso6iso5mp41avc1"
    );
    movie.variant = Variant::Progressive;
    assert_eq!(
        file_type(&movie).unwrap(),
        b"\0\0\0\x20ftypisom\0\0\0\0isomiso2mp42avc1"
    );
    movie.variant = Variant::Cmaf;
    movie.tracks.truncate(1);
    if let Some(SampleEntry::Video(video)) = movie.tracks[0].entries.first_mut() {
        video.codec = VideoCodec::Av1 { config: vec![] };
    }
    assert_eq!(
        file_type(&movie).unwrap(),
        b"\0\0\0\x1cftypcmfc\0\0\0\0cmfciso6av01"
    );
}

#[test]
fn cmaf_has_one_track() {
    let mut movie = movie();
    movie.variant = Variant::Cmaf;
    assert_eq!(init_segment(&movie), Err(Error::CmafTracks { found: 2 }));
}

#[test]
fn an_edit_list_is_64_bit_only_where_it_must_be() {
    let elst = |edits: &[Edit]| {
        let mut movie = movie();
        movie.tracks[0].edits = edits.to_vec();
        content(&init(&movie), b"elst").map(<[u8]>::to_vec)
    };
    let edit = |duration, media_time| Edit {
        duration,
        media_time,
    };
    assert_eq!(elst(&[]), None);
    assert_eq!(
        elst(&[edit(500, None), edit(0, Some(6000))]).unwrap(),
        b"\0\0\0\0\0\0\0\x02\0\0\x01\xf4\xff\xff\xff\xff\0\x01\0\0\0\0\0\0\0\0\x17\x70\0\x01\0\0"
    );
    // 2³¹ has no room among signed 32 bits.
    assert_eq!(
        elst(&[edit(500, None), edit(0, Some(1 << 31))]).unwrap(),
        b"\x01\0\0\0\0\0\0\x02\0\0\0\0\0\0\x01\xf4\xff\xff\xff\xff\xff\xff\xff\xff\0\x01\0\0\
          \0\0\0\0\0\0\0\0\0\0\0\0\x80\0\0\0\0\x01\0\0"
    );
    let just = elst(&[edit(u32::MAX.into(), Some(i32::MAX as u64))]).unwrap();
    assert_eq!(just[0], 0);
    assert_eq!(elst(&[edit(1 << 32, Some(0))]).unwrap()[0], 1);
}

#[test]
fn headers_are_version_1_past_32_bits_of_ticks() {
    let mut movie = movie();
    movie.variant = Variant::Progressive;
    movie.tracks.truncate(1);
    let tables = [long_tables()];
    let versions = |movie: &Movie| {
        let moov = moov(movie, &tables, WIDE).unwrap();
        [b"mvhd", b"tkhd", b"mdhd"].map(|kind| content(&moov, kind).unwrap()[0])
    };
    // 100 000 s: 9·10⁹ ticks of the track, 10⁸ of the movie.
    assert_eq!(versions(&movie), [0, 0, 1]);
    movie.timescale = 90_000;
    assert_eq!(versions(&movie), [1, 1, 1]);
    movie.creation_time = Some(1 << 32);
    assert_eq!(versions(&movie), [1, 1, 1]);
    let moov = moov(&movie, &tables, WIDE).unwrap();
    let mdhd = content(&moov, b"mdhd").unwrap();
    assert_eq!(mdhd[24..32], 9_000_000_000u64.to_be_bytes());
}

#[test]
fn chunk_offsets_are_64_bit_where_the_file_needs_it() {
    let mut movie = movie();
    movie.tracks.truncate(1);
    let mut tables = [long_tables()];
    let wide = progressive_header(&movie, &tables, 6 << 30).unwrap();
    assert_eq!(content(&wide, b"stco"), None);
    let offset = (5u64 << 30) + wide.len() as u64;
    assert_eq!(content(&wide, b"co64").unwrap()[8..], offset.to_be_bytes());
    assert_eq!(wide[wide.len() - 16..wide.len() - 8], *b"\0\0\0\x01mdat");
    // The last offset that fits 32 bits behind the headers, and the first that does not.
    tables[0].chunk_offsets = vec![0];
    let headers = progressive_header(&movie, &tables, 7).unwrap().len() as u64;
    let last = u64::from(u32::MAX) - headers;
    tables[0].chunk_offsets = vec![last];
    let narrow = progressive_header(&movie, &tables, 7).unwrap();
    assert_eq!(content(&narrow, b"stco").unwrap()[8..], [0xff; 4]);
    tables[0].chunk_offsets = vec![last + 1];
    let wide = progressive_header(&movie, &tables, 7).unwrap();
    let offset = last + 1 + headers + 4;
    assert_eq!(content(&wide, b"co64").unwrap()[8..], offset.to_be_bytes());
    let narrow = Placement {
        payload: headers,
        wide: false,
    };
    assert_eq!(
        moov(&movie, &tables, narrow),
        Err(Error::TooLarge {
            field: "stco: chunk_offset",
            found: 1 << 32,
            max: u32::MAX.into()
        })
    );
}

#[test]
fn tables_of_another_number_of_tracks_are_refused() {
    let error = moov(&movie(), &[long_tables()], WIDE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "sample tables: found those of 1 tracks, expected 2"
    );
}

#[test]
fn a_size_of_zero_is_written_for_each_sample() {
    let mut movie = movie();
    movie.tracks.truncate(1);
    let mut tables = [long_tables()];
    tables[0].sizes = SampleSizes::Constant { size: 0, count: 3 };
    let moov = moov(&movie, &tables, WIDE).unwrap();
    let stsz = content(&moov, b"stsz").unwrap();
    assert_eq!(stsz[4..], *b"\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0");
}

/// Where the corners of a 640×480 picture go.
fn corners(quarter_turns: u8, mirrored: bool) -> [(i64, i64); 3] {
    let mut movie = movie();
    movie.tracks[0].orientation = Orientation {
        quarter_turns,
        mirrored,
    };
    let file = init(&movie);
    let tkhd = content(&file, b"tkhd").unwrap();
    let value = |at: usize| {
        let at = 40 + 4 * at;
        i64::from(i32::from_be_bytes(tkhd[at..at + 4].try_into().unwrap())) >> 16
    };
    let [a, b, c, d, x, y] = [0, 1, 3, 4, 6, 7].map(value);
    [(0, 0), (640, 0), (0, 480)].map(|(p, q)| (a * p + c * q + x, b * p + d * q + y))
}

#[test]
fn the_matrix_turns_the_picture_and_keeps_it_in_view() {
    // Top left, top right, bottom left.
    assert_eq!(corners(0, false), [(0, 0), (640, 0), (0, 480)]);
    assert_eq!(corners(1, false), [(480, 0), (480, 640), (0, 0)]);
    assert_eq!(corners(2, false), [(640, 480), (0, 480), (640, 0)]);
    assert_eq!(corners(3, false), [(0, 640), (0, 0), (480, 640)]);
    assert_eq!(corners(0, true), [(640, 0), (0, 0), (640, 480)]);
    assert_eq!(corners(1, true), [(480, 640), (480, 0), (0, 640)]);
    assert_eq!(corners(2, true), [(0, 480), (640, 480), (0, 0)]);
    assert_eq!(corners(3, true), [(0, 0), (0, 640), (480, 0)]);
}

#[test]
fn a_track_is_as_wide_as_its_pixels_make_it() {
    let mut movie = movie();
    let mut wide = video();
    wide.pixel_aspect = Some((4, 3));
    movie.tracks[0].entries = vec![SampleEntry::Video(wide)];
    let file = init(&movie);
    let tkhd = content(&file, b"tkhd").unwrap();
    // 640 · 4 / 3 = 853.333…, 480.
    assert_eq!(tkhd[76..], *b"\x03\x55\x55\x55\x01\xe0\0\0");
}

#[test]
fn languages_are_in_mdhd_and_where_it_has_no_room_in_elng() {
    let mut movie = movie();
    movie.tracks.truncate(1);
    let mut written = |tag: &str| {
        movie.tracks[0].language = tag.into();
        let file = init(&movie);
        let mdhd = content(&file, b"mdhd").unwrap();
        let code = u16::from_be_bytes(mdhd[20..22].try_into().unwrap());
        (code, content(&file, b"elng").map(<[u8]>::to_vec))
    };
    assert_eq!(written(""), (0x55c4, None));
    assert_eq!(written("eng"), (0x15c7, None));
    let expected = (0x15c7, Some(b"\0\0\0\0en-GB\0".to_vec()));
    assert_eq!(written("en-GB"), expected);
}

#[test]
fn opus_has_its_group_in_the_movie_too() {
    let mut movie = movie();
    assert_eq!(content(&init(&movie), b"sgpd"), None);
    let config = vec![0; 11];
    let opus = audio(AudioCodec::Opus { config }, 48_000);
    movie.tracks[1].entries = vec![SampleEntry::Audio(opus)];
    let file = init(&movie);
    let sgpd = content(&file, b"sgpd").unwrap();
    assert_eq!(sgpd, b"\x01\0\0\0roll\0\0\0\x02\0\0\0\0");
    let sbgp = content(&file, b"sbgp").unwrap();
    assert_eq!(sbgp, b"\0\0\0\0roll\0\0\0\0");
}

#[test]
fn several_tracks_of_sound_or_text_are_alternatives() {
    let mut movie = movie();
    let group = |movie: &Movie, place: usize| {
        let file = init(movie);
        let trak = file.windows(4).enumerate();
        let mut traks = trak.filter(|(_, kind)| kind == b"tkhd");
        let (at, _) = traks.nth(place).unwrap();
        file[at + 4 + 34..at + 4 + 36].to_vec()
    };
    assert_eq!(group(&movie, 1), [0, 0]);
    movie
        .tracks
        .push(track(3, 48_000, SampleEntry::Audio(aac())));
    let text = SampleEntry::Text(TextEntry::default());
    movie.tracks.push(track(4, 1000, text));
    assert_eq!(group(&movie, 0), [0, 0]);
    assert_eq!(group(&movie, 1), [0, 1]);
    assert_eq!(group(&movie, 2), [0, 1]);
    assert_eq!(group(&movie, 3), [0, 0]);
}

#[test]
fn tags_are_items_with_typed_values() {
    let mut movie = movie();
    assert_eq!(content(&init(&movie), b"udta"), None);
    movie.tags = Tags {
        texts: vec![(*b"\xa9nam", "Größe".into())],
        track: Some((3, 12)),
        disk: Some((1, 0)),
        tempo: Some(120),
        covers: vec![Cover::Jpeg(vec![0xff, 0xd8]), Cover::Png(vec![0x89])],
    };
    let file = init(&movie);
    let item = |kind: &[u8; 4]| content(&file, kind).unwrap().to_vec();
    assert_eq!(
        item(b"\xa9nam"),
        b"\0\0\0\x17data\0\0\0\x01\0\0\0\0Gr\xc3\xb6\xc3\x9fe"
    );
    assert_eq!(
        item(b"trkn"),
        b"\0\0\0\x18data\0\0\0\0\0\0\0\0\0\0\0\x03\0\x0c\0\0"
    );
    assert_eq!(
        item(b"disk"),
        b"\0\0\0\x16data\0\0\0\0\0\0\0\0\0\0\0\x01\0\0"
    );
    assert_eq!(item(b"tmpo"), b"\0\0\0\x12data\0\0\0\x15\0\0\0\0\0\x78");
    assert_eq!(
        item(b"covr"),
        b"\0\0\0\x12data\0\0\0\x0d\0\0\0\0\xff\xd8\0\0\0\x11data\0\0\0\x0e\0\0\0\0\x89"
    );
}
