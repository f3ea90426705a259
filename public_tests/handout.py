"""What the handout of part A fixes: names, signatures, options. No answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TABLE_COLUMNS = ["Algorithm", "N", "C", "Message count", "Test accuracy"]


@dataclass(frozen=True)
class Experiment:
    """An experiment function: its tag, its parameters with their defaults, and what it returns.

    rows: for a table, the values of (N, C) in order, each for FedSGD and then FedAvg; None where the caller decides
    keys: for curves, the keys of the dict
    """

    exercise: str
    tag: str
    defaults: dict[str, Any]
    rows: tuple[tuple[int | None, float | None], ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.tag


@dataclass(frozen=True)
class Observations:
    """An answer class: its tag, its name, and the options of each attribute."""

    exercise: str
    tag: str
    name: str
    options: dict[str, tuple[str | bool, ...]]


EXPERIMENTS = (
    Experiment(
        "A2.1",
        "client_number_experiments",
        {"iid": True, "seed": 10, "lr": 0.01, "c": 0.1, "b": 100, "e": 1, "nr_rounds": 10},
        rows=((10, None), (50, None), (100, None)),
    ),
    Experiment(
        "A2.2",
        "client_fraction_experiments",
        {"n": 100, "iid": True, "seed": 10, "lr": 0.01, "b": 100, "e": 1, "nr_rounds": 10},
        rows=((None, 0.01), (None, 0.1), (None, 0.2)),
    ),
    Experiment(
        "A3.1",
        "local_epoch_experiments",
        {"n": 100, "iid": True, "seed": 10, "lr": 0.01, "b": 100, "c": 0.1, "nr_rounds": 10},
        keys=("FedSGD E=1", "FedAvg E=1", "FedAvg E=2", "FedAvg E=4"),
    ),
    Experiment(
        "A3.2",
        "iid_noniid_experiments",
        {"n": 100, "seed": 10, "lr": 0.01, "b": 100, "c": 0.1, "e": 1, "nr_rounds": 15},
        keys=("FedSGD iid", "FedSGD non-iid", "FedAvg iid", "FedAvg non-iid"),
    ),
    Experiment(
        "A3.3",
        "noniid_parameter_experiments",
        {"n": 100, "seed": 10, "b": 100, "e": 1, "nr_rounds": 15},
        keys=("FedSGD Old", "FedSGD New", "FedAvg Old", "FedAvg New"),
    ),
)

_ALGORITHMS = ("fedsgd", "fedavg")

OBSERVATIONS = (
    Observations(
        "A2.1",
        "client_number_observations",
        "ClientNumberObservations",
        {"q1": (*_ALGORITHMS, "neither"), "q2": _ALGORITHMS, "q3": ("negative", "positive")},
    ),
    Observations(
        "A2.2",
        "client_fraction_observations",
        "ClientFractionObservations",
        {"q1": _ALGORITHMS, "q2": ("increase", "decrease", "neither"), "q3": _ALGORITHMS},
    ),
    Observations(
        "A3.1",
        "local_epoch_observations",
        "LocalEpochObservations",
        {"q1": _ALGORITHMS, "q2": ("decrease", "increase", "depends"), "q3": ("decrease", "increase")},
    ),
    Observations(
        "A3.2",
        "iid_noniid_observations",
        "IidNonIidObservations",
        {"q1": ("iid", "non-iid"), "q2": (False, True)},
    ),
    Observations(
        "A3.3",
        "noniid_parameter_observations",
        "NonIidParameterObservations",
        {"q1": ("worse", "better", "similar"), "q2": (False, True)},
    ),
)
