"""What the checks of servers ask, what they see, and the mistakes in a result that need no reference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from grader import Failure, Question, is_number, read_homework

from .digests import Digest, match_tensors

HOMEWORK = read_homework(Path(__file__).parents[1])


@dataclass(frozen=True)
class ServerExercise:
    """A class to write, and the lab's class that it must agree with and may not use."""

    tag: str
    name: str
    given: str

    @property
    def id(self) -> str:
        return HOMEWORK.find_by_tag(self.tag).id

    @property
    def parameters(self) -> list[str]:
        """What the handout's constructor takes, in the order in which servers are called: their names are left to the submission."""
        _, *parameters = HOMEWORK.handout.parameters(self.tag, f"{self.name}.__init__")
        return parameters


WEIGHT = ServerExercise("fedsgd_weight", "FedSgdWeightServer", "FedSgdServer")
GRAD = ServerExercise("fedavg_grad", "FedAvgGradServer", "FedAvgServer")
SERVERS = (WEIGHT, GRAD)


@dataclass(frozen=True)
class ServerCase:
    """A server to make, and for how many rounds to run it.

    clients: `{"nr_clients", "iid", "seed"}` for the lab's split, `{"sizes", "seed"}` for parts of those sizes
    """

    arguments: dict[str, Any]
    clients: dict[str, Any]
    nr_rounds: int


def ask_about_server(
    exercise: ServerExercise, case: ServerCase, function: str, shown: str, **arguments: Any
) -> Question:
    """A question of the probe `servers` about a new server; while it is answered, the lab's server is unusable."""
    parameters = ", ".join(
        "batch_size=-1" if name == "batch_size" and case.arguments[name] == -1 else name
        for name in exercise.parameters
    )
    return Question(
        exercise.tag,
        f"servers.{function}",
        {
            "name": exercise.name,
            "arguments": case.arguments,
            "order": exercise.parameters,
            "clients": case.clients,
            "unusable": [exercise.given],
            "exercise": exercise.id,
            **arguments,
        },
        f"{exercise.name}({parameters}){shown}",
        on_error={
            "Unfinished": (
                "a server whose self.clients has a client for each of client_subsets, and whose run() trains and returns a RunResult",
                f"write the methods of {exercise.name} in the cell tagged {exercise.tag!r}; the handout says what they do.",
            ),
            "OtherParameters": (
                f"a constructor with the parameters ({', '.join(exercise.parameters)}), in this order",
                f"take these parameters, under names of your choice, and set all else inside of it, in the cell tagged {exercise.tag!r}.",
            ),
        },
    )


def ask_for_run(exercise: ServerExercise, case: ServerCase, digest_seed: int) -> Question:
    """Run a server for a few rounds."""
    rounds = case.nr_rounds
    return ask_about_server(
        exercise, case, "run_server", f".run({rounds})", nr_rounds=rounds, digest_seed=digest_seed
    )


class Round(NamedTuple):
    """One round of a run.

    calls: of the submission's clients; weights: what they led to; before, right: where the reference began the round, and what it reached
    """

    number: int
    calls: Sequence[Mapping[str, Any]]
    weights: Any
    before: Digest
    right: Digest


@dataclass(frozen=True)
class ServerEvidence:
    """A question about a server, and the answers to it: the submission's, which may be anything, and the reference's."""

    exercise: ServerExercise
    question: Question
    seen: Any
    right: Mapping[str, Any]

    @property
    def nr_rounds(self) -> int:
        return int(self.question.arguments["nr_rounds"])

    def read(self, key: str) -> Any:
        """A part of the submission's answer."""
        return self.seen.get(key) if isinstance(self.seen, dict) else None

    @property
    def result(self) -> Mapping[str, Any]:
        """The fields of the submission's RunResult."""
        result = self.read("result")
        return result if isinstance(result, dict) else {}

    @property
    def start(self) -> Digest:
        """The weights that the reference started from."""
        start: Digest = self.right["calls"][0]["received"]
        return start

    @property
    def calls(self) -> Sequence[Mapping[str, Any]]:
        """What the submission's clients were sent and answered, in order."""
        calls = self.read("calls")
        is_usual = isinstance(calls, list) and all(
            isinstance(each, dict) and isinstance(each.get("client"), int | str) for each in calls
        )
        return calls if is_usual else []

    @property
    def asks_elsewhere(self) -> bool:
        """Whether the submission asks clients in other processes, where nothing is recorded."""
        return len(self.calls) < len(self.right["calls"]) and self.read("elsewhere") is True

    @cached_property
    def rounds(self) -> Sequence[Round]:
        """The run, round by round; empty if not all calls are known, or if they can't be divided evenly."""
        if self.asks_elsewhere:
            return []
        calls, right_calls = (self._divide(each) for each in (self.calls, self.right["calls"]))
        # The weights after a round are what the first client of the next one gets, and the model's after the last.
        weights = [first.get("received") for first, *_ in calls[1:]] + [self.read("weights")]
        right = [first["received"] for first, *_ in right_calls] + [self.right["weights"]]
        return [
            Round(number, *parts)
            for number, parts in enumerate(zip(calls, weights, right, right[1:], strict=False), start=1)
        ]

    def _divide(self, calls: Sequence[Mapping[str, Any]]) -> list[Sequence[Mapping[str, Any]]]:
        size, rest = divmod(len(calls), self.nr_rounds)
        if size == 0 or rest:
            return []
        return [calls[begin : begin + size] for begin in range(0, len(calls), size)]

    @cached_property
    def wrong_round(self) -> Round | None:
        """The first round after which the submission has other weights than the reference."""
        return next(
            (each for each in self.rounds if not match_tensors(each.weights, each.right, each.before)), None
        )

    @property
    def ends_wrong(self) -> bool:
        """Whether the submission has other weights than the reference at the end."""
        return not match_tensors(self.read("weights"), self.right["weights"], self.start)


def nothing_returned(evidence: ServerEvidence) -> Failure | None:
    if evidence.result.get("returned") != "NoneType":
        return None
    exercise = evidence.exercise
    return Failure(
        f"run({evidence.nr_rounds}) of {exercise.name} returns None (is a return missing?).",
        "a RunResult",
        f"fill a RunResult round by round, and return it at the end of run(), in the cell tagged {exercise.tag!r}.",
    )


def other_result(evidence: ServerEvidence) -> Failure | None:
    """Something was returned that has none of a RunResult's fields."""
    returned = evidence.result.get("returned")
    if returned is None or any(
        value is not None for key, value in evidence.result.items() if key != "returned"
    ):
        return None
    return Failure(
        f"run({evidence.nr_rounds}) of {evidence.exercise.name} returns a value of type {str(returned)[:80]}.",
        "a RunResult",
        f"fill a RunResult round by round, and return it at the end of run(), in the cell tagged {evidence.exercise.tag!r}.",
    )


def values_missing(evidence: ServerEvidence) -> Failure | None:
    """The messages or the accuracies of the result are not one finite number per round."""
    return _find_missing(evidence, "message_count") or _find_missing(evidence, "test_accuracy")


def times_missing(evidence: ServerEvidence) -> Failure | None:
    """The times of the result are not one finite number per round."""
    return _find_missing(evidence, "wall_time")


def _find_missing(evidence: ServerEvidence, field: str) -> Failure | None:
    values, rounds = evidence.result.get(field), evidence.nr_rounds
    if _has_numbers(values, rounds):
        return None
    advice = f"append to {field} in every round, and return the RunResult"
    if isinstance(values, list) and len(values) > rounds:
        advice = f"go through exactly nr_rounds rounds, and append one number to {field} in each"
    return Failure(
        f"{field} of {evidence.exercise.name} is {str(values)[:80]} after {rounds} rounds.",
        f"{rounds} finite numbers, one per round",
        f"{advice}, in the cell tagged {evidence.exercise.tag!r}.",
    )


def _has_numbers(values: Any, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(is_number(value) and math.isfinite(value) for value in values)
    )
