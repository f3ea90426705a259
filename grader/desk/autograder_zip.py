"""An autograder for Gradescope's machines: what students get, and two scripts that Gradescope runs.

By default it has the public checks: in Gradescope's containers bubblewrap probably does not work, and then a submission can read all that lies
beside it. Hidden checks are an option; they refuse to run where a submission is not contained.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ..homework import Homework
from .release import ReleaseError, check_leaks, list_below, list_files

SCRIPTS = Path(__file__).parent / "autograder"
DEFAULT_MINUTES, MOST_MINUTES = 10, 40  # Gradescope's
DEFAULT_MEMORY_MIB = 768
_SPARE_S = 30  # to write the results before Gradescope ends everything
_OWN_MIB = 1024  # the grader and the reference, beside the submission
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)

Visibility = Literal["visible", "hidden", "after_due_date", "after_published"]


@dataclass(frozen=True)
class AutograderSettings:
    """How it grades. minutes: the time that Gradescope gives a submission; data_set: None for the homework's own"""

    is_hidden: bool = False
    visibility: Visibility = "visible"
    minutes: int = DEFAULT_MINUTES
    grading_seed: int | None = None
    data_set: str | None = None


def build_autograder(homework: Homework, out: Path, settings: AutograderSettings) -> int:
    """Write the zip; returns how many files are in it. Raises ReleaseError or OSError."""
    if out.exists():
        raise ReleaseError(f"{out} exists already; name another place, or remove it.")
    files = _list_kit(homework, settings)
    with zipfile.ZipFile(out, "x", zipfile.ZIP_DEFLATED) as archive:
        for name in ("setup.sh", "run_autograder", "autograder_run.py"):
            _add(archive, name, (SCRIPTS / name).read_bytes(), 0o755)
        _add(archive, "autograder.json", json.dumps(_to_json(homework, settings), indent=1).encode())
        _add(archive, "packages.txt", b"bubblewrap" if settings.is_hidden else b"")
        for place, path in sorted(files.items()):
            _add(archive, f"kit/{place}", path.read_bytes())
    return len(files) + 5


def describe_limits(homework: Homework, settings: AutograderSettings) -> Iterator[str]:
    """What is to be set at Gradescope before the first submission."""
    needed = homework.kernel.memory_mib + _OWN_MIB
    if needed > DEFAULT_MEMORY_MIB:
        yield (
            f"Memory: a submission may use {homework.kernel.memory_mib:,} MiB (homework.toml) and the grader about {_OWN_MIB:,}; "
            f"Gradescope's container has {DEFAULT_MEMORY_MIB} MB and half a CPU unless you choose a larger one."
        )
    allowed_s = homework.kernel.submission_timeout_s
    if allowed_s > settings.minutes * 60:
        yield (
            f"Time: a submission may compute for {allowed_s / 60:.0f} minutes (homework.toml), but is ended after {settings.minutes}. "
            f"Gradescope allows {DEFAULT_MINUTES} unless you set more, at most {MOST_MINUTES}: --minutes N says what you have set."
        )
    yield "Image: Python 3.11 or newer is needed; building it takes minutes and several GB, since PyTorch is installed."
    if settings.is_hidden:
        yield (
            "Hidden checks and the solutions are in the zip. They run only where submissions are fully contained (bubblewrap); "
            "where they are not, nothing is run, and the results say so. Try one submission before you publish."
        )


def _list_kit(homework: Homework, settings: AutograderSettings) -> Mapping[PurePosixPath, Path]:
    release = homework.release
    if release is None:
        raise ReleaseError(
            f"{homework.folder / 'homework.toml'} has no [release], which says what students get; an autograder begins with that."
        )
    files = dict(list_files(homework, release))
    check_leaks(homework, release, files)
    if not settings.is_hidden:
        return files
    modules = [name.partition(".")[0] for name in homework.hidden.reference]
    roots = [homework.hidden.checks]
    roots += [name if (homework.folder / name).is_dir() else f"{name}.py" for name in modules]
    roots += [
        name for name in ("pyproject.toml", "tox.ini", "README.md") if (homework.folder / name).is_file()
    ]
    for root in dict.fromkeys(roots):
        for path in list_below(homework.folder, root):
            files[PurePosixPath(path.relative_to(homework.folder).as_posix())] = path
    return files


def _to_json(homework: Homework, settings: AutograderSettings) -> dict[str, object]:
    arguments = [] if settings.is_hidden else ["--public"]
    if settings.grading_seed is not None:
        arguments.append(f"--grading-seed={settings.grading_seed}")
    environment = {}
    if settings.data_set is not None and homework.data is not None:
        environment[homework.data.variable] = settings.data_set
    return {
        "arguments": arguments,
        "environment": environment,
        "timeout_s": settings.minutes * 60 - _SPARE_S,
        "visibility": settings.visibility,
    }


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int = 0o644) -> None:
    info = zipfile.ZipInfo(name, _ZIP_DATE)
    info.create_system, info.external_attr = 3, mode << 16
    archive.writestr(info, content, zipfile.ZIP_DEFLATED)
