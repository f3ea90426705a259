"""What a grading machine needs besides containment: packages that submissions usually import, compiled, and the data set."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path

from .homework import Homework
from .packages import find_missing, list_usual
from .reference import ReferenceProcess


def format_packages() -> str:
    """Which of the packages that submissions usually import are missing, and the command that installs them."""
    missing = [found for name in list_usual() if (found := find_missing(name)) is not None]
    if not missing:
        return "Packages: those that submissions usually import are installed"
    names = " ".join(each.distribution for each in missing)
    return (
        f"Packages: {', '.join(each.module for each in missing)} missing; what submissions do with them is passed over\n"
        f"       to have them: pip install {names}"
    )


def format_bytecode(homework: Homework) -> str:
    """Which libraries of the homework nobody has compiled, and the command that does; empty if there are none.

    pip compiles what it installs, uv does not, and a contained kernel can't write what it has compiled.
    """
    specs = {name: find_spec(name) for name in homework.libraries}
    missing = {
        name: Path(spec.origin).parents[1 if spec.submodule_search_locations else 0]
        for name, spec in specs.items()
        if spec is not None and spec.origin and spec.cached and not Path(spec.cached).exists()
    }
    if not missing:
        return ""
    folders = " ".join(shlex.quote(str(folder)) for folder in dict.fromkeys(missing.values()))
    return (
        f"Bytecode: none of {', '.join(missing)}; every contained kernel compiles again what it imports, which takes seconds\n"
        f"       to have it: python -m compileall -qq -j 0 {folders}"
    )


def format_data(homework: Homework) -> str:
    """The data set that submissions of this homework are graded on, or why there is none; empty if it needs none."""
    if homework.data is None:
        return ""
    reference = ReferenceProcess(homework, homework.public)
    try:
        facts = reference.answer(homework.data.describe, {"name": ""})
    except (ValueError, RuntimeError, OSError, ImportError) as error:
        return f"Data set: none ({error})\n       to have one: set {homework.data.variable}, or install what is missing"
    finally:
        reference.close()
    return f"Data set: {facts['dataset']} in {facts['folder']} (chosen by {homework.data.variable})"
