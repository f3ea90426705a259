"""Finds scripts that have other names than the homework gives them: a shell script belongs to the program that it starts.

An exercise is known by what its scripts' names begin with, such as b1. In order of strength, what tells it:

1. the name of one of the two: `b1.sh` starts `src/`, `run.sh` starts `b1.py`;
2. a folder or file named after it: `part/b1/run.sh`, `start_b1.sh`;
3. an argument: `python train.py b1 $rank`; one shell script may so belong to several exercises;
4. the only number in a path: `task 1/run.sh`;
5. the marks of the program's content, then those of the shell script's (homework.toml).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .names import show

_READ_BYTES = 1 << 20
SHELLS = (".sh", ".bash", ".zsh", ".ksh", ".command", ".slurm", ".sbatch")
BATCHES = (".bat", ".cmd")  # taken where there is no shell script: they say the same
_STARTS = re.compile(r"\b(?:python[\w.]*|py|torchrun|run)(?:\.exe)?[\"']?\s+([^\n;&|]+)")
_ARGUMENT = re.compile(r"\$\{?[1@*]")  # what the script itself was started with
_WORD = re.compile(r"[^\s\"'`;&|<>()=]+")


@dataclass(frozen=True)
class Starter:
    """A shell script and a program that it starts.

    common: the innermost folder that holds all scripts; the names above it say nothing of an exercise
    """

    shell: Path
    program: Path
    common: Path

    @cached_property
    def text(self) -> str:
        return _read_code(self.shell)

    @cached_property
    def program_text(self) -> str:
        return _read_code(self.program)

    @cached_property
    def arguments(self) -> str:
        """What programs are started with, a line for each start."""
        return "\n".join(_STARTS.findall(self.text))

    def place(self, path: Path) -> str:
        return path.relative_to(self.common).as_posix()


@dataclass
class Pairing:
    """The scripts of a submission by the names that the homework gives them, as far as they are known.

    folder: the submission's
    names: of all scripts; those of one exercise differ in their suffix only
    marks: by such a name, a regular expression that matches its content and not that of the others
    """

    folder: Path
    names: Sequence[str]
    marks: Mapping[str, str]
    scripts: dict[str, Path]
    notes: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def exercises(self) -> list[str]:
        return list(dict.fromkeys(Path(name).stem for name in self.names))

    def names_of(self, exercise: str) -> tuple[str | None, str | None]:
        """Its shell script's and its program's."""
        own = [name for name in self.names if Path(name).stem == exercise]
        shell = next((name for name in own if Path(name).suffix in SHELLS), None)
        return shell, next((name for name in own if name != shell), None)

    def add_starters(self, files: Sequence[Path]) -> None:
        """Take each exercise's shell script and program from pairs of which one starts the other."""
        shells = [path for path in files if path.suffix.lower() in SHELLS + BATCHES]
        code = [path for path in files if path in shells or path.suffix.lower() == ".py"]
        common = Path(os.path.commonpath([path.parent for path in code])) if code else self.folder
        starters = [Starter(shell, each, common) for shell in shells for each in find_started(shell, files)]
        counts = Counter(starter.program for starter in starters if starter.shell.suffix.lower() in SHELLS)
        claims = {each: self.find_exercises(each, shared=counts[each.program] > 1) for each in starters}
        for exercise in self.exercises:
            shell, program = self.names_of(exercise)
            own = [starter for starter, claimed in claims.items() if exercise in claimed]
            if shell and shell not in self.scripts and own:
                self._take(
                    shell, [each.shell for each in own], "it starts {}", [each.program for each in own]
                )
            own = [each for each in own if shell and each.shell == self.scripts.get(shell)]
            if program and program not in self.scripts and own:
                self._take(
                    program, [each.program for each in own], "{} starts it", [each.shell for each in own]
                )

    def find_exercises(self, starter: Starter, *, shared: bool) -> set[str]:
        """The exercises that a pair belongs to; none where nothing tells it. `shared`: other scripts start this program too."""
        shell, program = starter.place(starter.shell), starter.place(starter.program)
        hints: list[tuple[bool, Callable[[str], bool]]] = [
            (True, lambda each: self._is_known(each, starter)),
            (False, lambda each: _names(each, shell)),
            (False, lambda each: _names(each, program)),
            (True, lambda each: _names(each, starter.arguments)),
            (
                True,
                lambda each: bool(_ARGUMENT.search(starter.arguments)) and _names(each, starter.program_text),
            ),
            (False, lambda each: _numbers(each) == _numbers(shell)),
            (False, lambda each: _numbers(each) == _numbers(program)),
            (
                False,
                lambda each: not shared and self._has_marks(self.names_of(each)[1], starter.program_text),
            ),
            (False, lambda each: self._has_marks(self.names_of(each)[0], starter.text)),
        ]
        for several, tells in hints:
            told = {exercise for exercise in self.exercises if tells(exercise)}
            if len(told) == 1 or (several and told):
                return told
        return set()

    def _is_known(self, exercise: str, starter: Starter) -> bool:
        shell, program = self.names_of(exercise)
        return starter.shell == self.scripts.get(shell or "") or starter.program == self.scripts.get(
            program or ""
        )

    def _has_marks(self, name: str | None, text: str) -> bool:
        return name is not None and name in self.marks and re.search(self.marks[name], text) is not None

    def _take(self, name: str, options: Sequence[Path], why: str, others: Sequence[Path]) -> None:
        """Take the only option; where a shell script stands beside a batch file, or one script beside the program, that one."""
        best = list(dict.fromkeys(options))
        best = [path for path in best if path.suffix.lower() not in BATCHES] or best
        near = [
            path
            for path, other in zip(options, others, strict=True)
            if path in best and path.parent == other.parent
        ]
        best = list(dict.fromkeys(near)) if len(best) > 1 and near else best
        shown = [show(path.relative_to(self.folder).as_posix()) for path in best]
        if len(best) > 1:
            self.problems[name] = f"{', '.join(shown)} could each be {name}. Hand in one of them, as {name}."
            return
        self.scripts[name] = best[0]
        other = show(others[options.index(best[0])].relative_to(self.folder).as_posix())
        self.notes.append(f"{shown[0]} was taken as {name}: {why.format(other)}.")

    def add_by_content(self, files: Iterable[Path]) -> None:
        """Take the only other file of the same kind that has a script's marks, or one that asks for the exercise by name."""
        others = [path for path in files if path not in self.scripts.values()]
        for name in self.names:
            if name in self.scripts or name in self.problems or name not in self.marks:
                continue
            kind = [path for path in others if path.suffix == Path(name).suffix]
            fitting = [path for path in kind if self._has_marks(name, _read_text(path))]
            if len(fitting) == 1:
                self.scripts[name] = fitting[0]
                shown = show(fitting[0].relative_to(self.folder).as_posix())
                self.notes.append(f"{shown} was taken as {name}, by its content: no file has that name.")
        for name in self.names:
            serving = [
                path for path in self.scripts.values() if path.suffix == ".py" and self._serves_all(path)
            ]
            if name not in self.scripts and name.endswith(".py") and serving:
                self.scripts[name] = serving[0]
                shown = serving[0].relative_to(self.folder).as_posix()
                self.notes.append(f"{shown} was taken as {name} too: it speaks of each exercise by name.")

    def _serves_all(self, program: Path) -> bool:
        """Whether every exercise's name stands in quotation marks in a program."""
        text = _read_code(program)
        return all(re.search(rf"[\"']{re.escape(each)}[\"']", text, re.IGNORECASE) for each in self.exercises)


def find_started(shell: Path, files: Sequence[Path]) -> list[Path]:
    """The programs that a shell script starts: files, modules (-m) and folders with a __main__.py."""
    programs = [path for path in files if path.suffix.lower() == ".py"]
    text = _read_code(shell)
    starts = [_WORD.findall(line) for line in _STARTS.findall(text)]
    named = [[word] for word in _WORD.findall(text) if word.endswith(".py")]  # SCRIPT=b1.py; python "$SCRIPT"
    for commands in (starts, named):
        found = [next(_find_programs(words, shell.parent, programs), None) for words in commands]
        if any(found):
            return list(dict.fromkeys(path for path in found if path))
    return []


def _find_programs(words: Iterable[str], folder: Path, programs: Sequence[Path]) -> Iterator[Path]:
    found = (_find_program(word.replace("\\", "/"), folder, programs) for word in words)
    return (path for path in found if path is not None)


def _find_program(word: str, folder: Path, programs: Sequence[Path]) -> Path | None:
    """The program that a word of a command means: the one nearest to the script, of those whose path ends so."""
    stem = re.sub(r"^(\.{1,2}/|~/|/|\$\{?\w+\}?/)+", "", word).rstrip("/")
    if word.endswith(".py"):
        endings = [stem]
    elif re.fullmatch(r"[\w./-]*\w", stem) and not stem.isdecimal():
        path = stem if "/" in word else stem.replace(".", "/")
        endings = [f"{path}/__main__.py", f"{path}.py"]
    elif word in (".", "./"):
        endings = [f"{folder.name}/__main__.py"]
    else:
        return None
    fitting = [
        path for path in programs if any(f"/{path.as_posix()}".endswith(f"/{each}") for each in endings)
    ]
    if not fitting and word.endswith(".py"):
        fitting = [path for path in programs if path.name == Path(stem).name]
    distance = {path: len(Path(os.path.relpath(path, folder)).parts) for path in fitting}
    return min(fitting, key=lambda path: distance[path], default=None)


def _names(exercise: str, text: str) -> bool:
    """Whether a text names an exercise, as a word or a part of one: `b1`, `run_b1.sh`, `PART-B1`."""
    return (
        re.search(rf"(?<![a-z0-9]){re.escape(exercise.lower())}(?![a-z0-9])", text.lower().replace("_", " "))
        is not None
    )


def _numbers(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"\d{1,4}", text)}


def _read_text(path: Path) -> str:
    return path.read_bytes()[:_READ_BYTES].decode(errors="replace")


def _read_code(path: Path) -> str:
    """A script without the lines that are comments."""
    comment = re.compile(r"\s*(rem\b|::|#)", re.IGNORECASE)
    return "\n".join(line for line in _read_text(path).splitlines() if not comment.match(line))
