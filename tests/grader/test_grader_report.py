"""The report: Gradescope's results.json, a page, and the closing table."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from grader.homework import Exercise, HomeworkError
from grader.intake import IntakeError
from grader.isolation import IsolationError
from grader.options import OptionError
from grader.pages import format_submission
from grader.report import (
    BROKEN,
    FAILED,
    MACHINE,
    MANUAL,
    PASSED,
    CheckResult,
    Report,
    format_notes,
    format_page,
    format_points,
    format_table,
    name_refusal,
    write_html,
    write_json,
)

EXERCISES = (
    Exercise("X1", "First", 1),
    Exercise("X2", "Second", 2),
    Exercise("X3", "Third", 3),
)
THIRD = 1 / 3
HOSTILE = "<script>alert(1)</script>&\"'\x1b[31m\u202e"


def make_report(*results: CheckResult, **context: object) -> Report:
    return Report("Homework", EXERCISES, list(results), context)


MIXED = make_report(
    CheckResult("X1", "one", 0.5, PASSED),
    CheckResult("X1", "two", 0.5, FAILED, "Seen.\n  Next: do this.", {"next": "do this."}),
    CheckResult("X2", "why", 2, MANUAL, "", {"manual": True, "answer": "because"}),
    grading_seed=7,
)


def test_scores_are_added_up() -> None:
    results = MIXED.to_results()

    assert (results["score"], results["max_score"], results["extra_data"]) == (0.5, 3.0, {"grading_seed": 7})


def test_three_thirds_are_one() -> None:
    report = make_report(*(CheckResult("X1", str(number), THIRD, PASSED) for number in range(3)))

    assert (report.score, report.max_score) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("gate", "other", "score"),
    [(PASSED, PASSED, 1.0), (FAILED, PASSED, 0.0), (PASSED, FAILED, 0.25), (BROKEN, PASSED, 0.75)],
    ids=["both passed", "gate failed", "other failed", "gate not checked"],
)
def test_a_gate_that_is_missed_withholds_the_exercise_s_other_points(
    gate: str, other: str, score: float
) -> None:
    gated = Exercise("X1", "First", 1, gate="test_sends")
    results = [
        CheckResult("X1", "what it sends", 0.25, gate, check="test_sends"),
        CheckResult("X1", "its result", 0.75, other, check="test_result"),
        CheckResult("X1", "it can be made", 0, PASSED, check="test_made"),
        CheckResult("X2", "another exercise", 2, PASSED, check="test_other"),
    ]
    report = Report("Homework", (gated, *EXERCISES[1:]), results)
    report.apply_gates()

    assert report.score == score + 2
    assert (gate == FAILED) == ("only together with: what it sends" in report.results[1].message)
    assert report.results[2].message == ""  # it earns nothing anyway


def test_a_check_is_a_test_of_its_exercise() -> None:
    passed, failed, _ = MIXED.to_results()["tests"]

    assert (passed["number"], passed["name"], passed["score"], passed["max_score"]) == ("X1", "one", 0.5, 0.5)
    assert (passed["status"], passed["visibility"]) == ("passed", "visible")
    assert (failed["status"], failed["score"], failed["output"]) == ("failed", 0.0, "Seen.\n  Next: do this.")


def test_what_is_graded_by_hand_has_an_answer_and_no_status() -> None:
    manual = MIXED.to_results()["tests"][2]

    assert (manual["score"], manual["max_score"]) == (0.0, 2)
    assert "status" not in manual
    assert manual["extra_data"] == {"manual": True, "answer": "because", "outcome": "manual"}


def test_a_bug_of_the_kit_gives_no_points_and_is_told_apart() -> None:
    report = make_report(CheckResult("X1", "one", 1, BROKEN, "This check could not be made: KeyError('a')"))
    [test] = report.to_results()["tests"]

    assert (test["status"], test["score"], test["extra_data"]["outcome"]) == ("failed", 0.0, "broken")


REMARKED = make_report(
    CheckResult("X1", "one", 1, PASSED, remarks=("Times shrink.\n  Next: add them up.",)),
    CheckResult("X2", "two", 2, FAILED, "Seen.", {"next": "do this."}, remarks=("Odd name.",)),
)


def test_a_remark_costs_nothing_and_is_told_everywhere() -> None:
    passed, failed = REMARKED.to_results()["tests"]

    assert (REMARKED.score, passed["status"], failed["output"]) == (
        1.0,
        "passed",
        "Seen.\n\nRemark: Odd name.",
    )
    assert passed["extra_data"]["remarks"] == ["Times shrink.\n  Next: add them up."]
    assert "passed, with a remark" in format_page(REMARKED)
    assert "  Next: add them up." in format_notes(REMARKED, "none")
    assert "Remark on X2, which costs nothing: Odd name." in format_notes(REMARKED, "none")


LACKING = make_report(
    CheckResult("X1", "one", 0.5, PASSED),
    CheckResult(
        "X1", "two", 0.5, MACHINE, "No jax here.\n  Next: pip install jax", {"next": "pip install jax"}
    ),
    CheckResult("X2", "three", 2, FAILED, "Seen."),
)


def test_what_the_machine_lacks_is_no_failure_and_names_the_exercise() -> None:
    results = LACKING.to_results()
    test = results["tests"][1]

    assert (test["score"], test["extra_data"]["outcome"]) == (0.0, "machine")
    assert "status" not in test  # a platform would show it as failed
    assert results["extra_data"]["needs_instructor"] == ["X1"]


def test_points_that_the_machine_withholds_are_shown_as_open() -> None:
    _, _, first, second, total = format_table(LACKING)
    page = format_page(LACKING)

    assert "0.5+? / 1  needs the instructor: pip install jax" in first
    assert "0 / 2" in second
    assert "0.5+? / 3" in total
    assert "<b>0.5+? / 3</b> points" in page
    assert '<li class="check machine">' in page


@pytest.mark.parametrize(
    ("status", "extra"),
    [pytest.param(MACHINE, {}, id="machine"), pytest.param(FAILED, {"not_reached": True}, id="not reached")],
)
def test_a_gate_that_could_not_be_looked_at_withholds_nothing(status: str, extra: dict[str, bool]) -> None:
    gated = Exercise("X1", "First", 1, gate="test_sends")
    results = [
        CheckResult("X1", "sends", 0.5, status, extra=extra, check="test_sends"),
        CheckResult("X1", "result", 0.5, PASSED),
    ]
    report = Report("Homework", (gated,), results)
    report.apply_gates()

    assert report.score == 0.5


def test_results_survive_json(tmp_path: Path) -> None:
    report = make_report(CheckResult("X1", HOSTILE, 1, MANUAL, HOSTILE, {"answer": "\ud800" + HOSTILE}))
    write_json(report, tmp_path / "results.json")
    [test] = json.loads((tmp_path / "results.json").read_bytes())["tests"]

    assert test["extra_data"]["answer"] == "\ud800" + HOSTILE
    assert "\x1b" not in test["output"]


def test_a_page_shows_hostile_text_as_text(tmp_path: Path) -> None:
    report = make_report(
        CheckResult("X1", HOSTILE, 1, FAILED, HOSTILE, {"answer": "\ud800" + HOSTILE}), name=HOSTILE
    )
    report.title = HOSTILE
    write_html(report, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")

    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 5
    assert not {"\x1b", "\u202e"} & set(page)


def test_a_page_shows_what_was_not_reached_as_such() -> None:
    not_reached = CheckResult("X1", "Result", 1, FAILED, "Not reached: no server.", {"not_reached": True})
    page = format_page(make_report(not_reached))

    assert '<li class="check unreached">' in page
    assert "not reached" in page


def test_a_page_has_every_check_with_its_points() -> None:
    page = format_page(MIXED)

    for part in (
        "<b>0.5 / 3</b> points",
        "X1 First",
        "0.5 / 1",
        "to correct",
        "do this.",
        "graded by hand",
        "because",
    ):
        assert part in page
    assert "Third" not in page  # nothing of it was checked


def test_the_table_has_points_and_what_to_do_next() -> None:
    head, _, first, second, total = format_table(MIXED)

    assert head.split() == ["Exercise", "Points", "What", "to", "do", "next"]
    assert first.split(maxsplit=5) == ["X1", "First", "0.5", "/", "1", "do this."]
    assert second.split(maxsplit=5) == ["X2", "Second", "0", "/", "2", "why is graded by hand"]
    assert total.split() == ["Total", "0.5", "/", "3"]


def test_without_points_the_table_counts_checks() -> None:
    report = make_report(CheckResult("X1", "one", 0, PASSED), CheckResult("X1", "two", 0, FAILED, "Seen."))
    head, _, first, total = format_table(report)

    assert "Checks" in head
    assert first.split(maxsplit=5) == ["X1", "First", "1", "/", "2", "Seen."]
    assert total.split() == ["Total", "1", "/", "2"]


def test_without_points_complete_work_is_not_called_right() -> None:
    report = make_report(CheckResult("X1", "one", 0, PASSED), CheckResult("X2", "two", 0, PASSED))
    _, _, first, second, _, *meaning = format_table(report)

    assert first.split()[-1] == second.split()[-1] == "complete"
    assert " ".join(meaning).startswith("Complete: the work is there")
    assert "Whether it is right is graded after you hand in." in " ".join(meaning)


def test_what_nobody_has_begun_is_told_in_one_line() -> None:
    report = make_report(CheckResult("X1", "one", 0, FAILED, "", {"next": "word " * 50}))
    report.untouched = {"X1"}

    assert [line for line in format_table(report, 80) if "still empty" in line] == [
        "X1  First   0 / 1  still empty"
    ]


@pytest.mark.parametrize(
    ("result", "advice"),
    [
        (CheckResult("X1", "one", 1, PASSED), "done"),
        (CheckResult("X1", "one", 1, BROKEN), "a bug in the kit (one): please report it"),
        (CheckResult("X1", "one", 1, FAILED, "", {"next": "line\nbreak\x1b[2J"}), "line\\x0abreak\\x1b[2J"),
    ],
)
def test_a_row_says_what_to_do_in_one_line(result: CheckResult, advice: str) -> None:
    assert format_table(make_report(result))[2].rstrip().endswith(advice)


def test_rows_fit_the_terminal() -> None:
    report = make_report(CheckResult("X1", "one", 1, FAILED, "", {"next": "word " * 100}))

    assert max(map(len, format_table(report, 80))) <= 80


def test_a_long_name_is_not_broken() -> None:
    advice = "do it in the cell tagged 'noniid-parameter_experiments'."
    report = make_report(CheckResult("X1", "one", 1, FAILED, "", {"next": advice}))

    assert any("'noniid-parameter_experiments'." in line for line in format_table(report, 80))


def test_a_row_may_have_no_advice() -> None:
    _, _, row, _ = format_table(make_report(CheckResult("X1", "one", 1, FAILED, " ")), 80)

    assert row.split() == ["X1", "First", "0", "/", "1"]


def test_long_advice_goes_on_below_its_column() -> None:
    advice = "restart your kernel, run the notebook from the top, and correct this cell."
    head, _, first, second, third, _ = format_table(
        make_report(CheckResult("X1", "one", 1, FAILED, "", {"next": advice})), 50
    )
    margin = head.index("What")

    assert " ".join([first[margin:], second.strip(), third.strip()]) == advice
    assert second[:margin] == third[:margin] == " " * margin


def test_advice_is_never_cut_off() -> None:
    advice = " ".join(f"word{number}" for number in range(200))
    lines = format_table(make_report(CheckResult("X1", "one", 1, FAILED, "", {"next": advice})), 80)

    assert advice in " ".join(" ".join(lines).split())


@pytest.mark.parametrize(
    ("points", "text"), [(1.0, "1"), (0.25, "0.25"), (THIRD, "0.33"), (2 * THIRD, "0.67")]
)
def test_points_are_short(points: float, text: str) -> None:
    assert format_points(points) == text


def test_an_interrupted_write_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_json(MIXED, path)

    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("results.json", "old")]


def test_what_a_person_has_to_judge_is_told_apart() -> None:
    report = make_report(CheckResult("X1", "one", 1, PASSED), to_judge=["X1: another library does it all."])

    assert "For a person to judge: X1: another library does it all." in format_notes(report, "full")
    assert "For a person to judge: X1: another library does it all." in format_page(report)
    assert "another library" not in format_submission(report.to_results(), report.exercises, "student")


def test_signs_of_tampering_are_for_the_instructor_and_safe_to_show() -> None:
    report = make_report(isolation="full", tampering=[f"len of builtins was replaced {HOSTILE}"])
    page, lines = format_page(report), format_notes(report, "full")

    assert lines[0] == "Isolation: full"
    assert lines[1].startswith(
        'For the instructor, a sign of tampering: "len of builtins was replaced <script>'
    )
    assert "\x1b" not in lines[1]
    assert "sign of tampering" not in page  # no points were given: this page is the student's own


def test_how_scripts_were_run_stands_on_lines_of_its_own() -> None:
    report = make_report(
        CheckResult("X1", "one", 1, PASSED), B1=["Run twice.", "The port was replaced."], seed=3
    )
    lines = format_notes(report, "full")

    assert lines[-2:] == ["B1: Run twice.", "B1: The port was replaced."]
    assert "Graded with seed 3" in lines
    assert "<li>B1: Run twice.</li>" in format_page(report)


def test_no_more_notes_on_what_was_handed_in_are_shown_than_one_can_read() -> None:
    report = make_report(handed_in=[f"link{number} was left out: it is a link." for number in range(50)])
    lines = [line for line in format_notes(report, "full") if line.startswith("Handed in")]

    assert lines[0] == "Handed in: link0 was left out: it is a link."
    assert (len(lines), lines[-1]) == (
        21,
        "Handed in: 30 more notes stand in extra_data.handed_in of the results.",
    )
    assert len(report.to_results()["extra_data"]["handed_in"]) == 50


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (IntakeError("x"), "refused"),
        (OptionError("x"), "refused"),
        (IsolationError("x"), "machine"),
        (HomeworkError("x"), "broken"),
    ],
)
def test_what_did_not_begin_says_whose_fault_it_is(error: Exception, outcome: str) -> None:
    assert name_refusal(error) == outcome
