"""A cohort is told from one submission, whatever platform packed it."""

from __future__ import annotations

import pytest
from packing import Handing, notebook, zip_bytes

from grader.intake import IntakeError

STUDENTS = ("Adler Bo", "Mueller Anna", "Weiss Kim")
WORK = [notebook(a=f"x = {number}") for number in range(3)]
COHORTS = {
    "Moodle": "{name}_{number}_assignsubmission_file_/homework_1.ipynb",
    "Canvas": "{first}_{number}_8888{number}_homework_1.ipynb",
    "Blackboard": "HW1_{first}_attempt_2026-11-28-10-00-00_homework_1.ipynb",
    "a folder each": "{name}/homework_1.ipynb",
    "a folder for each team": "Team {number}/homework_1.ipynb",
    "a folder each, deeper": "submissions/{name}/hw/mine.ipynb",
}


def pack(template: str, count: int, contents: list[bytes]) -> dict[str, bytes]:
    return {
        template.format(name=name, first=name.split()[0].lower(), number=1000 + number): content
        for number, (name, content) in enumerate(zip(STUDENTS[:count], contents, strict=False))
    }


@pytest.mark.parametrize("template", COHORTS.values(), ids=COHORTS)
@pytest.mark.parametrize("is_packed", [False, True], ids=["folder", "zip"])
def test_several_hand_ins_are_told(template: str, is_packed: bool, hand_in: Handing) -> None:
    files = pack(template, 3, WORK)
    with pytest.raises(IntakeError, match=r"This holds 3 hand-ins: .*grade each by itself"):
        hand_in(zip_bytes(files) if is_packed else files)


@pytest.mark.parametrize(
    "template", ["{name}_{number}_assignsubmission_file_/hw.zip", "{first}_{number}_55555_hw.zip"]
)
def test_packed_ones_are_told_too(template: str, hand_in: Handing) -> None:
    archives = [zip_bytes({"homework_1.ipynb": content}) for content in WORK]
    with pytest.raises(IntakeError, match="This holds 2 hand-ins"):
        hand_in(pack(template, 2, archives))


def test_one_that_can_not_be_opened_counts(hand_in: Handing) -> None:
    archives = [zip_bytes({"homework_1.ipynb": WORK[0]}), b"PK", b"PK"]
    with pytest.raises(IntakeError, match="This holds 3 hand-ins"):
        hand_in(pack("{first}_{number}_55555_hw.zip", 3, archives))


ONE = {
    "the platform's folder of one": {
        "Mueller_1234_assignsubmission_file_/hw.ipynb": WORK[0],
        "Mueller_1234_assignsubmission_file_/b1.py": b"",
    },
    "several files of one": {
        "adler_1234_5678_hw.ipynb": WORK[0],
        "adler_1234_5679_b1.py": b"",
        "adler_1234_5680_b1.sh": b"",
    },
    "versions": {f"{name}/hw.ipynb": WORK[0] for name in ("v1", "v2", "v3", "old", "final")},
    "homeworks": {"hw_1/hw.ipynb": WORK[0], "hw_2/hw.ipynb": WORK[0], "hw_3/hw.ipynb": WORK[0]},
    "parts": {"A1/hw.ipynb": WORK[0], "A2/hw.ipynb": WORK[0], "A3/hw.ipynb": WORK[0]},
    "a notebook above": {
        "hw.ipynb": WORK[0],
        "x/hw.ipynb": WORK[0],
        "y/hw.ipynb": WORK[0],
        "z/hw.ipynb": WORK[0],
    },
    "scripts with dates": {"hw.ipynb": WORK[0], "b1_2026_11_28.py": b"", "b2_2026_11_28.py": b""},
}


@pytest.mark.parametrize("files", ONE.values(), ids=ONE)
def test_one_submission_is_not_taken_for_several(files: dict[str, bytes], hand_in: Handing) -> None:
    assert hand_in(files).notebook is not None
