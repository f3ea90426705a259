"""What the hidden checks ask is drawn from the grading seed, and in such a way that every parameter matters."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from private_tests.draws import (
    SMALL_DATA,
    draw_arguments,
    propose_arguments,
)
from private_tests.questions import (
    CALLS,
    EXPERIMENTS,
    ask_for_experiment,
    list_all,
)
from solutions import experiments


def read_defaults(function: str) -> dict[str, Any]:
    """The reference's parameters and their defaults."""
    return {p.name: p.default for p in inspect.signature(getattr(experiments, function)).parameters.values()}


SEEDS = range(200)
FEWEST_DRAWS = 16  # of a function's vetted proposals
TRAIN_SAMPLES = int(SMALL_DATA["LAB_2_HFL_TRAIN_SAMPLES"])


def test_the_same_seed_asks_the_same() -> None:
    assert list_all(7) == list_all(7)


def test_questions_can_be_sent() -> None:
    assert json.loads(json.dumps([question.arguments for question in list_all(7)]))


def test_every_question_of_the_checks_is_listed() -> None:
    asked = [
        *(ask_for_experiment(function, 7, call) for function in EXPERIMENTS for call in CALLS),
    ]

    assert [question for question in asked if question not in list_all(7)] == []


@pytest.mark.parametrize("function", EXPERIMENTS)
def test_other_seeds_ask_otherwise(function: str) -> None:
    proposed = {json.dumps(propose_arguments(seed, function)) for seed in SEEDS}
    drawn = {json.dumps(draw_arguments(seed, function)) for seed in SEEDS}

    assert len(proposed) > 0.95 * len(SEEDS)
    assert len(drawn) >= FEWEST_DRAWS


@pytest.mark.parametrize("function", EXPERIMENTS)
def test_every_parameter_differs_from_its_default(function: str) -> None:
    defaults = read_defaults(function)
    for seed in SEEDS:
        drawn = draw_arguments(seed, function)

        assert drawn.keys() == defaults.keys()
        assert [name for name in defaults if drawn[name] == defaults[name]] == []


@pytest.mark.parametrize("function", EXPERIMENTS)
def test_clients_are_few_enough_for_the_small_data(function: str) -> None:
    for seed in SEEDS:
        assert 2 * draw_arguments(seed, function).get("n", 100) <= TRAIN_SAMPLES


def test_another_fraction_sends_other_messages() -> None:
    for seed in SEEDS:
        fraction = draw_arguments(seed, "client_number_experiments")["c"]

        assert [round(fraction * n) for n in (10, 50, 100)] != [1, 5, 10]
