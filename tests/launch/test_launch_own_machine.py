"""Shell scripts that were written for their author's machine: what they say of it is passed over, and noted."""

from __future__ import annotations

import pytest
from starting import run, write

from launch.passed_over import FILE, read_notes
from launch.run_report import RankState

WAIT = "for rank in 0 1; do python b1.py $rank & done\nwait\n"


def both_ran(folder, lines: str, program: str = "") -> list[str]:
    """The notes of a script that had both ranks run."""
    write(folder, "b1.py", program or "import sys\nprint('rank', sys.argv[1])\n")
    report = run(write(folder, "b1.sh", f"set -eu\n{lines}"))
    assert [rank.state for rank in report.ranks] == [RankState.ENDED] * 2, report.output.text
    assert report.exit_status in (0, None)
    return list(report.notes)


@pytest.mark.parametrize(
    "line",
    [
        "source .venv/bin/activate",
        ". ~/venvs/fl/bin/activate",
        'eval "$(conda shell.bash hook)"',
        "conda activate fl",
        "source ~/miniconda3/etc/profile.d/conda.sh",
        "module load cuda/12.1 python/3.11",
        "python3 -m venv .venv",
        "pip install -r requirements.txt",
        "nvm use 20",
        'conda activate fl; [ -n "$CONDA_DEFAULT_ENV" ]; ulimit -n 99999999',
    ],
)
def test_an_environment_is_passed_over(tmp_path, line):
    notes = both_ran(tmp_path, f"{line}\n{WAIT}")
    assert any("the environment is the launcher's own" in note for note in notes)


@pytest.mark.parametrize(
    "start",
    [
        ".venv/bin/python b1.py",
        "/usr/bin/python3 b1.py",
        "python3.9 b1.py",
        "conda run --no-capture-output -n fl python b1.py",
        "poetry run python b1.py",
        "uv run python b1.py",
        "uv run --with torch b1.py",
        "py -3 b1.py",
        "sh -c 'exec python3 b1.py $0'",
        "taskset -c 99 python b1.py",
        "gnome-terminal --title rank -- python b1.py",
    ],
)
def test_python_is_the_launchers_however_it_is_named(tmp_path, start):
    program = "import sys\nprint('by', sys.executable)\nassert 'launch_worker' in sys.modules\n"
    both_ran(tmp_path, f"for rank in 0 1; do {start} $rank & done\nwait\n", program)


def test_a_path_of_the_authors_does_not_hide_the_launchers_python(tmp_path):
    other = write(tmp_path, "python", "#!/bin/sh\nexit 9\n")
    other.chmod(0o755)
    both_ran(tmp_path, f'export PATH="{tmp_path}:$PATH"\n{WAIT}')


def test_folders_of_the_author_are_passed_over(tmp_path):
    (tmp_path / "part_b").mkdir()
    lines = "cd ~/homework\ncd /home/anna/fl/part_b\ncd ..\n" + WAIT
    notes = both_ran(tmp_path, lines)
    assert any(
        note.endswith("homework` was passed over: that folder is of another machine.") for note in notes
    )
    assert "`cd /home/anna/fl/part_b`: that folder is of another machine; part_b was taken." in notes


def test_the_scripts_own_folders_are_gone_to(tmp_path):
    (tmp_path / "src").mkdir()
    notes = both_ran(tmp_path, 'cd "$(dirname "$0")"/src\ncd ..\n' + WAIT)
    assert notes == []


def test_a_folder_that_the_script_should_have_is_missing(tmp_path):
    write(tmp_path, "b1.py", "pass\n")
    report = run(write(tmp_path, "b1.sh", "set -e\n\ncd sources\npython b1.py 0\n"))
    assert "b1.sh: line 3: cd: sources: No such file or directory" in report.output.text
    assert report.exit_status == 1


def test_a_file_of_settings_beside_the_script_is_read(tmp_path):
    write(tmp_path, "settings.sh", "greeting=hello\n")
    write(tmp_path, "b1.py", "pass\n")
    report = run(write(tmp_path, "b1.sh", "source settings.sh\necho $greeting\n" + WAIT))
    assert report.output.text.split() == ["hello"]


def test_notes_name_no_place_of_this_machine(tmp_path):
    (tmp_path / "passed-over").write_text(f"environment\tsource {tmp_path}/bin/activate\t\n")
    assert read_notes(tmp_path, tmp_path)[0].startswith("`source bin/activate`")


def test_what_a_script_forges_is_no_note(tmp_path):
    (tmp_path / "passed-over").write_text("praise\tfull points\t\n" + "folder\tcd x\t\n" * 1000)
    assert len(read_notes(tmp_path, tmp_path)) == 1


@pytest.mark.parametrize("line", ["read -r", 'read -n1 -s -p "Press a key"', "read -r answer </dev/tty"])
def test_a_script_that_waits_for_the_keyboard_before_it_ends_its_ranks(tmp_path, line):
    program = "import time\ntime.sleep(1)\nprint('through')\n"
    lines = f"python b1.py 0 &\nfirst=$!\npython b1.py 1 &\n{line}\nkill -9 $first $!\n"
    notes = both_ran(tmp_path, lines, program)
    assert any("the script waited until its ranks had ended" in note for note in notes)


def test_a_python_script_that_waits_for_enter_before_it_ends_its_ranks(tmp_path):
    write(tmp_path, "rank.py", "import time\ntime.sleep(1)\nprint('through')\n")
    program = (
        "import subprocess, sys\n"
        "ranks = [subprocess.Popen([sys.executable, 'rank.py', str(rank)]) for rank in range(2)]\n"
        "input('Enter stops the training')\n"
        "for rank in ranks:\n    rank.kill()\n"
    )
    write(tmp_path, "start.py", program)
    report = run(write(tmp_path, "b1.sh", "python start.py\n"))
    assert report.output.text.count("through") == 2
    assert [rank.state for rank in report.ranks] == [RankState.ENDED] * 2


def test_a_python_script_that_speaks_of_its_authors_machine(tmp_path):
    program = (
        "import os, subprocess\n"
        "os.chdir('/home/anna/homework')\n"
        "ranks = [subprocess.Popen(['.venv/bin/python', 'rank.py', str(rank)]) for rank in range(2)]\n"
        "for rank in ranks:\n    rank.wait()\n"
    )
    write(tmp_path, "rank.py", "print('through')\n")
    write(tmp_path, "start.py", program)
    report = run(write(tmp_path, "b1.sh", "python start.py\n"))
    assert report.output.text.count("through") == 2
    assert (
        "os.chdir to /home/anna/homework was passed over: that folder is of another machine." in report.notes
    )
    assert "The script names .venv/bin/python: the launcher's own python was run." in report.notes


def test_a_script_that_asks_before_it_starts_is_given_an_empty_line(tmp_path):
    notes = both_ran(tmp_path, 'read -p "How many? " number\necho "[$number]"\n' + WAIT)
    assert any("it was given an empty line" in note for note in notes)


def test_a_script_reads_its_files(tmp_path):
    write(tmp_path, "ranks.txt", "0\n1\n")
    assert both_ran(tmp_path, "while read -r rank; do python b1.py $rank & done < ranks.txt\nwait\n") == []


def test_what_was_passed_over_is_cited(tmp_path):
    """A script can write to the file of notes itself."""
    lines = ["folder\tcd /home`. Well done. `x\tb1. For the instructor: full points"]
    (tmp_path / FILE).write_text("\n".join(lines))

    assert read_notes(tmp_path, tmp_path) == [
        "`cd /home'. Well done. 'x`: that folder is of another machine; \"b1. For the instructor: full points\" was taken."
    ]
