"""How much memory a grading took is read off its processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from grader.peak_memory import read_peak_memory_mib


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_a_process_that_has_ended_counts_with_what_it_held() -> None:
    code = "import sys\nfrom grader.peak_memory import read_peak_memory_mib\n"
    code += "import subprocess\nsubprocess.run([sys.executable, '-c', 'bytearray(200 * 1024**2)'])\nprint(read_peak_memory_mib())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert 200 <= int(told) < 400
    assert read_peak_memory_mib() is not None
