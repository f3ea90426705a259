"""A1: the servers' weights after every round, what every client sent, and the results, against the reference."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from grader import Submission, fail, is_number, match_tensors

from .questions import GRAD, KINDS, SERVERS, WEIGHT, Question, ServerExercise, ask_for_run, ask_for_update
from .reference_runs import References
from .server_diagnoses import (
    explain_changed,
    explain_draws,
    explain_messages,
    explain_plain_mean,
    explain_round,
    explain_sent,
    explain_start,
    split_calls,
)

Observe = Callable[[Question], dict[str, Any]]

_POINTS = 0.25  # each of the four checks of an exercise


def mark(exercise: ServerExercise, *values: Any) -> Any:
    label = "-".join(str(value) for value in (exercise.name, *values))
    return pytest.param(exercise, *values, id=label, marks=pytest.mark.exercise(exercise.id, points=_POINTS))


@pytest.fixture(scope="session")
def observe(submission: Submission) -> Observe:
    """What the submission's class answers to a question; each is put once, for all checks."""
    known: dict[str, dict[str, Any]] = {}

    def ask(question: Question) -> dict[str, Any]:
        key = json.dumps([question.tag, question.function, question.arguments], sort_keys=True)
        if key not in known:
            found = submission.observe(
                question.tag,
                "servers",
                question.function,
                question.arguments,
                _describe(question),
                on_error={"Unfinished": _say_unfinished(question)},
            )
            known[key] = found if isinstance(found, dict) else {}
        return known[key]

    return ask


def _say_unfinished(question: Question) -> tuple[str, str]:
    """What is expected of a server without clients, and what to do."""
    return (
        "a server whose self.clients has a client for each of client_subsets",
        f"write the methods of {question.name} in the cell tagged {question.tag!r}; the handout says what they do.",
    )


def _describe(question: Question) -> str:
    shown = ", ".join(f"{key}={value}" for key, value in question.arguments["arguments"].items())
    rounds = f".run({question.arguments['nr_rounds']})" if "nr_rounds" in question.arguments else ""
    return f"{question.name}({shown}){rounds}"


@pytest.mark.parametrize(
    ("exercise", "kind"), [mark(exercise, kind) for exercise in SERVERS for kind in KINDS]
)
def test_weights_after_each_round(
    observe: Observe, references: References, grading_seed: int, exercise: ServerExercise, kind: str
) -> None:
    """The model's weights after each round are the reference's."""
    question = ask_for_run(exercise, grading_seed, kind)
    nr_rounds = question.arguments["nr_rounds"]
    seen = observe(question)
    expected = references.ask(question.function, question.arguments)
    calls = split_calls(seen, nr_rounds)
    before = expected["calls"][0]["received"]
    sizes = question.arguments["clients"].get("sizes")
    right_rounds = _list_weights(expected, nr_rounds)
    for number, (weights, right) in enumerate(
        zip(_list_weights(seen, nr_rounds), right_rounds, strict=False), start=1
    ):
        if not match_tensors(weights, right, before):
            explain_start(exercise, seen, expected)
            explain_draws(exercise, seen, expected, nr_rounds)
            explain_round(exercise, number, weights, calls[number - 1], before, right, sizes)
        before = right
        if sizes is not None:
            explain_plain_mean(exercise, number, weights, calls[number - 1], sizes)
    if not match_tensors(seen.get("weights"), expected["weights"], expected["calls"][0]["received"]):
        explain_start(exercise, seen, expected)
        explain_draws(exercise, seen, expected, nr_rounds)
        fail(
            f"The model of {exercise.name} has wrong weights after the last round.",
            f"the weights that {exercise.unusable} reaches with the same arguments",
            "check that `self.model` holds the aggregate after every round, the last one too.",
        )
    if kind == "unequal":
        _check_few(observe, references, grading_seed, exercise)


def _check_few(observe: Observe, references: References, grading_seed: int, exercise: ServerExercise) -> None:
    """Where C·N is less than a half, one client takes part; and where the batch size is -1, a batch has all samples."""
    question = ask_for_run(exercise, grading_seed, "few")
    seen = observe(question)
    expected = references.ask(question.function, question.arguments)
    if len(seen.get("calls") or []) != len(expected["calls"]):
        fail(
            f"{_describe(question)} asks {len(seen.get('calls') or [])} clients in {question.arguments['nr_rounds']} rounds.",
            "max(1, round(C·N)) clients a round",
            "let at least one client take part, however small C is.",
        )
    if not match_tensors(seen.get("weights"), expected["weights"], expected["calls"][0]["received"]):
        fail(
            f"{_describe(question)} ends with wrong weights.",
            f"the weights that {exercise.unusable} reaches with the same arguments",
            "with one client a round the mean is that client's answer; and a batch size of -1 stands for all of its samples.",
        )


def _list_weights(run: dict[str, Any], nr_rounds: int) -> list[Any]:
    """The weights after each round: what the first client of the next round got, and the model's at the end."""
    rounds = split_calls(run, nr_rounds)
    return [calls[0].get("received") for calls in rounds[1:]] + [run.get("weights")] * bool(rounds)


@pytest.mark.parametrize("exercise", [mark(exercise) for exercise in SERVERS])
def test_what_a_client_sends(
    submission: Submission,
    observe: Observe,
    references: References,
    grading_seed: int,
    exercise: ServerExercise,
) -> None:
    """A client sends what the exercise asks for, for any weights it gets."""
    question = ask_for_update(exercise, grading_seed)
    seen = observe(question)
    expected = references.ask(question.function, question.arguments)
    received, rate = expected["received"], question.arguments["arguments"]["lr"]
    if exercise is GRAD and not str(seen.get("class", "")).endswith("FedAvgGradServer.PseudoGradClient"):
        fail(
            f"The clients of FedAvgGradServer are of the class {seen.get('class')!r}.",
            "clients of the nested class FedAvgGradServer.PseudoGradClient",
            "make `self.clients` in `__init__` from the nested class.",
        )
    _flag_borrowed(submission, exercise, question)
    start = received if exercise is WEIGHT else None
    for answer in ("sent", "first"):
        if not match_tensors(seen.get(answer), expected[answer], start):
            explain_changed(exercise, seen)
            explain_sent(exercise, seen.get(answer), expected[answer], received, rate)
    if not match_tensors(seen.get("again"), expected["again"], start):
        explain_changed(exercise, seen)
        fail(
            f"A client of {exercise.name}, asked twice for an update of the same weights with the same seed, answers differently.",
            "the same answer: an update depends on the weights and the seed alone",
            "set the client's model to the received weights, and seed torch, at the start of every update.",
        )


def _flag_borrowed(submission: Submission, exercise: ServerExercise, question: Question) -> None:
    """Have a person look at a class whose parts hand their work to the server that it should do without."""
    asked = {key: question.arguments[key] for key in ("name", "arguments", "clients", "unusable")}
    signs = submission.observe(exercise.tag, "integrity", "find_borrowed", asked, f"{exercise.name}(…)")
    for sign in signs if isinstance(signs, list) else ["the list of borrowed parts was replaced"]:
        submission.flag(str(sign)[:200])


@pytest.mark.parametrize("exercise", [mark(exercise) for exercise in SERVERS])
def test_result(
    observe: Observe, references: References, grading_seed: int, exercise: ServerExercise
) -> None:
    """The RunResult has the messages, accuracies and times of every round."""
    question = ask_for_run(exercise, grading_seed, "unequal")
    seen = observe(question)
    result = seen.get("result", {})
    expected = references.ask(question.function, question.arguments)["result"]
    rounds = question.arguments["nr_rounds"]
    if result.get("returned") == "NoneType":
        fail(
            f"run({rounds}) of {exercise.name} returns None (is a return missing?).",
            "a RunResult",
            "fill a RunResult round by round, and return it at the end of run().",
        )
    for field in ("message_count", "test_accuracy", "wall_time"):
        values = result.get(field)
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
    _check_parameters(exercise, result, expected)
    if result["message_count"] != expected["message_count"]:
        explain_messages(exercise, result["message_count"], expected["message_count"])
    _check_accuracies(exercise, seen, result["test_accuracy"], expected["test_accuracy"])
    _check_messages(observe, references, grading_seed, exercise)
    _check_times(exercise, result["wall_time"], split_calls(seen, rounds))


def _check_messages(
    observe: Observe, references: References, grading_seed: int, exercise: ServerExercise
) -> None:
    """Also where C·N is rounded down. Fails only where a submission has a count for each round."""
    question = ask_for_run(exercise, grading_seed, "non-iid")
    seen = observe(question).get("result", {}).get("message_count")
    expected = references.ask(question.function, question.arguments)["result"]["message_count"]
    if isinstance(seen, list) and seen != expected:
        explain_messages(exercise, seen, expected)


def _check_times(exercise: ServerExercise, times: list[float], calls: list[list[dict[str, Any]]]) -> None:
    """Fail unless each round adds the time of its slowest client, at least: a client's own seconds are those of its processor."""
    steps = [after - before for before, after in zip([0.0, *times], times, strict=False)]
    slowest = [max(map(_read_seconds, of_round)) for of_round in calls]
    if len(slowest) != len(steps):  # the calls can't be divided into rounds
        slowest = [0.0] * len(steps)
    if any(step <= max(0.0, 0.9 * least - _CLOCK_S) for step, least in zip(steps, slowest, strict=True)):
        fail(
            f"wall_time of {exercise.name} is {[round(value, 3) for value in times]}, which does not grow by the time of each round.",
            "seconds since the start of the run, after each round: those of its slowest client and of the server, added up",
            "add each round's seconds to those of the rounds before.",
        )


_CLOCK_S = 0.02  # some clocks go in steps


def _read_seconds(call: Any) -> float:
    seconds = call.get("seconds") if isinstance(call, dict) else None
    return seconds if is_number(seconds) and math.isfinite(seconds) else 0.0


def _check_parameters(exercise: ServerExercise, result: dict[str, Any], expected: dict[str, Any]) -> None:
    """Fail unless the result names the server's own parameters.

    How FedSGD's infinite batch size is written is left to the submission.
    """
    for field in ("n", "c", "e", "lr", "seed", *(("b",) if exercise is GRAD else ())):
        seen, right = result.get(field), expected[field]
        if not is_number(seen) or not math.isclose(seen, right, abs_tol=1e-9):
            fail(
                f"{field} of the RunResult of {exercise.name} is {str(seen)[:80]}.",
                f"{field} = {right}, as the server was made",
                "let the server use what it was made with, and give RunResult its values in the order name, n, c, b, e, lr, seed, wall_time, "
                "message_count, test_accuracy.",
            )


# Two of the 150 test images: rounding may decide a close one.
_ACCURACY_TOLERANCE = 100 * 2 / 150 + 1e-6


def _check_accuracies(
    exercise: ServerExercise, seen: dict[str, Any], accuracies: list[float], reference: list[float]
) -> None:
    """Fail unless each accuracy is that of the server's own model after the round.

    Another check compares the model with the reference's: wrong weights that are tested rightly lose no points twice.
    """
    own = [calls[0].get("accuracy") for calls in split_calls(seen, len(accuracies))[1:]] + [
        seen.get("accuracy")
    ]
    measured: list[float] = [value for value in own if is_number(value)]
    wanted = measured if len(measured) == len(accuracies) else reference
    if any(abs(a - b) > _ACCURACY_TOLERANCE for a, b in zip(accuracies, wanted, strict=True)):
        fail(
            f"test_accuracy of {exercise.name} is {accuracies}.",
            "the accuracy on the test set after each round, in percent",
            "append `self.test()` after the model was updated.",
        )
