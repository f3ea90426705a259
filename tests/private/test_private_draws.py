"""What the hidden checks ask is drawn from the grading seed, and in such a way that every parameter matters."""

from __future__ import annotations

import json

import pytest

from private_tests.draws import SMALL_DATA, draw_grad_case, draw_weight_case
from private_tests.questions import KINDS, SERVERS, ask_for_run, ask_for_update, list_all

SEEDS = range(200)
TRAIN_SAMPLES = int(SMALL_DATA["LAB_2_HFL_TRAIN_SAMPLES"])


def test_the_same_seed_asks_the_same() -> None:
    assert list_all(7) == list_all(7)


def test_questions_can_be_sent() -> None:
    assert json.loads(json.dumps([question.arguments for question in list_all(7)]))


def test_every_question_of_the_checks_is_listed() -> None:
    asked = [
        *(ask_for_run(exercise, 7, kind) for exercise in SERVERS for kind in KINDS),
        *(ask_for_update(exercise, 7) for exercise in SERVERS),
    ]

    assert [question for question in asked if question not in list_all(7)] == []


@pytest.mark.parametrize("exercise", SERVERS, ids=lambda exercise: exercise.name)
@pytest.mark.parametrize("kind", KINDS)
def test_other_seeds_ask_servers_otherwise(exercise: object, kind: str) -> None:
    drawn = {str(exercise.draw(seed, kind)) for seed in SEEDS}  # type: ignore[attr-defined]

    assert len(drawn) > 0.95 * len(SEEDS)


@pytest.mark.parametrize("draw", [draw_weight_case, draw_grad_case])
def test_unequal_clients_are_unequal_and_not_all_chosen(draw: object) -> None:
    for seed in SEEDS:
        case = draw(seed, "unequal")  # type: ignore[operator]
        sizes = case.clients["sizes"]
        chosen = round(case.arguments["client_fraction"] * len(sizes))

        assert max(sizes) > 2 * min(sizes)
        assert sizes[0] < max(sizes)  # the first client's size is no batch size that is infinite for all
        assert 2 <= chosen < len(sizes)


def test_a_client_has_more_samples_than_any_of_the_handout_s() -> None:
    for seed in SEEDS:
        assert max(draw_weight_case(seed, "large").clients["sizes"]) > 600


@pytest.mark.parametrize("draw", [draw_weight_case, draw_grad_case])
def test_a_fraction_of_the_clients_must_be_rounded(draw: object) -> None:
    for seed in SEEDS:
        case = draw(seed, "non-iid")  # type: ignore[operator]
        share = case.arguments["client_fraction"] * case.clients["nr_clients"]

        assert abs(share - round(share)) > 0.3
        assert round(share) >= 2


def test_some_fractions_round_up_and_some_down() -> None:
    up = {
        round(share) > share
        for seed in SEEDS
        for case in [draw_weight_case(seed, kind) for kind in KINDS]
        for clients in [case.clients.get("nr_clients") or len(case.clients["sizes"])]
        for share in [case.arguments["client_fraction"] * clients]
    }

    assert up == {True, False}


def test_pseudo_gradients_come_from_several_batches_and_epochs() -> None:
    for seed in SEEDS:
        for kind in KINDS:
            case = draw_grad_case(seed, kind)
            sizes = case.clients.get("sizes") or [TRAIN_SAMPLES // case.clients["nr_clients"]]

            assert case.arguments["nr_local_epochs"] >= 2
            assert max(sizes) > 2 * case.arguments["batch_size"]
