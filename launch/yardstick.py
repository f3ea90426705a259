"""What a run can be compared with: a module that `homework.toml` names. The launcher itself knows none.

The module has STEPS, how many steps it looks at, and describe(report), what it has to say of a run in which gradients,
parameters and tokens of these steps were written whole.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from .command import ScriptError
from .run import Dump
from .run_report import RunReport

FILE = "homework.toml"
KIT = Path(__file__).resolve().parents[1]


DUMP: tuple[Dump, ...] = ("gradients", "parameters", "tokens")


class Yardstick(NamedTuple):
    """The module, and the folder of the homework that names it."""

    module: str
    folder: Path


@dataclass(frozen=True)
class RunComparison:
    """Says how a run compares, of which `dump` was written whole in the first `steps` steps."""

    steps: int
    describe: Callable[[RunReport], str]
    dump: tuple[Dump, ...] = DUMP

    def tell(self, report: RunReport, *, keep: bool) -> str:
        """What there is to say of a run. Unless it is to be kept, what was written for this, often gigabytes, is deleted."""
        try:
            return self.describe(report)
        finally:
            for file in () if keep else report.events_dir.glob("*.safetensors"):
                file.unlink()


def find_yardstick(place: Path) -> Yardstick | None:
    """What the homework names in whose folder one stands, else the kit's; None where it names nothing.

    Raises ScriptError if its homework.toml can't be read.
    """
    for folder in (place, *place.parents, KIT):
        if (folder / FILE).is_file():
            try:
                content = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
            except ValueError as error:
                raise ScriptError(f"{folder / FILE} can't be read: {error}.") from error
            module = content.get("scripts", {}).get("comparison", "")
            return Yardstick(module, folder) if module else None
    return None


def load_comparison(yardstick: Yardstick | None) -> RunComparison:
    """Raises ScriptError if there is nothing to compare with."""
    if yardstick is None:
        raise ScriptError(
            "--compare is not possible: homework.toml names no `comparison` in [scripts]. Leave it out; gradients are looked at when you "
            "have handed in."
        )
    if str(yardstick.folder) not in sys.path:
        sys.path.insert(0, str(yardstick.folder))
    try:
        module = import_module(yardstick.module)
    except ModuleNotFoundError as error:
        raise ScriptError(
            f"--compare is not possible: {yardstick.folder / FILE} names {yardstick.module}, which can't be imported ({error}). "
            "Correct the line `comparison` there."
        ) from error
    return RunComparison(module.STEPS, module.describe)
