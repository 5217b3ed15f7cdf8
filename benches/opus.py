#!/usr/bin/python3
"""Indexing an hour of Opus, and reading any second of it back, beside libsndfile, libopusfile, GStreamer and ffmpeg.

    python3 benches/opus.py [--runs N] [--only NAME ...] [--out FOLDER]

All of it works on the same data: an hour of stereo at 96 kb/s of synthesised sound, made once under target/bench-media.
Needs build/ (see pipelines/setup.sh), cargo, opus-tools, ffmpeg, flite and strace, and of Debian's packages
libsndfile1-dev and libopusfile-dev, for the peers in benches/peers that it compiles. Output goes to FOLDER, in memory
where there is /dev/shm: about 2 GB at most.
"""
import argparse
import functools
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

from harness import MEDIA, cost, environment, goal, head, in_turn, launch, line, load, median
from opus_peers import (HOUR_PACKETS, HOUR_S, RATE, Gst, borders, build, element, exact, hour, mixed, peers, positions,
                        speech, spread, store_program)

FAKE = "fakesink sync=false async=false"
HOUR_SAMPLES = HOUR_S * RATE
PREROLL = "660"
MANY_PACKETS = 20_000_000
POSITIONS = 200
# A process each takes its time.
FEW = 25


def timed(store, command):
    """What a process costs that may write a store, and how long it takes: CPU seconds, peak kilobytes, seconds."""
    shutil.rmtree(store, ignore_errors=True)
    began = time.monotonic()
    return *cost(command), time.monotonic() - began


def indexing(path, store, options=""):
    return launch(f"filesrc location={path} ! oggdemux ! opusindexer location={store} {options} ! {FAKE}")


def attributes_of(store):
    return json.loads((store / "zarr.json").read_text())["attributes"]


def indexed(out, path, options=""):
    """The store of a file, and what writing it cost."""
    store = out / f"{path.stem}.zarr"
    spent = timed(store, indexing(path, store, options))
    return store, spent


def index(runs, out, _program):
    path, store = hour(), out / "timed.zarr"
    rows = {
        "`oggdemux ! opusindexer`": indexing(path, store),
        "`oggdemux` alone": launch(f"filesrc location={path} ! oggdemux ! {FAKE}"),
    }
    figures = dict(zip(rows, in_turn(rows.values(), runs, functools.partial(timed, store))))
    ours, alone = figures.values()
    head("Index in a pipeline", "what", "s", "CPU s", "packets/s", "packets/CPU s", "peak MiB")
    for name, cell in figures.items():
        line(name, f"{median(cell, 2):.3f}", f"{median(cell):.3f}", f"{HOUR_PACKETS / median(cell, 2):,.0f}",
             f"{HOUR_PACKETS / median(cell):,.0f}", f"{median(cell, 1) / 1024:.1f}")
    rate = HOUR_PACKETS / median(ours, 2)
    ratio = statistics.median(b[2] / a[2] for a, b in zip(ours, alone))
    memory = statistics.median(a[1] - b[1] for a, b in zip(ours, alone)) * 1024 / 1e6
    print(f"\nPackets/s {rate:,.0f} (goal ≥ 500 000: {goal(rate >= 500_000)}), {ratio:.2f} of the demuxer alone; "
          f"memory above it {memory:.1f} MB (goal < 10: {goal(memory < 10)})")
    timed(store, rows["`oggdemux ! opusindexer`"])
    attributes = attributes_of(store)
    print(f"{attributes['committed_packets']} packets, complete: {attributes['complete']}")
    load()


def reads(command):
    """Read calls of a process that got something, and their bytes."""
    with tempfile.NamedTemporaryFile("r") as log:
        subprocess.run(["strace", "-f", "-qq", "-o", log.name, "-e", "trace=read,pread64,preadv,readv",
                        *map(str, command)], check=True, stdout=subprocess.DEVNULL)
        got = [int(n) for n in re.findall(r" = (\d+)$", log.read(), re.MULTILINE) if int(n) > 0]
    return len(got), sum(got)


def reads_of_a_lookup(program, store, count=100):
    found, opened = (reads([program, mode, store, count]) for mode in ("finds", "opens"))
    return tuple((a - b) / count for a, b in zip(found, opened))


def lookups(program, store, runs):
    """Medians over some processes, in nanoseconds: open, cold, anywhere, cached."""
    done = [subprocess.run([program, "lookup", store, "1000"], check=True, text=True, stdout=subprocess.PIPE).stdout
            for _ in range(runs)]
    tables = [dict(row.split() for row in text.splitlines()) for text in done]
    return {name: statistics.median(float(table[name]) for table in tables) for name in tables[0]}


def print_lookups(name, figures, calls):
    head(f"Lookup, {name}", "what", "measured", "goal", "")
    cached, cold = figures["cached"] / 1000, figures["cold"] / 1000
    line("pages in the cache", f"{cached:.3f} µs", "< 1 µs", goal(cached < 1))
    line("cold: the first of an open store", f"{cold:.1f} µs", "< 100 µs", goal(cold < 100))
    line("reads of a cold lookup", f"{calls[0]:.2f}, {calls[1]:,.0f} bytes", "≤ 2", goal(calls[0] <= 2))
    line("anywhere, one after the other", f"{figures['anywhere'] / 1000:.2f} µs", "", "")
    line("opening the store", f"{figures['open'] / 1000:.0f} µs", "", "")


def lookup(runs, out, program):
    store, _ = indexed(out, hour())
    wanted = out / "positions"
    positions(wanted, POSITIONS, HOUR_SAMPLES - RATE)
    print_lookups("one hour", lookups(program, store, runs), reads_of_a_lookup(program, store))
    peer = peers()[1].run(hour(), wanted, RATE)
    line("libopusfile: reads of a seek", f"{peer['seek-reads']:.1f}, {peer['seek-bytes']:,.0f} bytes", "", "")
    line("libopusfile: reads of a seek and 1 s", f"{peer['reads']:.1f}, {peer['bytes']:,.0f} bytes", "", "")
    load()


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rounds(programs, runs, file_of, wanted_of, reopen):
    """Each program's runs, in turn: for each, the nanoseconds of its positions, and its CPU milliseconds a position."""
    def one(program):
        before = cpu_of_children()
        each = program.run(file_of(program), wanted_of(program), RATE, reopen=reopen)["each"]
        return each, (cpu_of_children() - before) * 1000 / len(each)

    return list(zip(*([one(program) for program in programs] for _ in range(runs))))


def extract(runs, out, program):
    store, _ = indexed(out, hour())
    wanted, few = out / "positions", out / "few"
    positions(wanted, POSITIONS, HOUR_SAMPLES - RATE)
    positions(few, FEW, HOUR_SAMPLES - RATE)
    others = peers()
    ours, ours_too = store_program(program, PREROLL), element()

    def file_of(one):
        return store if one in (ours, ours_too) else hour()

    def wanted_of(one):
        return few if one is others[-1] else wanted

    for title, programs, reopen in (("what is open stays open", [ours, ours_too, *others], False),
                                    ("opening included", [ours, *others[:2], others[-1]], True)):
        figures = rounds(programs, runs, file_of, wanted_of, reopen)
        head(f"1 s of stereo from anywhere in the hour, {title}", "what", "median ms", "95 % ms", "ours to it",
             "CPU ms", "ours to it")
        for one, cell in zip(programs, figures):
            middle, most = spread(each for each, _ in cell)
            elapsed = statistics.median(statistics.median(a[0]) / statistics.median(b[0])
                                        for a, b in zip(figures[0], cell))
            worked = statistics.median(a[1] / b[1] for a, b in zip(figures[0], cell))
            line(one.name, f"{middle:.2f}", f"{most:.2f}", f"{elapsed:.2f}", f"{median(cell, 1):.2f}", f"{worked:.2f}")
        middle = spread(each for each, _ in figures[0])[0]
        print(f"\n{middle:.2f} ms (goal < 6: {goal(middle < 6)})")
    load()


def exactness(_runs, out, program):
    """Each peer against its own decode of the whole file; ours against opusdec's."""
    heard, sequence, wanted, edges = (out / name for name in ("heard", "sequence", "positions", "edges"))
    for title, path in (("pages of 1 s", hour()), ("pages of 20 ms", hour(20))):
        store, _ = indexed(out, path)
        places = positions(wanted, POSITIONS, HOUR_SAMPLES - RATE)
        ends = borders(edges, POSITIONS, HOUR_SAMPLES - RATE)
        head(f"Exact against a sequential decode, {title}", "what", "exact", "others off by up to")
        for peer in peers():
            peer.sequence(path, sequence, HOUR_SAMPLES)
            right, most, _ = exact(peer, path, sequence, wanted, places, heard)
            line(peer.name, f"{right} of {POSITIONS}", f"{most} samples")
            if isinstance(peer, Gst):
                reference = sequence.rename(out / "reference")
        for one, file, asked, there in ((store_program(program, PREROLL), store, edges, ends),
                                        (element(), store, wanted, places)):
            right, most, _ = exact(one, file, reference, asked, there, heard)
            line(f"{one.name}, against opusdec", f"{right} of {POSITIONS} ({goal(right == POSITIONS)})",
                 f"{most} samples")
        shutil.rmtree(store)
    load()


def certified(_runs, out, program):
    heard, reference, edges = (out / name for name in ("heard", "reference", "edges"))
    head("Certified, against opusdec's sequential decode", "file", "pre-roll", "exact", "median ms", "95 % ms",
         "certified")
    costs = []
    for path, channels in ((hour(), 2), (speech(), 1), (mixed(), 1)):
        store, spent = indexed(out, path, "pcm-hash=true")
        attributes = attributes_of(store)
        modes, recommended = attributes["modes_seen"], str(attributes["recommended_preroll_ms"])
        Gst("", []).sequence(path, reference, None)
        end = reference.stat().st_size // (2 * channels)
        costs.append(f"{path.stem}: {end / RATE / spent[2]:,.0f} times as fast as it plays")
        places = borders(edges, POSITIONS, end - RATE)
        for preroll in ("certified", recommended):
            one = store_program(program, preroll)
            right, _, figures = exact(one, store, reference, edges, places, heard, channels=channels, search=0)
            met = f" ({goal(right == POSITIONS)})" if preroll == "certified" else ""
            middle, most = spread([figures["each"]])
            line(f"{path.stem} ({', '.join(modes)})", preroll, f"{right} of {POSITIONS}{met}", f"{middle:.1f}",
                 f"{most:.1f}", f"{figures['certified']:.0f}")
    print(f"\nIndexing with hashes: {'; '.join(costs)}")
    load()


def many(runs, out, program):
    store, _ = indexed(out, hour())
    wanted = out / "positions"
    count = 1000
    positions(wanted, count, HOUR_SAMPLES - RATE)

    def measure(jobs):
        done = subprocess.run([program, "many", store, wanted, str(RATE), PREROLL, str(jobs)], check=True, text=True,
                              stdout=subprocess.PIPE)
        return (int(done.stdout) / 1e9,)

    one, two = in_turn([1, 2], runs, measure)
    ratio = statistics.median(a[0] / b[0] for a, b in zip(one, two))
    head(f"{count} segments of 1 s", "threads", "s", "segments/s")
    for jobs, cell in ((1, one), (2, two)):
        line(jobs, f"{median(cell):.2f}", f"{count / median(cell):.0f}")
    print(f"\nTwo threads to one: {ratio:.2f} (goal ≥ 1.8: {goal(ratio >= 1.8)})")
    load()


def large(runs, out, program):
    for name, options in (("packets of 20 ms", []), ("stretches of 2.5 to 20 ms", ["varied"])):
        store = out / "large.zarr"
        seconds = timed(store, [program, "fill", store, MANY_PACKETS, *options])[2]
        size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file()) / 1e6
        _, memory = cost([program, "lookup", store, 1000], stdout=subprocess.DEVNULL)
        print_lookups(f"20 million packets, {name}", lookups(program, store, runs), reads_of_a_lookup(program, store))
        print(f"\nWritten in {seconds:.1f} s ({MANY_PACKETS / seconds:,.0f} packets/s), {size:.0f} MB; "
              f"peak of a process that looks up: {memory / 1024:.0f} MiB")
        shutil.rmtree(store)
    load()


CASES = {"index": index, "lookup": lookup, "extract": extract, "exact": exactness, "certified": certified, "many": many,
         "large": large}


def main():
    memory = pathlib.Path("/dev/shm")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="counted runs (default 7)")
    parser.add_argument("--only", choices=CASES, nargs="+", default=list(CASES), help="groups of cases")
    parser.add_argument("--out", type=pathlib.Path, default=memory if memory.is_dir() else MEDIA,
                        help="folder for what is written (default: /dev/shm)")
    arguments = parser.parse_args()
    MEDIA.mkdir(parents=True, exist_ok=True)
    os.environ.update(environment())
    program = build()
    with tempfile.TemporaryDirectory(dir=arguments.out) as out:
        for name in arguments.only:
            CASES[name](arguments.runs, pathlib.Path(out), program)


if __name__ == "__main__":
    main()
