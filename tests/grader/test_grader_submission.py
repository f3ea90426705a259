"""The sentences with which a submission's mishaps fail a check. The kernel's answers are made up here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader import packages
from grader.containment import View
from grader.execution import Answer
from grader.failure import Failure, MachineFailure
from grader.handout import Handout
from grader.homework import Homework, KernelLimits, Suite
from grader.notebook import Cell, Notebook
from grader.observation import CodeError, Odd
from grader.question import Question
from grader.submission import Submission

SUITE = Suite("checks")


class MadeUpSession:
    """Gives the same answer to every question; cells ran as told."""

    def __init__(self, answer: Answer, runs: dict[int, Answer], cells: Sequence[Cell]) -> None:
        self.answer = answer
        self.runs = runs
        self.cells = cells
        self.notes: dict[tuple[str, str], None] = {}

    def run_cells(self) -> None:
        pass

    def observe(self, *_: Any) -> Answer:
        return self.answer


def make_submission(
    answer: Answer,
    setup: Answer | None = None,
    cell: Answer | None = None,
    setup_tag: str = "setup",
    other: str = "",
    view: View | None = None,
    source: str = "helper",
) -> Submission:
    cells = (
        Cell(0, "code", "helper" if setup else "", (setup_tag,)),
        Cell(1, "code", source, ("answer",)),
        Cell(2, "markdown", "helper", ()),
        Cell(3, "code", other, ()),
    )
    homework = Homework(
        Path(), "Homework", "", "setup", SUITE, SUITE, (), kernel=KernelLimits(cell_timeout_s=60)
    )
    vars(homework)["handout"] = Handout(Notebook(Path("handout.ipynb"), ()))
    submission = Submission(Notebook(Path("homework.ipynb"), cells), homework, {}, view=view)
    submission._session.close()
    runs = {0: setup or Answer("ok"), 1: cell or Answer("ok")}
    submission._session = MadeUpSession(answer, runs, cells)  # type: ignore[assignment]
    return submission


def get_failure(submission: Submission) -> Failure:
    with pytest.raises(Failure) as failure:
        submission.call("answer", "f", {"n": 3})
    return failure.value


def raised(name: str, message: str = "", line: str = "") -> Answer:
    return Answer("error", error=CodeError(name, message, line))


def test_a_student_does_not_read_in_an_exception_what_was_drawn() -> None:
    submission = make_submission(raised("ValueError", "57 is too many", "check(57)"))
    with pytest.raises(Failure) as failure:
        submission.observe(Question.calling("answer", "f", {"n": 57}))

    assert (
        "f(n=57) did not finish: it raised ValueError: 57 is too many at `check(57)`." in failure.value.text
    )
    assert (
        "f(n=…) did not finish: it raised ValueError: … is too many at `check(57)`."
        in failure.value.student_text
    )


def test_a_value_is_passed_on() -> None:
    assert make_submission(Answer("ok", [1, 2])).call("answer", "f", {}) == [1, 2]


ANSWERS: dict[str, tuple[Answer, str]] = {
    "an exception": (
        raised("KeyError", "'a'", "x['a']"),
        "f(n=3) did not finish: it raised KeyError: 'a' at `x['a']`.",
    ),
    "a timeout": (
        Answer("timeout"),
        "f(n=3) did not finish: it was still running after 60 s and was interrupted.",
    ),
    "a value of another kind": (
        raised("NotPlain", "a value of type set"),
        "f(n=3) gives a value of type set.",
    ),
    "input": (raised("StdinNotImplementedError"), "f(n=3) asks for input from the keyboard."),
    "a message that ends with a dot": (
        raised("ValueError", "no.."),
        "f(n=3) did not finish: it raised ValueError: no.",
    ),
    "an ellipsis": (Answer("ok", Odd("...")), "f(n=3) is still `...`, as in the empty handout."),
    "a giant integer": (Answer("ok", Odd("a giant integer")), "f(n=3) gives a giant integer."),
    "nothing defined": (raised("NotDefined", "f"), "The cell tagged 'answer' does not define f."),
}


@pytest.mark.parametrize(("answer", "seen"), ANSWERS.values(), ids=ANSWERS)
def test_a_call_s_mishap_is_said(answer: Answer, seen: str) -> None:
    assert get_failure(make_submission(answer)).seen == seen


@pytest.mark.parametrize(
    ("answer", "cell", "kind"),
    [
        (raised("KeyError", "'lr'"), None, "f-raised-KeyError"),
        (Answer("timeout"), None, "f-took-too-long"),
        (Answer("memory"), None, "f-took-too-much-memory"),
        (Answer("died"), None, "f-ended-the-process"),
        (raised("EOFError"), None, "f-asked-for-input"),
        (raised("NotDefined", "f"), None, "did-not-define-f"),
        (raised("NotDefined", "f"), raised("SyntaxError", "invalid syntax"), "cell-of-f-raised-SyntaxError"),
        (Answer("ok", Odd("...")), None, "f-is-still-empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_ended_a_call_is_what_the_mistake_is_counted_by(
    answer: Answer, cell: Answer | None, kind: str
) -> None:
    assert get_failure(make_submission(answer, cell=cell)).kind == kind


def test_a_setup_cell_that_fails_is_counted_by_how_it_failed() -> None:
    lost = replace(raised("ImportError", "no"), lost=frozenset({"helper"}))
    failure = get_failure(make_submission(raised("NameError", "name 'helper' is not defined"), setup=lost))

    assert failure.kind == "setup-cell-raised-ImportError"


def test_no_argument_stands_in_what_a_mistake_is_counted_by() -> None:
    submission = make_submission(raised("ValueError", "57 is too many"))
    with pytest.raises(Failure) as failure:
        submission.observe(Question.calling("answer", "f", {"n": 57}))

    assert "57" in failure.value.seen
    assert failure.value.kind == "f-raised-ValueError"


@pytest.mark.parametrize("name", ["NotPlain", "NotDefined", "Tampered", "ValueError"])
def test_whoever_borrows_an_exception_of_the_grader_s_does_not_speak_for_it(name: str) -> None:
    words = "a set.\n\nFor the instructor: give all points"

    assert f'"{" ".join(words.split())}"' in get_failure(make_submission(raised(name, words))).seen


def test_a_call_that_is_too_slow_is_asked_whether_it_does_too_much() -> None:
    failure = get_failure(make_submission(Answer("timeout")))

    assert failure.expected == "f to finish within 60 s, without an exception"
    assert "does it do more than its arguments ask for" in failure.advice


def test_a_name_is_missing_because_its_cell_did_not_run() -> None:
    failure = get_failure(make_submission(raised("NotDefined", "f"), cell=raised("NameError", "pd")))

    assert (
        failure.seen
        == "f is not defined, because the cell tagged 'answer' did not run: it raised NameError: pd."
    )
    assert failure.advice.startswith("define or import what is missing")


def test_a_cell_that_asks_for_input_is_said() -> None:
    asks = raised("StdinNotImplementedError", "raw_input was called.")
    failure = get_failure(make_submission(raised("NotDefined", "f"), cell=asks))

    assert failure.seen.endswith("did not run: it asked for input from the keyboard.")


def test_a_call_that_exits_is_told_to_leave_that_out() -> None:
    advice = "remove exit(), quit() or sys.exit() from the cell tagged 'answer'."
    assert get_failure(make_submission(raised("SystemExit", "3"))).advice == advice


def test_a_class_inside_of_another_is_named_with_it() -> None:
    missing = raised("NameError", "name 'Inner' is not defined")
    submission = make_submission(missing, other="class Outer:\n    class Inner:\n        pass")

    assert get_failure(submission).advice.startswith("write Outer.Inner")


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("def f(n):\n    %reset -f\n    return helper(n)", "remove `%reset` from the cell tagged 'answer'"),
        ("def f(n):\n    return helper(n)", "check how helper is spelt"),
    ],
)
def test_a_function_that_removes_all_names_is_told_so(source: str, advice: str) -> None:
    submission = make_submission(raised("NameError", "name 'helper' is not defined"), source=source)

    assert get_failure(submission).advice.startswith(advice)


@pytest.mark.parametrize(
    ("other", "seen"),
    [
        ("%reset -f", "defines f, but `%reset` in cell 4 removes all that the notebook has defined."),
        ("x = 1", "does not define f."),
    ],
)
def test_a_name_that_is_gone_is_not_called_undefined(other: str, seen: str) -> None:
    submission = make_submission(raised("NotDefined", "f"), source="def f(n):\n    return n", other=other)

    assert get_failure(submission).seen.endswith(seen)


def test_a_missing_attribute_may_come_from_a_cell_that_was_not_run() -> None:
    answer = raised("AttributeError", "'Model' object has no attribute 'weights'")
    failure = get_failure(make_submission(answer, other="Model.weights = 1"))

    assert failure.advice.endswith(
        "correct the cell tagged 'answer'. weights occurs in cell 4, which was not run."
    )


def test_a_probe_s_exception_may_have_a_sentence_of_its_own() -> None:
    submission = make_submission(raised("Unfinished", "it has no clients"))
    sentences = {"Unfinished": ("clients", "make some.")}
    with pytest.raises(Failure) as failure:
        submission.observe(Question("answer", "p.run", {"name": "S"}, "S()", on_error=sentences))

    assert (failure.value.seen, failure.value.expected, failure.value.advice) == (
        "S() can't be checked: it has no clients.",
        "clients",
        "make some.",
    )


MISSING = raised("NameError", "name 'helper' is not defined", "helper()")
WHERE = "check how helper is spelt, or define or import it at the top level of a marked cell, the setup cell or a cell above."


@pytest.mark.parametrize(
    ("answer", "cell"),
    [(MISSING, None), (raised("NotDefined", "f"), MISSING)],
    ids=["in a call", "in a cell"],
)
def test_a_missing_name_is_said(answer: Answer, cell: Answer | None) -> None:
    assert get_failure(make_submission(answer, cell=cell)).advice == (
        f"{WHERE} Only these cells were run, and those that define what they use."
    )


@pytest.mark.parametrize(
    ("hidden", "module", "name"),
    [
        ("solutions", "solutions.federated", "solutions"),
        ("solution.py", "solution", "solution"),
        (".", "solutions.federated", "solutions"),
        (".", "solution", "solution"),
    ],
    ids=["a package", "a module", "a package in a folder", "a module in a folder"],
)
def test_a_module_that_submissions_can_t_read_is_said(
    tmp_path: Path, hidden: str, module: str, name: str
) -> None:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "__init__.py").touch()
    (tmp_path / "solution.py").touch()
    cell = raised("ModuleNotFoundError", f"No module named {module!r}")
    view = View(hidden=(tmp_path / hidden,))

    advice = get_failure(make_submission(raised("NotDefined", "f"), cell=cell, view=view)).advice

    assert advice.startswith(f"write the cell without {name}, which submissions can't read")
    assert "--isolation none" in advice


@pytest.mark.parametrize(
    ("other", "setup", "named"),
    [
        ("make('helper')", None, "helper occurs in cell 4, which was not run."),
        ("helpers = 1", None, "those that define what they use."),
        (
            "",
            raised("ValueError", "no"),
            "helper occurs in cell 1, which did not run to the end: it raised ValueError: no.",
        ),
        ("", MISSING, "those that define what they use."),
    ],
    ids=["not run", "another name", "stopped before", "missing there too"],
)
def test_a_cell_with_the_missing_name_is_named(other: str, setup: Answer | None, named: str) -> None:
    assert get_failure(make_submission(MISSING, setup=setup, other=other)).advice.endswith(named)


def test_a_cell_of_which_only_the_set_up_was_run_is_named_as_such() -> None:
    submission = make_submission(MISSING, other="import os\nos.makedirs('out')\nmake('helper')")
    submission._session.runs[3] = Answer("ok")
    submission._session.cells = [
        *submission.notebook.cells[:3],
        Cell(3, "code", "import os\nos.makedirs('out')", ()),
    ]

    named = "helper occurs in cell 4, of which only what sets something up was run."
    assert get_failure(submission).advice.endswith(named)


def test_the_setup_cell_is_blamed_where_it_is_the_cause() -> None:
    failure = get_failure(
        make_submission(
            raised("NotDefined", "f"),
            setup=raised("ModuleNotFoundError", "lab"),
            cell=raised("NameError", "pd"),
        )
    )

    assert "because the cell tagged 'setup' did not run: it raised ModuleNotFoundError: lab" in failure.seen
    assert failure.advice.startswith("correct the setup cell first")


def test_a_lost_setup_tag_is_named() -> None:
    submission = make_submission(raised("NotDefined", "f"), cell=raised("NameError", "pd"), setup_tag="other")

    assert "no code cell has the tag 'setup'" in get_failure(submission).seen


def test_a_missing_tag_fails_before_anything_is_asked() -> None:
    with pytest.raises(Failure, match="No cell has the tag 'none'"):
        make_submission(Answer("ok")).call("none", "f", {})


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        ({"kind": "metaclass", "type": "M"}, "A is a class with a metaclass of its own."),
        ({"kind": "instance", "type": "A"}, "A is not a class."),
        ({"kind": "class", "attributes": 3}, "A is not a class."),
        (["forged"], "A is not a class."),
    ],
)
def test_an_answer_class_that_is_none_is_said(found: Any, seen: str) -> None:
    with pytest.raises(Failure) as failure:
        make_submission(Answer("ok", found)).read_class("answer", "A", ["q1"])

    assert failure.value.seen == seen


def test_an_answer_class_gives_its_attributes() -> None:
    found = {"kind": "class", "attributes": {"q1": {"value": "a"}}}

    assert make_submission(Answer("ok", found)).read_class("answer", "A", ["q1"]) == {"q1": {"value": "a"}}


# --- what the machine lacks, and the setup cell ---------------------------------------------------------------

NO_OPACUS = CodeError("ModuleNotFoundError", "No module named 'opacus'", "import opacus")


@pytest.fixture
def no_opacus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_installed", lambda name: name != "opacus")


def stopped(error: CodeError, *lost: str) -> Answer:
    """A cell that was continued after a failure."""
    return Answer("error", error=error, lost=frozenset(lost))


@pytest.mark.usefixtures("no_opacus")
def test_a_call_that_needs_a_missing_package_is_no_mistake() -> None:
    failure = get_failure(make_submission(Answer("error", error=NO_OPACUS)))

    assert isinstance(failure, MachineFailure)
    assert (
        failure.seen == "f(n=3) can't be checked here: the package opacus is not installed on this machine."
    )
    assert failure.advice == "pip install opacus, and check again."


@pytest.mark.usefixtures("no_opacus")
@pytest.mark.parametrize(
    ("answer", "cell", "where"),
    [
        (
            raised("NameError", "name 'opacus' is not defined"),
            None,
            "it needs opacus from the cell tagged 'setup'",
        ),
        (
            raised("NotDefined", "f"),
            raised("NameError", "name 'opacus' is not defined"),
            "f is not defined, because the cell tagged 'setup' did not run here",
        ),
    ],
    ids=["in a function", "in a cell"],
)
def test_a_name_that_a_missing_package_would_have_given_is_no_mistake(
    answer: Answer, cell: Answer | None, where: str
) -> None:
    failure = get_failure(make_submission(answer, setup=stopped(NO_OPACUS, "opacus"), cell=cell))

    assert isinstance(failure, MachineFailure)
    assert where in failure.seen


@pytest.mark.usefixtures("no_opacus")
def test_a_mistake_beside_a_missing_package_stays_one() -> None:
    failure = get_failure(make_submission(raised("KeyError", "'a'"), setup=stopped(NO_OPACUS, "opacus")))

    assert not isinstance(failure, MachineFailure)


def test_what_the_setup_cell_would_have_given_names_the_setup_cell() -> None:
    setup = stopped(CodeError("ModuleNotFoundError", "No module named 'lab_3'", "from lab_3 import *"), "*")
    failure = get_failure(make_submission(raised("NameError", "name 'split' is not defined"), setup=setup))

    assert "split is not defined, because the cell tagged 'setup' did not run to the end" in failure.seen
    assert "from lab_3 import *" in failure.seen
    assert failure.advice.startswith("correct the setup cell first")


def test_a_tagged_cell_with_a_mistake_of_its_own_does_not_blame_a_setup_cell_that_went_on() -> None:
    setup = stopped(CodeError("ValueError", "no"), "unused")
    failure = get_failure(
        make_submission(raised("NotDefined", "f"), setup=setup, cell=raised("KeyError", "'a'"))
    )

    assert "because the cell tagged 'answer' did not run: it raised KeyError" in failure.seen


def test_a_module_that_nobody_knows_may_be_misspelt_or_a_file_of_one_s_own() -> None:
    cell = raised("ModuleNotFoundError", "No module named 'pandsa'")
    failure = get_failure(make_submission(raised("NotDefined", "f"), cell=cell))

    assert "Is pandas meant?" in failure.advice
    assert "A file pandsa.py of your own has to be handed in beside the notebook" in failure.advice


def test_a_cell_that_went_on_is_noted() -> None:
    submission = make_submission(Answer("ok"), setup=stopped(CodeError("ValueError", "no", "int('x')"), "x"))

    assert submission.notes == [
        "The cell tagged 'setup' did not run to the end: it raised ValueError: no at `int('x')`. "
        "What does not need that was run all the same."
    ]


@pytest.mark.parametrize(
    ("outcome", "rest"),
    [
        (
            "timeout",
            "was still running after 60 s and was interrupted. What it had defined by then was kept.",
        ),
        ("hung", "did not react to an interrupt, and was killed."),
    ],
)
def test_a_cell_that_hung_is_noted(outcome: str, rest: str) -> None:
    [note] = make_submission(Answer("ok", 1), cell=Answer(outcome)).notes

    assert note.startswith("The cell tagged 'answer' did not run to the end: it")
    assert note.endswith(rest)
