"""A1: the two servers have the right shape, and agree with the lab's own servers on a few clients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from grader import Ask, Failure, Question, Submission, asks, explain, fail

from .batches import other_batches
from .server_runs import (
    GRAD,
    WEIGHT,
    ServerCase,
    ServerEvidence,
    ServerExercise,
    ask_for_run,
    nothing_returned,
    other_result,
    times_missing,
    values_missing,
)

# Both rounds ask the largest client. It has more samples than the usual batch of 100, FedSGD's more than any client of the handout's.
WEIGHT_CASE = ServerCase(
    {"lr": 0.05, "client_fraction": 0.5, "seed": 7}, {"sizes": [25, 10, 610, 30], "seed": 3}, nr_rounds=2
)
GRAD_CASE = ServerCase(
    {"lr": 0.02, "batch_size": 40, "client_fraction": 0.5, "nr_local_epochs": 2, "seed": 7},
    {"sizes": [25, 10, 130, 30], "seed": 3},
    nr_rounds=2,
)


def ask_for_agreement(exercise: ServerExercise, case: ServerCase, _: int) -> Question:
    """Run the server, and the lab's own with the same arguments."""
    question = ask_for_run(exercise, case, digest_seed=1)
    shown = f"{exercise.name}(…).run({case.nr_rounds})"
    return replace(question, shown=shown, right={"name": exercise.given, "unusable": []})


def weights_differ(evidence: ServerEvidence) -> Failure | None:
    if not evidence.ends_wrong:
        return None
    exercise = evidence.exercise
    expected, advice = (
        (
            "the same weights, up to rounding: the same algorithm, only with other messages",
            "think of what a client of FedSGD does in a round; check batch size, number of local epochs, weighting by samples, and seeds.",
        )
        if exercise is WEIGHT
        else (
            "the same weights: old weights minus the mean of (old - new) is the mean of the new ones",
            "check the sign of the update, the weights by sample counts, the clients' seeds, and the one draw of clients per round.",
        )
    )
    return Failure(
        f"After {evidence.nr_rounds} rounds the model of {exercise.name} has other weights than that of {exercise.given} with the same "
        "arguments.",
        expected,
        advice,
    )


def training_differs(evidence: ServerEvidence) -> Failure | None:
    return other_batches(evidence) if evidence.ends_wrong else None


DISAGREEMENT = (nothing_returned, other_result, values_missing, training_differs, weights_differ)


def compare(evidence: ServerEvidence, remark: Callable[[Failure], None]) -> None:
    """End the check with what is wrong, and remark what costs nothing."""
    if (nothing_returned(evidence) or other_result(evidence)) is None and (odd := times_missing(evidence)):
        remark(odd)
    explain(evidence, DISAGREEMENT)


@pytest.mark.exercise("A1.1")
@asks(partial(ask_for_agreement, WEIGHT, WEIGHT_CASE))
def test_fedsgd_weight_agrees(ask: Ask, question: Question, remark: Callable[[Failure], None]) -> None:
    """FedSGD with weights agrees with FedSGD with gradients."""
    compare(ServerEvidence(WEIGHT, question, *ask(question)), remark)


@pytest.mark.exercise("A1.2")
@pytest.mark.parametrize("name", ["fed_sgd_grad_unequal_weight_bs", "fed_sgd_grad_unequal_weight_e"])
def test_unequal_values_are_given(submission: Submission, name: str) -> None:
    """A value is given for which the two differ."""
    value = submission.read_value("fedsgd_diff", name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        fail(
            f"{name} is {value!r}.",
            "a whole number of at least 1",
            "assign a number to it in the cell tagged 'fedsgd_diff'.",
        )


@pytest.mark.exercise("A1.2")
def test_explanation_is_written(submission: Submission) -> None:
    """The explanation is written."""
    text = submission.read_text("fedsgd_explanation")
    if text is None:
        fail(
            "No cell has the tag 'fedsgd_explanation'.",
            "the text cell of the handout with your explanation",
            "give the cell with your explanation this tag.",
        )
    if not text:
        fail(
            "The placeholder is unchanged: there is no explanation yet.",
            "a few sentences that say why the two differ",
            "write them in the cell tagged 'fedsgd_explanation'; a person will read them.",
        )


@pytest.mark.exercise("A1.3")
def test_fedavg_grad_is_built_as_asked(submission: Submission) -> None:
    """FedAvg with pseudo-gradients is a DecentralizedServer with a client of its own."""
    found = submission.observe(Question(GRAD.tag, "servers.describe_class", {"name": GRAD.name}, GRAD.name))
    if "DecentralizedServer" not in found.get("bases", []) or "FedAvgServer" in found.get("bases", []):
        fail(
            f"FedAvgGradServer derives from {', '.join(found.get('bases', [])) or 'none of the servers'}.",
            "a class that derives from DecentralizedServer, and not from FedAvgServer",
            "keep the handout's `class FedAvgGradServer(DecentralizedServer)`.",
        )
    if "PseudoGradClient" not in found.get("nested_clients", []):
        fail(
            "FedAvgGradServer has no nested class PseudoGradClient that derives from Client.",
            "the class PseudoGradClient(Client) inside FedAvgGradServer",
            "keep the handout's nested class and fill in its methods.",
        )


@pytest.mark.needs("test_fedavg_grad_is_built_as_asked")
@pytest.mark.exercise("A1.3")
@asks(partial(ask_for_agreement, GRAD, GRAD_CASE))
def test_fedavg_grad_agrees(ask: Ask, question: Question, remark: Callable[[Failure], None]) -> None:
    """FedAvg with pseudo-gradients agrees with FedAvg with weights."""
    compare(ServerEvidence(GRAD, question, *ask(question)), remark)
