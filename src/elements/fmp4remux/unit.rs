//! Access units whose frames come in buffers of their own.
//!
//! `ac3parse` gives the dependent substreams of E-AC-3 (7.1 channels) as buffers of no time; in MP4 they are part of the
//! sample of the independent one before them (ETSI TS 102 366, F.6).

use crate::elements::collector::Block;
use crate::isobmff::config::eac3;

/// A buffer, and the caps that came before it, where these are new.
pub(super) type Unit = (Block, Option<gst::Caps>);

/// Joins buffers that are one sample.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    held: Option<Unit>,
    caps: Option<gst::Caps>,
}

impl Joiner {
    /// Takes the caps of the buffers that follow.
    pub fn set_caps(&mut self, caps: &gst::Caps) {
        self.caps = Some(caps.clone());
    }

    /// Takes the next buffer of a stream of E-AC-3. Returns the sample that is complete by that.
    pub fn push(&mut self, block: Block) -> Option<Unit> {
        if let Some((held, _)) = &mut self.held
            && is_dependent(&block.buffer)
        {
            let unit = held.buffer.make_mut();
            for memory in block.buffer.iter_memories_owned() {
                unit.append_memory(memory);
            }
            return None;
        }
        let caps = self.caps.take();
        self.held.replace((block, caps))
    }

    /// The last sample: nothing follows.
    pub fn end(&mut self) -> Option<Unit> {
        self.held.take()
    }
}

/// True of frames that last nothing of their own.
fn is_dependent(buffer: &gst::BufferRef) -> bool {
    let map = buffer.map_readable();
    map.is_ok_and(|map| eac3::samples(&map) == Ok(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of a frame of 64 bytes: `strmtyp`, then 3/2 with the low frequency channel at 48 kHz.
    fn block(dependent: bool, time: i64) -> Block {
        let mut frame = vec![0; 64];
        let kind = if dependent { 0x40 } else { 0 };
        frame.splice(0..6, [0x0b, 0x77, kind, 31, 0x3f, 0x80]);
        Block {
            slot: 0,
            buffer: gst::Buffer::from_slice(frame),
            pts: Some(time),
            dts: None,
            time,
        }
    }

    #[test]
    fn dependent_frames_join_the_one_before() {
        gst::init().unwrap();
        let mut units = Joiner::default();
        assert!(units.push(block(false, 0)).is_none());
        assert!(units.push(block(true, 0)).is_none());
        let caps = gst::Caps::new_empty_simple("audio/x-eac3");
        units.set_caps(&caps);
        let (first, before) = units.push(block(false, 32)).unwrap();
        assert_eq!((first.time, first.buffer.size()), (0, 128));
        assert_eq!(before, None);
        let (second, before) = units.push(block(false, 64)).unwrap();
        assert_eq!((second.time, second.buffer.size()), (32, 64));
        assert_eq!(before, Some(caps), "they came before this one");
        assert_eq!(units.end().unwrap().0.time, 64);
        assert!(units.end().is_none());
    }
}
