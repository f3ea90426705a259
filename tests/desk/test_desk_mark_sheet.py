"""Points by hand as a table: all of it is read back, or nothing, and each bad cell is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql
from platform_sources import MOODLE, Reading

from grader.__main__ import main
from grader.desk import mark_sheet
from grader.desk.csv_table import make_table, read_csv
from grader.desk.gradebook import GRADED, RunOutcome, open_gradebook, read_standings, schema
from grader.desk.mark_sheet import MarkChange, _find_shortened, read_sheet
from grader.homework import read_homework
from grader.new import TEMPLATE

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ANSWER = "=HYPERLINK(1)\nbecause"


def make_run() -> RunOutcome:
    extra = {"outcome": "manual", "answer": ANSWER}
    manual = {"number": "R2", "name": "Explanation", "score": 0, "max_score": 1, "extra_data": extra}
    passed = {
        "number": "R2",
        "name": "it works",
        "score": 1,
        "max_score": 1,
        "extra_data": {"outcome": "passed"},
    }
    first = {
        "number": "R1",
        "name": "it works",
        "score": 2,
        "max_score": 2,
        "extra_data": {"outcome": "passed"},
    }
    return RunOutcome(
        GRADED, "", {"tests": [first, passed, manual]}, {"results.json": b"{}"}, "h", NOON, NOON, 1.0
    )


@pytest.fixture
def results(tmp_path: Path, read_cohort: Reading) -> Path:
    """Four hand-ins of which two are graded; in each an explanation is graded by hand."""
    with open_gradebook(tmp_path / "results", create=True) as book:
        book.enrol(read_cohort(MOODLE))
        for party in read_standings(book, read_homework(TEMPLATE)):
            if party.key in ("7770000", "7770003") and party.handin is not None:
                book.add_run(party.handin.id, make_run())
    return tmp_path / "results"


class Desk:
    """Runs the command, and looks at the gradebook."""

    def __init__(self, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.results, self._capsys = results, capsys

    def run(self, direction: str, path: Path, *more: str) -> tuple[int, str]:
        status = main(["marks", str(self.results), direction, str(path), "--homework", str(TEMPLATE), *more])
        told = self._capsys.readouterr()
        return status, told.out + told.err

    def list_marks(self) -> dict[str, float]:
        with open_gradebook(self.results) as book:
            standings = read_standings(book, read_homework(TEMPLATE))
        return {
            party.key: mark.points
            for party in standings
            for each in party.exercises
            for mark in each.marks.values()
        }

    def mark(self, points: float, comment: str) -> int:
        """Give points for what stands in the table's first row."""
        with open_gradebook(self.results) as book:
            party = next(
                each for each in read_standings(book, read_homework(TEMPLATE)) if each.key == "7770000"
            )
            return book.add_mark(party.id, "R2", "Explanation", points, comment=comment)

    def insert(self, number: int, key: str, points: float) -> None:
        """Give points as a mark of this number."""
        with open_gradebook(self.results) as book, book.write() as connection:
            party = connection.scalar(sql.select(schema.party.c.id).where(schema.party.c.key == key))
            values = {
                "id": number,
                "party_id": party,
                "exercise": "R2",
                "item": "Explanation",
                "points": points,
            }
            connection.execute(sql.insert(schema.mark).values(**values, comment="", author=""))

    def list_comments(self) -> dict[str, str]:
        with open_gradebook(self.results) as book:
            standings = read_standings(book, read_homework(TEMPLATE))
        marks = {
            party.key: mark for party in standings for each in party.exercises for mark in each.marks.values()
        }
        return {key: mark.comment for key, mark in marks.items()}


@pytest.fixture
def desk(results: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(results, capsys)


def change(path: Path, **cells: Any) -> None:
    """Change cells of the first row below the header, by column; `second_…` of the row below."""
    if path.suffix == ".xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.load_workbook(path)
        header = [cell.value for cell in book.active[1]]
        for name, value in cells.items():
            row = 3 if name.startswith("second_") else 2
            book.active.cell(row, header.index(name.removeprefix("second_")) + 1).value = value
        book.save(path)
        return
    table = read_csv(path)
    filled = {
        (int(name.startswith("second_")), table.header.index(name.removeprefix("second_"))): str(value)
        for name, value in cells.items()
    }
    path.write_bytes(table.fill(filled).encode())


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_points_come_back(ending: str, desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / f"marks{ending}"
    assert desk.run("export", path)[0] == 0
    change(path, points=0.5, comment="good", second_points=1)
    status, out = desk.run("import", path, "--by", "Kim")

    assert (status, out) == (0, "2 marks noted.\n")
    assert desk.list_marks() == {"7770000": 0.5, "7770003": 1}
    path.unlink()
    desk.run("export", path)
    assert desk.run("import", path) == (0, "0 marks noted.\n")


def test_a_comma_is_a_decimal_mark_too(desk: Desk, tmp_path: Path) -> None:
    desk.run("export", tmp_path / "marks.csv")
    change(tmp_path / "marks.csv", points="0,25")
    desk.run("import", tmp_path / "marks.csv")

    assert desk.list_marks() == {"7770000": 0.25}


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"points": "1.5"}, "row 2, points (column E): 1.5 is not a number from 0 to 1"),
        ({"points": "-1"}, "row 2, points (column E): -1 is not a number"),
        ({"points": "nan"}, "nan is not a number"),
        ({"points": "half"}, "half is not a number"),
        ({"key": "999"}, "row 2, key (column A): 999 is not in the gradebook"),
        ({"key": "7770004"}, "7770004 is not in the gradebook, or has handed in nothing"),
        ({"name": "Bo"}, "row 2, name (column B): Bo is not whose key 7770000 is"),
        (
            {"exercise": "R9"},
            "row 2, item (column D): R9 Explanation is nothing that 7770000 can be given points for",
        ),
        ({"item": "Style"}, "R2 Style is nothing"),
        ({"hand_in": "0123"}, "row 2, hand_in (column J): this is not what 7770000 has handed in last"),
        ({"key": ""}, "row 2, key (column A): the key is missing"),
        ({"key": "7.77E+06"}, "taken the key for a number: export an .xlsx"),
        (
            {"points": "", "comment": "Well"},
            "row 2, comment (column G): a comment reaches nobody without points",
        ),
        ({"comment": "x" * 10_001}, "row 2, comment (column G): the comment has 10,001 characters"),
        ({"given": "01. Mai"}, 'row 2, given (column H): "01. Mai" is not a number'),
        ({"key": "7770003", "hand_in": "", "name": ""}, "hand_in"),
    ],
)
def test_one_bad_cell_is_named_and_nothing_is_imported(
    cells: dict[str, str], told: str, desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "marks.csv"
    desk.run("export", path)
    change(path, **{"points": "0.5", "second_points": "1", **cells})
    status, out = desk.run("import", path)

    assert status == 2
    assert told in out
    assert desk.list_marks() == {}


def test_every_bad_cell_is_named(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    desk.run("export", path)
    change(path, points="9", second_points="x")
    _, out = desk.run("import", path)

    assert "row 2, points" in out
    assert "row 3, points" in out


def test_the_same_item_twice_is_a_fault(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    desk.run("export", path)
    table = read_csv(path)
    path.write_bytes(make_table([table.header, *table.rows, table.rows[0]]).encode())
    status, out = desk.run("import", path)

    assert status == 2
    assert "the same item stands in row 2" in out


def test_what_somebody_else_gave_since_is_not_overwritten(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    desk.run("export", path)
    change(path, points="1")
    desk.run("export", tmp_path / "other.csv")
    change(tmp_path / "other.csv", points="0.25")
    desk.run("import", tmp_path / "other.csv")
    status, out = desk.run("import", path)

    assert status == 2
    assert "somebody has given 0.25 since" in out
    assert desk.list_marks() == {"7770000": 0.25}


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_two_graders_can_share_the_rows(ending: str, desk: Desk, tmp_path: Path) -> None:
    """What one of them has not touched does not count as a decision."""
    kim, eva = tmp_path / f"kim{ending}", tmp_path / f"eva{ending}"
    for path in (kim, eva):
        desk.run("export", path)
    change(kim, points=0.5, comment="good")
    change(eva, second_points=1)

    assert desk.run("import", kim)[0] == 0
    assert desk.run("import", eva) == (0, "1 mark noted.\n")
    assert desk.run("import", kim) == (0, "0 marks noted.\n")
    assert desk.list_marks() == {"7770000": 0.5, "7770003": 1}


def test_a_comment_that_somebody_has_changed_since_is_not_overwritten(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    desk.mark(0.5, "good")
    desk.run("export", path)
    desk.mark(0.5, "very good")
    assert desk.run("import", path) == (0, "0 marks noted.\n")
    change(path, comment="so-so")

    assert "somebody has changed the comment since" in desk.run("import", path)[1]


@pytest.mark.parametrize("comment", ["=1+1", "-1 for style", "two\nlines", "two\r\nlines", "@all 😀 אבג"])
@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_a_comment_comes_back_as_it_was(ending: str, comment: str, desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / f"marks{ending}"
    desk.mark(0.5, comment)
    desk.run("export", path)
    assert desk.run("import", path) == (0, "0 marks noted.\n")
    change(path, points="1")
    desk.run("import", path)

    assert desk.list_comments() == {"7770000": "\n".join(comment.splitlines())}


def test_points_given_while_a_table_is_read_are_not_overwritten(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "marks.csv"
    desk.run("export", path)
    change(path, points="1")

    def read_slowly(*given: Any) -> list[MarkChange]:
        changes = read_sheet(*given)
        desk.mark(0.25, "")
        return changes

    monkeypatch.setattr(mark_sheet, "read_sheet", read_slowly)
    status, out = desk.run("import", path)
    assert (status, "just now: give the command again" in out) == (2, True)
    assert desk.list_marks() == {"7770000": 0.25}


def test_points_whose_number_is_lower_than_that_of_later_ones_are_not_overwritten(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL gives a mark its number when it is written, and shows it when its transaction ends."""
    path = tmp_path / "marks.csv"
    desk.run("export", path)
    change(path, points="1")
    desk.insert(7, "7770003", 0.5)

    def read_slowly(*given: Any) -> list[MarkChange]:
        changes = read_sheet(*given)
        desk.insert(6, "7770000", 0.25)
        return changes

    monkeypatch.setattr(mark_sheet, "read_sheet", read_slowly)
    assert desk.run("import", path)[0] == 2
    assert desk.list_marks() == {"7770000": 0.25, "7770003": 0.5}


def test_a_table_is_not_written_over_another_one(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    desk.run("export", path)
    change(path, points="1")
    before = path.read_bytes()

    assert "may hold points that nobody has imported" in desk.run("export", path)[1]
    assert path.read_bytes() == before


def test_a_column_that_is_there_twice_is_refused(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    desk.run("export", path)
    table = read_csv(path)
    path.write_bytes(make_table([[*row, row[4]] for row in (table.header, *table.rows)]).encode())

    assert "more than one column points" in desk.run("import", path)[1]


def test_no_spreadsheet_takes_what_stands_for_a_hand_in_for_a_number(desk: Desk, tmp_path: Path) -> None:
    desk.run("export", tmp_path / "marks.csv")

    assert all(row["hand_in"].startswith("#") for row in read_csv(tmp_path / "marks.csv").list_records())


def test_zeros_that_a_spreadsheet_took_from_a_key_are_not_missed() -> None:
    found = _find_shortened({(key, "R2", "x"): None for key in ("0071", "1", "01", "a", "000")})  # type: ignore[misc]

    assert set(found) == {("71", "R2", "x"), ("0", "R2", "x")}


def test_somebody_has_to_give_the_points(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "marks.csv"
    desk.run("export", path)
    change(path, points="1")

    def fail() -> str:
        raise KeyError("getpwuid(): uid not found: 1000")

    monkeypatch.setattr("getpass.getuser", fail)
    status, out = desk.run("import", path)

    assert (status, desk.list_marks()) == (2, {})
    assert "say it with --by NAME" in out


def test_an_emptied_cell_takes_the_points_back(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    desk.run("export", path)
    change(path, points="1")
    desk.run("import", path)
    path.unlink()
    desk.run("export", path)
    change(path, points="")

    assert desk.run("import", path) == (0, "1 mark noted, 1 of them taken back.\n")
    assert desk.list_marks() == {}


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_a_students_text_never_becomes_a_formula(ending: str, desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / f"marks{ending}"
    desk.run("export", path)
    if ending == ".csv":
        assert read_csv(path).rows[0][-1] == f"'{ANSWER}"
    else:
        openpyxl = pytest.importorskip("openpyxl")
        cell = openpyxl.load_workbook(path).active["K2"]
        assert (cell.data_type, cell.value) == ("s", ANSWER)


def test_blind_marking_shows_no_name(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    desk.run("export", path, "--blind")

    assert b"Anna" not in path.read_bytes()
    assert b"777000" not in path.read_bytes()  # a key may be a name, too
    change(path, points="1")
    assert desk.run("import", path)[0] == 0


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("marks.csv", b"a,b\n", "has no column key"),
        ("marks.csv", b"", "can't be read: it is empty"),
        ("marks.xlsx", b"hello", "can't be read"),
        ("marks.ods", b"", "neither .csv nor .xlsx"),
    ],
)
def test_another_file_is_refused(name: str, content: bytes, told: str, desk: Desk, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    status, out = desk.run("import", tmp_path / name)

    assert status == 2
    assert told in out
