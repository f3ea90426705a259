"""Packs the archives of `archives.toml`."""

from __future__ import annotations

import bz2
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from cases import HONEST_CASE, aim

KINDS = {"block": tarfile.BLKTYPE, "char": tarfile.CHRTYPE, "fifo": tarfile.FIFOTYPE}


@dataclass(frozen=True)
class ArchiveCase:
    name: str
    pack: str
    members: list[dict[str, Any]] = field(default_factory=list)
    notebook: str = ""
    alone: bool = False
    under: str = ""
    cut: int = 0
    refused: str = ""
    says: str = ""
    quick: bool = False

    def write(self, folder: Path, targets: dict[str, str]) -> Path:
        """The archive, in a file."""
        content = (_pack_zip if self.pack == "zip" else _pack_tar)(list(self._list_members(targets)))
        packed = {"tar.xz": lzma.compress, "tar.bz2": bz2.compress}.get(self.pack, bytes)(content)
        path = folder / f"homework.{self.pack}"
        path.write_bytes(packed[: self.cut] if self.cut else packed)
        return path

    def _list_members(self, targets: dict[str, str]) -> Iterator[dict[str, Any]]:
        for member in self.members:
            aimed = {
                key: aim(value, targets) if isinstance(value, str) else value for key, value in member.items()
            }
            aimed["name"] = "folder/" * aimed.pop("deep", 0) + aimed["name"]
            for number in range(aimed.pop("copies", 1)):
                yield {**aimed, "name": aimed["name"] + (f"-{number}" if number else "")}
        if not self.alone:
            yield {"name": f"{self.under}honest.ipynb", "text": NOTEBOOKS[self.notebook]()}


def _read(member: dict[str, Any]) -> bytes:
    if "zeros" in member:
        return bytes(member["zeros"])
    if "zip_of" in member:
        return _pack_zip(member["zip_of"])
    if "zip_of_honest" in member:
        return _pack_zip([{"name": "honest.ipynb", "text": _honest()}])
    return str(member.get("text", "")).encode()


def _pack_zip(members: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member in members:
            info = zipfile.ZipInfo("placeholder")
            info.filename, info.compress_type = member["name"], zipfile.ZIP_DEFLATED
            archive.writestr(info, _read(member))
    return buffer.getvalue()


def _pack_tar(members: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            info = tarfile.TarInfo(member["name"])
            content = _read(member)
            if "link" in member:
                info.type, info.linkname = tarfile.SYMTYPE, member["link"]
            elif "hard_link" in member:
                info.type, info.linkname = tarfile.LNKTYPE, member["hard_link"]
            elif "kind" in member:
                info.type = KINDS[member["kind"]]
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _honest() -> str:
    return str(nbformat.writes(HONEST_CASE.make_notebook({})))


def _with_kernelspec() -> str:
    notebook = HONEST_CASE.make_notebook({})
    notebook.metadata["kernelspec"] = {"name": "evil", "display_name": "sh -c 'touch x'", "language": "bash"}
    notebook.metadata["language_info"] = {"name": "bash"}
    return str(nbformat.writes(notebook))


def _with_many_cells() -> str:
    notebook = json.loads(_honest())
    notebook["cells"] += [{"cell_type": "code", "metadata": {}, "source": "1", "outputs": []}] * 50_000
    return json.dumps(notebook)


def _with_large_output() -> str:
    notebook = json.loads(_honest())
    notebook["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 200_000_000}]
    return json.dumps(notebook)


def _with_odd_json() -> str:
    return '{"nbformat": 4, "metadata": {"n": ' + "9" * 10_000 + "}, " + '"cells": ' + "[" * 50_000


NOTEBOOKS: dict[str, Callable[[], str]] = {
    "": _honest,
    "kernelspec": _with_kernelspec,
    "many cells": _with_many_cells,
    "large output": _with_large_output,
    "odd json": _with_odd_json,
}
