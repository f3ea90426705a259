"""What the launcher asks of a worker: one JSON file in the control folder, read once."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTROL_VARIABLE = "LAUNCH_CONTROL"
EVENTS_VARIABLE = "LAUNCH_EVENTS"


@dataclass(frozen=True)
class Settings:
    """The run as a worker sees it. The control folder is only read here, the events folder only written."""

    control: Path
    events: Path
    source: Path  # the script's folder: a student's line is one below it
    steps: int
    detail_steps: int  # how many steps are recorded with the content of their tensors
    started_s: float  # time.monotonic() of the launcher when the run began
    alias: dict[str, dict[str, str]]  # name to import -> {"module": name, "path": where it lies}
    dump: frozenset[str]
    dump_steps: int  # how many steps have tensors written whole
    event_bytes: int
    dump_bytes: int


def read() -> Settings:
    """Settings of this run. Raises KeyError, OSError or ValueError without the launcher's files."""
    control, events = Path(os.environ[CONTROL_VARIABLE]), Path(os.environ[EVENTS_VARIABLE])
    content: dict[str, Any] = json.loads((control / "worker.json").read_text(encoding="utf-8"))
    return Settings(
        control=control,
        events=events,
        source=Path(content["source"]),
        steps=content["steps"],
        detail_steps=content["detail_steps"],
        started_s=content["started_s"],
        alias=content["alias"],
        dump=frozenset(content["dump"]),
        dump_steps=content["dump_steps"],
        event_bytes=content["event_bytes"],
        dump_bytes=content["dump_bytes"],
    )
