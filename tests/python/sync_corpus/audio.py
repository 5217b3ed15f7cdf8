"""Pairs of recordings of one scene: a reference, and another microphone elsewhere, started at another time."""
import dataclasses
import zlib

import numpy as np

from . import dsp
from .music import music
from .speech import speech

# The scene goes on this long before and behind the reference, in seconds: no stream starts outside it.
MARGIN_S = 5
KINDS = ("speech", "music", "mix")
# Steps of the wire: what the other microphone hears. Rooms are drawn for each case.
CONDITIONS = {
    "clean": [],
    "room": ["room"],
    "two-rooms": ["room", "reference-room"],
    "far": ["far-room", "reference-room"],
    "telephone": ["telephone"],
    "muffled": ["muffled"],
    "noise+10": ["noise+10"],
    "noise+0": ["noise+0"],
    "noise-5": ["noise-5"],
    "holes": ["holes"],
    "room-telephone-noise+0": ["room", "telephone", "noise+0"],
    "two-rooms-muffled-noise+10": ["room", "reference-room", "muffled", "noise+10"],
}
DRIFTS_PPM = (-500, -200, -100, -20, 20, 100, 200, 500)


@dataclasses.dataclass
class Case:
    """One pair. `kind` names what is heard, `steps` what is done to the stream; the truth is in offset and drift."""

    name: str
    group: str
    kind: str
    steps: list
    seconds: float
    offset_s: float = 0.0
    drift_ppm: float = 0.0
    scene: int = 0
    other_scene: int | None = None
    loop_s: float | None = None
    margin_s: float = MARGIN_S

    def expected(self):
        return "refused" if self.loop_s or self.other_scene is not None else "locked"


def chance_of(*words):
    """Numbers that depend on these words alone."""
    return np.random.default_rng(zlib.crc32(repr(words).encode()))


def scene(kind, seconds, chance, loop_s=None):
    """Sound of a kind for so long, of RMS 1; a phrase of `loop_s` over and over if that is given."""
    if loop_s:
        phrase = scene(kind, loop_s + 1, chance)[int(0.3 * dsp.RATE):][:int(loop_s * dsp.RATE)]
        fade = int(0.005 * dsp.RATE)
        phrase[:fade] *= np.linspace(0, 1, fade)
        phrase[-fade:] *= np.linspace(1, 0, fade)
        return np.resize(phrase, int(seconds * dsp.RATE))
    if kind == "mix":
        parts = speech(seconds, chance), music(seconds, chance) * 10 ** (chance.uniform(-10, 0) / 20)
        length = min(map(len, parts))
        return sum(part[:length] for part in parts)
    made = {"speech": speech, "music": music}[kind](seconds, chance)
    return made[:int(seconds * dsp.RATE)]


def room_of(step, chance):
    if step == "far-room":
        return dsp.room(chance, chance.uniform(0.7, 0.9), chance.uniform(-4, -2))
    return dsp.room(chance, chance.uniform(0.3, 0.9), chance.uniform(0, 6))


def through(sound, steps, chance):
    """What a microphone that hears `steps` makes of sound that reaches it."""
    for step in steps:
        if step == "telephone":
            sound = dsp.telephone(sound)
        elif step == "muffled":
            sound = dsp.low_pass(sound, 1000)
        elif step.startswith("noise"):
            sound = dsp.noisy(sound, float(step[5:]), chance)
        elif step == "holes":
            sound = dsp.holed(sound, chance)
    return sound


def recordings(case, seed, source):
    """The reference's and the stream's samples of a case. `source(case, other)` gives the scene."""
    chance = chance_of(seed, case.name)
    heard, also = source(case, False), source(case, True)
    # Rooms come first: the air is before the microphone and keeps the scene's own time.
    for step in case.steps:
        if step in ("room", "far-room"):
            also = dsp.convolved(also, room_of(step, chance))
        elif step == "reference-room":
            heard = dsp.convolved(heard, room_of(step, chance))
    first, count = int(case.margin_s * dsp.RATE), int(case.seconds * dsp.RATE)
    own = np.arange(count) / dsp.RATE
    line = case.offset_s + own * (1 + case.drift_ppm * 1e-6)
    stream = dsp.at(also, first + line * dsp.RATE)
    return heard[first:first + count], through(stream, case.steps, chance)


def accuracy(seconds, seed, scenes=4):
    for kind in KINDS:
        for number in range(scenes):
            for condition, steps in CONDITIONS.items():
                name = f"accuracy-{kind}-{number}-{condition}"
                offset = float(chance_of(seed, name, "offset").uniform(-1.9, 1.9))
                yield Case(name, "accuracy", kind, steps, seconds, offset, scene=number)


def drift(seconds, seed):
    for kind in KINDS:
        for number, ppm in enumerate(DRIFTS_PPM):
            for condition in ("clean", "two-rooms", "noise+0"):
                name = f"drift-{kind}-{ppm:+}-{condition}"
                chance = chance_of(seed, name, "offset")
                # No two clocks are off by a round number.
                exact = round(ppm + float(chance.uniform(-5, 5)) * (abs(ppm) < 500), 3)
                yield Case(name, "drift", kind, CONDITIONS[condition], seconds, float(chance.uniform(-1.9, 1.9)), exact,
                           scene=number % 4)


def unrelated(seconds, _seed, pairs=18):
    """Two scenes of one kind that have nothing to do with each other; music of one tempo too."""
    for kind in (*KINDS, "voice", "tempo"):
        for number in range(pairs):
            yield Case(f"unrelated-{kind}-{number}", "unrelated", kind, [], seconds, scene=100 + number,
                       other_scene=200 + number)


def loops(seconds, seed, pairs=6):
    for kind in KINDS:
        for number in range(pairs):
            name = f"loops-{kind}-{number}"
            chance = chance_of(seed, name, "offset")
            steps = ([], ["noise+10"], ["room"])[number % 3]
            yield Case(name, "loops", kind, steps, seconds, float(chance.uniform(-1.9, 1.9)),
                       loop_s=float(chance.uniform(1, 2)), scene=300 + number)


def apart(seconds, seed):
    """Recorders that were started long after each other."""
    for kind in KINDS:
        for number, offset in enumerate((-38.0, 17.0, 41.0)):
            name = f"apart-{kind}-{number}"
            exact = offset + float(chance_of(seed, name, "offset").uniform(-1, 1))
            yield Case(name, "apart", kind, CONDITIONS["two-rooms"], seconds, exact, scene=number, margin_s=45)


def long(seconds, seed):
    """Ten minutes, for time and memory."""
    for name, kind, ppm, steps in (("long-mix", "mix", 0.0, ["noise+10"]), ("long-drift", "speech", 37.5, ["room"])):
        exact = float(chance_of(seed, name, "offset").uniform(-1.9, 1.9))
        yield Case(name, "long", kind, steps, seconds, exact, ppm, scene=400)


def source_of(seed):
    """A maker of scenes that keeps the last two."""
    kept = {}

    def source(case, other):
        number = case.other_scene if other and case.other_scene is not None else case.scene
        key = (case.kind, number, case.seconds + 2 * case.margin_s, case.loop_s)
        if key not in kept:
            while len(kept) > 1:
                kept.pop(next(iter(kept)))
            chance = chance_of(seed, key[0], key[1])
            kept[key] = made_scene(case, key[2], chance, number)
        return kept[key]

    return source


def made_scene(case, seconds, chance, number):
    # Unrelated pairs of one voice, and of one tempo, share what makes it hard.
    if case.kind == "voice":
        return speech(seconds, chance, ["slt" if number % 2 else "rms"])[:int(seconds * dsp.RATE)]
    if case.kind == "tempo":
        return music(seconds, chance, 120.0)[:int(seconds * dsp.RATE)]
    return scene(case.kind, seconds, chance, case.loop_s)


def write(case, folder, seed, source):
    """The pair's files and its truth."""
    reference, stream = recordings(case, seed, source)
    chance = chance_of(seed, case.name, "gain")
    names = f"{case.name}.a.wav", f"{case.name}.b.wav"
    dsp.write_wave(folder / names[0], reference, float(chance.uniform(-6, 0)))
    dsp.write_wave(folder / names[1], stream, float(chance.uniform(-20, 0)))
    return {"name": case.name, "group": case.group, "kind": case.kind, "steps": case.steps, "reference": names[0],
            "stream": names[1], "seconds": case.seconds, "expected": case.expected(), "offset_s": case.offset_s,
            "drift_ppm": case.drift_ppm, "loop_s": case.loop_s}


GROUPS = {"accuracy": (accuracy, 60), "drift": (drift, 60), "unrelated": (unrelated, 60), "loops": (loops, 60),
          "apart": (apart, 120), "long": (long, 600)}
