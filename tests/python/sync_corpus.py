#!/usr/bin/env python3
"""Makes recordings whose sync is known, to measure and test with: `sync_corpus.py FOLDER [--only NAME,...]`.

Each pair is a reference and a stream (WAV, a video with flashes, a sensor's CSV), and a JSON file beside them with what
is true: `offset_s`, the time on the reference's line at which the stream's own time 0 lies, and `drift_ppm`; the
reference's time is offset + t · (1 + ppm · 10⁻⁶). `expected` is "locked", or "refused" for pairs that have nothing to
do with each other or go in circles. A frame's timestamp is when the exposure of its first row begins. The same seed
gives the same pairs. Needs numpy (tests/tools.sh installs it in .venv), flite and ffmpeg. What is there already is not
made again.
"""
import argparse
import concurrent.futures
import fnmatch
import json
import pathlib

from sync_corpus import audio, events

GROUPS = audio.GROUPS | events.GROUPS


def wanted(case, patterns):
    return any(fnmatch.fnmatch(case.name, pattern) or case.group == pattern for pattern in patterns)


def make(cases, folder, seed):
    """Makes cases one after the other; those that share a scene stand together."""
    source = audio.source_of(seed)
    for case in cases:
        if case.group in audio.GROUPS:
            truth = audio.write(case, folder, seed, source)
        else:
            truth = events.write(case, folder, seed)
        part = folder / f"{case.name}.part"
        part.write_text(json.dumps({**truth, "seed": seed}, indent=1))
        part.rename(folder / f"{case.name}.json")
        print(case.name, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", default="*", help="groups or names with wildcards, separated by commas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="length of each recording, instead of its group's own")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="names alone")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    every = [case for build, seconds in GROUPS.values() for case in build(args.seconds or seconds, args.seed)]
    cases = [case for case in every if wanted(case, args.only.split(","))]
    if args.list:
        print("\n".join(case.name for case in cases))
        return
    scenes = {}
    for case in cases:
        if not (args.folder / f"{case.name}.json").exists():
            scenes.setdefault((case.group, case.kind, case.scene), []).append(case)
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        for done in [pool.submit(make, group, args.folder, args.seed) for group in scenes.values()]:
            done.result()


if __name__ == "__main__":
    main()
