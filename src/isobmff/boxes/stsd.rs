//! `stsd`: sample entries with their configuration.

use super::writer::{BoxWriter, FourCc};
use crate::isobmff::model::{
    AudioCodec, AudioEntry, Bitrate, SampleEntry, TextEntry, VideoCodec, VideoEntry,
};

/// `stsd` (ISO/IEC 14496-12, 8.5.2).
pub(super) fn stsd(w: &mut BoxWriter, entries: &[SampleEntry]) {
    w.full(*b"stsd", 0, 0, |w| {
        w.count(entries.len(), "stsd: entry_count");
        for entry in entries {
            match entry {
                SampleEntry::Video(entry) => video(w, entry),
                SampleEntry::Audio(entry) => audio(w, entry),
                SampleEntry::Text(entry) => text(w, entry),
            }
        }
    });
}

/// What every `SampleEntry` begins with.
fn entry(w: &mut BoxWriter, kind: FourCc, body: impl FnOnce(&mut BoxWriter)) {
    w.boxed(kind, |w| {
        w.zeros(6);
        w.u16(1); // data_reference_index: this file
        body(w);
    });
}

/// A `VisualSampleEntry` (12.1.3). Its configuration comes before all other boxes, as readers expect.
fn video(w: &mut BoxWriter, video: &VideoEntry) {
    // Names as the codecs' mappings recommend them; the first byte of the field counts.
    let (kind, name): (FourCc, &[u8]) = match video.codec {
        VideoCodec::Avc { in_band: false, .. } => (*b"avc1", b"AVC Coding"),
        VideoCodec::Avc { in_band: true, .. } => (*b"avc3", b"AVC Coding"),
        VideoCodec::Hevc { in_band: false, .. } => (*b"hvc1", b"HEVC Coding"),
        VideoCodec::Hevc { in_band: true, .. } => (*b"hev1", b"HEVC Coding"),
        VideoCodec::Av1 { .. } => (*b"av01", b"AOM Coding"),
        VideoCodec::Vp9 { .. } => (*b"vp09", b"VPC Coding"),
    };
    entry(w, kind, |w| {
        w.zeros(16);
        w.u16(video.width);
        w.u16(video.height);
        w.u32(0x48_0000); // 72 dots an inch
        w.u32(0x48_0000);
        w.zeros(4);
        w.u16(1); // frame_count
        w.u8(name.len() as u8);
        w.bytes(name);
        w.zeros(31usize.saturating_sub(name.len()));
        w.u16(0x18); // depth: colour without alpha
        w.i16(-1);
        match &video.codec {
            VideoCodec::Avc { config, .. } => w.boxed(*b"avcC", |w| w.bytes(config)),
            VideoCodec::Hevc { config, .. } => w.boxed(*b"hvcC", |w| w.bytes(config)),
            VideoCodec::Av1 { config } => w.boxed(*b"av1C", |w| w.bytes(config)),
            VideoCodec::Vp9 { config } => w.full(*b"vpcC", 1, 0, |w| w.bytes(config)),
        }
        colour(w, video);
        btrt(w, video.bitrate);
    });
}

/// `colr`, `pasp`, `mdcv` and `clli` (12.1.4 to 12.1.8), each where it is known.
fn colour(w: &mut BoxWriter, video: &VideoEntry) {
    if let Some(colour) = video.colour {
        w.boxed(*b"colr", |w| {
            w.bytes(b"nclx");
            w.u16(colour.primaries);
            w.u16(colour.transfer);
            w.u16(colour.matrix);
            w.u8(if colour.full_range { 0x80 } else { 0 });
        });
    }
    if let Some((horizontal, vertical)) = video.pixel_aspect {
        w.boxed(*b"pasp", |w| {
            w.u32(horizontal);
            w.u32(vertical);
        });
    }
    if let Some(display) = video.mastering {
        w.boxed(*b"mdcv", |w| {
            for (x, y) in display
                .primaries_gbr
                .into_iter()
                .chain([display.white_point])
            {
                w.u16(x);
                w.u16(y);
            }
            w.u32(display.max_luminance);
            w.u32(display.min_luminance);
        });
    }
    if let Some(light) = video.light {
        w.boxed(*b"clli", |w| {
            w.u16(light.max_content);
            w.u16(light.max_average);
        });
    }
}

/// `btrt` (8.5.2.2). The size of the decoding buffer is not known: 0.
fn btrt(w: &mut BoxWriter, bitrate: Option<Bitrate>) {
    if let Some(bitrate) = bitrate {
        w.boxed(*b"btrt", |w| {
            w.u32(0);
            w.u32(bitrate.max);
            w.u32(bitrate.average);
        });
    }
}

/// An `AudioSampleEntry` (12.2.3).
fn audio(w: &mut BoxWriter, audio: &AudioEntry) {
    let kind = match audio.codec {
        AudioCodec::Aac { .. } => *b"mp4a",
        AudioCodec::Opus { .. } => *b"Opus",
        AudioCodec::Flac { .. } => *b"fLaC",
        AudioCodec::Ac3 { .. } => *b"ac-3",
        AudioCodec::Eac3 { .. } => *b"ec-3",
    };
    entry(w, kind, |w| {
        w.zeros(8);
        w.u16(audio.channels);
        w.u16(audio.sample_size);
        w.zeros(4);
        w.u16(rate(audio)); // samplerate, 16.16
        w.u16(0);
        match &audio.codec {
            AudioCodec::Aac { config } => {
                let bitrate = audio.bitrate.unwrap_or_default();
                w.full(*b"esds", 0, 0, |w| elementary_stream(w, config, bitrate));
            }
            AudioCodec::Opus { config } => w.boxed(*b"dOps", |w| w.bytes(config)),
            AudioCodec::Flac { blocks } => w.full(*b"dfLa", 0, 0, |w| w.bytes(blocks)),
            AudioCodec::Ac3 { config } => w.boxed(*b"dac3", |w| w.bytes(config)),
            AudioCodec::Eac3 { config } => w.boxed(*b"dec3", |w| w.bytes(config)),
        }
        btrt(w, audio.bitrate);
    });
}

/// The integer part of `samplerate`. A rate that does not fit is 0: the configuration has it. FLAC in ISOBMFF, 3.3.1
/// asks for the greatest regular division (96 and 192 kHz: 48 kHz), and 65 535 where there is none.
fn rate(audio: &AudioEntry) -> u16 {
    let flac = matches!(audio.codec, AudioCodec::Flac { .. });
    let mut rate = audio.rate;
    while flac && rate > u32::from(u16::MAX) && rate.is_multiple_of(2) {
        rate /= 2;
    }
    u16::try_from(rate).unwrap_or(if flac { u16::MAX } else { 0 })
}

/// An `ES_Descriptor` of MPEG-4 audio (ISO/IEC 14496-1, 7.2.6.5; ISO/IEC 14496-14, 3.1.2).
fn elementary_stream(w: &mut BoxWriter, config: &[u8], bitrate: Bitrate) {
    let specific = descriptor_size(config.len());
    let decoder = 13 + specific;
    descriptor(w, 0x03, 3 + descriptor_size(decoder) + descriptor_size(1));
    w.u16(0); // ES_ID: of the track
    w.u8(0);
    descriptor(w, 0x04, decoder);
    w.u8(0x40); // MPEG-4 audio
    w.u8(0x15); // audio stream, reserved bit
    w.zeros(3); // bufferSizeDB
    w.u32(bitrate.max);
    w.u32(bitrate.average);
    descriptor(w, 0x05, config.len());
    w.bytes(config);
    descriptor(w, 0x06, 1);
    w.u8(2); // SL packets as MP4 has them: none
}

/// Bytes of the length of a descriptor of `size` bytes: 7 bits a byte.
fn length_size(size: usize) -> usize {
    (1..4).find(|bytes| size >> (7 * bytes) == 0).unwrap_or(4)
}

/// Bytes of a descriptor with `size` bytes of content.
fn descriptor_size(size: usize) -> usize {
    1 + length_size(size) + size
}

/// Tag and length of a descriptor.
fn descriptor(w: &mut BoxWriter, tag: u8, size: usize) {
    if size >> 28 != 0 {
        w.refuse(crate::isobmff::error::Error::TooLarge {
            field: "esds: descriptor",
            found: size as u64,
            max: (1 << 28) - 1,
        });
    }
    w.u8(tag);
    for byte in (0..length_size(size)).rev() {
        let more = if byte == 0 { 0 } else { 0x80 };
        w.u8((size >> (7 * byte)) as u8 & 0x7f | more);
    }
}

/// A `TextSampleEntry` (3GPP TS 26.245, 5.16): white text, centred at the bottom.
fn text(w: &mut BoxWriter, text: &TextEntry) {
    const FONT: &[u8] = b"Sans-Serif";
    entry(w, *b"tx3g", |w| {
        w.u32(0); // displayFlags
        w.bytes(&[1, 0xff]); // centre, bottom
        w.u32(0); // background: transparent black
        w.zeros(4); // top, left
        w.u16(text.height);
        w.u16(text.width);
        w.zeros(4); // style of all characters
        w.u16(1); // font
        w.bytes(&[0, 18]); // plain, 18 pixels
        w.u32(0xffff_ffff); // white, opaque
        w.boxed(*b"ftab", |w| {
            w.u16(1);
            w.u16(1); // the font's number
            w.u8(FONT.len() as u8);
            w.bytes(FONT);
        });
    });
}
