"""What holds for root holds for an ordinary user: the same tests once more, as one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ordinary import REPOSITORY, as_ordinary_user

LIVE = ["test_containment_live.py", "-k", "TestSecrets or (full and (TestMachine or TestLimits))"]
KERNEL = ["test_containment_kernel.py", "-k", "test_contained_kernel or test_kernel_leaves"]

WORKERS = ["test_containment_workers.py", "-k", "meet or session or disk or (gloo and not full)"]


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="these tests already run as an ordinary user"
)
@pytest.mark.skipif(
    shutil.which("setpriv") is None, reason="setpriv, which makes one of root, is not installed"
)
@pytest.mark.parametrize("selection", [LIVE, KERNEL, WORKERS], ids=["programs", "kernel", "workers"])
def test_containers_hold_for_an_ordinary_user(selection: list[str], open_path: Path) -> None:
    file, *choice = selection
    pytest_line = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"{Path(__file__).with_name(file)}",
    ]
    home = open_path / "home"
    home.mkdir()
    home.chmod(0o777)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    outcome = subprocess.run(
        as_ordinary_user([*pytest_line, *choice, f"--basetemp={home}/tmp"]),
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stdout[-5000:] + outcome.stderr[-2000:]
    assert " passed" in outcome.stdout
