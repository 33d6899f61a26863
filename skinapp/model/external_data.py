"""Which other files an ONNX file takes tensors from, read from its protobuf structure alone.

That takes 20 ms for our largest file; importing onnx for it would add 110 ms to every start.

Refuses what isn't such a structure. Field numbers are those of onnx.proto, which never change.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

TENSOR, SPARSE, GRAPH, ENTRY = "TensorProto", "SparseTensorProto", "GraphProto", "StringStringEntryProto"
INNER = {
    "ModelProto": {7: GRAPH, 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: GRAPH, 2: GRAPH},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    GRAPH: {1: "NodeProto", 5: TENSOR, 15: SPARSE},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {5: TENSOR, 6: GRAPH, 10: TENSOR, 11: GRAPH, 22: SPARSE, 23: SPARSE},
    SPARSE: {1: TENSOR, 2: TENSOR},
    TENSOR: {13: ENTRY},
}
"""The messages in a message that can lead to a tensor, by their fields; the last one says where a tensor's data are."""
KEY, VALUE = 1, 2
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
"""Wire types; the others, of groups, occur in no ONNX file."""

Span = tuple[int, int]
"""Where something begins and ends in a file."""


def locations(path: Path) -> set[str]:
    """The files that tensors of an ONNX file lie in, as it names them; ValueError where it can't be read as one."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        names, pending = set[str](), [("ModelProto", (0, len(content)))]
        while pending:
            kind, span = pending.pop()
            if kind == ENTRY:
                names |= _location(content, span)
            else:
                pending += [(INNER[kind][field], inner) for field, inner in _fields(content, span) if field in INNER[kind]]
        return names


def _location(content: mmap.mmap, span: Span) -> set[str]:
    """The values of an entry, if it is about a location."""
    pairs = [(field, content[slice(*inner)]) for field, inner in _fields(content, span)]
    return {value.decode() for field, value in pairs if field == VALUE} if (KEY, b"location") in pairs else set()


def _fields(content: mmap.mmap, span: Span) -> Iterator[tuple[int, Span]]:
    """A message's fields that have a length, with where they lie."""
    offset, end = span
    while offset < end:
        tag, offset = _varint(content, offset)
        wire_type, length = tag & 7, 0
        if wire_type == VARINT:
            _, offset = _varint(content, offset)
        elif wire_type in (FIXED_32, FIXED_64):
            length = 4 if wire_type == FIXED_32 else 8
        elif wire_type == BYTES:
            length, offset = _varint(content, offset)
        else:
            raise ValueError(f"wire type {wire_type} at byte {offset}")
        if offset + length > end:
            raise ValueError(f"a field ends at byte {offset + length}, behind its message's end at {end}")
        if wire_type == BYTES:
            yield tag >> 3, (offset, offset + length)
        offset += length


def _varint(content: mmap.mmap, offset: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where it ends."""
    value = 0
    for shift, byte in enumerate(content[offset : offset + 10]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, offset + shift + 1
    raise ValueError(f"no number at byte {offset}")
