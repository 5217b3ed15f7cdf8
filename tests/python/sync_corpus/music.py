"""Seeded music: chords, a bass, a melody and drums, played as people do, never twice the same."""
import numpy as np

from .dsp import RATE, rms, shaped

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
TOP_HZ = 16_000


def pitch(scale, key, degree):
    """The frequency of a degree of the scale, 0 being the key itself near 220 Hz."""
    return 220 * 2 ** ((key + 12 * (degree // 7) + scale[degree % 7]) / 12)


def tone(frequency, length, fall_s, bright, chance):
    """A plucked or struck tone: harmonics that fall the faster the higher they are."""
    time = np.arange(length) / RATE
    sound = np.zeros(length)
    for harmonic in range(1, 13):
        partial = frequency * harmonic * (1 + 0.0003 * harmonic ** 2 * chance.uniform(0, 1))
        if partial > TOP_HZ:
            break
        strength = harmonic ** -bright * chance.uniform(0.5, 1)
        sound += strength * np.exp(-time * harmonic ** 0.7 / fall_s) * np.sin(
            2 * np.pi * partial * time + chance.uniform(0, 2 * np.pi))
    attack = int(0.004 * RATE)
    sound[:attack] *= np.linspace(0, 1, attack)
    release = min(int(0.02 * RATE), length)
    sound[-release:] *= np.linspace(1, 0, release)
    return sound


def drum(kind, chance):
    """A kick, a snare or a hat; each stroke is another."""
    fall, length = {"kick": (0.09, 0.3), "snare": (0.06, 0.25), "hat": (0.02, 0.08)}[kind]
    time = np.arange(int(length * RATE)) / RATE
    hiss = chance.standard_normal(len(time)) * np.exp(-time / (fall * chance.uniform(0.8, 1.2)))
    if kind == "kick":
        return np.sin(2 * np.pi * (50 * time + 6 * (1 - np.exp(-time / 0.03)))) * np.exp(-time / fall) * 2 + hiss * 0.05
    if kind == "snare":
        return hiss * 0.7 + np.sin(2 * np.pi * chance.uniform(175, 195) * time) * np.exp(-time / 0.05)
    return shaped(hiss, lambda f: np.clip((f - 4000) / 3000, 0, 1) * (f < TOP_HZ)) * 0.8


class Stage:
    """Where sounds are put; each comes a few milliseconds early or late, louder or softer."""

    def __init__(self, seconds, chance):
        self.sound, self.chance = np.zeros(int((seconds + 4) * RATE)), chance

    def put(self, time, sound, loudness):
        start = max(int((time + self.chance.normal(0, 0.006)) * RATE), 0)
        end = min(start + len(sound), len(self.sound))
        if start < end:
            self.sound[start:end] += sound[:end - start] * loudness * self.chance.uniform(0.6, 1.1)


def play_chords(stage, bar, beat, notes, chance):
    length = int(4 * beat * RATE)
    for frequency in notes:
        stage.put(bar, tone(frequency, length, 1.2, 1.6, chance), 0.25)
    for step in sorted(chance.choice(16, chance.integers(3, 8), replace=False)):
        stage.put(bar + step * beat / 4, tone(notes[0] / 2, int(beat * RATE), 0.4, 1.3, chance), 0.5)


def play_melody(stage, bar, beat, scale, key, degree, chance):
    time = 0.0
    while time < 3.9:
        length = float(chance.choice([0.25, 0.5, 0.5, 1.0, 1.5]))
        degree = int(np.clip(degree + chance.integers(-3, 4), 3, 18))
        if chance.random() < 0.85:
            frequency = pitch(scale, key, degree)
            stage.put(bar + time * beat, tone(frequency, int(length * beat * 1.2 * RATE), 0.5, 1.1, chance), 0.45)
        time += length
    return degree


def play_drums(stage, bar, beat, chance):
    likely = {"kick": [0.95, 0.1, 0.3, 0.1] * 2, "snare": [0.05, 0.1, 0.95, 0.15] * 2, "hat": [0.9, 0.7, 0.9, 0.7] * 2}
    for kind, chances in likely.items():
        for eighth, probability in enumerate(chances):
            if chance.random() < probability:
                stage.put(bar + eighth * beat / 2, drum(kind, chance), {"kick": 0.8, "snare": 0.6, "hat": 0.35}[kind])


def music(seconds, chance, tempo=None):
    """At least `seconds` of music of RMS 1, at `tempo` beats a minute."""
    beat = 60 / (tempo or chance.uniform(76, 150))
    scale, key = (MAJOR, MINOR)[chance.integers(2)], int(chance.integers(-5, 7))
    stage, bar, degree = Stage(seconds, chance), 0.0, 9
    while bar < seconds:
        root = int(chance.choice([0, 3, 4, 5, 1]))
        play_chords(stage, bar, beat, [pitch(scale, key, root + third) for third in (0, 2, 4)], chance)
        degree = play_melody(stage, bar, beat, scale, key, degree, chance)
        play_drums(stage, bar, beat, chance)
        # Nobody keeps time to the millisecond.
        bar += 4 * beat * chance.normal(1, 0.004)
    return stage.sound / rms(stage.sound)
