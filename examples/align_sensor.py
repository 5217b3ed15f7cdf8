#!/usr/bin/python3
"""Puts a sensor's readings, and what its device logged, onto the time line of a film, and records all in one file.

    align_sensor.py FILM READINGS.csv [LOG.jsonl] --output SCENE.h4mk

READINGS.csv has a line of names and then rows "time,value,…", in seconds of the device's clock and evenly spaced. Where
a value steps or a knock begins while the film shows a flash, the device's clock is measured against the film's. Each line
of LOG.jsonl is a JSON object with a "time" on the device's clock; it follows the readings. Prints a line for each
measurement, as JSON; exits 1 when there was no lock. Needs the plugin: GST_PLUGIN_PATH=build.
"""
import argparse
import array
import csv
import json
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

# Readings in a buffer.
BLOCK = 10


def load(path):
    """The rate in readings a second, the time of the first in ns, and the rows of values."""
    with open(path, newline="") as file:
        rows = csv.reader(file)
        next(rows)
        table = [[float(cell) for cell in row] for row in rows]
    times, values = [row[0] for row in table], [row[1:] for row in table]
    if len(times) < 2 or times[-1] <= times[0]:
        sys.exit(f"{path}: found {len(times)} readings, expected two at least, in order of time")
    return round((len(times) - 1) / (times[-1] - times[0])), round(times[0] * Gst.SECOND), values


def push_readings(source, rate, begin, values):
    """All of it at once: the source's thread hands it on when it is wanted."""
    for first in range(0, len(values), BLOCK):
        rows = values[first:first + BLOCK]
        buffer = Gst.Buffer.new_wrapped(array.array("f", [value for row in rows for value in row]).tobytes())
        buffer.pts = begin + first * Gst.SECOND // rate
        buffer.duration = len(rows) * Gst.SECOND // rate
        source.emit("push-buffer", buffer)
    source.emit("end-of-stream")


def push_log(source, path):
    """A buffer for each line."""
    with open(path) as file:
        for line in file:
            buffer = Gst.Buffer.new_wrapped(line.strip().encode())
            buffer.pts = round(json.loads(line)["time"] * Gst.SECOND)
            source.emit("push-buffer", buffer)
    source.emit("end-of-stream")


def describe(log, rate, channels):
    """The pipeline: a film is the reference where there is no sound."""
    sensor = f"application/x-sensor,format=F32LE,channels={channels},rate={rate}"
    text = (
        "syncaligner name=aligner reference-pad=sink_0 analysis=prescan window=30000000000 max-drift=100 "
        "h4mkmux name=mux video_0::track-name=film sink_1::track-name=sensor ! filesink name=file "
        "filesrc name=film ! decodebin ! videoconvert ! video/x-raw,format=I420 ! aligner.sink_0 "
        "aligner.src_0 ! x264enc speed-preset=veryfast tune=zerolatency ! h264parse ! queue ! mux.video_0 "
        f"appsrc name=sensor format=time max-bytes=0 caps={sensor} ! aligner.sink_1 "
        "aligner.src_1 ! queue ! mux.sink_1 ")
    if log:
        text += ("appsrc name=log format=time max-bytes=0 caps=application/x-json ! aligner.sink_2 "
                 "aligner.src_2 ! queue ! mux.sink_2 ")
    return Gst.parse_launch(text)


def figures(structure):
    """What a message says of the measurement."""
    return {
        "message": structure.get_name(),
        "at_s": structure.get_value("running-time") / Gst.SECOND,
        "offset_s": structure.get_value("offset") / Gst.SECOND,
        "drift_ppm": structure.get_value("drift-ppm"),
        "uncertainty_s": structure.get_value("uncertainty-ns") / Gst.SECOND,
        "quality": structure.get_value("quality"),
    }


def run(pipeline):
    """Plays to the end; True where the sensor was locked."""
    locked = False
    wanted = Gst.MessageType.ELEMENT | Gst.MessageType.EOS | Gst.MessageType.ERROR
    pipeline.set_state(Gst.State.PLAYING)
    while True:
        message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, wanted)
        if message.type == Gst.MessageType.ERROR:
            error, debug = message.parse_error()
            sys.exit(f"{error.message}\n{debug}")
        if message.type == Gst.MessageType.EOS:
            pipeline.set_state(Gst.State.NULL)
            return locked
        structure = message.get_structure()
        if structure.get_name() in ("syncaligner-locked", "syncaligner-updated"):
            locked = True
            print(json.dumps(figures(structure)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film")
    parser.add_argument("readings")
    parser.add_argument("log", nargs="?")
    parser.add_argument("--output", required=True)
    args = parser.parse_args()
    Gst.init(None)
    rate, begin, values = load(args.readings)
    pipeline = describe(args.log, rate, len(values[0]))
    pipeline.get_by_name("film").set_property("location", args.film)
    pipeline.get_by_name("file").set_property("location", args.output)
    push_readings(pipeline.get_by_name("sensor"), rate, begin, values)
    if args.log:
        pipeline.get_by_name("aligner").get_static_pad("sink_2").set_property("follow", "sink_1")
        push_log(pipeline.get_by_name("log"), args.log)
    if not run(pipeline):
        sys.exit("the readings and the film were not locked: do both have the same flashes and steps?")


if __name__ == "__main__":
    main()
