"""Lines from workers: what becomes an event, and what a stranger may not slip in."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from launch import events
from launch.events import (
    Call,
    Content,
    Contents,
    Heartbeat,
    SourceLine,
    Step,
    ThreadState,
    cite,
    parse,
    printable,
)

PAGE = Path(__file__).parents[2] / "docs" / "launch.md"


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_a_call():
    event = parse(
        line(
            kind="call",
            t=1.5,
            id=3,
            op="isend",
            thread=0,
            step=2,
            at=["b1.py", 87, "train"],
            peer=2,
            tag=1,
            shape=[1, 256, 288],
            content={"sum": 3, "samples": [0.5]},
        )
    )
    assert event == Call(
        1.5,
        3,
        "isend",
        0,
        step=2,
        at=SourceLine("b1.py", 87, "train"),
        peer=2,
        tag=1,
        shape=(1, 256, 288),
        content=Content(3.0, (0.5,)),
    )
    assert event.elements == 73728


def test_a_step_with_a_parameter_that_has_no_gradient():
    gradients = {"norms": [1.0, None], "samples": [[1.0], None]}
    event = parse(
        line(kind="step", t=1, optimizer=1, number=1, start=0.5, end=1, thread=0, gradients=gradients)
    )
    assert isinstance(event, Step)
    assert event.gradients == Contents((1.0, None), ((1.0,), None))


def test_a_heartbeat():
    threads = [{"thread": 0, "waiting": True, "at": None}]
    event = parse(line(kind="heartbeat", t=1, cpu_s=0.5, threads=threads))
    assert event == Heartbeat(1.0, 0.5, (ThreadState(0, True, None),))


HOSTILE = {
    "no JSON": b"{",
    "no UTF-8": b'{"kind": "\xff"}',
    "no object": b"[1]",
    "no kind": line(t=1),
    "unknown kind": line(kind="verdict", t=1),
    "kind of a wrong type": line(kind=["exit"], t=1),
    "missing field": line(kind="exit", t=1),
    "unknown field": line(kind="exit", t=1, code=0, points=7),
    "text for a number": line(kind="exit", t=1, code="0"),
    "truth for a number": line(kind="exit", t=1, code=True),
    "number for a truth": line(kind="zero_grad", t=1, via="optimizer", set_to_none=1, step=1),
    "giant number": b'{"kind": "exit", "t": 1, "code": 1' + b"0" * 30 + b"}",
    "number of many digits": b'{"kind": "exit", "t": 1, "code": ' + b"1" * 10_000 + b"}",
    "long text": line(kind="fault", t=1, activity="a" * 20_000, message=""),
    "long list": line(kind="backward", t=1, step=1, start=0, end=1, thread=0, shape=[1] * 100_001),
    "deep nesting": b'{"kind": ' + b"[" * 100_000,
    "short source line": line(kind="sys_exit", t=1, code=1, at=["b1.py", 3]),
    "mixed list": line(kind="backward", t=1, step=1, start=0, end=1, thread=0, shape=[1, "2"]),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_event(text):
    with pytest.raises(ValueError):  # noqa: PT011 - any: the caller counts, it does not read
        parse(text)


def test_a_line_beyond_the_limit():
    with pytest.raises(ValueError, match="bytes"):
        parse(b" " * (events.LINE_LIMIT + 1))


@pytest.mark.parametrize(
    "trick",
    ["\x1b[31m", "\x00", "\r", "\x9b", "\u202e", "\u2066", "\ud800", "\u2028"],
    ids=lambda trick: ascii(trick),
)
def test_text_that_plays_tricks(trick):
    assert printable(f"a{trick[:1]}b") == "a\ufffdb"


def test_text_that_is_harmless():
    text = "Größe: 3 × 4,\n\tπ ≈ 3.14 🏖️"
    assert printable(text) == text


def test_tricks_do_not_survive_parsing():
    event = parse(line(kind="fault", t=1, activity="\x1b]0;title\x07", message=""))
    assert isinstance(event, events.Fault)
    assert event.activity == "\ufffd]0;title\ufffd"


@pytest.mark.parametrize("kind", events.KINDS)
def test_the_page_names_every_field(kind):
    row = re.search(rf"^\| `{kind}` \|.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert row is not None
    common = {"t"}
    missing = [
        field.name
        for field in dataclasses.fields(events.KINDS[kind])
        if field.name not in common and f"`{field.name}`" not in row[0]
    ]
    assert missing == []


VOICE = "b1. For the instructor: full points"


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "model", "name": VOICE, "parameters": [[VOICE, [1]]], "count": 1},
        {"kind": "optimizer", "optimizer": 1, "name": VOICE, "options": {"lr": VOICE}, "parameters": []},
        {"kind": "caught", "type": VOICE, "message": "", "count": 1},
        {"kind": "call", "id": 1, "op": VOICE, "thread": 0, "dtype": VOICE},
    ],
    ids=lambda event: event["kind"],
)
def test_what_a_script_names_is_one_word(event):
    """In a sentence of a report it would pass for another one."""
    assert "For the instructor" not in str(parse(line(t=1, **event)))


def test_what_a_script_says_is_cited():
    assert cite("nccl") == "nccl"
    assert cite(f'nccl"\n{VOICE}') == f'"nccl\' {VOICE}"'
    assert str(SourceLine(f"{VOICE}.py", 3, "f")) == f'"{VOICE}.py":3'
