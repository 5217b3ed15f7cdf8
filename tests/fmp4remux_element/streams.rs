//! Streams of the tests' making: pictures and sound with payloads that nobody decodes.

use gst::prelude::*;

use crate::common::{Input, Rig};

const SECOND: &str = "fragment-duration=1000000000";

/// H.264 baseline, 64x48, 25 frames a second.
pub const VIDEO: &str = "video/x-h264,stream-format=avc,alignment=au,width=64,height=48,framerate=25/1,\
    codec_data=(buffer)0142c015ffe1001b6742c015d9047b016a0c0c0d4a000003000200000300651e2c5c9001000468cb8cb2";
/// The same of 128x96.
pub const LARGER: &str = "video/x-h264,stream-format=avc,alignment=au,width=128,height=96,framerate=25/1,\
    codec_data=(buffer)0142c015ffe1001a6742c015d9020db016a0c0c0d4a0000003002000000651e2c5c901000468cb8cb2";
/// AAC-LC, 48 kHz, two channels.
pub const AUDIO: &str = "audio/mpeg,mpegversion=4,stream-format=raw,rate=48000,channels=2,\
    codec_data=(buffer)1190";
/// The same of 44.1 kHz.
pub const SLOWER: &str = "audio/mpeg,mpegversion=4,stream-format=raw,rate=44100,channels=2,\
    codec_data=(buffer)1210";

/// A playing muxer with segments of a second.
pub fn playing(properties: &str) -> Rig {
    let rig = Rig::of("fmp4remux", &format!("{SECOND} {properties}"));
    rig.set_state(gst::State::Playing);
    rig
}

/// A NAL unit that tells its number: an IDR picture, or one that is none.
pub fn picture(number: u64) -> gst::Buffer {
    picture_at(number, number * 40, number.is_multiple_of(25))
}

/// The same at so many milliseconds, a key or not.
pub fn picture_at(number: u64, ms: u64, key: bool) -> gst::Buffer {
    let mut unit = vec![0, 0, 0, 9, if key { 0x65 } else { 0x41 }];
    unit.extend(number.to_be_bytes());
    let mut buffer = gst::Buffer::from_slice(unit);
    let made = buffer.get_mut().unwrap();
    made.set_pts(gst::ClockTime::from_mseconds(ms));
    if !key {
        made.set_flags(gst::BufferFlags::DELTA_UNIT);
    }
    buffer
}

/// A frame of sound, the one of this number at 48 kHz.
pub fn sound(number: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(number.to_be_bytes());
    let made = buffer.get_mut().unwrap();
    made.set_pts(gst::ClockTime::from_nseconds(
        number * 1024 * 1_000_000_000 / 48_000,
    ));
    buffer
}

/// Pushes pictures of these numbers.
pub fn pictures(input: &Input, numbers: std::ops::Range<u64>) {
    for number in numbers {
        assert_eq!(input.pad.push(picture(number)), Ok(gst::FlowSuccess::Ok));
    }
}

/// Pushes pictures and sound together, of whole seconds.
pub fn seconds(video: &Input, audio: &Input, seconds: std::ops::Range<u64>) {
    let mut number = (seconds.start * 48_000).div_ceil(1024);
    for second in seconds {
        for n in second * 25..second * 25 + 25 {
            video.pad.push(picture(n)).unwrap();
            while number * 1024 * 25 < (n + 1) * 48_000 {
                audio.pad.push(sound(number)).unwrap();
                number += 1;
            }
        }
    }
}

/// All that came out.
pub fn bytes(rig: &mut Rig) -> Vec<u8> {
    rig.drain();
    let maps = rig.seen.iter().map(|b| b.map_readable().unwrap().to_vec());
    maps.collect::<Vec<_>>().concat()
}
