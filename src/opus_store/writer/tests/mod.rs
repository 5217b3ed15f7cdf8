//! What is written, as a reader of Zarr sees it.

mod contents;
mod death;
mod places;
mod view;

use crate::opus::{Head, Mapping, Start};

/// What is known of a plain stream of so many channels.
fn start(channels: u8) -> Start {
    Start {
        head: Head {
            channels,
            pre_skip: 312,
            input_rate: 44_100,
            gain: -256,
            mapping: Mapping::Simple,
        },
        head_bytes: None,
        tags: Some(b"OpusTags".to_vec()),
        pre_skip: None,
        before_segment: 0,
    }
}

/// Packet `number` of a stream, which any other number makes another: CELT, fullband, 20 ms, one frame, 3 to 1202 bytes.
fn packet(number: u64) -> Vec<u8> {
    let mut seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let length = 2 + (next() % 1200) as usize;
    let mut packet = vec![31 << 3];
    while packet.len() <= length {
        packet.extend(next().to_le_bytes());
    }
    packet.truncate(1 + length);
    packet
}

/// Samples of [`packet`].
const SAMPLES: u64 = 960;
