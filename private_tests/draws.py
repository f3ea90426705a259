"""Parameters that a submission could not foresee: drawn from the grading seed, the same for the same seed.

Every parameter of a function differs from its default in one of the calls, and each range is such that it matters on the small data.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

# Enough for 100 non-IID clients to have two shards each, and few enough for a grade in a minute.
SMALL_DATA = {"LAB_2_HFL_TRAIN_SAMPLES": "600", "LAB_2_HFL_TEST_SAMPLES": "150"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}


@dataclass(frozen=True)
class ServerCase:
    """A server to make and run."""

    arguments: dict[str, Any]
    clients: dict[str, Any]
    nr_rounds: int


def _start(grading_seed: int, what: str) -> random.Random:
    return random.Random(f"{grading_seed} {what}")


def _draw_rate(rng: random.Random, low: float, high: float) -> float:
    return round(rng.uniform(low, high), 4)


def draw_weight_case(grading_seed: int, kind: str) -> ServerCase:
    """Arguments of FedSgdWeightServer: `unequal` client sizes, one of them `large`, or a `non-iid` split in which C·N is no whole number, or
    so `few` clients that C·N rounds to none.

    Two clients at least have more than 100 samples, so that the handout's batch size is not all of them; a large one has more than 1,000, so
    that no usual batch size is. Its updates take long.
    """
    rng = _start(grading_seed, f"weight {kind}")
    clients, fraction = _draw_clients(
        rng, kind, (104, 125), (1_010, 1_050) if kind == "large" else (125, 140)
    )
    arguments = {
        "lr": _draw_rate(rng, 0.05, 0.15),
        "client_fraction": fraction,
        "seed": rng.randrange(1_000, 10_000),
    }
    return ServerCase(arguments, clients, 3)


def draw_grad_case(grading_seed: int, kind: str) -> ServerCase:
    """Arguments of FedAvgGradServer, with several batches and several local epochs.

    Few steps at a small rate, since training enlarges the rounding by which right solutions differ.
    """
    rng = _start(grading_seed, f"grad {kind}")
    clients, fraction = _draw_clients(rng, kind, (52, 63), (63, 70))
    batch_sizes = {"unequal": (14, 21)}
    epochs = {"unequal": 3, "non-iid": 2}  # two numbers: one written into the class is wrong somewhere
    arguments = {
        "lr": _draw_rate(rng, 0.01, 0.03),
        "batch_size": -1 if kind == "few" else rng.randrange(*batch_sizes.get(kind, (12, 19))),
        "client_fraction": fraction,
        "nr_local_epochs": epochs.get(kind) or rng.choice([2, 3]),
        "seed": rng.randrange(1_000, 10_000),
    }
    return ServerCase(arguments, clients, 3 if kind == "non-iid" else 2)


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
    # 14 · 0.24 = 3.36 and 12 · 0.29 = 3.48 are rounded down.
    nr_clients, fraction = rng.choice([(14, 0.24), (12, 0.29)])
    return {"nr_clients": nr_clients, "iid": False, "seed": rng.randrange(10_000)}, fraction
