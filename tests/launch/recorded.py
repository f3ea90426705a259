"""Runs as data: event lists from files or from a short notation, without any process."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from launch import assembly, events
from launch.command import Command, Style
from launch.output import Output
from launch.run_report import RunReport
from launch.verdict import Situation, Verdict
from launch.workers import Worker

DATA = Path(__file__).parent / "data"


def worker(lines: Iterable[bytes | str], key: str = "1-1") -> Worker:
    """A process from its JSON lines."""
    result = Worker(key)
    for line in lines:
        result.add(events.parse(line.encode() if isinstance(line, str) else line))
    return result


def load(folder: Path) -> list[Worker]:
    """The processes of a recorded run: one file of JSON lines each."""
    return [worker(path.read_bytes().splitlines(), path.stem) for path in sorted(folder.glob("*.jsonl"))]


def situation(workers: Iterable[Worker], **changes: object) -> Situation:
    """A run of three ranks and eight steps, twenty seconds after its start."""
    found = list(workers)
    plain = Situation(workers=found, ranks=max(3, len(found)), steps=8, now_s=20.0, timeout_s=60.0)
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def report(state: Situation, verdict: Verdict, name: str = "b1.sh") -> RunReport:
    """The report of a recorded run."""
    return assembly.report(
        assembly.RunRecord(
            situation=state,
            command=Command(["bash", name], Style.SHELL),
            script=Path(name),
            output=Output("", "", 0),
            output_dir=Path("out"),
            events_dir=Path("out/events"),
            rejected_lines=0,
            survivors=(),
        ),
        verdict,
    )


class Rank:
    """Writes the events of one rank: `Rank(1, 3).recv(0, tag=2)`. A call that is not ended is pending."""

    def __init__(self, rank: int, world_size: int, joined: bool = True) -> None:
        self.lines: list[str] = []
        self.rank = rank
        self._t = 0.0
        self._id = 0
        self._event(
            "process",
            pid=100 + rank,
            parent=1,
            arguments=["python", "b1.py", str(rank)],
            forked=False,
            rank=rank,
        )
        call = self.call("init_process_group", rank=rank, world_size=world_size)
        if joined:
            self.end(call, rank=rank, world_size=world_size)

    def _event(self, kind: str, **fields: object) -> None:
        self._t += 0.001
        self.lines.append(json.dumps({"kind": kind, "t": round(self._t, 6), **fields}))

    def call(self, op: str, thread: int = 0, **fields: object) -> int:
        """Enter a call; its line number is ten times its number."""
        self._id += 1
        at = ["b1.py", 10 * self._id, "train"]
        self._event("call", id=self._id, op=op, thread=thread, at=at, **fields)
        return self._id

    def end(self, call: int, **fields: object) -> Rank:
        self._event("return", id=call, **fields)
        return self

    def recv(self, source: int | None, tag: int = 0, done: bool = False, **fields: object) -> Rank:
        peer = {} if source is None else {"peer": source}
        call = self.call("recv", tag=tag, group="world", shape=[4], **peer, **fields)
        return self.end(call) if done else self

    def send(self, to: int, tag: int = 0, done: bool = False, **fields: object) -> Rank:
        call = self.call("send", peer=to, tag=tag, group="world", shape=[4], **fields)
        return self.end(call) if done else self

    def begin(self, op: str, peer: int, tag: int = 0) -> int:
        """`isend` or `irecv`; returns the number for `wait`."""
        call = self.call(op, peer=peer, tag=tag, group="world", shape=[4])
        self.end(call)
        return call

    def wait(self, begun: int, done: bool = False, **fields: object) -> Rank:
        call = self.call("wait", waits_for=begun, **fields)
        return self.end(call) if done else self

    def together(self, op: str, group: str = "world", done: bool = False, **fields: object) -> Rank:
        """A collective."""
        call = self.call(op, group=group, **fields)
        return self.end(call) if done else self

    def new_group(self, ranks: list[int], order: int, done: bool = False) -> Rank:
        name = ",".join(str(rank) for rank in sorted(ranks))
        member = self.rank in ranks
        call = self.call("new_group", ranks=ranks, group=name, order=order, member=member, local=False)
        return self.end(call) if done else self

    def steps(self, count: int) -> Rank:
        for number in range(1, count + 1):
            self._event("step", optimizer=1, number=number, start=self._t, end=self._t, thread=0)
        return self

    def event(self, kind: str, **fields: object) -> Rank:
        self._event(kind, **fields)
        return self

    def worker(self) -> Worker:
        return worker(self.lines, f"{100 + self.rank}-1")


def ended(worker: Worker) -> Worker:
    """A process that is gone; by its own will if it has written so."""
    worker.ended, worker.ended_s = True, 10.0
    return worker


def workers(ranks: Iterable[Rank]) -> list[Worker]:
    """Their processes; one that wrote that it exits has ended."""
    found = [rank.worker() for rank in ranks]
    return [ended(worker) if worker.exited is not None else worker for worker in found]


def by_rank(ranks: Iterable[Rank]) -> Mapping[int, Worker]:
    return {rank.rank: rank.worker() for rank in ranks}
