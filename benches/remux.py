#!/usr/bin/python3
"""CPU time and memory of fmp4remux beside isofmp4mux, mp4mux and ffmpeg, and how soon one segment is rendered.

    python3 benches/remux.py [--runs N] [--only NAME] [--out FOLDER]

The pipelines run in turn (A B C ... A B C ...) on the same data, as whole processes; the medians of CPU time
(user + system), of the ratio pair by pair, and of the peak memory are printed as Markdown tables. Needs build/ (see
pipelines/setup.sh), ffmpeg and cargo: isofmp4mux is built once, under target/bench-peers. Media is made once, under
target/bench-media (5 GB); output goes to FOLDER, in memory where there is /dev/shm.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

from harness import MEDIA, PEERS, cost, encode, environment, in_turn, launch, made, median, ratio

SECOND = 1_000_000_000
PEER = "gst-plugin-fmp4"
PEER_VERSION = "0.14.5"
MANIFEST = f"""[package]
name = "bench-peers"
version = "0.0.0"
edition = "2024"
publish = false

[dependencies]
{PEER} = "={PEER_VERSION}"

[workspace]
"""
FAKE = "fakesink sync=false async=false"


def build_peer():
    """isofmp4mux, from its crate, where it is not built yet."""
    plugin = PEERS / "plugins" / "libgstfmp4.so"
    if plugin.exists():
        return
    print(f"building {PEER} {PEER_VERSION}", file=sys.stderr)
    (PEERS / "src").mkdir(parents=True, exist_ok=True)
    (PEERS / "src" / "lib.rs").write_text("")
    (PEERS / "Cargo.toml").write_text(MANIFEST)
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", PEER, "--target-dir", "target"], cwd=PEERS,
                   check=True)
    plugin.parent.mkdir(exist_ok=True)
    shutil.copy(PEERS / "target" / "release" / plugin.name, plugin)


def clip(path):
    """32 s: pictures alone, whole groups."""
    encode(path, 32, "5M", audio=False)


def looped(seconds):
    """ffmpeg's arguments that make Matroska of the clip, over and over, with sound."""
    return ["ffmpeg", "-v", "error", "-y", "-stream_loop", "-1", "-i", str(made("clip.mkv", clip)),
            "-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}", "-map", "0:v", "-map", "1:a",
            "-c:v", "copy", "-c:a", "aac", "-t", str(seconds), "-f", "matroska"]


def film(path):
    """About 300 MB: 8 min of 720p at 5 Mb/s."""
    subprocess.run([*looped(480), str(path)], check=True)


def h4mk(mkv):
    return lambda path: cost(launch(muxed(f"filesrc location={mkv}", f"h4mkmux name=m ! filesink location={path}")))


def two_hours(path):
    """4.6 GB; there is no need to keep it as Matroska."""
    with subprocess.Popen([*looped(7200), "pipe:1"], stdout=subprocess.PIPE) as source:
        cost(launch(muxed("fdsrc fd=0", f"h4mkmux name=m ! filesink location={path}")), stdin=source.stdout)


def muxed(source, mux, timestamper="", queue="! queue"):
    """A Matroska file's streams, parsed, into a muxer m."""
    return (f"{source} ! matroskademux name=d {mux} "
            f"d.video_0 {queue} ! h264parse {timestamper} ! m. d.audio_0 {queue} ! aacparse ! m.")


def parsed(source, queue="! queue"):
    return (f"{source} ! matroskademux name=d d.video_0 {queue} ! h264parse ! {FAKE} "
            f"d.audio_0 {queue} ! aacparse ! {FAKE}")


def largest_fragment(path):
    """Bytes of the largest movie fragment with its data."""
    largest = before = 0
    with open(path, "rb") as file:
        while header := file.read(16):
            size, kind = struct.unpack(">I4s", header[:8])
            if size == 1:
                size = struct.unpack(">Q", header[8:])[0]
            largest = max(largest, before + size if kind == b"mdat" else 0)
            before = size
            file.seek(size - len(header), os.SEEK_CUR)
    return largest


def table(rows, figures, ours):
    print("| what | CPU s | fmp4remux to it | peak MiB |\n|---|---|---|---|")
    for name, cell in zip(rows, figures):
        compared = "" if cell is ours else f"{ratio(ours, cell):.2f}"
        print(f"| {name} | {median(cell):.3f} | {compared} | {median(cell, 1) / 1024:.1f} |", flush=True)


def fragmented(runs, out):
    """A Matroska film to a fragmented file."""
    build_peer()
    mkv = made("remux.mkv", film)
    source, target = f"filesrc location={mkv}", out / "remux.mp4"
    sink = f"! filesink location={target}"
    rows = {
        "fmp4remux": launch(muxed(source, f"fmp4remux name=m {sink}", queue="")),
        "fmp4remux behind queues": launch(muxed(source, f"fmp4remux name=m {sink}")),
        "ffmpeg -c copy": ["ffmpeg", "-v", "error", "-y", "-i", mkv, "-c", "copy", "-movflags",
                           "frag_keyframe+empty_moov+default_base_moof", target],
        "queues, mp4mux fragment-duration=2000": launch(muxed(
            source, f"mp4mux fragment-duration=2000 name=m {sink}")),
        "queues, h264timestamper ! isofmp4mux": launch(muxed(
            source, f"isofmp4mux fragment-duration={2 * SECOND} name=m {sink}", "! h264timestamper")),
        "parsing alone": launch(parsed(source, "")),
        "parsing alone behind queues": launch(parsed(source)),
        "copying the file": ["cp", "--reflink=never", mkv, target],
    }

    def measure(command):
        # Truncating what was there before would cost too.
        target.unlink(missing_ok=True)
        return cost(command)

    figures = in_turn(rows.values(), runs, measure)
    cells = dict(zip(rows, figures))
    copy, peers = cells["copying the file"], [cells[name] for name in list(rows)[2:5]]
    ours = cells["fmp4remux"]
    floors = {name: [(a[0] + b[0], a[1]) for a, b in zip(cells[name], copy)]
              for name in ("parsing alone", "parsing alone behind queues")}
    table([*rows, *(f"{name} + copying" for name in floors)], [*figures, *floors.values()], ours)
    measure(rows["fmp4remux"])
    fragment = largest_fragment(target) / 2**20
    print(f"\nCPU to the best peer {max(ratio(ours, peer) for peer in peers):.2f} (goal ≤ 0.9), "
          f"largest fragment {fragment:.1f} MiB")
    for mine, (name, floor) in zip(("fmp4remux", "fmp4remux behind queues"), floors.items()):
        above = (median(cells[mine], 1) - median(floor, 1)) / 1024
        print(f"{mine}: CPU to {name} + copying {ratio(cells[mine], floor):.2f} (goal ≤ 1.25), "
              f"memory above it {above:.1f} MiB (goal ≤ {fragment + 8:.1f})")
    print(flush=True)


def piped(command):
    """What a process costs whose output goes to a pipe, and the seconds to the first byte."""
    receiving, sending = os.pipe()
    first = []

    def read():
        os.read(receiving, 1)
        first.append(time.monotonic())
        while os.read(receiving, 1 << 20):
            pass

    reader = threading.Thread(target=read)
    reader.start()
    began = time.monotonic()
    figures = cost(command, stdout=sending)
    os.close(sending)
    reader.join()
    os.close(receiving)
    return *figures, first[0] - began


def front_exact(runs, out):
    """An H4MK film to a moov-first file in one pass, to a pipe; the peers need a file of their own for that."""
    mkv = made("remux.mkv", film)
    film_h4mk = made("remux.h4mk", h4mk(mkv))
    source = f"filesrc location={film_h4mk} ! h4mkdemux name=d"
    streams = "d.video_0 ! queue ! {0} d.audio_0 ! queue ! {0}"
    mux = "output-mode=progressive moov-placement=front-exact ! fdsink"
    ours = launch(f"{source} fmp4remux name=m {mux} {streams.format('m.')}")
    floor = launch(f"{source} d.video_0 ! queue ! fdsink d.audio_0 ! queue ! fdsink")
    figures = in_turn([ours, floor], runs, piped)
    print("| what | CPU s | fmp4remux to it | peak MiB | first byte, ms |\n|---|---|---|---|---|")
    for name, cell in zip(["fmp4remux front-exact to a pipe", "the streams to a pipe, no container"], figures):
        compared = "" if cell is figures[0] else f"{ratio(figures[0], cell):.2f}"
        print(f"| {name} | {median(cell):.3f} | {compared} | {median(cell, 1) / 1024:.1f} "
              f"| {median(cell, 2) * 1000:.0f} |")
    target = out / "remux.mp4"
    others = {
        "Matroska, mp4mux faststart=true": launch(muxed(
            f"filesrc location={mkv}", f"mp4mux faststart=true faststart-file={out}/spool name=m "
                                       f"! filesink location={target}")),
        "Matroska, ffmpeg -c copy -movflags faststart": ["ffmpeg", "-v", "error", "-y", "-i", mkv, "-c", "copy",
                                                         "-movflags", "faststart", target],
    }
    for name, cell in zip(others, in_turn(others.values(), runs)):
        print(f"| {name}, to a file | {median(cell):.3f} | {ratio(figures[0], cell):.2f} "
              f"| {median(cell, 1) / 1024:.1f} | |")
    print(flush=True)


class Segments:
    """Renders segments of an H4MK file, each in a pipeline of its own."""

    def __init__(self, path, out):
        os.environ.update(environment())
        import gi
        gi.require_version("Gst", "1.0")
        from gi.repository import Gst
        Gst.init(None)
        self.gst, self.out = Gst, out / "segment.m4s"
        self.source = (f"filesrc location={path} ! h4mkdemux name=d fmp4remux name=m fragment-duration={6 * SECOND} "
                       "{0} d.video_0 ! queue ! m. d.audio_0 ! queue ! m.")

    def _end(self, pipeline):
        kinds = self.gst.MessageType.EOS | self.gst.MessageType.ERROR
        message = pipeline.get_bus().timed_pop_filtered(600 * SECOND, kinds)
        if message is None or message.type == self.gst.MessageType.ERROR:
            sys.exit(message.parse_error() if message else "hangs")
        pipeline.set_state(self.gst.State.NULL)

    def whole(self):
        """One run over all: number, start, duration and size of each segment, and the origin of its streams."""
        pipeline = self.gst.parse_launch(self.source.format(f"! {FAKE}"))
        muxer, found = pipeline.get_by_name("m"), []
        muxer.connect("fragment-written", lambda _, number, start, length, _offset, size, _key:
                      found.append((number // 4096, start, length, size)))
        pipeline.set_state(self.gst.State.PLAYING)
        self._end(pipeline)
        return found, muxer.get_property("stream-origin")

    def render(self, segment, origin):
        """Milliseconds, and those of the CPU, from no pipeline to the end of one segment in a file."""
        number, start, length, size = segment
        began, worked = time.monotonic(), time.process_time()
        pipeline = self.gst.parse_launch(self.source.format(
            f"segment-mode=true segment-start={start} segment-stop={start + length} "
            f"start-fragment-sequence-number={number} ! filesink async=false location={self.out}"))
        pipeline.get_by_name("m").set_property("stream-origin", origin)
        ready = threading.Event()
        demuxer = pipeline.get_by_name("d")
        demuxer.connect("no-more-pads", lambda _: ready.set())
        pipeline.set_state(self.gst.State.PAUSED)
        ready.wait(60)
        flags = self.gst.SeekFlags
        # Muxers take no seeks.
        if not demuxer.seek_simple(self.gst.Format.TIME, flags.FLUSH | flags.ACCURATE, start):
            sys.exit("the demuxer does not seek")
        pipeline.set_state(self.gst.State.PLAYING)
        self._end(pipeline)
        spent = (time.monotonic() - began) * 1000, (time.process_time() - worked) * 1000
        if self.out.stat().st_size != size:
            sys.exit(f"segment {number} alone: {self.out.stat().st_size} bytes, in the whole: {size}")
        return spent


def segment(runs, out):
    """One segment of 6 s, of 2 h."""
    segments = Segments(made("hours.h4mk", two_hours), out)
    found, origin = segments.whole()
    chosen = [found[len(found) * n // (runs + 1)] for n in range(1, runs + 1)]
    segments.render(found[-2], origin)
    times = [segments.render(one, origin) for one in chosen]
    size = statistics.median(one[3] for one in chosen) / 1e6
    print(f"one segment of {len(found)} alone, 6 s and {size:.1f} MB: median {median(times):.1f} ms, quickest "
          f"{min(times)[0]:.1f}, slowest {max(times)[0]:.1f}; CPU {median(times, 1):.1f} ms (goal ≤ 30 ms)\n",
          flush=True)


CASES = {"fragmented": fragmented, "front-exact": front_exact, "segment": segment}


def main():
    memory = pathlib.Path("/dev/shm")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each pipeline (default 7)")
    parser.add_argument("--only", choices=CASES, help="one group of cases")
    parser.add_argument("--out", type=pathlib.Path, default=memory if memory.is_dir() else MEDIA,
                        help="folder for what is written (default: /dev/shm)")
    arguments = parser.parse_args()
    MEDIA.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.out) as out:
        for name, case in CASES.items():
            if arguments.only in (None, name):
                case(arguments.runs, pathlib.Path(out))


if __name__ == "__main__":
    main()
