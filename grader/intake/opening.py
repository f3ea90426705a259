"""Opens whatever a student handed in: a notebook, a folder or an archive.

1. What was handed in is put into a clean folder: copied, or unpacked by a process of its own.
2. So are the archives in it, one level deep, within the same limits: a notebook and a zip file of the scripts is what many hand in.
3. In the clean folder it is found what is to be graded (`locate`).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic

import msgspec

from .. import display
from .archives import find_reader, is_archive
from .locate import Expected, locate
from .names import IntakeError, Kind, UnpackingError, classify, clean, is_too_long, listed, show
from .sink import MIB, IntakeLimits, Sink, Tally

_PACKAGE = Path(__file__).resolve().parent
_SENTENCE_CHARACTERS = 600
_KILLED = 9  # SIGKILL, by which no limit of the process ends it
_MOST_INNER = 10  # archives in a submission that are opened
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
    name: str = ""
    """What its owner calls it; the folder's own name means nothing."""

    def require_notebook(self) -> Path:
        """Return the notebook. Raises IntakeError with the reason if there is none."""
        if self.notebook is None:
            raise IntakeError(self.problems["notebook"])
        return self.notebook

    def list_graded(self) -> list[Path]:
        """The files that are graded."""
        return [*filter(None, [self.notebook]), *self.scripts.values()]

    def write(self, path: Path) -> None:
        """Note in a file where everything is, for another process."""
        path.write_bytes(msgspec.json.encode(self, enc_hook=str))


def read_hand_in(path: Path) -> HandIn:
    """What `HandIn.write` has noted."""
    return msgspec.json.decode(path.read_bytes(), type=HandIn, dec_hook=lambda kind, text: kind(text))


def open_hand_in(
    path: Path,
    workdir: Path,
    limits: IntakeLimits | None = None,
    expected: Expected | None = None,
    passed_over: Collection[Path] = (),
) -> HandIn:
    """Take a submission in, below ``workdir``, and find in it what is to be graded.

    passed_over: files of a folder that are taken for absent
    Nothing in it is run, and nothing in it can change how grading runs. Raises IntakeError, and leaves nothing
    behind, if it cannot be taken in or holds neither a notebook nor a script.
    """
    expected = expected or Expected()
    with _fresh_folder(workdir) as folder:
        try:
            opening = _Opening(folder, limits or IntakeLimits(), expected.reserved, passed_over)
            opening.take_in(path)
            opening.open_inner()
            found = locate(folder, expected)
        except UnpackingError:
            raise
        except IntakeError as error:
            raise IntakeError(_safe(str(error))) from None
        if found.notebook is None and not found.scripts:
            raise IntakeError(_safe(" ".join([found.problems["notebook"], *opening.notes])))
    return HandIn(
        folder,
        found.notebook,
        found.scripts,
        tuple(_safe(note) for note in (*opening.notes, *found.notes)),
        {name: _safe(problem) for name, problem in found.problems.items()},
        _safe(path.name),
    )


class _Opening:
    """Puts a submission into a folder. `notes`: what was unpacked, left out and set aside."""

    def __init__(
        self, folder: Path, limits: IntakeLimits, reserved: Collection[str], passed_over: Collection[Path]
    ) -> None:
        self._passed_over = {path.absolute() for path in passed_over}
        self._folder, self._limits, self._reserved = folder, limits, tuple(reserved)
        self._tally = Tally()
        self._ends_at = monotonic() + limits.time_s
        self.notes: list[str] = []

    def take_in(self, path: Path) -> None:
        """Copy or unpack what was handed in. Raises IntakeError."""
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise IntakeError(
                f"{path} cannot be read: {error.strerror}. Name a notebook, a folder or an archive."
            ) from None
        if stat.S_ISDIR(mode):
            only = _only_file(path)
            if only is None or find_reader(only) is None:
                return self._copy_folder(path)
            self.notes.append(f"{show(only.name)}, the only file there, was unpacked.")
            return self._unpack(only)
        if not stat.S_ISREG(mode):
            raise IntakeError(
                f"{path} is neither a file nor a folder. Name a notebook, a folder or an archive."
            )
        if path.stat().st_size == 0:
            raise IntakeError(f"{show(path.name)} is empty. Save your notebook and hand it in again.")
        if find_reader(path) is not None:
            return self._unpack(path)
        return self._copy_file(path)

    def open_inner(self) -> None:
        """Unpack the archives in the folder, each into a folder of its name. One that can't be opened stays as it is, and costs nothing else."""
        only = _only_file(self._folder)
        if only is not None and is_archive(only.name):
            self._open_inner(only)  # a platform's wrapper around one archive is no level of its own
        found = [path for path in _list_files(self._folder) if _is_packed(path) and path != only]
        for path in found[:_MOST_INNER]:
            self._open_inner(path)
        if len(found) > _MOST_INNER:
            more = [show(self._name(path)) for path in found[_MOST_INNER:]]
            self.notes.append(f"Not opened: {listed(more)}. At most {_MOST_INNER} archives are.")

    def _open_inner(self, path: Path) -> None:
        name = show(self._name(path))
        with tempfile.TemporaryDirectory(dir=self._folder.parent) as aside:
            archive = path.rename(Path(aside, "archive"))
            try:
                if find_reader(archive) is None:
                    raise IntakeError("It is not an archive that can be read here (zip, tar, 7z).")
                self._unpack(archive, path.relative_to(self._folder).parts)
            except UnpackingError:  # nobody knows what is in it
                raise
            except IntakeError as error:
                shutil.rmtree(path, ignore_errors=True)
                archive.rename(path)
                self.notes.append(f"{name} could not be opened. {error}")
            else:
                self.notes.append(f"{name} was unpacked." if path.exists() else f"{name} is empty.")

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _copy_folder(self, path: Path) -> None:
        sink = Sink(self._folder, self._limits, self._reserved, self._tally)
        for name, entry in _walk(path, ""):
            if Path(entry.path).absolute() in self._passed_over:
                continue
            if entry.is_symlink():
                sink.leave_out(name, "a link")
            elif entry.is_dir():
                sink.leave_out(name, "too deeply nested")
            elif not entry.is_file(follow_symlinks=False):
                sink.leave_out(name, "not a regular file")
            else:
                # Opened such that an entry that has meanwhile become a link or a FIFO is neither followed nor waited for.
                handle = os.open(
                    entry.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                )
                with os.fdopen(handle, "rb") as source:
                    sink.add(name, source)
        self.notes += sink.notes

    def _copy_file(self, path: Path) -> None:
        name = path.name
        with path.open("rb") as source:
            start = source.read(4096).lstrip()
            if not name.lower().endswith((".ipynb", ".py")):
                if not start.startswith(b"{"):
                    raise IntakeError(
                        f"{show(name)} is neither a notebook nor an archive that can be read here (zip, tar, 7z). "
                        "Hand in the .ipynb file, or a zip file."
                    )
                name = f"{name}.ipynb" if ".ipynb" not in name.lower() else name
            source.seek(0)
            sink = Sink(self._folder, self._limits, (), self._tally)
            sink.add(name, source)
        self.notes += sink.notes

    def _unpack(self, path: Path, inside: Sequence[str] = ()) -> None:
        """Unpack an archive in a process of its own, into the folders `inside`. Raises IntakeError."""
        limits = self._limits
        if path.stat().st_size > limits.archive_bytes:
            raise IntakeError(
                f"It is larger than {limits.archive_bytes // MIB:,} MiB. "
                "Hand in only your notebook and scripts, without saved models and data sets."
            )
        orders = {"archive": str(path.resolve()), "folder": str(self._folder), "limits": asdict(limits)}
        orders |= {"reserved": self._reserved, "tally": asdict(self._tally), "inside": inside}
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-c", _PROGRAM, str(_PACKAGE)],
                input=json.dumps(orders),
                capture_output=True,
                text=True,
                timeout=max(0.0, self._ends_at - monotonic()),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise IntakeError(f"Unpacking it takes longer than {limits.time_s} s. {_SIMPLER}") from None
        if done.returncode == -_KILLED:
            raise UnpackingError(
                "Unpacking it was broken off: the process was killed by this machine or a person. Grade the submission again.",
                "interrupted",
            )
        if done.returncode != 0:
            if done.returncode > 0 and "MemoryError" not in done.stderr:
                raise RuntimeError(f"unpacking {path} failed: {done.stderr[-2000:]}")
            raise IntakeError(f"Unpacking it takes too much memory or time. {_SIMPLER}")
        answer = json.loads(done.stdout)
        if "machine" in answer:
            raise UnpackingError(answer["machine"], "machine")
        if "error" in answer:
            raise IntakeError(answer["error"])
        self._tally = Tally(**answer["tally"])
        self.notes += answer["notes"]


def _only_file(folder: Path) -> Path | None:
    """The only file of a folder that holds nothing else, at whatever depth: this is how course systems pass archives on."""
    while True:
        entries = [path for path in folder.iterdir() if classify((path.name,), ())[0] is not Kind.LITTER]
        if len(entries) != 1 or entries[0].is_symlink():
            return None
        if entries[0].is_file():
            return entries[0]
        if not entries[0].is_dir():
            return None
        folder = entries[0]


def _is_packed(path: Path) -> bool:
    """Whether a file is to be unpacked: an archive, or what has a notebook's name and is one."""
    return is_archive(path.name) or (path.suffix.lower() == ".ipynb" and find_reader(path) is not None)


def _list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below a folder but its folders; a folder that lies too deep is not entered."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False) and not is_too_long(clean(name)):
                yield from _walk(Path(entry.path), f"{name}/")
            else:
                yield name, entry


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
