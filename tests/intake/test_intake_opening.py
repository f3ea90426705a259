"""Opening a submission: what may be handed in, and that a failure leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from packing import Handing, notebook, write, zip_bytes

from grader.intake import IntakeError, IntakeLimits, open_hand_in
from grader.intake.names import UnpackingError


def test_notebook_is_a_submission(hand_in: Handing) -> None:
    submission = hand_in(notebook(), "homework_1 (2).ipynb")
    assert submission.require_notebook() == submission.folder / "homework_1 (2).ipynb"


def test_notebook_under_another_name_is_a_submission(hand_in: Handing) -> None:
    assert hand_in(notebook(), "homework.ipynb.json").require_notebook().name == "homework.ipynb"


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "homework.ipynb", "is empty"),
        (b"%PDF-1.7", "homework.pdf", "neither a notebook nor an archive"),
        (b"Rar!\x1a\x07\x00", "homework.rar", "neither a notebook nor an archive"),
    ],
    ids=["empty", "document", "unknown archive"],
)
def test_something_else_is_no_submission(content: bytes, name: str, said: str, hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match=said):
        hand_in(content, name)


def test_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=r"absent\.zip cannot be read: No such file"):
        open_hand_in(tmp_path / "absent.zip", tmp_path / "work")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(IntakeError, match="neither a file nor a folder"):
        open_hand_in(tmp_path / "fifo", tmp_path / "work")


def test_folder_is_copied_without_links_and_odd_files(tmp_path: Path) -> None:
    folder = write(tmp_path / "handed-in", {"hw.ipynb": notebook(), "inner/x.py": b"1"})
    (folder / "link.py").symlink_to("/etc/passwd")
    (folder / "folder").symlink_to("/etc")
    os.mkfifo(folder / "fifo")
    submission = open_hand_in(folder, tmp_path / "work")
    assert sorted(path.name for path in submission.folder.rglob("*")) == ["hw.ipynb", "inner", "x.py"]
    assert len(submission.notes) == 3


def test_only_archive_of_a_folder_is_unpacked(hand_in: Handing) -> None:
    submission = hand_in({"homework.zip": zip_bytes({"hw.ipynb": notebook()}), ".DS_Store": b"x"})
    assert submission.require_notebook().name == "hw.ipynb"
    assert submission.notes == ("homework.zip, the only file there, was unpacked.",)


def test_folder_is_bounded_too(hand_in: Handing, left_behind: Callable[[], list[Path]]) -> None:
    with pytest.raises(IntakeError, match="more than 3 files"):
        hand_in({f"{number}.ipynb": notebook() for number in range(5)}, limits=IntakeLimits(members=3))
    assert left_behind() == []


def test_each_submission_gets_a_private_folder_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "hw.ipynb"
    path.write_bytes(notebook())
    first, second = (open_hand_in(path, tmp_path / "work") for _ in range(2))
    assert first.folder != second.folder
    assert first.folder.stat().st_mode & 0o077 == 0


def test_odd_names_come_out_plain_and_are_shown_plain(hand_in: Handing) -> None:
    submission = hand_in(zip_bytes({"home\u202egpj.ipynb": notebook(), "\x1b[31mred.txt": b""}))
    assert submission.require_notebook().name == "home_gpj.ipynb"
    assert (submission.folder / "_[31mred.txt").exists()


def test_sentence_shows_a_hostile_name_as_text(hand_in: Handing) -> None:
    with pytest.raises(IntakeError) as caught:
        hand_in(zip_bytes({"\x1b[2J\u202e/../x": b""}))
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


def test_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "hw.zip").write_bytes(zip_bytes({"hw.ipynb": notebook()}))
    program = f"""
        import pathlib, sys
        from grader.intake import opening
        def interrupted(folder, expected):
            print(sorted(p.name for p in folder.iterdir()), flush=True)
            sys.stdin.readline()
        opening.locate = interrupted
        opening.open_hand_in(pathlib.Path({str(tmp_path / "hw.zip")!r}), pathlib.Path({str(tmp_path / "work")!r}))
    """
    line = [sys.executable, "-c", textwrap.dedent(program)]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "['hw.ipynb']\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) != 0
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (subprocess.CompletedProcess([], -9, "", ""), "interrupted"),
        (subprocess.CompletedProcess([], 0, '{"machine": "The disk is full."}', ""), "machine"),
    ],
    ids=["killed", "disk full"],
)
@pytest.mark.parametrize("inside", [False, True], ids=["archive", "archive within"])
def test_what_this_machine_could_not_unpack_is_not_the_submissions_fault(
    ended: subprocess.CompletedProcess[str],
    outcome: str,
    inside: bool,
    hand_in: Handing,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    packed = zip_bytes({"homework.ipynb": notebook()})
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "homework.ipynb").write_bytes(notebook())
    (tmp_path / "folder" / "more.zip").write_bytes(packed)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)

    with pytest.raises(UnpackingError) as refused:
        open_hand_in(tmp_path / "folder", tmp_path / "work") if inside else hand_in(packed, "hw.zip")
    assert refused.value.outcome == outcome
