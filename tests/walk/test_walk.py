"""What a student sees who follows docs/students.md to the letter, JupyterLab included. `tox -e walk` walks, and keeps pictures."""

from __future__ import annotations

import re

from record import Record, read_answer


def read_figures(text: str) -> dict[str, str]:
    """By exercise, how many checks of how many passed."""
    return dict(re.findall(r"^([AB]\d(?:\.\d)?) .*?(\d+ / \d+)  ", text, re.MULTILINE))


def test_the_handout_as_it_is_scores_nothing_and_says_so(record: Record) -> None:
    said = record.said["untouched"]

    assert {figure.split()[0] for figure in read_figures(said).values()} == {"0"}
    assert said.count("still empty") == len(read_figures(said)) == 8
    assert "has no answers yet. If you have written some, save it" in " ".join(said.split())


def test_a_notebook_without_the_option_is_told_what_to_type(record: Record) -> None:
    assert "type: pytest -fpath homework_1.ipynb" in record.said["without -fpath"]


def test_a_starter_says_where_to_write(record: Record) -> None:
    assert record.said["starter"].startswith("CRASHED")
    assert "the schedule is not written yet" in record.said["starter"]


def test_the_first_cell_says_which_data_there_are(record: Record) -> None:
    assert "lab_2_hfl uses digits: 60,000 training and 10,000 test examples." in record.said["setup"]


def test_nothing_had_to_be_answered_though_another_file_of_the_name_is_newer(record: Record) -> None:
    assert record.dialogs == []


def test_watch_sees_each_save_and_checks_what_has_changed(record: Record) -> None:
    assert record.said["watch, at first"].count("still empty") == 8
    assert "checking A1.1\nA1.1    1 / 1  complete" in record.said["watch, after A1.1"]
    assert "checking A1.2\n" in record.said["watch, after the split"]
    assert "checking A2.1\n" in record.said["watch, after A2.1"]
    assert record.watch_status == 0


def test_splitting_a_cell_copies_its_tag_and_the_pieces_count_together(record: Record) -> None:
    before, after = record.tags["at first"], record.tags["after the split"]

    assert (before.count(["fedsgd_diff"]), after.count(["fedsgd_diff"])) == (1, 2)
    assert read_figures(record.said["terminal"])["A1.2"] == "2 / 3"
    assert "together are taken for the answer" in record.said["terminal"].replace("\n", "")  # it wraps


def test_a_marked_cell_can_not_be_deleted(record: Record) -> None:
    assert record.tags["after deleting"] == record.tags["after the split"]
    assert record.can_delete == {"a marked cell": False, "the cell below": True}


def test_the_checks_are_run_in_a_terminal_of_jupyterlab(record: Record) -> None:
    figures = read_figures(record.said["terminal"])

    assert figures["A1.1"] == "1 / 1"
    assert {exercise for exercise, figure in figures.items() if figure.startswith("0")} == {
        *("A1.3", "A2.1", "A2.2", "A3.1", "A3.2", "A3.3")
    }


def test_work_is_there_when_the_notebook_is_opened_again(record: Record) -> None:
    first_line, _ = read_answer("fedsgd_diff").split("\n")

    assert record.reopened == {"fedsgd_weight": read_answer("fedsgd_weight"), "fedsgd_diff": first_line}


def test_what_was_packed_is_taken_in_and_graded(record: Record) -> None:
    assert "homework_1.ipynb  A1.1, A1.2, " in record.said["pack"]
    assert "hand it in through ILIAS" in record.said["pack"]
    scores = {
        test["extra_data"].get("check", test["name"]): test["status"]
        for test in record.grade["tests"]
        if "status" in test
    }
    assert set(scores.values()) == {"passed"}
    assert record.grade["score"] == 1.5
