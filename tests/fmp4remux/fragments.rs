//! Fragments as ISO/IEC 14496-12 has them: they follow one another without a gap or an overlap in media time.

use std::collections::BTreeMap;

use super::{demuxed, remux};
use crate::common::boxes::{self, TrackFragment, fragments, parse};
use crate::common::media;

/// Fails unless each track's fragments follow one another exactly and samples fill the media data.
pub fn add_up(data: &[u8]) {
    let (_, fragments) = fragments(data);
    let mut ends: BTreeMap<u32, u64> = BTreeMap::new();
    let mut sequence = 0;
    for fragment in &fragments {
        assert!(fragment.sequence >= sequence, "mfhd counts up");
        sequence = fragment.sequence;
        assert!(!fragment.samples.is_empty(), "{fragment:?}");
        if let Some(end) = ends.get(&fragment.track) {
            assert_eq!(
                fragment.base, *end,
                "tfdt of fragment {sequence}, track {}",
                fragment.track
            );
        }
        ends.insert(fragment.track, fragment.end());
        for sample in &fragment.samples {
            assert!(
                sample.duration > 0 && sample.offset >= 0,
                "{sample:?} of fragment {sequence}"
            );
        }
    }
    let sizes: usize = fragments
        .iter()
        .flat_map(|f| &f.samples)
        .map(|s| s.size as usize)
        .sum();
    let media = parse(data).into_iter().filter(|n| n.kind == *b"mdat");
    assert_eq!(media.map(|n| n.fields.len()).sum::<usize>(), sizes);
}

/// The fragments of one track.
fn of_track(fragments: &[TrackFragment], track: u32) -> Vec<&TrackFragment> {
    fragments.iter().filter(|f| f.track == track).collect()
}

#[test]
fn a_file_is_an_init_segment_and_fragments() {
    let sources = demuxed(
        media::H264_AAC,
        &["video_0 ! h264parse", "audio_0 ! aacparse"],
    );
    let remuxed = remux(&sources, "fragment-duration=1000000000");
    let layout = boxes::layout(&remuxed.bytes());
    assert_eq!(layout[..2], ["ftyp", "moov"]);
    let media: Vec<&String> = layout[2..].iter().filter(|k| *k != "styp").collect();
    assert!(media.len() >= 8, "{layout:?}");
    for pair in media.chunks(2) {
        assert_eq!(pair, ["moof", "mdat"], "{layout:?}");
    }
}

#[test]
fn fragments_begin_with_keys_about_each_fragment_duration() {
    let sources = demuxed(
        media::H264_AAC,
        &["video_0 ! h264parse", "audio_0 ! aacparse"],
    );
    let remuxed = remux(&sources, "fragment-duration=1000000000");
    let (moov, fragments) = fragments(&remuxed.bytes());
    let video = of_track(&fragments, 1);
    let timescale = moov.trak[0].mdia.mdhd.timescale;
    assert_eq!(video.len(), 4);
    for fragment in &video {
        assert!(fragment.samples[0].sync(), "{}", fragment.sequence);
        let seconds = (fragment.end() - fragment.base) as f64 / f64::from(timescale);
        assert!((seconds - 1.0).abs() < 0.1, "{seconds} s");
    }
}
