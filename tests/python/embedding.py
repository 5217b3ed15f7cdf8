#!/usr/bin/python3
"""Records and plays an H4MK file from Python through introspection: GST_PLUGIN_PATH=build embedding.py FILE.h4mk"""
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


def run(pipeline):
    """Plays to EOS; an error or two minutes of silence end the program."""
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(120 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    if message is None:
        sys.exit("the pipeline hangs")
    if message.type == Gst.MessageType.ERROR:
        error, debug = message.parse_error()
        sys.exit(f"{error.message}\n{debug}")
    pipeline.set_state(Gst.State.NULL)


def record(path):
    """Blocks of two kinds: pictures with B-frames, and JSON of the application's own through appsrc."""
    pipeline = Gst.parse_launch(
        "videotestsrc num-buffers=50 ! video/x-raw,width=160,height=90,framerate=25/1 ! "
        "x264enc bframes=2 key-int-max=25 speed-preset=ultrafast ! h264parse ! m.video_0 "
        "appsrc name=json format=time caps=application/x-json ! m.sink_0 "
        "h4mkmux name=m ! filesink name=sink")
    pipeline.get_by_name("sink").set_property("location", path)
    muxer = pipeline.get_by_name("m")
    muxer.set_property("meta", '{"made":"in Python"}')
    muxer.get_static_pad("sink_0").set_property("track-name", "sensor")
    source = pipeline.get_by_name("json")
    for number in range(20):
        buffer = Gst.Buffer.new_wrapped(b'{"n":%d}' % number)
        buffer.pts = buffer.dts = number * Gst.SECOND // 10
        buffer.duration = Gst.SECOND // 10
        source.emit("push-buffer", buffer)
    source.emit("end-of-stream")
    run(pipeline)


def play(path):
    """Counts what decodebin makes of the file, and what the blocks of the other track say."""
    pipeline = Gst.parse_launch("filesrc name=source ! decodebin name=d caps=video/x-raw;application/x-json")
    pipeline.get_by_name("source").set_property("location", path)
    counts = {"video/x-raw": 0, "application/x-json": 0}
    texts = []

    def handoff(_sink, buffer, _pad, name):
        counts[name] += 1
        if name == "application/x-json":
            texts.append(buffer.extract_dup(0, buffer.get_size()).decode())

    def pad_added(_bin, pad):
        name = pad.get_current_caps().get_structure(0).get_name()
        queue, sink = Gst.ElementFactory.make("queue"), Gst.ElementFactory.make("fakesink")
        sink.set_property("sync", False)
        sink.set_property("signal-handoffs", True)
        sink.connect("handoff", handoff, name)
        pipeline.add(queue)
        pipeline.add(sink)
        queue.link(sink)
        pad.link(queue.get_static_pad("sink"))
        sink.sync_state_with_parent()
        queue.sync_state_with_parent()

    pipeline.get_by_name("d").connect("pad-added", pad_added)
    run(pipeline)
    assert counts == {"video/x-raw": 50, "application/x-json": 20}, counts
    assert texts == ['{"n":%d}' % n for n in range(20)], texts
    return counts


def ask(path):
    """The demuxer's properties and its action signal: which blocks show the picture at 1.5 s?"""
    pipeline = Gst.parse_launch(
        "filesrc name=source ! h4mkdemux name=d  d.video_0 ! queue ! fakesink  d.src_0 ! queue ! fakesink")
    pipeline.get_by_name("source").set_property("location", path)
    pipeline.set_state(Gst.State.PAUSED)
    result, _, _ = pipeline.get_state(120 * Gst.SECOND)
    assert result == Gst.StateChangeReturn.SUCCESS, result
    demuxer = pipeline.get_by_name("d")
    tracks = demuxer.get_property("tracks")
    ids = {}
    for number in range(tracks.n_fields()):
        track = tracks.get_value(tracks.nth_field_name(number))
        ids[track.get_string("name")] = track.get_uint("track-id").value
    assert "sensor" in ids and len(ids) == 2, ids
    (video,) = (track for name, track in ids.items() if name != "sensor")
    answer = demuxer.emit("decode-chain", video, 1500 * Gst.MSECOND)
    chain = list(answer.get_value("chain"))
    # A key every second: the chain begins there, and half a second of pictures follows.
    assert answer.get_uint64("keyframe").value == chain[0] and 12 < len(chain) < 20, chain
    assert demuxer.emit("decode-chain", 999, 0) is None
    pipeline.set_state(Gst.State.NULL)


Gst.init(None)
record(sys.argv[1])
print(play(sys.argv[1]))
ask(sys.argv[1])
