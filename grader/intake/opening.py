"""Opens whatever a student handed in: a notebook, a folder or an archive."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .. import display
from .archives import find_reader
from .locate import Expected, locate
from .names import IntakeError, Kind, classify, clean
from .sink import MIB, IntakeLimits, Sink

_PACKAGE = Path(__file__).resolve().parent
_SENTENCE_CHARACTERS = 600
# Imports this package's modules without the packages around them, which would load the whole grader into each process.
_PROGRAM = """
import sys, types
sys.modules["intake"] = types.ModuleType("intake")
sys.modules["intake"].__path__ = [sys.argv[1]]
from intake.unpack import main
main()
"""


@dataclass(frozen=True)
class HandIn:
    """What was handed in, in a clean folder of its own."""

    folder: Path
    notebook: Path | None
    scripts: dict[str, Path] = field(default_factory=dict)
    """By the name that the homework gives them."""
    notes: tuple[str, ...] = ()
    """What was chosen and what was set aside, one sentence each, safe to show."""
    problems: dict[str, str] = field(default_factory=dict)
    """By ``"notebook"`` or a script's name: why it is absent, safe to show."""

    def require_notebook(self) -> Path:
        """Return the notebook. Raises IntakeError with the reason if there is none."""
        if self.notebook is None:
            raise IntakeError(self.problems["notebook"])
        return self.notebook


def open_hand_in(
    path: Path, workdir: Path, limits: IntakeLimits | None = None, expected: Expected | None = None
) -> HandIn:
    """Take a submission in, below ``workdir``, and find in it what is to be graded.

    Nothing in it is run, and nothing in it can change how grading runs. Raises IntakeError, and leaves nothing
    behind, if it cannot be taken in or holds neither a notebook nor a script.
    """
    limits, expected = limits or IntakeLimits(), expected or Expected()
    with _fresh_folder(workdir) as folder:
        try:
            notes = _take_in(path, folder, limits, expected)
            found = locate(folder, expected)
        except IntakeError as error:
            raise IntakeError(_safe(str(error))) from None
        if found.notebook is None and not found.scripts:
            raise IntakeError(_safe(found.problems["notebook"]))
    return HandIn(
        folder,
        found.notebook,
        found.scripts,
        tuple(_safe(note) for note in (*notes, *found.notes)),
        {name: _safe(problem) for name, problem in found.problems.items()},
    )


def _take_in(path: Path, folder: Path, limits: IntakeLimits, expected: Expected) -> list[str]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise IntakeError(
            f"{path} cannot be read: {error.strerror}. Name a notebook, a folder or an archive."
        ) from None
    if stat.S_ISDIR(mode):
        only = _only_file(path)
        if only is not None and find_reader(only) is not None:
            return [
                f"{only.name}, the only file there, was unpacked.",
                *_unpack(only, folder, limits, expected),
            ]
        return _copy_folder(path, folder, limits, expected)
    if not stat.S_ISREG(mode):
        raise IntakeError(f"{path} is neither a file nor a folder. Name a notebook, a folder or an archive.")
    if path.stat().st_size == 0:
        raise IntakeError(f"{path.name} is empty. Save your notebook and hand it in again.")
    if find_reader(path) is not None:
        return _unpack(path, folder, limits, expected)
    return _copy_file(path, folder, limits)


def _copy_folder(path: Path, folder: Path, limits: IntakeLimits, expected: Expected) -> list[str]:
    sink = Sink(folder, limits, expected.reserved)
    for name, entry in _walk(path, ""):
        if entry.is_symlink():
            sink.leave_out(name, "a link")
        elif not entry.is_file(follow_symlinks=False):
            sink.leave_out(name, "not a regular file")
        else:
            # Opened such that an entry that has meanwhile become a link or a FIFO is neither followed nor waited for.
            handle = os.open(
                entry.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            )
            with os.fdopen(handle, "rb") as source:
                sink.add(name, source)
    return sink.notes


def _only_file(folder: Path) -> Path | None:
    """Return the only file of a folder that holds nothing else: this is how course systems pass archives on."""
    entries = [path for path in folder.iterdir() if classify((path.name,), ())[0] is not Kind.LITTER]
    return entries[0] if len(entries) == 1 and not entries[0].is_symlink() and entries[0].is_file() else None


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    clean(prefix)  # refuses what is nested too deeply
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
            else:
                yield prefix + entry.name, entry


def _copy_file(path: Path, folder: Path, limits: IntakeLimits) -> list[str]:
    name = path.name
    with path.open("rb") as source:
        start = source.read(4096).lstrip()
        if not name.lower().endswith((".ipynb", ".py")):
            if not start.startswith(b"{"):
                raise IntakeError(
                    f"{name} is neither a notebook nor an archive that can be read here (zip, tar, 7z). "
                    "Hand in the .ipynb file, or a zip file."
                )
            name = f"{name}.ipynb" if ".ipynb" not in name.lower() else name
        source.seek(0)
        sink = Sink(folder, limits, ())
        sink.add(name, source)
    return sink.notes


def _unpack(path: Path, folder: Path, limits: IntakeLimits, expected: Expected) -> list[str]:
    """Unpack an archive in a process of its own."""
    if path.stat().st_size > limits.archive_bytes:
        raise IntakeError(
            f"{path.name} is larger than {limits.archive_bytes // MIB:,} MiB. "
            "Hand in only your notebook and scripts, without saved models and data sets."
        )
    orders = {"archive": str(path.resolve()), "folder": str(folder), "limits": asdict(limits)}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROGRAM, str(_PACKAGE)],
            input=json.dumps({**orders, "reserved": list(expected.reserved)}),
            capture_output=True,
            text=True,
            timeout=limits.time_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise IntakeError(f"Unpacking it takes longer than {limits.time_s} s. {_SIMPLER}") from None
    if done.returncode != 0:
        if done.returncode > 0 and "MemoryError" not in done.stderr:
            raise RuntimeError(f"unpacking {path} failed: {done.stderr[-2000:]}")
        raise IntakeError(f"Unpacking it takes too much memory or time. {_SIMPLER}")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise IntakeError(answer["error"])
    return list(answer["notes"])


_SIMPLER = "Pack only your notebook and scripts, as an ordinary zip file, and hand it in again."


@contextmanager
def _fresh_folder(workdir: Path) -> Iterator[Path]:
    """Make a private folder, and remove it if anything goes wrong, Ctrl-C included."""
    workdir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="submission-", dir=workdir))
    try:
        yield folder
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise IntakeError(f"The disk of {workdir} is full. Make room and try again.") from error
        raise


def _safe(sentence: str) -> str:
    return display.plain(sentence, max_characters=_SENTENCE_CHARACTERS, one_line=True)
