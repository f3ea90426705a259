"""Archives beside a notebook are opened, one level deep, within the limits of the whole."""

from __future__ import annotations

import pytest
from packing import PACKERS, Files, Handing, notebook, zip_bytes

from grader.intake import Expected, HandIn, IntakeError, IntakeLimits

EXPECTED = Expected(
    tags=("a",), scripts=("b1.py", "b1.sh"), handout={"a": "x = ..."}, reserved=("lab_2_hfl",)
)
HOMEWORK, EMPTY = notebook(a="x = 1"), notebook(a="x = ...")
SCRIPTS: Files = {"b1.py": b"1", "b1.sh": b"2"}


def list_names(submission: HandIn) -> dict[str, str]:
    files = {"notebook": submission.notebook, **submission.scripts}
    return {name: path.relative_to(submission.folder).as_posix() for name, path in files.items() if path}


@pytest.mark.parametrize("kind", PACKERS)
def test_scripts_in_an_archive_beside_the_notebook_are_found(kind: str, hand_in: Handing) -> None:
    packed = f"part_b.{kind}"
    submission = hand_in({"hw.ipynb": HOMEWORK, packed: PACKERS[kind](SCRIPTS)}, expected=EXPECTED)
    assert list_names(submission) == {
        "notebook": "hw.ipynb",
        "b1.py": f"{packed}/b1.py",
        "b1.sh": f"{packed}/b1.sh",
    }
    assert submission.notes == (f"{packed} was unpacked.",)


@pytest.mark.parametrize("folders", [("Mueller_1/", "Mueller_1/"), ("Mueller_1/A/", "Mueller_1/B/")])
@pytest.mark.parametrize("is_packed", [False, True], ids=["folder", "zip"])
def test_the_platform_s_folders_are_no_obstacle(
    folders: tuple[str, str], is_packed: bool, hand_in: Handing
) -> None:
    files = {
        f"{folders[0]}hw.ipynb": HOMEWORK,
        f"{folders[1]}partB.zip": zip_bytes({f"B/{n}": c for n, c in SCRIPTS.items()}),
    }
    submission = hand_in(zip_bytes(files) if is_packed else files, expected=EXPECTED)
    assert list_names(submission)["b1.sh"] == f"{folders[1]}partB.zip/B/b1.sh"


def test_a_platform_s_wrapper_around_one_archive_is_no_level(hand_in: Handing) -> None:
    own = zip_bytes({"hw.ipynb": HOMEWORK, "partB.zip": zip_bytes(SCRIPTS)})
    submission = hand_in(zip_bytes({"Mueller_1/homework.zip": own}), expected=EXPECTED)
    assert set(list_names(submission)) == {"notebook", "b1.py", "b1.sh"}


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (zip_bytes({"big.bin": bytes(3 << 20)}), "larger than 2 MiB"),
        (zip_bytes({f"{number}.py": b"1" for number in range(30)}), "more than 20 files"),
        (zip_bytes(SCRIPTS)[:60], "damaged or was cut off"),
        (zip_bytes({"../b1.py": b"1"}), "leads out of the archive"),
        (b"<html>", "not an archive that can be read here"),
        (zip_bytes({}), "is empty"),
    ],
    ids=["too large", "too many", "damaged", "climbing", "something else", "empty"],
)
def test_an_archive_that_can_not_be_opened_costs_nothing_else(
    archive: bytes, said: str, hand_in: Handing
) -> None:
    limits = IntakeLimits(members=20, unpacked_bytes=2 << 20)
    submission = hand_in({"hw.ipynb": HOMEWORK, "partB.zip": archive}, expected=EXPECTED, limits=limits)
    (note,) = submission.notes
    assert note.startswith("partB.zip ")
    assert said in note
    assert list_names(submission) == {"notebook": "hw.ipynb"}


def test_what_lies_beside_an_archive_counts_towards_its_limits(hand_in: Handing) -> None:
    limits = IntakeLimits(members=5)
    files = {f"{number}.txt": b"" for number in range(3)}
    submission = hand_in({"hw.ipynb": HOMEWORK, **files, "z.zip": zip_bytes(SCRIPTS)}, limits=limits)
    assert "more than 5 files" in submission.notes[0]


def test_what_would_change_grading_is_set_aside_in_an_archive_too(hand_in: Handing) -> None:
    inner = zip_bytes({"conftest.py": b"1", "lab_2_hfl/model.py": b"1", **SCRIPTS})
    submission = hand_in({"hw.ipynb": HOMEWORK, "partB.zip": inner}, expected=EXPECTED)
    assert sorted(path.name for path in submission.folder.rglob("*.py")) == ["b1.py"]
    assert sum("set aside" in note for note in submission.notes) == 2


def test_a_backup_does_not_compete_with_what_lies_in_the_open(hand_in: Handing) -> None:
    backup = zip_bytes({"hw.ipynb": notebook(a="x = 2"), "b1.py": b"old", "b1.sh": b"old"})
    submission = hand_in({"hw.ipynb": HOMEWORK, "backup.zip": backup, **SCRIPTS}, expected=EXPECTED)
    assert list_names(submission) == {"notebook": "hw.ipynb", "b1.py": "b1.py", "b1.sh": "b1.sh"}
    assert "The scripts in backup.zip were set aside: those outside of it count." in submission.notes


def test_a_packed_notebook_counts_beside_the_empty_handout(hand_in: Handing) -> None:
    submission = hand_in(
        {"hw.ipynb": EMPTY, "mine.zip": zip_bytes({"hw.ipynb": HOMEWORK})}, expected=EXPECTED
    )
    assert list_names(submission) == {"notebook": "mine.zip/hw.ipynb"}


def test_a_document_is_no_archive(hand_in: Handing) -> None:
    submission = hand_in({"hw.ipynb": HOMEWORK, "notes.docx": zip_bytes({"word/document.xml": b"<xml>"})})
    assert (submission.folder / "notes.docx").is_file()


def test_a_name_that_no_system_takes_is_left_out_and_named(hand_in: Handing) -> None:
    deep = "/".join(["long" * 50] * 30)
    submission = hand_in(zip_bytes({"hw.ipynb": HOMEWORK, deep: b"1"}))
    (note,) = submission.notes
    assert note.startswith("longlong")
    assert "was left out: its name is too long or too deeply nested." in note


def test_deep_folders_are_left_out_and_named(hand_in: Handing) -> None:
    submission = hand_in({"hw.ipynb": HOMEWORK, "/".join("d" * 200) + "/x.py": b"1"})
    (note,) = submission.notes
    assert "was left out" in note


def test_everything_fails_with_what_was_found(hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match=r"no notebook.*partB\.zip could not be opened\. .*cut off"):
        hand_in({"notes.txt": b"", "partB.zip": zip_bytes(SCRIPTS)[:60]}, expected=EXPECTED)
