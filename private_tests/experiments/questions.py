"""The questions about the experiments: each function is called with drawn arguments, and with the handout's defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from grader import Question, read_homework, withhold

from .draws import draw_arguments, draw_defaults

HOMEWORK = read_homework(Path(__file__).parents[2])
EXPERIMENTS = [tag for tag in HOMEWORK.tags if tag.endswith("_experiments")]  # the functions' names, too
CALLS = ("drawn", "defaults")

_TABLE = "a DataFrame of numbers and names, with the handout's columns"
_CURVES = (
    "a dict with the handout's keys, each with the list of a run's accuracies (the RunResult's test_accuracy)"
)


def read_parameters(function: str) -> dict[str, Any]:
    """The handout's parameters of an experiment, with their defaults."""
    return HOMEWORK.handout.parameters(function, function)


def returns_table(function: str) -> bool:
    """Whether an experiment returns a table; the others return curves."""
    return HOMEWORK.handout.returns(function, function) == "DataFrame"


def ask_for_experiment(function: str, call: str, grading_seed: int) -> Question:
    """Call an experiment."""
    arguments = (
        draw_arguments(grading_seed, function, read_parameters(function))
        if call == "drawn"
        else draw_defaults(function, returns_table(function))
    )
    shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    if call == "drawn":
        shown = withhold(shown, ", ".join(f"{key}=…" for key in arguments))
    return Question(
        function,
        "experiments.call_experiment",
        {"name": function, "arguments": arguments},
        f"{function}({shown})",
        expected=_TABLE if returns_table(function) else _CURVES,
        is_drawn=call == "drawn",
    )
