"""For each answer of the key a rule that derives it from tables and curves: the experiments bear the key out, and by how much.

A rule gives its answer and its margin: how far the figures are from giving another one, in the unit that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean
from typing import Any

from .key import Answer

Experiments = Mapping[str, Any]

# A peak that is not at least so many points higher is no significant improvement.
SIGNIFICANT_POINTS = 3.0


@dataclass(frozen=True)
class Derived:
    """What a rule gives: the answer, and how clear it is."""

    answer: Answer
    margin: float
    unit: str = "points"


def _read(table: Sequence[Mapping[str, Any]], algorithm: str, column: str = "Test accuracy") -> list[float]:
    return [row[column] for row in table if row["Algorithm"].startswith(algorithm)]


def _choose(first: tuple[Answer, float], second: tuple[Answer, float]) -> Derived:
    """The answer with the larger figure."""
    best, other = (first, second) if first[1] >= second[1] else (second, first)
    return Derived(best[0], best[1] - other[1])


def derive_number_messages(experiments: Experiments) -> Derived:
    """Which has more messages, for equal N and C: compared pair by pair."""
    table = experiments["client_number"]
    sgd, avg = _read(table, "FedSGD", "Message count"), _read(table, "FedAvg", "Message count")
    if sgd == avg:
        return Derived("neither", float(len(sgd)), "equal pairs")
    return Derived("fedsgd" if sum(sgd) > sum(avg) else "fedavg", abs(sum(sgd) - sum(avg)), "messages")


def derive_number_affected(experiments: Experiments) -> Derived:
    """Whose accuracy changes more from N = 10 to N = 100."""
    spans = {
        name: max(values) - min(values)
        for name in ("FedSGD", "FedAvg")
        if (values := _read(experiments["client_number"], name))
    }
    return _choose(("fedsgd", spans["FedSGD"]), ("fedavg", spans["FedAvg"]))


def derive_number_effect(experiments: Experiments) -> Derived:
    """The direction of that change, for the algorithm that is affected more."""
    affected = "FedSGD" if derive_number_affected(experiments).answer == "fedsgd" else "FedAvg"
    values = _read(experiments["client_number"], affected)
    return Derived("negative" if values[-1] < values[0] else "positive", abs(values[-1] - values[0]))


def derive_fraction_best(experiments: Experiments) -> Derived:
    """Which algorithm has the highest accuracy."""
    table = experiments["client_fraction"]
    return _choose(("fedsgd", max(_read(table, "FedSGD"))), ("fedavg", max(_read(table, "FedAvg"))))


def derive_fraction_messages(experiments: Experiments) -> Derived:
    """How the number of messages follows C."""
    counts = _read(experiments["client_fraction"], "FedAvg", "Message count")
    steps = [b - a for a, b in pairwise(counts)]
    answer = "increase" if min(steps) > 0 else "decrease" if max(steps) < 0 else "neither"
    return Derived(answer, float(min(map(abs, steps))), "messages")


def derive_fraction_benefit(experiments: Experiments) -> Derived:
    """Which algorithm gains least from C = 0.01 to C = 0.2."""
    gains = {}
    for name in ("FedSGD", "FedAvg"):
        values = _read(experiments["client_fraction"], name)
        gains[name] = values[-1] - values[0]
    return _choose(("fedsgd", -gains["FedSGD"]), ("fedavg", -gains["FedAvg"]))


def derive_epochs_best(experiments: Experiments) -> Derived:
    """Which algorithm ends highest with E = 1."""
    curves = experiments["local_epoch"]
    return _choose(("fedsgd", curves["FedSGD E=1"][-1]), ("fedavg", curves["FedAvg E=1"][-1]))


def _read_epoch_gains(experiments: Experiments) -> list[float]:
    finals = [experiments["local_epoch"][f"FedAvg E={epochs}"][-1] for epochs in (1, 2, 4)]
    return [b - a for a, b in pairwise(finals)]


def derive_epochs_effect(experiments: Experiments) -> Derived:
    """What more local epochs do to FedAvg's final accuracy."""
    gains = _read_epoch_gains(experiments)
    answer = "increase" if min(gains) > 0 else "decrease" if max(gains) < 0 else "depends"
    return Derived(answer, min(map(abs, gains)))


def derive_epochs_change(experiments: Experiments) -> Derived:
    """Whether the gain from doubling E shrinks or grows as E grows."""
    first, second = _read_epoch_gains(experiments)
    return Derived("decrease" if abs(second) < abs(first) else "increase", abs(abs(first) - abs(second)))


def derive_iid_easier(experiments: Experiments) -> Derived:
    """Where learning is easier: on which split the curves are higher, over both algorithms and all rounds."""
    curves = experiments["iid_noniid"]
    iid, other = (
        mean([*curves[f"FedSGD {split}"], *curves[f"FedAvg {split}"]]) for split in ("iid", "non-iid")
    )
    return _choose(("iid", iid), ("non-iid", other))


def derive_noniid_improves(experiments: Experiments) -> Derived:
    """Whether the non-IID curves rise in every round: the largest fall between two rounds, seen in either algorithm."""
    curves = experiments["iid_noniid"]
    falls = [a - b for name in ("FedSGD", "FedAvg") for a, b in pairwise(curves[f"{name} non-iid"])]
    return Derived(max(falls) <= 0, abs(max(falls)))


def measure_roughness(curve: Sequence[float]) -> float:
    """How much a curve falls between rounds in all, in points: 0 for one that only rises."""
    return sum(max(0.0, a - b) for a, b in pairwise(curve))


def derive_parameters_smoothness(experiments: Experiments) -> Derived:
    """How smooth the New curves are against the Old: by how much less they fall."""
    curves = experiments["noniid_parameter"]
    old, new = (
        sum(measure_roughness(curves[f"{name} {kind}"]) for name in ("FedSGD", "FedAvg"))
        for kind in ("Old", "New")
    )
    answer = "better" if new < 0.8 * old else "worse" if new > 1.25 * old else "similar"
    return Derived(answer, abs(old - new))


def derive_parameters_peak(experiments: Experiments) -> Derived:
    """Whether the best accuracy of New is significantly higher than that of Old."""
    curves = experiments["noniid_parameter"]
    old, new = (
        max(max(curves[f"{name} {kind}"]) for name in ("FedSGD", "FedAvg")) for kind in ("Old", "New")
    )
    return Derived(new - old >= SIGNIFICANT_POINTS, abs(new - old - SIGNIFICANT_POINTS))


RULES: dict[str, dict[str, Callable[[Experiments], Derived]]] = {
    "ClientNumberObservations": {
        "q1": derive_number_messages,
        "q2": derive_number_affected,
        "q3": derive_number_effect,
    },
    "ClientFractionObservations": {
        "q1": derive_fraction_best,
        "q2": derive_fraction_messages,
        "q3": derive_fraction_benefit,
    },
    "LocalEpochObservations": {
        "q1": derive_epochs_best,
        "q2": derive_epochs_effect,
        "q3": derive_epochs_change,
    },
    "IidNonIidObservations": {"q1": derive_iid_easier, "q2": derive_noniid_improves},
    "NonIidParameterObservations": {"q1": derive_parameters_smoothness, "q2": derive_parameters_peak},
}
