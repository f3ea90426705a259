"""Starts the parallel workers of one submission in one container, for a launcher that watches them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from .container import Container
from .levels import Machine, probe
from .limits import Breach, Limits
from .process import ContainedProcess
from .strength import Level
from .view import View

# What a launcher sets may by chance be what this process has as well; nothing else of its environment goes in.
_KEPT = frozenset({"PATH", "PYTHONPATH", "PYTHONIOENCODING", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS"})


@dataclass
class ContainedWorkers:
    """Give `start` to a launcher, once; use as a context manager, so that nothing is left.

    The script's folder and the launcher's folder of events become the workers' own: hand over copies. The
    launcher's control folder and `view`, which must hold what instruments the workers, are readable.
    """

    view: View
    level: Level
    limits: Limits = field(default_factory=Limits)
    environment: Mapping[str, str] = field(default_factory=dict)
    """Set besides what the launcher sets."""
    machine: Machine = field(default_factory=probe, repr=False)
    process: ContainedProcess | None = None

    @property
    def breach(self) -> Breach | None:
        """The limit for which the workers were killed, if any."""
        return self.process.breach if self.process is not None else None

    def start(self, arguments: list[str], *, env: dict[str, str], cwd: Path, stdout: int) -> ContainedProcess:
        """Start a script with its workers. Raises ContainmentError if the container cannot be made."""
        control, events = (Path(env[name]) for name in ("LAUNCH_CONTROL", "LAUNCH_EVENTS"))
        given = {name: value for name, value in env.items() if name in _KEPT or os.environ.get(name) != value}
        container = Container(
            view=self.view + View((control,)),
            writable=(cwd, events),
            folder=cwd,
            environment={**given, **self.environment},
            limits=self.limits,
            level=self.level,
            loopback=True,
            machine=self.machine,
        )
        self.process = container.start(arguments, stdout=stdout, stderr=stdout)
        return self.process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.close()
