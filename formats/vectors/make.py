#!/usr/bin/env python3
"""make.py -- writes the vectors: small streams that readers of simclr-stream(5) must take or refuse.

    good/         to be read to the end
    bad/          damaged or contradictory; the name says how
    unsupported/  well-formed, but beyond what the format allows or this version knows

It also writes seeds of the fuzz targets. It needs Python 3 alone, and gives the same bytes each time.
Frames are made by hand, of raw blocks, so that each field of them can be wrong; good/compressed is
kept as the bytes that zstd 1.5.4 made.
SPDX-License-Identifier: MIT"""

import json
import math
import os
import shutil
import struct
import zlib

# ---- frames (RFC 8878) -----------------------------------------------------------------------

M64 = (1 << 64) - 1
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def rotl(x, n):
    return ((x << n) | (x >> (64 - n))) & M64


def xxh64(data):
    """XXH64 with seed 0: its low 32 bits are the checksum of a frame."""
    def lane(acc, word):
        return rotl((acc + word * P2) & M64, 31) * P1 & M64
    at = 0
    if len(data) >= 32:
        acc = [(P1 + P2) & M64, P2, 0, -P1 & M64]
        while at + 32 <= len(data):
            words = struct.unpack_from("<4Q", data, at)
            acc = [lane(a, w) for a, w in zip(acc, words)]
            at += 32
        h = sum(rotl(a, n) for a, n in zip(acc, (1, 7, 12, 18))) & M64
        for a in acc:
            h = ((h ^ lane(0, a)) * P1 + P4) & M64
    else:
        h = P5
    h = (h + len(data)) & M64
    while at + 8 <= len(data):
        h = (rotl(h ^ lane(0, struct.unpack_from("<Q", data, at)[0]), 27) * P1 + P4) & M64
        at += 8
    if at + 4 <= len(data):
        h = (rotl(h ^ struct.unpack_from("<I", data, at)[0] * P1 & M64, 23) * P2 + P3) & M64
        at += 4
    for byte in data[at:]:
        h = rotl(h ^ byte * P5 & M64, 11) * P1 & M64
    for shift, prime in ((33, P2), (29, P3), (32, 1)):
        h = (h ^ h >> shift) * prime & M64
    return h


def frame(content, claim=None, checksum=True, right=True, sized=True, window=None, dictionary=False):
    """A frame of one raw block (content stays below 128 KiB). A `window` in bytes, a power of two,
    makes it a frame of several segments."""
    assert len(content) < 1 << 17
    claim = len(content) if claim is None else claim
    descriptor = (3 << 6 if sized else 0) | (0 if window or not sized else 1 << 5)
    descriptor |= (1 << 2 if checksum else 0) | (1 if dictionary else 0)
    out = struct.pack("<IB", 0xFD2FB528, descriptor)
    if window or not sized:
        out += bytes([((window or 1024).bit_length() - 11) << 3])
    out += b"\7" if dictionary else b""
    out += struct.pack("<Q", claim) if sized else b""
    out += struct.pack("<I", 1 | len(content) << 3)[:3] + content
    if checksum:
        out += struct.pack("<I", (xxh64(content) & 0xFFFFFFFF) ^ (0 if right else 1))
    return out


# ---- documents -------------------------------------------------------------------------------

SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4,
         "F32": 4, "U64": 8, "I64": 8, "F64": 8}


def raw(text, data=b"", pad=True, length=None):
    text = text if isinstance(text, bytes) else text.encode()
    text += b" " * (-len(text) % 8 if pad else 0)
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def document(metadata=None, tensors=(), pad=True, **changes):
    """tensors: (name, dtype, shape, bytes). `changes` replace members of the entries: name=dict."""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, dtype, shape, content in tensors:
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(content)]}
        header[name].update(changes.get(name, {}))
        data += content
    return raw(json.dumps(header, separators=(",", ":")), data, pad)


def text(value):
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


COLUMNS = {"id": {"dtype": "I64", "shape": []}, "h": {"dtype": "F32", "shape": [2]}}
PLAN = {"batch": 2, "views": 2, "epochs": 2, "steps": 4, "steps_per_epoch": 2, "seed": 1}


def header(columns=COLUMNS, drop=(), tensors=(), **more):
    metadata = {"tensor_stream": "1", "kind": "features", "columns": columns}
    metadata.update(more)
    return document({k: text(v) for k, v in metadata.items() if k not in drop}, tensors)


def i64(*values):
    return struct.pack("<%dq" % len(values), *values)


def f32(*values):
    return struct.pack("<%df" % len(values), *values)


def rows(first=0, n=2):
    return [("id", "I64", [n], i64(*range(first, first + n))),
            ("h", "F32", [n, 2], f32(*[0.5 * i for i in range(2 * n)]))]


def where(step=0, epoch=0, part=0, parts=1):
    return {"step": str(step), "epoch": str(epoch), "part": str(part), "parts": str(parts)}


def record(*at, tensors=None, pad=True, **changes):
    return document(where(*at), rows() if tensors is None else tensors, pad, **changes)


def end(records=1, n=2):
    return document({"end": "1", "records": str(records), "rows": str(n)})


def stream(*documents):
    return b"".join(frame(d) for d in documents)


def one(data):
    """A header, this record, and an END."""
    return stream(header(), data, end())


RAGGED = {"id": {"dtype": "I64", "shape": []}, "name": {"dtype": "U8", "shape": [None]}}


def ragged(offsets, content=b"abcde", n=2):
    tensors = [("name", "U8", [len(content)], content), ("id", "I64", [n], i64(*range(n))),
               ("name.offsets", "I64", [len(offsets)], i64(*offsets))]
    return stream(header(RAGGED), record(tensors=tensors), end(1, n))


VARYING = {"id": COLUMNS["id"], "pixels": {"dtype": "U8", "shape": [None, 3]}}


def pictures(shape, n=None):
    n = shape[0] if n is None else n
    count = math.prod(shape)
    return [("id", "I64", [n], i64(*range(n))), ("pixels", "U8", shape, bytes(range(count)))]


def varying(*shapes, n=None):
    """A record of each shape; all of them claim n rows of ids."""
    records = [record(i, tensors=pictures(s, n)) for i, s in enumerate(shapes)]
    return stream(header(VARYING), *records, end(len(shapes), sum(s[0] for s in shapes)))


def typed():
    """Every type that there is, one number a row."""
    columns = {n.lower(): {"dtype": n, "shape": []} for n in SIZES}
    tensors = [(n.lower(), n, [2], bytes(2 * SIZES[n])) for n in SIZES]
    return stream(header(columns), record(tensors=tensors), end())


# ---- the vectors -----------------------------------------------------------------------------

good, bad, unsupported = {}, {}, {}
whole = one(record())

good["minimal"] = whole
good["no-records"] = stream(header(), end(0, 0))
good["ragged"] = ragged([0, 2, 5])
good["ragged-empty-rows"] = ragged([0, 0, 0], b"")
good["all-dtypes"] = typed()
good["parts"] = stream(header(plan=PLAN), record(0, 0, 0, 2), record(0, 0, 1, 2), record(1, 0),
                       record(2, 1, 0, 3), record(2, 1, 1, 3), record(2, 1, 2, 3), end(6, 12))
good["steps-with-gaps"] = stream(header(), record(3, 1), record(70, 1), end(2, 4))
good["concatenation"] = whole + stream(header(), end(0, 0)) + whole
good["concatenation-columns-reordered"] = whole + stream(
    header(dict(reversed(COLUMNS.items()))), record(), end())
good["unknown-keys"] = stream(
    header({k: {**v, "unit": "none"} for k, v in COLUMNS.items()}, plan={**PLAN, "curriculum": []},
           colour="blue", run=[{"tool": "x", "host": {"a": [1.0]}}],
           dataset={"images": 9, "classes": 2, "class_names": ["a", "b"], "shard": [0, 2], "x": 1}),
    document({**where(), "weather": "fine"}, rows()),
    document({"end": "1", "records": "1", "rows": "2", "more": ""}))
good["header-not-padded"] = one(record(tensors=[("id", "I64", [2], i64(4, 5)), rows()[1]],
                                       pad=False))
good["tensors-not-aligned"] = ragged([0, 1, 3], b"xyz")
good["tensors-in-another-order"] = one(record(tensors=rows()[::-1]))
good["header-with-blanks"] = stream(
    raw(json.dumps({"__metadata__": {"tensor_stream": "1", "kind": "features",
                                     "columns": json.dumps(COLUMNS, indent=3)}}, indent=2)),
    record(), end())
good["window-8-MiB"] = b"".join(frame(d, window=8 << 20) for d in (header(), record(), end()))
good["names-utf-8"] = ragged([0, 4, 9], "\u00e9\u00e8\u4e2d\u00fc".encode())
good["varying"] = varying([2, 1, 3], [2, 4, 3], [1, 2, 3])
good["varying-concatenation"] = varying([2, 1, 3]) + varying([2, 5, 3])
good["sizes"] = stream(
    header({"pixels": {"dtype": "U8", "shape": [None, None, 3]}}, sizes=[[2, 1], [1, 1]]),
    record(tensors=[("pixels", "U8", [1, 2, 1, 3], bytes(6))]),
    record(1, tensors=[("pixels", "U8", [1, 1, 1, 3], bytes(3))]), end(2, 2))
good["weights.safetensors"] = document(
    {"model": "none"}, [("scalar", "F32", [], f32(1)), ("empty", "F32", [3, 0], b""),
                        ("matrix", "BF16", [2, 2], bytes(8)), ("count", "I64", [1], i64(7))])
good["weights-without-metadata.safetensors"] = document(None, [("w", "U8", [3], b"abc")])
good["weights-empty.safetensors"] = raw("{}")

bad["empty"] = b""
bad["text"] = b"step epoch loss\n"
bad["zeros"] = bytes(64)
bad["cut-in-magic"] = whole[:3]
bad["cut-in-header"] = whole[:60]
bad["cut-in-record"] = whole[:len(frame(header())) + 50]
bad["cut-in-end"] = whole[:-1]
bad["no-end"] = stream(header(), record())
bad["no-end-behind-header"] = stream(header())
bad["no-end-in-concatenation"] = stream(header(), record()) + whole
bad["end-first"] = stream(end(0, 0))
bad["end-twice"] = whole + stream(end(0, 0))
bad["end-counts-records"] = stream(header(), record(), end(2, 2))
bad["end-counts-rows"] = stream(header(), record(), end(1, 3))
bad["end-without-counts"] = stream(header(), record(), document({"end": "1"}))
bad["end-with-tensors"] = stream(header(), record(), document(
    {"end": "1", "records": "1", "rows": "2"}, rows()))
bad["end-is-yes"] = stream(header(), record(), document(
    {"end": "yes", "records": "1", "rows": "2"}))
bad["garbage-behind-end"] = whole + b"\0"
bad["record-behind-end"] = whole + stream(record())
bad["record-first"] = stream(record(), end())
bad["header-twice"] = stream(header(), header(), end(0, 0))
bad["header-with-tensors"] = stream(header(tensors=rows()), end(0, 0))
bad["header-without-kind"] = stream(header(drop=["kind"]), end(0, 0))
bad["header-without-columns"] = stream(header(drop=["columns"]), end(0, 0))
bad["header-kind-empty"] = stream(header(kind=""), end(0, 0))
for name, columns in {
        "none": {}, "an-array": [], "not-json": "{", "name-empty": {"": COLUMNS["id"]},
        "name-with-dot": {"a.b": COLUMNS["id"]}, "name-with-newline": {"a\n": COLUMNS["id"]},
        "name-too-long": {"a" * 65: COLUMNS["id"]}, "without-shape": {"a": {"dtype": "U8"}},
        "without-dtype": {"a": {"shape": []}}, "extent-zero": {"a": {"dtype": "U8", "shape": [0]}},
        "extent-negative": {"a": {"dtype": "U8", "shape": [-1]}},
        "extent-fraction": {"a": {"dtype": "U8", "shape": [1.5]}},
        "extent-huge": {"a": {"dtype": "U8", "shape": [1 << 40]}},
        "row-huge": {"a": {"dtype": "F64", "shape": [2000000000] * 7}},
        "ragged-floats": {"a": {"dtype": "F32", "shape": [None]}},
        "ragged-false": {"a": {"dtype": "U8", "shape": [False]}},
        "varying-negative": {"a": {"dtype": "U8", "shape": [-1, 3]}},
        "varying-zero": {"a": {"dtype": "U8", "shape": [None, 0]}},
        "varying-row-huge": {"a": {"dtype": "F64", "shape": [None] + [2000000000] * 6}}}.items():
    bad["columns-" + name] = stream(header(columns), end(0, 0))
bad["columns-name-twice"] = stream(header('{"a":{"dtype":"U8","shape":[]},'
                                          '"a":{"dtype":"U8","shape":[]}}'), end(0, 0))
bad["columns-too-many"] = stream(header({"c%d" % i: COLUMNS["id"] for i in range(257)}), end(0, 0))
for name, plan in {
        "not-json": "{", "a-number": 4, "empty": {}, "steps-zero": {**PLAN, "steps": 0},
        "steps-differ": {**PLAN, "steps": 5}, "steps-text": {**PLAN, "steps": "4"},
        "batch-zero": {**PLAN, "batch": 0}, "batch-huge": {**PLAN, "batch": 1 << 31},
        "views-negative": {**PLAN, "views": -1}, "epochs-fraction": {**PLAN, "epochs": 2.0},
        "seed-beyond": '{"batch":2,"epochs":1,"steps":1,"steps_per_epoch":1,"seed":%d}' % (1 << 64),
        "steps-overflow": {**PLAN, "epochs": 1 << 30, "steps_per_epoch": 1 << 62, "steps": 1},
        "without-seed": {k: v for k, v in PLAN.items() if k != "seed"}}.items():
    bad["plan-" + name] = stream(header(plan=plan), end(0, 0))
for name, data in {
        "not-json": "x", "an-array": [], "images-negative": {"images": -1},
        "images-text": {"images": "9"}, "classes-names": {"classes": ["a"]},
        "class-names-numbers": {"class_names": [1]}, "shard-beyond": {"shard": [2, 2]},
        "shard-short": {"shard": [0]}}.items():
    bad["dataset-" + name] = stream(header(dataset=data), end(0, 0))
for name, sizes in {"not-json": "[", "a-number": 32, "none": [], "numbers": [32, 32],
                    "three": [[32, 32, 3]], "zero": [[32, 0]], "fraction": [[32.0, 32]],
                    "huge": [[1, 1 << 31]], "too-many": [[i, i] for i in range(1, 18)]}.items():
    bad["sizes-" + name] = stream(header(sizes=sizes), end(0, 0))
for name, run in {"not-json": "[", "an-object": {}, "entry-a-number": [1],
                  "entry-without-tool": [{"version": "1"}]}.items():
    bad["run-" + name] = stream(header(run=run), end(0, 0))
for name, at in {"without-step": {"step": None}, "without-parts": {"parts": None},
                 "step-negative": {"step": "-1"}, "step-empty": {"step": ""},
                 "step-leading-zero": {"step": "01"}, "step-plus": {"step": "+1"},
                 "step-fraction": {"step": "1.0"}, "step-blank": {"step": "1 "},
                 "step-beyond": {"step": "9223372036854775808"}, "part-beyond": {"part": "1"},
                 "parts-zero": {"parts": "0"}, "parts-beyond": {"parts": "2147483648"},
                 "part-not-first": {"part": "1", "parts": "2"}}.items():
    bad["record-" + name] = one(document(
        {k: v for k, v in {**where(), **at}.items() if v is not None}, rows()))
bad["steps-fall"] = stream(header(), record(1), record(0), end(2, 4))
bad["steps-repeat"] = stream(header(), record(1), record(1), end(2, 4))
bad["epochs-fall"] = stream(header(), record(0, 1), record(1, 0), end(2, 4))
bad["parts-missing-in-step"] = stream(header(), record(0, 0, 0, 2), record(1), end(2, 4))
bad["parts-missing-at-end"] = stream(header(), record(0, 0, 0, 2), end(1, 2))
bad["parts-skipped"] = stream(header(), record(0, 0, 0, 3), record(0, 0, 2, 3), end(2, 4))
bad["parts-repeat"] = stream(header(), record(0, 0, 0, 2), record(0, 0, 0, 2), end(2, 4))
bad["parts-count-changes"] = stream(header(), record(0, 0, 0, 2), record(0, 0, 1, 3), end(2, 4))
bad["parts-epoch-changes"] = stream(header(), record(0, 0, 0, 2), record(0, 1, 1, 2), end(2, 4))
bad["rows-differ"] = one(record(tensors=[rows()[0], rows(n=3)[1]]))
bad["rows-none"] = stream(header(), record(tensors=rows(n=0)), end(1, 0))
bad["tensor-missing"] = one(record(tensors=rows()[:1]))
bad["tensor-extra"] = one(record(tensors=rows() + [("x", "U8", [2], b"ab")]))
bad["tensor-other-dtype"] = one(record(tensors=[("id", "F64", [2], bytes(16)), rows()[1]]))
bad["tensor-other-rank"] = one(record(tensors=[rows()[0], ("h", "F32", [4], f32(0, 0, 0, 0))]))
bad["tensor-other-shape"] = one(record(tensors=[rows()[0], ("h", "F32", [2, 1], f32(0, 0))]))
bad["tensor-scalar"] = one(record(tensors=[("id", "I64", [], i64(0)), rows()[1]]))
bad["ragged-without-offsets"] = stream(header(RAGGED), record(tensors=[
    rows()[0], ("name", "U8", [2], b"ab")]), end())
bad["ragged-offsets-fall"] = ragged([0, 6, 5])
bad["ragged-offsets-negative"] = ragged([0, -1, 5])
bad["ragged-offsets-begin"] = ragged([1, 2, 5])
bad["ragged-offsets-end"] = ragged([0, 2, 4])
bad["ragged-offsets-beyond"] = ragged([0, 2, 6])
bad["ragged-offsets-short"] = ragged([0, 5])
bad["ragged-offsets-none"] = ragged([])
bad["varying-fixed-extent-differs"] = varying([2, 2, 4])
bad["varying-extent-zero"] = varying([2, 0, 3])
bad["varying-extent-huge"] = varying([2, 1 << 40, 0])
bad["varying-rank-less"] = varying([2, 3])
bad["varying-rank-more"] = varying([2, 2, 3, 1])
bad["varying-rows-differ"] = varying([3, 2, 3], n=2)
bad["varying-as-ragged"] = varying([12])
bad["concatenation-varying-with-fixed"] = varying([2, 2, 3]) + stream(
    header({**VARYING, "pixels": {"dtype": "U8", "shape": [2, 3]}}), end(0, 0))
bad["concatenation-columns-differ"] = whole + stream(
    header({"id": COLUMNS["id"], "h": {"dtype": "F32", "shape": [3]}}), end(0, 0))
bad["concatenation-column-added"] = whole + stream(
    header({**COLUMNS, "z": COLUMNS["h"]}), end(0, 0))
bad["concatenation-column-renamed"] = whole + stream(
    header({"id": COLUMNS["id"], "g": COLUMNS["h"]}), end(0, 0))

for name, changes in {
        "offsets-beyond": {"h": {"data_offsets": [16, 33]}},
        "offsets-reversed": {"h": {"data_offsets": [32, 16]}},
        "offsets-negative": {"id": {"data_offsets": [-16, 0]}},
        "offsets-three": {"h": {"data_offsets": [16, 32, 32]}},
        "offsets-fraction": {"h": {"data_offsets": [16.0, 32.0]}},
        "offsets-text": {"h": {"data_offsets": "16"}},
        "data-overlaps": {"h": {"data_offsets": [8, 24]}},
        "data-twice": {"h": {"data_offsets": [0, 16]}},
        "shape-too-large": {"h": {"shape": [2, 3]}},
        "shape-too-small": {"h": {"shape": [2, 1]}},
        "shape-overflows": {"h": {"shape": [1 << 32, 1 << 32]}},
        "shape-negative": {"h": {"shape": [-2, -2]}},
        "shape-text": {"h": {"shape": "2,2"}},
        "shape-fraction": {"h": {"shape": [2.0, 2]}},
        "dtype-number": {"h": {"dtype": 3}}}.items():
    bad["document-" + name] = one(record(**changes))
bad["document-data-with-hole"] = one(raw(json.dumps({
    "__metadata__": where(), "id": {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]},
    "h": {"dtype": "F32", "shape": [2, 2], "data_offsets": [20, 36]}}), bytes(36)))
bad["document-data-behind"] = one(record() + b"\0")
bad["document-data-missing"] = one(record()[:-1])
bad["document-too-short"] = one(b"\2\0\0\0")
bad["document-length-beyond"] = one(raw("{}", length=1 << 10))
bad["document-length-huge"] = one(raw("{}", length=(1 << 64) - 8))
bad["document-length-zero"] = one(raw(""))
bad["document-not-json"] = one(raw("{id: 1}"))
bad["document-an-array"] = one(raw("[]"))
bad["document-leading-blank"] = one(raw(" {}"))
bad["document-two-objects"] = one(raw("{}{}"))
bad["document-not-utf-8"] = one(raw(b'{"\xff": 1}'))
bad["document-name-with-nul"] = one(raw('{"a\\u0000b": 1}'))
bad["document-name-twice"] = one(raw('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},'
                                     '"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'))
bad["document-nested-deep"] = one(raw("{" + '"a":{' * 2100 + "}" * 2101))
bad["document-tensor-is-null"] = one(raw('{"a":null}'))
bad["document-metadata-array"] = one(raw('{"__metadata__":[]}'))
bad["document-metadata-number"] = one(raw('{"__metadata__":{"step":0}}'))
bad["frame-checksum"] = stream(header()) + frame(record(), right=False) + stream(end())
bad["frame-longer-than-claimed"] = stream(header()) + frame(record(), claim=100) + stream(end())
bad["frame-shorter-than-claimed"] = stream(header()) + frame(record(), claim=900) + stream(end())
bad["frame-claims-2-GiB"] = stream(header()) + frame(b"\0" * 8, claim=1 << 31, window=1 << 20)
bad["frame-reserved-bit"] = whole[:4] + bytes([whole[4] | 8]) + whole[5:]
bad["frame-reserved-block"] = whole[:13] + bytes([whole[13] | 6]) + whole[14:]
bad["frame-empty"] = stream(header(), b"", end())
bad["weights-cut.safetensors"] = good["weights.safetensors"][:-1]
bad["weights-name-twice.safetensors"] = raw(
    '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
    '"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', b"ab")

unsupported["version-2"] = stream(header(tensor_stream="2"), record(), end())
unsupported["version-1.1"] = stream(header(tensor_stream="1.1"), record(), end())
unsupported["end-2"] = stream(header(), record(), document(
    {"end": "2", "records": "1", "rows": "2"}))
unsupported["frame-without-checksum"] = frame(header(), checksum=False) + stream(record(), end())
unsupported["frame-without-size"] = frame(header(), sized=False) + stream(record(), end())
unsupported["frame-skippable"] = struct.pack("<II", 0x184D2A50, 4) + b"skip" + whole
unsupported["frame-with-dictionary"] = frame(header(), dictionary=True) + stream(record(), end())
unsupported["frame-window-16-MiB"] = frame(header(), window=16 << 20) + stream(record(), end())
unsupported["frame-segment-16-MiB"] = frame(header(), claim=16 << 20) + stream(record(), end())
unsupported["frame-content-3-GiB"] = stream(header()) + frame(record(), claim=3 << 30,
                                                              window=1 << 20)
unsupported["frame-gzip"] = b"\x1f\x8b\x08" + bytes(7) + zlib.compress(whole)[2:-4]
unsupported["dtype-float8"] = stream(header({"a": {"dtype": "F8_E5M2", "shape": []}}), end(0, 0))
unsupported["dimensions-9"] = one(record(tensors=[rows()[0], ("h", "F32", [1] * 9, f32(0))]))
unsupported["columns-dimensions-8"] = stream(
    header({"a": {"dtype": "U8", "shape": [1] * 8}}), end(0, 0))
unsupported["header-over-1-MiB"] = one(raw("{}", length=(1 << 20) + 8))
unsupported["weights-float8.safetensors"] = document(
    None, [("w", "F8_E4M3", [1], b"\0")])

# What zstd 1.5.4 makes of header(), record(), a record of 4096 rows of zeros, and END, at level 19.
COMPRESSED = (
    "28b52ffd24a08d03007287181a806d0e3338e229f2a5cb31a1d5ca5e28bbf0a0d1620bc4444efd4130e7e754"
    "8681389a2f9b4ac20dfcb26f61205ffdf66445f795fa75ce575e0fa35741d27276d85415b999eb5de43c6717"
    "ae7fdc54848d9260d4f152df1a47761cfbb576095c010400401e4aa18935af19401b0db2d42628b52ffd24d8"
    "150400c2c7191ca039070fffff9dad11bb6bb296dd4d84d446670064ebcd08faefda646dda6dd16e5b606b75"
    "4b60a678098472ae8e290e8cfea47126497376cbe847099579fec08af7a37c2872a88f2ce77af5fea40e94ca"
    "d1c8787ef0be8c741eeabf072944208dcc7b87560a0900e0605c765b25177063560ee142d32e31ebc53d0c60"
    "01bbce496028b52ffd64c8ff4504003207191da03907ffff3fb743b0b525377f3711fa0b31a759f77ba92390"
    "003c93010cdcfb1a1b86d6ab173b98f77d4523166b95ccba2ccffb3543094964eafb4243ee3e6964a56cdeb7"
    "5a285275774679e87c3fb83b9db65e728730da28a39d0e8497989999790a0c00fc7f9c761042103c0cbae12b"
    "fe5a4d7fa1f998bbb05a6a94602e46f6815206ac5844e328b52ffd2440cd010062c30b11b0eb24f6c6039225"
    "310321c990a553ea9031de1c51de620f27cf37660b357bf8789e551fe655d72dafeba47a084c020075096500"
    "6d68ea42a5")
good["compressed"] = bytes.fromhex("".join(COMPRESSED))

# Seeds of the fuzz targets: documents, and lists of them that tests/fuzz/stream.c puts into frames.
documents = {"header": header(plan=PLAN, run=[{"tool": "x"}], dataset={"images": 2}),
             "record": record(), "end": end(), "weights": good["weights.safetensors"],
             "two-parts": record(0, 0, 1, 2), "escapes": raw('{"\\u00e9\\n":{"dtype":"BOOL","shape":[],'
                                                             '"data_offsets":[0,1]}}', b"\1")}


def listed(*parts):
    return b"\1" + b"".join(struct.pack(">H", len(p)) + p for p in parts)


lists = {"one": listed(header(plan=PLAN), record(), end()),
         "parts": listed(header(), record(0, 0, 0, 2), record(0, 0, 1, 2), end(2, 4)),
         "twice": listed(header(), end(0, 0), header(), record(), end()),
         "ragged": listed(header(RAGGED), record(tensors=[
             ("name", "U8", [3], b"abc"), ("id", "I64", [2], i64(0, 1)),
             ("name.offsets", "I64", [3], i64(0, 1, 3))]), end()),
         "varying": listed(header(VARYING), record(tensors=pictures([2, 1, 3])),
                           record(1, tensors=pictures([2, 2, 3])), end(2, 4))}

here = os.path.dirname(os.path.abspath(__file__))
seeds = os.path.join(here, "../../tests/fuzz/corpus")
for folder, inputs in (("safetensors", documents), ("stream", lists)):
    os.makedirs(os.path.join(seeds, folder), exist_ok=True)
    for name, content in inputs.items():
        with open(os.path.join(seeds, folder, name), "wb") as out:
            out.write(content)
for folder, vectors in (("good", good), ("bad", bad), ("unsupported", unsupported)):
    shutil.rmtree(os.path.join(here, folder), ignore_errors=True)
    os.mkdir(os.path.join(here, folder))
    for name, content in vectors.items():
        name += "" if "." in name.replace("1.1", "") else ".stream"
        with open(os.path.join(here, folder, name), "wb") as out:
            out.write(content)
