//! Packet equality of source and file.

use crate::common::Recipe;
use crate::common::boxes;
use crate::common::ffprobe::{Probe, probe};
use crate::common::packets::{Packet, Stream, capture};
use crate::common::pipeline::quoted;
use crate::common::tools::{decode, package};
use crate::{Remuxed, demuxed, remux};

/// Remuxes a recipe's file and fails unless every reader finds in the result what is in the source.
pub fn faithful(recipe: Recipe, branches: &[&str], properties: &str) -> Remuxed {
    let remuxed = remux(&demuxed(recipe, branches), properties);
    same_packets(recipe, &remuxed, branches.len());
    remuxed
}

/// Fails unless every reader finds in the file what is in the recipe's, in so many streams.
pub fn same_packets(recipe: Recipe, remuxed: &Remuxed, streams: usize) {
    let source = probe(&recipe.path());
    let found = probe(&remuxed.file);
    assert_eq!(found.len(), streams, "{}: streams", recipe.name);
    for found in &found {
        // A demuxer may leave out what lies behind an edit list's end: then the end of the source is missing.
        let twin = source
            .iter()
            .find(|s| s.digests().starts_with(&found.digests()));
        let twin = twin.unwrap_or_else(|| payloads_differ(recipe, &source, found));
        let entered = remuxed.streams.iter().find_map(|s| entered(s, found));
        let entered =
            entered.expect("it went through a pad of the muxer, and all that did is here");
        same_times(recipe, twin, found);
        decodes_in_order(recipe, found);
        same_keys(recipe, entered, found);
    }
    let data = remuxed.bytes();
    let fragmented = boxes::top(&data, b"moov").find("mvex").is_some();
    played_by_qtdemux(recipe, remuxed, &found, fragmented);
    if fragmented {
        crate::fragments::add_up(&data);
    } else {
        boxes::strict(&data);
    }
    package(&remuxed.file, found.len(), remuxed.folder.path());
    decode(&remuxed.file);
}

/// The packets that went through a pad, less the headers before the first sample, if they are those of `found`.
fn entered<'a>(stream: &'a Stream, found: &Probe) -> Option<&'a [Packet]> {
    let headers = stream.packets.len().checked_sub(found.packets.len())?;
    let samples = &stream.packets[headers..];
    let same = samples
        .iter()
        .map(|p| p.sha256.as_str())
        .eq(found.digests());
    let flac = found.codec == "flac";
    (same && (headers == 0 || flac)).then_some(samples)
}

/// The digests of what went through a pad.
pub fn digests(stream: &Stream) -> Vec<&str> {
    stream.packets.iter().map(|p| p.sha256.as_str()).collect()
}

fn payloads_differ(recipe: Recipe, source: &[Probe], found: &Probe) -> ! {
    let same_codec = source.iter().find(|s| s.codec == found.codec);
    let count = same_codec.map(|s| s.packets.len());
    let first = same_codec.and_then(|s| {
        let pairs = s.packets.iter().zip(&found.packets);
        pairs.clone().position(|(a, b)| a.sha256 != b.sha256)
    });
    panic!(
        "{}: no stream of the source has the {} packets of {}; the one of this codec has {count:?}, \
         and number {first:?} is the first to differ",
        recipe.name,
        found.packets.len(),
        found.codec
    );
}

/// How far a time of the source may be from the true one, in nanoseconds: half a tick, but all of a millisecond for
/// sound in Matroska, where both the first sample of a grid and the next ones are rounded.
fn tolerance(source: &Probe, found: &Probe) -> i64 {
    let sound = found.stream["codec_type"] == "audio";
    let tick = |p: &Probe| p.ns(1);
    let ticks = if sound {
        2 * tick(source)
    } else {
        tick(source)
    };
    (ticks + tick(found)) / 2
}

fn same_times(recipe: Recipe, source: &Probe, found: &Probe) {
    let allowed = tolerance(source, found);
    let pairs = source.pts_ns().into_iter().zip(found.pts_ns());
    for (at, (wanted, pts)) in pairs.enumerate() {
        assert!(
            (wanted - pts).abs() <= allowed,
            "{}: {} packet {at} is at {pts} ns, and at {wanted} ns in the source",
            recipe.name,
            found.codec
        );
    }
}

/// DTS rises strictly and is never past PTS. (ffprobe makes durations up where there are B-frames; `qtdemux` does
/// not.)
fn decodes_in_order(recipe: Recipe, found: &Probe) {
    for (at, packet) in found.packets.iter().enumerate() {
        assert!(
            packet.dts.is_some() && packet.pts >= packet.dts,
            "{}: {at}: {packet:?}",
            recipe.name
        );
        let next = found.packets.get(at + 1);
        assert!(
            next.is_none_or(|n| n.dts > packet.dts),
            "{}: {at}: {packet:?} {next:?}",
            recipe.name
        );
    }
}

/// A packet is a key where its buffer lacked DELTA_UNIT.
fn same_keys(recipe: Recipe, entered: &[Packet], found: &Probe) {
    for (at, (buffer, packet)) in entered.iter().zip(&found.packets).enumerate() {
        let key = !buffer.flags.contains(gst::BufferFlags::DELTA_UNIT);
        assert_eq!(packet.key, key, "{}: key flag of {at}", recipe.name);
    }
}

/// `qtdemux` gives the same packets at the times that ffprobe found. Where all streams of a fragmented file begin
/// late, its running time begins with the first of them, as in a live stream.
fn played_by_qtdemux(recipe: Recipe, remuxed: &Remuxed, probes: &[Probe], fragmented: bool) {
    let line = format!(
        "filesrc location={} ! qtdemux name=d",
        quoted(&remuxed.file)
    );
    let (run, played) = capture(&line);
    run.good();
    let name = recipe.name;
    assert_eq!(played.len(), probes.len(), "{name}: streams of qtdemux");
    let begins = probes.iter().filter_map(|p| p.pts_ns().first().copied());
    let begin = begins
        .min()
        .filter(|_| fragmented)
        .map_or(0, |begin| begin.max(0));
    for probe in probes {
        let stream = played.iter().find(|s| digests(s) == probe.digests());
        let stream = stream
            .unwrap_or_else(|| panic!("{}: qtdemux finds no such {}", recipe.name, probe.codec));
        for (at, (packet, pts)) in stream.packets.iter().zip(probe.pts_ns()).enumerate() {
            let played = packet.pts.expect("a PTS");
            // Both convert from ticks, and round each sum's terms; edits of progressive files are microseconds.
            let rounding = if fragmented { 2 } else { 1000 };
            assert!(
                (played + begin - pts).abs() <= rounding,
                "{name}: packet {at}: qtdemux {played} ns, ffprobe {pts} ns"
            );
            assert!(
                packet.dts.is_some() && packet.dts <= packet.pts,
                "{name}: {at}: {packet:?}"
            );
            let lasts = packet.duration.expect("a duration") as i64;
            if let Some(next) = stream.packets.get(at + 1) {
                let step = next.dts.zip(packet.dts).map(|(next, own)| next - own);
                assert!(
                    step.is_some_and(|step| step > 0 && (step - lasts).abs() <= 2),
                    "{name}: {at}: {packet:?} {next:?}"
                );
            }
            let key = !packet.flags.contains(gst::BufferFlags::DELTA_UNIT);
            assert_eq!(key, probe.packets[at].key, "{name}: {at}");
        }
    }
}
