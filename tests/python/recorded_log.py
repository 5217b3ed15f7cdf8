#!/usr/bin/python3
"""Prints what an H4MK file's track of JSON holds, a line [text, time in ns] for each block: recorded_log.py FILE.h4mk"""
import json
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


def handoff(_sink, buffer, _pad):
    print(json.dumps([buffer.extract_dup(0, buffer.get_size()).decode(), buffer.pts]))


def pad_added(_demuxer, pad, sink):
    if pad.get_current_caps().get_structure(0).get_name() == "application/x-json":
        pad.link(sink.get_static_pad("sink"))


Gst.init(None)
pipeline = Gst.parse_launch("filesrc name=source ! h4mkdemux name=demux  fakesink name=log sync=false signal-handoffs=true")
pipeline.get_by_name("source").set_property("location", sys.argv[1])
pipeline.get_by_name("log").connect("handoff", handoff)
pipeline.get_by_name("demux").connect("pad-added", pad_added, pipeline.get_by_name("log"))
pipeline.set_state(Gst.State.PLAYING)
message = pipeline.get_bus().timed_pop_filtered(120 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
pipeline.set_state(Gst.State.NULL)
if message is None or message.type == Gst.MessageType.ERROR:
    sys.exit(message.parse_error()[0].message if message else "the pipeline hangs")
