"""Every question that the hidden checks of part A put to a submission and to the reference alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .draws import draw_arguments, draw_defaults

CALLS = ("drawn", "defaults")
CALL = "call_experiment"


@dataclass(frozen=True)
class Question:
    """A probe function and its arguments, for the cell with `tag`."""

    exercise: str
    tag: str
    function: str
    arguments: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.arguments["name"])


EXPERIMENTS = {
    "client_number_experiments": "A2.1",
    "client_fraction_experiments": "A2.2",
    "local_epoch_experiments": "A3.1",
    "iid_noniid_experiments": "A3.2",
    "noniid_parameter_experiments": "A3.3",
}


def ask_for_experiment(function: str, grading_seed: int, call: str) -> Question:
    """Call an experiment function, with drawn arguments or with the handout's defaults."""
    arguments = draw_arguments(grading_seed, function) if call == "drawn" else draw_defaults(function)
    return Question(EXPERIMENTS[function], function, CALL, {"name": function, "arguments": arguments})


def list_all(grading_seed: int) -> list[Question]:
    """All questions, in the order of the checks."""
    return [ask_for_experiment(function, grading_seed, call) for function in EXPERIMENTS for call in CALLS]
