#!/usr/bin/python3
"""Frames and blocks through adaptersink beside appsink, PyAV and ffmpeg.

    python3 benches/adapter.py [--runs N] [--only NAME]

Each runs in turn (A B C ... A B C ...) on the same data, a process each; medians are printed as Markdown tables, and ratios are medians of
those of each turn. Frames a second count from the start of the pipeline to the end of the stream, without the start of Python. Needs
build/ (see pipelines/setup.sh), ffmpeg, python3-gi, python3-gst-1.0, python3-numpy and python3-venv; PyAV is installed under
target/bench-peers. Media is made once, under target/bench-media.
"""
import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from harness import (MEDIA, PATIENCE_S, PEERS, ROOT, environment, goal, head, install, launch, line, load, made, median)

VENV = PEERS / "frames"
REQUIREMENTS = ROOT / "benches" / "peers" / "requirements-frames.txt"
CONSUMERS = ROOT / "benches" / "adapter_consumers.py"
FRAMES = 1000
WIDTH, HEIGHT = 1920, 1080
FRAME_BYTES = WIDTH * HEIGHT * 3
BUFFERS, GROUP = 100_000, 50


def film(path):
    """1080p H.264 with B-frames."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi",
         "-i", f"testsrc2=s={WIDTH}x{HEIGHT}:r=25:d={FRAMES // 25},noise=alls=6:allf=t", "-c:v", "libx264",
         "-preset", "medium", "-crf", "26", "-g", "50", "-pix_fmt", "yuv420p", "-colorspace", "bt709",
         "-color_primaries", "bt709", "-color_trc", "bt709", "-f", "mp4", str(path)], check=True)


def small(path):
    """100 000 blocks of 1 kB, a key block every 50."""
    subprocess.run(map(str, consumer("blocks", path, BUFFERS, GROUP)), env=environment(), check=True)


def measured(command):
    """What a process says, and CPU seconds, seconds and peak kilobytes of it."""
    with tempfile.TemporaryFile() as out:
        began = time.monotonic()
        process = subprocess.Popen(["timeout", str(PATIENCE_S), *map(str, command)], env=environment(), stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        if status != 0:
            sys.exit(f"failed with status {status}: {' '.join(map(str, command))}")
        out.seek(0)
        text = out.read().decode()
    found = json.loads(text) if text.startswith("{") else {"count": FRAMES, "seconds": wall}
    return found, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def in_turn(rows, runs):
    """For each row, what its counted runs said and cost."""
    found = {name: [] for name in rows}
    for turn in range(runs + 1):
        for name, command in rows.items():
            cost = measured(command)
            if turn > 0:
                found[name].append(cost)
    return found


def consumer(*arguments, python="/usr/bin/python3"):
    return [python, CONSUMERS, *arguments]


def rate(cost):
    return cost[0]["count"] / cost[0]["seconds"]


def ratio(ours, theirs, what=rate):
    return statistics.median(what(a) / what(b) for a, b in zip(ours, theirs))


def frames(runs):
    """Frames of a film as RGB."""
    install("PyAV", VENV, REQUIREMENTS, "/usr/bin/python3")
    path = made("film-1080p.mp4", film)
    decode = f"filesrc location={path} ! qtdemux ! h264parse ! avdec_h264"
    fake = "fakesink sync=false"
    ours = "adaptersink name=sink frame-format=RGB output-mode=block"
    convert = "videoconvert{} ! video/x-raw,format=RGB ! appsink name=sink sync=false max-buffers=16"
    ffmpeg = ["ffmpeg", "-v", "error", "-nostdin", "-i", path]
    pixels = functools.partial(consumer, "gst")
    rows = {
        "`adaptersink frame-format=RGB`, arrays in Python": pixels(f"{decode} ! {ours}", "pull-output", "pixels"),
        "`adaptersink frame-format=RGB`, gst-launch": launch(f"{decode} ! {ours} overflow=drop-oldest"),
        "`videoconvert ! appsink`, arrays in Python": pixels(
            f"{decode} ! {convert.format('')}", "pull-sample", "pixels"),
        "`videoconvert n-threads=2 ! appsink`, arrays in Python": pixels(
            f"{decode} ! {convert.format(' n-threads=2')}", "pull-sample", "pixels"),
        "PyAV to rgb24, threads AUTO": consumer("pyav", path, "AUTO", python=VENV / "bin" / "python"),
        "PyAV to rgb24, threads SLICE": consumer("pyav", path, "SLICE", python=VENV / "bin" / "python"),
        "ffmpeg to rgb24": [*ffmpeg, "-pix_fmt", "rgb24", "-f", "rawvideo", "-y", "/dev/null"],
        "decoding alone, GStreamer": launch(f"{decode} ! {fake}"),
        "decoding alone, ffmpeg": [*ffmpeg, "-f", "null", "-"],
    }
    found = in_turn(rows, runs)
    head("1080p H.264 to RGB", "what", "frames/s", "ours to it", "CPU ms a frame", "peak MiB")
    ours, launched, appsink, threaded, pyav, *_ = found.values()
    for name, costs in found.items():
        count = costs[0][0]["count"]
        if count != FRAMES:
            sys.exit(f"{name}: {count} frames, expected {FRAMES}")
        line(name, f"{statistics.median(map(rate, costs)):.0f}", f"{ratio(ours, costs):.2f}",
             f"{median(costs, 1) / FRAMES * 1000:.2f}", f"{median(costs, 2) / 1024:.0f}")
    print(f"\nTo `videoconvert ! appsink` {ratio(ours, appsink):.2f} (goal ≥ 1.35: {goal(ratio(ours, appsink) >= 1.35)}), "
          f"to PyAV {ratio(ours, pyav):.2f} (goal ≥ 1.1: {goal(ratio(ours, pyav) >= 1.1)})")
    load()


def blocks(runs):
    """Blocks of an H4MK file, one after the other."""
    path = made("small-groups.h4mk", small)
    play = f"filesrc location={path} ! h4mkdemux expose=blocks"
    ours = "adaptersink name=sink output-mode={} overflow=drop-oldest max-outputs=16"
    waiting = ours.replace("drop-oldest", "block")
    appsink = "appsink name=sink sync=false max-buffers=16"
    rows = {
        "`appsink`, gst-launch": launch(f"{play} ! {appsink} drop=true wait-on-eos=false"),
        "`adaptersink output-mode=block`, gst-launch": launch(f"{play} ! {ours.format('block')}"),
        "`adaptersink output-mode=gop`, gst-launch": launch(f"{play} ! {ours.format('gop')}"),
        "`appsink`, pulled in Python": consumer("gst", f"{play} ! {appsink}", "pull-sample"),
        "`adaptersink output-mode=block`, pulled in Python": consumer(
            "gst", f"{play} ! {waiting.format('block')}", "pull-output"),
        "`h4mkdemux` alone": launch(f"{play} ! fakesink sync=false"),
    }
    found = in_turn(rows, runs)
    head("100 000 blocks of 1 kB", "what", "CPU s", "to `appsink` likewise", "peak MiB")
    costs = list(found.values())
    peers = [costs[0], costs[0], costs[0], costs[3], costs[3], costs[0]]
    for (name, cost), peer in zip(found.items(), peers):
        line(name, f"{median(cost, 1):.3f}", f"{ratio(cost, peer, lambda one: one[1]):.2f}", f"{median(cost, 2) / 1024:.0f}")
    worst = max(ratio(costs[n], costs[peer], lambda one: one[1]) for n, peer in ((1, 0), (4, 3)))
    print(f"\nTo `appsink` at most {worst:.2f} with a result for each block (goal ≤ 1.2: {goal(worst <= 1.2)})")
    load()


def signals(runs):
    """An adapter in Python."""
    path = made("small-groups.h4mk", small)
    ours = "adaptersink name=sink adapter=signals output-mode={} overflow=drop-oldest"
    rows = {mode: consumer("signals", f"filesrc location={path} ! h4mkdemux expose=blocks ! {ours.format(mode)}")
            for mode in ("gop", "block")}
    found = in_turn(rows, runs)
    head("An adapter in handlers in Python", "results", "blocks/s", "goal", "", "blocks/CPU s")
    for mode, costs in found.items():
        reached = statistics.median(map(rate, costs))
        line(f"output-mode={mode}, {costs[0][0]['groups']} groups", f"{reached:,.0f}", "≥ 20 000", goal(reached >= 20_000),
             f"{BUFFERS / median(costs, 1):,.0f}")
    load()


def memory(runs):
    """A queue of frames that nobody takes."""
    path = made("film-1080p.mp4", film)
    play = f"filesrc location={path} ! qtdemux ! h264parse ! avdec_h264 ! adaptersink name=sink output-mode=block"
    rows = {count: consumer("full", f"{play} frame-format=RGB max-outputs={count}", count) for count in (1, 16)}
    found = in_turn(rows, runs)
    head("1080p frames as RGB that nobody pulls", "max-outputs", "peak MiB", "frames decoded")
    peaks = {}
    for count, costs in found.items():
        peaks[count] = statistics.median(said["peak_kb"] for said, *_ in costs) * 1024
        line(count, f"{peaks[count] / 2**20:.0f}", costs[0][0]["decoded"])
    each = (peaks[16] - peaks[1]) / 15 / FRAME_BYTES
    print(f"\nEach of 15 frames more takes {each:.2f} of the bytes of a frame (goal ≤ 1.05: {goal(each <= 1.05)})")
    load()


CASES = {"frames": frames, "blocks": blocks, "signals": signals, "memory": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each (default 7)")
    parser.add_argument("--only", choices=CASES, help="one group of cases")
    arguments = parser.parse_args()
    MEDIA.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        if arguments.only in (None, name):
            case(arguments.runs)


if __name__ == "__main__":
    main()
