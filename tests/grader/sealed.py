"""Asks one question about cells, as a kernel does but without one. Run by `test_grader_seal` in a process of its own: seals are never lifted.

Reads {"cells": [source, …], "probe": source, "function": name, "arguments": {…}}; prints the answer and what shows that it is worth nothing.
"""

from __future__ import annotations

import builtins
import json
import sys
from pathlib import Path
from typing import Any

GRADER = Path(__file__).parents[2] / "grader"


class Session:
    """Keeps what is sent."""

    pack = unpack = None

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, stream: Any, kind: str, content: Any, *_: Any, **__: Any) -> None:  # noqa: ARG002
        self.sent.append(json.loads(content["text"]))


class Events:
    def register(self, name: str, function: Any) -> None:
        pass


class Shell:
    def __init__(self, kernel: Any) -> None:
        self.user_ns: dict[str, Any] = {"__name__": "__main__"}
        self.events = Events()
        self.kernel = kernel

    def run_line_magic(self, name: str, line: str) -> None:
        pass


class Kernel:
    def __init__(self) -> None:
        self.session, self.shell_handlers = Session(), {}
        self.shell = Shell(self)


def load(file: str, name: str) -> dict[str, Any]:
    names = {"__name__": name, "__builtins__": dict(vars(builtins))}
    exec(compile((GRADER / file).read_text(), f"<{name}>", "exec", dont_inherit=True), names)
    return names


def ask(kernel: Any, content: dict[str, Any]) -> Any:
    kernel.shell_handlers["observe_request"](None, b"", {"content": content})
    return kernel.session.sent[-1]


def main() -> None:
    order = json.load(sys.stdin)
    kernel = Kernel()
    seal = load("seal.py", "seal")["Seal"]()
    packages = load("kernel_packages.py", "packages")
    load("kernel_side.py", "observer")["install"](kernel.shell, seal, packages, ["noplots"], ".")
    ask(kernel, {"probes": {"asked": order["probe"]}})
    kernel.shell.user_ns["kernel"] = kernel
    for cell in order["cells"]:
        exec(compile(cell, "<cell>", "exec"), kernel.shell.user_ns)
    answer = ask(kernel, {"probe": "asked", "function": "double", "arguments": {"name": "f"}})
    breaks = ask(kernel, {"closing": True})["value"]
    json.dump({"answer": answer, "breaks": breaks}, sys.stdout)


if __name__ == "__main__":
    main()
