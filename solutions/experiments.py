"""A2 and A3: the five experiments.

Each is a list of settings and a way to present their runs, so that whoever needs several experiments can compute shared runs once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pandas import DataFrame, concat

from lab_2_hfl.dataset import split
from lab_2_hfl.results import RunResult
from lab_2_hfl.servers import FedAvgServer, FedSgdServer

ALGORITHMS = ("FedSGD", "FedAvg")
COLUMNS = ["Algorithm", "N", "C", "Message count", "Test accuracy"]


@dataclass(frozen=True)
class Setting:
    """Everything that decides a run. For FedSGD, `b` and `e` have no meaning and are -1 and 1."""

    algorithm: str
    n: int
    c: float
    iid: bool
    b: int
    e: int
    lr: float
    seed: int
    nr_rounds: int

    def __post_init__(self) -> None:
        if self.algorithm == "FedSGD":
            object.__setattr__(self, "b", -1)
            object.__setattr__(self, "e", 1)


Curves = dict[str, list[float]]


def train(setting: Setting) -> RunResult:
    """Run one setting on the data set of this process."""
    subsets = split(setting.n, setting.iid, setting.seed)
    server: FedSgdServer | FedAvgServer
    if setting.algorithm == "FedSGD":
        server = FedSgdServer(setting.lr, subsets, setting.c, setting.seed)
    else:
        server = FedAvgServer(setting.lr, setting.b, subsets, setting.c, setting.e, setting.seed)
    return server.run(setting.nr_rounds)


def tabulate(results: Sequence[RunResult]) -> DataFrame:
    """A row a run, with its final message count and test accuracy."""
    return concat([result.as_df().tail(1)[COLUMNS] for result in results], ignore_index=True)


def list_client_number_settings(
    iid: bool = True,
    seed: int = 10,
    lr: float = 0.01,
    c: float = 0.1,
    b: int = 100,
    e: int = 1,
    nr_rounds: int = 10,
) -> list[Setting]:
    """FedSGD and FedAvg for each number of clients."""
    return [Setting(a, n, c, iid, b, e, lr, seed, nr_rounds) for n in (10, 50, 100) for a in ALGORITHMS]


def client_number_experiments(
    iid: bool = True,
    seed: int = 10,
    lr: float = 0.01,
    c: float = 0.1,
    b: int = 100,
    e: int = 1,
    nr_rounds: int = 10,
) -> DataFrame:
    """A2.1: how the number of clients N matters."""
    return tabulate([train(s) for s in list_client_number_settings(iid, seed, lr, c, b, e, nr_rounds)])


def list_client_fraction_settings(
    n: int = 100,
    iid: bool = True,
    seed: int = 10,
    lr: float = 0.01,
    b: int = 100,
    e: int = 1,
    nr_rounds: int = 10,
) -> list[Setting]:
    """FedSGD and FedAvg for each client fraction."""
    return [Setting(a, n, c, iid, b, e, lr, seed, nr_rounds) for c in (0.01, 0.1, 0.2) for a in ALGORITHMS]


def client_fraction_experiments(
    n: int = 100,
    iid: bool = True,
    seed: int = 10,
    lr: float = 0.01,
    b: int = 100,
    e: int = 1,
    nr_rounds: int = 10,
) -> DataFrame:
    """A2.2: how the fraction of clients C matters."""
    return tabulate([train(s) for s in list_client_fraction_settings(n, iid, seed, lr, b, e, nr_rounds)])


def list_local_epoch_settings(
    n: int = 100,
    iid: bool = True,
    seed: int = 10,
    lr: float = 0.01,
    b: int = 100,
    c: float = 0.1,
    nr_rounds: int = 10,
) -> dict[str, Setting]:
    """FedSGD, and FedAvg with 1, 2 and 4 local epochs."""
    pairs = [("FedSGD", 1), ("FedAvg", 1), ("FedAvg", 2), ("FedAvg", 4)]
    return {f"{a} E={e}": Setting(a, n, c, iid, b, e, lr, seed, nr_rounds) for a, e in pairs}


def local_epoch_experiments(
    n: int = 100,
    iid: bool = True,
    seed: int = 10,
    lr: float = 0.01,
    b: int = 100,
    c: float = 0.1,
    nr_rounds: int = 10,
) -> Curves:
    """A3.1: how the number of local epochs E matters."""
    settings = list_local_epoch_settings(n, iid, seed, lr, b, c, nr_rounds)
    return {label: train(setting).test_accuracy for label, setting in settings.items()}


def list_iid_noniid_settings(
    n: int = 100,
    seed: int = 10,
    lr: float = 0.01,
    b: int = 100,
    c: float = 0.1,
    e: int = 1,
    nr_rounds: int = 15,
) -> dict[str, Setting]:
    """Both algorithms on both splits."""
    return {
        f"{a} {'iid' if iid else 'non-iid'}": Setting(a, n, c, iid, b, e, lr, seed, nr_rounds)
        for a in ALGORITHMS
        for iid in (True, False)
    }


def iid_noniid_experiments(
    n: int = 100,
    seed: int = 10,
    lr: float = 0.01,
    b: int = 100,
    c: float = 0.1,
    e: int = 1,
    nr_rounds: int = 15,
) -> Curves:
    """A3.2: how the distribution of the data matters."""
    settings = list_iid_noniid_settings(n, seed, lr, b, c, e, nr_rounds)
    return {label: train(setting).test_accuracy for label, setting in settings.items()}


def list_noniid_parameter_settings(
    n: int = 100, seed: int = 10, b: int = 100, e: int = 1, nr_rounds: int = 15
) -> dict[str, Setting]:
    """Both algorithms on non-IID data, with the old and with the new learning rate and client fraction."""
    choices = {"Old": (0.01, 0.1), "New": (0.001, 0.5)}
    return {
        f"{a} {name}": Setting(a, n, c, False, b, e, lr, seed, nr_rounds)
        for a in ALGORITHMS
        for name, (lr, c) in choices.items()
    }


def noniid_parameter_experiments(
    n: int = 100, seed: int = 10, b: int = 100, e: int = 1, nr_rounds: int = 15
) -> Curves:
    """A3.3: how a smaller learning rate with more clients a round fares on non-IID data."""
    settings = list_noniid_parameter_settings(n, seed, b, e, nr_rounds)
    return {label: train(setting).test_accuracy for label, setting in settings.items()}


def without_rounds(setting: Setting) -> Setting:
    """The same run whatever its length: the first rounds of a longer run are the shorter run."""
    return replace(setting, nr_rounds=0)
