#!/usr/bin/python3
"""The examples of adaptersink in Python, against what is known of their input: GST_PLUGIN_PATH=build adapters.py FOLDER"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "examples"))

import frames_numpy  # noqa: E402
import numpy  # noqa: E402
import signals_adapter  # noqa: E402
from frames_numpy import Gst  # noqa: E402


def room(path):
    """Each second has the values of that second, whatever block told them."""
    signals_adapter.record(path)
    rooms = list(signals_adapter.play(path))
    expected = [
        (second * Gst.SECOND,
         {"door": "open" if second // 7 % 2 else "closed", "seconds": second, "degrees": 20 + second / 60})
        for second in range(signals_adapter.SECONDS)]
    assert rooms == expected, rooms


def refused(path, handler, words):
    """A handler that fails ends the stream with an error that names it, and the program goes on."""
    pipeline = Gst.parse_launch("filesrc name=source ! h4mkdemux ! adaptersink name=sink adapter=signals on-error=fail")
    pipeline.get_by_name("source").set_property("location", path)
    sink = pipeline.get_by_name("sink")
    sink.connect("decode-i", signals_adapter.decode_i)
    sink.connect("apply-p", handler)
    sink.connect("finalize", signals_adapter.finalize)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(120 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    assert message is not None and message.type == Gst.MessageType.ERROR, message
    error, debug = message.parse_error()
    assert words in f"{error.message} {debug}", (error.message, debug)


def throws(_sink, _state, _block):
    raise RuntimeError("thrown by the test")


def pictures(path):
    """Red beside blue for a second, then blue beside red: at their time, in their place, in the memory of the buffer."""
    half = "color={}:s=161x240:r=25:d=1,format=rgb24[{}]"
    sources = ";".join(half.format(colour, name) for colour, name in zip(("red", "blue", "blue", "red"), "abcd"))
    graph = sources + ";[a][b]hstack[l];[c][d]hstack[r];[l][r]concat[out]"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", "-filter_complex", graph, "-map", "[out]", "-c:v", "libx264", "-bf", "2",
         "-pix_fmt", "yuv420p", path], check=True)
    kept = []
    count = 0
    for index, pts, picture in frames_numpy.frames(path):
        assert (index, pts) == (count, count * Gst.SECOND // 25), (index, pts)
        assert picture.shape == (240, 322, 3) and picture.strides == (968, 3, 1), (picture.shape, picture.strides)
        assert not picture.flags.owndata and not picture.flags.writeable
        red, blue = (254, 0, 0), (0, 0, 254)
        expected = [red, blue] * 2 if count < 25 else [blue, red] * 2
        off = numpy.abs(numpy.subtract(frames_numpy.quarters(picture), expected)).max()
        assert off < 6, (count, frames_numpy.quarters(picture))
        kept.append((picture, picture.copy()))
        count += 1
    assert count == 50, count
    # What is kept stays as it is, after the pipeline too.
    assert all(numpy.array_equal(picture, copy) for picture, copy in kept)
    places = {picture.__array_interface__["data"][0] for picture, _ in kept}
    assert len(places) == 50, "two pictures share memory"


def same_memory():
    """The array's memory is the buffer's."""
    pipeline = Gst.parse_launch(
        "videotestsrc num-buffers=1 ! video/x-raw,format=RGB,width=322,height=240 ! tee name=t  "
        "t. ! queue ! appsink name=other  t. ! queue ! adaptersink name=sink output-mode=block")
    pipeline.set_state(Gst.State.PLAYING)
    ours = frames_numpy.array(pipeline.get_by_name("sink").emit("pull-output"))
    theirs = frames_numpy.array(pipeline.get_by_name("other").emit("pull-sample"))
    pipeline.set_state(Gst.State.NULL)
    places = [picture.__array_interface__["data"][0] for picture in (ours, theirs)]
    assert places[0] == places[1], places


Gst.init(None)
folder = sys.argv[1]
room(os.path.join(folder, "room.h4mk"))
refused(os.path.join(folder, "room.h4mk"), throws, "apply-p")
refused(os.path.join(folder, "room.h4mk"), lambda *_: None, "apply-p")
refused(os.path.join(folder, "room.h4mk"), lambda *_: 7, "apply-p")
pictures(os.path.join(folder, "colours.mkv"))
same_memory()
print("the examples in Python agree")
