"""Batch files of Windows: what they start, a shell starts."""

from __future__ import annotations

import pytest
from starting import run, write

from launch.batch_file import translate
from launch.run_report import RankState


@pytest.mark.parametrize(
    ("text", "shell"),
    [
        ("@echo off\r\nstart python b1.py 0\r\n", "python b1.py 0 &\nwait\n"),
        ('start "rank 1" /B python -u "%~dp0b1.py" 1', 'python -u "./b1.py" 1 &\nwait\n'),
        ("start cmd /k python src\\b1.py 2", "python src/b1.py 2 &\nwait\n"),
        ("for /L %%i in (0,1,1) do start /B python b1.py %%i", "python b1.py 0 &\npython b1.py 1 &\nwait\n"),
        ("for %%r in (0 1) do (\n  start python b1.py %%r\n)", "python b1.py 0 &\npython b1.py 1 &\nwait\n"),
        (
            "set MASTER_PORT=29500\npython b1.py %PORT%",
            'export MASTER_PORT="29500"\npython b1.py ${PORT}\nwait\n',
        ),
        ("rem the ranks\ncd /d %~dp0\npause\n", "wait\n"),
    ],
)
def test_what_a_batch_file_is_in_a_shell(text, shell):
    assert translate(text) == (shell, [])


def test_a_line_that_is_not_understood_is_told():
    assert translate("powershell -File b1.ps1\n")[1] == ["powershell -File b1.ps1"]


def test_a_batch_file_starts_its_ranks(tmp_path):
    write(tmp_path, "b1.py", "import sys\nprint('rank', sys.argv[1])\n")
    report = run(write(tmp_path, "b1.bat", "@echo off\r\nstart python b1.py 0\r\nstart python b1.py 1\r\n"))
    assert [rank.state for rank in report.ranks] == [RankState.ENDED] * 2
    assert any("batch file of Windows" in note for note in report.notes)
