"""A2 and A3: every cell of the tables and every point of the curves, and the runs behind them, against the reference with the same arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from grader import Ask, Figure, Question, Submission, asks, explain, fail, make_figure
from public_tests.reading import read_usage

from .diagnoses import EXPERIMENT_DIAGNOSES
from .evidence import ExperimentEvidence
from .questions import CALLS, EXPERIMENTS, HOMEWORK, ask_for_experiment, read_parameters


def list_cases() -> Iterator[Any]:
    """Each function and call; the calls of a function count half of its exercise together."""
    for function in EXPERIMENTS:
        exercise = HOMEWORK.find_by_tag(function)
        for call in CALLS:
            marks = (
                pytest.mark.exercise(exercise.id, points=exercise.points / 2 / len(CALLS)),
                asks(partial(ask_for_experiment, function, call)),
            )
            yield pytest.param(function, call, id=f"{function}-{call}", marks=marks)


@pytest.mark.parametrize(("function", "call"), list(list_cases()))
def test_experiment(
    submission: Submission,
    ask: Ask,
    question: Question,
    illustrate: Callable[[Figure | None], None],
    function: str,
    call: str,
) -> None:
    """The function gives the reference's values, from the reference's runs."""
    if call == "defaults":
        check_defaults(submission, function)
    answer, right = ask(question)
    noted: dict[str, Any] = answer if isinstance(answer, dict) else {}
    is_drawn = call == "drawn"
    title = f"What {question.shown if is_drawn else function} gives in a small run"
    axes = {"x": "round", "y": "test accuracy in %"}
    illustrate(
        make_figure(noted.get("value"), title, **axes, reference=right["value"], only_instructor=is_drawn)
    )
    evidence = ExperimentEvidence(
        question.shown,
        question.tag,
        read_parameters(function),
        noted.get("value"),
        right["value"],
        right["runs"],
        _list_notes(noted.get("runs")),
        _list_notes(noted.get("own_servers")),
        question.arguments["arguments"] if call == "drawn" else {},
        read_usage(submission.require_cell(function).source, function),
    )
    explain(evidence, EXPERIMENT_DIAGNOSES)


def _list_notes(noted: Any) -> list[dict[str, Any]]:
    """What a submission's process says of runs or servers, as far as it may be that."""
    return [note for note in noted if isinstance(note, dict)] if isinstance(noted, list) else []


def check_defaults(submission: Submission, function: str) -> None:
    """The function's own defaults must be the handout's."""
    found = submission.describe_function(function, function).get("parameters", {})
    for name, default in read_parameters(function).items():
        if name in found and "default" in found[name] and found[name]["default"] != default:
            fail(
                f"The parameter {name!r} of {function} has the default {found[name]['default']!r}.",
                f"{name}={default!r}",
                "keep the handout's signature; pass other values when you call the function.",
                f"another-default-of-{name}",
            )
