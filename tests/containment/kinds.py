"""A kind of container, and small programs run in it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grader.containment import Breach, ContainedProcess, Container, Level, Machine, View

END_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Outcome:
    """What came of a contained program."""

    status: int
    output: str
    breach: Breach | None


@dataclass(frozen=True)
class Kind:
    """A kind of container, and how to run Python in it."""

    name: str
    level: Level
    machine: Machine
    python: str
    view: View

    @property
    def has_namespaces(self) -> bool:
        return self.name != "landlock"

    def container(self, **given: Any) -> Container:
        view = self.view + given.pop("view", View())
        return Container(view=view, level=self.level, machine=self.machine, **given)

    def start(
        self, program: str, *, files: Mapping[str, bytes] | None = None, **given: Any
    ) -> ContainedProcess:
        streams = {
            name: given.pop(name) for name in ("stdin", "stdout", "stderr", "pass_fds") if name in given
        }
        container = self.container(files={"program.py": program.encode(), **(files or {})}, **given)
        return container.start([self.python, "program.py"], **streams)

    def run(self, program: str, **given: Any) -> Outcome:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with self.start(program, **streams, **given) as process:
            assert process.stdout is not None
            output = process.stdout.read().decode(errors="replace")
            return Outcome(process.wait(END_TIMEOUT_S), output.strip(), process.breach)
