"""What happens to sound between its source and a file. Signals are float arrays at RATE; nothing here delays one."""
import wave

import numpy as np

RATE = 48_000
# Half the length of the interpolating kernel, in samples, and how many fractions of a sample are in its table. With
# this many, linear interpolation between neighbours is 140 dB below the signal.
HALF, PHASES = 32, 4096
# The kernel's cut-off as a share of half the rate, for a pass band up to 19 kHz; its window's images lie 100 dB down.
CUT, BETA = 0.9, 10.0


def kernel():
    """Windowed sincs: row i is for a position i / PHASES behind the sample in the middle."""
    fraction = np.arange(PHASES + 1)[:, None] / PHASES
    x = np.arange(-HALF + 1, HALF + 1)[None, :] - fraction
    inside = np.clip(1 - (x / HALF) ** 2, 0, None)
    rows = CUT * np.sinc(CUT * x) * np.i0(BETA * np.sqrt(inside)) / np.i0(BETA)
    return rows / rows.sum(axis=1, keepdims=True)


TABLE = kernel()


def at(signal, positions):
    """The band-limited signal at `positions`, in samples of it; zero outside."""
    padded = np.concatenate([np.zeros(HALF), signal, np.zeros(HALF + 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * HALF)
    result = np.empty(len(positions))
    for start in range(0, len(positions), 1 << 15):
        part = np.clip(positions[start:start + (1 << 15)], -1, len(signal))
        whole = np.floor(part).astype(np.int64)
        phase = (part - whole) * PHASES
        row = phase.astype(np.int64)
        share = (phase - row)[:, None]
        weights = TABLE[row] * (1 - share) + TABLE[row + 1] * share
        result[start:start + (1 << 15)] = np.einsum("ij,ij->i", windows[whole + 1], weights)
    return result


def upsampled(signal, factor):
    """The signal at a multiple of its rate."""
    spectrum = np.fft.rfft(signal)
    return np.fft.irfft(spectrum, len(signal) * factor) * factor


def shaped(signal, response):
    """The signal with each frequency, in Hz, multiplied by `response` of it. It has no phase and delays nothing."""
    size = 1 << (len(signal) + RATE).bit_length()
    spectrum = np.fft.rfft(signal, size)
    return np.fft.irfft(spectrum * response(np.fft.rfftfreq(size, 1 / RATE)), size)[:len(signal)]


def low_pass(signal, frequency):
    """Butterworth's magnitude of the sixth order."""
    return shaped(signal, lambda f: 1 / np.sqrt(1 + (f / frequency) ** 12))


def telephone(signal):
    """300 to 3400 Hz."""
    return shaped(signal, lambda f: 1 / np.sqrt((1 + (f / 3400) ** 12) * (1 + (300 / np.maximum(f, 1)) ** 8)))


def pink(length, chance):
    """Noise of one power in each octave from 20 Hz to 20 kHz, of RMS 1."""
    noise = shaped(chance.standard_normal(length),
                   lambda f: np.where((f > 20) & (f < 20_000), 1 / np.sqrt(np.maximum(f, 1)), 0))
    return noise / rms(noise)


def rms(signal):
    return float(np.sqrt(np.mean(signal ** 2)))


def noisy(signal, snr_db, chance):
    """With pink noise below (or above) the signal's mean power."""
    return signal + pink(len(signal), chance) * rms(signal) * 10 ** (-snr_db / 20)


def room(chance, decay_s, direct_db):
    """An impulse response: the direct sound at time 0, six early reflections, and a tail that falls 60 dB in `decay_s`.

    `direct_db` is the power of the direct sound against all else.
    """
    length = int(decay_s * RATE)
    time = np.arange(length) / RATE
    tail = chance.standard_normal(length) * 10 ** (-3 * time / decay_s)
    # The tail builds up behind the first reflections.
    tail *= np.clip((time - 0.004) / 0.02, 0, 1)
    response = tail / np.sqrt(np.sum(tail ** 2)) * 0.8
    for delay in chance.uniform(0.0015, 0.04, 6):
        response[int(delay * RATE)] += chance.choice([-1, 1]) * 0.35 * (0.0015 / delay) ** 0.3
    response *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(response ** 2))
    response[0] = 1.0
    # Walls and air take the high frequencies away.
    late = low_pass(np.concatenate([[0.0], response[1:]]), 6000)
    late[0] += 1.0
    return late


def convolved(signal, response):
    size = 1 << (len(signal) + len(response)).bit_length()
    return np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(response, size), size)[:len(signal)]


def holed(signal, chance):
    """With a hole of silence of 50 to 500 ms every 3 s or so."""
    result, position = signal.copy(), 0
    while True:
        position += int(chance.exponential(3.0) * RATE)
        if position >= len(signal):
            return result
        length = int(chance.uniform(0.05, 0.5) * RATE)
        result[position:position + length] = 0
        position += length


def write_wave(path, signal, gain_db=0.0):
    """S16 mono, its peak at -3 dB and `gain_db` of full scale."""
    scale = 32767 * 10 ** ((gain_db - 3) / 20) / max(float(np.max(np.abs(signal))), 1e-9)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(np.round(signal * scale), -32768, 32767).astype("<i2").tobytes())


def read_wave(path):
    """Mono S16 of any rate that divides RATE, at RATE."""
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        return upsampled(samples, RATE // file.getframerate())
