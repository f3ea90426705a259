"""What training frees, it has again without new pages from the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# More than glibc's largest threshold above which a block is given back whatever was freed before.
BLOCKS = """
import resource
import torch
import lab_2_hfl.model

def count_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(64 << 18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(min(count_faults() for _ in range(20)))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_a_block_that_was_freed_is_kept() -> None:
    printed = subprocess.run([sys.executable, "-c", BLOCKS], stdout=subprocess.PIPE, check=True).stdout

    assert int(printed) < 100  # it has 16,384 pages
