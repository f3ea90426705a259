"""How much faster the lab's rounds are than plain ones, and that both compute the same: `python benchmarks/federated_rounds.py`.

Both take turns, one round at a time: the handout's default FedAvg and FedSGD (N = 100, C = 0.1, B = 100, E = 1) on the data set that
the environment chooses. The plain way has a process of its own, since importing the lab's model changes how a process keeps its memory. For
a quick look, in a minute, use part of the data:
`LAB_2_HFL_TRAIN_SAMPLES=6000 LAB_2_HFL_TEST_SAMPLES=1000 python benchmarks/federated_rounds.py`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from statistics import median
from time import perf_counter

import torch
from plain_hfl import Pictures, PlainRun, start_fedavg, start_fedsgd
from torch.utils.data import Subset

from lab_2_hfl.dataset import split, test_dataset, train_dataset

N, C, B, E, LR, SEED = 100, 0.1, 100, 1, 0.01, 10

GOAL_RATIO = 2.5
GOAL_WEIGHTS = 1e-5
GOAL_POINTS = 0.05


def run_both(algorithm: str, rounds: int, other: ProcessPoolExecutor) -> tuple[PlainRun, PlainRun]:
    """The lab's server, and the plain way in the `other` process, taking turns: a slow moment of the machine affects both."""
    from lab_2_hfl.servers import FedAvgServer, FedSgdServer  # here: the other process imports this file too

    subsets = split(N, True, SEED)
    servers = {
        "FedAvg": lambda: FedAvgServer(LR, B, subsets, C, E, SEED),
        "FedSGD": lambda: FedSgdServer(LR, subsets, C, SEED),
    }
    server = servers[algorithm]()  # type: ignore[no-untyped-call]
    lab, plain = PlainRun([]), PlainRun([])
    start = perf_counter()
    test = server.test

    def test_and_take_turns() -> float:
        nonlocal plain, start
        lab.accuracies.append(test())
        lab.seconds.append(perf_counter() - start)
        plain = other.submit(run_plain_round, algorithm).result()
        start = perf_counter()
        return lab.accuracies[-1]

    server.test = test_and_take_turns  # type: ignore[method-assign]
    server.run(rounds)
    lab.weights = [parameter.detach() for parameter in server.model.parameters()]
    return lab, plain


def run_plain_round(algorithm: str) -> PlainRun:
    """The plain run after one more round; each process has its own."""
    return next(start_plain(algorithm))


@cache
def start_plain(algorithm: str) -> Iterator[PlainRun]:
    train = Pictures(train_dataset.images, train_dataset.targets)
    test = Pictures(test_dataset.images, test_dataset.targets)
    subsets = [Subset(train, subset.indices) for subset in split(N, True, SEED)]
    if algorithm == "FedAvg":
        return start_fedavg(subsets, test, lr=LR, b=B, c=C, e=E, seed=SEED)
    return start_fedsgd(subsets, test, lr=LR, c=C, seed=SEED)


def show(name: str, value: str, goal: str, reached: bool) -> None:
    print(f"  {name:16}{value:>8}    goal {goal}: {'reached' if reached else 'MISSED'}", flush=True)


def compare(algorithm: str, rounds: int) -> None:
    """Run both and print how long they took and how they differ."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        lab, plain = run_both(algorithm, rounds, other)
    lab_s, plain_s = median(lab.seconds), median(plain.seconds)
    ratio = median(a / b for a, b in zip(plain.seconds, lab.seconds, strict=True))
    weights = max(float((a - b).abs().max()) for a, b in zip(lab.weights, plain.weights, strict=True))
    points = max(abs(a - b) for a, b in zip(lab.accuracies, plain.accuracies, strict=True))
    print(f"{algorithm}, median of {rounds} rounds: {plain_s:.2f} s the plain way, {lab_s:.2f} s the lab's")
    show("ratio", f"{ratio:.2f}", f"≥ {GOAL_RATIO}", ratio >= GOAL_RATIO)
    show("weights differ", f"{weights:.1e}", f"≤ {GOAL_WEIGHTS:g}", weights <= GOAL_WEIGHTS)
    show("points differ", f"{points:.3f}", f"≤ {GOAL_POINTS}", points <= GOAL_POINTS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    from lab_2_hfl.model import device

    print(
        f"{train_dataset.name}, {len(train_dataset):,} training and {len(test_dataset):,} test examples; {device}, "
        f"{torch.get_num_threads()} threads on {os.cpu_count()} cores"
    )
    for algorithm in ("FedAvg", "FedSGD"):
        compare(algorithm, options.rounds)


if __name__ == "__main__":
    main()
