"""Who handed in what, on each platform: keys are the platform's ids, and nothing is dropped in silence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import platform_sources as given
import pytest
from platform_sources import NOTEBOOK, Files, Reading

from grader.desk.cohort import Cohort
from grader.desk.tree import SourceError

AT = datetime(2026, 11, 20, 20, 58, tzinfo=UTC)


def list_files(cohort: Cohort) -> dict[str, list[str]]:
    return {upload.party: [name for name, _ in upload.files] for upload in cohort.uploads}


def list_sentences(cohort: Cohort) -> str:
    return "\n".join([problem.sentence for problem in cohort.problems])


@pytest.mark.parametrize("is_packed", [True, False], ids=["zip", "folder"])
def test_ilias(read_cohort: Reading, is_packed: bool) -> None:
    cohort = read_cohort(given.ilias(), is_packed=is_packed)
    parties = {party.key: party for party in cohort.parties}
    uploads = {upload.party: upload for upload in cohort.uploads}

    assert cohort.platform == "ilias"
    assert list_files(cohort) == {
        "10231": ["homework_1.ipynb", "part_b.zip"],
        "10234": ["homework_1.ipynb"],
        "10240": ["homework_1.ipynb"],
        "10241": ["homework_1.ipynb"],
    }
    assert [parties[key].label for key in ("10231", "10240", "10234", "10241")] == [
        "Anna Muster",
        "Anna Muster",
        "Dörte Müller-Lüdenscheidt",
        "José de la_Cruz",
    ]
    assert parties["10241"].members[0].login == "j_cruz_7"
    assert uploads["10231"].handed_in_at == AT
    assert uploads["10241"].handed_in_at == datetime(2026, 11, 20, 21, 10, tzinfo=UTC)
    assert [uploads[key].is_late for key in ("10231", "10234")] == [False, True]
    assert uploads["10234"].files[0][1].read_bytes() == NOTEBOOK
    assert uploads["10234"].origin == "Mueller-Luedenscheidt_Doerte_dmueller_10234"
    assert any("(2).ipynb" in choice and "the highest number" in choice for choice in cohort.choices)
    assert "Lars Leer" in list_sentences(cohort)
    assert "Kim Weiß" in list_sentences(cohort)


def test_students_of_ilias_are_told_apart_by_the_whole_name_else_by_the_login(read_cohort: Reading) -> None:
    rows = [
        ["Nachname", "Vorname", "Benutzername", "Letzte Abgabe"],
        ["Zech", "Rita", "b", None],
        ["Muster", "Anna", "Rita_b", None],
        ["Łasik", "Jan", "k_y", None],
        ["Nowak", "Ola", "y", None],
    ]
    folders = ("Zech_Rita_b_7", "Muster_Anna_Rita_b_8", "Lasik_Jan_k_y_9", "Nowak_Ola_y_10")
    files = {f"Homework 1/Abgaben/{folder}/homework_1.ipynb": NOTEBOOK for folder in folders}
    cohort = read_cohort({"Homework 1/Homework 1.xlsx": given.make_xlsx(rows), **files})

    assert {party.key: party.label for party in cohort.parties} == {
        "7": "Rita Zech",
        "8": "Anna Muster",
        "9": "Jan Łasik",
        "10": "Ola Nowak",
    }


def test_teams_of_ilias(read_cohort: Reading) -> None:
    cohort = read_cohort(given.ilias_teams())
    team = next(party for party in cohort.parties if party.key == "team-17")

    assert team.is_team
    assert {(member.key, member.name) for member in team.members} == {
        ("10236", "Eva Rossi"),
        ("kweiss", "Kim Weiß"),
    }
    assert list_files(cohort) == {"team-17": ["homework_1.ipynb"], "team-21": ["homework_1.ipynb"]}
    assert cohort.uploads[0].origin == "Team 17"
    assert cohort.problems == ()


def test_of_two_members_files_the_later_one_counts(read_cohort: Reading) -> None:
    rows = [
        ["Nachname", "Vorname", "Benutzername", "Letzte Abgabe", "Team"],
        ["Rossi", "Eva", "erossi", datetime(2026, 11, 20, 21, 58), "17"],
        ["Weiß", "Kim", "kweiss", datetime(2026, 11, 20, 20, 0), "17"],
    ]
    place = "Homework 1/Abgaben/Team 17"
    files = {
        "Homework 1/Homework 1.xlsx": given.make_xlsx(rows),
        f"{place}/Rossi_Eva_erossi_10236/homework_1.ipynb": NOTEBOOK,
        f"{place}/Weiss_Kim_kweiss_10299/homework_1.ipynb": b"earlier",
        f"{place}/Weiss_Kim_kweiss_10299/b1.py": b"x = 1",
    }
    cohort = read_cohort(files)

    assert list_files(cohort) == {"team-17": ["b1.py", "homework_1.ipynb"]}
    assert cohort.uploads[0].files[1][1].read_bytes() == NOTEBOOK
    assert [member.key for member in cohort.parties[0].members] == ["10236", "10299"]
    assert any("whose owner handed in last" in choice for choice in cohort.choices)


@pytest.mark.parametrize("is_packed", [True, False], ids=["zip", "folder"])
def test_moodle(read_cohort: Reading, is_packed: bool) -> None:
    cohort = read_cohort(given.MOODLE, is_packed=is_packed, name="DDL-Homework 1-4711")

    assert cohort.platform == "moodle"
    assert list_files(cohort) == {
        "7770000": ["homework_1.ipynb"],
        "7770003": ["homework_1.ipynb"],
        "7770001": ["sub/part_b.zip"],
        "7770002": ["home_work_1.ipynb"],
    }
    assert {party.key: party.label for party in cohort.parties}["7770002"] == "Jörg O'Neil"
    assert cohort.uploads[0].origin == "Anna Muster_7770000_assignsubmission_file"
    assert [problem.party for problem in cohort.problems] == ["7770000", "7770004"]


def test_teams_of_moodle(read_cohort: Reading) -> None:
    cohort = read_cohort(given.MOODLE_TEAMS)

    assert all(party.is_team for party in cohort.parties)
    assert set(list_files(cohort)) == {"93", "94", "group Default group"}


@pytest.mark.parametrize("is_packed", [True, False], ids=["zip", "folder"])
def test_canvas(read_cohort: Reading, is_packed: bool) -> None:
    cohort = read_cohort(given.CANVAS, is_packed=is_packed, name="submissions")
    uploads = {upload.party: upload for upload in cohort.uploads}

    assert cohort.platform == "canvas"
    assert list_files(cohort) == {
        "10231": ["homework_1.ipynb", "part_b.zip"],
        "10235": ["homework_1.ipynb"],
        "10238": ["homework_1.ipynb"],
        "10239": ["homework_1.ipynb"],
        "Ab3dE": ["homework_1.ipynb"],
        "Xy9zZ": ["12_34_homework.ipynb"],
    }
    assert {key for key, upload in uploads.items() if upload.is_late} == {"10238", "Xy9zZ"}
    assert uploads["10239"].files[0][1].read_bytes() == NOTEBOOK
    assert uploads["10239"].origin == "zimmergina_10239_880011_homework_1.ipynb"
    assert any("handed in twice" in choice for choice in cohort.choices)
    assert {problem.party for problem in cohort.problems} == {"10242", "Zz1"}


def test_gradescope(read_cohort: Reading) -> None:
    pytest.importorskip("yaml")
    cohort = read_cohort(given.GRADESCOPE)
    parties = {party.key: party for party in cohort.parties}

    assert cohort.platform == "gradescope"
    assert list_files(cohort) == {
        "3141592": ["homework_1.ipynb"],
        "team-2718281+eva@example.org": ["sub/homework_1.ipynb"],
    }
    assert parties["team-2718281+eva@example.org"].is_team
    assert parties["other-anna@example.org"].label == "Anna Muster"
    assert parties["submission_127-1"].label == "No Ids"
    assert cohort.uploads[-1].handed_in_at is not None
    assert "submission_126 belongs to nobody" in list_sentences(cohort)
    assert "has handed in nothing" in list_sentences(cohort)


def test_github(read_cohort: Reading, tmp_path: Path) -> None:
    table = tmp_path / "grades.csv"
    table.write_text(given.GITHUB_TABLE, encoding="utf-8")
    cohort = read_cohort(given.GITHUB, table)
    parties = {party.key: party for party in cohort.parties}

    assert cohort.platform == "github"
    assert list_files(cohort) == {"ddl-1-amuster": ["homework_1.ipynb"], "ddl-1-the-team": ["src/b1.py"]}
    assert parties["ddl-1-amuster"].label == "Anna Müster"
    assert [member.key for member in parties["ddl-1-the-team"].members] == ["erossi", "kweiss"]
    assert cohort.uploads[0].handed_in_at == AT
    assert "Lars Leer" in list_sentences(cohort)


def test_who_has_no_repository_is_told(read_cohort: Reading) -> None:
    table = given.GITHUB_TABLE + "DDL 1,u,s,nnever,Ned Never,,,,,12,\n"

    assert '"Ned Never" (nnever) has no repository' in list_sentences(
        read_cohort({**given.GITHUB, "grades.csv": table.encode()})
    )


def test_github_without_its_table(read_cohort: Reading) -> None:
    cohort = read_cohort(given.GITHUB, is_packed=False)

    assert [(party.key, party.label) for party in cohort.parties] == [
        ("ddl-1-amuster", "amuster"),
        ("ddl-1-the-team", "the-team"),
    ]


@pytest.mark.parametrize("is_packed", [True, False], ids=["zip", "folder"])
def test_github_without_the_folder_around(read_cohort: Reading, is_packed: bool) -> None:
    files = {name.partition("/")[2]: content for name, content in given.GITHUB.items()}
    cohort = read_cohort(files, is_packed=is_packed, name="ddl-1-submissions")

    assert (cohort.platform, [party.label for party in cohort.parties]) == ("github", ["amuster", "the-team"])


@pytest.mark.parametrize("is_packed", [True, False], ids=["zip", "folder"])
def test_a_plain_folder(read_cohort: Reading, is_packed: bool) -> None:
    cohort = read_cohort(given.FOLDER, is_packed=is_packed)

    assert cohort.platform == "folder"
    assert list_files(cohort) == {
        "bo": ["bo.ipynb"],
        "Anna Müster": ["homework_1.ipynb", "part_b/b1.py"],
        "amuster2": ["amuster2.zip"],
    }
    assert {party.key: party.label for party in cohort.parties}["bo"] == "Bo Adler"
    assert "notes.txt belongs to nobody" in list_sentences(cohort)
    assert "Nobody (nobody) has handed in nothing" in list_sentences(cohort)


def test_a_file_in_a_plain_folder_is_somebody_s_by_its_kind_or_by_the_roster(read_cohort: Reading) -> None:
    files = {"dora.ipynb.txt": NOTEBOOK, "emil.rar": b"Rar!", "fay.html": b"<p>", "gus.pdf": b"%PDF"}
    table = {"roster.csv": b"key,name\nfay,Fay Weiss\n"}

    assert list_files(read_cohort({**files, **table})) == {
        "dora": ["dora.ipynb.txt"],
        "emil": ["emil.rar"],
        "fay": ["fay.html"],
    }
    assert "gus.pdf belongs to nobody" in list_sentences(read_cohort({**files, **table}))


@pytest.mark.parametrize(
    ("roster", "told"),
    [
        (" Key ; Name \r\nbo;Bö\r\n\r\nal;Al\r\n".encode("cp1252"), []),
        ("key\tname\nbo\tBö\nal\tAl\n".encode("utf-16"), []),
        ("\ufeffkey,name\nbo,Bö\n,Nobody\nal,Al\n".encode(), ["Nobody has no key in the roster"]),
        ("key,name\nbo,Bö\nbo,Bob\nal,Al\n".encode(), ["The roster has bo twice; it is Bö who counts"]),
    ],
    ids=["as Excel saves it", "UTF-16", "without a key", "twice"],
)
def test_a_roster_is_read_as_people_write_it(roster: bytes, told: list[str], read_cohort: Reading) -> None:
    cohort = read_cohort({"c/bo.ipynb": NOTEBOOK, "c/al.ipynb": NOTEBOOK, "c/roster.csv": roster})

    assert {party.key: party.label for party in cohort.parties} == {"bo": "Bö", "al": "Al"}
    assert [told in each.sentence for told, each in zip(told, cohort.problems, strict=True)] == [True] * len(
        told
    )


@pytest.mark.parametrize(
    ("names", "is_told"),
    [(["c/a.ipynb", "c/b.ipynb"], True), (["c/a.ipynb", "c/b1.py"], False), (["a.ipynb", "b.ipynb"], False)],
)
def test_several_notebooks_in_one_folder_may_be_several_students(
    names: list[str], is_told: bool, read_cohort: Reading
) -> None:
    cohort = read_cohort(dict.fromkeys(names, NOTEBOOK))

    assert any("If each is another student's" in each for each in cohort.choices) == is_told


def test_the_platform_can_be_named(read_cohort: Reading) -> None:
    assert read_cohort(given.MOODLE, platform="folder").platform == "folder"


def test_a_platform_that_does_not_fit_is_refused(read_cohort: Reading) -> None:
    with pytest.raises(SourceError, match=r"can't be read as Canvas.*It looks like Moodle"):
        read_cohort(given.MOODLE, platform="canvas")


def test_what_is_no_cohort_is_refused(read_cohort: Reading) -> None:
    with pytest.raises(SourceError, match=r"no hand-ins that are known here.*ILIAS: folders such as"):
        read_cohort({"readme.txt": b"x", "grades.csv": b"a,b"})


def test_a_platform_that_nobody_knows_is_refused(read_cohort: Reading) -> None:
    names = ("hw.ipynb", "part_b.zip")
    with pytest.raises(SourceError, match="no hand-ins that are known here"):
        read_cohort({f"HW1_am1234_attempt_2026-11-28-10-00-00_{name}": NOTEBOOK for name in names})


def test_sources_of_two_platforms_are_refused(read_cohort: Reading) -> None:
    with pytest.raises(SourceError, match="different platforms"):
        read_cohort(given.MOODLE, given.CANVAS)


def test_who_hands_in_in_two_sources_counts_once_and_it_is_told(read_cohort: Reading) -> None:
    again = {"Anna Muster_7770000_assignsubmission_file/homework_1.ipynb": b"new"}
    cohort = read_cohort(given.MOODLE, again)
    upload = next(upload for upload in cohort.uploads if upload.party == "7770000")

    assert upload.files[0][1].read_bytes() == b"new"
    assert any(
        "7770000" in choice and "named last" in choice and "source 2" in choice for choice in cohort.choices
    )


def test_the_newest_hand_in_counts_where_times_are_told(read_cohort: Reading) -> None:
    late = given.GITHUB_TABLE.replace("2026-11-20", "2026-11-21").encode()
    old = {
        "ddl-1-submissions/ddl-1-amuster/homework_1.ipynb": b"old",
        "grades.csv": given.GITHUB_TABLE.encode(),
    }
    cohort = read_cohort({**given.GITHUB, "grades.csv": late}, old)
    upload = next(upload for upload in cohort.uploads if upload.party == "ddl-1-amuster")

    assert upload.files[0][1].read_bytes() == NOTEBOOK
    assert any("the newest counts" in choice and "source 1" in choice for choice in cohort.choices)


def test_a_name_of_200_characters_is_kept(read_cohort: Reading) -> None:
    names = ["x" * 194 + ".ipynb", "ü" * 194 + ".ipynb", "ü" * 195 + ".ipynb"]
    cohort = read_cohort({f"Anna Muster_7_assignsubmission_file/{name}": NOTEBOOK for name in names})
    ((_, files),) = list_files(cohort).items()

    assert names[0] in files
    assert len(set(files)) == 3
    assert all(len(name.encode()) < 256 and name.endswith(".ipynb") for name in files)
    assert len(cohort.uploads[0].notes) == 2


def test_of_several_submissions_at_gradescope_the_newest_counts(read_cohort: Reading) -> None:
    pytest.importorskip("yaml")
    entry = "submission_{}:\n  :submitters:\n  - :name: Anna\n    :sid: '7'\n  :created_at: 2026-11-20 {}\n"
    metadata = entry.format(1, "10:00:00 -08:00") + entry.format(2, "11:00:00 Z")
    files = {f"submission_{number}/hw.ipynb": str(number).encode() for number in (1, 2)}
    cohort = read_cohort({"submission_metadata.yml": metadata.encode(), **files})

    assert cohort.uploads[0].files[0][1].read_bytes() == b"1"
    assert "submission_2 was left out" in list_sentences(cohort)


@pytest.mark.parametrize(
    "metadata",
    [b"", b"- a\n", b"a: [\n", b"\xff\xfe", b"submission_1: text\n"],
    ids=["empty", "list", "cut", "bytes", "text"],
)
def test_metadata_that_can_not_be_read_are_told_and_nothing_is_dropped(
    metadata: bytes, read_cohort: Reading
) -> None:
    pytest.importorskip("yaml")
    cohort = read_cohort({"submission_metadata.yml": metadata, "submission_1/hw.ipynb": NOTEBOOK})

    assert cohort.uploads == ()
    assert "submission_1 belongs to nobody" in list_sentences(cohort)


@pytest.mark.parametrize("content", [b"hello", b"PK\x03\x04"], ids=["text", "cut zip"])
def test_without_a_readable_spreadsheet_hand_ins_have_no_times(content: bytes, read_cohort: Reading) -> None:
    pytest.importorskip("openpyxl")
    cohort = read_cohort({**given.ilias(), "Homework 1/Homework 1.xlsx": content})

    assert [upload.handed_in_at for upload in cohort.uploads] == [None] * 4
    assert "nothing tells when" in list_sentences(cohort)
    assert {party.label for party in cohort.parties} >= {"Muster Anna amuster"}


@pytest.mark.parametrize(
    ("package", "files"), [("openpyxl", given.ilias), ("yaml", lambda: given.GRADESCOPE)]
)
def test_a_missing_package_is_told_with_the_command_that_installs_it(
    package: str, files: Callable[[], Files], read_cohort: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = files()
    monkeypatch.setitem(sys.modules, package, None)

    assert "pip install -e '.[desk]'" in list_sentences(read_cohort(content))
