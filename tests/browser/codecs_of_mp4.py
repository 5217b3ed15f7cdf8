"""The MIME type of an MP4's tracks (RFC 6381), read from its sample entries without the project's code."""

import struct

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
# What lies before the boxes of a sample entry.
ENTRY_HEADERS = {b"vide": 78, b"soun": 28}


def boxes(data, start=0, end=None):
    """Yields (type, payload) of the boxes of a range."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            size, header = struct.unpack_from(">Q", data, start + 8)[0], 16
        if size == 0:
            size = end - start
        if size < header or start + size > end:
            raise ValueError(f"box {kind} at {start} of size {size} in a range to {end}")
        yield kind, data[start + header : start + size]
        start += size


def find(data, *path):
    """The payload of the first box under `path`, or None."""
    for kind, payload in boxes(data):
        if kind == path[0]:
            return payload if len(path) == 1 else find(payload, *path[1:])
    return None


def descriptors(data, wanted):
    """The payload of the first MPEG-4 descriptor with a tag of `wanted`, in order of appearance."""
    at = 0
    while at < len(data):
        tag, size, at = data[at], 0, at + 1
        while True:
            byte, at = data[at], at + 1
            size = size << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        if tag == wanted:
            return data[at : at + size]
        at += {3: 3, 4: 13}.get(tag, size)
    raise ValueError(f"no descriptor {wanted}")


def avc(entry, children):
    return f"{entry}.{children[b'avcC'][1:4].hex()}"


def hevc(entry, children):
    record = children[b"hvcC"]
    space = ["", "A", "B", "C"][record[1] >> 6]
    tier = "H" if record[1] & 0x20 else "L"
    flags = int(f"{struct.unpack('>I', record[2:6])[0]:032b}"[::-1], 2)
    constraints = record[6:12].rstrip(b"\0")
    parts = [entry, f"{space}{record[1] & 31}", f"{flags:x}", f"{tier}{record[12]}"]
    return ".".join(parts + [f"{c:x}" for c in constraints])


def av1(_, children):
    record = children[b"av1C"]
    depth = 10 if record[2] & 0x40 else 8
    tier = "H" if record[2] & 0x80 else "M"
    return f"av01.{record[1] >> 5}.{record[1] & 31:02}{tier}.{depth:02}"


def vp9(_, children):
    record = children[b"vpcC"][4:]
    return f"vp09.{record[0]:02}.{record[1]:02}.{record[2] >> 4:02}"


def mp4a(_, children):
    config = descriptors(children[b"esds"][4:], 5)
    kind = config[0] >> 3
    return f"mp4a.40.{kind if kind != 31 else 32 + ((config[0] & 7) << 3 | config[1] >> 5)}"


NAMES = {
    "avc1": avc, "avc3": avc, "hvc1": hevc, "hev1": hevc, "av01": av1, "vp09": vp9, "mp4a": mp4a,
    "Opus": lambda *_: "opus", "fLaC": lambda *_: "flac", "ac-3": lambda *_: "ac-3", "ec-3": lambda *_: "ec-3",
}


def mime_type(data):
    """`video/mp4; codecs="…"` of the file that begins with `data`; tracks that are neither video nor audio stay out."""
    moov = find(data, b"moov")
    if moov is None:
        raise ValueError("no moov")
    names, handlers = [], set()
    for kind, trak in boxes(moov):
        if kind != b"trak":
            continue
        handler = find(trak, b"mdia", b"hdlr")[8:12]
        if handler not in ENTRY_HEADERS:
            continue
        handlers.add(handler)
        entries = find(trak, b"mdia", b"minf", b"stbl", b"stsd")[8:]
        for entry, payload in boxes(entries):
            children = dict(boxes(payload, ENTRY_HEADERS[handler]))
            name = NAMES[entry.decode()](entry.decode(), children)
            if name not in names:
                names.append(name)
    family = "video" if b"vide" in handlers else "audio"
    return f'{family}/mp4; codecs="{",".join(names)}"'
