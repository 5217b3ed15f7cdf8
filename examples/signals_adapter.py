#!/usr/bin/python3
"""A model in Python behind adaptersink: what a room's sensors say, from an H4MK file of full readings and changes.

    signals_adapter.py ROOM.h4mk

Records a minute of a room first: every tenth second a block with all values (a key block), in between blocks with what
has changed. Then plays the file through adapter=signals: the handlers keep the room as a Python dictionary, and each
output is the whole room at a time, printed as a line of JSON. Needs the plugin: GST_PLUGIN_PATH=build.
"""
import json
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

SECONDS = 60
FULL = 10


class State(Gst.Object):
    """What is known after a block. Any subclass of Gst.Object will do, with attributes as it likes."""

    def __init__(self, room):
        super().__init__()
        self.room = room


def content(sample):
    """The JSON of a block."""
    buffer = sample.get_buffer()
    return json.loads(buffer.extract_dup(0, buffer.get_size()))


def decode_i(_sink, block):
    """A key block has everything."""
    return State(content(block))


def apply_p(_sink, state, block):
    """Any other has what is different."""
    state.room.update(content(block))
    return state


def finalize(_sink, state):
    """The result, as a sample. PTS and duration come from the blocks."""
    buffer = Gst.Buffer.new_wrapped(json.dumps(state.room).encode())
    return Gst.Sample.new(buffer, Gst.Caps.from_string("application/x-json"), None, None)


def play(path):
    """Yields time and room, of each block."""
    pipeline = Gst.parse_launch("filesrc name=source ! h4mkdemux ! adaptersink name=sink adapter=signals output-mode=block")
    pipeline.get_by_name("source").set_property("location", path)
    sink = pipeline.get_by_name("sink")
    sink.set_property("on-error", "fail")
    sink.connect("decode-i", decode_i)
    sink.connect("apply-p", apply_p)
    sink.connect("finalize", finalize)
    pipeline.set_state(Gst.State.PLAYING)
    # None: the stream has ended, or the bus says why not.
    while (output := sink.emit("pull-output")) is not None:
        yield output.get_buffer().pts, content(output)
    end(pipeline)


def record(path):
    """Readings as blocks: those with what has changed are marked as deltas."""
    pipeline = Gst.parse_launch(
        "appsrc name=room format=time caps=application/x-json ! h4mkmux ! filesink name=file")
    pipeline.get_by_name("file").set_property("location", path)
    source = pipeline.get_by_name("room")
    pipeline.set_state(Gst.State.PLAYING)
    for second in range(SECONDS):
        change = {"seconds": second, "degrees": 20 + second / 60}
        if second % 7 == 0:
            change["door"] = "open" if second % 2 else "closed"
        if second % FULL == 0:
            change = {"door": "closed" if second // 7 % 2 == 0 else "open", **change}
        buffer = Gst.Buffer.new_wrapped(json.dumps(change).encode())
        buffer.pts = buffer.dts = second * Gst.SECOND
        buffer.duration = Gst.SECOND
        if second % FULL != 0:
            buffer.set_flags(Gst.BufferFlags.DELTA_UNIT)
        source.emit("push-buffer", buffer)
    source.emit("end-of-stream")
    end(pipeline)


def end(pipeline):
    """Waits for the end; an error ends the program."""
    message = pipeline.get_bus().timed_pop_filtered(120 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if message is None or message.type == Gst.MessageType.ERROR:
        sys.exit("the pipeline hangs" if message is None else message.parse_error().gerror.message)


if __name__ == "__main__":
    Gst.init(None)
    record(sys.argv[1])
    for time, room in play(sys.argv[1]):
        print(json.dumps({"time": time / Gst.SECOND, **room}))
