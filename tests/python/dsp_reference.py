#!/usr/bin/env python3
"""Makes sparse spectra for the adapter `dsp` and, with numpy alone, the sound that it must make of them:
`dsp_reference.py make FOLDER`, `dsp_reference.py check SOUND EXPECTED.f32`.

`make` writes blocks.json, which `gst-harmony build` turns into an H4MK file of five groups, and expected-absolute-hann.f32 and
so on, one for each phase mode and synthesis window: F32LE samples, mono. `check` compares a WAV file of 16 bit or 32 bit
float, or bare F32LE samples, with one of those.
"""
import json
import pathlib
import struct
import sys

import numpy

SEED = 7
RATE, FFT_SIZE = 48_000, 1024
# Of an I and Ps. The last block lasts half a frame as every other does.
GROUPS = [9, 1, 14, 5]
# Half a step of 16 bits, and what is lost where f32 holds a sum.
TOLERANCE = {2: 0.51 / 32_768, 4: 1e-5}


def spectra(chance):
    """For each group a list of blocks: arrays of bin, magnitude and phase."""
    last = FFT_SIZE // 2
    for number, blocks in enumerate(GROUPS):
        group = []
        for block in range(blocks):
            entries = int(chance.integers(1, 12))
            bins = chance.choice(last + 1, entries, replace=False)
            if block == 0:
                # The real ones too, and one that is a whole turn.
                bins[:1] = [[0], [last], [1], [2]][number]
                magnitudes = chance.integers(2000, 4000, entries)
            else:
                magnitudes = chance.integers(0, 500, entries)
            phases = chance.integers(0, 65_536, entries)
            phases[0] = 65_535 if block % 4 == 0 else phases[0]
            group.append((bins, magnitudes, phases))
        yield group
    # One whose magnitudes reach 1, and phases that pass a turn more than once.
    yield [(numpy.array([40, 41]), numpy.array([30_000, 1000]), numpy.array([40_000, 9]))] + [
        (numpy.array([40]), numpy.array([15_000]), numpy.array([40_000]))] * 5


def encoded(bins, magnitudes, phases):
    entries = zip(bins, magnitudes, phases, strict=True)
    return struct.pack("<4sHH", b"DSP0", len(bins), 0) + b"".join(struct.pack("<HHH", *map(int, e)) for e in entries)


def description(groups):
    """For `gst-harmony build`. Blocks last as long as they sound on their own: half a frame."""
    blocks, samples = [], 0
    for group in groups:
        for number, block in enumerate(group):
            begin, end = (at * 1_000_000_000 // RATE for at in (samples, samples + FFT_SIZE // 2))
            blocks.append({"track_id": 1, "block": "P" if number else "I", "pts_ns": begin, "dts_ns": begin,
                           "duration_ns": end - begin, "hex": encoded(*block).hex()})
            samples += FFT_SIZE // 2
    track = {"track_id": 1, "name": "spectra", "kind": "audio", "codec": "dsp0", "sample_rate": RATE, "channels": 1,
             "caps": "application/x-dsp0"}
    return {"timestamp": 1_700_000_000_000, "tracks": [track], "blocks": blocks}


def synthesised(groups, advance, hann):
    """What the page of the adapter says, in f64."""
    half = FFT_SIZE // 2
    window = numpy.sin(numpy.pi * numpy.arange(FFT_SIZE) / FFT_SIZE) ** 2 if hann else numpy.ones(FFT_SIZE)
    sound = numpy.zeros((sum(map(len, groups)) + 1) * half)
    count = 0
    for group in groups:
        magnitude, phase = numpy.zeros((2, half + 1), numpy.int64)
        for number, (bins, magnitudes, phases) in enumerate(group):
            # An I sets what is nothing yet.
            magnitude[bins] = numpy.minimum(magnitude[bins] + magnitudes, 65_535)
            phase[bins] += phases
            angle = phase / 65_535 * 2 * numpy.pi
            if advance:
                angle = angle + numpy.pi * numpy.arange(half + 1) * count
            spectrum = magnitude / 65_535 * numpy.exp(1j * angle)
            spectrum[1:-1] /= 2
            spectrum[[0, -1]] = spectrum[[0, -1]].real
            frame = FFT_SIZE * numpy.fft.irfft(spectrum, FFT_SIZE)
            sound[count * half:][:FFT_SIZE] += window * frame
            count += 1
    return sound


def make(folder):
    folder = pathlib.Path(folder)
    groups = list(spectra(numpy.random.default_rng(SEED)))
    (folder / "blocks.json").write_text(json.dumps(description(groups)))
    for mode in ("absolute", "advance"):
        for window in ("hann", "none"):
            sound = synthesised(groups, mode == "advance", window == "hann")
            sound.astype("<f4").tofile(folder / f"expected-{mode}-{window}.f32")


def samples(path):
    """Samples from -1 to 1, and how many bytes each has."""
    data = path.read_bytes()
    if data[:4] != b"RIFF":
        return numpy.frombuffer(data, "<f4").astype(float), 4
    at, form, sound = 12, None, None
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        chunk = data[at + 8:at + 8 + size]
        if name == b"fmt ":
            form = struct.unpack_from("<HHIIHH", chunk)
        elif name == b"data":
            sound = chunk
        at += 8 + size + size % 2
    kind, channels, rate, _, _, bits = form
    assert (channels, rate) == (1, RATE), form
    if (kind, bits) == (3, 32):
        return numpy.frombuffer(sound, "<f4").astype(float), 4
    assert (kind, bits) == (1, 16), form
    return numpy.frombuffer(sound, "<i2") / 32_768, 2


def check(found_path, expected_path):
    found, width = samples(pathlib.Path(found_path))
    expected, _ = samples(pathlib.Path(expected_path))
    assert len(found) == len(expected), (len(found), len(expected))
    # A file of nothing would agree with a reference of nothing.
    assert len(found) > RATE // 4 and numpy.abs(expected).max() > 0.3
    if width == 2:
        expected = expected.clip(-1, 32_767 / 32_768)
    error = float(numpy.abs(found - expected).max())
    print(f"{len(found)} samples of {8 * width} bits, {error:.1e} off at most")
    assert error < TOLERANCE[width], error


{"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
