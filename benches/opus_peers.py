"""What benches/opus.py needs of the peers: media, programs that seek, and whether what they read is what they read in
sequence."""
import array
import itertools
import json
import mmap
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

from harness import MEDIA, PEERS, ROOT, environment, launch, made

RATE = 48_000
HOUR_S = 3600
HOUR_PACKETS = 180_001
PROGRAMS = PEERS / "opus"
SOURCES = ROOT / "benches" / "peers"
LIBRARIES = {"synth": ["-lm"], "sndfile": ["sndfile"], "opusfile": ["opusfile"], "gstseek": ["gstreamer-app-1.0"]}
WORDS = "time river stone signal morning quiet engine paper window circle garden number silver market letter".split()


def build():
    """The programs of the peers, and that of the store, whose path this returns."""
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    for name, libraries in LIBRARIES.items():
        if not libraries[0].startswith("-"):
            flags = subprocess.run(["pkg-config", "--cflags", "--libs", *libraries], check=True, text=True,
                                   stdout=subprocess.PIPE)
            libraries = flags.stdout.split()
        subprocess.run(["cc", "-O2", "-o", PROGRAMS / name, SOURCES / f"{name}.c", *libraries], check=True)
    # With the features of build/, so that little is compiled again.
    built = subprocess.run(["cargo", "build", "--quiet", "--release", "--bench", "opus", "--features", "tools",
                            "--message-format=json"], cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE)
    artifacts = [json.loads(line) for line in built.stdout.splitlines()]
    program, = (one["executable"] for one in artifacts if one.get("target", {}).get("kind") == ["bench"])
    return pathlib.Path(program)


def encoded(source, path, *options, channels=2):
    with subprocess.Popen(source, stdout=subprocess.PIPE) as sound:
        subprocess.run(["opusenc", "--quiet", "--raw", "--raw-rate", str(RATE), "--raw-chan", str(channels), *options,
                        "-", path], stdin=sound.stdout, check=True)


def hour(pages_ms=1000):
    """An hour of stereo at 96 kb/s, in Ogg pages of a second, as opusenc makes them, or of one packet each."""
    options = ["--cvbr", "--bitrate", "96", "--max-delay", str(pages_ms)]
    name = "hour.opus" if pages_ms == 1000 else "hour-small-pages.opus"
    return made(name, lambda path: encoded([PROGRAMS / "synth", str(HOUR_S)], path, *options))


def spoken(path):
    """Some minutes of sentences, S16LE at 48 kHz."""
    chance, text, wave = random.Random(1), path.with_suffix(".txt"), path.with_suffix(".wav")
    text.write_text("".join(f"{' '.join(chance.choices(WORDS, k=9))}, {chance.randrange(1000)}.\n" for _ in range(60)))
    subprocess.run(["flite", "-voice", "slt", "-f", text, "-o", wave], check=True)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", wave, "-f", "s16le", "-ac", "1", "-ar", str(RATE), path],
                   check=True)
    text.unlink()
    wave.unlink()


def speech():
    """Mono speech at 16 kb/s: SILK."""
    raw = made("speech.raw", spoken)
    return made("speech.opus", lambda path: encoded(["cat", raw], path, "--speech", "--bitrate", "16", channels=1))


def mixed():
    """10 s of speech, 10 s of music and so on, at 24 kb/s: the encoder changes its mode."""
    raw, part = made("speech.raw", spoken), RATE * 2 * 10

    def mix(path):
        voice = raw.read_bytes()
        music = subprocess.run([PROGRAMS / "synth", "300"], check=True, stdout=subprocess.PIPE).stdout
        mono = array.array("h", music)[::2].tobytes()
        pieces = (sound[at:at + part] for at in range(0, len(voice), part) for sound in (voice, mono))
        path.write_bytes(b"".join(pieces))

    sound = made("mixed.raw", mix)
    return made("mixed.opus", lambda path: encoded(["cat", sound], path, "--bitrate", "24", channels=1))


def positions(path, count, end, step=6):
    """A list of random positions. Those of step 6 are whole microseconds: peers that are asked for a time are asked for
    the very sample."""
    chance = random.Random(5)
    wanted = [chance.randrange(end // step) * step for _ in range(count)]
    path.write_text("".join(f"{position}\n" for position in wanted))
    return wanted


def borders(path, count, end, pre_skip=312, packet=960):
    """Random positions, and those about the start, the end and the borders of packets."""
    chance = random.Random(6)
    wanted = [0, 1, pre_skip, packet - pre_skip, packet - pre_skip - 1, packet - pre_skip + 1, end, end - 1]
    for border in (chance.randrange(1, end // packet) * packet - pre_skip for _ in range(20)):
        wanted += [border - 1, border, border + 1]
    wanted += [chance.randrange(end) for _ in range(count - len(wanted))]
    path.write_text("".join(f"{position}\n" for position in wanted))
    return wanted


class Program:
    """Something that reads sound from positions of a file: benches/peers/peer.h."""

    def __init__(self, name, command, behind=(), env=None):
        self.name, self.command, self.behind, self.env = name, command, behind, env or {}

    def run(self, file, wanted, length, out="-", reopen=False, channels=2):
        """Nanoseconds of opening and of each position, and what else it says."""
        command = [*self.command, file, wanted, length, out, *self.behind, *(["reopen"] if reopen else [])]
        done = subprocess.run(list(map(str, command)), check=True, text=True, stdout=subprocess.PIPE,
                              env=environment() | self.env | {"CHANNELS": str(channels)}, timeout=600)
        lines = [line.split() for line in done.stdout.splitlines()]
        says = {line[0]: float(line[1]) for line in lines if len(line) == 2}
        return says | {"each": [int(line[0]) for line in lines if len(line) == 1]}

    def sequence(self, file, out, total, channels=2):
        """The whole file in one go."""
        wanted = out.with_suffix(".positions")
        wanted.write_text("0\n")
        self.run(file, wanted, total, out, channels=channels)


class Gst(Program):
    def sequence(self, file, out, total, channels=2):
        pipeline = (f"filesrc location={file} ! oggdemux ! opusdec phase-inversion=true "
                    f"! audio/x-raw,format=S16LE,rate=48000 ! filesink location={out}")
        subprocess.run(launch(pipeline), check=True, env=environment())


class Ffmpeg(Program):
    """A process for each position."""

    def run(self, file, wanted, length, out="-", reopen=False, channels=2):
        each = []
        target = open(out, "wb") if out != "-" else open(os.devnull, "wb")
        with target:
            for position in wanted.read_text().split():
                began = time.monotonic_ns()
                done = subprocess.run(
                    ["ffmpeg", "-v", "error", "-nostdin", "-ss", f"{int(position) / RATE:.6f}", "-i", file, "-t",
                     f"{length / RATE:.6f}", "-f", "s16le", "-"], check=True, stdout=subprocess.PIPE)
                each.append(time.monotonic_ns() - began)
                size = length * channels * 2
                target.write(done.stdout[:size].ljust(size, b"\0"))
        return {"each": each}

    def sequence(self, file, out, total, channels=2):
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", file, "-f", "s16le", out], check=True)


def store_program(program, preroll):
    return Program(f"OpusStore::extract, pre-roll {preroll}", [program, "extract"], [preroll])


def peers():
    return [Program("libsndfile `sf_seek`", [PROGRAMS / "sndfile"]),
            Program("libopusfile `op_pcm_seek`", [PROGRAMS / "opusfile"]),
            Gst("GStreamer seek, pipeline kept", [PROGRAMS / "gstseek"]),
            Ffmpeg("`ffmpeg -ss`, a process each", [])]


def element():
    """opusindexsrc before opusdec, seeking in one pipeline."""
    return Gst("opusindexsrc ! opusdec, pipeline kept", [PROGRAMS / "gstseek"],
               env={"PIPELINE": "opusindexsrc name=source ! opusdec phase-inversion=true"})


def shift(reference, at, got, channels, most=400, window=150):
    """By how many samples what was read is off: the best match of its end."""
    frame = 2 * channels
    heard = array.array("h", got)[::channels][-window - most:][:window]
    first = at + len(got) // frame - window - most

    def apart(by):
        begin = (first + by) * frame
        if begin < 0 or begin + window * frame > len(reference):
            return float("inf")
        there = array.array("h", reference[begin:begin + window * frame])[::channels]
        return sum(abs(a - b) for a, b in zip(heard, there))

    return min(sorted(range(-most, most + 1), key=abs), key=apart)


def exact(program, file, reference, wanted, places, out, length=RATE, channels=2, search=20):
    """How many positions are bit for bit those of the sequence, by how much the others (as many as `search`) are off,
    and the run's figures."""
    figures = program.run(file, wanted, length, out, channels=channels)
    size, right, shifts = length * channels * 2, 0, []
    with open(reference, "rb") as a, open(out, "rb") as b:
        whole = mmap.mmap(a.fileno(), 0, access=mmap.ACCESS_READ)
        for place in places:
            begin = place * 2 * channels
            got, there = b.read(size), whole[begin:begin + size]
            if len(got) != size:
                sys.exit(f"{program.name}: {len(got)} bytes at {place}, expected {size}")
            if got == there:
                right += 1
            elif len(shifts) < search:
                shifts.append(abs(shift(whole, place, got, channels)))
        whole.close()
    return right, max(shifts, default=0), figures


def spread(figures):
    """Median and 95th percentile of nanoseconds, in milliseconds."""
    ordered = sorted(itertools.chain.from_iterable(figures))
    return statistics.median(ordered) / 1e6, ordered[len(ordered) * 95 // 100] / 1e6
