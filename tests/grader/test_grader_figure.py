"""What a report has for a page besides its checks: the code that was graded, and figures."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from grader import Curves, Rows, Table, make_figure, read_homework
from grader.containment import Level
from grader.grading import MOST_CODE, Grading
from grader.intake import HandIn
from grader.notebook import Cell, Notebook
from grader.report import PASSED, CheckResult, Report
from grader.scripts import Scripts

HOMEWORK = read_homework(Path(__file__).parents[2])


def grade(notebook: Notebook | None = None, scripts: Scripts | None = None) -> Report:
    report = Report("Homework", HOMEWORK.exercises)
    report.results += [CheckResult(exercise.id, "a check", 1, PASSED) for exercise in HOMEWORK.exercises]
    Grading(HOMEWORK, HOMEWORK.hidden, True, Level.NONE, report, notebook, scripts, None).add_code()
    return report


def test_cells_that_differ_from_the_handout_s_are_kept() -> None:
    handout = HOMEWORK.handout.cells["fedavg_grad"]
    cells = (Cell(0, "code", "x = 1", ("fedsgd_weight",)), Cell(1, "code", handout, ("fedavg_grad",)))

    assert grade(Notebook(Path("hw.ipynb"), cells)).code == {
        "A1.1": [("the cell tagged 'fedsgd_weight'", "x = 1")]
    }


def test_programs_and_what_they_use_are_kept_and_cut(tmp_path: Path) -> None:
    for name, text in (("b1.py", "import own\n"), ("own.py", "x" * 2 * MOST_CODE), ("other.py", "")):
        (tmp_path / name).write_text(text)
    report = grade(scripts=Scripts(HandIn(tmp_path, None, {"b1.py": tmp_path / "b1.py"})))

    assert report.code == {"B1": [("b1.py", "import own\n"), ("own.py", "x" * MOST_CODE)]}


def test_figures_survive_the_results() -> None:
    report = grade()
    report.figures["A1.1"] = [Curves(title="t", x="x", y="y", series={"a": [1.0]})]
    [figure] = report.to_results()["extra_data"]["figures"]["A1.1"]

    assert msgspec.json.decode(msgspec.json.encode(figure), type=Curves).series == {"a": [1.0]}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"a": [1, 2]}, Curves),
        (Table(["a"], [[1]]), Rows),
        (Table(["a"], []), type(None)),
        ({"a": "text"}, type(None)),
        (None, type(None)),
    ],
    ids=["curves", "table", "empty table", "text", "nothing"],
)
def test_what_a_submission_gave_becomes_a_figure_if_it_has_the_form(value: object, kind: type) -> None:
    assert type(make_figure(value, "title")) is kind
