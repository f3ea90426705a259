"""Why what a client sends differs from the reference's: of another kind, or come by in another way.

Of a tuple the first diagnosis that recognises the mistake says it: what a client sends before how it came by it.
"""

from __future__ import annotations

from typing import Any

from grader import Failure
from public_tests.batches import has_right_batches
from public_tests.digests import Digest, combine_tensors, compare_directions, is_like, match_tensors
from public_tests.server_runs import GRAD, WEIGHT, ServerEvidence, ServerExercise

from .weights import EXACT, find_other_training


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
    return _UNTRAINED if match_tensors(sent, received, trained, EXACT) else None


def other_training_for_update(evidence: ServerEvidence) -> Failure | None:
    """The client that has most samples trained in another way than it should."""
    _, right = _find_wrong_message(evidence)
    return find_other_training(evidence) if right is not None else None


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
