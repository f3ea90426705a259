"""What a run leaves on the disk beside its events: report, picture, trace and output."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from . import picture, trace
from .run_report import RunReport

VERSION = 1  # of report.json


def write(report: RunReport) -> RunReport:
    """Write all files of a report. A full disk costs files, never the report: it comes back with a note."""
    missing = []
    contents = {
        "output.txt": report.output.text,
        "trace.json": json.dumps(trace.trace(report)),
        "picture.svg": picture.draw(report),
        "report.json": json.dumps(summary(report), indent=1, ensure_ascii=False) + "\n",
    }
    for name, content in contents.items():
        try:
            (report.output_dir / name).write_text(content, encoding="utf-8", errors="replace")
        except OSError as error:
            missing.append(f"{name} could not be written: {error.strerror}.")
    return dataclasses.replace(report, notes=(*report.notes, *missing)) if missing else report


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def summary(report: RunReport) -> dict[str, Any]:
    """The report as JSON, without the events, which lie beside it. Its fields are in docs/launch.md."""
    return {
        "version": VERSION,
        "outcome": report.outcome.value,
        "sentence": report.sentence,
        "script": report.script.name,
        "asked": {"ranks": report.asked_ranks, "steps": report.asked_steps, "timeout_s": report.timeout_s},
        "duration_s": round(report.duration_s, 3),
        "exit_status": report.exit_status,
        "script_waited": report.script_waited,
        "honours_steps": report.honours_steps,
        "ranks": [
            {
                "rank": rank.rank,
                "state": rank.state.value,
                "where": rank.where,
                "at": str(rank.at) if rank.at else None,
                "process": rank.process,
                "pid": rank.pid,
                "world_size": rank.world_size,
                "steps": rank.steps,
                "events": len(rank.events),
            }
            for rank in report.ranks
        ],
        "failure": _failure(report),
        "waits": [
            {
                "rank": wait.rank,
                "call": wait.call,
                "at": str(wait.at) if wait.at else None,
                "begun_at": str(wait.begun_at) if wait.begun_at else None,
                "waits_for": list(wait.partners),
                "why": wait.why,
            }
            for wait in report.waits
        ],
        "cycle": list(report.cycle),
        "uneven_groups": str(report.uneven_groups) if report.uneven_groups else None,
        "pipelines": [dataclasses.asdict(pipeline) for pipeline in report.pipelines],
        "notes": list(report.notes),
        "rejected_lines": report.rejected_lines,
    }


def _failure(report: RunReport) -> dict[str, Any] | None:
    failure = report.failure
    if failure is None:
        return None
    return {
        "kind": failure.kind.value,
        "rank": failure.rank,
        "process": failure.process,
        "type": failure.type,
        "message": failure.message,
        "traceback": failure.traceback,
        "at": str(failure.at) if failure.at else None,
        "exit_status": failure.code,
    }
