#!/usr/bin/python3
"""Frames of a film as numpy arrays, for a model: RGB, without a copy.

    frames_numpy.py FILM

Prints for each frame when it is shown and the mean colours of its four quarters, as a line of JSON. An array of numpy is what
PyTorch takes as well: torch.from_numpy(frame.copy()), or without the copy where nothing writes to it. Needs the plugin,
GST_PLUGIN_PATH=build, and numpy for the interpreter that has the bindings of GStreamer.
"""
import json
import sys
import weakref

import gi
import numpy

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


def array(sample):
    """The picture of a sample: height, width and 3 colours of 8 bits. It is the buffer's own memory, which stays there as
    long as the array or a view of it does."""
    caps = sample.get_caps().get_structure(0)
    width, height = caps.get_value("width"), caps.get_value("height")
    buffer = sample.get_buffer()
    readable, mapped = buffer.map(Gst.MapFlags.READ)
    if not readable:
        raise ValueError("found a buffer that can't be mapped, expected one in memory")
    memory = numpy.frombuffer(mapped.data, numpy.uint8)
    weakref.finalize(memory, buffer.unmap, mapped).atexit = False
    # Rows begin at multiples of four bytes.
    stride = (width * 3 + 3) // 4 * 4
    return numpy.ndarray((height, width, 3), numpy.uint8, memory, strides=(stride, 3, 1))


def frames(path):
    """Yields of each frame its number, its time in nanoseconds and its picture."""
    pipeline = Gst.parse_launch(
        "filesrc name=source ! decodebin ! video/x-raw ! adaptersink name=sink frame-format=RGB output-mode=block max-outputs=4")
    pipeline.get_by_name("source").set_property("location", path)
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    # None: the stream has ended, or the bus says why not.
    while (sample := sink.emit("pull-output")) is not None:
        yield sample.get_info().get_uint64("index").value, sample.get_buffer().pts, array(sample)
    message = pipeline.get_bus().timed_pop_filtered(120 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if message is None or message.type == Gst.MessageType.ERROR:
        sys.exit("the pipeline hangs" if message is None else message.parse_error().gerror.message)


def quarters(picture):
    """Mean colours of the quarters: top left, top right, bottom left, bottom right."""
    halves = numpy.array_split(picture, 2)
    parts = [part for half in halves for part in numpy.array_split(half, 2, axis=1)]
    return [[round(colour, 1) for colour in part.mean(axis=(0, 1)).tolist()] for part in parts]


if __name__ == "__main__":
    Gst.init(None)
    for index, pts, picture in frames(sys.argv[1]):
        print(json.dumps({"index": index, "time": pts / Gst.SECOND, "quarters": quarters(picture)}))
