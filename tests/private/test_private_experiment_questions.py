"""Experiments are called with arguments drawn from the grading seed, every one of which matters."""

from __future__ import annotations

import json

import pytest

from private_tests.experiments.questions import (
    CALLS,
    EXPERIMENTS,
    HOMEWORK,
    ask_for_experiment,
    read_parameters,
    returns_table,
)

SEEDS = range(200)
TRAIN_SAMPLES = int(HOMEWORK.hidden.environment["LAB_2_HFL_TRAIN_SAMPLES"])


def draw(function: str, seed: int) -> dict[str, float]:
    return ask_for_experiment(function, "drawn", seed).arguments["arguments"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("function", EXPERIMENTS)
def test_the_same_seed_asks_the_same(function: str, call: str) -> None:
    question = ask_for_experiment(function, call, 7)

    assert question.key == ask_for_experiment(function, call, 7).key
    assert json.loads(json.dumps(question.arguments)) == question.arguments


@pytest.mark.parametrize("function", EXPERIMENTS)
def test_other_seeds_ask_otherwise(function: str) -> None:
    assert len({json.dumps(draw(function, seed)) for seed in SEEDS}) > 0.95 * len(SEEDS)


@pytest.mark.parametrize("function", EXPERIMENTS)
def test_every_parameter_differs_from_its_default(function: str) -> None:
    defaults = read_parameters(function)
    for seed in SEEDS:
        drawn = draw(function, seed)

        assert drawn.keys() == defaults.keys()
        assert [name for name in defaults if drawn[name] == defaults[name]] == []


@pytest.mark.parametrize("function", EXPERIMENTS)
def test_batches_hold_only_some_of_a_client_s_samples(function: str) -> None:
    """Of the fewest clients at least, if the function varies their number: else the batch size would not matter."""
    for seed in SEEDS:
        drawn = draw(function, seed)
        nr_clients = drawn.get("n", 10)

        assert 2 * nr_clients <= TRAIN_SAMPLES
        assert TRAIN_SAMPLES // nr_clients > drawn["b"]


def test_another_fraction_asks_other_numbers_of_clients() -> None:
    for seed in SEEDS:
        fraction = draw("client_number_experiments", seed)["c"]

        assert [round(fraction * n) for n in (10, 50, 100)] != [1, 5, 10]


def test_other_numbers_of_clients_have_other_shares() -> None:
    """Each C of A2.2 asks another number of clients."""
    for seed in SEEDS:
        n = draw("client_fraction_experiments", seed)["n"]

        assert len({max(1, round(c * n)) for c in (0.01, 0.1, 0.2)}) == 3


@pytest.mark.parametrize("function", EXPERIMENTS)
def test_by_default_few_rounds_are_asked(function: str) -> None:
    arguments = ask_for_experiment(function, "defaults", 7).arguments["arguments"]

    assert arguments["nr_rounds"] <= 2
    assert returns_table(function) is (arguments.keys() == {"nr_rounds"} and arguments["nr_rounds"] == 2)
