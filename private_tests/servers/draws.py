"""Servers that a submission could not foresee: drawn from the grading seed, the same for the same seed.

A kind of case is `unequal` client sizes; one of them `large`; a `non-iid` split in which C·N is not a whole number; or so `few` clients that
C·N rounds to none.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from public_tests.server_runs import GRAD, ServerCase, ServerExercise


def draw_case(exercise: ServerExercise, grading_seed: int, kind: str) -> ServerCase:
    """A case of one kind."""
    return (draw_grad_case if exercise is GRAD else draw_weight_case)(grading_seed, kind)


def draw_number(grading_seed: int, what: str) -> int:
    """A seed for one thing that a question asks for: the grading seed itself never gets to a submission, which could foresee the rest."""
    return random.Random(f"{grading_seed} {what}").randrange(2**31)


def draw_weight_case(grading_seed: int, kind: str) -> ServerCase:
    """Arguments of FedSgdWeightServer.

    Two clients at least have more than 100 samples, so that the handout's batch size is not all of them; a large one has more than 1,000, so
    that no usual batch size is. Its updates take long.
    """
    rng, rounds = random.Random(f"{grading_seed} weight {kind}"), 3
    clients, fraction = _draw_clients(
        rng, kind, (104, 125), (1_010, 1_050) if kind == "large" else (125, 140)
    )
    arguments = {
        "lr": round(rng.uniform(0.05, 0.15), 4),
        "client_fraction": fraction,
        "seed": _draw_seed(rng, kind, clients, fraction, rounds),
    }
    return ServerCase(arguments, clients, rounds)


def draw_grad_case(grading_seed: int, kind: str) -> ServerCase:
    """Arguments of FedAvgGradServer, with several batches and several local epochs.

    Few steps at a small rate, since training enlarges the rounding by which right solutions differ.
    """
    rng, rounds = random.Random(f"{grading_seed} grad {kind}"), 3 if kind == "non-iid" else 2
    clients, fraction = _draw_clients(rng, kind, (52, 63), (63, 70))
    batch_sizes = {"unequal": (14, 21)}
    epochs = {"unequal": 3, "non-iid": 2}  # two numbers: one written into the class is wrong somewhere
    arguments = {
        "lr": round(rng.uniform(0.01, 0.03), 4),
        "batch_size": -1 if kind == "few" else rng.randrange(*batch_sizes.get(kind, (12, 19))),
        "client_fraction": fraction,
        "nr_local_epochs": epochs.get(kind) or rng.choice([2, 3]),
        "seed": _draw_seed(rng, kind, clients, fraction, rounds),
    }
    return ServerCase(arguments, clients, rounds)


def _draw_clients(
    rng: random.Random, kind: str, large: tuple[int, int], largest: tuple[int, int]
) -> tuple[dict[str, Any], float]:
    """Clients of a kind, and the fraction of them that takes part.

    large, largest: between which sizes those of two unequal clients, and of the largest one, lie. The largest never comes first: the first
    client's size as a batch size is not all of its samples.
    """
    if kind == "few":
        return {"sizes": [rng.randrange(9, 15) for _ in range(3)], "seed": rng.randrange(10_000)}, 0.15
    if kind != "non-iid":
        # Three of five take part, so that a large one surely does; 5 · 0.52 = 2.6 is rounded up.
        sizes = [
            rng.randrange(*large),
            rng.randrange(*large),
            rng.randrange(8, 20),
            rng.randrange(30, 50),
        ]
        rng.shuffle(sizes)
        sizes.insert(rng.randrange(1, 5), rng.randrange(*largest))
        return {"sizes": sizes, "seed": rng.randrange(10_000)}, 0.52
    # 15 · 0.23 = 3.45 and 12 · 0.29 = 3.48 are rounded down. The 600 examples are dealt evenly: a mistake that shows between clients of
    # unequal sizes does so in that kind alone, whatever the grading seed.
    nr_clients, fraction = rng.choice([(15, 0.23), (12, 0.29)])
    return {"nr_clients": nr_clients, "iid": False, "seed": rng.randrange(10_000)}, fraction


def _draw_seed(rng: random.Random, kind: str, clients: dict[str, Any], fraction: float, rounds: int) -> int:
    """A server's seed. Of unequal clients, one by which the smallest takes part in two rounds at least.

    Where clients of about the same size meet, their plain mean is nearly right, and which grading seed was drawn would decide a point.
    """
    while True:
        seed = rng.randrange(1_000, 10_000)
        if kind != "unequal":
            return seed
        sizes = clients["sizes"]
        choices, per_round = np.random.default_rng(seed), round(fraction * len(sizes))
        chosen = [choices.choice(len(sizes), per_round, replace=False) for _ in range(rounds)]
        if sum(sizes.index(min(sizes)) in each for each in chosen) >= 2:
            return seed
