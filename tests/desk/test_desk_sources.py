"""A source is not trusted: what can't be read is told by name, and everybody else is read."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from platform_sources import CANVAS, MOODLE, NOTEBOOK, Reading, write_zip

from grader.desk.configuration import BatchLimits
from grader.desk.sources import choose_parties
from grader.desk.tree import SourceError, SourceLimits, open_tree

HONEST = {f"Anna_{number}_assignsubmission_file/homework_1.ipynb": NOTEBOOK for number in (71, 72)}


def zip_with(name: str, *, mode: int = 0, content: bytes = b"x", flags: int = 0) -> bytes:
    """A cohort of two honest hand-ins and one member of any name and kind."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for honest, text in HONEST.items():
            archive.writestr(honest, text)
        info = zipfile.ZipInfo("placeholder")
        info.filename, info.external_attr, info.create_system = name, mode << 16, 3
        archive.writestr(info, content)
    if not flags:
        return buffer.getvalue()
    raw = bytearray(buffer.getvalue())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = raw.rindex(signature)
        struct.pack_into("<H", raw, place + offset, struct.unpack_from("<H", raw, place + offset)[0] | flags)
    return bytes(raw)


BAD = "Eve_73_assignsubmission_file"
MEMBERS = {
    "a path out of the zip": (zip_with("../../evil.ipynb"), "leads out of its folder"),
    "an absolute path": (zip_with("/etc/evil.ipynb"), "leads out of its folder"),
    "a link": (zip_with(f"{BAD}/hw.ipynb", mode=stat.S_IFLNK | 0o777, content=b"/etc/passwd"), "is a link"),
    "a device": (zip_with(f"{BAD}/hw.ipynb", mode=stat.S_IFCHR | 0o666), "is not a regular file"),
    "an encrypted file": (zip_with(f"{BAD}/hw.ipynb", flags=1), "is protected by a password"),
    "a damaged file": (
        zip_with(f"{BAD}/hw.ipynb", content=b"unmistakable").replace(b"unmistakable", b"unmistakeble", 1),
        "is damaged in the zip",
    ),
    "a large file": (zip_with(f"{BAD}/hw.ipynb", content=bytes(2 << 20)), "is larger than 1 MiB"),
}


@pytest.mark.parametrize(("content", "told"), MEMBERS.values(), ids=MEMBERS)
def test_a_bad_file_is_told_and_the_others_are_read(
    content: bytes, told: str, read_cohort: Reading, tmp_path: Path
) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(content)
    before = set(tmp_path.parent.iterdir())
    cohort = read_cohort(path, limits=BatchLimits(file_mib=1))

    assert {upload.party for upload in cohort.uploads} == {"71", "72"}
    assert told in cohort.problems[0].sentence
    assert list(tmp_path.rglob("evil.ipynb")) == []
    assert (
        set(tmp_path.parent.iterdir()) == before
    )  # other tests' folders may hold names that are too long to look through


def test_who_has_only_a_bad_file_is_still_listed(read_cohort: Reading, tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(zip_with(f"{BAD}/hw.ipynb", flags=1))
    cohort = read_cohort(path)

    assert [party.key for party in cohort.parties] == ["71", "72", "73"]
    assert "password" in next(problem.sentence for problem in cohort.problems if problem.party == "73")


def test_a_file_that_is_larger_than_it_says_is_left_out(read_cohort: Reading, tmp_path: Path) -> None:
    content = bytearray(zip_with(f"{BAD}/hw.ipynb", content=bytes(2 << 20)))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.rindex(signature) + offset, 10)
    path = tmp_path / "bad.zip"
    path.write_bytes(content)
    cohort = read_cohort(path, limits=BatchLimits(file_mib=1))

    assert {upload.party for upload in cohort.uploads} == {"71", "72"}
    assert any("hw.ipynb" in problem.place for problem in cohort.problems)


def test_a_link_in_a_folder_is_not_followed(read_cohort: Reading, tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_text("mine")
    place = tmp_path / "all"
    (place / "anna").mkdir(parents=True)
    (place / "bo").mkdir()
    (place / "bo/hw.ipynb").write_bytes(NOTEBOOK)
    (place / "anna/hw.ipynb").symlink_to(secret)
    cohort = read_cohort(place)

    assert [upload.party for upload in cohort.uploads] == ["bo"]
    assert any("is a link" in problem.sentence for problem in cohort.problems)


@pytest.mark.parametrize("cut", [40, 400])
def test_a_truncated_zip_is_refused_with_what_to_do(cut: int, read_cohort: Reading, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "cut.zip", MOODLE)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(
        SourceError, match=r"cut\.zip is damaged or was cut off.*Download it from the platform again"
    ):
        read_cohort(path)


def test_beside_a_good_source_a_truncated_one_is_a_problem(read_cohort: Reading, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "cut.zip", CANVAS)
    path.write_bytes(path.read_bytes()[:-40])
    cohort = read_cohort(HONEST, path)

    assert len(cohort.uploads) == 2
    assert "cut.zip is damaged" in cohort.problems[0].sentence


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b"], ids=["empty", "text", "gzip"])
def test_what_is_no_zip_is_refused(content: bytes, read_cohort: Reading, tmp_path: Path) -> None:
    path = tmp_path / "source.bin"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="neither a folder nor a zip file"):
        read_cohort(path)


@pytest.mark.parametrize(
    ("limits", "told"),
    [(SourceLimits(members=3), "more than 3 files"), (SourceLimits(unpacked_bytes=100), "larger than 0 MiB")],
)
def test_a_source_has_limits(limits: SourceLimits, told: str, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "source.zip", MOODLE)
    with pytest.raises(SourceError, match=told):
        open_tree(path, tmp_path / "work", limits)


def test_the_folder_one_stands_in_is_called_by_its_name(
    read_cohort: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place := tmp_path / "empty-folder").mkdir()
    monkeypatch.chdir(place)
    with pytest.raises(SourceError, match="empty-folder holds no hand-ins"):
        read_cohort(Path())


def test_a_source_that_is_not_there_is_refused(read_cohort: Reading, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read_cohort(tmp_path / "nothing.zip")


def test_what_systems_leave_behind_is_passed_over(read_cohort: Reading) -> None:
    litter = {"__MACOSX/._Anna_71": b"x", ".DS_Store": b"x", "Anna_71_assignsubmission_file/.git/HEAD": b"x"}
    cohort = read_cohort({**HONEST, **litter})

    assert cohort.problems == ()
    assert sum(len(upload.files) for upload in cohort.uploads) == 2


def test_only_some_are_chosen_by_key_or_name(read_cohort: Reading) -> None:
    chosen = choose_parties(read_cohort(MOODLE), ["7770001", "Jörg O'Neil"])

    assert {party.key for party in chosen.parties} == {"7770001", "7770002"}
    assert {upload.party for upload in chosen.uploads} == {"7770001", "7770002"}


@pytest.mark.parametrize(
    ("wanted", "told"), [("nobody", "nobody here has this key"), ("Anna Muster", "there are 2 of this name")]
)
def test_an_unknown_or_shared_name_is_refused(wanted: str, told: str, read_cohort: Reading) -> None:
    with pytest.raises(SourceError, match=told):
        choose_parties(read_cohort(MOODLE), [wanted])
