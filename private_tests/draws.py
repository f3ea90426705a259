"""Parameters that a submission could not foresee: drawn from the grading seed, the same for the same seed.

Every parameter of a function differs from its default in one of the calls, and each range is such that it matters on the small data.
"""

from __future__ import annotations

import json
import random
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


def _start(grading_seed: int, what: str) -> random.Random:
    return random.Random(f"{grading_seed} {what}")


def _draw_rate(rng: random.Random, low: float, high: float) -> float:
    return round(rng.uniform(low, high), 4)


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
