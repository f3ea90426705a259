"""The likeliest reason why a server differs from the reference, found from what its own clients were sent and answered.

Each diagnosis is a pure function. Of a tuple the first one that recognises the mistake says it, so what explains most comes first: where a
run began and whom it asked before how it moved, and what a client sends before how it came by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from grader import Failure, is_number, withhold
from public_tests.batches import count, has_right_batches
from public_tests.digests import Digest, combine_tensors, compare_directions, is_like, match_tensors
from public_tests.server_runs import (
    GRAD,
    WEIGHT,
    Round,
    ServerEvidence,
    ServerExercise,
    nothing_returned,
    other_result,
    times_missing,
    values_missing,
)

from .training import OTHER_TRAINING

_ONE_DRAW = "self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)"
_SEED = "each client's seed (seed + index + 1 + round × clients per round)"
# Rounding alone, where no training lies between: clients' own answers are combined, or nothing moved at all.
_EXACT = 0.002


# --- the weights after each round -------------------------------------------------------------------------------------------------------


def wrong_elsewhere(evidence: ServerEvidence) -> Failure | None:
    """Wrong weights, and nothing is known of what the clients did."""
    if not evidence.asks_elsewhere or not evidence.ends_wrong:
        return None
    return Failure(
        f"{evidence.question.shown} ends with wrong weights. It asks clients in other processes, where what they get and send is not seen.",
        f"the weights that {evidence.exercise.given} reaches with the same arguments",
        "ask the clients one after the other in run(), without other processes, in the cell tagged "
        f"{evidence.exercise.tag!r}: then the checks can say what is wrong.",
    )


def other_start(evidence: ServerEvidence) -> Failure | None:
    """The first round started from other weights than the reference's."""
    first = next(iter(evidence.calls), None)
    if not is_wrong(evidence) or first is None or match_tensors(first.get("received"), evidence.start):
        return None
    return Failure(
        f"{evidence.exercise.name} starts from other weights than {evidence.exercise.given} with the same seed.",
        "the weights of a model that is made right after torch was seeded with the server's seed",
        "pass `seed` on to the constructor of the class that yours derives from, and keep the model that it makes.",
    )


def other_number_of_updates(evidence: ServerEvidence) -> Failure | None:
    seen, right = len(evidence.calls), len(evidence.right["calls"])
    if not is_wrong(evidence) or seen == right:
        return None
    accuracies, per_round = evidence.result.get("test_accuracy"), right // evidence.nr_rounds
    rounds = len(accuracies) if isinstance(accuracies, list) else evidence.nr_rounds
    if rounds != evidence.nr_rounds and seen == rounds * per_round:
        return Failure(
            f"run({evidence.nr_rounds}) of {evidence.exercise.name} goes through {count(rounds, 'round')}.",
            f"exactly {evidence.nr_rounds} rounds",
            "let run() go through `range(nr_rounds)`, and each round ask the clients of one draw once.",
        )
    return Failure(
        f"{evidence.exercise.name} asked for {count(seen, 'update')} of clients in {evidence.nr_rounds} rounds.",
        f"{withhold(f'{right // evidence.nr_rounds} updates', 'updates')} per round from max(1, round(C·N)) clients, each asked once",
        "ask the clients of one draw per round; `self.nr_clients_per_round` says how many.",
    )


def other_clients(evidence: ServerEvidence) -> Failure | None:
    """In some round other clients were asked, whatever their order."""
    size = len(evidence.right["calls"]) // evidence.nr_rounds
    for each in evidence.rounds if is_wrong(evidence) else ():
        begin = size * (each.number - 1)
        asked, right = map(_list_clients, (each.calls, evidence.right["calls"][begin : begin + size]))
        if asked != right:
            return Failure(
                f"In round {each.number} {evidence.exercise.name} asked the clients {', '.join(asked)}.",
                "the clients that one draw per round gives, from the generator that was made with the server's seed",
                f"draw once in every round, with `{_ONE_DRAW}`.",
            )
    return None


def other_sent(evidence: ServerEvidence) -> Failure | None:
    """The clients of a round were sent different weights, as by a server that changes its model between them."""
    for each in evidence.rounds if is_wrong(evidence) else ():
        received: list[Any] = [call.get("received") for call in each.calls]
        first, *others = received
        if is_like(first, evidence.start) and not all(match_tensors(other, first) for other in others):
            return Failure(
                f"In round {each.number} the clients of {evidence.exercise.name} do not all get the same weights.",
                "the weights that the model has at the beginning of the round, for each of its clients",
                "copy the model's weights once per round, and change the model only after the last client has answered.",
            )
    return None


def opposite_direction(evidence: ServerEvidence) -> Failure | None:
    wrong = evidence.wrong_round
    if wrong is None:
        return None
    opposite = combine_tensors((2.0, wrong.before), (-1.0, wrong.right))
    if not match_tensors(wrong.weights, opposite, wrong.before):
        return None
    return _blame_round(
        evidence, wrong, " It moved in the opposite direction.", "check the sign of the server's step."
    )


def plain_mean(evidence: ServerEvidence) -> Failure | None:
    """In some round, up to the first that is wrong, the weights are the plain mean of what the clients sent.

    Where clients have nearly equal sizes, that makes too little difference to be seen from the weights alone.
    """
    last = evidence.wrong_round.number if evidence.wrong_round else evidence.nr_rounds
    what = "updates" if evidence.exercise is GRAD else "weights"
    for each in evidence.rounds[:last]:
        if _is_plain_mean(evidence, each):
            return _blame_round(
                evidence,
                each,
                f" It took the plain mean of the clients' {what}.",
                "weight each client by its number of samples.",
                expected="the mean weighted by the clients' numbers of samples",
            )
    return None


def no_move(evidence: ServerEvidence) -> Failure | None:
    wrong = evidence.wrong_round
    if wrong is None or not match_tensors(wrong.weights, wrong.before, wrong.right, _EXACT):
        return None
    return _blame_round(
        evidence,
        wrong,
        " It did not move in this round.",
        "bring the aggregate into `self.model` in every round.",
    )


def other_training(evidence: ServerEvidence) -> Failure | None:
    """The weights are wrong, and a client trained in another way than it should."""
    return _find_other_training(evidence) if is_wrong(evidence) else None


def _find_other_training(evidence: ServerEvidence) -> Failure | None:
    return next((failure for diagnose in OTHER_TRAINING if (failure := diagnose(evidence))), None)


def other_mean(evidence: ServerEvidence) -> Failure | None:
    """What the clients sent is right, but not what the server made of it."""
    wrong = evidence.wrong_round
    if wrong is None or not _has_right_answers(evidence, wrong.number):
        return None
    return _blame_round(
        evidence,
        wrong,
        " What its clients sent in this round is right.",
        "check what the server makes of it: each client's share is its number of samples divided by that of all clients of the round, and "
        "the model is changed once, after the last of them.",
    )


def other_answers_later(evidence: ServerEvidence) -> Failure | None:
    """The first round is right, and a client's answer in a later one is wrong."""
    wrong = evidence.wrong_round
    if wrong is None or wrong.number == 1:
        return None
    return _blame_round(
        evidence,
        wrong,
        " The rounds before are right.",
        f"check what changes from round to round: {_SEED}, with rounds counted from 0, and the weights that each update starts from.",
    )


def other_weights(evidence: ServerEvidence) -> Failure | None:
    if evidence.wrong_round is None:
        return None
    known = has_right_batches(evidence)
    return _blame_round(
        evidence,
        evidence.wrong_round,
        " The number and the size of its clients' batches are right." if known else "",
        f"check the learning rate, {'' if known else 'the batch size and the number of local epochs, '}that the optimizer is plain SGD, and "
        f"that torch is seeded before each update, with {_SEED}.",
    )


def _has_right_answers(evidence: ServerEvidence, number: int) -> bool:
    """Whether all clients of a round sent what the reference's did. Only where the reference's clients send the same kind of thing."""
    size = len(evidence.right["calls"]) // evidence.nr_rounds
    right = {
        str(call["client"]): call for call in evidence.right["calls"][size * (number - 1) : size * number]
    }
    pairs = [(call.get("sent"), right[str(call["client"])]) for call in evidence.rounds[number - 1].calls]
    return all(
        match_tensors(sent, each["sent"], each["received"] if evidence.exercise is WEIGHT else None)
        for sent, each in pairs
    )


def _list_clients(calls: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted((str(call["client"]) for call in calls), key=lambda name: (len(name), name))


def is_wrong(evidence: ServerEvidence) -> bool:
    """Whether any weights are wrong. Whoever reaches the right ones may have asked as they like."""
    return evidence.wrong_round is not None or (not evidence.rounds and evidence.ends_wrong)


def _blame_round(
    evidence: ServerEvidence,
    wrong: Round,
    how: str,
    advice: str,
    expected: str = "the same weights, up to rounding",
) -> Failure:
    return Failure(
        f"After round {wrong.number} the model of {evidence.exercise.name} has other weights than with {evidence.exercise.given} and the "
        f"same arguments.{how}",
        expected,
        advice,
    )


def _is_plain_mean(evidence: ServerEvidence, each: Round) -> bool:
    """Whether the weights are the plain mean of what the clients sent. If all sent the same, or nothing, every mean is the same."""
    sizes = evidence.question.arguments["clients"].get(
        "sizes", ()
    )  # only where they differ do the means differ
    counts = [sizes[call["client"]] for call in each.calls if call["client"] in range(len(sizes))]
    before: Any = each.calls[0].get("received")
    sent: list[Any] = [call.get("sent") for call in each.calls]
    if len(counts) < len(sent) or not all(is_like(digest, evidence.start) for digest in (before, *sent)):
        return False
    plain = _apply_mean(evidence.exercise, before, sent, [1 / len(sent)] * len(sent))
    weighted = _apply_mean(evidence.exercise, before, sent, [count / sum(counts) for count in counts])
    return match_tensors(each.weights, plain, before, _EXACT) and not match_tensors(
        each.weights, weighted, before, _EXACT
    )


def find_decoys(evidence: ServerEvidence) -> list[str]:
    """Signs that right weights do not come from what the server's own clients sent in the run, for a person to look at."""
    name = evidence.exercise.name
    sizes = evidence.question.arguments["clients"].get("sizes", ())
    if evidence.wrong_round is not None or evidence.ends_wrong or not sizes or evidence.asks_elsewhere:
        return []
    if not evidence.calls:
        return [f"{name} reaches the right weights without asking its clients"]
    for each in evidence.rounds:
        counts = [sizes[call["client"]] for call in each.calls if call["client"] in range(len(sizes))]
        before: Any = each.calls[0].get("received")
        sent: list[Any] = [call.get("sent") for call in each.calls]
        if len(counts) < len(sent) or not all(is_like(digest, evidence.start) for digest in (before, *sent)):
            continue
        mean = _apply_mean(evidence.exercise, before, sent, [count / sum(counts) for count in counts])
        if not match_tensors(each.weights, mean, before):
            return [
                f"the right weights of {name} after round {each.number} are not the mean of what its clients sent"
            ]
    return []


def _apply_mean(
    exercise: ServerExercise, before: Digest, sent: Sequence[Digest], shares: Sequence[float]
) -> Digest:
    if exercise is WEIGHT:
        return combine_tensors(*zip(shares, sent, strict=True))
    return combine_tensors((1.0, before), *((-share, part) for share, part in zip(shares, sent, strict=True)))


# What the server does by itself, whatever its clients send.
WRONG_SERVER = (wrong_elsewhere, other_start, other_number_of_updates, other_clients, other_sent, plain_mean)
WRONG_WEIGHTS = (
    *WRONG_SERVER,
    opposite_direction,
    no_move,
    other_training,
    other_mean,
    other_answers_later,
    other_weights,
)


# --- few clients, of which none would take part ------------------------------------------------------------------------------------------


def other_number_of_few(evidence: ServerEvidence) -> Failure | None:
    if len(evidence.calls) == len(evidence.right["calls"]) or evidence.asks_elsewhere:
        return None
    return Failure(
        f"{evidence.question.shown} asks {count(len(evidence.calls), 'client')} in {evidence.nr_rounds} rounds.",
        "max(1, round(C·N)) clients per round",
        "let at least one client take part, however small C is.",
    )


def other_weights_of_few(evidence: ServerEvidence) -> Failure | None:
    if not evidence.ends_wrong:
        return None
    return Failure(
        f"{evidence.question.shown} ends with wrong weights.",
        f"the weights that {evidence.exercise.given} reaches with the same arguments",
        "with one client per round the mean is that client's answer; and a batch size of -1 stands for all of its samples.",
    )


WRONG_SERVER_OF_FEW = (wrong_elsewhere, other_number_of_few, other_clients)
WRONG_WITH_FEW_CLIENTS = (*WRONG_SERVER_OF_FEW, other_training, other_weights_of_few)


# --- what a client sends ----------------------------------------------------------------------------------------------------------------


def client_beside_server(evidence: ServerEvidence) -> Failure | None:
    nested = "FedAvgGradServer.PseudoGradClient"
    if evidence.exercise is not GRAD or str(evidence.read("class")).endswith(nested):
        return None
    return Failure(
        f"The clients of FedAvgGradServer are of the class {evidence.read('class')!r}.",
        f"clients of the nested class {nested}",
        "make `self.clients` in `__init__` from the nested class.",
    )


def received_weights_changed(evidence: ServerEvidence) -> Failure | None:
    """The client changed the tensors that it was given, and an answer is wrong."""
    wrong = [key for key in ("sent", "first", "again") if _is_sent_wrong(evidence, key)]
    if not wrong or evidence.read("changed") is not True:
        return None
    return Failure(
        f"A client of {evidence.exercise.name} changes the tensors that it gets, so whoever uses them after it finds other weights.",
        "a client that leaves the received weights as they are",
        "copy them into the client's own model, as in `own.data = received.detach().clone()` for each parameter.",
    )


def other_kind(evidence: ServerEvidence) -> Failure | None:
    """The client sends what the given server's clients do, or what goes with it, instead of what the exercise is about.

    Weights after training are still like those before it; gradients and differences of weights are not. So the kind is known also of what a
    client computes in another way than the reference's, such as with other seeds.
    """
    sent, right = _find_wrong_message(evidence)
    if right is None or not _is_other_kind(evidence.exercise, sent, evidence.right["received"]):
        return None
    return other_message(evidence) or _blame_kind(evidence.exercise)


def other_kind_in_run(evidence: ServerEvidence) -> Failure | None:
    """The same of what the clients send in a run, whose weights are more or less the reference's."""
    for each in evidence.calls:
        if _is_other_kind(evidence.exercise, each.get("sent"), evidence.start):
            return _blame_kind(evidence.exercise)
    return None


def _is_other_kind(exercise: ServerExercise, sent: Any, received: Digest) -> bool:
    is_weight = exercise is WEIGHT
    if not is_like(sent, received) or _may_be_meant(sent, received, is_weight=is_weight):
        return False
    return any(any(part["entries"]) for part in sent)  # all zero is nothing at all


def _blame_kind(exercise: ServerExercise) -> Failure:
    what = (
        "nothing like the weights that it got: gradients, perhaps, or differences of weights"
        if exercise is WEIGHT
        else "weights"
    )
    return _blame_message(
        exercise, f" It sends {what}.", f"return {_name_message(exercise)} from the client's `update`."
    )


def _may_be_meant(sent: Digest, received: Digest, *, is_weight: bool) -> bool:
    """Whether what was sent may be of the kind asked for, though computed in another way, such as from the client's own weights."""
    cosine, length = compare_directions(sent, received)
    return (cosine > 0.5 or 0.5 < length < 2) if is_weight else cosine < 0.9


def other_message(evidence: ServerEvidence) -> Failure | None:
    """The client sends what another algorithm would."""
    name, exercise = _name_sent(evidence), evidence.exercise
    if name is None:
        return None
    if name == _UNTRAINED:
        return _blame_message(
            exercise, f" It sends {name}.", "train the client's own model before answering."
        )
    wanted = _name_message(exercise)
    return _blame_message(exercise, f" It sends {name}.", f"return {wanted} from the client's `update`.")


_MOVES = ("its old weights minus its new ones", "its new weights minus its old ones")
_GRADIENTS = {WEIGHT: "gradients", GRAD: "its old weights minus its new ones, divided by the learning rate"}
_UNTRAINED = "the weights that it got"


def _name_sent(evidence: ServerEvidence) -> str | None:
    """What a wrong message is, where that is known."""
    sent, right = _find_wrong_message(evidence)
    if right is None:
        return None
    exercise, received = evidence.exercise, evidence.right["received"]
    moved = right if exercise is GRAD else combine_tensors((1.0, received), (-1.0, right))
    alternatives: dict[str, tuple[Digest, Digest | None]] = {
        _GRADIENTS[exercise]: (
            combine_tensors((1 / evidence.question.arguments["arguments"]["lr"], moved)),
            None,
        ),
        _MOVES[0]: (moved, None),
        _MOVES[1]: (combine_tensors((-1.0, moved)), None),
        "its new weights": (combine_tensors((1.0, received), (-1.0, moved)), received),
    }
    wanted = _name_message(exercise)
    for name, (digest, start) in alternatives.items():
        if name != wanted and match_tensors(sent, digest, start):
            return name
    trained = combine_tensors((1.0, received), (-1.0, moved))
    return _UNTRAINED if match_tensors(sent, received, trained, _EXACT) else None


def other_training_for_update(evidence: ServerEvidence) -> Failure | None:
    """The client that has most samples trained in another way than it should."""
    _, right = _find_wrong_message(evidence)
    return _find_other_training(evidence) if right is not None else None


def other_than_trained(evidence: ServerEvidence) -> Failure | None:
    """The client's own model has the right weights after its training, but that is not what it sends."""
    received, exercise = evidence.right["received"], evidence.exercise
    right = evidence.right["sent"]
    trained = right if exercise is WEIGHT else combine_tensors((1.0, received), (-1.0, right))
    if not _is_sent_wrong(evidence, "sent") or not match_tensors(evidence.read("trained"), trained, received):
        return None
    wanted = _name_message(exercise)
    return _blame_message(
        exercise,
        " Its training is right: afterwards its own model has the right weights.",
        f"return {wanted}, where the old ones are those that it got, and the new ones those after its last epoch."
        if exercise is GRAD
        else f"return {wanted} from the client's `update`.",
    )


def other_update(evidence: ServerEvidence) -> Failure | None:
    _, right = _find_wrong_message(evidence)
    if right is None:
        return None
    if has_right_batches(evidence):
        return _blame_message(
            evidence.exercise,
            " The number and the size of its batches are right.",
            "check that it starts from the weights that it got, that its optimizer is plain SGD with the server's learning rate, and that "
            "torch is seeded with the seed that it got, right before training.",
        )
    return _blame_message(
        evidence.exercise,
        "",
        "check that it starts from the weights that it got, its batch size, number of local epochs, learning rate and seed, and that an "
        "epoch is one pass over a loader.",
    )


def update_not_repeated(evidence: ServerEvidence) -> Failure | None:
    """The second answer to the same question is another one."""
    if not _is_sent_wrong(evidence, "again"):
        return None
    return Failure(
        f"A client of {evidence.exercise.name}, asked twice for an update of the same weights with the same seed, answers differently.",
        "the same answer: an update depends on the weights and the seed alone",
        "set the client's model to the received weights, and seed torch, at the start of every update.",
    )


def _is_sent_wrong(evidence: ServerEvidence, key: str) -> bool:
    start = evidence.right["received"] if evidence.exercise is WEIGHT else None
    return not match_tensors(evidence.read(key), evidence.right[key], start)


def _find_wrong_message(evidence: ServerEvidence) -> tuple[Any, Digest | None]:
    """The first wrong message of a client that was asked for the first time, and the right one; None if there is none."""
    for key in ("sent", "first"):
        if _is_sent_wrong(evidence, key):
            return evidence.read(key), evidence.right[key]
    return None, None


def _name_message(exercise: ServerExercise) -> str:
    return "its weights after training" if exercise is WEIGHT else "its old weights minus its new ones"


def _blame_message(exercise: ServerExercise, how: str, advice: str) -> Failure:
    wanted = _name_message(exercise)
    return Failure(
        f"A client of {exercise.name} does not send {wanted}.{how}",
        f"{wanted}, one tensor for each of the model's parameters",
        advice,
    )


WRONG_KIND = (other_kind,)
WRONG_KIND_IN_RUN = (other_kind_in_run,)
_ANSWERS = (
    received_weights_changed,
    other_message,
    other_training_for_update,
    other_than_trained,
    other_update,
    update_not_repeated,
)
WRONG_ANSWER = (*WRONG_KIND, *_ANSWERS)
WRONG_MESSAGE = (client_beside_server, *_ANSWERS)


# --- the result -------------------------------------------------------------------------------------------------------------------------


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
