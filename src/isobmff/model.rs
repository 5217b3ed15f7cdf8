//! What a file is made of, before it is bytes: the vocabulary that timing, planning and box writers share.

/// Which of the formats a file is, and so its brands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variant {
    /// Movie fragments after a `moov` without samples (ISO/IEC 14496-12, 8.8).
    #[default]
    Fragmented,
    /// A CMAF track file (ISO/IEC 23000-19): one track, fragmented.
    Cmaf,
    /// All samples are in the tables of `moov`.
    Progressive,
}

/// Everything in `moov` but the tables of samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Movie {
    /// The format.
    pub variant: Variant,
    /// Ticks a second of `mvhd` and of the durations of edits.
    pub timescale: u32,
    /// Seconds since 1904-01-01 00:00 UTC; `None` writes 0, so that equal input gives equal files.
    pub creation_time: Option<u64>,
    /// In the order of their ids, which count from 1.
    pub tracks: Vec<Track>,
    /// `udta/meta/ilst`.
    pub tags: Tags,
}

/// One track.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// `track_ID`, from 1.
    pub id: u32,
    /// Ticks a second of the media.
    pub timescale: u32,
    /// BCP 47 language tag, as `elng` holds it; empty where it is not known. `mdhd` holds its ISO 639-2/T code.
    pub language: String,
    /// Name for people (`hdlr`); empty for the kind's usual name.
    pub name: String,
    /// How the picture is turned for display.
    pub orientation: Orientation,
    /// Descriptions of the samples, one at least, of one kind. Samples refer to them by place.
    pub entries: Vec<SampleEntry>,
    /// `elst`; empty where media time is presentation time.
    pub edits: Vec<Edit>,
}

/// One entry of `elst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// Ticks of the movie's timescale; 0 in a fragmented file: to the end, whatever that will be.
    pub duration: u64,
    /// Media time at which it begins, ticks of the track; `None` shows nothing (an empty edit).
    pub media_time: Option<u64>,
}

/// Display transformation, clockwise degrees, after mirroring left to right where `mirrored`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orientation {
    /// Quarter turns clockwise, 0 to 3.
    pub quarter_turns: u8,
    /// Mirrored left to right before it is turned.
    pub mirrored: bool,
}

/// Description of samples: one entry of `stsd`.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleEntry {
    /// avc1, avc3, hvc1, hev1, av01, vp09.
    Video(VideoEntry),
    /// mp4a, Opus, fLaC, ac-3, ec-3.
    Audio(AudioEntry),
    /// tx3g.
    Text(TextEntry),
}

/// A `VisualSampleEntry` (ISO/IEC 14496-12, 12.1.3).
#[derive(Debug, Clone, PartialEq)]
pub struct VideoEntry {
    /// Codec and its configuration.
    pub codec: VideoCodec,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// `pasp`: width and height of a pixel; `None` where it is not known.
    pub pixel_aspect: Option<(u32, u32)>,
    /// `colr` of type `nclx`; `None` where it is not known.
    pub colour: Option<Colour>,
    /// `mdcv`.
    pub mastering: Option<MasteringDisplay>,
    /// `clli`.
    pub light: Option<ContentLight>,
    /// `btrt`.
    pub bitrate: Option<Bitrate>,
}

/// Video codecs, with the payloads of their configuration boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VideoCodec {
    /// `avcC`; avc3 where parameter sets are in the samples too.
    Avc {
        /// An `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 5.3.3).
        config: Vec<u8>,
        /// avc3 and not avc1.
        in_band: bool,
    },
    /// `hvcC`; hev1 where parameter sets are in the samples too.
    Hevc {
        /// An `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 8.3.3).
        config: Vec<u8>,
        /// hev1 and not hvc1.
        in_band: bool,
    },
    /// `av1C`.
    Av1 {
        /// An `AV1CodecConfigurationRecord` (AV1 in ISOBMFF, 2.3).
        config: Vec<u8>,
    },
    /// `vpcC`.
    Vp9 {
        /// A `VPCodecConfigurationRecord`, without the full box's version and flags (VP in ISOBMFF).
        config: Vec<u8>,
    },
}

/// Code points of ISO/IEC 23091-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// `colour_primaries`.
    pub primaries: u16,
    /// `transfer_characteristics`.
    pub transfer: u16,
    /// `matrix_coefficients`.
    pub matrix: u16,
    /// Full and not limited range.
    pub full_range: bool,
}

/// `mdcv` (ISO/IEC 14496-12, 12.1.7), chromaticities in steps of 0.00002, luminance in 0.0001 cd/m².
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MasteringDisplay {
    /// x and y of green, blue and red, in this order, as the box has them.
    pub primaries_gbr: [(u16, u16); 3],
    /// x and y.
    pub white_point: (u16, u16),
    /// Most.
    pub max_luminance: u32,
    /// Least.
    pub min_luminance: u32,
}

/// `clli`: cd/m².
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLight {
    /// Maximum content light level.
    pub max_content: u16,
    /// Maximum frame-average light level.
    pub max_average: u16,
}

/// Bits a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bitrate {
    /// Over any second.
    pub max: u32,
    /// Over all.
    pub average: u32,
}

/// An `AudioSampleEntry` (ISO/IEC 14496-12, 12.2.3).
#[derive(Debug, Clone, PartialEq)]
pub struct AudioEntry {
    /// Codec and its configuration.
    pub codec: AudioCodec,
    /// `channelcount`.
    pub channels: u16,
    /// Hz; the box holds it where it fits 16 bits, else what the codec's mapping says.
    pub rate: u32,
    /// Bits a sample of the source where the codec tells (FLAC), else 16.
    pub sample_size: u16,
    /// `btrt`, and the rates in `esds`.
    pub bitrate: Option<Bitrate>,
}

/// Audio codecs, with the payloads of their configuration boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AudioCodec {
    /// `esds` around an `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1).
    Aac {
        /// The `AudioSpecificConfig`.
        config: Vec<u8>,
    },
    /// `dOps` (Opus in ISOBMFF, 4.3.2).
    Opus {
        /// The payload of `dOps`.
        config: Vec<u8>,
    },
    /// `dfLa` (FLAC in ISOBMFF, 3.3.2).
    Flac {
        /// Metadata blocks with their headers, STREAMINFO first; the payload without version and flags.
        blocks: Vec<u8>,
    },
    /// `dac3` (ETSI TS 102 366, F.4).
    Ac3 {
        /// The payload of `dac3`, 3 bytes.
        config: Vec<u8>,
    },
    /// `dec3` (ETSI TS 102 366, F.6).
    Eac3 {
        /// The payload of `dec3`.
        config: Vec<u8>,
    },
}

/// A `TextSampleEntry` (3GPP TS 26.245, 5.16): the player's own style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextEntry {
    /// Pixels of the region, 0 for all of the presentation.
    pub width: u16,
    /// Pixels of the region.
    pub height: u16,
}

/// `ilst` items, each left out where it is `None` or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags {
    /// Four characters of the item (`©nam`, `©ART`, ...: © is the byte A9) and its text, UTF-8.
    pub texts: Vec<([u8; 4], String)>,
    /// `trkn`, number and total, 0 for unknown.
    pub track: Option<(u16, u16)>,
    /// `disk`, number and total, 0 for unknown.
    pub disk: Option<(u16, u16)>,
    /// `tmpo`, beats a minute.
    pub tempo: Option<u16>,
    /// `covr`: JPEG or PNG.
    pub covers: Vec<Cover>,
}

/// A picture for `covr`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cover {
    /// image/jpeg.
    Jpeg(Vec<u8>),
    /// image/png.
    Png(Vec<u8>),
}

/// What the boxes say of one sample. Ticks are of its track's timescale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Bytes.
    pub size: u32,
    /// Ticks from its decoding time to the next sample's.
    pub duration: u32,
    /// Ticks from its decoding to its composition time, never negative.
    pub composition_offset: u32,
    /// Decoding can begin here: false sets `sample_is_non_sync_sample`.
    pub sync: bool,
    /// A sync sample with leading pictures, which need what is before it (open GOP): a member of the group `rap `.
    pub open: bool,
    /// Place of its description in [`Track::entries`].
    pub entry: u32,
}

/// Samples of one track in one movie fragment: a `traf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackFragment {
    /// `track_ID`.
    pub track: u32,
    /// `tfdt`: decoding time of the first sample, ticks of the media.
    pub base_decode_time: u64,
    /// `roll_distance` of every sample, where decoding has to begin earlier (Opus: -4 for 80 ms in 20 ms packets).
    pub roll_distance: Option<i16>,
    /// In decoding order. Each run is contiguous in `mdat`.
    pub runs: Vec<Run>,
}

/// A `trun`: samples that lie next to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Bytes from the first byte of the payload of `mdat` to the first sample.
    pub offset: u64,
    /// In decoding order, one at least.
    pub samples: Vec<Sample>,
}

/// One movie fragment and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// `mfhd`: `sequence_number`.
    pub sequence: u32,
    /// In the order of the tracks; one without samples is left out.
    pub tracks: Vec<TrackFragment>,
    /// Bytes in `mdat`.
    pub payload: u64,
}
