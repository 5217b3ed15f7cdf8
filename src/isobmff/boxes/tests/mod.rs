//! Bytes as the standards' syntax tables give them, worked out by hand.

mod entries;
mod fragment;
mod index;
mod movie;

use super::writer::BoxWriter;
use crate::isobmff::model::{
    AudioCodec, AudioEntry, Movie, Sample, SampleEntry, Track, VideoCodec, VideoEntry,
};

/// What `write` writes.
fn bytes(write: impl FnOnce(&mut BoxWriter)) -> Vec<u8> {
    let mut w = BoxWriter::with_capacity(0);
    write(&mut w);
    w.finish().unwrap()
}

/// The content of the first box of a type, wherever it lies.
fn content<'a>(file: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    let at = file.windows(4).position(|bytes| bytes == kind)?;
    let size = u32::from_be_bytes(file[at - 4..at].try_into().unwrap()) as usize;
    Some(&file[at + 4..at - 4 + size])
}

fn video() -> VideoEntry {
    VideoEntry {
        codec: VideoCodec::Avc {
            config: b"config".to_vec(),
            in_band: false,
        },
        width: 640,
        height: 480,
        pixel_aspect: None,
        colour: None,
        mastering: None,
        light: None,
        bitrate: None,
    }
}

fn audio(codec: AudioCodec, rate: u32) -> AudioEntry {
    AudioEntry {
        codec,
        channels: 2,
        rate,
        sample_size: 16,
        bitrate: None,
    }
}

fn aac() -> AudioEntry {
    let config = vec![0x11, 0x90];
    audio(AudioCodec::Aac { config }, 48_000)
}

fn track(id: u32, timescale: u32, entry: SampleEntry) -> Track {
    Track {
        id,
        timescale,
        language: String::new(),
        name: String::new(),
        orientation: Default::default(),
        entries: vec![entry],
        edits: Vec::new(),
    }
}

/// A track of pictures, 90 000 ticks a second, and one of AAC.
fn movie() -> Movie {
    Movie {
        timescale: 1000,
        tracks: vec![
            track(1, 90_000, SampleEntry::Video(video())),
            track(2, 48_000, SampleEntry::Audio(aac())),
        ],
        ..Movie::default()
    }
}

fn sample(size: u32, duration: u32, composition_offset: u32, sync: bool) -> Sample {
    Sample {
        size,
        duration,
        composition_offset,
        sync,
        open: false,
        entry: 0,
    }
}
