"""A1: the servers' weights after every round, what every client sent, and the results, against the reference."""

from __future__ import annotations

import math
from typing import Any

import pytest

from grader import Submission, combine_tensors, fail, is_number, match_tensors

from .questions import GRAD, KINDS, SERVERS, WEIGHT, Question, ServerExercise, ask_for_run, ask_for_update
from .reference_runs import References

_POINTS = 0.25  # each of the four checks of an exercise


def mark(exercise: ServerExercise, *values: Any) -> Any:
    label = "-".join(str(value) for value in (exercise.name, *values))
    return pytest.param(exercise, *values, id=label, marks=pytest.mark.exercise(exercise.id, points=_POINTS))


def observe(submission: Submission, question: Question) -> dict[str, Any]:
    shown = ", ".join(f"{key}={value}" for key, value in question.arguments["arguments"].items())
    rounds = f".run({question.arguments['nr_rounds']})" if "nr_rounds" in question.arguments else ""
    found = submission.observe(
        question.tag, "servers", question.function, question.arguments, f"{question.name}({shown}){rounds}"
    )
    return found if isinstance(found, dict) else {}


@pytest.mark.parametrize(
    ("exercise", "kind"), [mark(exercise, kind) for exercise in SERVERS for kind in KINDS]
)
def test_weights_after_each_round(
    submission: Submission, references: References, grading_seed: int, exercise: ServerExercise, kind: str
) -> None:
    """The model's weights after each round are the reference's."""
    question = ask_for_run(exercise, grading_seed, kind)
    seen = observe(submission, question)
    expected = references.ask(question.function, question.arguments)
    rounds, expected_rounds = _list_rounds(seen, expected), _list_rounds(expected, expected)
    clients_a_round = len(expected["calls"]) // question.arguments["nr_rounds"]
    for number, (weights, right) in enumerate(zip(rounds, expected_rounds, strict=False), start=1):
        before = expected["calls"][0]["received"] if number == 1 else expected_rounds[number - 2]
        if not match_tensors(weights, right, before):
            _explain_round(
                exercise,
                number,
                weights,
                _take_round(seen, number, clients_a_round),
                before,
                right,
                kind == "unequal",
            )
    if not match_tensors(seen.get("weights"), expected["weights"], expected["calls"][0]["received"]):
        fail(
            f"The model of {exercise.name} has wrong weights after the last round.",
            f"the weights that {exercise.unusable} reaches with the same arguments",
            "check that `self.model` holds the aggregate after every round, the last one too.",
        )


def _list_rounds(run: dict[str, Any], expected: dict[str, Any]) -> list[Any]:
    """The weights after each round: what the first client of the next round got, and the model's at the end."""
    nr_rounds = len(expected["result"]["message_count"])
    a_round = len(expected["calls"]) // nr_rounds
    calls = run.get("calls")
    if not isinstance(calls, list) or len(calls) != len(expected["calls"]):
        return [run.get("weights")][: 0 if nr_rounds > 1 else 1]
    return [calls[index * a_round].get("received") for index in range(1, nr_rounds)] + [run.get("weights")]


def _take_round(run: dict[str, Any], number: int, a_round: int) -> list[dict[str, Any]]:
    calls = run.get("calls", [])
    part: list[dict[str, Any]] = calls[(number - 1) * a_round : number * a_round]
    return part


def _explain_round(
    exercise: ServerExercise,
    number: int,
    weights: Any,
    calls: list[dict[str, Any]],
    before: Any,
    right: Any,
    unequal: bool,
) -> None:
    """Fail with the likeliest reason, found from what the submission's own clients sent."""
    seen = f"After round {number} the model of {exercise.name} has other weights than with {exercise.unusable} and the same arguments."
    expected = "the same weights, up to rounding"
    # Only unequal clients tell a plain mean from a weighted one.
    sent = [call["sent"] for call in calls] if unequal else []
    if match_tensors(weights, combine_tensors((2.0, before), (-1.0, right)), before):
        fail(f"{seen} It moved in the opposite direction.", expected, "check the sign of the server's step.")
    if sent and exercise is GRAD and match_tensors(weights, _subtract_mean(before, sent), before):
        fail(
            f"{seen} It took the plain mean of the clients' updates.",
            expected,
            "weight each client by its number of samples.",
        )
    if (
        sent
        and exercise is WEIGHT
        and match_tensors(weights, combine_tensors(*((1 / len(sent), part) for part in sent)), before)
    ):
        fail(
            f"{seen} It took the plain mean of the clients' weights.",
            expected,
            "weight each client by its number of samples.",
        )
    if match_tensors(weights, before):
        fail(
            f"{seen} It did not move in this round.",
            expected,
            "bring the aggregate into `self.model` in every round.",
        )
    fail(
        seen,
        expected,
        "check the clients' batch size and local epochs, the weighting by samples, each client's seed (seed + index + 1 + round × clients a "
        "round), and that clients are drawn once a round with `self.rng`.",
    )


def _subtract_mean(before: Any, sent: list[Any]) -> Any:
    return combine_tensors((1.0, before), *((-1 / len(sent), part) for part in sent))


@pytest.mark.parametrize("exercise", [mark(exercise) for exercise in SERVERS])
def test_what_a_client_sends(
    submission: Submission, references: References, grading_seed: int, exercise: ServerExercise
) -> None:
    """A client sends what the exercise asks for, for any weights it gets."""
    question = ask_for_update(exercise, grading_seed)
    seen = observe(submission, question)
    expected = references.ask(question.function, question.arguments)
    sent, right, received = seen.get("sent"), expected["sent"], expected["received"]
    if exercise is GRAD and not str(seen.get("class", "")).endswith("FedAvgGradServer.PseudoGradClient"):
        fail(
            f"The clients of FedAvgGradServer are of the class {seen.get('class')!r}.",
            "clients of the nested class FedAvgGradServer.PseudoGradClient",
            "make `self.clients` in `__init__` from the nested class.",
        )
    start = received if exercise is WEIGHT else None
    if not match_tensors(sent, right, start):
        _explain_sent(exercise, sent, right, received, question.arguments["arguments"]["lr"])
    if not match_tensors(seen.get("again"), right, start):
        fail(
            f"A client of {exercise.name}, asked twice for an update of the same weights with the same seed, answers differently.",
            "the same answer: an update depends on the weights and the seed alone",
            "set the client's model to the received weights, and seed torch, at the start of every update.",
        )


def _explain_sent(exercise: ServerExercise, sent: Any, right: Any, received: Any, lr: float) -> None:
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
    if match_tensors(sent, received):
        fail(
            f"{seen} It sends the weights that it got.",
            wanted,
            "train the client's own model before answering.",
        )
    fail(
        seen,
        f"{wanted}, one tensor for each of the model's parameters",
        "check the batch size, the number of local epochs, the learning rate and the seed of `update`.",
    )


@pytest.mark.parametrize("exercise", [mark(exercise) for exercise in SERVERS])
def test_result(
    submission: Submission, references: References, grading_seed: int, exercise: ServerExercise
) -> None:
    """The RunResult has the messages, accuracies and times of every round."""
    question = ask_for_run(exercise, grading_seed, "unequal")
    seen = observe(submission, question).get("result", {})
    expected = references.ask(question.function, question.arguments)["result"]
    rounds = question.arguments["nr_rounds"]
    for field in ("message_count", "test_accuracy", "wall_time"):
        values = seen.get(field)
        if (
            not isinstance(values, list)
            or len(values) != rounds
            or not all(is_number(v) and math.isfinite(v) for v in values)
        ):
            fail(
                f"{field} of {exercise.name} is {str(values)[:80]} after {rounds} rounds.",
                f"{rounds} finite numbers, one a round",
                "append to it in every round.",
            )
    if seen["message_count"] != expected["message_count"]:
        _explain_messages(exercise, seen["message_count"], expected["message_count"])
    if any(
        abs(a - b) > _ACCURACY_TOLERANCE
        for a, b in zip(seen["test_accuracy"], expected["test_accuracy"], strict=True)
    ):
        fail(
            f"test_accuracy of {exercise.name} is {seen['test_accuracy']}.",
            "the accuracy on the test set after each round, in percent",
            "append `self.test()` after the model was updated.",
        )
    if any(value < 0 for value in seen["wall_time"]):
        fail(
            f"wall_time of {exercise.name} has negative values.",
            "seconds",
            "subtract the start from the end.",
        )


# Two of the 150 test images: rounding may decide a close one.
_ACCURACY_TOLERANCE = 100 * 2 / 150 + 1e-6


def _explain_messages(exercise: ServerExercise, seen: list[Any], expected: list[Any]) -> None:
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
