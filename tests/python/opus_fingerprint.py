#!/usr/bin/env python3
"""Makes src/opus_store/fingerprint.packets: the packets that a decoder is known by.

One stereo encoder of libopus goes through every mode, bandwidth and frame size without a reset, so that the packets
hold the transitions between modes too. The sound is computed: a voice of pulses through two resonances, and chords
with noise whose channels are out of phase (for intensity stereo with inversion). Written for each packet:
its length in two bytes (little endian), and its bytes.

    python3 tests/python/opus_fingerprint.py src/opus_store/fingerprint.packets
"""

import ctypes
import math
import struct
import sys

opus = ctypes.CDLL("libopus.so.0")
opus.opus_encoder_create.restype = ctypes.c_void_p
AUDIO, RATE = 2049, 48_000
BITRATE, BANDWIDTH, COMPLEXITY, CHANNELS, MODE = 4002, 4008, 4010, 4022, 11002
SILK, HYBRID, CELT = 1000, 1001, 1002
NB, MB, WB, SWB, FB = range(1101, 1106)

# Mode, bandwidth, channels, milliseconds of a packet, bits a second, packets, sound.
SECTIONS = [
    (CELT, FB, 2, 20, 40_000, 6, "wide"),
    (CELT, FB, 2, 20, 96_000, 3, "wide"),
    (SILK, NB, 1, 60, 9_000, 2, "voice"),
    (CELT, FB, 2, 10, 36_000, 6, "wide"),
    (SILK, MB, 2, 40, 20_000, 2, "voice"),
    (CELT, WB, 2, 5, 32_000, 6, "wide"),
    (SILK, WB, 2, 20, 24_000, 5, "voice"),
    (HYBRID, SWB, 2, 10, 32_000, 6, "voice"),
    (HYBRID, FB, 1, 20, 28_000, 4, "voice"),
    (HYBRID, FB, 2, 20, 44_000, 4, "wide"),
    (CELT, SWB, 1, 5, 40_000, 6, "voice"),
    (CELT, NB, 2, 2.5, 40_000, 6, "wide"),
    (SILK, WB, 1, 10, 20_000, 4, "voice"),
    (CELT, FB, 2, 40, 32_000, 2, "wide"),
    (HYBRID, FB, 2, 20, 36_000, 3, "voice"),
    (SILK, WB, 2, 20, 16_000, 4, "wide"),
]


class Sound:
    """Both sounds, sample by sample, from one clock and one random generator."""

    def __init__(self):
        self.at, self.seed, self.filters = 0, 1, [[0.0, 0.0], [0.0, 0.0]]

    def noise(self):
        self.seed = (self.seed * 1_103_515_245 + 12_345) % 2**31
        return self.seed / 2**30 - 1

    def resonate(self, which, x, hertz):
        y1, y2 = self.filters[which]
        y = x + 2 * 0.985 * math.cos(2 * math.pi * hertz / RATE) * y1 - 0.985**2 * y2
        self.filters[which] = [y, y1]
        return y

    def frame(self, kind):
        t = self.at / RATE
        self.at += 1
        if kind == "voice":
            pulse = 1.0 if self.at % 380 < 6 else 0.02 * self.noise()
            x = self.resonate(0, pulse, 620) + self.resonate(1, pulse, 1_900 + 300 * math.sin(7 * t))
            return 900 * x, 700 * x + 60 * self.noise()
        chord = sum(math.sin(2 * math.pi * f * t) for f in (220, 277.2, 1_318.5, 4_186))
        click = 9_000 if self.at % 3_700 < 20 else 0
        high = self.noise()
        return 2_500 * chord + 3_000 * high + click, 2_100 * chord - 2_700 * high - click


def main(path):
    error = ctypes.c_int()
    encoder = ctypes.c_void_p(opus.opus_encoder_create(RATE, 2, AUDIO, ctypes.byref(error)))
    assert error.value == 0
    sound, room = Sound(), ctypes.create_string_buffer(1_500)
    with open(path, "wb") as out:
        for mode, bandwidth, channels, ms, bitrate, packets, kind in SECTIONS:
            for request, value in [(MODE, mode), (BANDWIDTH, bandwidth), (CHANNELS, channels),
                                   (BITRATE, bitrate), (COMPLEXITY, 10)]:
                assert opus.opus_encoder_ctl(encoder, request, ctypes.c_int(value)) == 0
            for _ in range(packets):
                frames = int(RATE * ms / 1_000)
                pcm = [max(-32_768, min(32_767, round(x))) for _ in range(frames) for x in sound.frame(kind)]
                pcm = (ctypes.c_int16 * len(pcm))(*pcm)
                size = opus.opus_encode(encoder, pcm, frames, room, len(room))
                assert size > 0, size
                out.write(struct.pack("<H", size) + room.raw[:size])


if __name__ == "__main__":
    main(sys.argv[1])
