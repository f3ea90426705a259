"""Part B's bad input: a sentence for the author, and every check still gives an answer. No script here needs torch."""

from __future__ import annotations

import dataclasses
import inspect
from contextlib import nullcontext
from pathlib import Path

import pytest

import launch
from grader import Failure
from grader.explanation import read_scripts
from grader.homework import read_homework
from grader.intake import IntakeError, open_hand_in
from grader.scripts import Scripts, expect
from private_tests.part_b import test_b1, test_b2
from public_tests.part_b.comparison import compare
from public_tests.part_b.contract import read_contract
from public_tests.part_b.trial import run_trial

HOMEWORK = read_homework(Path(__file__).parents[2])
START = "for rank in 0 1 2; do python b1.py $rank & done\nwait\n"
IDLE = "import time\n"


def open_files(folder: Path, files: dict[str, str]) -> Scripts:
    handed_in = folder / "my homework (final)"
    for name, text in files.items():
        path = handed_in / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        path.chmod(0o644)
    return Scripts(open_hand_in(handed_in, folder / "taken", expected=expect(HOMEWORK)))


def grade(folder: Path, files: dict[str, str], exercise: str = "B1", time_s: float = 20.0) -> dict[str, str]:
    """The message of each failed check; any other exception than a Failure is a bug in the kit."""
    contract = dataclasses.replace(read_contract(exercise), timeout_s=time_s, step_timeout_s=0.0)
    scripts = open_files(folder, files)
    trial = run_trial(scripts, contract, 1, 2, folder / "runs", lambda: nullcontext(launch.start_plainly))
    given = {"trial": trial, "comparison": compare(trial)}
    messages = {}
    for name, test in vars(test_b1 if exercise == "B1" else test_b2).items():
        if name.startswith("test_"):
            try:
                test(**{key: given[key] for key in inspect.signature(test).parameters})
            except Failure as failure:
                messages[name.removeprefix("test_")] = str(failure)
    return messages


@pytest.mark.parametrize(
    ("files", "says"),
    [
        pytest.param({"b1.py": "", "b1.sh": ""}, "b1.sh is empty", id="empty"),
        pytest.param({"b1.py": "", "b1.sh": "\0\1"}, "is not a text file", id="no text"),
        pytest.param(
            {"b1.py": IDLE, "b1.sh": START}, "No process made an optimizer step", id="nothing is trained"
        ),
        pytest.param(
            {"b1.py": IDLE, "b1.sh": START.replace("\n", "\r\n")},
            "No process made an optimizer step",
            id="CRLF",
        ),
        pytest.param(
            {"b1.py": IDLE, "b1.sh": "cat /home/anna/seeds.txt || exit 1\n" + START},
            "Name files relative to the script",
            id="a file of one's own machine",
        ),
        pytest.param(
            {"b1.py": "raise ValueError('no')", "b1.sh": START}, "failed with ValueError: no", id="raises"
        ),
        pytest.param(
            {"b1.py": "import ctypes; ctypes.string_at(0)", "b1.sh": START},
            "Segmentation fault",
            id="segfault",
        ),
        pytest.param(
            {"b1.py": "import nowhere", "b1.sh": START}, "No module named 'nowhere'", id="missing import"
        ),
        pytest.param(
            {"b1.py": "import sys\nrank = int(sys.argv[1])\n", "b1.sh": START.replace(" $rank", "")},
            "Give each rank its number where the shell script starts it",
            id="no number of a rank",
        ),
        pytest.param(
            {"b1.py": IDLE, "b1.sh": START.replace("b1.py", "B1.py")},
            "was: \"python: can't open file 'B1.py'",
            id="another file's name",
        ),
        pytest.param({"b1.py": "input('rank? ')", "b1.sh": START}, "Nobody answers", id="asks"),
        pytest.param({"b1.py": "def", "b1.sh": START}, "failed with SyntaxError", id="no Python"),
        pytest.param({"b1.py": "import sys; sys.exit(3)", "b1.sh": START}, "exit status 3", id="exit status"),
        pytest.param({"b1.py": "pass", "b1.sh": "python3 b2.py\n"}, "can't open file", id="another file"),
        pytest.param(
            {"b1.py": "pass", "b1.sh": "mpirun -n 3 python b1.py\n"},
            "Start the ranks as plain processes on one machine, without mpirun",
            id="starts by a cluster's command",
        ),
    ],
)
def test_a_script_that_fails_is_told_why(tmp_path: Path, files: dict[str, str], says: str) -> None:
    messages = grade(tmp_path, files)
    assert says in messages["finishes"]
    others = {name: said for name, said in messages.items() if name not in ("finishes", "shell_script")}
    assert "gradients" in others
    assert all(said.startswith("Not reached: ") for said in others.values()), others


def test_the_number_of_steps_that_was_drawn_is_the_instructor_s_alone(tmp_path: Path) -> None:
    contract = dataclasses.replace(read_contract("B1"), timeout_s=20.0, step_timeout_s=0.0)
    scripts = open_files(tmp_path, {"b1.py": "raise ValueError", "b1.sh": START})
    trial = run_trial(
        scripts, contract, 1, None, tmp_path / "runs", lambda: nullcontext(launch.start_plainly)
    )
    with pytest.raises(Failure) as found:
        test_b1.test_finishes(trial)
    failure, asked = found.value, trial.report.asked_steps
    assert f"after 0 of {asked} steps" in failure.text
    assert f"--steps {asked}" in failure.text
    assert "after 0 of the steps asked" in failure.student_text
    assert f"{asked} step" not in failure.student_text
    assert "--steps" not in failure.student_text


def test_where_no_rank_was_seen_nothing_is_said_of_how_ranks_are_started(tmp_path: Path) -> None:
    assert grade(tmp_path, {"b1.py": "pass", "b1.sh": "true\n"})["shell_script"].startswith("Not reached: ")


def test_a_rank_that_sleeps_forever(tmp_path: Path) -> None:
    messages = grade(tmp_path, {"b1.py": "import time\ntime.sleep(1e6)\n", "b1.sh": START}, time_s=3)
    assert "too slow" in messages["finishes"]
    assert "b1.py:2" in messages["finishes"]


def test_a_rank_that_leaves_before_the_others(tmp_path: Path) -> None:
    program = "import sys, time\nif sys.argv[1] == '0':\n    sys.exit()\ntime.sleep(1e6)\n"
    assert "rank 1" in grade(tmp_path, {"b1.py": program, "b1.sh": START}, time_s=3)["finishes"].lower()


def test_an_orphan_in_a_session_of_its_own_is_ended(tmp_path: Path) -> None:
    program = f"import subprocess\nsubprocess.Popen(['sleep', '{tmp_path.stat().st_ino}'], start_new_session=True)\n"
    grade(tmp_path, {"b1.py": program, "b1.sh": START})
    assert f"sleep\0{tmp_path.stat().st_ino}" not in _command_lines()


def _command_lines() -> str:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(process.read_text(errors="replace"))
        except OSError:
            continue  # it has ended meanwhile
    return "\n".join(found)


def test_half_a_gigabyte_of_output_is_bounded(tmp_path: Path) -> None:
    shell = "head -c 500000000 /dev/zero | tr '\\0' x\n" + START
    assert (
        "No process made an optimizer step"
        in grade(tmp_path, {"b1.py": IDLE, "b1.sh": shell}, time_s=60)["finishes"]
    )
    (output,) = tmp_path.glob("runs/2-steps/out/output.txt")
    assert output.stat().st_size < 2_000_000


@pytest.mark.parametrize("exercise", ["B1", "B2"])
def test_nothing_of_an_exercise(tmp_path: Path, exercise: str) -> None:
    other = "b2" if exercise == "B1" else "b1"
    messages = grade(tmp_path, {f"{other}.py": "pass", f"{other}.sh": f"python {other}.py 0"}, exercise)
    checks = [name for name in vars(test_b1 if exercise == "B1" else test_b2) if name.startswith("test_")]
    assert len(messages) == len(checks)
    assert all(f"there is no {exercise.lower()}.sh" in message for message in messages.values())


def test_no_scripts_at_all(tmp_path: Path) -> None:
    said = r"no notebook .* none of the scripts b1\.py, .* only readme\.md\. Hand in your notebook or your scripts"
    with pytest.raises(IntakeError, match=said):
        open_files(tmp_path, {"readme.md": "I will hand in later."})


PROGRAM = "import torch.distributed as dist\ndist.init_process_group('gloo')\n"


def test_wrong_names_are_found_by_what_starts_what(tmp_path: Path) -> None:
    scripts = open_files(
        tmp_path,
        {
            "pipeline.py": PROGRAM,
            "run pipeline.sh": START.replace("b1.py", "pipeline.py"),
            "both.py": PROGRAM + "dist.new_group([0, 3])\n",
            "both.sh": "for rank in 0 1 2 3 4 5; do python both.py $rank & done; wait\n",
        },
    )
    found = {name: path.name for name, path in scripts.files.items()}
    assert found == {
        "b1.py": "pipeline.py",
        "b1.sh": "run pipeline.sh",
        "b2.py": "both.py",
        "b2.sh": "both.sh",
    }
    assert '"run pipeline.sh" was taken as b1.sh: it starts pipeline.py.' in scripts.hand_in.notes


def test_a_wrong_name_is_found_by_content(tmp_path: Path) -> None:
    scripts = open_files(tmp_path, {"pipeline.py": PROGRAM, "b1.sh": "echo\n"})
    assert "pipeline.py was taken as b1.py, by its content: no file has that name." in scripts.hand_in.notes


def test_two_scripts_that_could_be_meant_are_not_chosen_between(tmp_path: Path) -> None:
    scripts = open_files(tmp_path, {"one.py": PROGRAM, "two.py": PROGRAM, "b1.sh": START})
    assert "b1.py" not in scripts.files


def test_the_explanation_is_collected(tmp_path: Path) -> None:
    scripts = open_files(
        tmp_path,
        {
            "b1.py": '"""Three stages."""\nx = "# no comment"  # the bubble\n',
            "b1.sh": "# starts\n",
            "why.md": "Because.",
        },
    )
    text = read_scripts(scripts.hand_in, HOMEWORK, HOMEWORK.find_exercise("B1")).text
    assert all(words in text for words in ("Three stages.", "# the bubble", "# starts", "why.md", "Because."))
    assert "no comment" not in text
