#!/usr/bin/python3
"""CPU time and memory of h4mkmux and h4mkdemux in pipelines, beside matroskamux and matroskademux.

    python3 benches/pipelines.py [--runs N] [--only NAME]

Each pair of pipelines runs in turn (A B A B ...) on the same data, as whole processes; the medians of CPU time
(user + system), of the ratio pair by pair, and of the peak memory are printed as a Markdown table. Needs build/ (see
pipelines/setup.sh) and ffmpeg. Media is made once, under target/bench-media.
"""
import argparse

from harness import MEDIA, encode, made, pair, run

BUFFERS = 100_000


def source(rate=100_000):
    """Buffers of 1 kB with time stamps, as any encoder could make them."""
    return (f"fakesrc num-buffers={{n}} sizetype=fixed sizemax=1000 filltype=zero format=time datarate={rate} "
            "! audio/x-opus,rate=48000,channels=2,channel-mapping-family=0 ")


def muxed(muxer, tracks, sink):
    each = source().format(n=BUFFERS // tracks)
    return f"{muxer} name=m ! {sink} " + " ".join(f"{each} ! m." for _ in range(tracks))


def demuxed(demuxer, path, tracks):
    sinks = " ".join(f"d.audio_{n} ! fakesink sync=false async=false" for n in range(tracks))
    return f"filesrc location={path} ! {demuxer} name=d {sinks}"


def film(path):
    """About 300 MB."""
    encode(path, 120, "20M")


def small_blocks(runs):
    for tracks in (1, 2, 8):
        pair(f"mux 100 000 × 1 kB, {tracks} track(s), to a file",
             muxed("h4mkmux", tracks, f"filesink location={MEDIA}/out.h4mk"),
             muxed("matroskamux", tracks, f"filesink location={MEDIA}/out.mkv"), runs, "≤ 0.75")
        files = {}
        for muxer, end in (("h4mkmux", "h4mk"), ("matroskamux", "mkv")):
            files[end] = made(f"small-{tracks}.{end}",
                              lambda path: run(muxed(muxer, tracks, f"filesink location={path}")))
        pair(f"demux 100 000 × 1 kB, {tracks} track(s)",
             demuxed("h4mkdemux", files["h4mk"], tracks),
             demuxed("matroskademux", files["mkv"], tracks), runs, "≤ 0.75")


def big_film(runs):
    mkv = made("film.mkv", film)
    remux = (f"filesrc location={mkv} ! matroskademux name=d {{mux}} "
             "d.video_0 ! queue ! h264parse ! {video} d.audio_0 ! queue ! aacparse ! {audio}")
    sink = f"! filesink location={MEDIA}/out"
    ours = remux.format(mux=f"h4mkmux name=m {sink}.h4mk", video="m.video_0", audio="m.audio_0")
    theirs = remux.format(mux=f"matroskamux name=m {sink}.mkv", video="m.video_0", audio="m.audio_0")
    floor = remux.format(mux="", video=f"filesink location={MEDIA}/out.video",
                         audio=f"filesink location={MEDIA}/out.audio")
    pair("mux 300 MB of 720p, demuxing and parsing included", ours, theirs, runs, "≤ 0.75")
    pair("the same beside parsing and writing without a container", ours, floor, runs, "≤ 1.25")
    h4mk = made("film.h4mk", lambda path: run(ours.replace(f"{MEDIA}/out.h4mk", str(path))))
    # The same buffers again, from a cheaper source: what is left is mostly the muxers.
    again = (f"filesrc location={h4mk} ! h4mkdemux name=d {{mux}} d.video_0 ! queue ! {{video}} d.audio_0 ! queue ! {{audio}}")
    ours = again.format(mux=f"h4mkmux name=m {sink}.h4mk", video="m.video_0", audio="m.audio_0")
    theirs = again.format(mux=f"matroskamux name=m {sink}.mkv", video="m.video_0", audio="m.audio_0")
    floor = again.format(mux="", video=f"filesink location={MEDIA}/out.video",
                         audio=f"filesink location={MEDIA}/out.audio")
    pair("mux 300 MB of 720p, no parsers", ours, theirs, runs, "≤ 0.75")
    pair("the same beside writing without a container", ours, floor, runs, "≤ 1.25")
    play = "filesrc location={path} ! {demux} name=d d.video_0 ! fakesink sync=false async=false d.audio_0 ! fakesink sync=false async=false"
    pair("demux 300 MB of 720p", play.format(path=h4mk, demux="h4mkdemux"),
         play.format(path=mkv, demux="matroskademux"), runs, "≤ 0.75")


def day(_runs):
    """24 hours of two tracks: 25 and 46.9 buffers a second."""
    one = ("fakesrc num-buffers={n} sizetype=fixed sizemax=100 filltype=zero format=time datarate={rate} "
           "! audio/x-opus,rate=48000,channels=2,channel-mapping-family=0 ! m. ")
    pipeline = (f"h4mkmux name=m ! filesink location={MEDIA}/day.h4mk "
                + one.format(n=25 * 86_400, rate=2500) + one.format(n=4_050_000, rate=4688))
    seconds, memory = run(pipeline)
    size = (MEDIA / "day.h4mk").stat().st_size
    blocks = 25 * 86_400 + 4_050_000
    print(f"| 24 h of two tracks, {blocks} blocks: {(size / blocks) - 100:.1f} bytes of overhead a block (goal ≤ 60) "
          f"| {seconds:.1f} | | | ≤ 64 MiB | {memory / 1024:.0f} |", flush=True)
    seconds, memory = run(f"filesrc location={MEDIA}/day.h4mk ! h4mkdemux name=d "
                          "d.audio_0 ! fakesink sync=false async=false d.audio_1 ! fakesink sync=false async=false")
    print(f"| reading them back | {seconds:.1f} | | | ≤ 64 MiB | {memory / 1024:.0f} |", flush=True)


CASES = {"small": small_blocks, "film": big_film, "day": day}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each pipeline (default 7)")
    parser.add_argument("--only", choices=CASES, help="one group of cases")
    arguments = parser.parse_args()
    MEDIA.mkdir(parents=True, exist_ok=True)
    print("| what | CPU s | peer CPU s | ratio | goal | MiB |\n|---|---|---|---|---|---|")
    for name, case in CASES.items():
        if arguments.only in (None, name):
            case(arguments.runs)


if __name__ == "__main__":
    main()
