"""A shell script belongs to the program that it starts, whatever the two are called."""

from __future__ import annotations

import pytest
from packing import Handing

from grader.intake import Expected, HandIn

ONE = b"import torch.distributed as dist\ndist.init_process_group('gloo')\n"
TWO = ONE + b"dist.new_group([0, 3])\n"
BOTH = TWO + b"exercise = sys.argv[1]\nassert exercise in ('b1', 'b2')\n"
LOOP = "for i in 0 1 2; do python {} $i & done; wait\n"
NESTED = "for p in 0 1; do for s in 0 1 2; do python {} $((3 * p + s)) & done; done; wait\n"
EXPECTED = Expected(
    scripts=("b1.py", "b1.sh", "b2.py", "b2.sh"),
    marks={
        "b1.py": r"(?s)\A(?!.*new_group).*init_process_group",
        "b2.py": r"(?s)\A(?=.*new_group).*init_process_group",
        "b1.sh": r"(?s)\A(?!.*\b(5|6)\b).*python",
        "b2.sh": r"(?s)\A(?=.*\b(5|6)\b).*python",
    },
)


def loop(program: str, text: str = LOOP) -> bytes:
    return text.format(program).encode()


def found(submission: HandIn) -> dict[str, str]:
    return {name: path.relative_to(submission.folder).as_posix() for name, path in submission.scripts.items()}


LAYOUTS = [
    pytest.param(
        {"b1/run.sh": loop("main.py"), "b1/main.py": ONE, "b2/run.sh": loop("main.py"), "b2/main.py": ONE},
        {"b1.sh": "b1/run.sh", "b1.py": "b1/main.py", "b2.sh": "b2/run.sh", "b2.py": "b2/main.py"},
        id="a folder with a run.sh for each exercise",
    ),
    pytest.param(
        {"x/run.sh": loop("main.py"), "x/main.py": ONE, "y/run.sh": loop("main.py"), "y/main.py": TWO},
        {"b1.sh": "x/run.sh", "b1.py": "x/main.py", "b2.sh": "y/run.sh", "b2.py": "y/main.py"},
        id="folders whose names say nothing",
    ),
    pytest.param(
        {"run.sh": loop("train.py", NESTED), "train.py": TWO},
        {"b2.sh": "run.sh", "b2.py": "train.py"},
        id="ranks of two nested loops",
    ),
    pytest.param(
        {"run1.sh": loop("train.py b1"), "run2.sh": loop("train.py b2"), "train.py": TWO},
        {"b1.sh": "run1.sh", "b1.py": "train.py", "b2.sh": "run2.sh", "b2.py": "train.py"},
        id="one program for both, with an argument",
    ),
    pytest.param(
        {"task_1.sh": loop("train.py"), "task_2.sh": loop("train.py", NESTED), "train.py": TWO},
        {"b1.sh": "task_1.sh", "b1.py": "train.py", "b2.sh": "task_2.sh", "b2.py": "train.py"},
        id="one program and two shell scripts",
    ),
    pytest.param(
        {"run.sh": loop("train.py $1"), "train.py": BOTH},
        {"b1.sh": "run.sh", "b1.py": "train.py", "b2.sh": "run.sh", "b2.py": "train.py"},
        id="one of each, started with an argument",
    ),
    pytest.param(
        {"train.py": BOTH},
        {"b2.py": "train.py", "b1.py": "train.py"},
        id="one program for both, without a shell script",
    ),
    pytest.param(
        {"run.sh": loop("b1.py") + loop("b2.py"), "b1.py": ONE, "b2.py": TWO},
        {"b1.sh": "run.sh", "b1.py": "b1.py", "b2.sh": "run.sh", "b2.py": "b2.py"},
        id="one shell script that starts both",
    ),
    pytest.param(
        {"b1.sh": loop("-u src/"), "src/__main__.py": b"", "src/stage.py": ONE},
        {"b1.sh": "b1.sh", "b1.py": "src/__main__.py"},
        id="a package by its folder",
    ),
    pytest.param(
        {"start.sh": loop("-m b1"), "b1/__main__.py": b"", "b1/stage.py": ONE},
        {"b1.sh": "start.sh", "b1.py": "b1/__main__.py"},
        id="a package by its name",
    ),
    pytest.param(
        {"start.sh": b'HERE="$(dirname "$0")"\nSCRIPT="$HERE/b1.py"\npython "$SCRIPT" 0 &\n', "b1.py": ONE},
        {"b1.sh": "start.sh", "b1.py": "b1.py"},
        id="through a variable",
    ),
    pytest.param(
        {"go.sh": loop("go.py"), "go.bat": b"start python go.py 0\n", "go.py": ONE},
        {"b1.sh": "go.sh", "b1.py": "go.py"},
        id="a batch file beside it",
    ),
    pytest.param(
        {"go.bat": b"start python b1.py 0\r\n", "b1.py": ONE},
        {"b1.sh": "go.bat", "b1.py": "b1.py"},
        id="only a batch file",
    ),
    pytest.param(
        {"b1.sh": loop("b1.py"), "old.sh": loop("b1.py"), "b1.py": ONE},
        {"b1.sh": "b1.sh", "b1.py": "b1.py"},
        id="a name that is right wins",
    ),
]


@pytest.mark.parametrize(("files", "expected"), LAYOUTS)
def test_scripts_are_paired(files: dict[str, bytes], expected: dict[str, str], hand_in: Handing) -> None:
    assert found(hand_in(files, expected=EXPECTED)) == expected


def test_two_that_could_be_meant_are_named(hand_in: Handing) -> None:
    submission = hand_in({"go.sh": loop("b1.py"), "run.sh": loop("b1.py"), "b1.py": ONE}, expected=EXPECTED)
    assert "b1.sh" not in submission.scripts
    assert "go.sh, run.sh could each be b1.sh" in submission.problems["b1.sh"]


def test_what_was_taken_is_said(hand_in: Handing) -> None:
    submission = hand_in({"a/run.sh": loop("main.py"), "a/main.py": ONE}, expected=EXPECTED)
    assert "a/run.sh was taken as b1.sh: it starts a/main.py." in submission.notes
    assert "a/main.py was taken as b1.py: a/run.sh starts it." in submission.notes
