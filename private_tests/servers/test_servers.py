"""A1: the servers' weights after every round, what every client sent, and the results, against the reference.

A mistake is told once. A server that can't be made or run is told by a check without points; those that need it are then not reached. Weights
that are wrong because of what a client sends, which has a check of its own, are not reached either; they earn nothing in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from grader import (
    Ask,
    Diagnosis,
    Failure,
    NotReached,
    Question,
    Submission,
    add_judgement,
    asks,
    explain,
    recognise,
)
from public_tests.server_runs import SERVERS, ServerEvidence, ServerExercise

from .client_messages import WRONG_ANSWER, WRONG_KIND, WRONG_KIND_IN_RUN, WRONG_MESSAGE
from .questions import ask_for_parts, ask_for_run, ask_for_update
from .run_results import WRONG_RESULT, odd_times, other_messages
from .weights import WRONG_SERVER, WRONG_SERVER_OF_FEW, WRONG_WEIGHTS, WRONG_WITH_FEW_CLIENTS, find_decoys

Observe = Callable[[Question], ServerEvidence]

_POINTS = 0.25  # each of the four checks of an exercise
_UNEQUAL, _NON_IID, _FEW = (partial(ask_for_run, kind=kind) for kind in ("unequal", "non-iid", "few"))
_LARGE, _OTHER = (partial(ask_for_update, kind=kind) for kind in ("large", "non-iid"))


def for_each_server(
    *draws: Callable[[ServerExercise, int], Question], points: float = _POINTS
) -> pytest.MarkDecorator:
    """Make a check of each exercise, with these questions about its server."""
    cases = [
        pytest.param(
            exercise,
            id=exercise.name,
            marks=[
                pytest.mark.exercise(exercise.id, points=points),
                asks(*(partial(draw, exercise) for draw in draws)),
            ],
        )
        for exercise in SERVERS
    ]
    return pytest.mark.parametrize("exercise", cases)


@pytest.fixture
def observe(ask: Ask, exercise: ServerExercise) -> Observe:
    """Puts a question about a server, and keeps both answers beside it."""
    return lambda question: ServerEvidence(exercise, question, *ask(question))


def answer_any(questions: Sequence[Question], put: Callable[[Question], Any]) -> Any:
    """The answer to the first question that has one: the others may meet a mistake of their own. Raises Failure if none has."""
    failures = []
    for question in questions:
        try:
            return put(question)
        except Failure as failure:
            failures.append(failure)
    raise failures[0]


def is_answered(question: Question, put: Callable[[Question], Any]) -> bool:
    """Whether a question has an answer, which is kept."""
    try:
        put(question)
    except Failure:
        return False
    return True


def judge_weights(
    evidence: ServerEvidence,
    wrong_server: Sequence[Diagnosis[ServerEvidence]],
    wrong_weights: Sequence[Diagnosis[ServerEvidence]],
    wrong_answer: Failure | None,
) -> None:
    """Fail for wrong weights: by a mistake that is certainly the server's, else by that of its clients, else by what the run shows."""
    explain(evidence, wrong_server)
    failure = recognise(evidence, wrong_weights)
    if failure is not None:
        raise NotReached(wrong_answer) if wrong_answer is not None else failure


@pytest.fixture
def wrong_answer(exercise: ServerExercise, observe: Observe, grading_seed: int) -> Failure | None:
    """What is wrong with what a client answers; None if nothing is, or if none can be asked."""
    questions = (draw(exercise, grading_seed) for draw in (_LARGE, _OTHER))
    question = next((question for question in questions if is_answered(question, observe)), None)
    return recognise(observe(question), WRONG_ANSWER) if question is not None else None


@for_each_server(points=0)
def test_server_is_made(submission: Submission, grading_seed: int, exercise: ServerExercise) -> None:
    """The server can be made.

    Where it hands its work to the lab's, a person looks at it.
    """
    questions = [ask_for_parts(exercise, grading_seed, kind) for kind in ("non-iid", "unequal")]
    signs = answer_any(questions, submission.observe)
    for sign in signs if isinstance(signs, list) else ["the list of borrowed parts was replaced"]:
        submission.flag(str(sign)[:200])


@pytest.mark.needs("test_server_is_made")
@for_each_server(_UNEQUAL, _NON_IID, points=0)
def test_server_runs(observe: Observe, questions: Sequence[Question]) -> None:
    """The server can be run."""
    answer_any(questions, observe)


@pytest.mark.needs("test_server_is_made")
@for_each_server(_LARGE, _UNEQUAL, _NON_IID, points=0)
def test_kind_of_message(
    observe: Observe, questions: Sequence[Question], grading_seed: int, exercise: ServerExercise
) -> None:
    """A client sends what the exercise is about: weights, or pseudo-gradients.

    A client that can't be asked alone, which is told by the check of what it sends, is known by what it sends in a run.
    """
    alone, *runs = questions
    try:
        evidence = answer_any([alone, _OTHER(exercise, grading_seed)], observe)
    except Failure:
        for run in runs:
            if is_answered(run, observe):
                explain(observe(run), WRONG_KIND_IN_RUN)
        return
    explain(evidence, WRONG_KIND)


@pytest.mark.needs("test_kind_of_message")
@for_each_server(_LARGE, _UNEQUAL)
def test_what_a_client_sends(
    pytestconfig: pytest.Config,
    submission: Submission,
    observe: Observe,
    questions: Sequence[Question],
    grading_seed: int,
    exercise: ServerExercise,
) -> None:
    """A client sends what the exercise asks for, for any weights it gets.

    Where the server can't be run with clients of unequal sizes, which is told elsewhere, it is asked with others. Where it can, and its weights
    are right but not by what its clients sent, or where clients are asked in other processes, a person looks at it.
    """
    large, unequal = questions
    chosen = large
    if not is_answered(large, observe) and not is_answered(unequal, observe):
        chosen = _OTHER(exercise, grading_seed)
    if is_answered(unequal, observe):
        run = observe(unequal)
        for sign in find_decoys(run):
            submission.flag(sign)
        if run.asks_elsewhere:
            sentence = (
                f"{exercise.name} asks clients in other processes, where what they get and send is not seen."
            )
            add_judgement(pytestconfig, exercise.id, sentence)
    explain(observe(chosen), WRONG_MESSAGE)


@pytest.mark.needs("test_server_runs")
@for_each_server(_UNEQUAL, _FEW)
def test_weights_with_unequal_clients(
    observe: Observe, questions: Sequence[Question], wrong_answer: Failure | None
) -> None:
    """The model's weights after each round are the reference's, with clients of unequal sizes."""
    unequal, few = questions
    judge_weights(observe(unequal), WRONG_SERVER, WRONG_WEIGHTS, wrong_answer)
    # Where C·N is less than a half, one client takes part; and where the batch size is -1, a batch has all samples.
    judge_weights(observe(few), WRONG_SERVER_OF_FEW, WRONG_WITH_FEW_CLIENTS, wrong_answer)


@pytest.mark.needs("test_server_runs")
@for_each_server(_NON_IID, _UNEQUAL)
def test_weights_with_non_iid_clients(
    observe: Observe, questions: Sequence[Question], wrong_answer: Failure | None
) -> None:
    """The model's weights after each round are the reference's, with non-IID clients."""
    non_iid, unequal = questions
    try:
        judge_weights(observe(non_iid), WRONG_SERVER, WRONG_WEIGHTS, wrong_answer)
    except Failure as failure:
        told = recognise(observe(unequal), WRONG_WEIGHTS) if is_answered(unequal, observe) else None
        if told is not None and told.kind == failure.kind:
            raise NotReached(told) from None
        raise


@pytest.mark.needs("test_server_runs")
@for_each_server(_UNEQUAL, _NON_IID)
def test_result(observe: Observe, questions: Sequence[Question], remark: Callable[[Failure], None]) -> None:
    """The RunResult has the messages and accuracies of every round."""
    # One that can't be run is told by the check of its weights.
    first, *others = [observe(question) for question in questions if is_answered(question, observe)]
    if odd := odd_times(first):
        remark(odd)
    explain(first, WRONG_RESULT)
    for other in others:  # also where C·N is rounded down
        explain(other, (other_messages,))
