"""Where modules and signals of POSIX are missing, the launcher and what imports it load, and say in one sentence where they work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from starting import write

KIT = Path(__file__).parents[2]
# What is not the kit's is loaded before: on Windows these packages have code of their own.
AS_ON_WINDOWS = """
import asyncio, os, signal, subprocess, sys
import jupyter_client, msgspec, nbclient, nbformat, psutil, pytest

MISSING = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}

class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refusal())
for name in MISSING:
    sys.modules.pop(name, None)
for name in ("SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM"):
    delattr(signal, name)
for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "fork", "getuid", "killpg"):
    delattr(os, name)
sys.platform = "win32"
"""


def run_on_windows(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", AS_ON_WINDOWS + program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(KIT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_checks_of_part_b_can_be_loaded(tmp_path: Path) -> None:
    modules = "public_tests.part_b.conftest, public_tests.part_b.test_scripts"
    done = run_on_windows(tmp_path, f"import {modules}")
    assert done.returncode == 0, done.stderr


def test_the_launcher_says_where_it_works(tmp_path: Path) -> None:
    write(tmp_path, "b1.sh", "python b1.py 0\n")
    done = run_on_windows(
        tmp_path, "from launch.__main__ import main; sys.exit(main(['b1.sh', '--ranks=3']))"
    )
    assert done.returncode == 2, done.stderr
    assert "run on Linux, macOS or WSL" in done.stderr
    assert len(done.stderr.splitlines()) == 1
