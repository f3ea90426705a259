"""What goes back: what each platform's importer makes of it, as its source says, and what it must not contain."""

from __future__ import annotations

import io
import os
import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import platform_sources as given
import pytest
from platform_sources import Reading, write_folder
from standings import make_party

from grader.desk.cohort import Cohort, Member
from grader.desk.csv_table import parse_csv
from grader.desk.export import WRITERS, choose_changed, describe_absent, make_folder
from grader.desk.grades import (
    ExportError,
    ExportRequest,
    GradeEntry,
    Outgoing,
    format_points,
    name_feedback_page,
)

MOODLE_TABLE = (
    '\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum grade","Last modified (grade)","Feedback comments"\r\n'
    '"Participant 7770000","Muster, Anna",a@example.org,"Submitted for grading",,"24,00",-,\r\n'
    '"Participant 7770003","Anna ""AM"" Muster",b@example.org,"Submitted for grading",,"24,00",-,"=kept, as it was"\r\n'
    '"Participant 7770001",,,Submitted,"3,5","24,00",-,\r\n'
    '"Participant 7770002",,,Submitted,,"24,00",-,\r\n'
    '"Participant 7779999",Nobody,,"No submission",,"24,00",-,\r\n'
).encode()
CANVAS_TABLE = (
    b"Student;ID;SIS User ID;SIS Login ID;Section;Quiz (11);Homework 1 (4711);Total\r\n"
    b"    Points Possible;;;;;10;24;(read only)\r\n"
    b'"Muster, Anna";10231;s1;amuster;DDL;5;;\r\n'
    b'"Muster, Anna";10235;s2;amuster2;DDL;;1,5;\r\n'
    b'"Zimmer, Gina";10238;s3;gzimmer;DDL;;7;\r\n'
)


def list_entries(cohort: Cohort, folder: Path, points: float | None = 11.5) -> list[GradeEntry]:
    """Everybody with the same points and a page."""
    page = folder / "page.html"
    page.write_text("<p>seen</p>")
    uploads = {upload.party: upload for upload in cohort.uploads}
    return [
        GradeEntry(
            party.key,
            party.label,
            points if party.key in uploads else None,
            24,
            party.is_team,
            party.members,
            uploads[party.key].origin if party.key in uploads else "",
            tuple(name for name, _ in uploads[party.key].files) if party.key in uploads else (),
            {"A1.1": points},
            pages=(page,) if party.key in uploads else (),
        )
        for party in cohort.parties
    ]


def write(to: str, entries: list[GradeEntry], template: bytes | None = None, **request: object) -> Outgoing:
    table = parse_csv(template) if template is not None else None
    return WRITERS[to](entries, ExportRequest("Homework 1", table, **request))  # type: ignore[arg-type]


def list_names(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.namelist()


def read_sheet(content: bytes) -> list[list[object]]:
    openpyxl = pytest.importorskip("openpyxl")
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_a_row_that_ends_before_the_grade_is_told_as_without_its_party(
    read_cohort: Reading, tmp_path: Path
) -> None:
    entries = list_entries(read_cohort(given.MOODLE), tmp_path)
    short = MOODLE_TABLE.replace(b',"Submitted for grading",,"24,00",-,\r\n', b"\r\n", 1)

    assert "7770000" in write("moodle", entries, short).unmatched


def test_moodles_column_of_the_maximum_names_nobody(read_cohort: Reading, tmp_path: Path) -> None:
    """Even if it is the number of somebody, and most rows are of others."""
    entries = [
        replace(each, key="24") if each.key == "7770001" else each
        for each in list_entries(read_cohort(given.MOODLE), tmp_path)
    ]
    filled = write("moodle", entries, MOODLE_TABLE.replace(b"24,00", b"24")).files["grades.csv"]

    assert parse_csv(filled).rows[0][4] == "11,5"
    assert parse_csv(filled).rows[4][4] == ""


def test_feedback_reaches_each_student_of_ilias(read_cohort: Reading, tmp_path: Path) -> None:
    entries = list_entries(read_cohort(given.ilias()), tmp_path)
    ((name, content),) = write("ilias", entries).files.items()
    parts = [entry.split("/") for entry in list_names(content)]

    assert re.fullmatch(r"multi_feedback_Homework_1_\d+\.zip", name)
    assert all(len(part) == 3 and not part[2].startswith(".") for part in parts)
    assert {part[1].split("_")[-1] for part in parts} == {"10231", "10234", "10240", "10241"}


def test_without_pages_there_is_no_feedback_for_ilias(read_cohort: Reading, tmp_path: Path) -> None:
    entries = [replace(entry, pages=()) for entry in list_entries(read_cohort(given.ilias()), tmp_path)]
    with pytest.raises(ExportError, match="grader report RESULTS"):
        write("ilias", entries)


def test_ilias_takes_no_feedback_for_teams(read_cohort: Reading, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"not from teams: .*Team 17"):
        write("ilias", list_entries(read_cohort(given.ilias_teams()), tmp_path))


def test_the_status_file_of_ilias_is_read_by_position(read_cohort: Reading, tmp_path: Path) -> None:
    entries = list_entries(read_cohort(given.ilias()), tmp_path)
    entries[1] = replace(entries[1], points=2)
    entries[2] = replace(entries[2], points=None, reason="not graded yet")
    ((_, content),) = write("ilias-status", entries, pass_percent=40.0).files.items()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        header, *rows = read_sheet(archive.read("status.xlsx"))

    assert header == [
        "update",
        "usr_id",
        "login",
        "lastname",
        "firstname",
        "status",
        "mark",
        "notice",
        "comment",
        "plagiarism",
        "plag_comment",
    ]
    assert all(row[0] == 1 for row in rows)
    assert {row[1]: (row[5], row[6]) for row in rows} == {
        int(entry.key): ("passed", "11.5") if entry.points == 11.5 else ("failed", "2")
        for entry in entries
        if entry.points is not None
    }


STATUS_TABLE = (
    "update;usr_id;login;lastname;firstname;status;mark;notice;comment;plagiarism;plag_comment\r\n"
    "0;10231;amuster;Muster;Anna;notgraded;;;Kept;none detected;\r\n"
    "0;10234;dmueller;Müller;Dörte;notgraded;;;;none detected;\r\n"
    "0;10299;kweiss;Weiß;Kim;notgraded;;;;none detected;\r\n"
).encode()


def test_the_table_of_ilias_plugin_is_filled_in_and_who_is_nobody_here_is_listed(
    read_cohort: Reading, tmp_path: Path
) -> None:
    entries = [
        replace(entry, points=None) if entry.key == "10234" else entry
        for entry in list_entries(read_cohort(given.ilias()), tmp_path)
    ]
    outgoing = write("ilias-status", entries, STATUS_TABLE, pass_percent=40.0)
    ((_, content),) = outgoing.files.items()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rows = {row[1]: row for row in read_sheet(archive.read("status.xlsx"))[1:]}

    assert [rows[10231][place] for place in (0, 5, 6, 8)] == [1, "passed", "11.5", "Kept"]
    assert [rows[10234][place] for place in (0, 5, 6)] == ["0", "notgraded", None]
    assert (rows[10299][0], rows[10299][5], rows[10299][6]) == ("0", "notgraded", None)
    assert outgoing.strangers == ("kweiss Weiß Kim (10299)",)
    assert set(outgoing.unmatched) == {"10240", "10241", "10250"}


def test_that_ilias_names_nobody_who_handed_in_nothing_is_told() -> None:
    party = replace(make_party(1), platform="ilias")

    assert "no row in this table" in describe_absent([party], "csv", None)
    assert describe_absent([party], "ilias-status", parse_csv(STATUS_TABLE)) == ""
    assert describe_absent([make_party(1)], "csv", None) == ""


def test_a_table_of_another_assignment_of_ilias_is_refused(read_cohort: Reading, tmp_path: Path) -> None:
    entries = list_entries(read_cohort(given.ilias()), tmp_path)
    with pytest.raises(ExportError, match="No row of the template has the id"):
        write("ilias-status", entries, b"update,usr_id\n0,1\n")


@pytest.mark.parametrize(
    ("to", "cohort", "template", "told"),
    [
        ("moodle", given.MOODLE, MOODLE_TABLE, ('"Participant 7779999" Nobody',)),
        ("canvas", given.CANVAS, CANVAS_TABLE + b"New;777;;;DDL;;;\r\n", ("New 777",)),
        ("github", given.GITHUB, given.GITHUB_TABLE.encode(), ('lleer "Lars Leer"',)),
    ],
)
def test_who_is_nobody_here_is_listed_and_keeps_the_row(
    read_cohort: Reading,
    tmp_path: Path,
    to: str,
    cohort: dict[str, bytes],
    template: bytes,
    told: tuple[str, ...],
) -> None:
    outgoing = write(to, list_entries(read_cohort(cohort), tmp_path), template)

    assert outgoing.strangers == told


@pytest.mark.parametrize(
    ("to", "cohort", "template"),
    [
        ("moodle", given.MOODLE, MOODLE_TABLE),
        ("canvas", given.CANVAS, CANVAS_TABLE),
        ("github", given.GITHUB, given.GITHUB_TABLE.encode()),
        ("ilias-status", given.ilias(), STATUS_TABLE),
    ],
)
def test_blank_lines_of_a_template_are_nobody_s(
    read_cohort: Reading, tmp_path: Path, to: str, cohort: dict[str, bytes], template: bytes
) -> None:
    entries = list_entries(read_cohort(cohort), tmp_path)
    spaced = b"\n".join(line + b"\n" for line in template.splitlines()) + b"\n"
    plain, blank = (
        write(to, entries, each, **({"column": "Homework 1 (4711)"} if to == "canvas" else {}))
        for each in (template, spaced)
    )

    assert blank.strangers == plain.strangers
    assert len(blank.files) == len(plain.files)


def test_last_names_of_ilias_may_have_several_words(read_cohort: Reading, tmp_path: Path) -> None:
    entries = list_entries(read_cohort(given.ilias()), tmp_path)
    ((_, content),) = write("ilias-status", entries).files.items()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rows = read_sheet(archive.read("status.xlsx"))[1:]

    assert ["de la_Cruz", "José"] in [row[3:5] for row in rows]
    assert ["Muster", "Anna"] in [row[3:5] for row in rows]


def test_teams_of_ilias_have_a_folder_each(read_cohort: Reading, tmp_path: Path) -> None:
    entries = list_entries(read_cohort(given.ilias_teams()), tmp_path)
    ((name, content),) = write("ilias-status", entries).files.items()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        header, *rows = read_sheet(archive.read("status.xlsx"))

    assert name.startswith("Multi_Feedback_Homework_1_")
    assert any("/Team_17/" in entry for entry in list_names(content))
    assert header[:3] == ["update", "team_id", "logins"]
    assert rows[0][1:4] == [17, "erossi, kweiss", "notgraded"]


def test_the_worksheet_of_moodle_keeps_every_other_byte(read_cohort: Reading, tmp_path: Path) -> None:
    entries = list_entries(read_cohort(given.MOODLE), tmp_path)
    outgoing = write("moodle", entries, MOODLE_TABLE)

    expected = MOODLE_TABLE.replace(b'grading",,"24,00"', b'grading","11,5","24,00"')
    expected = expected.replace(b'Submitted,"3,5",', b'Submitted,"11,5",').replace(
        b"Submitted,,", b'Submitted,"11,5",'
    )
    assert outgoing.files["grades.csv"] == expected
    assert outgoing.unmatched == ("7770004",)


def test_a_worksheet_in_which_all_have_the_same_grade_is_filled_in(
    read_cohort: Reading, tmp_path: Path
) -> None:
    given_one = b'Identifier,Grade,Maximum\nParticipant 7770000,"1,5","24,0"\n'
    outgoing = write("moodle", list_entries(read_cohort(given.MOODLE), tmp_path), given_one)

    assert outgoing.files["grades.csv"] == given_one.replace(b"1,5", b"11,5")


@pytest.mark.parametrize(
    ("points", "text"),
    [(None, ""), (0.0, "0"), (11.5, "11.5"), (1234.5678, "1234.5678"), (10.0, "10"), (1 / 3, "0.3333")],
)
def test_points_are_written_without_needless_zeros(points: float | None, text: str) -> None:
    assert format_points(points) == text


def test_a_blank_keeps_what_the_worksheet_says(read_cohort: Reading, tmp_path: Path) -> None:
    entries = list_entries(read_cohort(given.MOODLE), tmp_path, points=None)

    assert write("moodle", entries, MOODLE_TABLE).files["grades.csv"] == MOODLE_TABLE


def test_feedback_reaches_each_participant_of_moodle(read_cohort: Reading, tmp_path: Path) -> None:
    outgoing = write("moodle", list_entries(read_cohort(given.MOODLE), tmp_path), MOODLE_TABLE)
    found = {}
    for name in list_names(outgoing.files["feedback.zip"]):
        info = name.split("/")[0].split("_", 4)
        found[info[1]] = (info[2], info[3], name.rpartition("/")[2])

    assert found == dict.fromkeys(
        ("7770000", "7770003", "7770001", "7770002"), ("assignsubmission", "file", "feedback.html")
    )


def test_what_moodle_would_drop_in_silence_is_said(read_cohort: Reading, tmp_path: Path) -> None:
    entries = list_entries(read_cohort(given.MOODLE), tmp_path, points=0)
    told = " ".join(write("moodle", entries, MOODLE_TABLE).warnings)

    assert "these 4 by hand" in told
    assert "modified records" in told


def test_each_zero_that_is_to_be_entered_by_hand_is_named() -> None:
    entries = [GradeEntry(str(number), f"Student {number}", 0, 24) for number in range(30)]
    table = "Identifier,Grade,Maximum\n" + "".join(f"Participant {number},,24\n" for number in range(30))
    told = write("moodle", entries, table.encode()).warnings[0]

    assert all(f'"Student {number}" ({number})' in told for number in range(30))


GROUPS = (
    b"Identifier,Full name,Group,Grade,Maximum grade\n"
    b"Participant 93,Anna,Group A,,24.00\nParticipant 2,Bo,Group A,,24.00\nParticipant 3,Eve,Group_B,,24.00\nParticipant 4,Kim,Group C,,24.00\n"
)


def test_the_points_of_a_group_of_moodle_go_to_all_its_members(read_cohort: Reading, tmp_path: Path) -> None:
    outgoing = write("moodle", list_entries(read_cohort(given.MOODLE_TEAMS), tmp_path), GROUPS)
    rows = parse_csv(outgoing.files["grades.csv"]).list_records()

    assert [row["Grade"] for row in rows] == ["11.5", "11.5", "11.5", ""]
    assert outgoing.unmatched == ("group Default group",)
    assert "feedback.zip" not in outgoing.files
    assert "no feedback of groups" in " ".join(outgoing.warnings)


def test_groups_of_moodle_that_can_not_be_told_apart_are_refused(
    read_cohort: Reading, tmp_path: Path
) -> None:
    entries = list_entries(read_cohort(given.MOODLE_TEAMS), tmp_path)
    with pytest.raises(ExportError, match=r"these share one: .*93.*94"):
        write("moodle", [replace(entry, label="Group A") for entry in entries], GROUPS)
    with pytest.raises(ExportError, match="names a group of this cohort"):
        write("moodle", entries, MOODLE_TABLE)


def test_the_gradebook_of_canvas_keeps_every_other_byte(read_cohort: Reading, tmp_path: Path) -> None:
    entries = list_entries(read_cohort(given.CANVAS), tmp_path)
    entries = [replace(entry, points=None) if entry.key == "10238" else entry for entry in entries]
    outgoing = write("canvas", entries, CANVAS_TABLE)

    expected = CANVAS_TABLE.replace(b"DDL;5;;", b"DDL;5;11,5;").replace(b"DDL;;1,5;", b"DDL;;11,5;")
    assert outgoing.files["gradebook.csv"] == expected
    assert b";7;" in outgoing.files["gradebook.csv"]
    assert set(outgoing.unmatched) == {"10239", "10242", "Ab3dE", "Xy9zZ", "Zz1"}


def test_feedback_goes_under_the_names_of_canvas(read_cohort: Reading, tmp_path: Path) -> None:
    outgoing = write("canvas", list_entries(read_cohort(given.CANVAS), tmp_path), CANVAS_TABLE)
    numbers = [re.findall(r"(?<=_)\d+(?=_)", name)[:2] for name in list_names(outgoing.files["feedback.zip"])]

    assert sorted(numbers) == [
        ["10231", "880001"],
        ["10235", "880002"],
        ["10238", "880007"],
        ["10239", "880011"],
    ]
    assert "Ab3dE" in " ".join(outgoing.warnings)


@pytest.mark.parametrize("to", ["moodle", "canvas"])
def test_without_the_platforms_own_table_nothing_is_made_up(
    to: str, read_cohort: Reading, tmp_path: Path
) -> None:
    entries = list_entries(read_cohort(given.MOODLE if to == "moodle" else given.CANVAS), tmp_path)
    with pytest.raises(ExportError, match="--template"):
        write(to, entries)


@pytest.mark.parametrize(
    ("to", "template", "told"),
    [
        ("moodle", b"a,b\n1,2\n", "names a participant of this cohort"),
        ("moodle", MOODLE_TABLE.replace(b"24,00", b""), r"name it with --column.*Grade"),
        ("canvas", CANVAS_TABLE.replace(b"10231", b"1"), None),
        (
            "canvas",
            CANVAS_TABLE.replace(b"Homework 1 (4711)", b"Other (4711)"),
            r"Quiz \(11\), Other \(4711\)",
        ),
        ("canvas", b"Student,ID\nx,y\n", "Those of assignments are none"),
    ],
)
def test_another_table_is_refused(
    to: str, template: bytes, told: str | None, read_cohort: Reading, tmp_path: Path
) -> None:
    entries = list_entries(read_cohort(given.MOODLE if to == "moodle" else given.CANVAS), tmp_path)
    if told is None:
        assert "10231" in write(to, entries, template).unmatched
        return
    with pytest.raises(ExportError, match=told):
        write(to, entries, template)


def test_a_named_column_is_filled_in(read_cohort: Reading, tmp_path: Path) -> None:
    entries = list_entries(read_cohort(given.CANVAS), tmp_path)
    outgoing = write("canvas", entries, CANVAS_TABLE, column="Quiz (11)")

    assert b"DDL;11,5;;" in outgoing.files["gradebook.csv"]
    with pytest.raises(ExportError, match="has no column"):
        write("canvas", entries, CANVAS_TABLE, column="Quiz (12)")


def test_classroom_gets_points_by_repository(read_cohort: Reading, tmp_path: Path) -> None:
    entries = list_entries(read_cohort(given.GITHUB), tmp_path)
    outgoing = write("github", entries, given.GITHUB_TABLE.encode())
    points = [row["points_awarded"] for row in parse_csv(outgoing.files["grades.csv"]).list_records()]

    assert points == ["11.5", "11.5", "11.5", "0"]
    assert "feedback/ddl-1-the-team/feedback.html" in outgoing.files


def test_gradescope_gets_a_row_per_student(read_cohort: Reading, tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    entries = list_entries(read_cohort(given.GRADESCOPE), tmp_path)
    rows = parse_csv(write("gradescope", entries).files["grades.csv"]).list_records()

    assert [(row["SID"], row["Email"], row["Total Score"]) for row in rows if row["Total Score"]] == [
        ("3141592", "anna@example.org", "11.5"),
        ("", "eva@example.org", "11.5"),
        ("2718281", "", "11.5"),
    ]


FORMULAS = ["=1+1", "+1", "-1", "@x", "\t=1"]


@pytest.mark.parametrize("text", FORMULAS, ids=range(len(FORMULAS)))
def test_text_never_becomes_a_formula(text: str) -> None:
    entry = GradeEntry("7", text, 1, 24, members=(Member("7", text, text, text),), reason=text)
    rows = read_sheet(write("xlsx", [entry]).files["grades.xlsx"])
    cells = parse_csv(write("csv", [entry]).files["grades.csv"]).rows[0]

    assert rows[1][1] == text
    with zipfile.ZipFile(io.BytesIO(write("xlsx", [entry]).files["grades.xlsx"])) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in cells)


def test_unknown_points_are_blank_in_tables() -> None:
    entry = GradeEntry("7", "Anna", None, 24, exercises={"A1": None, "A2": 0.0}, reason="not graded yet")
    row = parse_csv(write("csv", [entry]).files["grades.csv"]).list_records()[0]

    assert (row["A1"], row["A2"], row["points"], row["blank because"]) == ("", "0", "", "not graded yet")


def test_what_lateness_costs_is_a_column_of_its_own() -> None:
    entry = GradeEntry("7", "Anna", 9.0, 24, exercises={"A1": 10.0}, deduction=1.0, lateness="1 day late.")
    row = parse_csv(write("csv", [entry]).files["grades.csv"]).list_records()[0]

    assert (row["A1"], row["late"], row["points"], row["why late"]) == ("10", "-1", "9", "1 day late.")


def test_two_exports_at_once_have_a_folder_each(tmp_path: Path) -> None:
    """Also before either has written anything."""
    assert [make_folder(tmp_path, "csv").name for _ in range(2)] == ["csv-1", "csv-2"]


def test_only_changed_points_are_chosen() -> None:
    entries = [
        GradeEntry(key, key, points, 24) for key, points in (("1", 1.0), ("2", 2.0), ("3", None), ("4", 4.0))
    ]

    assert [entry.key for entry in choose_changed(entries, {"1": 1.0, "2": 1.5, "3": None})] == ["2", "4"]


@pytest.mark.parametrize(
    "key", ["10231", "team-17", "eva@example.org", "../../etc/passwd", "Anna Müster", "x" * 500, "a/b"]
)
def test_the_name_of_a_page_is_safe_and_its_own(key: str) -> None:
    name = name_feedback_page(key)

    assert re.fullmatch(r"[\w@+%. -]{1,140}\.html", name, re.ASCII)
    assert "/" not in name
    assert not name.startswith(".")
    assert name != name_feedback_page(f"{key}2")


def test_a_pdf_goes_with_the_page(read_cohort: Reading, tmp_path: Path) -> None:
    (pdf := tmp_path / "page.pdf").write_bytes(b"%PDF")
    entries = [
        replace(each, pages=(*each.pages, pdf)) for each in list_entries(read_cohort(given.ilias()), tmp_path)
    ]
    ((_, content),) = write("ilias", entries).files.items()

    assert {name.rpartition("/")[2] for name in list_names(content)} == {"feedback.html", "feedback.pdf"}


def test_names_go_back_as_the_platform_gave_them(read_cohort: Reading, tmp_path: Path) -> None:
    folder = "Mu\u0308ller: A\u200bnna_7_assignsubmission_file"  # which are others in a clean name
    entries = list_entries(read_cohort({f"{folder}/hw.ipynb": given.NOTEBOOK}), tmp_path)
    template = b"Identifier,Grade,Maximum\nParticipant 7,,24\n"

    assert list_names(write("moodle", entries, template).files["feedback.zip"]) == [f"{folder}/feedback.html"]


@pytest.mark.skipif(sys.platform != "linux", reason="only there names are bytes")
def test_a_name_that_is_no_text_goes_back_byte_for_byte(read_cohort: Reading, tmp_path: Path) -> None:
    folder = os.fsdecode(b"M\xfcller_7_assignsubmission_file")
    write_folder(tmp_path / "source", {f"{folder}/hw.ipynb": given.NOTEBOOK})
    entries = list_entries(read_cohort(tmp_path / "source"), tmp_path)
    outgoing = write("moodle", entries, b"Identifier,Grade,Maximum\nParticipant 7,,24\n")

    assert entries[0].label == "Müller"
    assert outgoing.files["feedback.zip"].count(b"M\xfcller_7_assignsubmission_file/feedback.html") == 2


def test_feedback_is_called_like_nothing_that_was_handed_in() -> None:
    assert (
        GradeEntry("7", "Anna", 1, 1, files=("Feedback.html", "sub/feedback-2.html")).name_feedback()
        == "feedback-3.html"
    )
