"""What the hidden checks ask about servers is drawn from the grading seed, and in such a way that every parameter matters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from grader import Question
from lab_2_hfl.servers import FedAvgServer
from private_tests.servers.draws import draw_case
from private_tests.servers.questions import ask_for_parts, ask_for_run, ask_for_update
from public_tests.server_runs import GRAD, SERVERS, WEIGHT, ServerExercise

SEEDS = range(200)
KINDS = ("unequal", "non-iid")
TRAIN_SAMPLES = 600

each_server = pytest.mark.parametrize("exercise", SERVERS, ids=lambda exercise: exercise.name)


DRAWS = {
    **{f"parts of {kind}": partial(ask_for_parts, kind=kind) for kind in KINDS},
    **{f"update of {kind}": partial(ask_for_update, kind=kind) for kind in ("large", "non-iid")},
    **{kind: partial(ask_for_run, kind=kind) for kind in (*KINDS, "few")},
}


@each_server
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_the_same_seed_asks_the_same_and_others_otherwise(
    exercise: ServerExercise, draw: Callable[[ServerExercise, int], Question]
) -> None:
    assert draw(exercise, 7).key == draw(exercise, 7).key
    assert len({draw(exercise, seed).key for seed in SEEDS}) > 0.95 * len(SEEDS)


@each_server
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_no_argument_tells_the_grading_seed(
    exercise: ServerExercise, draw: Callable[[ServerExercise, int], Question]
) -> None:
    """Who knows it foresees every other question."""
    asked = draw(exercise, 712_345).arguments
    numbers = [value for part in (asked, asked["arguments"], asked["clients"]) for value in part.values()]

    assert not any(type(value) is int and abs(value - 712_345) < 1_000 for value in numbers)


@each_server
def test_unequal_clients_are_unequal_and_not_all_chosen(exercise: ServerExercise) -> None:
    for seed in SEEDS:
        case = draw_case(exercise, seed, "unequal")
        sizes = case.clients["sizes"]
        chosen = round(case.arguments["client_fraction"] * len(sizes))

        assert max(sizes) > 2 * min(sizes)
        assert sizes[0] < max(sizes)  # the first client's size is not a batch size that is infinite for all
        assert 2 <= chosen < len(sizes)


@each_server
def test_the_smallest_client_takes_part_so_that_a_plain_mean_is_far_from_right(
    exercise: ServerExercise,
) -> None:
    for seed in SEEDS:
        case = draw_case(exercise, seed, "unequal")
        sizes = case.clients["sizes"]
        subsets: list[Any] = [range(size) for size in sizes]
        server = FedAvgServer(0.1, 1, subsets, case.arguments["client_fraction"], 1, case.arguments["seed"])
        chosen = [[sizes[client] for client in server._choose_clients()] for _ in range(case.nr_rounds)]

        assert sum(min(sizes) in each for each in chosen) >= 2
        assert all(max(each) > 2 * min(sizes) for each in chosen)


def test_a_client_has_more_samples_than_any_of_the_handout_s() -> None:
    for seed in SEEDS:
        assert max(draw_case(WEIGHT, seed, "large").clients["sizes"]) > 600


@each_server
def test_the_split_is_even_so_that_no_seed_makes_a_mistake_cost_more(exercise: ServerExercise) -> None:
    for seed in SEEDS:
        assert TRAIN_SAMPLES % (2 * draw_case(exercise, seed, "non-iid").clients["nr_clients"]) == 0


@each_server
def test_a_fraction_of_the_clients_must_be_rounded(exercise: ServerExercise) -> None:
    for seed in SEEDS:
        case = draw_case(exercise, seed, "non-iid")
        share = case.arguments["client_fraction"] * case.clients["nr_clients"]

        assert abs(share - round(share)) > 0.3
        assert round(share) >= 2


def test_some_fractions_round_up_and_some_down() -> None:
    up = {
        round(share) > share
        for seed in SEEDS
        for case in [draw_case(WEIGHT, seed, kind) for kind in KINDS]
        for clients in [case.clients.get("nr_clients") or len(case.clients["sizes"])]
        for share in [case.arguments["client_fraction"] * clients]
    }

    assert up == {True, False}


def test_pseudo_gradients_come_from_several_batches_and_epochs() -> None:
    for seed in SEEDS:
        for kind in KINDS:
            case = draw_case(GRAD, seed, kind)
            sizes = case.clients.get("sizes") or [TRAIN_SAMPLES // case.clients["nr_clients"]]

            assert case.arguments["nr_local_epochs"] >= 2
            assert max(sizes) > 2 * case.arguments["batch_size"]
