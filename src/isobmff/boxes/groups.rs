//! Sample groups: `sgpd` and `sbgp` (ISO/IEC 14496-12, 8.9).

use super::writer::{BoxWriter, FourCc};
use crate::isobmff::tables::MemberRun;

/// Where a group's description lies, which decides how `sbgp` counts it.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In `stbl`, for the samples of the tables.
    Table,
    /// In `traf`, for the samples of the fragment: numbers from 0x1_0001 (8.9.4.3).
    Fragment,
}

/// Group `roll` (10.1): decoding of each of `samples` has to begin `distance` samples away.
pub(super) fn roll(w: &mut BoxWriter, place: Place, distance: i16, samples: u32) {
    let members = [MemberRun {
        count: samples,
        member: true,
    }];
    group(w, *b"roll", place, &distance.to_be_bytes(), &members);
}

/// Group `roll` without descriptions and members.
pub(super) fn no_roll(w: &mut BoxWriter) {
    w.full(*b"sgpd", 1, 0, |w| {
        w.bytes(b"roll");
        w.u32(2); // default_length
        w.u32(0);
    });
    w.full(*b"sbgp", 0, 0, |w| {
        w.bytes(b"roll");
        w.u32(0);
    });
}

/// Group `rap ` (10.4): samples at which decoding can begin though pictures that follow need earlier ones. How many
/// such pictures there are is not said.
pub(super) fn random_access(w: &mut BoxWriter, place: Place, members: &[MemberRun]) {
    group(w, *b"rap ", place, &[0], members);
}

/// `sgpd` of one description, and `sbgp`.
fn group(w: &mut BoxWriter, kind: FourCc, place: Place, description: &[u8], members: &[MemberRun]) {
    w.full(*b"sgpd", 1, 0, |w| {
        w.bytes(&kind);
        w.count(description.len(), "sgpd: default_length");
        w.u32(1);
        w.bytes(description);
    });
    let number = match place {
        Place::Table => 1,
        Place::Fragment => 0x1_0001,
    };
    w.full(*b"sbgp", 0, 0, |w| {
        w.bytes(&kind);
        w.count(members.len(), "sbgp: entry_count");
        for run in members {
            w.u32(run.count);
            w.u32(if run.member { number } else { 0 });
        }
    });
}
