"""What is wrong with the result that a server's run returns."""

from __future__ import annotations

import math
from typing import Any

from grader import Failure, is_number
from public_tests.server_runs import (
    GRAD,
    ServerEvidence,
    nothing_returned,
    other_result,
    times_missing,
    values_missing,
)

from .weights import is_wrong


def other_parameters(evidence: ServerEvidence) -> Failure | None:
    """The result does not name the server's own parameters, as A1.3 asks for.

    A server that works with others than it was made with has wrong weights, which is told there: its result need not name those.
    """
    own = evidence.read("own")
    kept = own if isinstance(own, dict) and is_wrong(evidence) else {}
    for field in ("n", "c", "b", "e", "lr", "seed") if evidence.exercise is GRAD else ():
        seen, right = evidence.result.get(field), evidence.right["result"][field]
        is_right = is_number(seen) and math.isclose(seen, right, abs_tol=1e-9)
        if not is_right and (seen is None or kept.get(field) != seen):
            return Failure(
                f"{field} of the RunResult of {evidence.exercise.name} is {str(seen)[:80]}.",
                f"the {field} that the server was made with",
                "let the server use what it was made with, and give RunResult its values in the order name, n, c, b, e, lr, seed, wall_time, "
                "message_count, test_accuracy.",
            )
    return None


def other_messages(evidence: ServerEvidence) -> Failure | None:
    """The message counts differ; without any, others have said so."""
    seen, right = evidence.result.get("message_count"), evidence.right["result"]["message_count"]
    # Another number of clients, which a check of the weights tells, makes another number of messages.
    asked = [2 * len(each.calls) * each.number for each in evidence.rounds]
    if not isinstance(seen, list) or seen == right or (seen == asked and is_wrong(evidence)):
        return None
    per_round = [after - before for before, after in zip([0, *right], right, strict=False)]
    if seen == per_round:
        advice = "add each round's messages to those of the rounds before: the count is cumulative."
    elif all(map(is_number, seen)) and [2 * value for value in seen] == right:
        advice = "count both directions: a chosen client gets one message and sends one."
    else:
        advice = "count two messages for each chosen client, added up over the rounds."
    return Failure(
        f"message_count of {evidence.exercise.name} is {str(seen)[:80]}.",
        "the messages sent since the start, after each round",
        advice,
    )


# Two of the 150 test images: rounding may decide a close one.
_ACCURACY_TOLERANCE = 100 * 2 / 150 + 1e-6


def other_accuracies(evidence: ServerEvidence) -> Failure | None:
    """An accuracy is not that of the server's own model after the round.

    Another check compares the model with the reference's: wrong weights that are tested rightly lose no points twice.
    """
    told = seen = evidence.result["test_accuracy"]
    own = [each.calls[0].get("accuracy") for each in evidence.rounds[1:]] + [evidence.read("accuracy")]
    measured = [value for value in own if is_number(value)]
    wanted = measured if len(measured) == len(seen) else evidence.right["result"]["test_accuracy"]
    if evidence.asks_elsewhere and evidence.ends_wrong and measured:  # only the last weights are known
        seen, wanted = seen[-1:], measured[-1:]
    if all(abs(a - b) <= _ACCURACY_TOLERANCE for a, b in zip(seen, wanted, strict=True)):
        return None
    return Failure(
        f"test_accuracy of {evidence.exercise.name} is {told}.",
        "the accuracy on the test set after each round, in percent",
        "append `self.test()` after the model was updated.",
    )


_CLOCK_S = 0.02  # some clocks go in steps


def odd_times(evidence: ServerEvidence) -> Failure | None:
    """What is to be remarked of the times, which depend on the machine and decide nothing that the exercise asks for."""
    if (nothing_returned(evidence) or other_result(evidence)) is not None:
        return None
    return times_missing(evidence) or times_not_added_up(evidence)


def times_not_added_up(evidence: ServerEvidence) -> Failure | None:
    """A round does not add the time of its slowest client, at least: a client's own seconds are those of its processor."""
    times = evidence.result["wall_time"]
    steps = [after - before for before, after in zip([0.0, *times], times, strict=False)]
    slowest = [max(map(_read_seconds, each.calls)) for each in evidence.rounds] or [0.0] * len(steps)
    if all(step > max(0.0, 0.9 * least - _CLOCK_S) for step, least in zip(steps, slowest, strict=True)):
        return None
    return Failure(
        f"wall_time of {evidence.exercise.name} is {[round(value, 3) for value in times]}, which does not grow by the time of each round.",
        "seconds since the start of the run, after each round: those of its slowest client and of the server, added up",
        "add each round's seconds to those of the rounds before.",
    )


def _read_seconds(call: Any) -> float:
    seconds = call.get("seconds")
    return seconds if is_number(seconds) and math.isfinite(seconds) else 0.0


WRONG_RESULT = (
    nothing_returned,
    other_result,
    values_missing,
    other_parameters,
    other_messages,
    other_accuracies,
)
