"""Packs archives for tests, honest and hostile ones."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from grader.intake import HandIn

Files = Mapping[str, bytes]
Handing = Callable[..., HandIn]  # what the fixture `hand_in` is


def notebook(*, title: str = "", **tagged: str) -> bytes:
    """Return a notebook with a cell for each tag."""
    cells: list[dict[str, Any]] = [{"cell_type": "markdown", "metadata": {}, "source": title}]
    for tag, source in tagged.items():
        cells.append(
            {"cell_type": "code", "metadata": {"tags": [tag]}, "source": source.splitlines(keepends=True)}
        )
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def zip_bytes(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tar_bytes(files: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def seven_zip_bytes(files: Files, **options: Any) -> bytes:
    import py7zr

    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return buffer.getvalue()


PACKERS: dict[str, Callable[[Files], bytes]] = {
    "zip": zip_bytes,
    "tar": tar_bytes,
    "tar.gz": lambda files: gzip.compress(tar_bytes(files)),
    "tar.bz2": lambda files: bz2.compress(tar_bytes(files)),
    "tar.xz": lambda files: lzma.compress(tar_bytes(files)),
    "7z": seven_zip_bytes,
}


def zip_member(name: str, *, mode: int = 0, content: bytes = b"x") -> bytes:
    """Return a zip archive with one member of any name and file type."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename, info.external_attr, info.create_system = name, mode << 16, 3
        archive.writestr(info, content)
    return buffer.getvalue()


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> bytes:
    """Return a tar archive with one empty member of any name and type, and an honest notebook."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        archive.addfile(member)
        honest = notebook()
        member = tarfile.TarInfo("honest.ipynb")
        member.size = len(honest)
        archive.addfile(member, io.BytesIO(honest))
    return buffer.getvalue()


def write(folder: Path, files: Files) -> Path:
    """Write files below a folder and return it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
