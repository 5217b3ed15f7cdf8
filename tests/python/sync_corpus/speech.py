"""Seeded speech: generated sentences read by the voices of flite, who take turns."""
import pathlib
import subprocess
import tempfile

import numpy as np

from . import dsp

VOICES = ["slt", "rms", "awb", "kal16"]


def lines(text):
    return text.strip().splitlines()


WHO = lines("""
the carpenter
my neighbour
an old sailor
the captain
her brother
the engineer
a young doctor
our teacher
the baker
nobody
a stranger in the hall
the violinist
every passenger
the night nurse
his cousin
the driver
""")
DID = """carried painted forgot measured repaired sold described followed borrowed examined collected hid noticed dropped
returned counted weighed promised admired replaced""".split()
WHAT = lines("""
a wooden ladder
seven yellow boxes
the broken clock
some cheese and bread
the map of the harbour
three blue shirts
his father's trumpet
a bag of flour
the heavy gate
two silver coins
the letter
a jug of water
nineteen postcards
the kitchen window
every apple
the rusty bicycle
a pair of gloves
the long rope
an umbrella
""")
WHERE = lines("""
behind the station
in the early morning
without a word
before the storm
near the river
at a quarter past six
under the bridge
in spite of the rain
on the second floor
all through the winter
beside the church
for no good reason
after the concert
between two meetings
because of the noise
""")
LINK = ["and", "but", "while", "so", "although", "and then", "as"]


def sentence(chance):
    def clause():
        return " ".join(chance.choice(words) for words in (WHO, DID, WHAT, WHERE))

    text = clause() if chance.random() < 0.4 else f"{clause()}, {chance.choice(LINK)} {clause()}"
    return f"{text}, number {chance.integers(2, 9999)}." if chance.random() < 0.2 else f"{text}."


def said(text, voice, folder):
    path = pathlib.Path(folder) / "said.wav"
    subprocess.run(["flite", "-voice", voice, "-o", str(path), "-t", text], check=True, stdout=subprocess.DEVNULL)
    return dsp.read_wave(path)


def speech(seconds, chance, voices=None):
    """At least `seconds` of talk with pauses, of RMS 1. One voice speaks a sentence or two, then another."""
    voices = voices or list(chance.permutation(VOICES))[:chance.integers(1, 4)]
    parts, length = [], 0
    with tempfile.TemporaryDirectory() as folder:
        while length < seconds * dsp.RATE:
            loudness = 10 ** (chance.uniform(-4, 4) / 20)
            spoken = said(sentence(chance), str(chance.choice(voices)), folder)
            pause = np.zeros(int(chance.uniform(0.05, 0.7) * dsp.RATE))
            parts += [spoken * loudness / dsp.rms(spoken), pause]
            length += len(spoken) + len(pause)
    whole = np.concatenate(parts)
    return whole / dsp.rms(whole)
