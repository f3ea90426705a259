"""How a script is started: a shell script by bash, a Python script in the way that its own text expects."""

from __future__ import annotations

import ast
import enum
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .batch_file import translate
from .shell_text import mend

SCRIPT_LIMIT = 2_000_000  # bytes
BATCHES = (".bat", ".cmd")


class Style(enum.StrEnum):
    """How a script becomes ranks."""

    SHELL = "shell"  # it starts the ranks itself
    ARGUMENT = "argument"  # one process per rank, `python b1.py RANK`
    ENVIRONMENT = "environment"  # one process per rank, as torchrun does: RANK, WORLD_SIZE, MASTER_ADDR, …
    ONCE = "once"  # one process, which spawns the ranks or is the only one


@dataclass(frozen=True)
class Command:
    """What to execute, and what had to be put right for it.

    text: what is run in place of the script's own text, from a file `script` in the control folder; empty if that runs
    """

    arguments: list[str]
    style: Style
    notes: tuple[str, ...] = ()
    text: str = ""


class ScriptError(Exception):
    """The script cannot be started at all; the message says why and what to do."""


def command(script: Path, ranks: int, style: Style | None = None, arguments: Sequence[str] = ()) -> Command:
    """The command line for a script, with arguments before a rank. Raises ScriptError for one that is missing, empty or not text."""
    text = read_script(script)
    if script.suffix.lower() in BATCHES:
        return _batch(script, text, arguments)
    if style is None:
        style = style_of_python(text) if is_python(script, text) else Style.SHELL
    if style is Style.SHELL:
        return _shell(script, text, arguments)
    return Command(_python(script, ranks, style, arguments), style)


def read_script(script: Path) -> str:
    """The text of a script. Raises ScriptError for one that is missing, empty or not text."""
    if not script.is_file():
        raise ScriptError(
            f"{script} is not there; a shell script or a Python file was expected. Check name and folder."
        )
    if script.stat().st_size > SCRIPT_LIMIT:
        raise ScriptError(
            f"{script} has {script.stat().st_size:,} bytes; a script of at most {SCRIPT_LIMIT:,} was "
            "expected. Is it a data file?"
        )
    raw = script.read_bytes()
    if b"\0" in raw:
        raise ScriptError(f"{script} is not a text file; a script was expected. Save it as UTF-8 text.")
    text = raw.decode("utf-8", "replace")
    if not text.strip("\ufeff \t\r\n"):
        raise ScriptError(f"{script} is empty; it was expected to start every rank and wait. Was it saved?")
    return text


def is_python(script: Path, text: str) -> bool:
    """Whether a script is Python: by its first line, else by its name."""
    first = text.removeprefix("\ufeff").partition("\n")[0]
    if first.startswith("#!"):
        return "python" in first
    return script.suffix == ".py"


def style_of_python(text: str) -> Style:
    """How a Python script expects to be started, by the names that it uses.

    >>> style_of_python("import os; rank = int(os.environ['RANK'])").value
    'environment'
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Style.ARGUMENT  # the interpreter will say what is wrong with it
    names, texts = set(), set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name):
                names.add(name.rpartition(".")[2])
            case ast.Constant(value=str(value)):
                texts.add(value)
            case _:
                pass
    if names & {"spawn", "start_processes", "Process", "ProcessPoolExecutor"}:
        return Style.ONCE
    if names & {"argv", "ArgumentParser", "argparse"}:
        return Style.ARGUMENT
    if texts & {"RANK", "LOCAL_RANK"} or {"init_process_group"} <= names:
        return Style.ENVIRONMENT
    return Style.ONCE


def _shell(script: Path, text: str, arguments: Sequence[str]) -> Command:
    """bash runs a script by name: no run bit is needed."""
    mended, notes = mend(text)
    if mended == text:
        return Command([_bash(), str(script), *arguments], Style.SHELL)
    return _evaluated(script, mended, arguments, [f"{script.name} {note}" for note in notes])


def _batch(script: Path, text: str, arguments: Sequence[str]) -> Command:
    shell, left_out = translate(text)
    mended, notes = mend(shell)
    notes = [f"{script.name} {note}" for note in notes]
    notes += [f"{script.name}: `{line[:100]}` was left out." for line in left_out[:5]]
    first = f"{script.name} is a batch file of Windows; what it starts was started here in the same way."
    return _evaluated(script, mended, arguments, [first, *notes])


def _evaluated(script: Path, text: str, arguments: Sequence[str], notes: Sequence[str]) -> Command:
    """Another text than the script's own, which keeps the script's name, folder and line numbers."""
    evaluation = 'eval "$(cat "$LAUNCH_CONTROL/script")"'
    return Command([_bash(), "-c", evaluation, str(script), *arguments], Style.SHELL, tuple(notes), text)


def _bash() -> str:
    return shutil.which("bash") or "/bin/sh"


def _python(script: Path, ranks: int, style: Style, arguments: Sequence[str]) -> list[str]:
    if style is Style.ONCE:
        return ["python", str(script), *arguments]
    name = shlex.join([str(script), *arguments])
    before = ""
    argument = '"$rank"'
    if style is Style.ENVIRONMENT:
        argument = ""
        before = f'RANK="$rank" LOCAL_RANK="$rank" WORLD_SIZE={ranks} LOCAL_WORLD_SIZE={ranks} '
    numbers = " ".join(str(rank) for rank in range(ranks))
    loop = f"for rank in {numbers}; do {before}python {name} {argument} & done; wait"
    return [shutil.which("sh") or "/bin/sh", "-c", loop]


def environment(
    hook: Path, control: Path, events: Path, *, ranks: int, steps: int, extra: dict[str, str]
) -> dict[str, str]:
    """The environment of a script: the caller's own, with what instruments it. `extra` is added last but one.

    Address and port of the rendezvous have defaults, so that a script need not choose; a script that does is
    translated anyway. Threads are limited because ranks share the machine's processors.
    """
    values = dict(os.environ)
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "PYTHONSTARTUP", "PYTHONHOME"):
        values.pop(name, None)
    values.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT="29500",
        LAB_STEPS=str(steps),
        PYTHONIOENCODING="utf-8",
        PYTHONDONTWRITEBYTECODE="1",
        OMP_NUM_THREADS=str(max(1, (os.cpu_count() or 1) // ranks)),
    )
    values.update(extra)
    path = [str(control / "bin"), str(Path(sys.executable).parent), values.get("PATH", os.defpath)]
    values["PATH"] = os.pathsep.join(path)
    values["LAUNCH_PROGRAMS"] = os.pathsep.join(path[:2])
    for name in (
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
    ):  # some scripts start only in an environment that is activated
        values.setdefault(name, sys.prefix)
    values.setdefault("CONDA_DEFAULT_ENV", Path(sys.prefix).name)
    values["BASH_ENV"] = str(hook.parent / "prelude.bash")
    inherited = values.get("PYTHONPATH")
    values["PYTHONPATH"] = os.pathsep.join([str(hook), *([inherited] if inherited else [])])
    values["LAUNCH_CONTROL"] = str(control)
    values["LAUNCH_EVENTS"] = str(events)
    return values
