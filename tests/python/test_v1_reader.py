#!/usr/bin/env python3
"""The independent v1 reader gives the reference reader's answers, and refuses every bad file."""
import json
import pathlib
import struct
import sys
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import v1_reader  # noqa: E402

DATA = pathlib.Path(__file__).parent.parent / "data"
GOOD = sorted(p for p in (DATA / "h4mk").glob("*.h4mk") if not p.name.startswith("bad-"))
BAD = sorted((DATA / "h4mk").glob("bad-*.h4mk"))


def chunk(kind, flags, payload):
    head = struct.pack("<4sII", kind, flags, len(payload)) + payload
    return head + struct.pack("<I", zlib.crc32(head))


def file_of(*chunks):
    body = b"H4MK" + bytes([1, 0, 0, 0]) + bytes(8) + b"".join(chunks)
    return body + struct.pack("<I", zlib.crc32(body))


def trak(**changes):
    track = {"track_id": 1, "name": "", "kind": "", "codec": "", "sample_rate": 0, "channels": 0, "note": ""}
    track |= changes
    return chunk(b"TRAK", 0, json.dumps({"tracks": [track]}).encode())


class Vectors(unittest.TestCase):
    def test_there_are_vectors(self):
        self.assertGreaterEqual(len(GOOD), 7)
        self.assertGreaterEqual(len(BAD), 8)

    def test_every_good_vector_reads_as_the_reference_says(self):
        for path in GOOD:
            with self.subTest(path.name):
                expected = json.loads(path.with_suffix(".json").read_text())
                expected.pop("queries")
                self.assertEqual(v1_reader.read_path(path), expected)

    def test_every_bad_vector_is_an_error_that_names_an_offset(self):
        for path in BAD:
            with self.subTest(path.name), self.assertRaisesRegex(v1_reader.FormatError, r"^offset \d+: "):
                v1_reader.read_path(path)

    def test_a_file_with_extensions_is_a_valid_v1_file(self):
        path = DATA / "h4x" / "two-tracks.h4mk"
        expected = json.loads(path.with_suffix(".json").read_text())
        cores = [c for c in v1_reader.read_path(path)["chunks"] if c["type"] == "CORE"]
        self.assertEqual(len(cores), expected["blocks"])
        for core, (track, pts, _, _, block, sha256) in zip(cores, expected["timing"]):
            self.assertEqual((core["track_id"], core["block"], core["payload_sha256"]), (track, block, sha256))
            self.assertEqual(core["pts_ms"], max(0, pts // 1_000_000))


class Strictness(unittest.TestCase):
    def refuses(self, message, *chunks):
        with self.assertRaisesRegex(v1_reader.FormatError, message):
            v1_reader.read(file_of(*chunks))

    def test_made_files_are_read(self):
        core = chunk(b"CORE", 1 << 28 | 7, b"H4TB\x01\0\0\0xy")
        self.assertEqual(v1_reader.read(file_of(trak(), core))["chunks"][1]["pts_ms"], 7)

    def test_further_keys_are_refused_inside_a_track_only(self):
        self.refuses("seven", trak(extra=1))
        beside = chunk(b"TRAK", 0, b'{"tracks":[],"h4x":{}}')
        self.assertEqual(v1_reader.read(file_of(beside))["tracks"], [])

    def test_cores_must_be_well_formed(self):
        self.refuses("H4TB", trak(), chunk(b"CORE", 0, b"H4TX\x01\0\0\0"))
        self.refuses("kind", trak(), chunk(b"CORE", 3 << 28, b"H4TB\x01\0\0\0"))
        self.refuses("kind", trak(), chunk(b"CORE", 1 << 30, b"H4TB\x01\0\0\0"))

    def test_seek_tables_must_be_sorted_complete_and_point_to_cores(self):
        core = chunk(b"CORE", 0, b"H4TB\x01\0\0\0")
        at = 16 + len(trak()) + 12

        def table(count, *entries):
            return chunk(b"TSEK", 0, b"H4TS\x01\0\0\0H4SK" + struct.pack("<HH", count, 0)
                         + b"".join(struct.pack("<II", *e) for e in entries))
        self.assertEqual(v1_reader.read(file_of(trak(), core, table(1, (0, at))))["seek_tables"], {"1": [[0, at]]})
        self.refuses("sorted", trak(), core, table(2, (5, at), (0, at)))
        self.refuses("no CORE", trak(), core, table(1, (0, at - 12)))
        self.refuses("2 entries", trak(), core, table(2, (0, at)))

    def test_the_first_trak_counts_and_unknown_chunks_are_skipped(self):
        read = v1_reader.read(file_of(chunk(b"XNEW", 9, b"?"), trak(name="a"), trak(name="b")))
        self.assertEqual([t["name"] for t in read["tracks"]], ["a"])

    def test_the_big_endian_dialect_is_named(self):
        with self.assertRaisesRegex(v1_reader.FormatError, "big-endian"):
            v1_reader.read(b"H4MK\0\1\0\0" + bytes(40))


if __name__ == "__main__":
    unittest.main()
