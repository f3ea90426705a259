"""What a grading machine needs besides containment: packages that submissions usually import, and the data set."""

from __future__ import annotations

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
