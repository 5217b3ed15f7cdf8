//! What a block carries through GStreamer beside its bytes: buffer flags and the block meta.

use std::sync::LazyLock;

use gst::glib::Quark;
use gst::meta::{CustomMeta, Standalone};
use gst::prelude::*;

use crate::h4mk::{Block, BlockMeta, Clipping, Kind, Track};
use crate::text::before_zero;

/// Name of the custom meta on buffers of `application/x-h4mk-block`.
///
/// Its structure has `kind` (string: `I`, `P` or `B`), `track-id` (uint), `pts-ms` (uint, the PTS of version 1), `exact`
/// (boolean: the times are exact, not from milliseconds) and, where it is known, `sequence` (uint64: number of
/// the block in the file). It is registered without tags, so that every element copies it.
pub const BLOCK_META: &str = "GstH4mkBlockMeta";

/// Caps of blocks whose content no element knows.
pub const BLOCK_CAPS: &str = "application/x-h4mk-block";

/// Caps of the container.
pub const H4MK_CAPS: &str = "application/x-h4mk";

/// Registers the block meta; more than one call does no harm.
pub fn register() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| CustomMeta::register(BLOCK_META, &[]));
}

/// The buffer flags that have no place of their own in a record and are kept as bits: marker, gap, corrupted
/// and the video flags (interlacing, multiview), which begin at `GST_VIDEO_BUFFER_FLAG_INTERLACED`.
pub fn remaining_flags(flags: gst::BufferFlags) -> u32 {
    let video = !((gst::ffi::GST_MINI_OBJECT_FLAG_LAST << 16) - 1);
    let kept = gst::BufferFlags::MARKER | gst::BufferFlags::GAP | gst::BufferFlags::CORRUPTED;
    flags.bits() & (kept.bits() | video)
}

/// All flags of a buffer, those of video among them, which `BufferRef::flags` leaves out.
pub fn all_flags(buffer: &gst::BufferRef) -> gst::BufferFlags {
    // SAFETY: the reference is to a valid buffer, whose flags are a plain integer.
    let flags = unsafe { (*buffer.as_ptr()).mini_object.flags };
    gst::BufferFlags::from_bits_retain(flags & !(gst::ffi::GST_MINI_OBJECT_FLAG_LAST - 1))
}

/// Replaces all flags of a buffer but the one that is about its memory.
pub fn replace_flags(buffer: &mut gst::BufferRef, flags: gst::BufferFlags) {
    let old = all_flags(buffer).bits() & !gst::BufferFlags::TAG_MEMORY.bits();
    buffer.unset_flags(gst::BufferFlags::from_bits_retain(old));
    buffer.set_flags(flags);
}

/// The buffer flags of a block.
pub fn buffer_flags(meta: &BlockMeta) -> gst::BufferFlags {
    let mut flags = gst::BufferFlags::from_bits_retain(remaining_flags(
        gst::BufferFlags::from_bits_retain(meta.buffer_flags),
    ));
    flags.set(gst::BufferFlags::DELTA_UNIT, !meta.kind.is_key());
    flags.set(gst::BufferFlags::DISCONT, meta.discont);
    flags.set(gst::BufferFlags::HEADER, meta.header);
    flags.set(gst::BufferFlags::DROPPABLE, meta.droppable);
    flags
}

/// Caps of a track's blocks for consumers that know nothing of its codec.
pub fn block_caps(track: &Track) -> gst::Caps {
    gst::Caps::builder(BLOCK_CAPS)
        .field("codec", before_zero(&track.codec))
        .field("track-id", i32::from(track.track_id))
        .field("kind", before_zero(&track.kind))
        .build()
}

/// Puts the block meta on a buffer.
pub fn add_block_meta(buffer: &mut gst::BufferRef, block: &Block) {
    let Ok(mut meta) = CustomMeta::add(buffer, BLOCK_META) else {
        return;
    };
    let structure = meta.mut_structure();
    structure.set("kind", block.meta.kind.as_str());
    structure.set("track-id", u32::from(block.meta.track_id));
    structure.set("pts-ms", block.pts_ms);
    structure.set("exact", block.exact);
    if let Some(sequence) = block.sequence {
        structure.set("sequence", sequence);
    }
}

/// The kind in a buffer's block meta.
#[expect(
    deprecated,
    reason = "what replaces quarks is not in GStreamer before 1.26"
)]
pub fn block_kind(buffer: &gst::BufferRef) -> Option<Kind> {
    static QUARKS: LazyLock<[Quark; 2]> =
        LazyLock::new(|| [BLOCK_META, "kind"].map(Quark::from_str));
    let [name, field] = *QUARKS;
    // As `CustomMeta::from_buffer` and `get`, which take long for a look at each delta: they copy names and look them up.
    let mut metas = buffer.iter_meta::<gst::Meta>();
    let kind = metas.find_map(|meta| {
        let structure = meta.try_as_custom_meta()?.structure();
        let ours = structure.name_quark() == name;
        ours.then(|| match structure.get_by_quark(field) {
            Ok("I") => Some(Kind::I),
            Ok("P") => Some(Kind::P),
            Ok("B") => Some(Kind::B),
            _ => None,
        })
    });
    kind.flatten()
}

/// The audio clipping of a buffer, in samples. One that is told in time needs the sample rate.
pub fn clipping(buffer: &gst::BufferRef, rate: Option<u32>) -> Option<Clipping> {
    let meta = buffer.meta::<gst_audio::AudioClippingMeta>()?;
    let samples = |value: gst::GenericFormattedValue| match value {
        gst::GenericFormattedValue::Default(Some(n)) => Some(*n),
        gst::GenericFormattedValue::Time(Some(time)) => time
            .nseconds()
            .mul_div_round(u64::from(rate?), gst::ClockTime::SECOND.nseconds()),
        _ => None,
    };
    Some(Clipping {
        start: samples(meta.start())?,
        end: samples(meta.end())?,
    })
}

/// Puts audio clipping on a buffer.
pub fn add_clipping(
    buffer: &mut gst::BufferRef,
    clipping: Clipping,
) -> gst::MetaRefMut<'_, gst_audio::AudioClippingMeta, Standalone> {
    let samples = gst::format::Default::from_u64;
    gst_audio::AudioClippingMeta::add(buffer, samples(clipping.start), samples(clipping.end))
}
