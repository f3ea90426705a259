"""torch's compiler is imported late, and then is the very module that it would have been."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PRELOADING = Path(__file__).parents[2] / "launch" / "worker" / "preloading"
COMPILER = """
print("compiler executed")
from . import part
def disable(function, recursive=True): return ("disabled", function.__name__)
def graph_break(): return "broken"
value = 7
"""
BEGIN = f"""
import sys
sys.path.insert(0, {str(PRELOADING)!r})
from compilation import defer_compiler
import torch
defer_compiler()
import torch._dynamo
def function(): pass
"""


@pytest.fixture
def run(tmp_path):
    """Runs a program in which torch is a stand-in, and returns what it printed."""
    package = tmp_path / "torch" / "_dynamo"
    package.mkdir(parents=True)
    (tmp_path / "torch" / "__init__.py").touch()
    (package / "__init__.py").write_text(COMPILER)
    (package / "part.py").write_text("print('part executed')")

    def run(lines: str) -> list[str]:
        command = [sys.executable, "-S", "-c", BEGIN + lines]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize(
    "use",
    [
        "torch._dynamo.graph_break()",
        "assert torch._dynamo.disable(function, True) is function",
        "torch._dynamo.trace_rules.clear_lru_cache()",
    ],
)
def test_what_an_optimizer_asks_needs_no_compiler(run, use):
    assert run(use) == []


@pytest.mark.parametrize(
    ("use", "shown"),
    [
        ("print(torch._dynamo.value, torch._dynamo.graph_break())", "7 broken"),
        ("from torch._dynamo import value; print(value)", "7"),
        ("import torch._dynamo.part as part; print(part is torch._dynamo.part)", "True"),
        ("torch._dynamo.value; print(torch._dynamo.disable(function))", "('disabled', 'function')"),
    ],
)
def test_any_other_use_executes_it_once(run, use, shown):
    assert run(use) == ["compiler executed", "part executed", shown]


def test_what_was_spared_before_is_asked_again_after(run):
    lines = run("""
function.__dynamo_disable = torch._dynamo.disable(function)
torch._dynamo.value
print(hasattr(function, "__dynamo_disable"))
""")
    assert lines[-1] == "False"
