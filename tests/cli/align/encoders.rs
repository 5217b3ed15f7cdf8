//! Files by real encoders: what they delay, where their sound begins, and what is missing of it.

use super::{lies, made, scene, streams};
use crate::common::corpus::Pair;

/// A file of the reference itself, `offset` seconds later than it.
fn copy(offset: f64) -> Pair {
    Pair {
        offset,
        drift: 0.0,
        ..scene()
    }
}

#[test]
fn what_encoders_delay_is_taken_out() {
    let reference = scene().reference;
    let files = [
        ("a.opus", "-i {in} -c:a libopus -b:a 96k -f opus"),
        ("opus.webm", "-i {in} -c:a libopus -b:a 96k -f webm"),
        ("aac.m4a", "-i {in} -c:a aac -b:a 128k -f ipod"),
        ("vorbis.ogg", "-i {in} -c:a libvorbis -f ogg"),
        ("a.flac", "-i {in} -c:a flac -f flac"),
        ("441.wav", "-i {in} -ar 44100 -ac 2 -f wav"),
        ("96k.wav", "-i {in} -ar 96000 -c:a pcm_s24le -f wav"),
    ];
    let made = files.map(|(name, recipe)| made(&reference, &format!("align-{name}"), recipe));
    let mut args = vec![&reference];
    args.extend(&made);
    let found = streams(args);
    assert_eq!(found.len(), files.len());
    for stream in &found {
        // WebM counts milliseconds.
        let webm = stream["file"].as_str().unwrap().ends_with("webm");
        lies(stream, &copy(0.0), 15.0, if webm { 2e-3 } else { 1e-4 });
    }
}

#[test]
fn sound_lies_where_it_is_played() {
    let reference = scene().reference;
    let late = "-f lavfi -i testsrc2=s=64x48:r=10:d=17 -itsoffset 1.5 -i {in} -map 0 -map 1 -shortest -c:v libx264 \
                -preset ultrafast -c:a";
    let files = [
        ("late.mkv", format!("{late} flac -f matroska"), -1.5),
        ("late.mp4", format!("{late} aac -f mp4"), -1.5),
        ("late.ts", format!("{late} aac -f mpegts"), -1.5),
        // The first two seconds are left out by an edit list.
        ("cut.m4a", "-ss 2 -i {in} -c:a aac -f ipod".to_owned(), 2.0),
    ];
    let found = files.each_ref().map(|(name, recipe, offset)| {
        let file = made(&reference, &format!("align-{name}"), recipe);
        (streams([&reference, &file]).remove(0), *offset)
    });
    for (stream, offset) in &found {
        lies(stream, &copy(*offset), 10.0, 2e-3);
    }
}

#[test]
fn holes_in_the_timestamps_stay_holes() {
    let reference = scene().reference;
    let hole = "-i {in} -af aselect='not(between(t\\,6\\,8))' -c:a flac -f matroska";
    let file = made(&reference, "align-hole.mkv", hole);
    let found = streams([&reference, &file]);
    lies(&found[0], &copy(0.0), 15.0, 1e-3);
}
