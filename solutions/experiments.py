"""A2 and A3: the five experiments.

Each names its settings and how their runs are presented, so that whoever needs several experiments can compute shared runs once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, cast

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


Settings = dict[str, Setting]  # by the name of a row or a curve
Run = Callable[[Setting], RunResult]
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


def tabulate(settings: Settings, run: Run) -> DataFrame:
    """A row per run, with its final message count and test accuracy."""
    return concat([run(s).as_df().tail(1)[COLUMNS] for s in settings.values()], ignore_index=True)


def trace(settings: Settings, run: Run) -> Curves:
    """The test accuracies of each run, round by round."""
    return {label: run(setting).test_accuracy for label, setting in settings.items()}


class Experiment(Protocol):
    """A function that trains its settings and presents their runs; both steps can also be used separately."""

    __name__: str
    settings: Callable[..., Settings]
    present: Callable[[Settings, Run], Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


def experiment(present: Callable[[Settings, Run], Any]) -> Callable[[Callable[..., Settings]], Experiment]:
    """Make an experiment of a function that lists its settings."""

    def decorate(settings: Callable[..., Settings]) -> Experiment:
        @wraps(settings)
        def run_all(*args: Any, **kwargs: Any) -> Any:
            return present(settings(*args, **kwargs), train)

        made = cast(Experiment, run_all)
        made.settings, made.present = settings, present
        return made

    return decorate


@experiment(tabulate)
def client_number_experiments(
    iid: bool = True,
    seed: int = 10,
    lr: float = 0.01,
    c: float = 0.1,
    b: int = 100,
    e: int = 1,
    nr_rounds: int = 10,
) -> Settings:
    """A2.1: how the number of clients N matters."""
    return {
        f"{a} N={n}": Setting(a, n, c, iid, b, e, lr, seed, nr_rounds)
        for n in (10, 50, 100)
        for a in ALGORITHMS
    }


@experiment(tabulate)
def client_fraction_experiments(
    n: int = 100,
    iid: bool = True,
    seed: int = 10,
    lr: float = 0.01,
    b: int = 100,
    e: int = 1,
    nr_rounds: int = 10,
) -> Settings:
    """A2.2: how the fraction of clients C matters."""
    return {
        f"{a} C={c}": Setting(a, n, c, iid, b, e, lr, seed, nr_rounds)
        for c in (0.01, 0.1, 0.2)
        for a in ALGORITHMS
    }


@experiment(trace)
def local_epoch_experiments(
    n: int = 100,
    iid: bool = True,
    seed: int = 10,
    lr: float = 0.01,
    b: int = 100,
    c: float = 0.1,
    nr_rounds: int = 10,
) -> Settings:
    """A3.1: how the number of local epochs E matters."""
    pairs = [("FedSGD", 1), ("FedAvg", 1), ("FedAvg", 2), ("FedAvg", 4)]
    return {f"{a} E={e}": Setting(a, n, c, iid, b, e, lr, seed, nr_rounds) for a, e in pairs}


@experiment(trace)
def iid_noniid_experiments(
    n: int = 100,
    seed: int = 10,
    lr: float = 0.01,
    b: int = 100,
    c: float = 0.1,
    e: int = 1,
    nr_rounds: int = 15,
) -> Settings:
    """A3.2: how the distribution of the data matters."""
    return {
        f"{a} {'iid' if iid else 'non-iid'}": Setting(a, n, c, iid, b, e, lr, seed, nr_rounds)
        for a in ALGORITHMS
        for iid in (True, False)
    }


@experiment(trace)
def noniid_parameter_experiments(
    n: int = 100, seed: int = 10, b: int = 100, e: int = 1, nr_rounds: int = 15
) -> Settings:
    """A3.3: how a smaller learning rate with more clients per round fares on non-IID data."""
    choices = {"Old": (0.01, 0.1), "New": (0.001, 0.5)}
    return {
        f"{a} {name}": Setting(a, n, c, False, b, e, lr, seed, nr_rounds)
        for a in ALGORITHMS
        for name, (lr, c) in choices.items()
    }


EXPERIMENTS = (
    client_number_experiments,
    client_fraction_experiments,
    local_epoch_experiments,
    iid_noniid_experiments,
    noniid_parameter_experiments,
)
