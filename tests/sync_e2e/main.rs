//! `syncaligner` from end to end: live microphones and cameras on a test clock, at one scene or at two.
//!
//! Where a sample of the second microphone comes out is read off a tone of 50 Hz that it has on a channel of its own, below
//! all that is compared: the tone's phase tells the microphone's own time to a microsecond, by other means than the aligner's.

#[path = "../common/mod.rs"]
mod common;
// Of this a part is used.
#[allow(dead_code)]
#[path = "../syncaligner/rig.rs"]
mod rig;

mod bent;
mod camera;
mod filmed;
mod heard;
mod live;
mod locked;
mod measured;
mod scene;
mod untouched;
