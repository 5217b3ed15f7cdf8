//! Streams that are not live: how far they run ahead of each other, and what waits for a first lock.

use crate::rig::{AUDIO, JSON, Rig, VIDEO, audio, video};

#[test]
fn a_stream_waits_for_another_that_is_more_than_the_window_behind() {
    let rig = Rig::playing("window=1000000000");
    let (ahead, behind) = (rig.file(AUDIO), rig.file(VIDEO));
    behind.push(video(0));
    let feeder = ahead.clone();
    let thread = std::thread::spawn(move || {
        (0..4000).step_by(20).for_each(|ms| feeder.push(audio(ms)));
        feeder.end();
    });
    for ms in (40..4000).step_by(40) {
        behind.push(video(ms));
        let far = ahead.all().last().and_then(|b| b.pts());
        let far = far.map_or(0, gst::ClockTime::mseconds);
        assert!(far <= ms + 40 + 1000, "{far} while the other is at {ms}");
    }
    thread.join().unwrap();
    assert_eq!(ahead.buffers(200).len(), 200);
    assert_eq!(behind.buffers(100).len(), 100);
}

#[test]
fn a_stream_that_brings_nothing_is_not_waited_for_for_long() {
    let rig = Rig::playing("window=1000000000");
    let (alive, _silent) = (rig.file(AUDIO), rig.file(VIDEO));
    (0..3000).step_by(20).for_each(|ms| alive.push(audio(ms)));
    assert_eq!(alive.buffers(150).len(), 150);
}

#[test]
fn nobody_waits_for_text_and_for_what_has_ended() {
    let rig = Rig::playing("window=1000000000");
    let (long, short, _events) = (rig.file(AUDIO), rig.file(VIDEO), rig.file(JSON));
    short.push(video(0));
    short.end();
    let begun = std::time::Instant::now();
    (0..30_000).step_by(20).for_each(|ms| long.push(audio(ms)));
    assert_eq!(long.buffers(1500).len(), 1500);
    // A wait for a stalled stream takes 250 ms.
    assert!(begun.elapsed().as_secs() < 20);
}

#[test]
fn prescan_holds_all_until_the_window_is_full() {
    let rig = Rig::playing("analysis=prescan window=1000000000");
    let (sound, pictures) = (rig.file(AUDIO), rig.file(VIDEO));
    for ms in (0..960).step_by(40) {
        sound.push(audio(ms));
        sound.push(audio(ms + 20));
        pictures.push(video(ms));
    }
    assert!(sound.all().is_empty() && pictures.all().is_empty());
    // What is found while they are held counts from the first buffer on.
    rig.set_offset(&pictures, 70);
    sound.end();
    pictures.end();
    assert_eq!(pictures.times(24)[..3], [70, 110, 150]);
    assert_eq!(sound.times(48)[..3], [0, 20, 40]);
}

#[test]
fn prescan_opens_when_a_queue_takes_no_more() {
    let rig = Rig::playing("analysis=prescan window=1000000000");
    let (sound, pictures) = (rig.file(AUDIO), rig.file(VIDEO));
    let (feeder, other) = (sound.clone(), pictures.clone());
    let threads = [
        std::thread::spawn(move || (0..3000).step_by(20).for_each(|ms| feeder.push(audio(ms)))),
        std::thread::spawn(move || (0..3000).step_by(40).for_each(|ms| other.push(video(ms)))),
    ];
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(sound.buffers(150).len(), 150);
    assert_eq!(pictures.buffers(75).len(), 75);
}
