"""The answer key: the right option of each multiple-choice question, written by hand from what the methods do."""

from __future__ import annotations

Answer = str | bool

KEY: dict[str, dict[str, Answer]] = {
    "ClientNumberObservations": {"q1": "neither", "q2": "fedavg", "q3": "negative"},
    "ClientFractionObservations": {"q1": "fedavg", "q2": "increase", "q3": "fedsgd"},
    "LocalEpochObservations": {"q1": "fedavg", "q2": "increase", "q3": "decrease"},
    "IidNonIidObservations": {"q1": "iid", "q2": False},
    "NonIidParameterObservations": {"q1": "better", "q2": False},
}
