"""How scripts are started."""

from __future__ import annotations

import os

import pytest

from launch.command import ScriptError, Style, command, environment, style_of_python

ARGUMENT = "import sys\nrank = int(sys.argv[1])\n"
PARSER = "import argparse\nargparse.ArgumentParser()\n"
TORCHRUN = "import os\nrank = int(os.environ['RANK'])\n"
GETENV = "import os\nrank = int(os.getenv('LOCAL_RANK'))\n"
FROM_ENVIRONMENT = "import torch.distributed as dist\ndist.init_process_group('gloo')\n"
SPAWN = "import torch.multiprocessing as mp, sys\nmp.spawn(main, nprocs=3)\nsys.argv\n"
PROCESS = "from multiprocessing import Process\nProcess(target=print).start()\n"
PRIMER = "import torch\nprint(torch.ones(1))\n"
BROKEN = "def f(:\n"


@pytest.mark.parametrize(
    ("text", "style"),
    [
        (ARGUMENT, Style.ARGUMENT),
        (PARSER, Style.ARGUMENT),
        (TORCHRUN, Style.ENVIRONMENT),
        (GETENV, Style.ENVIRONMENT),
        (FROM_ENVIRONMENT, Style.ENVIRONMENT),
        (SPAWN, Style.ONCE),
        (PROCESS, Style.ONCE),
        (PRIMER, Style.ONCE),
        (BROKEN, Style.ARGUMENT),
    ],
    ids=[
        "argv",
        "argparse",
        "RANK",
        "LOCAL_RANK",
        "no rank given",
        "spawn",
        "Process",
        "one process",
        "broken",
    ],
)
def test_how_a_python_file_becomes_ranks(text, style):
    assert style_of_python(text) is style


@pytest.mark.parametrize(
    ("name", "text", "style"),
    [
        ("b1.sh", "echo", Style.SHELL),
        ("b1", "#!/usr/bin/env python3\nimport sys; sys.argv", Style.ARGUMENT),
        ("b1.py", "#!/bin/bash\necho", Style.SHELL),
    ],
    ids=["by its name", "python by its first line", "shell by its first line"],
)
def test_what_a_script_is(tmp_path, name, text, style):
    (tmp_path / name).write_text(text)
    assert command(tmp_path / name, 3).style is style


def test_a_given_style_wins(tmp_path):
    (tmp_path / "b1.py").write_text(ARGUMENT)
    assert command(tmp_path / "b1.py", 3, Style.ONCE).arguments == ["python", str(tmp_path / "b1.py")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "not there"),
        (b"", "empty"),
        (b" \n", "empty"),
        (b"a\0b", "not a text file"),
        (b"x" * 3_000_000, "bytes"),
    ],
    ids=["missing", "empty", "blank", "binary", "huge"],
)
def test_what_cannot_be_started(tmp_path, content, words):
    script = tmp_path / "b1.sh"
    if content is not None:
        script.write_bytes(content)
    with pytest.raises(ScriptError, match=words):
        command(script, 3)


@pytest.mark.parametrize("text", [b"echo\r\n", b"\xef\xbb\xbfecho\n"], ids=["CRLF", "byte order mark"])
def test_a_script_from_windows_is_mended(tmp_path, text):
    script = tmp_path / "b1.sh"
    script.write_bytes(text)
    mended = command(script, 3)
    assert mended.text == "echo\n"
    assert mended.arguments[-1] == str(script)
    assert len(mended.notes) == 1
    assert script.read_bytes() == text


def test_the_environment_of_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "5")
    monkeypatch.setenv("PYTHONPATH", "/mine")
    values = environment(
        tmp_path / "hook", tmp_path, tmp_path, ranks=3, steps=8, extra={"LAB_STEPS": "9", "A": "1"}
    )
    assert "RANK" not in values
    assert values["PYTHONPATH"] == os.pathsep.join([str(tmp_path / "hook"), "/mine"])
    assert values["PATH"].startswith(str(tmp_path / "bin"))
    assert (values["LAB_STEPS"], values["A"]) == ("9", "1")
