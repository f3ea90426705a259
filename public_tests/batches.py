"""On how many batches a client trained, and how large they were, where that explains why it reached other weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader import Failure

from .server_runs import GRAD, ServerEvidence, ServerExercise


@dataclass(frozen=True)
class Batches:
    """On how many batches a client trained for one update, and the size of the largest."""

    count: int
    largest: int


def other_batches(evidence: ServerEvidence) -> Failure | None:
    """Some client trained on other batches than the reference's."""
    for seen, right in _list_pairs(evidence):
        if seen != right and evidence.exercise is GRAD:
            return _explain_training(evidence, seen, right)
        if seen != right:
            return _explain_steps(evidence.exercise, seen, right, evidence.right["sizes"])
    return None


def has_right_batches(evidence: ServerEvidence) -> bool:
    """Whether it is known that the clients trained on the reference's batches."""
    pairs = list(_list_pairs(evidence))
    return bool(pairs) and all(seen == right for seen, right in pairs)


def list_trainings(evidence: ServerEvidence) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """What was noted while a client trained, of both: for each update of a run whose clients are the reference's, or for a single update."""
    answers = list(zip(evidence.calls, evidence.right.get("calls", ()), strict=False)) or [
        (evidence.seen, evidence.right)
    ]
    for seen, right in answers:
        if not isinstance(seen, dict) or seen.get("client") != right.get("client"):
            return
        noted = seen.get("training")
        if isinstance(noted, dict) and "training" in right:
            yield noted, right["training"]


def _list_pairs(evidence: ServerEvidence) -> Iterator[tuple[Batches, Batches]]:
    """The batches of both, as far as they are known."""
    for noted, right in list_trainings(evidence):
        batches = _read_batches(noted)
        if batches is not None and batches.count:
            yield batches, Batches(right["count"], right["largest"])


def _read_batches(noted: Mapping[str, Any]) -> Batches | None:
    numbers = noted.get("count"), noted.get("largest")
    return Batches(*numbers) if all(type(number) is int for number in numbers) else None  # type: ignore[arg-type]


def _explain_steps(
    exercise: ServerExercise, seen: Batches, right: Batches, sizes: Sequence[int]
) -> Failure | None:
    """Of FedSGD, whose client takes one step on all that it has."""
    expected = "one step per client and round, on one batch that holds all of a client's own samples"
    if seen.largest == right.largest:
        return Failure(
            f"A client of {exercise.name} takes {seen.count} steps in a round: it goes over its samples {seen.count} times.",
            expected,
            "let a client train for one epoch, whose only batch has all of its samples.",
        )
    if seen.largest > right.largest:
        return None
    than, what = _name_size(seen.largest, sizes)
    return Failure(
        f"Clients of {exercise.name} with more samples than {than} take several steps in a round: everyone's batch size is {what}.",
        expected,
        "let one batch hold all of a client's own samples; a batch size of -1 stands for that, however many they are.",
    )


def _name_size(size: int, sizes: Sequence[int]) -> tuple[str, str]:
    """Whom a batch size suits, and what it is, if that is some number of samples among those of the clients."""
    if size == sizes[0]:
        return "the first", "the first client's number of samples"
    if abs(size - sum(sizes) / len(sizes)) < 1:
        return "the mean", "the clients' mean number of samples"
    if size == min(sizes):
        return "the smallest client", "the smallest client's number of samples"
    if size == sizes[-1]:
        return "the last", "the last client's number of samples"
    return str(size), str(size)


def _explain_training(evidence: ServerEvidence, seen: Batches, right: Batches) -> Failure:
    """Of FedAvg, whose client goes over its batches several times."""
    name = evidence.exercise.name
    if seen.largest != right.largest:
        return Failure(
            f"A client of {name} trains on up to {count(seen.largest, 'sample')} at a time, which is not the batch size that the server got.",
            "batches of `batch_size` samples, and of all that a client has where it is -1",
            "pass the server's batch size on to each client, and let it set the size of the client's batches.",
        )
    return Failure(
        f"A client of {name} trains on {count(seen.count, 'batch')} in a round, which is not all of its batches once per local epoch.",
        "`nr_local_epochs` passes over all of the client's batches",
        "pass the server's number of local epochs on to each client, and let it go over all its batches as often.",
    )


def count(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun if number == 1 else f'{noun}es' if noun.endswith('ch') else f'{noun}s'}"
