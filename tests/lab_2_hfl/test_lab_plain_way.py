"""The lab's fast servers reach the weights of the plain way."""

from __future__ import annotations

from typing import Any

import pytest
from plain_hfl import Pictures, PlainRun, run, start_fedavg, start_fedsgd
from torch.utils.data import Subset

from lab_2_hfl.dataset import split, test_dataset, train_dataset
from lab_2_hfl.servers import FedAvgServer, FedSgdServer

ROUNDS = 3
# Rounding may decide which of two nearly equal values a max-pool takes, and training then enlarges the difference, on
# another machine as well as by another order of additions: with this seed it decides nothing.
SEED = 12


@pytest.fixture(scope="module")
def unequal() -> list[Subset[Any]]:
    """Six non-IID clients, of which some lost most of their data."""
    return [Subset(train_dataset, s.indices[: 100 - 15 * n]) for n, s in enumerate(split(6, False, 4))]


def run_lab(server: FedAvgServer | FedSgdServer) -> PlainRun:
    accuracies = server.run(ROUNDS).test_accuracy
    return PlainRun([parameter.detach() for parameter in server.model.parameters()], accuracies)


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return Pictures(train_dataset.images, train_dataset.targets)


@pytest.fixture(scope="module")
def test_pictures() -> Pictures:
    return Pictures(test_dataset.images, test_dataset.targets)


def assert_same(lab: PlainRun, plain: PlainRun) -> None:
    assert max(float((a - b).abs().max()) for a, b in zip(lab.weights, plain.weights, strict=True)) <= 1e-5
    assert lab.accuracies == pytest.approx(plain.accuracies, abs=1.0)  # one image of a hundred


def test_fedavg(unequal: list[Subset[Any]], pictures: Pictures, test_pictures: Pictures) -> None:
    lab = run_lab(FedAvgServer(0.05, 20, unequal, 0.5, 2, SEED))
    subsets = [Subset(pictures, s.indices) for s in unequal]
    plain = start_fedavg(subsets, test_pictures, lr=0.05, b=20, c=0.5, e=2, seed=SEED)

    assert_same(lab, run(plain, ROUNDS))


def test_fedsgd(unequal: list[Subset[Any]], pictures: Pictures, test_pictures: Pictures) -> None:
    lab = run_lab(FedSgdServer(0.05, unequal, 0.5, SEED))
    subsets = [Subset(pictures, s.indices) for s in unequal]
    plain = start_fedsgd(subsets, test_pictures, lr=0.05, c=0.5, seed=SEED)

    assert_same(lab, run(plain, ROUNDS))


def test_pictures_come_back_to_the_last_bit(pictures: Pictures) -> None:
    assert all((pictures[index][0] == train_dataset[index][0]).all() for index in range(0, 600, 50))
