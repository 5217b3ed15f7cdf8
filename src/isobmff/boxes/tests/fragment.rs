//! Movie fragments.

use super::*;
use crate::isobmff::boxes::{
    FragmentOptions, ProducerTime, SegmentKind, SegmentType, fragment_header,
};
use crate::isobmff::error::Error;
use crate::isobmff::model::{Fragment, Run, TrackFragment, Variant};

fn part(track: u32, runs: Vec<(u64, Vec<Sample>)>) -> TrackFragment {
    let run = |(offset, samples)| Run { offset, samples };
    TrackFragment {
        track,
        base_decode_time: 0x1_0000_0000,
        roll_distance: None,
        runs: runs.into_iter().map(run).collect(),
    }
}

fn fragment(tracks: Vec<TrackFragment>, payload: u64) -> Fragment {
    Fragment {
        sequence: 9,
        tracks,
        payload,
    }
}

fn plain(tracks: Vec<TrackFragment>, payload: u64) -> Vec<u8> {
    let options = FragmentOptions::default();
    fragment_header(&movie(), &fragment(tracks, payload), &options).unwrap()
}

#[test]
fn a_group_of_pictures_says_what_differs_and_how_the_first_is_flagged() {
    let samples = vec![
        sample(100, 3000, 6000, true),
        sample(20, 3000, 9000, false),
        sample(10, 3000, 0, false),
    ];
    let file = plain(vec![part(1, vec![(0, samples)])], 130);
    let expected = b"\0\0\0\x78moof\0\0\0\x10mfhd\0\0\0\0\0\0\0\x09\
        \0\0\0\x60traf\
        \0\0\0\x14tfhd\0\x02\0\x08\0\0\0\x01\0\0\x0b\xb8\
        \0\0\0\x14tfdt\x01\0\0\0\0\0\0\x01\0\0\0\0\
        \0\0\0\x30trun\0\0\x0a\x05\0\0\0\x03\0\0\0\x80\x02\0\0\0\
        \0\0\0\x64\0\0\x17\x70\0\0\0\x14\0\0\x23\x28\0\0\0\x0a\0\0\0\0\
        \0\0\0\x8amdat";
    assert_eq!(file, expected);
}

#[test]
fn equal_samples_need_no_entries() {
    let samples = vec![sample(384, 1536, 0, true); 40];
    let file = plain(vec![part(2, vec![(0, samples)])], 40 * 384);
    assert_eq!(
        content(&file, b"tfhd").unwrap(),
        b"\0\x02\0\x18\0\0\0\x02\0\0\x06\0\0\0\x01\x80"
    );
    assert_eq!(
        content(&file, b"trun").unwrap(),
        b"\0\0\0\x01\0\0\0\x28\0\0\0\x68"
    );
}

#[test]
fn runs_that_lie_next_to_each_other_are_one() {
    let sounds = || vec![sample(384, 1536, 0, true); 2];
    let runs = vec![(0, sounds()), (768, sounds()), (1600, sounds())];
    let file = plain(vec![part(2, runs)], 2368);
    let truns = file.windows(4).filter(|kind| kind == b"trun");
    assert_eq!(truns.count(), 2);
    let first = content(&file, b"trun").unwrap();
    assert_eq!(first[4..8], [0, 0, 0, 4]);
}

#[test]
fn flags_that_are_not_the_tracks_usual_ones_are_the_fragments() {
    let keys = vec![sample(9, 3000, 0, true); 2];
    let file = plain(vec![part(1, vec![(0, keys)])], 18);
    let tfhd = content(&file, b"tfhd").unwrap();
    assert_eq!(tfhd[..4], [0, 2, 0, 0x38]);
    assert_eq!(tfhd[16..], [2, 0, 0, 0]);
    // A key in the middle: flags for each.
    let middle = vec![
        sample(9, 3000, 0, false),
        sample(9, 3000, 0, true),
        sample(9, 3000, 0, false),
    ];
    let file = plain(vec![part(1, vec![(0, middle)])], 27);
    assert_eq!(
        content(&file, b"trun").unwrap(),
        b"\0\0\x04\x01\0\0\0\x03\0\0\0\x74\0\x01\0\0\x02\0\0\0\0\x01\0\0"
    );
}

#[test]
fn an_entry_but_the_first_is_named() {
    let mut samples = vec![sample(9, 3000, 0, true)];
    samples[0].entry = 1;
    let file = plain(vec![part(1, vec![(0, samples.clone())])], 9);
    let tfhd = content(&file, b"tfhd").unwrap();
    assert_eq!(tfhd[..12], *b"\0\x02\0\x3a\0\0\0\x01\0\0\0\x02");
    samples.push(sample(9, 3000, 0, true));
    let options = FragmentOptions::default();
    let mixed = fragment(vec![part(1, vec![(0, samples)])], 18);
    assert_eq!(
        fragment_header(&movie(), &mixed, &options),
        Err(Error::MixedEntries {
            track: 1,
            found: 0,
            expected: 1
        })
    );
}

#[test]
fn a_track_that_is_not_the_movies_is_refused() {
    let other = fragment(vec![part(7, vec![(0, vec![sample(1, 1, 0, true)])])], 1);
    let error = fragment_header(&movie(), &other, &FragmentOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "fragment 9: found samples of track 7, expected one of the movie's 2 tracks"
    );
}

#[test]
fn groups_are_described_in_the_fragment() {
    let mut pictures = vec![sample(9, 3000, 0, true); 4];
    pictures[2].open = true;
    let mut sounds = part(2, vec![(36, vec![sample(5, 960, 0, true); 3])]);
    sounds.roll_distance = Some(-4);
    let file = plain(vec![part(1, vec![(0, pictures)]), sounds], 51);
    let groups: Vec<_> = file
        .windows(4)
        .enumerate()
        .filter(|(_, kind)| kind == b"sgpd" || kind == b"sbgp")
        .map(|(at, _)| {
            let size = u32::from_be_bytes(file[at - 4..at].try_into().unwrap()) as usize;
            &file[at + 4..at - 4 + size]
        })
        .collect();
    let expected: [&[u8]; 4] = [
        b"\x01\0\0\0rap \0\0\0\x01\0\0\0\x01\0",
        b"\0\0\0\0rap \0\0\0\x03\0\0\0\x02\0\0\0\0\0\0\0\x01\0\x01\0\x01\0\0\0\x01\0\0\0\0",
        b"\x01\0\0\0roll\0\0\0\x02\0\0\0\x01\xff\xfc",
        b"\0\0\0\0roll\0\0\0\x01\0\0\0\x03\0\x01\0\x01",
    ];
    assert_eq!(groups, expected);
}

#[test]
fn past_2_gib_order_tells_where_samples_lie() {
    let big = 1 << 30;
    let pictures = |sync| vec![sample(big, 3000, 0, sync); 3];
    let sounds = || vec![sample(10, 1024, 0, true); 2];
    let third = 3 * u64::from(big);
    let tracks = vec![
        part(1, vec![(0, pictures(true)), (third + 20, pictures(false))]),
        part(2, vec![(third, sounds()), (2 * third + 20, sounds())]),
    ];
    let payload = 2 * third + 40;
    let file = plain(tracks, payload);
    let trafs: Vec<&[u8]> = file
        .windows(4)
        .enumerate()
        .filter(|(_, kind)| kind == b"traf")
        .map(|(at, _)| &file[at - 4..])
        .collect();
    let heads = trafs.iter().map(|traf| {
        let tfhd = content(traf, b"tfhd").unwrap();
        let tfdt = content(traf, b"tfdt").unwrap();
        let trun = content(traf, b"trun").unwrap();
        (tfhd[1], tfhd[7], tfdt[11], trun[3] & 1)
    });
    // No default-base-is-moof; tracks in turn; times of the second runs; an offset for the first alone.
    let heads: Vec<_> = heads.collect();
    assert_eq!(
        heads,
        [(0, 1, 0, 1), (0, 2, 0, 0), (0, 1, 0x28, 0), (0, 2, 0, 0)]
    );
    let second = content(trafs[3], b"tfdt").unwrap();
    assert_eq!(second[4..], 0x1_0000_0800u64.to_be_bytes());
    assert_eq!(file[file.len() - 16..file.len() - 8], *b"\0\0\0\x01mdat");
    assert_eq!(file[file.len() - 8..], (payload + 16).to_be_bytes());
    // The first sample follows the headers at once.
    let trun = content(&file, b"trun").unwrap();
    assert_eq!(trun[8..12], (file.len() as u32).to_be_bytes());
}

#[test]
fn a_gap_past_2_gib_is_refused() {
    let tracks = vec![
        part(1, vec![(0, vec![sample(10, 1, 0, true)])]),
        part(2, vec![(3 << 30, vec![sample(10, 1, 0, true)])]),
    ];
    let options = FragmentOptions::default();
    assert_eq!(
        fragment_header(&movie(), &fragment(tracks, (3 << 30) + 10), &options),
        Err(Error::TooLarge {
            field: "trun: data_offset",
            found: 3 << 30,
            max: i32::MAX as u64
        })
    );
}

#[test]
fn a_segment_begins_with_its_type_its_clock_and_its_index() {
    let mut movie = movie();
    movie.variant = Variant::Cmaf;
    movie.tracks.truncate(1);
    movie.tracks[0].edits = vec![crate::isobmff::model::Edit {
        duration: 0,
        media_time: Some(6000),
    }];
    let mut samples = vec![sample(100, 3000, 9000, true), sample(20, 3000, 3000, false)];
    samples[0].open = true;
    let fragment = fragment(vec![part(1, vec![(0, samples)])], 120);
    let options = FragmentOptions {
        styp: Some(SegmentType {
            kind: SegmentKind::Segment,
            last: true,
        }),
        prft: Some(ProducerTime {
            track: 1,
            ntp: 0x0102_0304_0506_0708,
            media_time: 0x1_0000_0000,
            flags: 24,
        }),
        sidx: true,
    };
    let file = fragment_header(&movie, &fragment, &options).unwrap();
    let moof = file.windows(4).position(|kind| kind == b"moof").unwrap() - 4;
    let size = (file.len() - moof + 120) as u32;
    // Earliest: the second sample, 2³² + 3000 + 3000, less the edit's 6000.
    let mut expected = b"\0\0\0\x28stypcmfs\0\0\0\0cmfscmffcmflcmfcmsixlmsg\
        \0\0\0\x20prft\x01\0\0\x18\0\0\0\x01\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\x01\0\0\0\0\
        \0\0\0\x34sidx\x01\0\0\0\0\0\0\x01\0\x01\x5f\x90\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\x01"
        .to_vec();
    expected.extend(size.to_be_bytes());
    expected.extend(b"\0\0\x17\x70\xb0\0\0\0");
    assert_eq!(file[..moof], expected);
}
