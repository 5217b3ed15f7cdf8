#!/usr/bin/env python3
"""Writes an Ogg Opus file anew from the packets of others: what no encoder at hand makes of its own accord.

Frames are never touched: they are put together (`--merge`), into packets of code 3 (`--code3`) and with padding
(`--pad`) by RFC 6716 section 3.2; packets into pages by RFC 3533. `opus_reframe.py [options] OUT IN...`
"""
import argparse
import base64
import struct

from opus_walk import FRAME_SAMPLES, UNKNOWN, crc_of, frames_of, head_of, links_of, samples_of


def length_of(size):
    """RFC 6716 section 3.2.1."""
    return bytes([size]) if size < 252 else bytes([252 + size % 4, (size - 252) // 4])


def padding_of(size):
    """The count of padding bytes, section 3.2.5; 254 of each 255."""
    return bytes([255]) * (size // 254) + bytes([size % 254])


def code_three(toc, frames, pad):
    vbr = len({len(frame) for frame in frames}) > 1
    count = len(frames) | (128 if vbr else 0) | (64 if pad is not None else 0)
    lengths = b"".join(length_of(len(frame)) for frame in frames[:-1]) if vbr else b""
    return (
        bytes([toc & 252 | 3, count]) + (b"" if pad is None else padding_of(pad))
        + lengths + b"".join(frames) + bytes(pad or 0)
    )  # fmt: skip


def packed(toc, frames):
    """The shortest of codes 0 to 3."""
    if len(frames) == 1:
        return bytes([toc & 252]) + frames[0]
    if len(frames) > 2:
        return code_three(toc, frames, None)
    if len(frames[0]) == len(frames[1]):
        return bytes([toc & 252 | 1]) + frames[0] + frames[1]
    return bytes([toc & 252 | 2]) + length_of(len(frames[0])) + frames[0] + frames[1]


def merged(packets, count):
    """Up to `count` packets in a row of one configuration put into one, of at most 120 ms."""
    made, toc, frames = [], None, []
    taken = 0
    for packet in packets:
        more = frames_of(packet)
        fits = (len(frames) + len(more)) * FRAME_SAMPLES[packet[0] >> 3] <= 5760
        if frames and (packet[0] & 252 != toc or taken == count or not fits):
            made.append(packed(toc, frames))
            frames, taken = [], 0
        toc = packet[0] & 252
        frames += more
        taken += 1
    return made + [packed(toc, frames)]


def in_turn(inputs, run):
    """`run` packets of each input, until the first one ends."""
    made = []
    for start in range(0, min(map(len, inputs)) - run, run):
        for packets in inputs:
            made += packets[start : start + run]
    return made


def page(serial, sequence, flags, granule, lacing, body):
    header = b"OggS" + struct.pack("<BBQIIIB", 0, flags, granule, serial, sequence, 0, len(lacing)) + bytes(lacing)
    crc = crc_of(header + body)
    return header[:22] + struct.pack("<I", crc) + header[26:] + body


def segments_of(packets, per_page):
    """(lacing value, bytes, index of the packet that ends here or None, whether a page should end here)."""
    for index, packet in enumerate(packets):
        for start in range(0, len(packet) + 1, 255):
            piece = packet[start : start + 255]
            ends = len(piece) < 255
            yield len(piece), piece, index if ends else None, ends and (index + 1) % per_page == 0


def pages_of(serial, packets, options, end_trim):
    """The pages of the sound; where `--segments` is small, packets go on in the next page."""
    samples = [samples_of(p) if p else 0 for p in packets]
    sequence, position, granule, continued = 2, options.start, UNKNOWN, False
    lacing, body = [], b""
    for value, piece, ended, close in segments_of(packets, options.packets):
        lacing.append(value)
        body += piece
        if ended is not None:
            position += samples[ended]
            granule = position
        last = ended == len(packets) - 1
        if close or last or len(lacing) == options.segments:
            flags = (1 if continued else 0) | (4 if last else 0)
            yield page(serial, sequence, flags, granule - end_trim if last else granule, lacing, body)
            sequence, granule, continued = sequence + 1, UNKNOWN, ended is None
            lacing, body = [], b""


def reframe(options):
    links = []
    for name in options.inputs:
        with open(name, "rb") as file:
            links += links_of(file.read())
    packets = [link.packets for link in links]
    packets = in_turn(packets, options.turns) if options.turns else packets[0]
    if options.merge:
        packets = merged(packets, options.merge)
    if options.code3 or options.pad is not None:
        packets = [code_three(p[0], frames_of(p), options.pad) for p in packets]
    if options.empty:
        packets = [p for i, q in enumerate(packets) for p in ([q, b""] if i % options.empty == 5 else [q])]
    head = links[0].head
    raw = bytearray(base64.b64decode(head["base64"]))
    struct.pack_into("<h", raw, 16, options.gain)
    assert head_of(bytes(raw))["gain"] == options.gain
    serial = options.serial
    written = [page(serial, 0, 2, 0, [len(raw)], bytes(raw))]
    tags = links[0].tags
    lacing = [255] * (len(tags) // 255) + [len(tags) % 255]
    written.append(page(serial, 1, 0, 0, lacing, tags))
    sound = list(pages_of(serial, packets, options, 0 if options.turns else links[0].end_trim))
    for lost in sorted(options.lose, reverse=True):
        del sound[lost]
    with open(options.output, "wb") as file:
        file.write(b"".join(written + sound))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merge", type=int, help="packets put into one")
    parser.add_argument("--code3", action="store_true", help="every packet as code 3")
    parser.add_argument("--pad", type=int, help="bytes of padding, as code 3")
    parser.add_argument("--turns", type=int, help="packets of each input in turn")
    parser.add_argument("--empty", type=int, help="a packet of no bytes after one in so many")
    parser.add_argument("--gain", type=int, default=0, help="output gain, Q7.8 dB")
    parser.add_argument("--start", type=int, default=0, help="samples before the first packet in the granule positions")
    parser.add_argument("--serial", type=int, default=1, help="serial number of the stream")
    parser.add_argument("--packets", type=int, default=50, help="packets a page")
    parser.add_argument("--segments", type=int, default=255, help="lacing values a page")
    parser.add_argument("--lose", type=int, action="append", default=[], help="a page of sound left out, from 0")
    parser.add_argument("output")
    parser.add_argument("inputs", nargs="+")
    reframe(parser.parse_args())
