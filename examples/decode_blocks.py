#!/usr/bin/python3
"""Makes sound of the blocks in an H4MK file: a model is decoded, here `dsp`, and what it gives is written to a WAV file.

    decode_blocks.py BLOCKS.h4mk SOUND.wav [--track ID] [--fft-size N] [--phase-mode advance] [--window none] [--float]

Takes the first track of sound, or that with the number ID. Samples have 16 bits, or are 32 bit floats. Needs the plugin:
GST_PLUGIN_PATH=build.
"""
import argparse
import array
import struct
import sys
import wave

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


def tracks(demuxer):
    """Kind and sample rate of each track, by its number."""
    described = demuxer.props.tracks
    # What is in a structure lives no longer than that.
    fields = (described.get_value(described.nth_field_name(i)) for i in range(described.n_fields()))
    return {track.get_value("track-id"): (track.get_value("kind"), track.get_value("sample-rate")) for track in fields}


def decode(path, options):
    """The samples of all results, F32LE, and how many are in a second."""
    pipeline = Gst.parse_launch("filesrc name=source ! h4mkdemux name=demuxer expose=blocks")
    pipeline.get_by_name("source").props.location = path
    sinks, results, rates = [], [], []

    def new_output(sink):
        # Called for each output: there is one.
        sample = sink.emit("pull-output")
        buffer = sample.get_buffer()
        results.append(buffer.extract_dup(0, buffer.get_size()))
        rates.append(sample.get_caps().get_structure(0).get_value("rate"))

    def pad_added(demuxer, pad):
        number = pad.get_current_caps().get_structure(0).get_value("track-id")
        kind, rate = tracks(demuxer)[number]
        wanted = number == options.track if options.track is not None else kind == "audio"
        if sinks or not wanted:
            return
        sink = Gst.ElementFactory.make("adaptersink")
        sink.props.adapter = "dsp"
        sink.props.fft_size = options.fft_size
        sink.props.sample_rate = rate
        # These are enums: gst-launch's names for their values serve here too.
        Gst.util_set_object_arg(sink, "phase-mode", options.phase_mode)
        Gst.util_set_object_arg(sink, "synthesis-window", options.window)
        # A block that is no good ends it: sound with a hole would be no better.
        Gst.util_set_object_arg(sink, "on-error", "fail")
        sink.connect("new-output", new_output)
        sinks.append(sink)
        pipeline.add(sink)
        pad.link(sink.get_static_pad("sink"))
        sink.sync_state_with_parent()

    pipeline.get_by_name("demuxer").connect("pad-added", pad_added)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    found = {number: kind for number, (kind, _) in tracks(pipeline.get_by_name("demuxer")).items()}
    pipeline.set_state(Gst.State.NULL)
    if found and not sinks:
        wanted = "one of audio" if options.track is None else options.track
        sys.exit(f"{path}: found the tracks {found}, expected {wanted}")
    if message.type == Gst.MessageType.ERROR:
        error, debug = message.parse_error()
        sys.exit(f"{path}: {error.message}\n{debug}")
    if not results:
        sys.exit(f"{path}: found no blocks")
    return b"".join(results), rates[0]


def write_float(path, samples, rate):
    """The module wave writes whole numbers only: format 3 is float, and wants the chunk `fact`."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, 4 * rate, 4, 32)
    fact = struct.pack("<4sII", b"fact", 4, len(samples) // 4)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    chunks = b"WAVE" + form + fact + data
    with open(path, "wb") as file:
        file.write(struct.pack("<4sI", b"RIFF", len(chunks)) + chunks)


def write_16_bits(path, samples, rate):
    floats = array.array("f", samples)
    if sys.byteorder == "big":
        floats.byteswap()
    words = array.array("h", (max(-32_768, min(32_767, round(sample * 32_768))) for sample in floats))
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, rate, len(words), "NONE", None))
        # It wants them as the machine has them.
        file.writeframes(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("blocks")
    parser.add_argument("sound")
    parser.add_argument("--track", type=int)
    parser.add_argument("--fft-size", type=int, default=2048)
    parser.add_argument("--phase-mode", choices=["absolute", "advance"], default="absolute")
    parser.add_argument("--window", choices=["hann", "none"], default="hann")
    parser.add_argument("--float", action="store_true")
    options = parser.parse_args()
    Gst.init(None)
    samples, rate = decode(options.blocks, options)
    (write_float if options.float else write_16_bits)(options.sound, samples, rate)
    print(f"{options.sound}: {len(samples) // 4} samples, {rate} Hz")


main()
