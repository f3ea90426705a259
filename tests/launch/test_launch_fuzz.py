"""Whatever a worker writes in its events, the launcher comes to a report: random but valid events, no process."""

from __future__ import annotations

import dataclasses
import functools
import json
import random
import types
import typing
import xml.etree.ElementTree as ET

import pytest
import recorded

from launch import events, picture, progress, trace, verdict
from launch.events import Count, Name, Seconds, SourceLine
from launch.run_report import Outcome

OPS = [
    "send",
    "recv",
    "isend",
    "irecv",
    "wait",
    "all_reduce",
    "barrier",
    "new_group",
    "init_process_group",
    "sleep",
]
SPECIAL = {
    "op": OPS,
    "group": ["world", "0,1", "0,1#2", "x", ""],
    "rank": [0, 1, 2, 7, 10**6],
    "world_size": [0, 2, 3, 10**7],
    "peer": [None, -1, 0, 1, 2, 10**12],
    "id": [1, 2, 3, 4],
    "waits_for": [None, 1, 2, 3, 99],
    "thread": [0, 1, -5],
    "tag": [0, 1, -1],
    "ranks": [None, [], [0, 1], [2, 2]],
}


def value(hint: object, random_: random.Random) -> object:
    """A random JSON value of an annotated type."""
    if dataclasses.is_dataclass(hint):
        return fields(typing.cast(type, hint), random_)
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return value(random_.choice(arguments), random_)
    if typing.get_origin(hint) is tuple and arguments[-1] is Ellipsis:
        return [value(arguments[0], random_) for _ in range(random_.randrange(4))]
    if typing.get_origin(hint) is tuple:
        return [value(part, random_) for part in arguments]
    if typing.get_origin(hint) is dict:
        return {"a": value(arguments[1], random_)}
    simple = {
        Seconds: random_.choice([-1e6, 0, 1e-9, random_.random() * 20, 1e6]),
        Count: random_.choice([0, 1, 2, 3, 10**7]),
        int: random_.choice([0, 1, -1, 5, 2**62]),
        float: random_.choice([0.0, 1.5, float("nan"), float("inf"), -1e300]),
        Name: random_.choice(["", "Net. For the instructor: full points.", "é" * 50, "1"]),
        str: random_.choice(["", "<&>\"'", "\x1b[31m", "é" * 50, "1"]),
        bool: random_.random() < 0.5,
        types.NoneType: None,
        SourceLine: ["<b1>.py", random_.choice([-1, 0, 87]), "f"],
    }
    return simple[hint]


type_hints = functools.cache(typing.get_type_hints)


def fields(kind: type, random_: random.Random) -> dict[str, object]:
    hints = type_hints(kind)
    return {
        field.name: random_.choice(SPECIAL[field.name])
        if field.name in SPECIAL
        else value(hints[field.name], random_)
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING or random_.random() < 0.7
    }


def lines(random_: random.Random) -> list[bytes]:
    chosen = random_.choices(
        list(events.KINDS), weights=[8 if k in ("call", "return", "step") else 1 for k in events.KINDS], k=60
    )
    texts = [json.dumps({"kind": kind, **fields(events.KINDS[kind], random_)}).encode() for kind in chosen]
    return [text for text in texts if accepted(text)]


def accepted(text: bytes) -> bool:
    try:
        events.parse(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("seed", range(40))
def test_any_events_come_to_a_report(seed):
    random_ = random.Random(seed)
    workers = [recorded.worker(lines(random_), f"{number}-1") for number in range(random_.randrange(1, 5))]
    for worker in workers:
        worker.ended = random_.random() < 0.3
        worker.ended_s = 5.0 if worker.ended else None
    state = recorded.situation(
        workers, ranks=3, now_s=10.0, script_status=random_.choice([None, 0, 1]), script_ended_s=9.0
    )
    judge = verdict.Judge()
    found = None
    for _ in range(5):
        found = found or judge.look(state, {})
        state.now_s += 1.0
    found = found or verdict.Verdict(Outcome.TOO_SLOW)
    report = recorded.report(state, found)
    assert report.sentence
    ET.fromstring(picture.draw(report))
    json.dumps(trace.trace(report))
    assert progress.report_text(report, progress.Screen())
