"""What the hidden checks say about a server, from made-up digests of one weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from grader import Failure
from private_tests.questions import GRAD, WEIGHT, ServerExercise
from private_tests.server_diagnoses import (
    explain_changed,
    explain_draws,
    explain_messages,
    explain_plain_mean,
    explain_round,
    explain_sent,
    explain_start,
)

LR = 0.1


def digest(value: float) -> list[dict[str, Any]]:
    return [{"shape": [1], "norm": abs(value), "entries": [value]}]


def call(client: int, received: float = 0.0, sent: float = 0.0) -> dict[str, Any]:
    return {"client": client, "received": digest(received), "sent": digest(sent)}


def get_failure(check: Callable[[], None]) -> Failure:
    with pytest.raises(Failure) as failure:
        check()
    return failure.value


RIGHT = {"calls": [call(client) for client in (2, 0, 1, 2)]}


@pytest.mark.parametrize(
    ("clients", "sentence"),
    [
        ((2, 0, 1, 2, 0, 1), "FedSgdWeightServer asked for 6 updates of clients in 2 rounds."),
        ((), "FedSgdWeightServer asked for 0 updates of clients in 2 rounds."),
        ((2, 0, 0, 2), "In round 2 FedSgdWeightServer asked the clients 0, 2."),
    ],
    ids=["too many", "none", "others in the second round"],
)
def test_wrong_draws_are_told(clients: Sequence[int], sentence: str) -> None:
    seen = {"calls": [call(client) for client in clients]}

    assert get_failure(lambda: explain_draws(WEIGHT, seen, RIGHT, 2)).seen == sentence


def test_the_order_in_a_round_does_not_matter() -> None:
    explain_draws(WEIGHT, {"calls": [call(client) for client in (0, 2, 2, 1)]}, RIGHT, 2)


def test_another_start_is_told() -> None:
    failure = get_failure(lambda: explain_start(WEIGHT, {"calls": [call(2, received=1.0)]}, RIGHT))

    assert failure.seen.startswith("FedSgdWeightServer starts from other weights")


# Two clients, one of them with three times the samples of the other, started from 1 and reached 2 and 4: 3.5 is right.
BEFORE, REACHED, AFTER = 1.0, (2.0, 4.0), 3.5


@pytest.mark.parametrize(
    ("exercise", "weights", "sizes", "hint"),
    [
        (WEIGHT, 3.0, [100, 300], "It took the plain mean of the clients' weights."),
        (GRAD, 3.0, [100, 300], "It took the plain mean of the clients' updates."),
        (GRAD, -1.5, [100, 300], "It moved in the opposite direction."),
        (WEIGHT, 1.0, [100, 300], "It did not move in this round."),
        (WEIGHT, 1.0001, [100, 300], "It did not move in this round."),  # but for rounding
        (WEIGHT, 1.3, [100, 300], "and the same arguments."),
        (WEIGHT, 3.0, None, "and the same arguments."),
    ],
)
def test_a_round_s_mistake_is_named(
    exercise: ServerExercise, weights: float, sizes: list[int] | None, hint: str
) -> None:
    sent = REACHED if exercise is WEIGHT else [BEFORE - value for value in REACHED]
    calls = [call(index, BEFORE, value) for index, value in enumerate(sent)]

    failure = get_failure(
        lambda: explain_round(exercise, 1, digest(weights), calls, digest(BEFORE), digest(AFTER), sizes)
    )

    assert failure.seen.endswith(hint)


def test_clients_that_send_nothing_are_no_plain_mean() -> None:
    calls = [call(index, BEFORE, 0.0) for index in range(2)]

    failure = get_failure(
        lambda: explain_round(GRAD, 1, digest(BEFORE), calls, digest(BEFORE), digest(AFTER), [100, 300])
    )

    assert failure.seen.endswith("It did not move in this round.")


@pytest.mark.parametrize("exercise", [WEIGHT, GRAD])
@pytest.mark.parametrize(("weights", "plain"), [(3.0, True), (3.02, False), (3.5, False)])
def test_a_plain_mean_is_seen_also_between_clients_of_nearly_a_size(
    exercise: ServerExercise, weights: float, plain: bool
) -> None:
    sent = REACHED if exercise is WEIGHT else [BEFORE - value for value in REACHED]
    calls = [call(index, BEFORE, value) for index, value in enumerate(sent)]

    def check() -> None:
        explain_plain_mean(exercise, 1, digest(weights), calls, [99, 101])

    if plain:
        assert "plain mean" in get_failure(check).seen
    else:
        check()


def test_a_client_that_changes_what_it_gets_is_told() -> None:
    failure = get_failure(lambda: explain_changed(GRAD, {"changed": True}))

    assert failure.seen.startswith("A client of FedAvgGradServer changes the tensors that it gets")


@pytest.mark.parametrize("found", [{"changed": False}, {"changed": "forged"}, {}])
def test_a_client_that_changes_nothing_is_left_alone(found: dict[str, Any]) -> None:
    explain_changed(GRAD, found)


@pytest.mark.parametrize(
    ("exercise", "sent", "hint"),
    [
        (WEIGHT, -0.5 / LR, "It sends gradients."),
        (WEIGHT, -0.5, "It sends its old weights minus its new ones."),
        (WEIGHT, 0.5, "It sends its new weights minus its old ones."),
        (WEIGHT, 1.0, "It sends the weights that it got."),
        (GRAD, 1.5, "It sends its new weights."),
        (GRAD, 0.5, "It sends its new weights minus its old ones."),
        (GRAD, -0.5 / LR, "It sends gradients."),
        (GRAD, 7.0, "does not send its old weights minus its new ones."),
    ],
)
def test_what_is_sent_instead_is_named(exercise: ServerExercise, sent: float, hint: str) -> None:
    right = 1.5 if exercise is WEIGHT else -0.5  # from 1 to 1.5

    failure = get_failure(lambda: explain_sent(exercise, digest(sent), digest(right), digest(1.0), LR))

    assert failure.seen.endswith(hint)


@pytest.mark.parametrize(
    ("seen", "advice"),
    [([4, 4, 4], "cumulative"), ([2, 4, 6], "both directions"), ([1, 2, 3], "two messages")],
)
def test_wrong_counts_are_told(seen: list[int], advice: str) -> None:
    assert advice in get_failure(lambda: explain_messages(WEIGHT, seen, [4, 8, 12])).advice
