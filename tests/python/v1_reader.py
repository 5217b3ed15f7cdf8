#!/usr/bin/env python3
"""An independent reader of H4MK version 1, written from section 1 of the format page alone.

It knows nothing of the extensions, so it says what any version 1 reader sees of a file. Every
violation is a FormatError that names the offset. `v1_reader.py [--no-hash] FILE` prints JSON.
"""
import hashlib
import json
import mmap
import struct
import sys
import zlib

TRACK_KEYS = {"track_id", "name", "kind", "codec", "sample_rate", "channels", "note"}
SIDECARS = ("META", "SAFE", "VERI", "NOTE")


class FormatError(Exception):
    """What is wrong with the file, with the absolute offset."""


def need(condition, offset, message):
    if not condition:
        raise FormatError(f"offset {offset}: {message}")


def json_at(raw, offset, what):
    try:
        return json.loads(bytes(raw).decode("utf-8"))
    except ValueError as error:
        raise FormatError(f"offset {offset}: {what} is not JSON: {error}") from error


def tracks_of(raw, offset):
    tracks = json_at(raw, offset, "TRAK")
    need(isinstance(tracks, dict) and isinstance(tracks.get("tracks"), list), offset, "TRAK has no list of tracks")
    for track in tracks["tracks"]:
        need(isinstance(track, dict) and set(track) == TRACK_KEYS, offset, f"track keys are not the seven: {track}")
        need(0 <= track["track_id"] <= 65535, offset, f"track_id {track['track_id']} is out of range")
    return tracks["tracks"]


def core_of(flags, raw, offset, hashed):
    need(raw[:4] == b"H4TB" and len(raw) >= 8, offset, "CORE does not begin with H4TB")
    need(flags >> 30 == 0 and flags >> 28 != 3, offset, f"CORE flags {flags:#x} have no known kind")
    digest = {"payload_sha256": hashlib.sha256(raw[8:]).hexdigest()} if hashed else {}
    return {"track_id": struct.unpack_from("<H", raw, 4)[0], "pts_ms": flags & 0xFFFFFFF, "block": "IPB"[flags >> 28], **digest}


def seek_table_of(raw, offset):
    need(len(raw) >= 16 and raw[:4] == b"H4TS" and raw[8:12] == b"H4SK", offset, "TSEK does not begin with H4TS … H4SK")
    count = struct.unpack_from("<H", raw, 12)[0]
    need(len(raw) == 16 + 8 * count, offset, f"TSEK of {len(raw)} bytes does not hold {count} entries")
    entries = [list(struct.unpack_from("<II", raw, 16 + 8 * i)) for i in range(count)]
    need(all(a[0] <= b[0] for a, b in zip(entries, entries[1:])), offset, "TSEK is not sorted by PTS")
    return struct.unpack_from("<H", raw, 4)[0], entries


def read(data, hashed=True):
    """All that version 1 says of the file whose bytes (or mmap) are `data`."""
    need(len(data) >= 20, 0, f"{len(data)} bytes are too few for a header and a footer")
    magic, version, flags, _, timestamp = struct.unpack_from("<4sBBHQ", data, 0)
    need(magic == b"H4MK", 0, f"magic is {magic}")
    need(data[4:8] != b"\0\1\0\0", 4, "the old big-endian dialect is not supported")
    need(version == 1, 4, f"version is {version}")
    out = {"header": {"magic": "H4MK", "version": 1, "flags": flags, "timestamp": timestamp},
           "tracks": None, "sidecars": {}, "chunks": [], "seek_tables": {}}
    view, end, at, cores = memoryview(data), len(data) - 4, 16, set()
    total = zlib.crc32(view[:16])
    while at < end:
        need(at + 16 <= end, at, "a chunk header runs past the file")
        kind, flags, length = struct.unpack_from("<4sII", data, at)
        need(at + 16 + length <= end, at, f"chunk {kind} of {length} bytes runs past the file")
        raw, crc = view[at + 12:at + 12 + length], struct.unpack_from("<I", data, at + 12 + length)[0]
        found = zlib.crc32(raw, zlib.crc32(view[at:at + 12]))
        need(found == crc, at, f"chunk {kind} CRC is {found:08x}, stored {crc:08x}")
        total = zlib.crc32(view[at:at + 16 + length], total)
        name = kind.decode("ascii", "backslashreplace")
        chunk = {"type": name, "flags": flags, "offset": at + 12, "length": length, "crc32": crc}
        if name == "TRAK" and out["tracks"] is None:
            out["tracks"] = tracks_of(raw, at)
        elif name in SIDECARS:
            out["sidecars"][name] = bytes(raw).decode("utf-8")
        elif name == "CORE":
            chunk |= core_of(flags, raw, at, hashed)
            cores.add(at + 12)
        elif name == "TSEK":
            track, entries = seek_table_of(raw, at)
            need(all(offset in cores for _, offset in entries), at, "TSEK points to no CORE payload")
            out["seek_tables"][str(track)] = entries
        out["chunks"].append(chunk)
        at += 16 + length
    footer = struct.unpack_from("<I", data, end)[0]
    need(total == footer, end, f"footer CRC is {total:08x}, stored {footer:08x}")
    need(out["tracks"] is not None, 16, "the file has no TRAK")
    return out


def read_path(path, hashed=True):
    with open(path, "rb") as file:
        empty = file.seek(0, 2) == 0  # an empty file cannot be mapped
        return read(b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), hashed)


if __name__ == "__main__":
    try:
        json.dump(read_path(sys.argv[-1], "--no-hash" not in sys.argv), sys.stdout, indent=1, ensure_ascii=True)
    except FormatError as error:
        sys.exit(f"{sys.argv[-1]}: {error}")
