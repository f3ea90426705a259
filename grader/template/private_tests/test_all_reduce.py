"""R1: sums and messages against the reference's, for vectors that nobody could foresee. R2: the answers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from grader import Ask, Failure, Question, Submission, asks, explain, fail

from public_tests.questions import ANSWERS, OBSERVATIONS, OPTIONS, ask_for_run, read_answer
from solution import AllReduceObservations


def draw_run(grading_seed: int, workers: int) -> Question:
    """Vectors with two to four numbers per chunk."""
    rng = random.Random(f"{grading_seed} {workers}")
    chunk = rng.randint(2, 4)
    return ask_for_run([[rng.randint(-99, 99) for _ in range(workers * chunk)] for _ in range(workers)])


@dataclass(frozen=True)
class Evidence:
    """A run, and what submission and reference made of it. What was seen may be forged: it can be any plain data."""

    question: Question
    seen: Any
    right: Any

    @property
    def vectors(self) -> list[list[float]]:
        vectors: list[list[float]] = self.question.arguments["vectors"]
        return vectors

    def read(self, key: str) -> Any:
        return self.seen.get(key) if isinstance(self.seen, dict) else None


# --- the usual mistakes: each of these recognises one, and the last of a tuple whatever is left -----------------------------------------


def nothing_sent(evidence: Evidence) -> Failure | None:
    if evidence.read("messages") or evidence.read("value") is None:
        return None
    return Failure(
        f"{evidence.question.shown} sends no message.",
        "workers that learn of each other's numbers by ring.send() alone",
        "let each worker send its chunks to its right neighbour.",
    )


def not_gathered(evidence: Evidence) -> Failure | None:
    value, right = evidence.read("value"), evidence.right["value"]
    if not isinstance(value, list) or value == right or not any(vector in right for vector in value):
        return None
    return Failure(
        "Some workers end with the sum, and some do not.",
        "the same sum on every worker",
        "pass each finished chunk on until it has come round the ring: n - 1 steps.",
    )


def other_sum(evidence: Evidence) -> Failure | None:
    if evidence.read("value") == evidence.right["value"]:
        return None
    return Failure(
        f"{evidence.question.shown} does not give every worker the sum of all vectors.",
        "the sum of all vectors, number by number, on every worker",
        "print the chunks of each worker after each step for three workers, and compare with the drawing in the handout.",
    )


def whole_vectors(evidence: Evidence) -> Failure | None:
    messages = evidence.read("messages")
    if not messages or [0, len(evidence.vectors[0])] not in messages:
        return None
    return Failure(
        "A worker sends its whole vector in one message.",
        "messages of one chunk each",
        "cut each vector into as many chunks as there are workers.",
    )


def other_traffic(evidence: Evidence) -> Failure | None:
    if sum_up(evidence.read("messages")) == sum_up(evidence.right["messages"]):
        return None
    return Failure(
        "Some worker sends more or fewer numbers than ring all-reduce does.",
        "2 (n - 1) messages of one chunk from each of n workers",
        "look at ring.sent after a run of yours.",
    )


def sum_up(messages: Any) -> dict[Any, Any]:
    """How many numbers each worker sent."""
    sent: dict[Any, Any] = {}
    for worker, length in messages if isinstance(messages, list) else ():
        sent[worker] = sent.get(worker, 0) + length
    return sent


# --- the checks -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.exercise("R1", points=1)
@asks(partial(draw_run, workers=5), partial(draw_run, workers=2))
def test_sum(ask: Ask, questions: list[Question]) -> None:
    """Every worker ends with the sum of all vectors."""
    for question in questions:
        explain(Evidence(question, *ask(question)), (nothing_sent, not_gathered, other_sum))


@pytest.mark.exercise("R1", points=1)
@asks(partial(draw_run, workers=5))
def test_traffic(ask: Ask, question: Question) -> None:
    """Every worker sends as much as it must, and no more."""
    explain(Evidence(question, *ask(question)), (nothing_sent, whole_vectors, other_traffic))


@pytest.mark.exercise("R2", points=0.5)
@pytest.mark.parametrize("name", OPTIONS)
def test_answer(submission: Submission, name: str) -> None:
    """The answer is right."""
    answer = read_answer(submission, name)
    if answer != getattr(AllReduceObservations, name):
        fail(
            f"{ANSWERS}.{name} is {answer!r}.",
            "another of the options",
            f"look at what `ring.sent` tells for more and more workers, then correct the cell tagged {OBSERVATIONS!r}.",
        )
