//! AAC: the `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1).

use super::{Error, bits::Bits};

/// Hz of `samplingFrequencyIndex` (table 1.18).
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// What an `AudioSpecificConfig` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The audio object type that is signalled first: 2 for AAC-LC, 5 for explicit SBR, 29 for explicit PS.
    pub signalled: u8,
    /// The audio object type of the core coder.
    pub object_type: u8,
    /// Hz of the core coder.
    pub rate: u32,
    /// Hz after SBR, where SBR is signalled.
    pub extension_rate: Option<u32>,
    /// SBR is said not to be there: the core's rate is the stream's, whatever containers say.
    pub plain: bool,
    /// `channelConfiguration` as a number of channels; `None` where a program config element says it.
    pub channels: Option<u16>,
    /// Samples of the core coder in an access unit.
    pub frame_length: u32,
}

impl Config {
    /// Reads an `AudioSpecificConfig`.
    ///
    /// # Errors
    /// When it is cut, or the rate, the channels or the object type are none that AAC has.
    pub fn parse(config: &[u8]) -> Result<Self, Error> {
        let mut bits = Bits::new("AudioSpecificConfig", config);
        let signalled = object_type(&mut bits)?;
        let rate = rate(&mut bits, "samplingFrequencyIndex")?;
        let channels = channels(&mut bits)?;
        let mut object = signalled;
        let mut extension_rate = None;
        if matches!(signalled, 5 | 29) {
            extension_rate = Some(self::rate(&mut bits, "extensionSamplingFrequencyIndex")?);
            object = object_type(&mut bits)?;
        }
        let frame_length = frame_length(&mut bits, object)?;
        let mut plain = false;
        if extension_rate.is_none() {
            let behind = backward_compatible(&mut bits, object, channels).unwrap_or_default();
            plain = behind == Some(0);
            extension_rate = behind.filter(|rate| *rate > 0);
        }
        Ok(Self {
            signalled,
            object_type: object,
            rate,
            extension_rate,
            plain,
            channels,
            frame_length,
        })
    }

    /// Samples of an access unit at `rate` Hz, the rate of the caps, where it is the core's, SBR's or another that
    /// gives a whole number; else `None`.
    pub fn samples_at(&self, rate: u32) -> Option<u32> {
        if self.plain && rate != self.rate {
            return None;
        }
        let scaled = u64::from(self.frame_length) * u64::from(rate);
        let core = u64::from(self.rate);
        match core > 0 && scaled.is_multiple_of(core) {
            true => u32::try_from(scaled / core).ok(),
            false => None,
        }
    }

    /// `codecs` parameter (RFC 6381, 3.3).
    pub fn codecs(&self) -> String {
        format!("mp4a.40.{}", self.signalled)
    }
}

/// `GetAudioObjectType()`.
fn object_type(bits: &mut Bits<'_>) -> Result<u8, Error> {
    match bits.small(5, "audioObjectType")? {
        31 => Ok(32 + bits.small(6, "audioObjectTypeExt")?),
        object => Ok(object),
    }
}

fn rate(bits: &mut Bits<'_>, field: &'static str) -> Result<u32, Error> {
    let index = bits.small(4, field)?;
    let rate = match index {
        15 => bits.take(24, field)?,
        _ => RATES.get(usize::from(index)).copied().unwrap_or(0),
    };
    match rate {
        0 => Err(bits.wrong(field, index, "0 to 12, or 15 and a rate")),
        rate => Ok(rate),
    }
}

fn channels(bits: &mut Bits<'_>) -> Result<Option<u16>, Error> {
    let configuration = bits.small(4, "channelConfiguration")?;
    match configuration {
        0 => Ok(None),
        1..=6 => Ok(Some(configuration.into())),
        7 | 12 | 14 => Ok(Some(8)),
        11 => Ok(Some(7)),
        13 => Ok(Some(24)),
        other => Err(bits.wrong("channelConfiguration", other, "0 to 7 or 11 to 14")),
    }
}

/// Samples of an access unit, from the configuration of the object type.
fn frame_length(bits: &mut Bits<'_>, object: u8) -> Result<u32, Error> {
    match object {
        1..=4 | 6 | 7 | 17 | 19..=23 => {
            let short = bits.flag("frameLengthFlag")?;
            if bits.flag("dependsOnCoreCoder")? {
                bits.skip(14, "coreCoderDelay")?;
            }
            bits.skip(1, "extensionFlag")?;
            Ok(match (object == 23, short) {
                (false, false) => 1024,
                (false, true) => 960,
                (true, false) => 512,
                (true, true) => 480,
            })
        }
        39 => match bits.flag("frameLengthFlag")? {
            true => Ok(480),
            false => Ok(512),
        },
        _ => Err(bits.wrong("audioObjectType", object, "one of AAC's")),
    }
}

/// Hz of SBR where it is signalled behind the core's configuration (1.6.6.1), for a decoder that does not know SBR; 0
/// where that says that there is none.
fn backward_compatible(
    bits: &mut Bits<'_>,
    object: u8,
    channels: Option<u16>,
) -> Result<Option<u32>, Error> {
    // A program config element would lie between.
    if object != 2 || channels.is_none() || bits.left() < 16 {
        return Ok(None);
    }
    if bits.take(11, "syncExtensionType")? != 0x2b7 || object_type(bits)? != 5 {
        return Ok(None);
    }
    match bits.flag("sbrPresentFlag")? {
        true => rate(bits, "extensionSamplingFrequencyIndex").map(Some),
        false => Ok(Some(0)),
    }
}
