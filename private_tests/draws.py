"""Parameters that a submission could not foresee: drawn from the grading seed, the same for the same seed.

Every parameter of a function differs from its default in one of the calls, and each range is such that it matters on the small data.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# Enough for 100 non-IID clients to have two shards each, and few enough for a grade in a minute.
SMALL_DATA = {"LAB_2_HFL_TRAIN_SAMPLES": "600", "LAB_2_HFL_TEST_SAMPLES": "150"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}

# In points. Rounding, enlarged by training, was seen to decide four test images where servers were written by hand; the lab's servers give
# equal values.
ACCURACY_TOLERANCE = 100 * 4 / int(SMALL_DATA["LAB_2_HFL_TEST_SAMPLES"]) + 1e-6

VETTED = Path(__file__).with_name("vetted_draws.json")


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


def draw_arguments(grading_seed: int, function: str) -> dict[str, Any]:
    """Keyword arguments for an experiment function, all of them different from the defaults.

    One of the vetted proposals, since many a proposal would hide a mistake.
    """
    return _start(grading_seed, f"vetted {function}").choice(list(read_vetted()[function].values()))


@cache
def read_vetted() -> dict[str, dict[str, dict[str, Any]]]:
    """For a function, the proposals that show every ignored argument, by number: what `private_tests.vetting` has found."""
    vetted: dict[str, dict[str, dict[str, Any]]] = json.loads(VETTED.read_text())
    return vetted


def propose_arguments(number: int, function: str) -> dict[str, Any]:
    """Keyword arguments for an experiment function, drawn from `number`.

    Rates are such that a few rounds bring non-IID clients away from guessing one digit, and yet do not enlarge rounding until it shows in
    the accuracies. Non-IID clients are many and small for the first reason too: their mean knows more digits.
    """
    rng = _start(number, function)
    # Two rounds at least: after one, the best accuracy is the last, and a sum of the message counts too.
    shared = {"seed": rng.randrange(1_000, 10_000), "nr_rounds": 2}
    # Only one function uses these, but what the others draw next, and so which proposals are vetted, comes after them.
    small_batch, rate = rng.randrange(5, 7), _draw_rate(rng, 0.04, 0.06)
    if function == "client_number_experiments":
        batch, rate, fraction = rng.randrange(6, 10), _draw_rate(rng, 0.05, 0.075), rng.choice([0.15, 0.16])
        return {**shared, "iid": False, "b": batch, "e": 2, "lr": rate, "c": fraction}
    if function == "client_fraction_experiments":
        # So many that a fifth of them knows all digits, though not one of them does.
        many, batch, rate = rng.randrange(111, 131), rng.randrange(3, 5), _draw_rate(rng, 0.05, 0.075)
        return {**shared, "n": many, "iid": False, "b": batch, "e": 2, "lr": rate}
    if function == "local_epoch_experiments":
        many, fraction = rng.randrange(44, 54), rng.choice([0.13, 0.14])
        return {**shared, "n": many, "iid": False, "b": small_batch, "lr": rate, "c": fraction}
    if function == "iid_noniid_experiments":
        batch, few, fraction = rng.randrange(8, 12), rng.randrange(18, 24), rng.choice([0.22, 0.24])
        return {**shared, "n": few, "b": batch, "e": 2, "lr": _draw_rate(rng, 0.02, 0.035), "c": fraction}
    # The learning rates are the function's own and small: clients who take several steps an epoch make up for them.
    return {**shared, "n": rng.randrange(28, 37), "b": rng.randrange(4, 6), "e": 2}


def draw_defaults(function: str) -> dict[str, Any]:
    """The handout's defaults, but for fewer rounds, which is what makes them slow: two where only the last one shows, one of a curve.

    A client of the small data has 6 samples: as one batch, FedAvg with one local epoch is FedSGD, and the two curves could be exchanged. So
    local epochs have smaller batches, and two rounds, after which all four curves differ.
    """
    if function == "local_epoch_experiments":
        return {"nr_rounds": 2, "b": 4}
    return {"nr_rounds": 2 if function in ("client_number_experiments", "client_fraction_experiments") else 1}
