//! `sidx` and `mfra`.

use crate::isobmff::boxes::{
    Access, AccessPoint, SegmentIndex, Subsegment, TrackAccess, mfra, sidx, sidx_size,
};
use crate::isobmff::error::Error;

fn index(references: Vec<Subsegment>) -> SegmentIndex {
    SegmentIndex {
        track: 1,
        timescale: 1000,
        earliest: 0,
        first_offset: 0,
        references,
    }
}

fn subsegment(size: u64, duration: u64) -> Subsegment {
    Subsegment {
        size,
        duration,
        access: Access::Closed,
    }
}

#[test]
fn an_index_has_the_size_that_its_number_of_references_tells() {
    let bytes = sidx(&index(vec![subsegment(0x7fff_ffff, 0xffff_ffff); 3])).unwrap();
    assert_eq!(bytes.len(), sidx_size(3));
    assert_eq!(
        bytes[36..52],
        *b"\0\0\0\x03\x7f\xff\xff\xff\xff\xff\xff\xff\x90\0\0\0"
    );
}

#[test]
fn what_an_index_has_no_room_for_is_refused() {
    for (found, field, max) in [
        (
            sidx(&index(vec![subsegment(1 << 31, 0)])),
            "sidx: referenced_size",
            0x7fff_ffff,
        ),
        (
            sidx(&index(vec![subsegment(1, 1 << 32)])),
            "sidx: subsegment_duration",
            u64::from(u32::MAX),
        ),
        (
            sidx(&index(vec![subsegment(1, 1); 0x1_0000])),
            "sidx: reference_count",
            0xffff,
        ),
    ] {
        let found_value = max + 1;
        assert_eq!(
            found,
            Err(Error::TooLarge {
                field,
                found: found_value,
                max
            })
        );
    }
}

#[test]
fn random_access_points_take_the_bytes_that_their_numbers_need() {
    let point = |sample| AccessPoint {
        time: 0x0102,
        moof: 0x1_0000_0000,
        traf: 1,
        trun: 2,
        sample,
    };
    let tracks = [TrackAccess {
        track: 5,
        points: vec![point(1), point(256)],
    }];
    let expected = b"\0\0\0\x58mfra\
        \0\0\0\x40tfra\x01\0\0\0\0\0\0\x05\0\0\0\x01\0\0\0\x02\
        \0\0\0\0\0\0\x01\x02\0\0\0\x01\0\0\0\0\x01\x02\0\x01\
        \0\0\0\0\0\0\x01\x02\0\0\0\x01\0\0\0\0\x01\x02\x01\0\
        \0\0\0\x10mfro\0\0\0\0\0\0\0\x58";
    assert_eq!(mfra(&tracks).unwrap(), expected);
}
