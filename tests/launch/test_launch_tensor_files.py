"""Whole tensors from workers: read if well formed, refused otherwise."""

from __future__ import annotations

import json
import os
import struct

import pytest

from launch.tensor_files import Raw, read

GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
VALUES = struct.pack("<2f", 1.0, -2.0)


def file(header: object, values: bytes = VALUES, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + values


def test_a_tensor(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(file({"weight": GOOD}))
    assert read(tmp_path, "a.safetensors", 1000) == {"weight": Raw("F32", (2,), VALUES)}


def test_metadata_is_passed_over(tmp_path):
    (tmp_path / "a").write_bytes(file({"__metadata__": {"x": "y"}, "weight": GOOD}))
    assert list(read(tmp_path, "a", 1000)) == ["weight"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234567",
        file({"weight": GOOD}, length=2**63),
        file(b"{"),
        file(b"[" * 100_000),
        file([GOOD]),
        file({"weight": []}),
        file({"weight": {**GOOD, "more": 1}}),
        file({"weight": {**GOOD, "dtype": "F99"}}),
        file({"weight": {**GOOD, "dtype": ["F32"]}}),
        file({"weight": {**GOOD, "shape": [3]}}),
        file({"weight": {**GOOD, "shape": [-1, -2]}}),
        file({"weight": {**GOOD, "shape": [2.0]}}),
        file({"weight": {**GOOD, "shape": [1] * 50}}),
        file({"weight": {**GOOD, "data_offsets": [0, 16], "shape": [4]}}),
        file({"weight": {**GOOD, "data_offsets": [8, 0]}}),
        file({"weight": {**GOOD, "data_offsets": [0]}}),
        file({"weight": GOOD, "again": GOOD}),
        file({"weight": {**GOOD, "data_offsets": [4, 12]}}, VALUES + b"\0\0\0\0"),
        file({"weight": GOOD}, VALUES + b"\0"),
        file({"weight": {**GOOD, "shape": [2**40, 0], "data_offsets": [0, 0]}}, b""),
    ],
    ids=[
        "empty",
        "short",
        "giant header",
        "no JSON",
        "deep",
        "no object",
        "no entry",
        "another field",
        "unknown type",
        "type of a wrong type",
        "wrong shape",
        "negative shape",
        "broken shape",
        "long shape",
        "beyond the end",
        "backwards",
        "one offset",
        "overlap",
        "a hole",
        "left over",
        "a shape without bytes",
    ],
)
def test_what_is_no_tensor_file(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the reason
        read(tmp_path, "a", 1_000_000)


def test_a_file_beyond_the_limit(tmp_path):
    (tmp_path / "a").write_bytes(file({"weight": GOOD}))
    with pytest.raises(ValueError, match="more than 10 bytes"):
        read(tmp_path, "a", 10)


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", ".hidden"])
def test_names_that_lead_elsewhere(tmp_path, name):
    with pytest.raises(ValueError, match="not the name"):
        read(tmp_path, name, 1000)


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "a").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="plain"):
        read(tmp_path, "a", 10_000)


def test_a_long_file_is_not_read_at_all(tmp_path):
    path = tmp_path / "a"
    path.touch()
    os.truncate(path, 2**40)  # takes no room on disk, but would in memory
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        read(tmp_path, "a", 1000)
