"""What a program puts on an accelerator that this machine does not have is on the CPU, and noted. In a process of its own: torch is changed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

DEVICES = Path(__file__).parents[2] / "launch" / "worker" / "devices.py"

# Loaded as a notebook's kernel loads it: as text, without the launcher.
PROGRAM = """
import json, sys
from pathlib import Path
noted = []
adapted = {"__name__": "adapted"}
exec(compile(Path(sys.argv[1]).read_text(), "adapted", "exec"), adapted)
adapted["adapt"](lambda kind, asked: noted.append([kind, asked]))
import torch
found = {}
for name, expression in json.loads(sys.argv[2]).items():
    try:
        found[name] = str(getattr(eval(expression), "device", "cpu"))
    except Exception as error:
        found[name] = repr(error)
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)
print(json.dumps([found, noted]))
"""

EXPRESSIONS = {
    "to": "torch.ones(2).to('cuda')",
    "to, with a type": "torch.ones(2).to(device='cuda', dtype=torch.float64, non_blocking=True)",
    "cuda": "torch.ones(2).cuda()",
    "a number": "torch.ones(2).to(0)",
    "device": "torch.ones(2, device='cuda:1')",
    "device of mps": "torch.zeros(2, device=torch.device('mps'))",
    "a default device": "torch.set_default_device('cuda') or torch.ones(2)",
    "a default type": "torch.set_default_tensor_type('torch.cuda.FloatTensor') or torch.ones(2)",
    "a module": "next(torch.nn.Linear(2, 2, device='cuda').to('mps').cuda().parameters())",
    "random numbers": "torch.normal(0.0, 1.0, (2,), device='cuda', generator=torch.Generator(device='cuda'))",
    "pinned": "torch.ones(2).pin_memory()",
    "waiting": "torch.cuda.synchronize() or torch.accelerator.synchronize()",
    "clocks": "[event.record() for event in [torch.cuda.Event(enable_timing=True)]]",
    "a generator": "isinstance(torch.default_generator, torch.Generator) or 1 / 0",
}


@pytest.fixture(scope="module")
def adapted() -> tuple[dict[str, str], list[list[str]]]:
    """Where the values of the expressions are, and what was noted."""
    if torch.accelerator.is_available():
        pytest.skip("this machine has an accelerator")
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(DEVICES), json.dumps(EXPRESSIONS)],
        capture_output=True,
        text=True,
        check=True,
    )
    found, noted = json.loads(ended.stdout)
    return found, noted


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_names_an_accelerator_is_on_the_cpu(
    adapted: tuple[dict[str, str], list[list[str]]], name: str
) -> None:
    assert adapted[0][name] == "cpu"


def test_what_was_asked_for_is_noted_once(adapted: tuple[dict[str, str], list[list[str]]]) -> None:
    noted = adapted[1]

    assert {"cuda", "cuda:1", "mps"} <= {asked for _, asked in noted}
    assert {kind for kind, _ in noted} == {"device"}
    assert len(noted) == len({asked for _, asked in noted})
