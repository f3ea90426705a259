"""A run as a Chrome trace, for https://ui.perfetto.dev: a process per rank, a thread per kind of activity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .run_report import RunReport
from .timeline import Box, Pause, Row

EVENTS_LIMIT = 300_000  # what a browser still opens
COMPUTING, COMMUNICATING, STEPPING = 0, 1, 2
THREADS = {COMPUTING: "compute", COMMUNICATING: "communication", STEPPING: "optimizer"}


def trace(report: RunReport) -> dict[str, Any]:
    """The run in the Trace Event Format; times are in microseconds."""
    events: list[dict[str, Any]] = []
    for row in report.timeline.rows:
        events += _names(row)
        events += (_box(row.rank, box) for box in row.boxes)
        events += (_pause(row.rank, pause, report.duration_s) for pause in row.pauses)
        events += (
            _complete(row.rank, STEPPING, f"step {number}", start_s, end_s)
            for number, (start_s, end_s) in row.steps.items()
        )
    events += _messages(report)
    return {
        "traceEvents": sorted(events, key=lambda event: float(event.get("ts", 0.0)))[:EVENTS_LIMIT],
        "displayTimeUnit": "ms",
        "otherData": {"outcome": report.outcome.value, "script": report.script.name},
    }


def _microseconds(seconds: float) -> float:
    return round(seconds * 1e6, 1)


def _names(row: Row) -> Iterator[dict[str, Any]]:
    yield {"ph": "M", "name": "process_name", "pid": row.rank, "args": {"name": f"rank {row.rank}"}}
    yield {"ph": "M", "name": "process_sort_index", "pid": row.rank, "args": {"sort_index": row.rank}}
    for thread, name in THREADS.items():
        yield {"ph": "M", "name": "thread_name", "pid": row.rank, "tid": thread, "args": {"name": name}}


def _complete(
    rank: int, thread: int, name: str, start_s: float, end_s: float, **arguments: Any
) -> dict[str, Any]:
    return {
        "ph": "X",
        "pid": rank,
        "tid": thread,
        "name": name,
        "ts": _microseconds(start_s),
        "dur": _microseconds(max(0.0, end_s - start_s)),
        "args": arguments,
    }


def _box(rank: int, box: Box) -> dict[str, Any]:
    batches = ", ".join(str(batch) for batch in box.micro_batches)
    return _complete(rank, COMPUTING, f"{box.kind} {batches}".strip(), box.start_s, box.end_s, step=box.step)


def _pause(rank: int, pause: Pause, duration_s: float) -> dict[str, Any]:
    unfinished = {} if pause.end_s is not None else {"unfinished": True}
    end_s = duration_s if pause.end_s is None else pause.end_s
    return _complete(rank, COMMUNICATING, pause.call, pause.start_s, end_s, step=pause.step, **unfinished)


def _messages(report: RunReport) -> Iterator[dict[str, Any]]:
    """Arrows from each send to its receive."""
    for number, message in enumerate(report.timeline.messages):
        common = {"cat": "message", "name": "message", "id": number, "tid": COMMUNICATING}
        yield {**common, "ph": "s", "pid": message.source, "ts": _microseconds(message.sent_s)}
        yield {
            **common,
            "ph": "f",
            "bp": "e",
            "pid": message.destination,
            "ts": _microseconds(message.received_s),
        }
