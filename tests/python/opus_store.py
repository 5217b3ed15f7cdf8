#!/usr/bin/env python3
"""Reads a store of Opus packets with zarr, dask and xarray as they are, and prints what is in it.

Standard input is a JSON list of links to read: `store` (a path), `link` (a number) and `pcm` (a path or null). The
arrays must be the same through all three readers, of the types and with the dimensions of the layout, and no warning
may come. Durations are counted anew from the packets' bytes by `opus_walk`. With `pcm`, interleaved S16LE of a
sequential decode without pre-skip and end trim, the hashes of a certified store are held against it. Prints a JSON list;
anything wrong is a CheckError.
"""
import hashlib
import json
import sys
import warnings

import blake3
import dask.array
import numpy
import xarray
import zarr

from opus_walk import samples_of

FIELDS = ["byte_pos", "byte_len", "sample_count", "cum_start", "cum_end"]
ARRAYS = {
    "opus_packets": (numpy.dtype("uint8"), ("byte",), (4 << 20,)),
    "opus_index": (numpy.dtype("uint64"), ("packet", "field"), (10_000, 5)),
    "opus_gaps": (numpy.dtype("uint64"), ("gap", "gap_field"), (10_000, 2)),
    "opus_pcm_hash": (numpy.dtype("uint64"), ("packet",), (10_000,)),
}


class CheckError(Exception):
    """What is wrong with the store."""


def need(condition, message):
    if not condition:
        raise CheckError(message)


def same(found, expected, what):
    need(found.dtype == expected.dtype, f"{what}: type {found.dtype}, expected {expected.dtype}")
    need(numpy.array_equal(found, expected), f"{what}: other values")


def dimensions_of(array):
    """Names of an array's dimensions: part of version 3, an attribute of xarray's in version 2."""
    if array.metadata.zarr_format == 3:
        return array.metadata.dimension_names
    return tuple(array.attrs["_ARRAY_DIMENSIONS"])


def arrays_of(path, name):
    """The arrays of a link's group, read by zarr; dask and xarray must read the same."""
    group = zarr.open_group(path, path=name, mode="r")
    read = {key: array[:] for key, array in group.arrays()}
    need(set(read) | {"opus_pcm_hash"} == set(ARRAYS), f"arrays {sorted(read)}")
    dataset = xarray.open_zarr(path, group=name or None, consolidated=False)
    need(set(dataset.data_vars) == set(read), f"xarray sees {sorted(dataset.data_vars)}")
    for key, values in read.items():
        dtype, dimensions, chunks = ARRAYS[key]
        array = group[key]
        need(array.dtype == dtype and values.dtype == dtype, f"{key}: type {array.dtype}, expected {dtype}")
        need(dimensions_of(array) == dimensions, f"{key}: dimensions {dimensions_of(array)}")
        need(array.chunks == chunks, f"{key}: chunks {array.chunks}")
        same(dask.array.from_zarr(path, component=f"{name}/{key}".strip("/")).compute(), values, f"{key} by dask")
        need(dataset[key].dims == dimensions, f"{key}: xarray has dimensions {dataset[key].dims}")
        same(dataset[key].values, values, f"{key} by xarray")
    return dict(group.attrs), read


def packets_of(attributes, arrays):
    """The committed packets, with every column of the index checked against the bytes."""
    count = attributes["committed_packets"]
    index, blob = arrays["opus_index"], arrays["opus_packets"]
    need(attributes["index_fields"] == FIELDS, f"index_fields {attributes['index_fields']}")
    need(len(index) >= count, f"{len(index)} rows for {count} committed packets")
    packets, position, samples = [], 0, 0
    for number, row in enumerate(index[:count].tolist()):
        byte_pos, byte_len, sample_count, start, end = row
        need(byte_pos == position and byte_pos + byte_len <= len(blob), f"packet {number}: {row} at byte {position}")
        packet = blob[byte_pos : byte_pos + byte_len].tobytes()
        need(sample_count == samples_of(packet), f"packet {number}: {row}, its TOC says {samples_of(packet)} samples")
        need((start, end) == (samples, samples + sample_count - 1), f"packet {number}: {row} at sample {samples}")
        position, samples = position + byte_len, samples + sample_count
        packets.append(packet)
    need(attributes["total_samples"] == samples, f"total_samples {attributes['total_samples']}, found {samples}")
    if attributes["complete"]:
        need(len(index) == count and len(blob) == position, f"{len(index)} rows, {len(blob)} bytes of {position}")
    return packets


def check_hashes(attributes, arrays, pcm):
    """How many packets lie wholly in the samples, whose hashes must be theirs."""
    channels, first = attributes["channels"], attributes["pre_skip"]
    samples = numpy.fromfile(pcm, dtype="<i2").reshape(-1, channels)
    wanted = attributes["total_samples"] - first - attributes["end_trim"]
    need(len(samples) == wanted, f"{len(samples)} samples in the decode, {wanted} by the attributes")
    hashed = 0
    for number, (row, found) in enumerate(zip(arrays["opus_index"].tolist(), arrays["opus_pcm_hash"].tolist())):
        start, end = row[3] - first, row[4] + 1 - first
        if start < 0 or end > len(samples):
            continue
        digest = blake3.blake3(samples[start:end].tobytes()).digest()
        expected = int.from_bytes(digest[:8], "little")
        need(found == expected, f"packet {number}: hash {found:#x}, the decode has {expected:#x}")
        hashed += 1
    return hashed


def report(store, link, pcm):
    attributes, arrays = arrays_of(store, f"link_{link}" if link else "")
    packets = packets_of(attributes, arrays)
    count = len(packets)
    hashes = arrays.get("opus_pcm_hash")
    need(hashes is None or len(hashes) >= count, "fewer hashes than packets")
    return {
        "attributes": attributes,
        "rows": arrays["opus_index"][:count].tolist(),
        "sha256": [hashlib.sha256(packet).hexdigest() for packet in packets],
        "gaps": arrays["opus_gaps"].tolist(),
        "hashes": None if hashes is None else hashes[:count].tolist(),
        "hashed": check_hashes(attributes, arrays, pcm) if pcm else None,
    }


if __name__ == "__main__":
    # What the readers have to say of the store is wrong with the store.
    warnings.simplefilter("error")
    json.dump([report(**job) for job in json.load(sys.stdin)], sys.stdout)
