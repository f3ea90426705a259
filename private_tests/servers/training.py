"""How a client trained, where that explains why it sends another answer than the reference's: from what was noted meanwhile.

Each function is asked only about answers that are wrong: notes come from the submission's process, and reveal a mistake, but excuse none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grader import Failure, is_number, show, withhold
from public_tests.batches import list_trainings, other_batches
from public_tests.server_runs import ServerEvidence


def other_begin(evidence: ServerEvidence) -> Failure | None:
    """A client's first step starts from other weights than it was sent."""
    if not any(
        right.get("begins") and seen.get("begins") is False for seen, right in list_trainings(evidence)
    ):
        return None
    return Failure(
        f"A client of {evidence.exercise.name} does not start its training from the weights that it got.",
        "training that starts from the weights that the server has sent",
        "copy the received weights into the client's model at the start of every update.",
    )


def evaluation_mode(evidence: ServerEvidence) -> Failure | None:
    """A client trains without dropout."""
    trainings = list_trainings(evidence)
    if not any(seen.get("count") == 0 and _read(seen, "evaluated") for seen, _ in trainings):
        return None
    return Failure(
        f"A client of {evidence.exercise.name} trains its model in evaluation mode, in which there is no dropout.",
        "a model in training mode",
        "call `self.model.train()` before the client trains, as `train_epoch` does.",
    )


def other_seed(evidence: ServerEvidence) -> Failure | None:
    """Torch was last seeded with another seed when a client began to train."""
    calls = evidence.right.get("calls", ())
    per_round = len(calls) // evidence.nr_rounds if calls else 0
    for index, (seen, right) in enumerate(list_trainings(evidence)):
        seed = seen.get("seed")
        if type(seed) is not int or seed == right.get("seed"):
            continue
        if not per_round:
            return Failure(
                f"When a client of {evidence.exercise.name} begins to train, torch is not seeded with the seed that it got.",
                "torch seeded with the client's seed, right before its training",
                "call `torch.manual_seed(seed)` in the client's `update`, with the seed that the server passes.",
            )
        given = withhold(f" (torch's is {seed}, and {right.get('seed')} is right)")
        return Failure(
            f"In round {index // per_round + 1} a client of {evidence.exercise.name} trains with another seed than the rule gives{given}.",
            "the server's seed + client's index + 1 + round × clients per round, with rounds and clients counted from 0",
            "compute each client's seed like this in `run`, and seed torch with it in the client's `update`.",
        )
    return None


def other_optimizer(evidence: ServerEvidence) -> Failure | None:
    """A client trains with another optimizer than plain SGD, or at another rate."""
    name = evidence.exercise.name
    expected = "plain SGD with the learning rate that the server got"
    for seen, _ in list_trainings(evidence):
        optimizer = seen.get("optimizer")
        if not isinstance(optimizer, dict):
            continue
        kind, extras = str(optimizer.get("class"))[:40], _list_extras(optimizer)
        if kind != "SGD" or extras:
            return Failure(
                f"A client of {name} trains with {kind}{f' with {extras}' if extras else ''}.",
                expected,
                "make the client's optimizer with `SGD(self.model.parameters(), lr=lr)`.",
            )
        rate, right = optimizer.get("lr"), evidence.question.arguments["arguments"]["lr"]
        if is_number(rate) and abs(rate - right) > 1e-9:
            given = withhold(f" ({show(rate)} in place of {show(right)})")
            return Failure(
                f"A client of {name} trains with another learning rate than the server got{given}.",
                expected,
                "pass the server's learning rate on to each client, and let its optimizer use that.",
            )
    return None


def _list_extras(optimizer: Mapping[str, Any]) -> str:
    found = [(key, optimizer.get(key)) for key in ("momentum", "weight_decay")]
    return " and ".join(f"{key}={show(value)}" for key, value in found if is_number(value) and value)


def _read(noted: Mapping[str, Any], key: str) -> int:
    value = noted.get(key)
    return value if type(value) is int else 0


OTHER_TRAINING = (other_batches, evaluation_mode, other_begin, other_seed, other_optimizer)
