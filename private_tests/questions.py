"""Every question that the hidden checks of part A put to a submission and to the reference alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .draws import draw_grad_case, draw_weight_case

KINDS = ("unequal", "non-iid")


@dataclass(frozen=True)
class Question:
    """A probe function and its arguments, for the cell with `tag`."""

    exercise: str
    tag: str
    function: str
    arguments: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.arguments["name"])


@dataclass(frozen=True)
class ServerExercise:
    """A class to write, and the lab's class that it must agree with and may not use."""

    id: str
    tag: str
    name: str
    unusable: str
    draw: Callable[[int, str], Any]


WEIGHT = ServerExercise("A1.1", "fedsgd_weight", "FedSgdWeightServer", "FedSgdServer", draw_weight_case)
GRAD = ServerExercise("A1.3", "fedavg_grad", "FedAvgGradServer", "FedAvgServer", draw_grad_case)
SERVERS = (WEIGHT, GRAD)


def ask_for_run(exercise: ServerExercise, grading_seed: int, kind: str) -> Question:
    """Run the server for a few rounds."""
    case = exercise.draw(grading_seed, kind)
    return Question(
        exercise.id,
        exercise.tag,
        "run_server",
        {
            "name": exercise.name,
            "arguments": case.arguments,
            "clients": case.clients,
            "nr_rounds": case.nr_rounds,
            "unusable": [exercise.unusable],
            "exercise": exercise.id,
            "digest_seed": grading_seed,
        },
    )


def ask_for_update(exercise: ServerExercise, grading_seed: int) -> Question:
    """Ask the client with most samples for its update of weights that it has never seen, and the one with fewest twice."""
    case = exercise.draw(grading_seed, "large")
    sizes = case.clients["sizes"]
    return Question(
        exercise.id,
        exercise.tag,
        "update_client",
        {
            "name": exercise.name,
            "arguments": case.arguments,
            "clients": case.clients,
            "client": sizes.index(max(sizes)),
            "asked_twice": sizes.index(min(sizes)),
            "weights_seed": grading_seed + 1,
            "update_seed": grading_seed + 2,
            "unusable": [exercise.unusable],
            "exercise": exercise.id,
            "digest_seed": grading_seed,
        },
    )


def list_all(grading_seed: int) -> list[Question]:
    """All questions, in the order of the checks."""
    return [
        question
        for exercise in SERVERS
        for question in (
            *(ask_for_run(exercise, grading_seed, kind) for kind in (*KINDS, "few")),
            ask_for_update(exercise, grading_seed),
        )
    ]
