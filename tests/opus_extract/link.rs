//! Ogg Opus files of real encoders as packets, as stores, and as what a decoder makes of them from the start.

use std::ops::Range;
use std::path::PathBuf;

use gstharmony::opus::{Clip, Head, Start, samples};
use gstharmony::opus_store::{
    Decoder, Extraction, Options, OpusStore, Pcm, StoreError, StoreWriter,
};
use tempfile::TempDir;

use crate::common::opus::Opus;
use crate::common::random::Random;

/// One link of an Ogg file.
pub struct Link {
    pub head: Head,
    pub packets: Vec<Vec<u8>>,
    /// Samples behind the end.
    pub end_trim: u64,
}

impl Link {
    /// Reads a file of one link (RFC 3533, 6; RFC 7845, 3) that begins at granule position 0.
    pub fn of(file: &Opus) -> Self {
        let bytes = std::fs::read(file.path()).unwrap();
        let (mut packets, mut packet, mut granule) = (Vec::new(), Vec::new(), 0);
        let mut rest = bytes.as_slice();
        while let Some(page) = rest.strip_prefix(b"OggS") {
            granule = u64::from_le_bytes(page[2..10].try_into().unwrap());
            let (lacing, mut body) = page[23..].split_at(usize::from(page[22]));
            for lace in lacing {
                let (piece, behind) = body.split_at(usize::from(*lace));
                packet.extend_from_slice(piece);
                body = behind;
                if *lace < 255 {
                    packets.push(std::mem::take(&mut packet));
                }
            }
            rest = body;
        }
        let head = Head::parse(&packets[0]).unwrap();
        packets.drain(..2);
        let mut link = Self {
            head,
            packets,
            end_trim: 0,
        };
        link.end_trim = link.decoded(0).len() as u64 / link.channels() as u64 - granule;
        link
    }

    pub fn channels(&self) -> usize {
        usize::from(self.head.channels)
    }

    /// A store of it.
    pub fn store(&self, pcm_hash: bool) -> Store {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.zarr");
        let options = Options {
            pcm_hash,
            ..Options::default()
        };
        let mut writer = StoreWriter::create(&path, options).unwrap();
        writer.begin(self.start()).unwrap();
        let mut behind = self.end_trim;
        let mut clips: Vec<u64> = Vec::new();
        for packet in self.packets.iter().rev() {
            let end = behind.min(samples_of(&self.head, packet));
            behind -= end;
            clips.push(end);
        }
        for (packet, end) in self.packets.iter().zip(clips.into_iter().rev()) {
            writer.packet(packet, Clip { start: 0, end }).unwrap();
        }
        writer.finish().unwrap();
        Store {
            store: OpusStore::open(&path).unwrap(),
            path,
            _folder: folder,
        }
    }

    /// What a writer is told before the first packet.
    pub fn start(&self) -> Start {
        Start {
            head: self.head.clone(),
            head_bytes: Some(self.head.to_bytes()),
            tags: None,
            pre_skip: None,
            before_segment: 0,
        }
    }

    /// All that libopus decodes from the start, pre-skip and end trim included, with a gain of `q8` / 256 dB.
    fn decoded(&self, q8: i16) -> Vec<i16> {
        let mut decoder = Decoder::new(&self.head).unwrap();
        decoder.set_gain(q8).unwrap();
        let mut out = Vec::new();
        for packet in &self.packets {
            decoder.decode_i16(packet, &mut out).unwrap();
        }
        out
    }

    /// The PCM samples, as [`Self::decoded`].
    pub fn pcm(&self, q8: i16) -> Vec<i16> {
        self.trimmed(self.decoded(q8))
    }

    /// The PCM samples as floats, without gain.
    pub fn floats(&self) -> Vec<f32> {
        let mut decoder = Decoder::new(&self.head).unwrap();
        let mut out = Vec::new();
        for packet in &self.packets {
            decoder.decode_f32(packet, &mut out).unwrap();
        }
        self.trimmed(out)
    }

    fn trimmed<T>(&self, mut decoded: Vec<T>) -> Vec<T> {
        decoded.truncate(decoded.len() - self.end_trim as usize * self.channels());
        decoded.drain(..usize::from(self.head.pre_skip) * self.channels());
        decoded
    }
}

fn samples_of(head: &Head, packet: &[u8]) -> u64 {
    match head.streams() {
        1 => u64::from(samples(packet).unwrap()),
        streams => {
            let parsed = gstharmony::opus::Packet::parse_streams(packet, streams).unwrap();
            u64::from(parsed.samples)
        }
    }
}

/// A store, which goes with its folder.
pub struct Store {
    pub store: OpusStore,
    pub path: PathBuf,
    _folder: TempDir,
}

impl std::ops::Deref for Store {
    type Target = OpusStore;

    fn deref(&self) -> &OpusStore {
        &self.store
    }
}

impl Store {
    /// Samples that can be extracted.
    pub fn total(&self) -> u64 {
        self.info().pcm_samples
    }

    /// The samples of a range, in the manner of most players.
    pub fn get(&self, range: Range<u64>) -> Result<Pcm<i16>, StoreError> {
        self.extract(range, &Extraction::default())
    }

    /// `count` ranges of up to `most` samples, anywhere.
    pub fn ranges(&self, count: usize, most: u64, seed: u64) -> Vec<Range<u64>> {
        let mut random = Random::new(seed);
        let mut range = |_| {
            let start = random.below(self.total());
            let most = most.min(self.total() - start);
            start..start + 1 + random.below(most)
        };
        (0..count).map(&mut range).collect()
    }
}

/// The part of interleaved samples that is a range.
pub fn part<'a, T>(samples: &'a [T], channels: usize, range: &Range<u64>) -> &'a [T] {
    &samples[range.start as usize * channels..range.end as usize * channels]
}
