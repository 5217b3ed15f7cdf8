#!/usr/bin/python3
"""What `syncaligner` adds to live 4K30 video and two 48 kHz stereo streams: latency, analysis, memory.

    /usr/bin/python3 benches/sync_live.py [--only NAME ...] [--seconds N] [--warm-up N]

Needs build/ (see pipelines/setup.sh), PyGObject and ffmpeg. All three streams come through `appsrc` from pictures and
sound made before, on the system's clock. The second microphone's timestamps are 40 ms late; where there are flashes,
each is seen 25 ms before its clap is heard, so that pictures have to be held for so long once that is known. Latency
is measured by the element's `stats`, and by probes before and after it that know nothing of it; analysis by `stats`,
and by what the kernel says of the threads that do it, which do more than that. What comes before the end of the warm-up
is told apart.
"""
import argparse
import array
import dataclasses
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import threading
import time

import harness

os.environ.update(harness.environment())
import gi  # noqa: E402

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

MS = 1_000_000
RATE, BLOCK_NS = 48000, 10 * MS
WIDTH, HEIGHT, FPS = 3840, 2160, 30
FRAME_NS = 1_000_000_000 // FPS
# How long a flash lasts, in frames, and how many pictures there are of the scene.
FLASH, SCENES = 2, 8
# By how much timestamps of the second microphone are late, and claps behind their flashes.
LATE_NS, BEHIND_S = 40 * MS, 0.025
PADS = {"sink_0": "sound", "sink_1": "late sound", "sink_2": "4K30"}
SOURCES = "sound", "late", "film"
SOUND = f"format=time is-live=true min-latency={BLOCK_NS} caps=audio/x-raw,format=F32LE,rate={RATE},channels=2," \
    "layout=interleaved"
PIPELINE = f"""
    syncaligner name=sync reference-pad=sink_0
    appsrc name=sound {SOUND} ! sync.sink_0   sync.src_0 ! fakesink SINK
    appsrc name=late {SOUND} ! sync.sink_1   sync.src_1 ! fakesink SINK
    appsrc name=film format=time is-live=true min-latency={FRAME_NS} max-bytes=0
      caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={FPS}/1
      ! sync.sink_2   sync.src_2 ! fakesink name=screen SINK
"""
GOALS = {"latency": 100.0, "analysis": 5.0, "memory": 1024.0}


@dataclasses.dataclass
class Case:
    title: str
    moves: bool
    waits: bool


CASES = {
    "still": Case("A picture that stands still", moves=False, waits=False),
    "flashes": Case("A picture that moves, flashes and claps", moves=True, waits=False),
    "sinks": Case("The same, with sinks that wait for the clock", moves=True, waits=True),
}


def ffmpeg(*arguments):
    command = ["ffmpeg", "-v", "error", "-nostdin", *arguments, "-"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def instants(seconds):
    """Numbers of the frames that flash, at irregular times."""
    chance, frames, at = random.Random(1), [], 1.0
    while at < seconds:
        frames.append(round(at * FPS))
        at += chance.uniform(1.2, 2.8)
    return frames


def sound(seconds, claps):
    """Pink noise with claps, as stereo blocks of 10 ms."""
    noise = f"anoisesrc=color=pink:amplitude=0.05:seed=1:r={RATE}:d={seconds}"
    mono = array.array("f", ffmpeg("-f", "lavfi", "-i", noise, "-f", "f32le"))
    chance = random.Random(2)
    for frame in claps:
        start = round((frame / FPS + BEHIND_S) * RATE)
        for number in range(min(RATE // 10, len(mono) - start)):
            mono[start + number] += 0.4 * chance.gauss(0, 1) * math.exp(-number / RATE / 0.012)
    both = array.array("f", bytes(8 * len(mono)))
    both[0::2] = both[1::2] = mono
    block = RATE * BLOCK_NS // 1_000_000_000 * 2
    return [both[at:at + block].tobytes() for at in range(0, len(both) - block + 1, block)]


def pictures(moves):
    """The scene dark and lit: two lists of buffers."""
    count = SCENES if moves else 1
    scene = f"testsrc2=s={WIDTH}x{HEIGHT}:r=10"
    size = WIDTH * HEIGHT * 3 // 2
    looks = []
    for light in ("val/2", "val/2+90"):
        raw = ffmpeg("-f", "lavfi", "-i", f"{scene},format=yuv420p,lutyuv=y={light}", "-frames:v", str(count), "-f",
                     "rawvideo", "-pix_fmt", "yuv420p")
        looks.append([Gst.Buffer.new_wrapped(raw[at:at + size]) for at in range(0, count * size, size)])
    return looks


class Feeder(threading.Thread):
    """Pushes blocks and frames when they would be there: at the end of what they hold."""

    def __init__(self, pipeline, case, seconds):
        super().__init__(daemon=True)
        self.pipeline = pipeline
        self.sources = [pipeline.get_by_name(name) for name in SOURCES]
        claps = instants(seconds)
        self.blocks = sound(seconds, claps)
        self.dark, self.lit = pictures(case.moves)
        self.lighted = {frame + more for frame in claps for more in range(FLASH)} if case.moves else set()
        self.over = threading.Event()
        # By how much the feeder itself was late since this was last set, in ns.
        self.behind = 0

    def run(self):
        clock, base = self.pipeline.get_clock(), self.pipeline.get_base_time()
        block = frame = 0
        while not self.over.is_set() and block < len(self.blocks):
            due = min((block + 1) * BLOCK_NS, (frame + 1) * FRAME_NS)
            wait = due - (clock.get_time() - base)
            self.behind = max(self.behind, -wait)
            if wait > 0:
                time.sleep(wait / 1e9)
            if due == (block + 1) * BLOCK_NS:
                self.hear(block)
                block += 1
            else:
                self.show(frame)
                frame += 1

    def hear(self, number):
        for source, late in zip(self.sources, (0, LATE_NS)):
            buffer = Gst.Buffer.new_wrapped(self.blocks[number])
            buffer.pts, buffer.duration = number * BLOCK_NS + late, BLOCK_NS
            source.emit("push-buffer", buffer)

    def show(self, number):
        look = self.lit if number in self.lighted else self.dark
        picture = look[number % len(look)]
        # Shares the memory.
        buffer = picture.copy_region(Gst.BufferCopyFlags.MEMORY, 0, picture.get_size())
        buffer.pts, buffer.duration = number * FRAME_NS, FRAME_NS
        self.sources[2].emit("push-buffer", buffer)


class Crossing:
    """How long each picture took from one pad to another, in ms, told by the timestamp it came with."""

    def __init__(self, enters, leaves):
        self.entered, self.took = {}, []
        self.original = Gst.Caps.from_string("timestamp/x-original")
        enters.add_probe(Gst.PadProbeType.BUFFER, self.enter)
        if leaves:
            leaves.add_probe(Gst.PadProbeType.BUFFER, self.leave)

    def enter(self, _pad, info):
        self.entered[info.get_buffer().pts] = time.monotonic()
        return Gst.PadProbeReturn.OK

    def leave(self, _pad, info):
        self.left(info.get_buffer())
        return Gst.PadProbeReturn.OK

    def left(self, buffer):
        meta = buffer.get_reference_timestamp_meta(self.original)
        began = self.entered.pop(meta.timestamp, None) if meta else None
        # A frame that is repeated counts once.
        if began is not None:
            self.took.append((time.monotonic() - began) * 1e3)


def threads():
    """CPU seconds of each thread of this process so far, by name."""
    spent = {}
    for task in pathlib.Path("/proc/self/task").iterdir():
        try:
            name, nanoseconds = (task / "comm").read_text().strip(), (task / "schedstat").read_text().split()[0]
        except OSError:
            # It has ended since.
            continue
        spent[name] = spent.get(name, 0.0) + int(nanoseconds) / 1e9
    return spent


def percentile(values, part):
    return sorted(values)[max(0, math.ceil(len(values) * part) - 1)]


@dataclasses.dataclass
class Snapshot:
    """What was spent until then, in seconds; number of pictures that had passed."""

    at: float
    threads: dict
    analysis: dict
    pictures: int

    @classmethod
    def of(cls, sync, crossing):
        stats = sync.get_property("stats")
        analysis = {pad: stats.get_value(pad).get_uint64("analysis-time")[1] / 1e9 for pad in PADS}
        return cls(time.monotonic(), threads(), analysis, len(crossing.took))


class Session:
    """One case, played."""

    def __init__(self, case, seconds):
        # What the sink itself may take is not the element's.
        sync = "sync=true processing-deadline=0" if case.waits else "sync=false"
        self.pipeline = Gst.parse_launch(PIPELINE.replace("SINK", sync))
        self.sync = self.pipeline.get_by_name("sync")
        enters = self.sync.get_static_pad("sink_2")
        self.crossing = Crossing(enters, self.sync.get_static_pad("src_2"))
        self.shown = Crossing(enters, None) if case.waits else None
        if case.waits:
            screen = self.pipeline.get_by_name("screen")
            screen.set_property("signal-handoffs", True)
            screen.connect("handoff", lambda _sink, buffer, _pad: self.shown.left(buffer))
        self.feeder = Feeder(self.pipeline, case, seconds)
        self.made_kb = resident("VmRSS")
        self.locked = {}

    def play(self, warm_up, seconds):
        """Snapshots at the end of the warm-up and at the end."""
        self.pipeline.set_state(Gst.State.PLAYING)
        self.feeder.start()
        begin = time.monotonic()
        self.watch(begin, begin + warm_up)
        before = Snapshot.of(self.sync, self.crossing)
        self.feeder.behind = 0
        self.watch(begin, begin + warm_up + seconds)
        after = Snapshot.of(self.sync, self.crossing)
        return Snapshot(begin, {}, dict.fromkeys(PADS, 0.0), 0), before, after

    def watch(self, begin, end):
        bus = self.pipeline.get_bus()
        wanted = Gst.MessageType.ERROR | Gst.MessageType.ELEMENT | Gst.MessageType.LATENCY
        while (left := end - time.monotonic()) > 0:
            message = bus.timed_pop_filtered(int(left * Gst.SECOND), wanted)
            if message is None:
                continue
            if message.type == Gst.MessageType.ERROR:
                sys.exit(f"failed: {message.parse_error()}")
            if message.type == Gst.MessageType.LATENCY:
                self.pipeline.recalculate_latency()
                continue
            said = message.get_structure()
            if said.get_name() == "syncaligner-locked":
                self.locked.setdefault(said.get_string("pad"), (time.monotonic() - begin, said.get_int64("offset")[1]))

    def stop(self):
        self.feeder.over.set()
        self.feeder.join()
        self.pipeline.set_state(Gst.State.NULL)


def resident(what):
    """Kilobytes of this process: VmRSS now, VmHWM at most."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def line(what, measured, goal="", met=None):
    print(f"| {what} | {measured} | {goal} | {'' if met is None else 'met' if met else '**not met**'} |", flush=True)


def latencies(what, took):
    worst = percentile(took, 0.99)
    line(f"{what}, {len(took)} frames: median, 99 %, largest",
         f"{statistics.median(took):.1f}, {worst:.1f}, {max(took):.1f} ms", f"99 % < {GOALS['latency']:.0f} ms",
         worst < GOALS["latency"])


def shares(begin, end):
    """Shares of a core between two snapshots in per cent: what the element says, and the threads that measure."""
    wall = end.at - begin.at
    said = sum(end.analysis[pad] - begin.analysis[pad] for pad in PADS)
    # A thread that has ended since counts no more.
    cpu = {name: 100 * max(0.0, spent - begin.threads.get(name, 0.0)) / wall for name, spent in end.threads.items()}
    return 100 * said / wall, cpu


def report(session, warm_up, seconds):
    start, before, after = session.play(warm_up, seconds)
    stats = session.sync.get_property("stats")
    peak = resident("VmHWM")
    session.stop()
    print("\n| what | measured | goal | |\n|---|---|---|---|")
    took = session.crossing.took
    latencies("4K30, by probes, from pad to pad", took[before.pictures:])
    latencies("the same in the warm-up", took[:before.pictures])
    if session.shown:
        latencies("4K30, from the element's pad to the screen", session.shown.took[before.pictures:])
    for pad, what in PADS.items():
        field = stats.get_value(pad)
        mean, worst = (field.get_uint64(f"latency-{name}")[1] / MS for name in ("mean", "p99"))
        counts = ", ".join(f"{field.get_uint64(name)[1]} {name}" for name in ("in", "out", "dropped", "duplicated"))
        line(f"{what}, by `stats`: mean, 99 % ({counts})", f"{mean:.1f}, {worst:.1f} ms",
             f"99 % < {GOALS['latency']:.0f} ms", worst < GOALS["latency"])
    said, cpu = shares(before, after)
    early, _ = shares(start, before)
    ours = {name: cpu.get(name, 0.0) for name in ("syncaligner", *(f"{source}:src" for source in SOURCES))}
    most = f"≤ {GOALS['analysis']:.0f} %"
    line("analysis, of a core, by `stats`", f"{said:.2f} %", most, said <= GOALS["analysis"])
    line("the same in the warm-up", f"{early:.2f} %")
    line(f"CPU of the threads that measure, and of `appsrc` in them ({listed(ours)})", f"{sum(ours.values()):.2f} %",
         most, sum(ours.values()) <= GOALS["analysis"])
    tasks = {name: share for name, share in cpu.items() if name.startswith("sync:src")}
    line(f"CPU of the threads that resample and push ({listed(tasks)})", f"{sum(tasks.values()):.2f} %")
    line("peak memory of the process, pictures and sound of the source included", f"{peak / 1024:.0f} MiB",
         f"< {GOALS['memory']:.0f} MiB", peak / 1024 < GOALS["memory"])
    line("of that, before the pipeline plays", f"{session.made_kb / 1024:.0f} MiB")
    for pad, (when, offset) in sorted(session.locked.items()):
        print(f"\n{PADS[pad]} locked after {when:.1f} s, {offset / MS:+.3f} ms")
    for pad in sorted(PADS.keys() - session.locked.keys() - {"sink_0"}):
        print(f"\n{PADS[pad]}: {session.sync.get_static_pad(pad).get_property('state').value_nick}")
    print(f"\nBehind the warm-up the source was late by at most {session.feeder.behind / MS:.1f} ms. "
          f"Load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")


def listed(shares_of):
    return ", ".join(f"{name} {share:.2f}" for name, share in sorted(shares_of.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warm-up", type=float, default=15)
    args = parser.parse_args()
    if len(args.only) > 1:
        # Peak memory is a process'.
        for name in args.only:
            subprocess.run([sys.executable, __file__, "--only", name, "--seconds", str(args.seconds), "--warm-up",
                            str(args.warm_up)], check=True)
        return
    [name] = args.only
    Gst.init(None)
    case = CASES[name]
    print(f"\n## {case.title}", flush=True)
    report(Session(case, args.warm_up + args.seconds + 1), args.warm_up, args.seconds)


if __name__ == "__main__":
    main()
