//! `udta/meta/ilst`: titles and pictures, as iTunes files have them.

use super::writer::BoxWriter;
use crate::isobmff::model::{Cover, Tags};

// Types of values in `data` (QuickTime File Format, well-known types).
const BINARY: u32 = 0;
const UTF8: u32 = 1;
const JPEG: u32 = 13;
const PNG: u32 = 14;
const INTEGER: u32 = 21;

/// `udta` of the movie; nothing where there is nothing to say.
pub(super) fn udta(w: &mut BoxWriter, tags: &Tags) {
    if *tags == Tags::default() {
        return;
    }
    w.boxed(*b"udta", |w| {
        w.full(*b"meta", 0, 0, |w| {
            w.full(*b"hdlr", 0, 0, |w| {
                w.u32(0);
                w.bytes(b"mdirappl");
                w.zeros(9); // reserved, no name
            });
            w.boxed(*b"ilst", |w| items(w, tags));
        });
    });
}

fn items(w: &mut BoxWriter, tags: &Tags) {
    for (kind, text) in &tags.texts {
        w.boxed(*kind, |w| data(w, UTF8, text.as_bytes()));
    }
    if let Some((number, total)) = tags.track {
        w.boxed(*b"trkn", |w| data(w, BINARY, &of_total(number, total)));
    }
    if let Some((number, total)) = tags.disk {
        let [bytes @ .., _, _] = of_total(number, total);
        w.boxed(*b"disk", |w| data(w, BINARY, &bytes));
    }
    if let Some(tempo) = tags.tempo {
        w.boxed(*b"tmpo", |w| data(w, INTEGER, &tempo.to_be_bytes()));
    }
    if !tags.covers.is_empty() {
        w.boxed(*b"covr", |w| {
            for cover in &tags.covers {
                match cover {
                    Cover::Jpeg(bytes) => data(w, JPEG, bytes),
                    Cover::Png(bytes) => data(w, PNG, bytes),
                }
            }
        });
    }
}

/// A value: its type as flags, no locale.
fn data(w: &mut BoxWriter, kind: u32, value: &[u8]) {
    w.full(*b"data", 0, kind, |w| {
        w.u32(0);
        w.bytes(value);
    });
}

/// The value of `trkn`; that of `disk` ends two bytes earlier.
fn of_total(number: u16, total: u16) -> [u8; 8] {
    let ([a, b], [c, d]) = (number.to_be_bytes(), total.to_be_bytes());
    [0, 0, a, b, c, d, 0, 0]
}
