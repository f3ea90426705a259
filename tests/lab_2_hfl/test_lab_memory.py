"""What training frees, it has again without new pages from the system."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

STEPS = """
import resource
import torch
from torch.optim import SGD
from lab_2_hfl.model import MnistCnn, train_epoch

torch.set_num_threads(1)
model = MnistCnn()
optimizer = SGD(model.parameters(), lr=0.01)
batch = torch.randn(100, 1, 28, 28), torch.zeros(100, dtype=torch.int64)

def count_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    train_epoch(model, [batch], optimizer)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print([count_faults() for _ in range(10)])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_steps_need_no_new_pages() -> None:
    printed = subprocess.run([sys.executable, "-c", STEPS], stdout=subprocess.PIPE, check=True).stdout

    later = json.loads(printed)[3:]
    assert sum(later) < 7000  # by default ten times as many: what a step frees, the next one must get anew
