"""What both `pytest -fpath` and `grader grade` understand: one table of options for both, and refusals in one line before anything is graded."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .homework import Homework, HomeworkError
from .isolation import LEVELS

MAX_SEED = 2**32 - 1  # what every random generator takes


MISUNDERSTOOD = "Nothing was graded: the command was not understood, and said why."


class OptionError(ValueError):
    """What was asked for can't be done; the message is one line for the person who asked."""


def read_seed(text: str) -> int:
    """A grading seed, as the type of an option. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) > MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed: give a whole number from 0 to {MAX_SEED}")
    return int(text)


def _read_path(text: str) -> Path:
    """A path that means the same in a process that works in another folder."""
    return Path(text).absolute()


@dataclass(frozen=True)
class Option:
    """An option of both commands, with what `add_argument` takes besides its name."""

    name: str
    help: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def attribute(self) -> str:
        return self.name.lstrip("-").replace("-", "_")


OPTIONS = (
    Option(
        "--homework",
        "the folder with homework.toml; default: the current one or the nearest above it, else the kit's own",
        {"type": _read_path, "metavar": "FOLDER"},
    ),
    Option("--json", "write the results in Gradescope's format", {"type": _read_path, "metavar": "FILE"}),
    Option("--html", "write the results as a page for people", {"type": _read_path, "metavar": "FILE"}),
    Option(
        "--grading-seed",
        "decides what the hidden checks ask; the same seed gives the same grade",
        {"type": read_seed, "metavar": "N"},
    ),
    Option("--exercise", "grade only these exercises", {"metavar": "ID,…"}),
    Option("--steps", "how many training steps the scripts are to make", {"type": int, "metavar": "N"}),
    Option(
        "--execute",
        "run only the cells that grading needs (default), or all",
        {"choices": ("needed", "all"), "default": "needed"},
    ),
    Option(
        "--isolation",
        "how well to contain the submission; default: full for hidden checks, none for public ones",
        {"choices": LEVELS},
    ),
)


def add_options(add: Callable[..., Any]) -> None:
    """Declare all options, by a parser's `add_argument` or pytest's `addoption`."""
    for option in OPTIONS:
        add(option.name, help=option.help, **option.settings)


def list_arguments(options: Any) -> Iterator[str]:
    """The options that were given, as arguments for another command."""
    for option in OPTIONS:
        value = getattr(options, option.attribute)
        if value is not None:
            yield f"{option.name}={value}"


def check_reports(options: Any) -> None:
    """Complain now about a report that can't be written where it was asked for, not after minutes of grading. Raises OptionError."""
    for name in ("json", "html"):
        path: Path | None = getattr(options, name)
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise OptionError(f"--{name} {path}: name a file in a folder that exists.")


def read_exercises(text: str | None, homework: Homework, notebook: bool, scripts: bool) -> set[str] | None:
    """The exercises that `--exercise` names; None for all of them.

    notebook, scripts: what there is to grade
    Raises OptionError if a name is unknown, if none is given, or if an exercise is graded from what was not handed in.
    """
    if text is None:
        return None
    wanted = {part.strip() for part in text.split(",") if part.strip()}
    if not wanted:
        raise OptionError(f"--exercise {text!r} names no exercise; write, for example, --exercise A1.1,A2.1.")
    for name in sorted(wanted):
        try:
            needs_scripts = bool(homework.find_exercise(name).files)
        except HomeworkError as error:  # homework.toml is right, and the option is not
            raise OptionError(str(error)) from error
        if not (scripts if needs_scripts else notebook):
            source = (
                "scripts: give a folder or an archive with them" if needs_scripts else "a notebook: give one"
            )
            raise OptionError(f"{name} is graded from {source}.")
    return wanted


def leave_out_absent(text: str | None, homework: Homework, notebook: bool, scripts: bool) -> str | None:
    """`--exercise` without those whose part was not handed in, as long as any are left: they must not keep the others from being graded.

    Raises OptionError like `read_exercises`.
    """
    wanted = read_exercises(text, homework, notebook=True, scripts=True) or set()
    left = [name for name in sorted(wanted) if (scripts if homework.find_exercise(name).files else notebook)]
    return ",".join(left) if left else text


def join_paths(arguments: Sequence[str]) -> list[str]:
    """pytest's arguments, with `-fpath X` and `-fpath=X` as `--fpath=X`: pytest reserves options with one dash for itself.

    Raises OptionError if there is no path.
    """
    joined = []
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-fpath", "--fpath", "--scripts"):
            path = next(rest, None)
            if path is None:
                kind = (
                    "folder: pytest --scripts ."
                    if "scripts" in argument
                    else "notebook: pytest -fpath my_notebook.ipynb"
                )
                raise OptionError(f"{argument} needs the path of a {kind}")
            argument = f"--{argument.lstrip('-')}={path}"
        elif argument.startswith("-fpath="):
            argument = f"-{argument}"
        elif argument == "--homework":
            argument = f"--homework={next(rest, '')}"
        joined.append(argument)
    return joined


def require_fpath(arguments: Sequence[str]) -> None:
    """Raises OptionError if a notebook is named as if it were a test, unless another plugin takes it for one (`--nbval`, `--nbmake`)."""
    if any(argument.startswith(("--fpath=", "--nb")) for argument in arguments):
        return
    named = [each for each in arguments if each.endswith(".ipynb") and not each.startswith("-")]
    if named:
        path = f'"{named[0]}"' if " " in named[0] else named[0]
        raise OptionError(f"A notebook is checked with -fpath before it; type: pytest -fpath {path}")


def find_value(arguments: Sequence[str], name: str) -> str | None:
    """The value of an option that is given as NAME=VALUE; the last one counts."""
    values = [argument.partition("=")[2] for argument in arguments if argument.startswith(f"{name}=")]
    return values[-1] if values else None


def find_results(arguments: Sequence[str]) -> Path | None:
    """Where a command that could not be understood was to write its results."""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument.startswith("--json=") or (argument == "--json" and following):
            return Path(argument.partition("=")[2] or following)
    return None
