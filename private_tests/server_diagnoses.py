"""The likeliest reason why a server differs from the reference, found from what its own clients were sent and answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from grader import combine_tensors, fail, match_tensors

from .questions import GRAD, WEIGHT, ServerExercise

_ONE_DRAW = "self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)"


def split_calls(run: Mapping[str, Any], nr_rounds: int) -> list[list[dict[str, Any]]]:
    """The calls of clients, round by round; empty where they can't be divided evenly."""
    calls = run.get("calls")
    if not isinstance(calls, list) or not calls or len(calls) % nr_rounds:
        return []
    a_round = len(calls) // nr_rounds
    return [calls[start : start + a_round] for start in range(0, len(calls), a_round)]


def explain_start(exercise: ServerExercise, seen: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Fail if the first round started from other weights than the reference's."""
    first = next(iter(seen.get("calls") or []), None)
    if first is not None and not match_tensors(first.get("received"), expected["calls"][0]["received"]):
        fail(
            f"{exercise.name} starts from other weights than {exercise.unusable} with the same seed.",
            "the weights of a model that is made right after torch was seeded with the server's seed",
            "pass `seed` on to the constructor of the class that yours derives from, and keep the model that it makes.",
        )


def explain_draws(
    exercise: ServerExercise, seen: Mapping[str, Any], expected: Mapping[str, Any], nr_rounds: int
) -> None:
    """Fail if other clients were asked than the reference asked."""
    right_rounds = split_calls(expected, nr_rounds)
    nr_calls = len(seen["calls"]) if isinstance(seen.get("calls"), list) else 0
    if nr_calls != sum(map(len, right_rounds)):
        fail(
            f"{exercise.name} asked for {nr_calls} updates of clients in {nr_rounds} rounds.",
            f"{len(right_rounds[0])} updates a round: max(1, round(C·N)) clients, each asked once",
            "ask the clients of one draw a round; `self.nr_clients_per_round` says how many.",
        )
    for number, (calls, right) in enumerate(
        zip(split_calls(seen, nr_rounds), right_rounds, strict=True), start=1
    ):
        asked = sorted(call["client"] for call in calls)
        if asked != sorted(call["client"] for call in right):
            fail(
                f"In round {number} {exercise.name} asked the clients {', '.join(map(str, asked))}.",
                "the clients that one draw a round gives, from the generator that was made with the server's seed",
                f"draw once in every round, with `{_ONE_DRAW}`.",
            )


# Rounding alone, where no training lies between: clients' own answers are combined, or nothing moved at all.
_EXACT = 0.002


def explain_plain_mean(
    exercise: ServerExercise,
    number: int,
    weights: Any,
    calls: Sequence[Mapping[str, Any]],
    sample_counts: Sequence[int],
) -> None:
    """Fail if the weights after round `number` are the plain mean of what the clients sent, and not the weighted one.

    Where clients are nearly of a size, that makes too little difference to be seen from the weights alone.
    """
    if _is_plain_mean(exercise, weights, calls, sample_counts):
        _fail_plain_mean(exercise, f"After round {number} the model of {exercise.name} has other weights.")


def _is_plain_mean(
    exercise: ServerExercise,
    weights: Any,
    calls: Sequence[Mapping[str, Any]],
    sample_counts: Sequence[int],
) -> bool:
    """Whether the weights are the plain mean of what the clients sent. If all sent the same, or nothing, every mean is the same."""
    before, sent = calls[0]["received"], [call["sent"] for call in calls]
    counts = [sample_counts[call["client"]] for call in calls]
    plain = _apply_mean(exercise, before, sent, [1 / len(sent)] * len(sent))
    weighted = _apply_mean(exercise, before, sent, [count / sum(counts) for count in counts])
    return match_tensors(weights, plain, before, _EXACT) and not match_tensors(
        weights, weighted, before, _EXACT
    )


def _fail_plain_mean(exercise: ServerExercise, seen: str) -> NoReturn:
    what = "updates" if exercise is GRAD else "weights"
    fail(
        f"{seen} It took the plain mean of the clients' {what}.",
        "the mean weighted by the clients' numbers of samples",
        "weight each client by its number of samples.",
    )


def explain_round(
    exercise: ServerExercise,
    number: int,
    weights: Any,
    calls: Sequence[Mapping[str, Any]],
    before: Any,
    right: Any,
    sample_counts: Sequence[int] | None,
) -> NoReturn:
    """Fail because of the weights after round `number`.

    weights, right: what the submission and the reference hold; before: what both started the round from
    sample_counts: the clients' sizes where they differ, since only then a plain mean differs from a weighted one
    """
    seen = f"After round {number} the model of {exercise.name} has other weights than with {exercise.unusable} and the same arguments."
    expected = "the same weights, up to rounding"
    if match_tensors(weights, combine_tensors((2.0, before), (-1.0, right)), before):
        fail(f"{seen} It moved in the opposite direction.", expected, "check the sign of the server's step.")
    if sample_counts is not None and _is_plain_mean(exercise, weights, calls, sample_counts):
        _fail_plain_mean(exercise, seen)
    if match_tensors(weights, before, right, _EXACT):
        fail(
            f"{seen} It did not move in this round.",
            expected,
            "bring the aggregate into `self.model` in every round.",
        )
    fail(
        seen,
        expected,
        "check the learning rate, the clients' batch size and local epochs, the weighting by samples, and each client's seed (seed + index + 1 "
        "+ round × clients a round).",
    )


def _apply_mean(exercise: ServerExercise, before: Any, sent: Sequence[Any], shares: Sequence[float]) -> Any:
    if exercise is WEIGHT:
        return combine_tensors(*zip(shares, sent, strict=True))
    return combine_tensors((1.0, before), *((-share, part) for share, part in zip(shares, sent, strict=True)))


def explain_changed(exercise: ServerExercise, seen: Mapping[str, Any]) -> None:
    """Fail if a client changed the tensors that it was given."""
    if seen.get("changed") is True:
        fail(
            f"A client of {exercise.name} changes the tensors that it gets, so whoever uses them after it finds other weights.",
            "a client that leaves the received weights as they are",
            "copy them into the client's own model, as in `own.data = received.detach().clone()` for each parameter.",
        )


def explain_sent(exercise: ServerExercise, sent: Any, right: Any, received: Any, lr: float) -> NoReturn:
    """Fail because of what a client sent."""
    wanted = "its weights after training" if exercise is WEIGHT else "its old weights minus its new ones"
    seen = f"A client of {exercise.name} does not send {wanted}."
    moved = right if exercise is GRAD else combine_tensors((1.0, received), (-1.0, right))
    alternatives = {
        "gradients": combine_tensors((1 / lr, moved)),
        "its old weights minus its new ones": moved,
        "its new weights minus its old ones": combine_tensors((-1.0, moved)),
        "its new weights": combine_tensors((1.0, received), (-1.0, moved)),
    }
    for name, digest in alternatives.items():
        if name != wanted and match_tensors(sent, digest, received if name[4:] == "new weights" else None):
            fail(f"{seen} It sends {name}.", wanted, f"return {wanted} from the client's `update`.")
    if match_tensors(sent, received, combine_tensors((1.0, received), (-1.0, moved)), _EXACT):
        fail(
            f"{seen} It sends the weights that it got.",
            wanted,
            "train the client's own model before answering.",
        )
    fail(
        seen,
        f"{wanted}, one tensor for each of the model's parameters",
        "check that it starts from the weights that it got, its batch size, number of local epochs, learning rate and seed, and that an "
        "epoch is one pass over a loader.",
    )


def explain_messages(exercise: ServerExercise, seen: list[Any], expected: list[Any]) -> NoReturn:
    """Fail because of the message counts."""
    increments = [b - a for a, b in zip([0, *expected], expected, strict=False)]
    if seen == increments:
        advice = "add each round's messages to those of the rounds before: the count is cumulative."
    elif [2 * value for value in seen] == expected:
        advice = "count both directions: a chosen client gets one message and sends one."
    else:
        advice = "count two messages for each chosen client, added up over the rounds."
    fail(
        f"message_count of {exercise.name} is {seen}.",
        "the messages sent since the start, after each round",
        advice,
    )
