//! What the streams carry: a function of the true time alone, so that all streams tell of the same events.

/// The kind of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Audio,
    Video,
    Sensor,
    Text,
}

impl Kind {
    /// How long a buffer is, in milliseconds.
    pub fn duration(self) -> u64 {
        match self {
            Self::Audio => 20,
            Self::Video => 40,
            Self::Sensor => 10,
            Self::Text => 500,
        }
    }

    /// How many kinds of caps it may have.
    pub fn variants(self) -> u64 {
        match self {
            Self::Audio => 4,
            Self::Video | Self::Sensor => 2,
            Self::Text => 1,
        }
    }

    pub fn caps(self, variant: u64) -> String {
        match self {
            Self::Audio => {
                let (format, rate, channels) = audio(variant);
                format!(
                    "audio/x-raw,format={format},layout=interleaved,rate={rate},channels={channels}"
                )
            }
            Self::Video => {
                let side = side(variant);
                format!("video/x-raw,format=GRAY8,width={side},height={side},framerate=25/1")
            }
            Self::Sensor => {
                let channels = variant + 1;
                format!("application/x-sensor,format=F32LE,channels={channels},rate=100")
            }
            Self::Text => "application/x-json".to_owned(),
        }
    }

    /// The bytes of the buffer that begins at the true time of so many milliseconds.
    pub fn data(self, variant: u64, ms: u64) -> Vec<u8> {
        match self {
            Self::Audio => sound(variant, ms),
            Self::Video => {
                let side = side(variant) as usize;
                // A flash of 80 ms now and then.
                let lit = hash((ms / 80) ^ 0x55).is_multiple_of(16);
                vec![if lit { 220 } else { 30 }; side * side]
            }
            Self::Sensor => {
                let value = (hash((ms / 700) ^ 0xaa) % 8) as f32;
                value.to_le_bytes().repeat(variant as usize + 1)
            }
            Self::Text => format!("{{\"at\":{ms}}}").into_bytes(),
        }
    }
}

const fn audio(variant: u64) -> (&'static str, u64, usize) {
    match variant {
        0 => ("F32LE", 48_000, 1),
        1 => ("F32LE", 44_100, 2),
        2 => ("S16LE", 16_000, 1),
        _ => ("S16LE", 48_000, 1),
    }
}

const fn side(variant: u64) -> u64 {
    16 * (variant + 1)
}

/// A number that looks like chance (the finaliser of SplitMix64).
const fn hash(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// From -1 to 1.
fn noise(n: u64) -> f64 {
    (hash(n) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// 20 ms of noise of 8 kHz, as loud as chance wants for each 60 ms.
fn sound(variant: u64, ms: u64) -> Vec<u8> {
    let (format, rate, channels) = audio(variant);
    let mut bytes = Vec::with_capacity(8 * 960);
    for i in 0..rate / 50 {
        let at = ms as f64 * 8.0 + i as f64 * 8000.0 / rate as f64;
        let (whole, part) = (at as u64, at.fract());
        let loud = noise((whole / 480) ^ 0x1234_5678).abs().powi(2);
        let value = loud * (noise(whole) * (1.0 - part) + noise(whole + 1) * part);
        for _ in 0..channels {
            match format {
                "S16LE" => bytes.extend(((value * 30_000.0) as i16).to_le_bytes()),
                _ => bytes.extend((value as f32).to_le_bytes()),
            }
        }
    }
    bytes
}
