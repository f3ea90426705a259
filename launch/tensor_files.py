"""Reads the whole tensors that workers wrote: safetensors files, checked before a byte of them is trusted.

The layout (https://github.com/huggingface/safetensors#format) is eight bytes of length, a JSON header and the
raw values. Reading it runs nothing, whoever wrote it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .events import printable
from .journal import open_plain

HEADER_LIMIT = 4_000_000  # bytes
LARGEST = 2**31  # numbers in a tensor; also where one of its sides is 0, and it has none
ITEM_SIZES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}


@dataclass(frozen=True)
class Raw:
    """A tensor as bytes: little-endian, row by row. `numpy.frombuffer` and `torch.frombuffer` take `data`."""

    dtype: str  # a key of ITEM_SIZES
    shape: tuple[int, ...]
    data: bytes


def read(folder: Path, name: str, limit_bytes: int) -> dict[str, Raw]:
    """The tensors of one file of the events folder, by name.

    Raises ValueError for anything else than a well-formed plain file of at most `limit_bytes`, wherever its name
    leads.
    """
    if "/" in name or name.startswith("."):
        raise ValueError(f"{name!r} is not the name of a file in the events folder")
    descriptor = open_plain(folder / name)
    if descriptor is None:
        raise ValueError(f"{name} is not a plain file")
    with os.fdopen(descriptor, "rb") as file:
        is_too_long = os.fstat(descriptor).st_size > limit_bytes
        content = b"" if is_too_long else file.read(limit_bytes + 1)
    if is_too_long or len(content) > limit_bytes:
        raise ValueError(f"{name} has more than {limit_bytes:,} bytes")
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(HEADER_LIMIT, len(content) - 8):
        raise ValueError(f"{name} has no header")
    values = memoryview(content)[8 + length :]
    header = _header(content[8 : 8 + length])
    _check_places(header.values(), len(values))
    return {printable(key): _raw(entry, values) for key, entry in header.items()}


def _check_places(entries: Iterable[Any], count: int) -> None:
    """Raise ValueError unless each byte belongs to one tensor: before any is copied, for a short file could hold long tensors that overlap."""
    places = sorted(_read_place(entry) for entry in entries)
    ends = [0, *(end for _, end in places)]
    if [start for start, _ in places] != ends[:-1] or ends[-1] != count:
        raise ValueError("tensors that overlap, or bytes that belong to none")


def _read_place(entry: Any) -> tuple[int, int]:
    """Where a tensor's bytes begin and end, for an entry that is well formed."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError("an entry of the header has other fields")
    offsets = entry["data_offsets"]
    if not _whole_numbers(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError("a place that is not made of two whole numbers")
    return offsets[0], offsets[1]


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(header, dict):
        raise ValueError("the header is not an object")
    header.pop("__metadata__", None)
    return header


def _raw(entry: Any, values: memoryview) -> Raw:
    """One entry of the header with its bytes, if they fit each other."""
    start, end = _read_place(entry)
    dtype, shape = entry["dtype"], entry["shape"]
    if not isinstance(dtype, str) or dtype not in ITEM_SIZES:
        raise ValueError("an unknown type")
    if not _whole_numbers(shape) or math.prod(max(1, side) for side in shape) > LARGEST:
        raise ValueError("a shape that is not made of whole numbers, or is too large")
    if end > len(values) or math.prod(shape) * ITEM_SIZES[dtype] != end - start:
        raise ValueError("a shape that does not fit its bytes")
    return Raw(dtype, tuple(shape), bytes(values[start:end]))


def _whole_numbers(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) < 20 and all(type(item) is int and item >= 0 for item in value)
    )
