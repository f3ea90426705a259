"""What a check asks of a submission. Every question either has a plain answer or fails the check with a sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn

from .causes import Cause, find_cause, find_missing_name, find_outer_class
from .cells import select_cells
from .containment import Level, View
from .execution import NO_INPUT, Answer, Session
from .explanation import read_cells
from .failure import MachineFailure, fail, withhold_numbers
from .handout import list_definitions
from .homework import Homework
from .kernel_side import TAMPERED
from .lacks import Lack, describe_note, find_lack
from .notebook import Cell, Notebook, find_conflict
from .observation import CodeError, Odd
from .own_files import OwnFiles
from .packages import find_alike, list_stand_ins
from .question import PLAIN, Question
from .remainder import list_names

# What input() raises where nobody is at the keyboard: in a cell, and in a function that is called later.
_INPUT_ERRORS = (NO_INPUT, "EOFError")

# That of an AttributeError; the name is the attribute's.
_NO_ATTRIBUTE = re.compile(r".* has no attribute '(\w+)'")
# What removes all globals.
_RESET = re.compile(r"%reset\b|run_line_magic\(\s*['\"]reset")
# The message of a ModuleNotFoundError.
_NO_MODULE = re.compile(r"No module named '(\w+)")


class Submission:
    """A notebook, and the kernel in which the cells that grading needs were run."""

    def __init__(
        self,
        notebook: Notebook,
        homework: Homework,
        environment: Mapping[str, str],
        execute_all: bool = False,
        level: Level = Level.NONE,
        view: View | None = None,
        own: OwnFiles | None = None,
    ) -> None:
        self.notebook = notebook
        self.homework = homework
        cells = (
            [cell for cell in notebook.cells if cell.is_code]
            if execute_all
            else select_cells(notebook, homework.tags)
        )
        view = view or View()
        environment = {**environment, "PYTHONPATH": _make_path(homework.folder, level)}
        self._session = Session(
            cells,
            homework.kernel,
            environment,
            homework.probes,
            level,
            view,
            list_stand_ins(),
            own or OwnFiles(),
        )
        self._hidden_modules = {name for path in view.hidden for name in _list_modules(path)}

    def warm_up(self) -> None:
        """Begin to start the kernel, before the data are known: `set_environment` has to be the next."""
        self._session.warm_up(self.homework.libraries)

    def set_environment(self, environment: Mapping[str, str]) -> None:
        """Say where the data are, before anything is asked."""
        self._session.set_environment(environment)

    def close(self) -> None:
        """End the kernel."""
        self._session.close()

    @property
    def tampering(self) -> list[str]:
        """Signs that the submission tampered with its grading, for a person to look at."""
        return list(self._session.tampering)

    @property
    def kills(self) -> int:
        """How many kernels were killed. It can't be seen whether by the submission, or by the system or a person."""
        return self._session.kills

    @property
    def notes(self) -> list[str]:
        """What was passed over because this machine does not have it, and cells of which only a part could be run."""
        lacking = [describe_note(kind, asked) for kind, asked in self._session.notes]
        return [note for note in (*lacking, *map(self._describe_stop, self._session.cells)) if note]

    def _describe_stop(self, cell: Cell) -> str:
        run = self._session.runs.get(cell.index)
        if run is None or run.outcome == "ok":
            return ""
        where = self._name_cell(cell)
        rest = " What does not need that was run all the same." if run.lost is not None else ""
        if run.outcome == "timeout":
            rest = " What it had defined by then was kept."
        return f"{where[0].upper()}{where[1:]} did not run to the end: {self._describe(run)}.{rest}"

    def flag(self, sign: str) -> None:
        """Note something that a person should look at; it costs no points."""
        self._session.tampering[sign] = None

    def require_cell(self, tag: str) -> Cell:
        """The code cell with `tag`; fails if there is not exactly one."""
        if (cell := self.notebook.find(tag)) is not None:
            return cell
        return self.notebook.require(tag, list_definitions(self.homework.handout.cells.get(tag, "")))

    def read_text(self, tag: str) -> str | None:
        """What was written in the cell with `tag`, of any kind, and right below; empty for the handout's placeholder, None without a cell."""
        written = read_cells(self.notebook, self.homework.handout, tag).text
        return written if written or any(tag in cell.tags for cell in self.notebook.cells) else None

    def call(
        self,
        tag: str,
        name: str,
        arguments: Mapping[str, Any],
        timeout_s: float | None = None,
        expected: str = PLAIN,
    ) -> Any:
        """What the function `name` of the cell with `tag` returns for these keyword `arguments`.

        expected: what it should return, for the message if its answer is not plain data
        """
        question = Question.calling(
            tag, name, arguments, is_drawn=False, timeout_s=timeout_s, expected=expected
        )
        return self.observe(question)

    def read_value(self, tag: str, name: str) -> Any:
        """The global `name` that the cell with `tag` defines."""
        return self.observe(Question(tag, "read_value", {"name": name}, name))

    def describe_function(self, tag: str, name: str) -> dict[str, Any]:
        """The parameters of a function and their defaults, or the bases of a class."""
        found = self.observe(Question(tag, "describe_function", {"name": name}, name))
        return found if isinstance(found, dict) else {}

    def read_class(self, tag: str, name: str, attributes: Collection[str]) -> dict[str, Any]:
        """A class's own attributes, each `{"value": …}`, `{"missing": …}` or `{"odd": …}`; fails if `name` is not a plain class."""
        asked = {"name": name, "attributes": list(attributes)}
        found = self.observe(Question(tag, "read_class", asked, name))
        if (
            not isinstance(found, dict)
            or found.get("kind") != "class"
            or not isinstance(found.get("attributes"), dict)
        ):
            kind = found.get("kind", "") if isinstance(found, dict) else ""
            fail(
                f"{name} is {'a class with a metaclass of its own' if kind == 'metaclass' else 'not a class'}.",
                f"the class {name} of the handout with your answers filled in",
                f"copy the class from the handout into the cell tagged {tag!r} and fill it in again.",
                f"{name}-is-not-a-class",
            )
        attributes_found: dict[str, Any] = found["attributes"]
        return attributes_found

    def is_worth_asking(self, tag: str) -> bool:
        """Whether one cell has `tag` and differs from the handout's."""
        cell = self.notebook.find(tag)
        return cell is not None and not self.homework.handout.is_untouched(tag, cell.source)

    def observe(self, question: Question) -> Any:
        """The answer to a question, as plain data; fails the check if there is none."""
        self.require_cell(question.tag)
        limit_s = question.timeout_s or self.homework.kernel.cell_timeout_s
        answer = self._session.observe(question.probe, question.arguments, limit_s)
        if answer.outcome != "ok":
            self._fail(question, answer, limit_s)
        if isinstance(answer.value, Odd):
            self._fail_odd(question.tag, question.shown, answer.value)
        return answer.value

    def _fail(self, question: Question, answer: Answer, timeout_s: float) -> NoReturn:
        tag, shown, error = question.tag, question.shown, answer.error
        name = shown.split("(")[0]  # without arguments, which may be drawn
        if error is not None and error.name == "NotDefined":
            self._fail_undefined(tag, error.words)
        if error is not None and error.name == TAMPERED:
            fail(
                f"{shown} gives no answer that counts: {error.words}.",
                "code that leaves the program that checks it alone",
                "remove what looks into, or changes, the program that runs your notebook.",
                f"{name}-gave-no-answer-that-counts",
            )
        if (lack := find_lack(error, self.notebook)) is not None:
            self._fail_for(lack, f"{shown} can't be checked here: {lack.what}.")
        self._fail_for_cell(shown, error)
        if error is not None and error.name in question.on_error:
            fail(
                f"{shown} can't be checked: {error.words}.",
                *question.on_error[error.name],
                f"{name}-raised-{error.name}",
            )
        if error is not None and error.name == "NotPlain":
            advice = f"give exactly this in the cell tagged {tag!r}; what is only to be shown or drawn is not part of it."
            fail(f"{shown} gives {error.words}.", question.expected, advice, f"{name}-gave-something-else")
        if error is not None and error.name in _INPUT_ERRORS:
            fail(
                f"{shown} asks for input from the keyboard.",
                "code that runs without anybody at the keyboard",
                f"replace input() in the cell tagged {tag!r} by a value.",
                f"{name}-asked-for-input",
            )
        end = answer.describe(self.homework.kernel, timeout_s)
        if error is not None and error.message:
            end = end.replace(error.words, withhold_numbers(error.words, question.withheld), 1)
        fail(
            f"{shown} did not finish: {end}.",
            f"{name} to finish within {timeout_s:g} s, without an exception",
            self._advise_reset(answer, tag)
            or self._advise_missing(answer)
            or self._advise_hidden(answer)
            or _advise_call(answer, tag) + self._find_unused_attribute(answer),
            f"{name}-{answer.kind}",
        )

    def _fail_for(self, lack: Lack, seen: str) -> NoReturn:
        raise MachineFailure(seen, lack.expected, lack.remedy)

    def _fail_for_cell(self, shown: str, error: CodeError | None) -> None:
        """Fail if `shown` lacks a name, and this machine or the setup cell is the cause."""
        cause = self._find_cause(error)
        if cause is None:
            return
        name, where, run = find_missing_name(error), self._name_cell(cause.cell), cause.run
        if (lack := find_lack(run.error, self.notebook)) is not None:
            self._fail_for(
                lack, f"{shown} can't be checked here: it needs {name} from {where}, but {lack.what}."
            )
        if self.homework.setup in cause.cell.tags:
            fail(
                f"{shown} did not finish: {name} is not defined, because {where} did not run to the end: {self._describe(run)}.",
                "a setup cell that runs to the end in a fresh kernel",
                f"correct the setup cell first: every exercise needs it.{_spell(run.error)}",
                f"setup-cell-{run.kind}",
            )

    def _find_cause(self, error: CodeError | None) -> Cause | None:
        return find_cause(error, self._session.cells, self._session.runs)

    def _name_cell(self, cell: Cell) -> str:
        return f"the cell tagged {cell.tags[0]!r}" if cell.tags else str(cell)

    def _fail_undefined(self, tag: str, name: str) -> NoReturn:
        cell = self.require_cell(tag)
        run = self._session.runs.get(cell.index)
        if run is not None and run.outcome != "ok":
            self._fail_unmerged(tag, name)
            self._fail_for_run(name, cell, run)
            fail(
                f"{name} is not defined, because the cell tagged {tag!r} did not run: {self._describe(run)}.",
                f"a cell that runs and defines {name}",
                self._advise_run(run),
                f"cell-of-{name}-{run.kind}",
            )
        if name in list_names(cell.source) and (reset := self._find_reset()) is not None:
            where = self._name_cell(reset)
            fail(
                f"The cell tagged {tag!r} defines {name}, but `%reset` in {where} removes all that the notebook has defined.",
                f"{name}, as long as the notebook is checked",
                f"remove `%reset` from {where}.",
                f"reset-removed-{name}",
            )
        fail(
            f"The cell tagged {tag!r} does not define {name}.",
            f"a definition of {name}, spelt exactly like this",
            "keep the handout's name and fill in its body.",
            f"did-not-define-{name}",
        )

    def _fail_unmerged(self, tag: str, name: str) -> None:
        """Fail if Git has left two versions in the cell."""
        line = find_conflict(self.require_cell(tag).source)
        if line is not None:
            fail(
                f"{name} is not defined, because the cell tagged {tag!r} has an unresolved Git conflict in line {line}.",
                "one version of the cell",
                "keep one of the two versions, and remove the lines with <<<<<<<, ======= and >>>>>>>.",
                f"unresolved-conflict-in-the-cell-of-{name}",
            )

    def _fail_for_run(self, name: str, cell: Cell, run: Answer) -> None:
        """Fail if this machine or the setup cell is the cause: there is then nothing to correct in the others."""
        cause = self._find_cause(run.error) or Cause(cell, run)
        if (lack := find_lack(cause.run.error, self.notebook)) is not None:
            where = self._name_cell(cause.cell)
            self._fail_for(lack, f"{name} is not defined, because {where} did not run here: {lack.what}.")
        self._fail_without_setup(name, cause.cell)

    def _fail_without_setup(self, name: str, cause: Cell) -> None:
        tag = self.homework.setup
        setup = self.notebook.find(tag)
        if setup is None:
            fail(
                f"{name} is not defined, and no code cell has the tag {tag!r}, which every exercise needs.",
                f"one code cell tagged {tag!r} with the handout's imports",
                "give the handout's first cell its tag again.",
                "no-setup-cell",
            )
        run = self._session.runs[setup.index]
        if run.outcome != "ok" and (run.lost is None or cause == setup):
            fail(
                f"{name} is not defined, because the cell tagged {tag!r} did not run: {self._describe(run)}.",
                "a setup cell that runs to the end in a fresh kernel",
                f"correct the setup cell first: every exercise needs it.{_spell(run.error)}",
                f"setup-cell-{run.kind}",
            )

    def _fail_odd(self, tag: str, what: str, odd: Odd) -> NoReturn:
        name = what.split("(")[0]
        if odd.what == "...":
            fail(
                f"{what} is still `...`, as in the empty handout.",
                "your answer in its place",
                f"replace the `...` in the cell tagged {tag!r}.",
                f"{name}-is-still-empty",
            )
        fail(
            f"{what} gives {odd.what}.",
            "a number of ordinary size",
            f"correct the cell tagged {tag!r}.",
            f"{name}-gave-{odd.what}",
        )

    def _describe(self, run: Answer) -> str:
        return run.describe(self.homework.kernel, self.homework.kernel.cell_timeout_s)

    def _advise_run(self, run: Answer) -> str:
        if run.error is not None and run.error.name in _INPUT_ERRORS:
            return "remove input(): nobody is at the keyboard when your notebook is checked."
        if run.error is not None and run.error.name == "SystemExit":
            return "remove exit(), quit() or sys.exit(): it ends more than the cell."
        if missing := self._advise_missing(run) or self._advise_hidden(run):
            return missing
        if spelling := _spell(run.error):
            return f"correct the import in this cell.{spelling}"
        if run.error is not None and run.error.name in ("NameError", "ModuleNotFoundError"):
            return "define or import what is missing in this cell, in the setup cell, or in a cell above; then restart the kernel and try again."
        return "restart your kernel, run the notebook from the top, and correct this cell."

    def _advise_missing(self, answer: Answer) -> str | None:
        """What to do about a NameError; in the student's own kernel another cell may have defined the name."""
        name = find_missing_name(answer.error)
        if name is None:
            return None
        if (outer := self._find_outer(name)) is not None:
            return f"write {outer}.{name}: the class is defined inside of {outer}, and has no name outside of it."
        cause = self._find_cause(answer.error)
        if cause is not None and cause.run.error is not None:
            where, how = self._name_cell(cause.cell), self._describe(cause.run)
            return f"correct {where} first, which would define {name}: {how}.{_spell(cause.run.error)}"
        return (
            f"check how {name} is spelt, or define or import it at the top level of a marked cell, the setup cell or "
            f"a cell above. Only these cells were run, and those that define what they use.{self._find_unused(name)}"
        )

    def _advise_reset(self, answer: Answer, tag: str) -> str | None:
        """What to do about a name that the called function may have removed itself."""
        name = find_missing_name(answer.error)
        if name is None or not _RESET.search(self.require_cell(tag).source):
            return None
        return f"remove `%reset` from the cell tagged {tag!r}: it removes all that the notebook has defined, {name} with it."

    def _find_outer(self, name: str) -> str | None:
        """The class of the notebook inside of which the class `name` is defined."""
        for cell in self.notebook.cells:
            if cell.is_code and (outer := find_outer_class(cell.source, name)) is not None:
                return outer
        return None

    def _find_reset(self) -> Cell | None:
        """The first cell that was run and can remove all globals."""
        return next((cell for cell in self._session.cells if _RESET.search(cell.source)), None)

    def _advise_hidden(self, answer: Answer) -> str | None:
        """What to do if the code imports a module that contained submissions can't see."""
        error = answer.error
        if error is None or error.name != "ModuleNotFoundError":
            return None
        found = _NO_MODULE.match(error.message)
        if found is None or found[1] not in self._hidden_modules:
            return None
        return (
            f"write the cell without {found[1]}, which submissions can't read when they are graded. "
            "(A notebook of the homework's own that needs it, such as the solved one, is graded with --isolation none.)"
        )

    def _find_unused_attribute(self, answer: Answer) -> str:
        """A sentence about the cell that might have given an object its missing attribute."""
        found = (
            _NO_ATTRIBUTE.match(answer.error.message)
            if answer.error and answer.error.name == "AttributeError"
            else None
        )
        return self._find_unused(found[1]) if found else ""

    def _find_unused(self, name: str) -> str:
        """A sentence about the first cell that contains `name` and might have defined it, if there is one."""
        for cell in self.notebook.cells:
            if not cell.is_code or not re.search(rf"\b{name}\b", cell.source):
                continue
            run = self._session.runs.get(cell.index)
            if run is not None and cell not in self._session.cells:
                return f" {name} occurs in {cell}, of which only what sets something up was run."
            if run is None:
                return f" {name} occurs in {cell}, which was not run."
            if run.outcome != "ok" and find_missing_name(run.error) != name:
                return f" {name} occurs in {cell}, which did not run to the end: {self._describe(run)}."
        return ""


def _spell(error: CodeError | None) -> str:
    """A sentence about a module that nobody knows: its name may be misspelt, or be that of a file of one's own."""
    found = _NO_MODULE.match(error.message) if error and error.name == "ModuleNotFoundError" else None
    if found is None:
        return ""
    alike = find_alike(found[1])
    meant = f" Is {alike} meant?" if alike is not None else ""
    return f"{meant} A file {found[1]}.py of your own has to be handed in beside the notebook."


def _make_path(folder: Path, level: Level) -> str:
    """Where the kernel finds the homework's packages; if it is not contained, also what this process finds."""
    own = os.environ.get("PYTHONPATH", "") if level is Level.NONE else ""
    return os.pathsep.join(filter(None, [str(folder), own]))


def _list_modules(path: Path) -> list[str]:
    """What could be imported of a hidden place: the package or module that it is, else what lies in it."""
    parts = path.iterdir() if path.is_dir() and not (path / "__init__.py").exists() else [path]
    return [part.stem for part in parts if part.suffix == ".py" or (part / "__init__.py").exists()]


def _advise_call(answer: Answer, tag: str) -> str:
    correct = f"correct the cell tagged {tag!r}."
    if answer.error is not None and answer.error.name == "SystemExit":
        return f"remove exit(), quit() or sys.exit() from the cell tagged {tag!r}."
    if answer.outcome in ("timeout", "hung"):
        return f"call it like this in your notebook: does it end, and does it do more than its arguments ask for? Then {correct}"
    return f"call it like this in your notebook, after restarting the kernel, and {correct}"
