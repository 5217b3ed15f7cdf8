#!/usr/bin/env python3
"""Makes a film with flashes, the readings of a sensor of the same scene and a log on the sensor's clock, and checks what
became of them: `sync_scene.py make FOLDER`, `sync_scene.py check FOLDER`.

`make` writes scene.mp4, scene.csv, scene.jsonl and truth.json; `check` reads measured.jsonl, which examples/align_sensor.py
printed, and aligned.jsonl: for each line of the log as it was recorded, [the line, its time in ns].
"""
import dataclasses
import json
import pathlib
import sys

from sync_corpus import events
from sync_corpus.audio import chance_of

SEED = 1
# The sensor began after the film, and its clock is slow.
OFFSET_S, DRIFT_PPM = 0.7315, 40.0


def make(folder):
    film = events.Case("scene", "flash", 12, 0.0)
    times = events.instants(film, SEED)
    film = dataclasses.replace(film, seconds=float(times[-1]) + 3)
    sensor = dataclasses.replace(film, offset_s=OFFSET_S, drift_ppm=DRIFT_PPM)
    events.write_video(folder / "scene.mp4", film, times, SEED)
    events.write_sensor(folder / "scene.csv", sensor, times, chance_of(SEED, "scene", "sensor"))
    lines = [json.dumps({"time": round(second + 0.25, 3), "n": second}) for second in range(int(film.seconds) - 1)]
    (folder / "scene.jsonl").write_text("".join(line + "\n" for line in lines))


def on_line(time):
    return OFFSET_S + time * (1 + DRIFT_PPM * 1e-6)


def check(folder):
    measured = [json.loads(line) for line in (folder / "measured.jsonl").read_text().splitlines()]
    # What is not proven yet may be told to move before.
    assert "syncaligner-locked" in [figures["message"] for figures in measured], measured
    for figures in measured:
        off = abs(figures["at_s"] + figures["offset_s"] - on_line(figures["at_s"]))
        # A frame of the film lasts 33 ms.
        assert off <= figures["uncertainty_s"] <= 0.04, (off, figures)
        print(f"{off * 1e3:.2f} ms off, ±{figures['uncertainty_s'] * 1e3:.1f} ms claimed, "
              f"{figures['drift_ppm']:+.0f} ppm at {figures['at_s']:.1f} s")
    aligned = [json.loads(line) for line in (folder / "aligned.jsonl").read_text().splitlines()]
    log = (folder / "scene.jsonl").read_text().splitlines()
    assert [line for line, _ in aligned] == log, aligned
    for line, time in aligned:
        off = abs(time / 1e9 - on_line(json.loads(line)["time"]))
        assert off <= 0.04, (off, line, time)


{"make": make, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
