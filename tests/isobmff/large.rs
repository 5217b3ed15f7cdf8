//! Files past 4 GiB, made of holes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use gstharmony::isobmff::boxes::{self, FragmentOptions};
use gstharmony::isobmff::model::{
    AudioCodec, AudioEntry, Fragment, Movie, Run, Sample, SampleEntry, Track, TrackFragment,
};

/// Two Opus tracks, of which `ffprobe` wants nothing but the boxes.
fn movie() -> Movie {
    let track = |id| Track {
        id,
        timescale: 48_000,
        language: String::new(),
        name: String::new(),
        orientation: Default::default(),
        entries: vec![SampleEntry::Audio(AudioEntry {
            codec: AudioCodec::Opus {
                config: vec![0, 2, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0],
            },
            channels: 2,
            rate: 48_000,
            sample_size: 16,
            bitrate: None,
        })],
        edits: Vec::new(),
    };
    Movie {
        timescale: 1000,
        tracks: vec![track(1), track(2)],
        ..Movie::default()
    }
}

/// Samples of 64 MiB in two runs of 40 (2.5 GiB each), after each a few small ones of the other track, whose places
/// in the payload are returned.
fn fragment() -> (Fragment, Vec<u64>) {
    let sample = |size| Sample {
        size,
        duration: 960,
        composition_offset: 0,
        sync: true,
        open: false,
        entry: 0,
    };
    let mut parts = [1, 2].map(|track| TrackFragment {
        track,
        base_decode_time: 0,
        roll_distance: None,
        runs: Vec::new(),
    });
    let (mut offset, mut small) = (0, Vec::new());
    for _ in 0..2 {
        for (part, (size, count)) in parts.iter_mut().zip([(64 << 20, 40), (100, 3)]) {
            part.runs.push(Run {
                offset,
                samples: vec![sample(size); count],
            });
            for _ in 0..count {
                if part.track == 2 {
                    small.push(offset);
                }
                offset += u64::from(size);
            }
        }
    }
    let fragment = Fragment {
        sequence: 1,
        tracks: parts.into(),
        payload: offset,
    };
    (fragment, small)
}

/// Where `ffprobe` finds the packets of the second stream; it leaves the first one's unread.
fn positions(path: &Path) -> Vec<u64> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "1", "-of", "csv=p=0"])
        .args(["-show_entries", "packet=pos"])
        .arg(path)
        .output()
        .expect("ffprobe is installed");
    let text = String::from_utf8(output.stdout).expect("text");
    let lines = text.lines().map(|line| line.trim_end_matches(','));
    let lines = lines.filter(|line| !line.is_empty());
    lines.map(|l| l.parse().expect("a position")).collect()
}

#[test]
fn samples_past_2_and_4_gib_of_a_fragment_are_found() {
    let movie = movie();
    let (fragment, small) = fragment();
    let mut head = boxes::init_segment(&movie).expect("moov");
    let options = FragmentOptions::default();
    head.extend(boxes::fragment_header(&movie, &fragment, &options).expect("moof"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.mp4");
    let file = File::create(&path).expect("a file");
    file.write_all_at(&head, 0).expect("room");
    file.set_len(head.len() as u64 + fragment.payload)
        .expect("holes");
    let expected: Vec<_> = small.iter().map(|o| o + head.len() as u64).collect();
    assert_eq!(positions(&path), expected);
}
