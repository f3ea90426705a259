"""`grader similar`: pairs are told and flagged once, and what can't be read is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from grader.__main__ import main
from grader.desk import alike
from grader.desk.cohort import Cohort, Member, Party, Upload
from grader.desk.gradebook import open_gradebook, read_standings
from grader.homework import read_homework
from grader.new import TEMPLATE

HOMEWORK = read_homework(TEMPLATE)
NOW = datetime(2026, 11, 28, tzinfo=UTC)
COPIED = """
def {name}(ring, vectors):
    {name}_parts = [list(chunk) for chunk in vectors]
    for step in range(len({name}_parts) - 1):
        for worker, part in enumerate({name}_parts):
            ring.send(worker, part[(worker - step) % len({name}_parts)])
    return [sum(numbers) / len(numbers) for numbers in zip(*{name}_parts)]
"""
OTHER = (
    "totals = {}\nwhile queue:\n    who, what = queue.popleft()\n    totals[who] = totals.get(who, 0) + what\nassert totals\n"
    * 2
)


def write_notebook(path: Path, source: str) -> Path:
    cell = nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]
    path.parent.mkdir()
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])))  # type: ignore[no-untyped-call]
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    sources = {"1": COPIED.format(name="mine"), "2": COPIED.format(name="ours"), "3": OTHER}
    files = {key: write_notebook(tmp_path / key / "ring.ipynb", source) for key, source in sources.items()}
    (tmp_path / "4").mkdir()
    files["4"] = tmp_path / "4" / "ring.ipynb"
    files["4"].write_text(json.dumps({"cells": 3}))
    parties = tuple(Party(key, (Member(key),), "Kim Muster") for key in files)
    uploads = tuple(Upload(key, (("ring.ipynb", path),), key, NOW) for key, path in files.items())
    with open_gradebook(tmp_path / "results", create=True) as book:
        book.enrol(Cohort("folder", parties, uploads))
    return tmp_path / "results"


def list_flags(results: Path) -> dict[str, list[str]]:
    with open_gradebook(results) as book:
        return {
            party.key: [flag.text for flag in party.flags if flag.settled_at is None]
            for party in read_standings(book, HOMEWORK)
        }


def test_a_pair_is_told_and_flagged(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["similar", str(results), "--homework", str(TEMPLATE)])
    told = capsys.readouterr().out

    assert status == 0
    assert "(1) and" in told
    assert "(2): 100%" in told
    assert "1 similar pair" in told
    assert "(4) could not be compared: " in told
    flags = list_flags(results)
    assert len(flags["1"]) == len(flags["2"]) == 1
    assert flags["3"] == []


def test_a_pair_is_shown_side_by_side(results: Path) -> None:
    main(["similar", str(results), "--homework", str(TEMPLATE)])
    main(["report", str(results), "--homework", str(TEMPLATE)])
    page = (results / "report" / "similar.html").read_text()

    assert "100 %" in page
    assert page.count("def mine(ring, vectors):") == page.count("def ours(ring, vectors):") == 1


def test_where_the_disk_is_full_earlier_pairs_stay(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["similar", str(results), "--homework", str(TEMPLATE)])
    before = (results / "similar.json").read_bytes()

    def fill(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(alike, "read_passages", fill)
    status = main(["similar", str(results), "--homework", str(TEMPLATE)])

    assert status == 2
    assert "No space left on device" in capsys.readouterr().err
    assert (results / "similar.json").read_bytes() == before


def test_a_settled_flag_stays_settled(results: Path) -> None:
    main(["similar", str(results), "--homework", str(TEMPLATE)])
    with open_gradebook(results) as book:
        for party in read_standings(book, HOMEWORK):
            for flag in party.flags:
                book.settle_flag(flag.id)
    main(["similar", str(results), "--homework", str(TEMPLATE)])

    assert not any(list_flags(results).values())


@pytest.mark.parametrize("share", ["0", "1.5", "many", "nan"])
def test_a_share_is_a_number_up_to_one(results: Path, capsys: pytest.CaptureFixture[str], share: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["similar", str(results), "--threshold", share])

    assert ended.value.code == 2
    assert "is not a share" in capsys.readouterr().err
