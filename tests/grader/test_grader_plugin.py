"""`pytest -fpath NOTEBOOK`, as a student calls it: in a process of its own, with checks and a homework made for the test."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from homeworks import HEAD, write_homework

from grader.isolation import KIT
from grader.options import OptionError, join_paths

USAGE_ERROR = 4

HOMEWORK = f"""
libraries = ["pytest"]
{HEAD}
[kernel]
cell_timeout_s = 120
[[exercise]]
id = "X1"
title = "A number"
points = 1.5
tags = ["number", "why"]
manual = [{{ name = "Reason", points = 0.5, tag = "why" }}]
[[exercise]]
id = "X2"
title = "Nothing"
points = 1
[[exercise]]
id = "S1"
title = "A script"
points = 1
files = ["s.py"]
"""

CHECKS = '''
import pytest
from grader import Failure, fail, withhold

@pytest.mark.exercise("X1", points=1)
def test_number(submission, remark):
    """The number is seven."""
    value = submission.read_value("number", "number")
    if not isinstance(value, int):
        remark(Failure(f"number is {value!r}.", "a whole number", "leave out the point."))
    if value != 7:
        fail(f"number is {value!r}.", withhold("7", "another number"), "count again.")

@pytest.mark.exercise("X2", points=1)
def test_bug(submission):
    """A check of the kit's own fails."""
    raise KeyError("bug")
'''


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        (["-fpath", "a.ipynb"], ["--fpath=a.ipynb"]),
        (["-fpath=a.ipynb"], ["--fpath=a.ipynb"]),
        (["--fpath", "a.ipynb"], ["--fpath=a.ipynb"]),
        (["--fpath=a.ipynb"], ["--fpath=a.ipynb"]),
        (["-q", "-fpath", "a b.ipynb", "tests"], ["-q", "--fpath=a b.ipynb", "tests"]),
        (["-fpath", "-odd.ipynb"], ["--fpath=-odd.ipynb"]),
        (["-k", "fpath"], ["-k", "fpath"]),
        ([], []),
    ],
)
def test_every_way_to_name_the_notebook_is_understood(given: list[str], understood: list[str]) -> None:
    assert join_paths(given) == understood


@pytest.mark.parametrize("option", ["-fpath", "--fpath"])
def test_a_missing_path_is_said(option: str) -> None:
    with pytest.raises(OptionError, match="needs the path of a notebook"):
        join_paths(["-q", option])


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


SCRIPT = "import sys; from grader.pytest_script import main; sys.argv[0] = 'pytest'; sys.exit(main())"
MARKS = "open(__file__ + '.ran', 'w').close()\n"
BESIDE = ("conftest", "evil", "grader", "json", "pytest", "random", "sitecustomize", "torch")


@pytest.mark.parametrize(
    "settings", ["addopts = -p evil\npythonpath = .", "addopts = -p no:grader"], ids=["a plugin", "no grader"]
)
@pytest.mark.parametrize("place", ["homework", "submission"])
def test_nothing_beside_a_notebook_is_read_or_run(
    kit: Path, tmp_path: Path, place: str, settings: str
) -> None:
    handed_in = tmp_path / "handed in"
    handed_in.mkdir()
    path = write_notebook(handed_in, "7")
    for name in BESIDE:
        (handed_in / f"{name}.py").write_text(MARKS)
    (handed_in / "pytest.ini").write_text(f"[pytest]\n{settings}\n")

    ended = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            SCRIPT,
            "-fpath",
            str(path),
            f"--homework={kit}",
            str(kit / "public_tests"),
        ],
        cwd=kit if place == "homework" else handed_in,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert list(handed_in.glob("*.ran")) == []
    assert "X1" in ended.stdout, ended.stdout + ended.stderr


# Where pip or uv installs this kit and pytest together, either may come last and leave its own command `pytest`.
COMMANDS = {
    "the kit's": SCRIPT,
    "pytest's own": (
        "import sys; from importlib.metadata import distribution; sys.argv[0] = 'pytest'; "
        "[script] = distribution('pytest').entry_points.select(group='console_scripts', name='pytest'); sys.exit(script.load()())"
    ),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_each_command_pytest_checks_a_notebook(kit: Path, tmp_path: Path, command: str) -> None:
    path = write_notebook(tmp_path / "work", "7")
    (path.parent / "pytest.ini").write_text("[pytest]\naddopts = --exercise=X2 --collect-only\n")
    start = [sys.executable, "-P", "-c", command]
    typed = ["-fpath", str(path), f"--homework={kit}", "--exercise=X1"]
    ended = subprocess.run(
        [*start, *typed], cwd=path.parent, capture_output=True, text=True, timeout=300, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"^X1  A number +1 / 1", ended.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_each_command_pytest_says_what_to_type(tmp_path: Path, command: str) -> None:
    start = [sys.executable, "-P", "-c", command, "a.ipynb"]
    ended = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)

    assert ended.returncode == USAGE_ERROR
    assert "type: pytest -fpath a.ipynb" in ended.stderr


# --- what can't be graded ---------------------------------------------------------------------------------------------------------------


BAD_PATHS: dict[str, tuple[str, str | None, str]] = {
    "missing": ("none.ipynb", None, "none.ipynb does not exist; give the path of your notebook"),
    "a folder": (".", None, "is a folder; name the notebook in it"),
    "plain Python": ("plain.py", "import os\n", "plain.py is a Python file without jupytext cells"),
    "no JSON": ("a.ipynb", "{'cells': []}", "a.ipynb is not a notebook: it is not JSON"),
    "empty": ("a.ipynb", "", "a.ipynb is empty"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD_PATHS.values(), ids=BAD_PATHS)
def test_what_is_no_notebook_ends_with_one_line_and_status_4(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    ended = run_pytest(tmp_path, "-fpath", name)
    lines = [line for line in (ended.stdout + ended.stderr).splitlines() if line.strip()]

    assert ended.returncode == USAGE_ERROR
    assert [line for line in lines if message in line] == [lines[0]] == lines
    assert lines[0].startswith("ERROR: ")


# --- what is graded ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """A folder with checks of a small homework, and nothing else."""
    folder = write_homework(tmp_path / "kit", HOMEWORK)
    (folder / "public_tests" / "test_small.py").write_text(CHECKS)
    (folder / "tox.ini").write_text("[pytest]\n")
    return folder


def write_notebook(folder: Path, number: str) -> Path:
    cells = [
        nbformat.v4.new_code_cell("", metadata={"tags": ["setup"]}),
        nbformat.v4.new_code_cell(f"number = {number}", metadata={"tags": ["number"]}),
        nbformat.v4.new_markdown_cell("Because of <b>this</b>.", metadata={"tags": ["why"]}),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "homework.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture
def grade(
    kit: Path, tmp_path: Path
) -> Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, Any]]]:
    """Grades a notebook in which `number` is what is given; returns how pytest ended, and results.json."""

    def grade(number: str, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        path, results = write_notebook(tmp_path / "submission", number), tmp_path / "results.json"
        ended = run_pytest(kit, "-fpath", str(path), "public_tests", f"--json={results}", *arguments)
        assert results.exists(), ended.stdout + ended.stderr
        return ended, json.loads(results.read_text())

    return grade


Grade = Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, Any]]]


def test_a_right_answer_earns_its_points(grade: Grade) -> None:
    ended, results = grade("7", "--exercise=X1")

    assert ended.returncode == 0
    assert (results["score"], results["max_score"]) == (1.0, 1.5)


def test_a_remark_costs_nothing(grade: Grade) -> None:
    ended, results = grade("7.0", "--exercise=X1")

    assert (ended.returncode, results["score"]) == (0, 1.0)
    assert "Remark on X1, which costs nothing: number is 7.0." in ended.stdout
    assert results["tests"][0]["output"].startswith("Remark: number is 7.0.")


def test_a_wrong_answer_gets_its_sentence_and_no_traceback(grade: Grade) -> None:
    ended, results = grade("8", "--exercise=X1")
    check, _ = results["tests"]

    assert ended.returncode == 1
    assert check["output"] == "number is 8.\n  Expected: another number\n  Next: count again."
    assert "X1 (A number)\nnumber is 8." in ended.stdout
    assert "Traceback" not in ended.stdout
    assert not re.search(r"test_small\.py:\d", ended.stdout)


DEPENDENT = '''
@pytest.mark.needs("test_number")
@pytest.mark.exercise("X1", points=1)
def test_double(submission):
    """Its double is fourteen."""
'''


def test_what_is_not_reached_earns_nothing_and_is_told_in_one_line(kit: Path, grade: Grade) -> None:
    (kit / "public_tests" / "test_small.py").write_text(CHECKS + DEPENDENT)
    ended, results = grade("8", "--exercise=X1")
    check = results["tests"][1]

    assert (check["score"], check["status"], check["extra_data"]["not_reached"]) == (0, "failed", True)
    assert check["output"] == "Not reached: number is 8."
    assert "Not reached" not in ended.stdout


LACKING = '''
from grader import MachineFailure

@pytest.mark.exercise("X1", points=1)
def test_number(submission):
    """The number is right."""
    raise MachineFailure("jax is not installed.", "a machine with jax", "pip install jax")
'''


def test_what_the_machine_lacks_and_what_depends_on_it_costs_no_point_unseen(kit: Path, grade: Grade) -> None:
    (kit / "public_tests" / "test_small.py").write_text("import pytest\n" + LACKING + DEPENDENT)
    ended, results = grade("7", "--exercise=X1")
    checks = results["tests"][:2]

    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert [check["extra_data"]["outcome"] for check in checks] == ["machine", "machine"]
    assert results["extra_data"]["needs_instructor"] == ["X1"]
    assert "needs the instructor: pip install jax" in " ".join(ended.stdout.split())


def test_the_closing_table_says_what_to_do_next(grade: Grade) -> None:
    ended, _ = grade("8", "--exercise=X1")
    row = next(line for line in ended.stdout.splitlines() if line.startswith("X1  A number"))

    assert row.split(maxsplit=6) == ["X1", "A", "number", "0", "/", "1.5", "count again."]


def test_results_have_the_student_s_text_and_beside_it_the_instructor_s(grade: Grade) -> None:
    ended, results = grade("8", "--exercise=X1")
    [check] = results["tests"][:1]

    assert check["output"] == "number is 8.\n  Expected: another number\n  Next: count again."
    assert check["extra_data"] == {
        "seen": "number is 8.",
        "expected": "another number",
        "next": "count again.",
        "cause": "number",
        "instructor": "number is 8.\n  Expected: 7\n  Next: count again.",
        "check": "test_number",
        "outcome": "failed",
    }
    assert "Expected: 7" in ended.stdout


STUDENT = '''
import pytest
from grader import fail

@pytest.mark.exercise("X2")
@pytest.mark.parametrize("one", [1, 2, 3])
def test_second(submission, one):
    """Something of the second exercise."""
    fail(f"Seen {one}.", "something else", f"mend {one}.")

@pytest.mark.exercise("X1")
def test_first(submission):
    """Something of the first exercise."""
'''


def test_students_see_a_first_failure_and_then_the_table_in_the_handout_s_order(
    kit: Path, tmp_path: Path
) -> None:
    (kit / "public_tests" / "test_small.py").write_text(STUDENT)
    path = write_notebook(tmp_path, "7")
    ended = run_pytest(kit, "-fpath", str(path), "public_tests")
    dots, _, failure = ended.stdout.partition("X2 (Nothing)")
    table = failure.partition("Exercise ")[2].splitlines()

    assert dots.splitlines()[0].split() == [".FFF", "[100%]"]
    assert failure.startswith("\nSeen 1.\n  Expected: something else\n  Next: mend 1.\n")
    assert "Seen 2." not in failure
    assert "2 more checks of X2 failed; -v shows them." in failure
    assert [line.split()[0] for line in table[2:4]] == ["X1", "X2"]
    assert table[4].split() == ["Total", "1", "/", "4"]
    assert " ".join(table[5:]).endswith("is graded after you hand in.")
    assert "homework.ipynb, saved " in failure
    assert "Isolation" not in ended.stdout


def test_students_see_all_failures_with_v(kit: Path, tmp_path: Path) -> None:
    (kit / "public_tests" / "test_small.py").write_text(STUDENT)
    ended = run_pytest(kit, "-fpath", str(write_notebook(tmp_path, "7")), "public_tests", "-v")

    assert all(f"Seen {number}." in ended.stdout for number in (1, 2, 3))
    assert "more check" not in ended.stdout


def test_nothing_is_run_for_what_nobody_has_begun(kit: Path, tmp_path: Path) -> None:
    (kit / "public_tests" / "test_small.py").write_text(STUDENT)
    path = write_notebook(tmp_path, "raise SystemExit")
    handout = nbformat.read(path, as_version=4)
    nbformat.write(handout, kit / "handout.ipynb")
    ended = run_pytest(kit, "-fpath", str(path), "public_tests", "--exercise=X1")

    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert ended.stdout.split()[0] == "-"
    assert "X1  A number   0 / 1  still empty" in ended.stdout
    assert "(A number)" not in ended.stdout


def test_prose_is_collected_to_be_graded_by_hand(grade: Grade) -> None:
    _, results = grade("7", "--exercise=X1")
    manual = results["tests"][1]

    assert (manual["number"], manual["name"], manual["score"], manual["max_score"]) == (
        "X1",
        "Reason",
        0,
        0.5,
    )
    assert manual["extra_data"]["answer"] == "Because of <b>this</b>."


def test_a_bug_in_a_check_is_the_kit_s_and_shown_as_such(grade: Grade) -> None:
    ended, results = grade("7", "--exercise=X2")
    [check] = results["tests"]

    assert check["extra_data"]["outcome"] == "broken"
    assert "KeyError('bug')" in check["extra_data"]["instructor"]
    assert "KeyError('bug')" not in check["output"]
    assert "a bug in the kit" in ended.stdout


def test_the_seed_that_makes_a_regrade_the_same_is_told(grade: Grade) -> None:
    ended, results = grade("7", "--exercise=X1", "--grading-seed=42")

    assert results["extra_data"]["grading_seed"] == 42
    assert "grading_seed 42" in ended.stdout


def test_a_page_is_written(grade: Grade, tmp_path: Path) -> None:
    grade("7", "--exercise=X1", f"--html={tmp_path / 'report.html'}")

    assert "Because of &lt;b&gt;this&lt;/b&gt;." in (tmp_path / "report.html").read_text()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can write")
def test_a_report_that_can_t_be_written_leaves_the_table(kit: Path, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "submission", "7")
    ended = run_pytest(
        kit,
        "-fpath",
        str(path),
        "public_tests",
        "--exercise=X1",
        "--json=/proc/results.json",
        "--grading-seed=5",
    )

    assert ended.returncode == pytest.ExitCode.INTERNAL_ERROR
    assert "What to do next" in ended.stdout
    assert "/proc/results.json could not be written" in ended.stdout
    assert "--grading-seed 5 gives the same grade again" in ended.stdout


def test_a_report_in_no_folder_is_refused_before_grading(kit: Path, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "submission", "7")
    ended = run_pytest(kit, "-fpath", str(path), "public_tests", f"--html={tmp_path / 'no' / 'page.html'}")

    assert ended.returncode == USAGE_ERROR
    assert "name a file in a folder that exists" in ended.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can write")
def test_a_refusal_that_can_t_be_written_is_still_said(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, "-fpath", "none.ipynb", "--json=/proc/results.json")

    assert ended.returncode == USAGE_ERROR
    assert "none.ipynb does not exist" in ended.stderr
    assert "/proc/results.json could not be written" in ended.stderr


def test_a_refusal_stands_in_the_results_without_a_score(tmp_path: Path) -> None:
    run_pytest(tmp_path, "-fpath", "none.ipynb", f"--json={tmp_path / 'results.json'}")
    results = json.loads((tmp_path / "results.json").read_text())

    assert "none.ipynb does not exist" in results["output"]
    assert (results["tests"], "score" in results) == ([], False)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--exercise=X9", "No exercise is called 'X9'"),
        ("--exercise=,", "names no exercise"),
        ("--exercise=X1,S1", "S1 is graded from scripts"),
        ("--grading-seed=-1", "give a whole number from 0 to 4294967295"),
        ("--grading-seed=4294967296", "give a whole number from 0 to 4294967295"),
    ],
)
def test_what_can_t_be_asked_is_a_usage_error(kit: Path, tmp_path: Path, option: str, message: str) -> None:
    path = write_notebook(tmp_path / "submission", "7")
    ended = run_pytest(kit, "-fpath", str(path), "public_tests", option)

    assert ended.returncode == USAGE_ERROR
    assert message in ended.stderr


def test_versions_stand_above_the_table_and_in_the_results(grade: Grade) -> None:
    ended, results = grade("7", "--exercise=X1", "--grading-seed=42")
    note = next(line for line in ended.stdout.splitlines() if f"pytest {pytest.__version__}" in line)

    assert note.startswith("Graded with grading_seed 42")
    assert results["extra_data"]["pytest"] == pytest.__version__


def test_the_header_tells_the_seed_and_the_versions_to_who_wants_to_know(grade: Grade) -> None:
    ended, _ = grade("7", "--exercise=X1", "--grading-seed=42", "-v")
    header = next(line for line in ended.stdout.splitlines() if line.startswith("grading: "))

    assert "grading_seed 42" in header
    assert f"pytest {pytest.__version__}" in header


def test_a_grade_that_was_cut_short_has_no_score(kit: Path, tmp_path: Path) -> None:
    checks = kit / "public_tests" / "test_small.py"
    checks.write_text(CHECKS.replace('raise KeyError("bug")', "raise KeyboardInterrupt"))
    path = write_notebook(tmp_path / "submission", "7")
    ended = run_pytest(kit, "-fpath", str(path), "public_tests", f"--json={tmp_path / 'results.json'}")

    assert ended.returncode == pytest.ExitCode.INTERRUPTED
    assert "X1  A number" in ended.stdout
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["extra_data"] == {"outcome": "interrupted"}
    assert "score" not in results


def test_a_grade_without_all_checks_is_not_written(kit: Path, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "submission", "8")
    ended = run_pytest(kit, "-fpath", str(path), "public_tests", "-x", f"--json={tmp_path / 'results.json'}")

    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert "results.json was not written: not all checks were run. Leave out -x." in ended.stdout
    assert not (tmp_path / "results.json").exists()


@pytest.mark.parametrize(
    "steps", [pytest.param((), id="as always"), pytest.param(("--steps=5000",), id="thousands")]
)
def test_only_thousands_of_steps_take_as_long_as_they_need(
    kit: Path, tmp_path: Path, steps: tuple[str, ...]
) -> None:
    """Whoever asks for all steps waits for them: the launcher has deadlines, and the net around a check must not come first."""
    (kit / "public_tests" / "test_slow.py").write_text(
        'import pytest\n@pytest.mark.exercise("X2", points=1)\ndef test_net(request):\n    """Says its time limit."""\n'
        '    print("limits", [mark.args for mark in request.node.iter_markers("timeout")])\n'
    )
    path = write_notebook(tmp_path / "submission", "7")
    ended = run_pytest(kit, "-fpath", str(path), "public_tests/test_slow.py", "-s", *steps)

    assert ("limits [(0,)]" if steps else "limits []") in ended.stdout


def test_a_folder_without_settings_gets_the_kit_s(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, "-fpath", str(write_notebook(tmp_path, "7")), "--collect-only", "-v")

    assert "configfile: tox.ini" in ended.stdout
    assert "timeout: 1200" in ended.stdout


# --- files beside the notebook ----------------------------------------------------------------------------------------------------------


HOSTILE_FILES = {
    "conftest.py": "print('TAKEN')\nraise RuntimeError('TAKEN')\n",
    "pytest.ini": "[pytest]\naddopts = --strict-markers -W error\npython_files = *\n",
    "tox.ini": "[pytest]\nmarkers = TAKEN\n",
    "test_mine.py": "raise RuntimeError('TAKEN')\n",
    "__init__.py": "raise RuntimeError('TAKEN')\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-p taken'\n",
}


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_a_file_beside_the_notebook_has_no_effect(kit: Path, tmp_path: Path, name: str) -> None:
    path = write_notebook(tmp_path / "submission", "7")
    (path.parent / name).write_text(HOSTILE_FILES[name])
    ended = run_pytest(kit, f"--fpath={path}", str(kit / "public_tests"), "--exercise=X1")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "TAKEN" not in ended.stdout + ended.stderr


# --- interruption -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("command", ["grader grade", "pytest"])
def test_sigterm_ends_a_grading_with_all_its_processes(kit: Path, tmp_path: Path, command: str) -> None:
    os.mkfifo(tmp_path / "begun")
    results, own = tmp_path / "results.json", tmp_path / "own"
    own.mkdir()
    wait = f"open({str(tmp_path / 'begun')!r}, 'w').close() or __import__('time').sleep(600)"
    path = write_notebook(tmp_path, wait)
    start = {
        "grader grade": ["-m", "grader", "grade", str(path), "--public", "--isolation=none"],
        "pytest": ["-P", "-c", SCRIPT, "-fpath", str(path), str(kit / "public_tests")],
    }[command]
    process = subprocess.Popen(
        [sys.executable, *start, f"--homework={kit}", f"--json={results}"],
        env={**os.environ, "TMPDIR": str(own)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    (tmp_path / "begun").read_bytes()  # until the cell runs
    family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()

    assert process.wait(100) in (2, 130)
    assert [each for each in family if each.is_running()] == []
    assert list(own.iterdir()) == []
    content = json.loads(results.read_text())
    assert (content["extra_data"]["outcome"], content["tests"]) == ("interrupted", [])
    assert "score" not in content


def test_results_are_written_after_a_command_that_can_t_be_understood(tmp_path: Path) -> None:
    for number, wrong in enumerate((["--steps=many"], ["--exercise=A9.9"], [f"--html={tmp_path}"])):
        results = tmp_path / f"{number}.json"
        notebook = str(KIT / "notebooks" / "homework_1.ipynb")
        command = [sys.executable, "-m", "grader", "grade", notebook, "--isolation=none", *wrong]
        ended = subprocess.run([*command, f"--json={results}"], cwd=KIT, capture_output=True, check=False)

        assert ended.returncode == 2
        assert json.loads(results.read_text())["extra_data"]["outcome"] == "refused"
