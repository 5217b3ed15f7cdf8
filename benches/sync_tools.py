"""What measures sync in the benchmark: gst-harmony align, its peers, and the first bright frame."""
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from harness import PATIENCE_S, PEERS, ROOT, environment

VENV = PEERS / "sync"
REQUIREMENTS = ROOT / "benches" / "peers" / "requirements-sync.txt"
CORPUS = [ROOT / ".venv" / "bin" / "python", ROOT / "tests" / "python" / "sync_corpus.py"]


@dataclasses.dataclass
class Answer:
    """What a tool says of a pair: the reference's time is offset + t · (1 + ppm · 10⁻⁶)."""

    offset_s: float
    ppm: float
    # Its own word is that one may rely on it.
    sure: bool
    word: str
    uncertainty_s: float | None = None


@dataclasses.dataclass
class Spent:
    """What a process cost, its children included, and why it ended if it said nothing."""

    wall_s: float
    cpu_s: float
    peak_kb: int
    complaint: str


def measured(command):
    """The standard output of a process, its exit status and what it cost."""
    # Each run starts with the interpreter's byte code and compiled kernels in place.
    env = dict(environment(), MPLCONFIGDIR=str(VENV), NUMBA_CACHE_DIR=str(VENV / "numba"))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen(["timeout", str(PATIENCE_S), *map(str, command)], stdout=out, stderr=err, env=env)
        _, status, usage = os.wait4(process.pid, 0)
        wall, status = time.monotonic() - began, os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        last = err.read().decode(errors="replace").strip().rpartition("\n")[2]
        spent = Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, f"exit status {status}: {last[-200:]}")
        return out.read().decode(), status, spent


class Harmony:
    """`gst-harmony align`; sure is what is locked."""

    name = "`gst-harmony align`"
    threshold = "locked"

    def measure(self, pair):
        options = []
        if "exposure_s" in pair.truth:
            options += ["--exposure", f"{pair.truth['exposure_s'] * 1000:g}ms",
                        "--readout-time", f"{pair.truth['readout_s'] * 1000:g}ms"]
        out, status, spent = measured([ROOT / "build" / "gst-harmony", "align", "--json", *options, pair.reference,
                                       pair.stream])
        if not out:
            return None, spent
        [stream] = json.loads(out)["streams"]
        sure = stream["state"] == "locked"
        if sure != (status == 0):
            sys.exit(f"{pair.name}: {stream['state']}, but exit status {status}")
        if stream["offset_s"] is None:
            return Answer(0.0, 0.0, False, stream["state"]), spent
        return Answer(stream["offset_s"], stream["drift_ppm"] or 0.0, sure, stream["state"],
                      stream["uncertainty_s"]), spent


class Finder:
    """audio-offset-finder as its page says: a score above ten is likely right, one below five is not."""

    name = "audio-offset-finder"
    threshold = "score ≥ 10"

    def measure(self, pair):
        out, _, spent = measured([VENV / "bin" / "audio-offset-finder", "--find-offset-of", pair.stream, "--within",
                                  pair.reference, "--json"])
        if not out:
            return None, spent
        found = json.loads(out)
        score = found["standard_score"]
        return Answer(found["time_offset"], 0.0, score >= 10, f"score {score:.1f}"), spent


class Syncstart:
    """syncstart without its diagrams, looking at `take` seconds; it says which file's start is to be cut, and where."""

    threshold = "always"

    def __init__(self, take=None):
        self.take = take
        self.name = "syncstart, whole files" if take is None else f"syncstart, {take} s (its default)"

    def measure(self, pair):
        take = self.take or pair.truth["seconds"]
        command = [VENV / "bin" / "syncstart", "-s", "-q", "-t", f"{take:g}"]
        out, _, spent = measured([*command, pair.reference, pair.stream])
        files = f"{pair.reference},", f"{pair.stream},"
        row = next((line for line in out.splitlines() if line.startswith(files)), None)
        if row is None:
            return None, spent
        file, seconds = row.rsplit(",", 1)
        offset = float(seconds) if pathlib.Path(file) == pair.reference else -float(seconds)
        return Answer(offset, 0.0, True, "no word"), spent


@dataclasses.dataclass
class Pair:
    name: str
    reference: pathlib.Path
    stream: pathlib.Path
    truth: dict

    def error(self, answer, own):
        """By how many seconds the answer is off at the stream's own time."""
        said = answer.offset_s + own * (1 + answer.ppm * 1e-6)
        return said - (self.truth["offset_s"] + own * (1 + self.truth["drift_ppm"] * 1e-6))


def corpus(folder, only, jobs=None):
    """The pairs of the groups or names `only`, made where they are not there."""
    command = [*CORPUS, folder, "--only", only]
    subprocess.run([*command, "--jobs", str(jobs or os.cpu_count())], check=True, stdout=subprocess.DEVNULL)
    names = subprocess.run([*command, "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    pairs = []
    for name in names:
        truth = json.loads((folder / f"{name}.json").read_text())
        pairs.append(Pair(name, folder / truth["reference"], folder / truth["stream"], truth))
    return pairs


def first_bright_frames(pair):
    """What scripts take for an instant: how late the first bright frame's time is, in seconds, for each."""
    times = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of",
                            "csv=p=0", pair.stream], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", pair.stream, "-fps_mode", "passthrough", "-vf", "scale=32:18",
                          "-pix_fmt", "gray", "-f", "rawvideo", "-"], check=True, stdout=subprocess.PIPE).stdout
    size = 32 * 18
    light = [max(raw[at:at + size]) for at in range(0, len(raw), size)]
    bright = [float(when.rstrip(",")) for when, before, now in zip(times[1:], light, light[1:]) if now - before > 25]
    offset, rate = pair.truth["offset_s"], 1 + pair.truth["drift_ppm"] * 1e-6
    late = []
    for instant in pair.truth["instants_s"]:
        own = (instant - offset) / rate
        after = [frame - own for frame in bright if -0.02 < frame - own < 0.1]
        late += after[:1]
    return late
