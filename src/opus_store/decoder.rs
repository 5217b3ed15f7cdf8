//! libopus' decoder: packets in, interleaved samples at 48 kHz out.
//!
//! It is always the multistream decoder, as in `opusdec` and opusfile, with libopus' own settings: phase inversion is on.
//! Its 16-bit samples are its floats after soft clipping.

use std::ffi::{CStr, c_int, c_uchar};
use std::ptr::NonNull;

use opusic_sys as sys;

use super::StoreError;
use crate::opus::{Head, MOST_SAMPLES, RATE};

/// What libopus says of something that it does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal(c_int);

impl Refusal {
    /// The refusal as an error of packet `packet` of its link.
    pub fn of(self, packet: u64) -> StoreError {
        StoreError::Decode {
            packet,
            code: self.to_string(),
        }
    }

    /// Turns a result of libopus into a count, or into what it says.
    fn check(result: c_int) -> Result<usize, Self> {
        usize::try_from(result).map_err(|_| Self(result))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // SAFETY: any number may be asked for; the text is static and ends in zero.
        let text = unsafe { CStr::from_ptr(sys::opus_strerror(self.0)) };
        write!(f, "{} ({})", text.to_string_lossy(), self.0)
    }
}

/// A decoder of one link. After [`Decoder::reset`] it is as new.
#[derive(Debug)]
pub struct Decoder {
    /// Belongs to this value alone, from creation to drop.
    state: NonNull<sys::OpusMSDecoder>,
    channels: usize,
}

// SAFETY: the state is memory that only this value points to, and libopus binds it to no thread.
unsafe impl Send for Decoder {}

impl Decoder {
    /// A decoder for the streams and channels of a header, without gain.
    ///
    /// # Errors
    /// [`StoreError::Decoder`] for mapping families but 0, 1 and 255 (RFC 7845, 5.1.1), and when libopus refuses.
    pub fn new(head: &Head) -> Result<Self, StoreError> {
        if !matches!(head.family(), 0 | 1 | 255) {
            return Err(StoreError::Decoder(format!(
                "channel mapping family: found {}, expected 0, 1 or 255",
                head.family()
            )));
        }
        let mapping = head.mapping_table();
        if mapping.len() != usize::from(head.channels) {
            return Err(StoreError::Decoder(format!(
                "channel mapping: found {} entries, expected {}",
                mapping.len(),
                head.channels
            )));
        }
        let mut error = sys::OPUS_OK;
        // SAFETY: the table has an entry for each channel, as just checked, and both pointers are valid during the call.
        let state = unsafe {
            sys::opus_multistream_decoder_create(
                RATE.cast_signed(),
                c_int::from(head.channels),
                c_int::from(head.streams()),
                c_int::from(head.coupled()),
                mapping.as_ptr(),
                &raw mut error,
            )
        };
        match NonNull::new(state) {
            Some(state) if error == sys::OPUS_OK => Ok(Self {
                state,
                channels: usize::from(head.channels),
            }),
            _ => Err(StoreError::Decoder(Refusal(error).to_string())),
        }
    }

    /// Channels of the sound.
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// Decodes a packet and appends its interleaved samples to `out`; gives the samples of a channel.
    ///
    /// # Errors
    /// What libopus says of the packet; `out` is then as before.
    pub fn decode_i16(&mut self, packet: &[u8], out: &mut Vec<i16>) -> Result<usize, Refusal> {
        self.decode(packet, out, sys::opus_multistream_decode)
    }

    /// As [`Decoder::decode_i16`], in floats of which full scale is 1; those beyond are not clipped.
    ///
    /// # Errors
    /// What libopus says of the packet; `out` is then as before.
    pub fn decode_f32(&mut self, packet: &[u8], out: &mut Vec<f32>) -> Result<usize, Refusal> {
        self.decode(packet, out, sys::opus_multistream_decode_float)
    }

    /// Appends what `call`, one of libopus' decoding functions, makes of a packet.
    fn decode<T>(
        &mut self,
        packet: &[u8],
        out: &mut Vec<T>,
        call: unsafe extern "C" fn(
            *mut sys::OpusMSDecoder,
            *const c_uchar,
            i32,
            *mut T,
            c_int,
            c_int,
        ) -> c_int,
    ) -> Result<usize, Refusal> {
        // For libopus an empty packet is a lost one, which it would replace by sound of its own.
        let len = match i32::try_from(packet.len()) {
            Ok(len) if len > 0 => len,
            _ => return Err(Refusal(sys::OPUS_INVALID_PACKET)),
        };
        out.reserve(MOST_SAMPLES as usize * self.channels);
        // SAFETY: the state is valid and borrowed alone; the packet has `len` bytes; behind the values of `out` there is room
        // for the samples of the longest packet in all channels, and libopus writes no more than that.
        let result = unsafe {
            call(
                self.state.as_ptr(),
                packet.as_ptr(),
                len,
                out.as_mut_ptr().add(out.len()),
                MOST_SAMPLES.cast_signed(),
                0,
            )
        };
        let samples = Refusal::check(result)?;
        // SAFETY: libopus has written this many samples of each channel into the room behind the values.
        unsafe { out.set_len(out.len() + samples * self.channels) };
        Ok(samples)
    }

    /// Has libopus apply a gain of `q8` / 256 dB to what it decodes from now on.
    ///
    /// # Errors
    /// What libopus says.
    pub fn set_gain(&mut self, q8: i16) -> Result<(), Refusal> {
        // SAFETY: the state is valid, and this request takes one `int`.
        let result = unsafe {
            sys::opus_multistream_decoder_ctl(
                self.state.as_ptr(),
                sys::OPUS_SET_GAIN_REQUEST,
                c_int::from(q8),
            )
        };
        Refusal::check(result).map(drop)
    }

    /// Forgets all packets, as if it were just made; the gain stays.
    ///
    /// # Errors
    /// What libopus says.
    pub fn reset(&mut self) -> Result<(), Refusal> {
        // SAFETY: the state is valid, and this request takes nothing.
        let result = unsafe {
            sys::opus_multistream_decoder_ctl(self.state.as_ptr(), sys::OPUS_RESET_STATE)
        };
        Refusal::check(result).map(drop)
    }

    /// What libopus says of its version, for example `libopus 1.3.1`.
    pub fn version() -> String {
        // SAFETY: the text is static and ends in zero.
        let text = unsafe { CStr::from_ptr(sys::opus_get_version_string()) };
        text.to_string_lossy().into_owned()
    }

    /// Leaves out phase inversion, as `opusdec` of GStreamer does by default.
    #[cfg(test)]
    pub fn without_phase_inversion(self) -> Self {
        // SAFETY: the state is valid and borrowed alone, and this request takes one `int`.
        let result = unsafe {
            sys::opus_multistream_decoder_ctl(
                self.state.as_ptr(),
                sys::OPUS_SET_PHASE_INVERSION_DISABLED_REQUEST,
                1,
            )
        };
        assert_eq!(result, sys::OPUS_OK);
        self
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the state came from libopus and is not used again.
        unsafe { sys::opus_multistream_decoder_destroy(self.state.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::certify;
    use super::*;
    use crate::opus::Mapping;

    fn head(channels: u8, mapping: Mapping) -> Head {
        Head {
            channels,
            pre_skip: 0,
            input_rate: 48_000,
            gain: 0,
            mapping,
        }
    }

    fn table(family: u8, streams: u8, coupled: u8, channels: &[u8]) -> Head {
        let mapping = Mapping::Table {
            family,
            streams,
            coupled,
            channels: channels.to_vec(),
        };
        head(channels.len() as u8, mapping)
    }

    fn stereo() -> Decoder {
        Decoder::new(&head(2, Mapping::Simple)).unwrap()
    }

    fn decoded(decoder: &mut Decoder) -> Vec<i16> {
        let mut out = Vec::new();
        for packet in certify::packets() {
            decoder.decode_i16(packet, &mut out).unwrap();
        }
        out
    }

    #[test]
    fn a_reset_decoder_is_as_new() {
        let whole = decoded(&mut stereo());
        assert!(whole.iter().any(|sample| sample.unsigned_abs() > 1000));
        // Whatever the last packet was: of every mode, mono or stereo.
        let mut decoder = stereo();
        for packet in certify::packets() {
            decoder.decode_i16(packet, &mut Vec::new()).unwrap();
            decoder.reset().unwrap();
            assert_eq!(decoded(&mut decoder), whole);
        }
    }

    #[test]
    fn floats_are_the_same_sound_before_soft_clipping() {
        let (mut integers, mut floats) = (stereo(), stereo());
        let mut clipped = [false; 2];
        let mut compared = 0;
        for packet in certify::packets() {
            let (mut short, mut float) = (Vec::new(), Vec::new());
            let samples = integers.decode_i16(packet, &mut short).unwrap();
            assert_eq!(floats.decode_f32(packet, &mut float), Ok(samples));
            assert_eq!((short.len(), float.len()), (2 * samples, 2 * samples));
            // Soft clipping goes on to the end of the half wave, which may lie in the next packet.
            clipped = [float.iter().any(|x| x.abs() > 1.0), clipped[0]];
            if clipped == [false; 2] {
                compared += 1;
                for (short, float) in short.iter().zip(&float) {
                    assert!((f32::from(*short) - float * 32_768.0).abs() <= 0.5);
                }
            }
        }
        assert!(compared > 40, "{compared}");
    }

    #[test]
    fn gain_is_applied_and_outlasts_a_reset() {
        let packet = certify::packets().next().unwrap();
        let (mut plain, mut loud) = (Vec::new(), Vec::new());
        stereo().decode_f32(packet, &mut plain).unwrap();
        let mut decoder = stereo();
        // 6.0206 dB are twice the amplitude.
        decoder.set_gain(1541).unwrap();
        decoder.reset().unwrap();
        decoder.decode_f32(packet, &mut loud).unwrap();
        for (plain, loud) in plain.iter().zip(&loud) {
            assert!((2.0 * plain - loud).abs() < 1e-3, "{plain} {loud}");
        }
    }

    #[test]
    fn a_bad_packet_is_refused_and_gives_nothing() {
        let mut decoder = stereo();
        let mut out = vec![7];
        // No packet, and code 2 whose first frame is longer than the packet.
        for wrong in [&[][..], &[0x02, 200, 0]] {
            let refusal = decoder.decode_i16(wrong, &mut out).unwrap_err();
            assert_eq!(out, [7]);
            assert_eq!(
                refusal.of(5).to_string(),
                "packet 5: libopus says corrupted stream (-4)"
            );
        }
    }

    #[test]
    fn families_0_1_and_255_are_decoded() {
        let surround = table(1, 4, 2, &[0, 4, 1, 2, 3, 5]);
        for (head, channels) in [
            (head(1, Mapping::Simple), 1),
            (surround, 6),
            (table(255, 3, 0, &[2, 0, 255, 1]), 4),
        ] {
            assert_eq!(Decoder::new(&head).unwrap().channels(), channels);
        }
        for family in [2, 3, 254] {
            let error = Decoder::new(&table(family, 1, 1, &[0, 1])).unwrap_err();
            let expected = format!("family: found {family}, expected 0, 1 or 255");
            assert!(error.to_string().ends_with(&expected), "{error}");
        }
    }

    #[test]
    fn a_mapping_that_libopus_refuses_makes_no_decoder() {
        for (head, what) in [
            (table(255, 1, 2, &[0]), "invalid argument (-1)"),
            (table(255, 1, 0, &[1]), "invalid argument (-1)"),
            (head(2, Mapping::Simple), ""),
        ] {
            let made = Decoder::new(&head);
            assert_eq!(made.is_err(), !what.is_empty());
            if let Err(error) = made {
                assert!(error.to_string().ends_with(what), "{error}");
            }
        }
        let mut short = table(255, 2, 0, &[0, 1]);
        short.channels = 3;
        let error = Decoder::new(&short).unwrap_err().to_string();
        assert!(error.ends_with("found 2 entries, expected 3"), "{error}");
    }
}
