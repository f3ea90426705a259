"""Why a server's weights differ from the reference's, found from what its own clients were sent and answered.

Each diagnosis is a pure function. Of a tuple the first one that recognises the mistake says it, so what explains most comes first: where a
run began and whom it asked before how it moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grader import Failure, withhold
from public_tests.batches import count, has_right_batches
from public_tests.digests import Digest, combine_tensors, is_like, match_tensors
from public_tests.server_runs import GRAD, WEIGHT, Round, ServerEvidence, ServerExercise

from .training import OTHER_TRAINING

_ONE_DRAW = "self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)"
_SEED = "each client's seed (seed + index + 1 + round × clients per round)"
# Rounding alone, where no training lies between: clients' own answers are combined, or nothing moved at all.
EXACT = 0.002


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
    if wrong is None or not match_tensors(wrong.weights, wrong.before, wrong.right, EXACT):
        return None
    return _blame_round(
        evidence,
        wrong,
        " It did not move in this round.",
        "bring the aggregate into `self.model` in every round.",
    )


def other_training(evidence: ServerEvidence) -> Failure | None:
    """The weights are wrong, and a client trained in another way than it should."""
    return find_other_training(evidence) if is_wrong(evidence) else None


def find_other_training(evidence: ServerEvidence) -> Failure | None:
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
    return match_tensors(each.weights, plain, before, EXACT) and not match_tensors(
        each.weights, weighted, before, EXACT
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
