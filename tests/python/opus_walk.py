#!/usr/bin/env python3
"""An independent walk of Ogg Opus files, written from RFC 3533, RFC 6716 section 3 and RFC 7845 alone.

It shares nothing with the plugin. `opus_walk.py FILE` prints JSON: a list of links, each with its head, its packets
(size, samples at 48 kHz, TOC fields, SHA-256), its sums and what is missing of it. A page with a wrong CRC, a packet
that breaks a rule of RFC 6716 and a granule position that does not add up are WalkErrors. `opus_walk.py --packets FILE` writes
the packets of the first link instead, each behind its length in 32 bits, little-endian.
"""
import base64
import hashlib
import json
import struct
import sys
from dataclasses import dataclass, field

# Frame durations at 48 kHz by the TOC's configuration number, RFC 6716 table 2.
SILK, HYBRID, CELT = [480, 960, 1920, 2880], [480, 960], [120, 240, 480, 960]
FRAME_SAMPLES = SILK * 3 + HYBRID * 2 + CELT * 4
MODES = ["silk"] * 12 + ["hybrid"] * 4 + ["celt"] * 16
UNKNOWN = 0xFFFFFFFFFFFFFFFF


class WalkError(Exception):
    """What is wrong, with the offset or the packet."""


def need(condition, message):
    if not condition:
        raise WalkError(message)


def _crc_row(byte):
    crc = byte << 24
    for _ in range(8):
        crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
    return crc & 0xFFFFFFFF


CRC_TABLE = [_crc_row(byte) for byte in range(256)]


def crc_of(page):
    """RFC 3533 section 6, item 7: the polynomial 0x04c11db7, not reflected, from 0."""
    crc = 0
    for byte in page:
        crc = ((crc << 8) & 0xFFFFFFFF) ^ CRC_TABLE[(crc >> 24) ^ byte]
    return crc


@dataclass
class Page:
    offset: int
    continued: bool
    first: bool
    last: bool
    granule: int
    serial: int
    sequence: int
    # Pieces of packets; the last one goes on in the next page where `open` is set.
    pieces: list
    open: bool
    size: int


def pages_of(data):
    """The pages of a file, one after the other without anything between them."""
    offset = 0
    while offset < len(data):
        need(data[offset : offset + 4] == b"OggS", f"offset {offset}: no page begins here")
        need(len(data) >= offset + 27, f"offset {offset}: the page's header is cut")
        version, flags, granule, serial, sequence, crc, count = struct.unpack_from("<BBQIIIB", data, offset + 4)
        lacing = data[offset + 27 : offset + 27 + count]
        body = offset + 27 + count
        end = body + sum(lacing)
        need(version == 0 and len(lacing) == count and end <= len(data), f"offset {offset}: the page is cut")
        zeroed = data[offset : offset + 22] + bytes(4) + data[offset + 26 : end]
        need(crc_of(zeroed) == crc, f"offset {offset}: the page's CRC is wrong")
        pieces, start, length = [], body, 0
        for value in lacing:
            length += value
            if value < 255:
                pieces.append(data[start : start + length])
                start, length = start + length, 0
        hanging = count > 0 and lacing[-1] == 255
        if hanging:
            pieces.append(data[start : start + length])
        yield Page(offset, bool(flags & 1), bool(flags & 2), bool(flags & 4), granule, serial, sequence, pieces, hanging, end - offset)
        offset = end


def _length(packet, at):
    """A frame length, RFC 6716 section 3.2.1: the value and where it ends."""
    need(at < len(packet), "a frame length lies past the packet")
    first = packet[at]
    if first < 252:
        return first, at + 1
    need(at + 1 < len(packet), "a frame length lies past the packet")
    return 4 * packet[at + 1] + first, at + 2


def _padding(packet, at):
    """Bytes of padding, section 3.2.5, and where their count ends."""
    padding = 0
    while True:
        need(at < len(packet), "the count of padding lies past the packet")
        value = packet[at]
        at += 1
        if value < 255:
            return padding + value, at
        padding += 254


def _code_three(packet):
    need(len(packet) >= 2, "R6: a packet of code 3 needs two bytes")
    count, vbr, padded = packet[1] & 63, packet[1] & 128, packet[1] & 64
    need(count > 0, "R5: a packet of code 3 has no frame")
    padding, at = _padding(packet, 2) if padded else (0, 2)
    sizes = []
    if vbr:
        for _ in range(count - 1):
            size, at = _length(packet, at)
            sizes.append(size)
    left = len(packet) - at - padding - sum(sizes)
    need(left >= 0, "R6, R7: the frames and the padding are longer than the packet")
    if not vbr:
        need(left % count == 0, "R6: the frames of a CBR packet are not of one size")
        sizes, left = [left // count] * (count - 1), left // count
    return sizes + [left], at


def frames_of(packet):
    """The frames of a packet of one stream, as bytes; RFC 6716 section 3.2 with rules R1 to R7 (section 3.4)."""
    need(len(packet) > 0, "R1: a packet has at least one byte")
    code, at = packet[0] & 3, 1
    if code == 0:
        sizes = [len(packet) - 1]
    elif code == 1:
        need((len(packet) - 1) % 2 == 0, "R3: two frames of one size need an even count of bytes")
        sizes = [(len(packet) - 1) // 2] * 2
    elif code == 2:
        first, at = _length(packet, 1)
        need(first <= len(packet) - at, "R4: the first frame is longer than the packet")
        sizes = [first, len(packet) - at - first]
    else:
        sizes, at = _code_three(packet)
    need(all(size <= 1275 for size in sizes), "R2: a frame has more than 1275 bytes")
    need(len(sizes) * FRAME_SAMPLES[packet[0] >> 3] <= 5760, "R5: a packet lasts longer than 120 ms")
    frames = []
    for size in sizes:
        frames.append(packet[at : at + size])
        at += size
    return frames


def samples_of(packet):
    """Duration at 48 kHz from the TOC byte and the count of frames, for any number of streams."""
    need(len(packet) > 0, "R1: a packet has at least one byte")
    code = packet[0] & 3
    need(code < 3 or len(packet) > 1, "R6: a packet of code 3 needs two bytes")
    return FRAME_SAMPLES[packet[0] >> 3] * [1, 2, 2, packet[1] & 63 if code == 3 else 0][code]


def head_of(packet):
    """An OpusHead, RFC 7845 section 5.1."""
    need(packet[:8] == b"OpusHead" and len(packet) >= 19, "the first packet is no OpusHead")
    version, channels, pre_skip, rate, gain, family = struct.unpack_from("<BBHIhB", packet, 8)
    need(version >> 4 == 0, f"OpusHead of version {version}")
    streams, coupled, mapping = 1, channels - 1, list(range(channels))
    if family != 0:
        streams, coupled, mapping = packet[19], packet[20], list(packet[21 : 21 + channels])
    return {
        "channels": channels, "pre_skip": pre_skip, "rate": rate, "gain": gain, "family": family,
        "streams": streams, "coupled": coupled, "mapping": mapping, "base64": base64.b64encode(packet).decode(),
    }  # fmt: skip


@dataclass
class Link:
    serial: int
    head: dict = None
    tags: bytes = None
    packets: list = field(default_factory=list)
    # What is missing: samples, and before which packet; 0 samples for a packet of no bytes.
    gaps: list = field(default_factory=list)
    end_trim: int = 0
    ended: bool = False
    _piece: bytes = None
    _sequence: int = None
    _granule: int = None

    def page(self, page):
        """Takes the next page of the link's logical stream."""
        lost = self._sequence is not None and page.sequence != self._sequence + 1
        self._sequence = page.sequence
        whole, first = self._packets(page, lost)
        for packet in whole:
            self._packet(packet)
        if page.granule != UNKNOWN and self.tags is not None:
            self._check_granule(page, lost, first)
        if page.last:
            self.ended = True

    def _packets(self, page, lost):
        """The packets that end in the page, and which packet of the link is the first of them."""
        pieces, begun = list(page.pieces), None if lost else self._piece
        self._piece = None
        if page.continued and begun is None and pieces:
            # It begins in a lost page.
            pieces = pieces[1:]
            if not pieces:
                return [], len(self.packets)
        elif begun is not None:
            need(page.continued, f"offset {page.offset}: a packet of the page before does not go on")
            pieces[0] = begun + pieces[0]
        if page.open:
            self._piece = pieces.pop()
        return pieces, len(self.packets)

    def _packet(self, packet):
        if self.head is None:
            self.head = head_of(packet)
        elif self.tags is None:
            need(packet[:8] == b"OpusTags", "the second packet is no OpusTags")
            self.tags = packet
        elif packet:
            self.packets.append(packet)
        else:
            self.gaps.append({"packet": len(self.packets), "samples": 0})

    def _check_granule(self, page, lost, first):
        """RFC 7845 section 4: the granule position is the count of samples with all packets that end in the page."""
        added = sum(map(samples_of, self.packets[first:]))
        if not self.packets:
            return
        if self._granule is None:
            # A stream may begin above 0 (section 4.3); one that ends in its first page may end before its packets.
            early = page.last and page.granule < added
            self._granule = 0 if early else page.granule - added
            need(not (page.granule < added and not page.last), f"offset {page.offset}: granule position {page.granule} below the samples")
        found = page.granule - self._granule - added
        if lost and found > 0:
            self.gaps.append({"packet": first, "samples": found})
        elif page.last and found < 0:
            self.end_trim = -found
        else:
            need(found == 0, f"offset {page.offset}: granule position {page.granule} is {found} samples off")
        self._granule = page.granule

    def report(self):
        samples = list(map(samples_of, self.packets))
        described = [
            {
                "size": len(p), "samples": n, "sha256": hashlib.sha256(p).hexdigest(),
                "config": p[0] >> 3, "code": p[0] & 3, "stereo": bool(p[0] & 4),
            }
            for p, n in zip(self.packets, samples)
        ]  # fmt: skip
        if self.head["streams"] == 1:
            for packet in self.packets:
                frames_of(packet)
        return {
            "serial": self.serial, "head": self.head, "tags": base64.b64encode(self.tags).decode(), "packets": described,
            "bytes": sum(map(len, self.packets)), "samples": sum(samples), "end_trim": self.end_trim,
            "total": sum(samples) - self.head["pre_skip"] - self.end_trim, "gaps": self.gaps, "ended": self.ended,
            "modes": sorted({MODES[p[0] >> 3] for p in self.packets}),
        }  # fmt: skip


def links_of(data):
    """The Opus streams of a file, in the order in which they begin."""
    links, current = [], {}
    for page in pages_of(data):
        if page.first:
            if not (page.pieces and page.pieces[0][:8] == b"OpusHead"):
                continue
            current[page.serial] = Link(page.serial)
            links.append(current[page.serial])
        if page.serial in current:
            current[page.serial].page(page)
    need(links, "no Opus stream")
    return links


def main(arguments):
    with open(arguments[-1], "rb") as file:
        links = links_of(file.read())
    if arguments[0] == "--packets":
        for packet in links[0].packets:
            sys.stdout.buffer.write(struct.pack("<I", len(packet)) + packet)
    else:
        json.dump([link.report() for link in links], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
