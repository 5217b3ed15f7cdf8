#!/usr/bin/env python3
"""Checks a recording against its source, packet by packet, and its seeks, frame by frame.

    check.py packets SOURCE RECORDING.h4mk    every packet of SOURCE (any container) is in the recording, and no other
    check.py seeks   RECORDING.h4mk [COUNT]   COUNT accurate seeks each show the frame that plain playing shows there

Prints what it compared, in figures; exits 1 at any difference.
"""
import bisect
import collections
import hashlib
import random
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

Packet = collections.namedtuple("Packet", "pts dts duration key size sha256")
Frame = collections.namedtuple("Frame", "start end sha256")


def fail(text):
    sys.exit(f"check: {text}")


def until_end(pipeline):
    """Plays to the end; an error on the bus ends the program."""
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(
        Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    if message.type == Gst.MessageType.ERROR:
        error, debug = message.parse_error()
        pipeline.set_state(Gst.State.NULL)
        fail(f"{message.src.get_name()}: {error.message} ({debug})")
    pipeline.set_state(Gst.State.NULL)


def hashed(buffer):
    ok, view = buffer.map(Gst.MapFlags.READ)
    if not ok:
        fail("a buffer can't be read")
    try:
        return hashlib.sha256(view.data).hexdigest()
    finally:
        buffer.unmap(view)


class Stream:
    """What passes one pad: the caps at the end and every packet in running time (ns; may be negative)."""

    def __init__(self, pad):
        self.segment = None
        self.caps = None
        self.packets = []
        pad.add_probe(Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST | Gst.PadProbeType.EVENT_DOWNSTREAM,
                      self.passed)

    def passed(self, _pad, info):
        if info.type & Gst.PadProbeType.EVENT_DOWNSTREAM:
            event = info.get_event()
            if event.type == Gst.EventType.SEGMENT:
                self.segment = event.parse_segment()
            elif event.type == Gst.EventType.CAPS:
                self.caps = event.parse_caps()
        elif info.type & Gst.PadProbeType.BUFFER_LIST:
            buffers = info.get_buffer_list()
            for i in range(buffers.length()):
                self.packet(buffers.get(i))
        else:
            self.packet(info.get_buffer())
        return Gst.PadProbeReturn.OK

    def packet(self, buffer):
        duration = None if buffer.duration == Gst.CLOCK_TIME_NONE else buffer.duration
        self.packets.append(Packet(
            self.running(buffer.pts), self.running(buffer.dts), duration,
            not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT), buffer.get_size(), hashed(buffer)))

    def running(self, time):
        if time == Gst.CLOCK_TIME_NONE:
            return None
        sign, running = self.segment.to_running_time_full(Gst.Format.TIME, time)
        return sign * running if sign else None


def streams(path, demuxer):
    """The streams that `demuxer` finds in the file, by media type and its order among those of that type."""
    pipeline = Gst.parse_launch(f"filesrc name=source ! {demuxer} name=demuxer")
    pipeline.get_by_name("source").set_property("location", path)
    found = []

    def added(_element, pad):
        # Not async: one thread may feed all sinks, which could not preroll one after the other.
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("sync", False)
        sink.set_property("async", False)
        pipeline.add(sink)
        found.append(Stream(pad))
        pad.link(sink.get_static_pad("sink"))
        sink.sync_state_with_parent()

    pipeline.get_by_name("demuxer").connect("pad-added", added)
    until_end(pipeline)
    named, seen = {}, collections.Counter()
    for stream in found:
        media = stream.caps.get_structure(0).get_name()
        named[f"{media} {seen[media]}"] = stream
        seen[media] += 1
    return named


def same(name, source, recorded):
    """Whether two streams are equal; says how in either case."""
    for i, (a, b) in enumerate(zip(source.packets, recorded.packets)):
        if a != b:
            print(f"  {name}: packet {i} differs:\n    source    {a}\n    recording {b}")
            return False
    if len(source.packets) != len(recorded.packets):
        print(f"  {name}: {len(source.packets)} packets in the source, {len(recorded.packets)} in the recording")
        return False
    if not source.caps.is_equal(recorded.caps):
        print(f"  {name}: caps differ:\n    source    {source.caps.to_string()}\n    recording {recorded.caps.to_string()}")
        return False
    packets = source.packets
    shown = [p.pts for p in packets if p.pts is not None]
    back = sum(later < earlier for earlier, later in zip(shown, shown[1:]))
    print(f"  {name}: {len(packets)} packets, {sum(p.size for p in packets)} bytes, "
          f"{sum(p.key for p in packets)} key, {back} of them reordered (B-frames): all equal")
    return True


def packets(source, recording):
    before, after = streams(source, "parsebin"), streams(recording, "h4mkdemux")
    if not before:
        fail(f"{source}: no streams")
    if before.keys() != after.keys():
        fail(f"the source has {sorted(before)}, the recording {sorted(after)}")
    if not all([same(name, before[name], after[name]) for name in before]):
        fail("the recording differs from its source")
    if not any(stream.packets for stream in before.values()):
        fail(f"{source}: no packets")


def decoder(path):
    """Decodes the first video stream, or the first audio stream where there is no video, into an appsink."""
    pipeline = Gst.parse_launch("filesrc name=source ! decodebin name=decode  appsink name=sink sync=false max-buffers=4")
    pipeline.get_by_name("source").set_property("location", path)
    kind = "video" if any(n.startswith("video/") for n in streams(path, "parsebin")) else "audio"

    def added(_element, pad):
        sink = pipeline.get_by_name("sink").get_static_pad("sink")
        caps = pad.get_current_caps() or pad.query_caps(None)
        if caps.to_string().startswith(f"{kind}/x-raw") and not sink.is_linked():
            pad.link(sink)
            return
        rest = Gst.ElementFactory.make("fakesink")
        rest.set_property("async", False)
        rest.set_property("sync", False)
        pipeline.add(rest)
        pad.link(rest.get_static_pad("sink"))
        rest.sync_state_with_parent()

    pipeline.get_by_name("decode").connect("pad-added", added)
    return pipeline, kind


def frame(sample):
    buffer, segment = sample.get_buffer(), sample.get_segment()
    # Raw samples are not cut at the segment's start: the first buffer may begin before it.
    sign, start = segment.to_stream_time_full(Gst.Format.TIME, buffer.pts)
    start *= sign
    return Frame(start, start + max(buffer.duration, 1), hashed(buffer))


def played(path):
    """Every frame in order of plain playing, and the kind of stream."""
    pipeline, kind = decoder(path)
    sink = pipeline.get_by_name("sink")
    frames = []
    pipeline.set_state(Gst.State.PLAYING)
    while (sample := sink.emit("pull-sample")) is not None:
        frames.append(frame(sample))
    until_end(pipeline)
    if not frames:
        fail(f"{path}: nothing to decode")
    return frames, kind


def settled(pipeline):
    """Waits for a state change or a seek to be done."""
    message = pipeline.get_bus().timed_pop_filtered(
        Gst.CLOCK_TIME_NONE, Gst.MessageType.ASYNC_DONE | Gst.MessageType.ERROR)
    if message.type == Gst.MessageType.ERROR:
        error, debug = message.parse_error()
        fail(f"{message.src.get_name()}: {error.message} ({debug})")


def seeks(path, count="20"):
    frames, kind = played(path)
    # A player shows the first frame that ends after the time sought: rounded times leave gaps between frames.
    ends = [f.end for f in frames]
    pipeline, _ = decoder(path)
    pipeline.set_state(Gst.State.PAUSED)
    settled(pipeline)
    chance = random.Random(1)
    wrong = 0
    for _ in range(int(count)):
        time = chance.randrange(frames[0].start, ends[-1])
        if not pipeline.seek_simple(Gst.Format.TIME, Gst.SeekFlags.FLUSH | Gst.SeekFlags.ACCURATE, time):
            fail(f"{path}: the seek to {time} ns is refused")
        settled(pipeline)
        got = frame(pipeline.get_by_name("sink").emit("pull-preroll"))
        expected = frames[bisect.bisect_right(ends, time)]
        # Audio decoders cut the buffer at the position sought, so that only its time compares.
        right = (got.sha256 == expected.sha256 if kind == "video"
                 else expected.start <= got.start <= max(time, expected.start))
        if not right:
            wrong += 1
            print(f"  seek to {time} ns: expected the frame of {expected.start} ns, got one of {got.start} ns")
    pipeline.set_state(Gst.State.NULL)
    if wrong:
        fail(f"{wrong} of {count} seeks show the wrong frame")
    print(f"  {len(frames)} {kind} frames played; {count} accurate seeks to random times, each showed the right frame")


if __name__ == "__main__":
    Gst.init(None)
    modes = {"packets": packets, "seeks": seeks}
    if len(sys.argv) < 3 or sys.argv[1] not in modes:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    modes[sys.argv[1]](*sys.argv[2:])
