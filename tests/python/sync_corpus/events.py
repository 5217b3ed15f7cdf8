"""Claps, flashes and steps at the same instants: heard by a microphone, seen by a camera, felt by a sensor."""
import dataclasses
import subprocess

import numpy as np

from . import dsp
from .audio import chance_of
from .speech import speech

WIDTH, HEIGHT = 320, 180
# Where the LED of the "corner" cases is: rows and columns.
LED = slice(16, 32), slice(280, 304)
SENSOR_HZ = 100
ENCODERS = {
    "x264": ("mp4", ["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "60", "-crf", "23"]),
    # Matroska counts milliseconds.
    "vp8": ("webm", ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1500k", "-g", "60"]),
    "mjpeg": ("mkv", ["-c:v", "mjpeg", "-q:v", "4"]),
}
FLAC = ["-c:a", "flac"]
# Exposure and readout in seconds. A row is exposed from its frame's timestamp and its share of the readout on.
SHUTTERS = {"global": (0.008, 0.0), "rolling": (0.008, 0.016), "short": (0.002, 0.016), "long": (0.020, 0.016)}


@dataclasses.dataclass
class Case:
    """Claps in a WAV file as the reference, and a video or a sensor's CSV; or both in one file (`muxed`)."""

    name: str
    group: str
    count: int
    offset_s: float
    drift_ppm: float = 0.0
    scene: int = 0
    kind: str = "flash"
    fps: tuple = (30, 1)
    shutter: str = "rolling"
    light: str = "full"
    encoder: str = "x264"
    steps: tuple = ()
    muxed: bool = False
    seconds: float = 0.0

    def own(self, times):
        """The stream's own times at the reference's."""
        return (np.asarray(times) - self.offset_s) / (1 + self.drift_ppm * 1e-6)


def instants(case, seed):
    """Irregular, so that there is but one way to match them, in seconds of the reference's line."""
    chance = chance_of(seed, case.name, "instants")
    return 2.5 + np.cumsum(chance.uniform(1.2, 2.8, case.count))


def claps(times, seconds, steps, chance):
    """Two hands, a quiet room around them; talk too, if `steps` says so."""
    sound = dsp.pink(int(seconds * dsp.RATE), chance) * 0.003
    grid = np.arange(-64, int(0.12 * dsp.RATE))
    for time in times:
        middle = time * dsp.RATE
        since = (np.floor(middle) + grid - middle) / dsp.RATE
        fall = np.where(since < 0, 0, np.exp(-np.clip(since, 0, None) / chance.uniform(0.008, 0.02)))
        burst = chance.standard_normal(len(grid)) * fall
        start = int(middle) - 64
        sound[start:start + len(grid)] += burst[:max(len(sound) - start, 0)] * chance.uniform(0.5, 1)
    if "talk" in steps:
        sound += speech(seconds, chance)[:len(sound)] * 0.06
    if "room" in steps:
        sound = dsp.convolved(sound, dsp.room(chance, 0.4, 3))
    return sound


def lit(case, on, off, frames):
    """How much of its exposure each row of each frame has light for, from 0 to 1: an array (frames, rows)."""
    exposure, readout = SHUTTERS[case.shutter]
    starts = frames[:, None] * case.fps[1] / case.fps[0] + np.arange(HEIGHT)[None, :] / HEIGHT * readout
    total = np.zeros(starts.shape)
    for begin, end in zip(on, off):
        near = slice(*np.searchsorted(starts[:, 0], [begin - 0.1, end + 0.1]))
        total[near] += np.clip(np.minimum(starts[near] + exposure, end) - np.maximum(starts[near], begin), 0, None)
    return total / exposure


def background(time, chance):
    """A wall, a shadow that wanders over it and a box that crosses, as light from 0 to 1."""
    x, y = np.arange(WIDTH)[None, :] / WIDTH, np.arange(HEIGHT)[:, None] / HEIGHT
    shadow = np.sin(2 * np.pi * (x - 0.11 * time)) * np.cos(5 * y + 0.7 * time)
    wall = 0.06 + 0.03 * np.sin(9 * x + 4 * y) + 0.02 * shadow
    left = int((0.5 + 0.45 * np.sin(0.9 * time)) * (WIDTH - 50))
    wall[70:130, left:left + 50] += 0.08
    return wall + chance.normal(0, 0.006, wall.shape)


def pictures(case, times, seed):
    """Each frame's luma as bytes, with a display's gamma."""
    chance = chance_of(seed, case.name, "pictures")
    on = case.own(times)
    off = on + chance.uniform(0.06, 0.15, len(on))
    frames = np.arange(int(case.seconds * case.fps[0] / case.fps[1]))
    light = lit(case, on, off, frames)
    for frame in frames:
        picture = background(frame * case.fps[1] / case.fps[0], chance)
        rows = light[frame][:, None]
        if case.light == "full":
            picture += 0.35 * rows * (0.7 + 0.3 * np.linspace(0, 1, WIDTH)[None, :])
        else:
            picture[LED] += 0.7 * rows[LED[0]]
        yield np.round(255 * np.clip(picture, 0, 1) ** (1 / 2.2)).astype(np.uint8).tobytes()


def write_video(path, case, times, seed, sound=None):
    rate = f"{case.fps[0]}/{case.fps[1]}"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s",
               f"{WIDTH}x{HEIGHT}", "-r", rate, "-i", "pipe:0"]
    command += ["-i", str(sound)] if sound else []
    command += [*ENCODERS[case.encoder][1], "-pix_fmt", "yuvj420p" if case.encoder == "mjpeg" else "yuv420p"]
    command += [*(FLAC if sound else []), "-bitexact", "-threads", "1", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        for picture in pictures(case, times, seed):
            encoder.stdin.write(picture)
        encoder.stdin.close()
        if encoder.wait():
            raise SystemExit(f"{path}: ffmpeg failed")


def write_sensor(path, case, times, chance):
    """A level that steps at each instant, a knock that dies away, and a channel with nothing but noise."""
    own = np.arange(int(case.seconds * SENSOR_HZ)) / SENSOR_HZ
    past = np.searchsorted(case.own(times), own, side="right")
    level = np.where(past % 2, 1.0, 0.0) + 0.05 * np.sin(own / 7)
    since = own - np.concatenate([[-np.inf], case.own(times)])[past]
    knock = np.exp(-since / 0.08) * np.cos(2 * np.pi * 9 * np.minimum(since, 9))
    values = np.stack([level, knock, 0 * own]) + chance.normal(0, 0.02, (3, len(own)))
    rows = "".join(f"{time:.6f},{a:.5f},{b:.5f},{c:.5f}\n" for time, a, b, c in zip(own, *values))
    path.write_text(f"time,level,knock,idle\n{rows}")


def write(case, folder, seed):
    """The case's files and its truth."""
    times = instants(case, seed)
    chance = chance_of(seed, case.name, "sound")
    case = dataclasses.replace(case, seconds=float(times[-1]) + 4.5)
    extension = "csv" if case.kind == "sensor" else "mkv" if case.muxed else ENCODERS[case.encoder][0]
    reference, stream = f"{case.name}.a.wav", f"{case.name}.b.{extension}"
    dsp.write_wave(folder / reference, claps(times, case.seconds, case.steps, chance))
    if case.kind == "sensor":
        write_sensor(folder / stream, case, times, chance)
    else:
        write_video(folder / stream, case, times, seed, folder / reference if case.muxed else None)
    exposure, readout = SHUTTERS[case.shutter]
    camera = {"fps": list(case.fps), "exposure_s": exposure, "readout_s": readout, "light": case.light,
              "encoder": case.encoder} if case.kind == "flash" else {"rate": SENSOR_HZ}
    return {"name": case.name, "group": case.group, "kind": case.kind, "steps": list(case.steps),
            "reference": reference, "stream": stream, "muxed": case.muxed, "seconds": case.seconds, "expected": "locked",
            "offset_s": case.offset_s, "drift_ppm": case.drift_ppm, "instants_s": [float(t) for t in times], **camera}


def offset_of(name, seed):
    return float(chance_of(seed, name, "offset").uniform(-1.9, 1.9))


def flash(seconds, seed):
    """30 instants; fewer if less than a minute was asked for."""
    count = 30 if seconds >= 60 else max(int(seconds / 2), 3)
    looks = [((30, 1), "rolling", "full", "x264"), ((30000, 1001), "rolling", "full", "vp8"),
             ((25, 1), "global", "full", "x264"), ((30, 1), "rolling", "corner", "x264"),
             ((30, 1), "global", "corner", "vp8"), ((30000, 1001), "short", "full", "x264"),
             ((25, 1), "long", "full", "mjpeg"), ((25, 1), "short", "corner", "mjpeg")]
    for number, (fps, shutter, light, encoder) in enumerate(looks):
        for steps in ((), ("talk", "room")):
            name = "-".join(["flash", str(round(fps[0] / fps[1], 2)), shutter, light, encoder, *steps])
            ppm = (0.0, 60.0, -150.0)[number % 3]
            yield Case(name, "flash", count, offset_of(name, seed), ppm, fps=fps, shutter=shutter, light=light,
                       encoder=encoder, steps=steps)
    # The two tracks of one file, which say that they begin together.
    yield Case("flash-muxed", "flash", count, 0.0875, muxed=True)


def sensor(seconds, seed):
    count = 30 if seconds >= 60 else max(int(seconds / 2), 3)
    for number, ppm in enumerate((0.0, 80.0, -200.0, 20.0)):
        name = f"sensor-{number}"
        yield Case(name, "sensor", count, offset_of(name, seed), ppm, kind="sensor",
                   steps=() if number % 2 else ("talk",))


GROUPS = {"flash": (flash, 60), "sensor": (sensor, 60)}
