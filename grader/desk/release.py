"""What students are given: one folder or zip, built from a list of what may be in it, and refused if anything secret is.

1. List the files that `[release]` of `homework.toml` names, and nothing else; the handout and the starters twice, since students write into
   them, and checks compare what they have written with what it was.
2. Look for what is secret among them: by place, and by content.
3. Write them, each under its own name or the one that `[release]` gives it; zips of one day are the same on every machine.
"""

from __future__ import annotations

import ast
import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

from ..homework import HANDED_OUT, Homework, Release
from ..notebook import NotebookError, read_notebook
from ..pack import write_zip
from .fingerprints import fingerprint, read_decimals, read_tokens

FEWEST_FINGERPRINTS = 15  # of a passage: a shorter one is in many texts by chance
SHARE = (
    0.8  # of a passage's fingerprints, found in one file: what was only written alike shares less than 0.7
)
DECIMALS_IN_A_ROW = 6
_FIGURES = {".json", ".csv", ".md"}  # where results stand; a program's decimals are its defaults
_BUILT = {"__pycache__", ".ipynb_checkpoints", ".DS_Store"}


class ReleaseError(ValueError):
    """A bundle can't be built; the message is a few lines for the person who builds it."""


@dataclass(frozen=True)
class Leak:
    """A passage of a secret file that stands in a file of the bundle."""

    file: str
    line: int
    secret: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} holds what stands in {self.secret}"


def list_files(homework: Homework, release: Release) -> dict[PurePosixPath, Path]:
    """The files of the bundle: the name in it -> where it is taken from.

    Raises ReleaseError if a named file is missing, or secret by its place.
    """
    found: dict[PurePosixPath, Path] = {}
    for name in release.files:
        for path in list_below(homework.folder, name):
            found[PurePosixPath(path.relative_to(homework.folder).as_posix())] = path
    for name in release.without:
        for path in list_below(homework.folder, name):
            found.pop(PurePosixPath(path.relative_to(homework.folder).as_posix()), None)
    given = [homework.handout_file] + [homework.starters] * bool(homework.starters)
    for place in list(found):
        if any(place.is_relative_to(each) for each in given):
            found[PurePosixPath(HANDED_OUT, place)] = found[place]
    for name, source in release.placed.items():
        (found[PurePosixPath(name)],) = list_below(homework.folder, source)
    kept = (*release.secret, *release.withheld)
    secret = {path for name in kept for path in list_below(homework.folder, name)}
    if given := sorted(str(name) for name, path in found.items() if path in secret):
        raise ReleaseError(
            f"{given[0]} is to be kept back by [release] of homework.toml, which also lists it among what students get."
        )
    return found


def list_below(folder: Path, name: str) -> list[Path]:
    """A file, or all files of a folder but what tools have built there. Raises ReleaseError if there is none."""
    place = folder / name
    if not place.exists():
        raise ReleaseError(f"[release] of {folder / 'homework.toml'} names {name}, which does not exist.")
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    return [path for path in files if not _BUILT.intersection(path.parts)]


def find_leaks(files: Mapping[str, Path], secrets: Iterable[tuple[str, Path]]) -> list[Leak]:
    """Where a file holds a passage of a secret one: a function or a class, or a row of figures."""
    texts = {name: read_text(path) for name, path in files.items()}
    code = {name: fingerprint(read_tokens(text)) for name, text in texts.items()}
    figures = {name: fingerprint(read_decimals(text), DECIMALS_IN_A_ROW, 1) for name, text in texts.items()}
    leaks: dict[tuple[str, str], Leak] = {}
    for secret, path in secrets:
        text = read_text(path)
        for line, passage in list_passages(path, text):
            marks = fingerprint(read_tokens(passage)).keys()
            for name, found in code.items():
                shared = [found[mark] for mark in marks if mark in found]
                if len(marks) >= FEWEST_FINGERPRINTS and len(shared) >= SHARE * len(marks):
                    leaks.setdefault((name, secret), Leak(name, min(shared), f"{secret}:{line}"))
        rows = fingerprint(read_decimals(text), DECIMALS_IN_A_ROW, 1) if path.suffix in _FIGURES else {}
        for name, found in figures.items():
            if shared_rows := rows.keys() & found.keys():
                mark = min(shared_rows, key=lambda each: found[each])
                leaks.setdefault((name, secret), Leak(name, found[mark], f"{secret}:{rows[mark]}"))
    return list(leaks.values())


def read_text(path: Path) -> str:
    """The text of a file; of a notebook its cells' sources, one after the other."""
    if path.suffix == ".ipynb":
        with contextlib.suppress(NotebookError):  # what can't be read as a notebook is read as a text
            return "\n".join(cell.source for cell in read_notebook(path).cells)
    return path.read_bytes().decode("utf-8", "replace")


def list_passages(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """The functions and classes of a program, each with the line where it begins; no passages of what is no program."""
    if path.suffix != ".py":
        return
    try:
        program = ast.parse(text)
    except SyntaxError:  # as in tests of what students hand in
        return
    lines = text.splitlines()
    for node in ast.walk(program):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.lineno, "\n".join(lines[node.lineno - 1 : node.end_lineno])


def build(homework: Homework, out: Path, day: date | None = None) -> list[PurePosixPath]:
    """Write the bundle into a folder that does not exist yet, or into a zip; returns its files.

    day: that of the files in a zip, which a student's file browser shows; default: today
    Raises ReleaseError if the homework says nothing of a bundle, if `out` is taken, if the handout does not say where to hand in, or if
    anything secret would be given away.
    """
    release = homework.release
    if release is None:
        raise ReleaseError(
            f"{homework.folder / 'homework.toml'} has no [release], which says what students get."
        )
    if out.exists():
        raise ReleaseError(f"{out} exists already; name another place, or remove it.")
    if release.platform not in read_text(homework.folder / homework.handout_file):
        raise ReleaseError(
            f"{homework.handout_file} does not name {release.platform}, where students hand in by [release] of homework.toml; name it there."
        )
    files = list_files(homework, release)
    check_leaks(homework, release, files)
    if out.suffix == ".zip":
        day = day or date.today()
        named = {PurePosixPath(release.name, name): path for name, path in files.items()}
        write_zip(named, out, day=(day.year, day.month, day.day))
    else:
        _write_folder(files, out)
    return sorted(files)


def check_leaks(homework: Homework, release: Release, files: Mapping[PurePosixPath, Path]) -> None:
    """Raises ReleaseError if anything secret would be given away with these files."""
    secrets = [
        (path.relative_to(homework.folder).as_posix(), path)
        for name in release.secret
        for path in list_below(homework.folder, name)
    ]
    leaks = find_leaks({str(name): path for name, path in files.items()}, secrets)
    if leaks:
        shown = "\n".join(f"  {leak}" for leak in leaks[:10])
        raise ReleaseError(f"Nothing was built, since it would give away what is secret:\n{shown}")


def _write_folder(files: Mapping[PurePosixPath, Path], out: Path) -> None:
    for name, path in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, out / name)
