"""Which level of containment a grading gets, and what a contained submission can read."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from . import containment
from .containment.strength import Level

CACHE = "GRADER_REFERENCE_CACHE"
"""The environment variable that names the folder in which the reference's answers are kept."""
LEVELS = tuple(level.value for level in Level)
_STRENGTH = {Level.NONE: 0, Level.REDUCED: 1, Level.FULL: 2}
_DISTRIBUTION = "distributed-learning-kit"
KIT = Path(__file__).resolve().parent.parent


class IsolationError(RuntimeError):
    """The machine does not offer the level that is needed; the message says what is missing and what to do."""

    outcome = "machine"


def choose_level(asked: str | None, *, hidden: bool, machine: containment.Machine | None = None) -> Level:
    """The level for a grading: the one that is asked for, else full for hidden checks and none for a student's own checks.

    Raises IsolationError if the machine does not offer it.
    """
    level = Level(asked) if asked is not None else Level.FULL if hidden else Level.NONE
    if level is Level.NONE:
        return level
    machine = machine or containment.probe()
    if _STRENGTH[machine.level] < _STRENGTH[level]:
        raise IsolationError(_explain(level, machine, given=asked is not None))
    return level


def make_view(packages: Collection[str], home: Path, folders: Iterable[Path] = ()) -> containment.View:
    """What a submission can read: Python and what is installed with it, these packages of the homework and no others, and these folders of data.

    home: the homework's folder, of which only `packages` can be read
    Raises IsolationError if a package does not exist.
    """
    # By their place: a homework elsewhere may have packages of the same names.
    hidden = [KIT / name for name in _list_own_packages() if name not in packages and (KIT / name).exists()]
    try:
        view = containment.python_view(packages)
    except ModuleNotFoundError as error:
        raise IsolationError(f"{error} Install the kit: pip install -e .") from error
    # The kit's own folder is hidden too: it may lie below one that is readable, such as /usr/src.
    kit = () if KIT.name in ("site-packages", "dist-packages") else (KIT,)
    return view + containment.View(
        tuple(Path(os.path.realpath(folder)) for folder in folders),
        tuple(dict.fromkeys((*hidden, *kit, home, *_list_answers()))),
    )


def _list_answers() -> list[Path]:
    """The folder in which the reference's answers are kept, if there is one, wherever it lies."""
    folder = os.environ.get(CACHE)
    return [Path(os.path.realpath(folder))] if folder and Path(folder).is_dir() else []


def check_view(view: containment.View, level: Level) -> None:
    """Raise IsolationError if root's containers, which have users of their own, could not read what they have to."""
    if level is Level.NONE or containment.probe().own_uids is None:
        return
    try:
        containment.check_open(view.readable, with_parents=level is Level.REDUCED)
    except containment.ContainmentError as error:
        raise IsolationError(str(error)) from error


def _list_own_packages() -> list[str]:
    """The packages that were installed with this one, and so could lie among those that are readable."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        listed = distribution(_DISTRIBUTION).read_text("top_level.txt") or ""
    except PackageNotFoundError:
        listed = ""
    return sorted({*listed.split(), __name__.partition(".")[0]})


def _explain(level: Level, machine: containment.Machine, *, given: bool) -> str:
    """One line: what is missing, the command that would install it, and what else can be done."""
    reason = "was asked for" if given else "is needed to run submissions under the hidden checks"
    missing = [
        layer for layer in machine.layers if not layer.present and layer.remedy and layer.name != "cgroup"
    ]
    first = f" {missing[0].name}: {missing[0].detail}. To have it: {missing[0].remedy}." if missing else ""
    others = " or ".join(
        f"--isolation {other}" for other in LEVELS if _STRENGTH[Level(other)] <= _STRENGTH[machine.level]
    )
    return (
        f"Isolation {level.value!r} {reason}, but this machine offers {machine.level.value!r}.{first} "
        f"`grader doctor` says more. For code that you trust, {others} accepts less."
    )
