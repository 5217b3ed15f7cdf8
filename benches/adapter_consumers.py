#!/usr/bin/python3
"""What benches/adapter.py runs, a process each: takes frames or blocks and says how many in how many seconds.

    adapter_consumers.py gst PIPELINE [ACTION]      pulls from the element named sink; with `pixels`, rows of it as an array
    adapter_consumers.py signals PIPELINE           an adapter in handlers of the element named sink
    adapter_consumers.py full PIPELINE FRAMES       peak memory when so many frames wait and nobody pulls
    adapter_consumers.py pyav FILE THREADS          frames as rgb24 arrays by PyAV
    adapter_consumers.py blocks FILE COUNT GROUP    makes an H4MK file of so many blocks of 1 kB
"""
import json
import sys
import time

PATIENCE_S = 120


def said(count, began, **more):
    print(json.dumps({"count": count, "seconds": time.monotonic() - began, **more}))


def gstreamer():
    import gi
    gi.require_version("Gst", "1.0")
    from gi.repository import Gst
    Gst.init(None)
    return Gst


def ended(Gst, pipeline):
    """That it came to its end without an error."""
    kinds = Gst.MessageType.EOS | Gst.MessageType.ERROR
    message = pipeline.get_bus().timed_pop_filtered(PATIENCE_S * Gst.SECOND, kinds)
    if message is None or message.type == Gst.MessageType.ERROR:
        sys.exit(str(message.parse_error()) if message else "the pipeline hangs")
    pipeline.set_state(Gst.State.NULL)


def pull(description, action, pixels=""):
    """All samples; with pixels, each is looked at as an array of rows, without a copy."""
    Gst = gstreamer()
    if pixels:
        import numpy
    pipeline = Gst.parse_launch(description)
    sink = pipeline.get_by_name("sink")
    began, count, seen, shape = time.monotonic(), 0, 0, None
    pipeline.set_state(Gst.State.PLAYING)
    while sample := sink.emit(action):
        count += 1
        if not pixels:
            continue
        if shape is None:
            caps = sample.get_caps().get_structure(0)
            shape = caps.get_value("height"), caps.get_value("width"), 3
        buffer = sample.get_buffer()
        data = buffer.map(Gst.MapFlags.READ)
        frame = numpy.ndarray(shape, numpy.uint8, data.data, 0, (data.size // shape[0], 3, 1))
        seen += int(frame[count % shape[0], 0, 0])
        del frame
        buffer.unmap(data)
    seconds = time.monotonic() - began
    ended(Gst, pipeline)
    print(json.dumps({"count": count, "seconds": seconds, "seen": seen}))


def handlers(description):
    """Counts blocks and bytes of groups in Python; each result is the last block of those so far."""
    Gst = gstreamer()

    class Group(Gst.Object):
        def __init__(self):
            super().__init__()
            self.blocks, self.bytes, self.last = 0, 0, None

        def add(self, sample):
            self.blocks += 1
            self.last = sample.get_buffer()
            self.bytes += self.last.get_size()
            return self

    pipeline = Gst.parse_launch(description)
    sink = pipeline.get_by_name("sink")
    groups, caps = [], Gst.Caps.from_string("application/x-model")

    def decode_i(_sink, sample):
        groups.append(Group())
        return groups[-1].add(sample)

    sink.connect("decode-i", decode_i)
    sink.connect("apply-p", lambda _sink, group, sample: group.add(sample))
    sink.connect("finalize", lambda _sink, group: Gst.Sample.new(group.last, caps, None, None))
    began = time.monotonic()
    pipeline.set_state(Gst.State.PLAYING)
    ended(Gst, pipeline)
    said(sum(group.blocks for group in groups), began, groups=len(groups), bytes=sum(group.bytes for group in groups))


def peak_kb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def full(description, frames):
    """The stream stands when the queue is full: then nothing grows any more."""
    Gst = gstreamer()
    pipeline = Gst.parse_launch(description)
    sink = pipeline.get_by_name("sink")
    began = time.monotonic()
    pipeline.set_state(Gst.State.PLAYING)
    before = -1
    while True:
        stats = sink.get_property("stats")
        level, decoded = stats.get_value("queue-level"), stats.get_value("decoded")
        if level >= int(frames) and decoded == before:
            break
        if time.monotonic() - began > PATIENCE_S:
            sys.exit(f"{level} frames wait, expected {frames}")
        before = decoded
        time.sleep(1)
    said(level, began, peak_kb=peak_kb(), decoded=decoded)
    pipeline.set_state(Gst.State.NULL)


def pyav(path, threads):
    import av
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = threads
        began, count, seen = time.monotonic(), 0, 0
        for picture in container.decode(stream):
            frame = picture.to_ndarray(format="rgb24")
            count += 1
            seen += int(frame[count % frame.shape[0], 0, 0])
        said(count, began, seen=seen)


def blocks(path, count, group):
    Gst = gstreamer()
    pipeline = Gst.parse_launch("appsrc name=source format=time block=true max-buffers=100 max-bytes=0 "
                                "caps=application/x-model ! h4mkmux ! filesink name=file")
    pipeline.get_by_name("file").set_property("location", path)
    pipeline.set_state(Gst.State.PLAYING)
    for number in range(int(count)):
        buffer = Gst.Buffer.new_wrapped(number.to_bytes(4, "little") * 250)
        buffer.pts, buffer.duration = number * Gst.MSECOND, Gst.MSECOND
        if number % int(group):
            buffer.set_flags(Gst.BufferFlags.DELTA_UNIT)
        pipeline.get_by_name("source").emit("push-buffer", buffer)
    pipeline.get_by_name("source").emit("end-of-stream")
    ended(Gst, pipeline)


if __name__ == "__main__":
    {"gst": pull, "signals": handlers, "full": full, "pyav": pyav, "blocks": blocks}[sys.argv[1]](*sys.argv[2:])
