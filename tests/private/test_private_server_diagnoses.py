"""What the checks say about a server, from made-up digests of one weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from grader import Diagnosis, Failure, Question, explain
from private_tests.servers.client_messages import WRONG_MESSAGE, other_kind, other_kind_in_run
from private_tests.servers.run_results import (
    WRONG_RESULT,
    odd_times,
    other_accuracies,
    other_messages,
    other_parameters,
    times_not_added_up,
)
from private_tests.servers.weights import WRONG_WEIGHTS, WRONG_WITH_FEW_CLIENTS, find_decoys
from public_tests.server_runs import GRAD, WEIGHT, ServerEvidence, ServerExercise

LR = 0.1


def digest(value: float) -> list[dict[str, Any]]:
    return [{"shape": [1], "norm": abs(value), "entries": [value]}]


def call(client: int, received: float = 0.0, sent: float = 0.0) -> dict[str, Any]:
    return {"client": client, "received": digest(received), "sent": digest(sent)}


def see(exercise: ServerExercise, seen: Any, right: Any, **arguments: Any) -> ServerEvidence:
    asked = {"arguments": {"lr": LR}, "clients": {"nr_clients": 3}, "nr_rounds": 2, **arguments}
    return ServerEvidence(exercise, Question(exercise.tag, "", asked, f"{exercise.name}()"), seen, right)


def diagnose(evidence: ServerEvidence, diagnoses: Sequence[Diagnosis[ServerEvidence]]) -> Failure:
    with pytest.raises(Failure) as failure:
        explain(evidence, diagnoses)
    return failure.value


# Two rounds, from 0 by 1 to 2.
RIGHT_RUN = {
    "calls": [call(client, received) for client, received in ((2, 0.0), (0, 0.0), (1, 1.0), (2, 1.0))],
    "weights": digest(2.0),
}


def run_with(clients: Sequence[int], start: float = 0.0, end: float = 7.0) -> dict[str, Any]:
    return {"calls": [call(client, start) for client in clients], "weights": digest(end)}


@pytest.mark.parametrize(
    ("clients", "sentence"),
    [
        ((2, 0, 1, 2, 0, 1), "FedSgdWeightServer asked for 6 updates of clients in 2 rounds."),
        ((2, 0, 1), "FedSgdWeightServer asked for 3 updates of clients in 2 rounds."),
        ((), "FedSgdWeightServer asked for 0 updates of clients in 2 rounds."),
        ((2, 0, 0, 2), "In round 2 FedSgdWeightServer asked the clients 0, 2."),
        ((10, 2, 1, 2), "In round 1 FedSgdWeightServer asked the clients 2, 10."),
    ],
    ids=["too many", "not the same in each round", "none", "others in the second round", "in their order"],
)
def test_wrong_draws_are_told(clients: Sequence[int], sentence: str) -> None:
    assert diagnose(see(WEIGHT, run_with(clients), RIGHT_RUN), WRONG_WEIGHTS).seen == sentence


@pytest.mark.parametrize("clients", [(2, 0, 1, 2, 0, 1), (2, 0, 1), ()])
def test_whoever_reaches_the_right_weights_may_ask_as_they_like(clients: Sequence[int]) -> None:
    seen = {**RIGHT_RUN, "calls": [call(client, 1.0) for client in clients]}
    seen["calls"][:2] = RIGHT_RUN["calls"][:2] if clients else []
    if len(clients) == 6:
        seen["calls"][2:3] = [call(1, 0.0)]

    explain(see(WEIGHT, seen, RIGHT_RUN), WRONG_WEIGHTS)


def test_the_order_in_a_round_does_not_matter() -> None:
    assert "asked" not in diagnose(see(WEIGHT, run_with((0, 2, 2, 1)), RIGHT_RUN), WRONG_WEIGHTS).seen


def test_another_start_is_told() -> None:
    failure = diagnose(see(WEIGHT, run_with((2, 0, 1, 2), start=1.0), RIGHT_RUN), WRONG_WEIGHTS)

    assert failure.seen.startswith("FedSgdWeightServer starts from other weights")


@pytest.mark.parametrize(
    "forged",
    [
        None,
        [],
        {"calls": [1, 2]},
        {"calls": [{"client": []}] * 4},
        {"calls": [{"client": 2}] * 4, "weights": "x"},
    ],
)
def test_what_no_run_gives_is_a_mistake_too(forged: Any) -> None:
    diagnose(see(WEIGHT, forged, RIGHT_RUN, clients={"sizes": [5, 6, 7]}), WRONG_WEIGHTS)


# Two clients, one of them with three times the samples of the other, started from 1 and reached 2 and 4: 3.5 is right.
BEFORE, REACHED, AFTER = 1.0, (2.0, 4.0), 3.5


def see_round(
    exercise: ServerExercise, weights: float, sizes: list[int] | None, right: float = AFTER, sent: Any = None
) -> ServerEvidence:
    reached = REACHED if exercise is WEIGHT else [BEFORE - value for value in REACHED]
    calls = [call(index, BEFORE, value) for index, value in enumerate(sent or reached)]
    clients = {"nr_clients": 2} if sizes is None else {"sizes": sizes}
    return see(
        exercise,
        {"calls": calls, "weights": digest(weights)},
        {"calls": calls, "weights": digest(right)},
        nr_rounds=1,
        clients=clients,
    )


@pytest.mark.parametrize(
    ("exercise", "weights", "sizes", "hint"),
    [
        (WEIGHT, 3.0, [100, 300], "It took the plain mean of the clients' weights."),
        (GRAD, 3.0, [100, 300], "It took the plain mean of the clients' updates."),
        (GRAD, -1.5, [100, 300], "It moved in the opposite direction."),
        (WEIGHT, 1.0, [100, 300], "It did not move in this round."),
        (WEIGHT, 1.0001, [100, 300], "It did not move in this round."),  # but for rounding
        (WEIGHT, 1.3, [100, 300], "What its clients sent in this round is right."),
        (WEIGHT, 3.0, None, "What its clients sent in this round is right."),
    ],
)
def test_a_round_s_mistake_is_named(
    exercise: ServerExercise, weights: float, sizes: list[int] | None, hint: str
) -> None:
    assert diagnose(see_round(exercise, weights, sizes), WRONG_WEIGHTS).seen.endswith(hint)


def test_a_client_s_wrong_answer_in_a_later_round_is_no_fault_of_the_first() -> None:
    seen = {**RIGHT_RUN, "weights": digest(7.0)}
    seen["calls"] = [*RIGHT_RUN["calls"][:3], call(2, 1.0, sent=9.0)]

    assert diagnose(see(WEIGHT, seen, RIGHT_RUN), WRONG_WEIGHTS).seen.endswith("The rounds before are right.")


def test_clients_may_be_kept_under_names() -> None:
    calls = [{**each, "client": str(each["client"])} for each in RIGHT_RUN["calls"]]
    seen = {"calls": calls, "weights": digest(7.0)}

    assert diagnose(see(WEIGHT, seen, RIGHT_RUN), WRONG_WEIGHTS).seen.endswith("in this round is right.")


def train(count: int, largest: int) -> dict[str, Any]:
    return {"count": count, "largest": largest}


@pytest.mark.parametrize(
    ("exercise", "seen", "sentence"),
    [
        (WEIGHT, train(2, 60), "more samples than the first take several steps in a round"),
        (WEIGHT, train(2, 80), "everyone's batch size is the clients' mean number of samples."),
        (WEIGHT, train(12, 10), "everyone's batch size is 10."),
        (WEIGHT, train(2, 115), "goes over its samples 2 times."),
        (GRAD, train(1, 100), "trains on up to 100 samples at a time"),
        (GRAD, train(2, 115), "trains on 2 batches in a round"),
    ],
)
def test_other_batches_explain_wrong_weights(
    exercise: ServerExercise, seen: dict[str, int], sentence: str
) -> None:
    right = {**call(0, sent=1.0), "training": train(1, 115)}
    evidence = see(
        exercise,
        {"calls": [{**call(0, sent=2.0), "training": seen}], "weights": digest(9.0)},
        {"calls": [right], "weights": digest(1.0), "sizes": [60, 115, 65]},
        nr_rounds=1,
    )

    assert sentence in diagnose(evidence, WRONG_WEIGHTS).seen


@pytest.mark.parametrize(
    "noted", [None, [], {"count": 1}, {"count": "1", "largest": 1}, train(0, 0), train(1, 115)]
)
def test_without_other_batches_the_weights_are_told(noted: Any) -> None:
    right = {**call(0, sent=1.0), "training": train(1, 115)}
    seen = {"calls": [{**call(0, sent=2.0), "training": noted}], "weights": digest(9.0)}
    evidence = see(WEIGHT, seen, {"calls": [right], "weights": digest(1.0), "sizes": [115]}, nr_rounds=1)

    assert "has other weights" in diagnose(evidence, WRONG_WEIGHTS).seen


def test_clients_that_send_nothing_are_no_plain_mean() -> None:
    failure = diagnose(see_round(GRAD, BEFORE, [100, 300], sent=[0.0, 0.0]), WRONG_WEIGHTS)

    assert failure.seen.endswith("It did not move in this round.")


@pytest.mark.parametrize("exercise", [WEIGHT, GRAD])
@pytest.mark.parametrize(("weights", "plain"), [(3.0, True), (3.02, False), (3.5, False)])
def test_a_plain_mean_is_seen_also_between_clients_of_nearly_a_size(
    exercise: ServerExercise, weights: float, plain: bool
) -> None:
    evidence = see_round(exercise, weights, [99, 101], right=weights)

    if plain:
        assert "plain mean" in diagnose(evidence, WRONG_WEIGHTS).seen
    else:
        explain(evidence, WRONG_WEIGHTS)


# Two clients of 100 and 300 samples, of whom the second sends 4 more than the first.
@pytest.mark.parametrize("exercise", [WEIGHT, GRAD])
@pytest.mark.parametrize(
    ("first", "sign"),
    [
        pytest.param(1.0, "", id="the mean"),
        pytest.param(
            9.0,
            "the right weights of {} after round 1 are not the mean of what its clients sent",
            id="decoys",
        ),
        pytest.param(None, "{} reaches the right weights without asking its clients", id="nobody asked"),
    ],
)
def test_right_weights_come_from_what_the_clients_sent(
    exercise: ServerExercise, first: float | None, sign: str
) -> None:
    end = 4.0 if exercise is WEIGHT else -4.0
    right = {"calls": [call(0, 0.0, 1.0), call(1, 0.0, 5.0)], "weights": digest(end)}
    calls = [call(0, 0.0, first), call(1, 0.0, 5.0)] if first is not None else []
    seen = {"calls": calls, "weights": digest(end)}

    signs = find_decoys(see(exercise, seen, right, clients={"sizes": [100, 300]}, nr_rounds=1))

    assert signs == ([sign.format(exercise.name)] if sign else [])


@pytest.mark.parametrize(
    ("clients", "end", "sentence"),
    [
        ((), 0.0, "FedAvgGradServer() asks 0 clients in 2 rounds."),
        ((2, 0, 1, 2), 1.0, "FedAvgGradServer() ends with wrong weights."),
    ],
)
def test_few_clients_have_sentences_of_their_own(clients: Sequence[int], end: float, sentence: str) -> None:
    evidence = see(GRAD, run_with(clients, end=end), RIGHT_RUN)

    assert diagnose(evidence, WRONG_WITH_FEW_CLIENTS).seen == sentence


# --- what a client sends ----------------------------------------------------------------------------------------------------------------

NESTED = "FedAvgGradServer.PseudoGradClient"


def see_update(
    exercise: ServerExercise, sent: float, again: float | None = None, **found: Any
) -> ServerEvidence:
    right = digest(1.5 if exercise is WEIGHT else -0.5)  # from 1 to 1.5
    seen = {"sent": digest(sent), "first": digest(sent), "again": digest(sent if again is None else again)}
    return see(
        exercise,
        {**seen, "class": NESTED, **found},
        {"sent": right, "first": right, "again": right, "received": digest(1.0), "training": train(1, 4)},
    )


@pytest.mark.parametrize(("exercise", "sent"), [(WEIGHT, 1.5), (GRAD, -0.5)])
@pytest.mark.parametrize("found", [{"changed": False}, {"changed": True}, {}])
def test_right_messages_pass(exercise: ServerExercise, sent: float, found: dict[str, Any]) -> None:
    explain(see_update(exercise, sent, **found), WRONG_MESSAGE)


def test_a_client_that_changes_what_it_gets_is_told() -> None:
    failure = diagnose(see_update(GRAD, -0.5, again=0.0, changed=True), WRONG_MESSAGE)

    assert failure.seen.startswith("A client of FedAvgGradServer changes the tensors that it gets")


@pytest.mark.parametrize("found", [{"changed": False}, {"changed": "forged"}, {}])
def test_a_client_that_answers_differently_is_told(found: dict[str, Any]) -> None:
    failure = diagnose(see_update(GRAD, -0.5, again=0.0, **found), WRONG_MESSAGE)

    assert failure.seen.endswith("answers differently.")


def test_a_client_beside_the_server_is_told() -> None:
    failure = diagnose(see_update(GRAD, -0.5, **{"class": "PseudoGradClient"}), WRONG_MESSAGE)

    assert failure.seen == "The clients of FedAvgGradServer are of the class 'PseudoGradClient'."


@pytest.mark.parametrize(
    ("exercise", "sent", "hint"),
    [
        (WEIGHT, -0.5 / LR, "It sends gradients."),
        (WEIGHT, -0.5, "It sends its old weights minus its new ones."),
        (WEIGHT, 0.5, "It sends its new weights minus its old ones."),
        (WEIGHT, 1.0, "It sends the weights that it got."),
        (GRAD, 1.5, "It sends its new weights."),
        (GRAD, 0.5, "It sends its new weights minus its old ones."),
        (GRAD, -0.5 / LR, "minus its new ones, divided by the learning rate."),
        (GRAD, 7.0, "does not send its old weights minus its new ones."),
    ],
)
def test_what_is_sent_instead_is_named(exercise: ServerExercise, sent: float, hint: str) -> None:
    assert diagnose(see_update(exercise, sent), WRONG_MESSAGE).seen.endswith(hint)


@pytest.mark.parametrize(
    ("exercise", "sent", "is_missed"),
    [
        (WEIGHT, [1.0, 0.3], False),
        (WEIGHT, [0.03, 0.1], True),
        (WEIGHT, [0.3, 1.0], False),
        (WEIGHT, [0.0, 0.0], False),
        (GRAD, [1.0, 0.3], True),
        (GRAD, [0.3, 1.0], False),
    ],
    ids=["like weights", "short and unlike weights", "other weights", "nothing", "weights", "differences"],
)
def test_the_kind_of_a_message_is_known_also_of_a_wrong_one(
    exercise: ServerExercise, sent: list[float], is_missed: bool
) -> None:
    def make(entries: list[float]) -> list[dict[str, Any]]:
        return [{"shape": [2], "norm": 1.0, "entries": entries}]

    right = make([1.1, 0.1] if exercise is WEIGHT else [0.1, -0.1])
    answers = dict.fromkeys(("sent", "first", "again"), right)
    evidence = see(exercise, {**answers, "sent": make(sent)}, {**answers, "received": make([1.0, 0.0])})

    assert (other_kind(evidence) is not None) is is_missed
    calls = [{"client": 0, "received": make([1.0, 0.0]), "sent": make(sent)}]
    in_run = see(exercise, {"calls": calls}, {"calls": [{"client": 0, "received": make([1.0, 0.0])}]})
    assert (other_kind_in_run(in_run) is not None) is is_missed


# --- the result -------------------------------------------------------------------------------------------------------------------------

RESULT = {
    **{"n": 3, "c": 0.5, "e": 1, "lr": LR, "b": 4, "seed": 7, "returned": "RunResult"},
    **{"message_count": [4, 8], "test_accuracy": [10.0, 20.0], "wall_time": [1.0, 2.0]},
}


def see_result(accuracies: Sequence[Any] = (10.0, 20.0), **changed: Any) -> ServerEvidence:
    first, second = accuracies
    calls = [dict(each) for each in RIGHT_RUN["calls"]]  # type: ignore[call-overload]
    calls[2]["accuracy"] = first
    seen = {**RIGHT_RUN, "calls": calls, "accuracy": second, "result": {**RESULT, **changed}}
    return see(GRAD, seen, {**RIGHT_RUN, "result": RESULT})


def test_a_right_result_passes() -> None:
    explain(see_result(), WRONG_RESULT)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"returned": "NoneType"}, "run(2) of FedAvgGradServer returns None (is a return missing?)."),
        (
            {**dict.fromkeys(RESULT), "returned": "list"},
            "run(2) of FedAvgGradServer returns a value of type list.",
        ),
        ({"test_accuracy": None}, "test_accuracy of FedAvgGradServer is None after 2 rounds."),
        (
            {"message_count": [4, float("nan")]},
            "message_count of FedAvgGradServer is [4, nan] after 2 rounds.",
        ),
        ({"b": -1}, "b of the RunResult of FedAvgGradServer is -1."),
        ({"message_count": [2, 4]}, "message_count of FedAvgGradServer is [2, 4]."),
        ({"test_accuracy": [10.0, 10.0]}, "test_accuracy of FedAvgGradServer is [10.0, 10.0]."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_result_is_told(changed: dict[str, Any], sentence: str) -> None:
    assert diagnose(see_result(**changed), WRONG_RESULT).seen == sentence


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"wall_time": []}, "wall_time of FedAvgGradServer is [] after 2 rounds."),
        (
            {"wall_time": [1.0, 1.0]},
            "wall_time of FedAvgGradServer is [1.0, 1.0], which does not grow by the time of each round.",
        ),
        ({"returned": "NoneType", "wall_time": None}, None),
        ({}, None),
    ],
    ids=["missing", "not added up", "nothing returned", "right"],
)
def test_times_are_remarked_on_alone(changed: dict[str, Any], sentence: str | None) -> None:
    evidence = see_result(**changed)
    odd = odd_times(evidence)

    assert (odd.seen if odd else None) == sentence
    if "returned" not in changed:
        explain(evidence, WRONG_RESULT)


@pytest.mark.parametrize(
    ("measured", "right"),
    [((30.0, 40.0), False), ((None, 40.0), True), ((10.0, 20.0), True)],
    ids=["other models", "one not measured", "the same"],
)
def test_accuracies_are_those_of_the_server_s_own_models(measured: Sequence[Any], right: bool) -> None:
    evidence = see_result(measured)

    if right:
        explain(evidence, WRONG_RESULT)
    else:
        assert "test_accuracy" in diagnose(evidence, WRONG_RESULT).seen


@pytest.mark.parametrize(
    ("seen", "advice"),
    [
        ([4, 4], "cumulative"),
        ([2, 4], "both directions"),
        ([1, 2], "two messages"),
        (["4", None], "two messages"),
    ],
)
def test_wrong_counts_are_told(seen: list[int], advice: str) -> None:
    assert advice in diagnose(see_result(message_count=seen), [other_messages]).advice


# Seconds of the slowest client in each of two rounds, by its processor.
@pytest.mark.parametrize(
    ("times", "slowest"),
    [
        ([1.0, 3.0], (1.0, 2.0)),
        ([1.2, 3.5], (1.0, 2.0)),
        ([0.99, 2.95], (1.0, 2.0)),
        ([0.01, 0.02], (0.02, 0.02)),
        ([1.0, 1.5], None),
        ([1.0, 1.5], ("2", None)),
    ],
    ids=["added up", "with the server's time", "by a coarse clock", "short", "calls unknown", "forged"],
)
def test_times_that_grow_by_the_slowest_client_pass(times: list[float], slowest: Any) -> None:
    assert times_not_added_up(see_times(times, slowest)) is None


@pytest.mark.parametrize(
    ("times", "slowest"),
    [
        ([1.0, 2.0], (1.0, 2.0)),
        ([1.0, 1.0], None),
        ([0.0, 0.0], (0.0, 0.0)),
        ([-1.0, 2.0], (0.0, 0.0)),
    ],
    ids=["each round's own, and by chance in order", "the same", "none", "before the start"],
)
def test_times_that_do_not_are_refused(times: list[float], slowest: Any) -> None:
    assert times_not_added_up(see_times(times, slowest)) is not None


def see_times(times: list[float], slowest: Any) -> ServerEvidence:
    calls = [{"client": 0, "seconds": seconds} for each in slowest or () for seconds in (each, 0.0)]
    return see(GRAD, {"calls": calls, "result": {"wall_time": times}}, RIGHT_RUN)


# --- how a client trained ---------------------------------------------------------------------------------------------------------------

TRAINED = {
    **train(1, 115),
    "evaluated": 0,
    "begins": True,
    "seed": 8,
    "optimizer": {"class": "SGD", "lr": LR},
}


@pytest.mark.parametrize(
    ("noted", "sentence"),
    [
        pytest.param({"begins": False}, "does not start its training from the weights", id="its own weights"),
        pytest.param({"count": 0, "evaluated": 1}, "evaluation mode", id="without dropout"),
        pytest.param({"optimizer": {"class": "Adam", "lr": LR}}, "trains with Adam.", id="another optimizer"),
        pytest.param(
            {"optimizer": {"class": "SGD", "lr": LR, "momentum": 0.9}},
            "SGD with momentum=0.9.",
            id="momentum",
        ),
        pytest.param({"optimizer": {"class": "SGD", "lr": 0.5}}, "another learning rate", id="another rate"),
        pytest.param(
            {"optimizer": "SGD", "begins": 1, "evaluated": "x"}, "other weights", id="what nothing notes"
        ),
    ],
)
def test_how_a_client_trained_explains_wrong_weights(noted: dict[str, Any], sentence: str) -> None:
    failure = diagnose(see_training({**TRAINED, **noted}), WRONG_WEIGHTS)

    assert sentence in failure.seen
    assert "0.5" not in failure.student_text


def see_training(noted: dict[str, Any]) -> ServerEvidence:
    return see(
        WEIGHT,
        {"calls": [{**call(0, sent=2.0), "training": noted}], "weights": digest(9.0)},
        {"calls": [{**call(0, sent=1.0), "training": TRAINED}], "weights": digest(1.0), "sizes": [115]},
        nr_rounds=1,
    )


def test_a_client_s_other_seed_is_told_with_its_round_and_kept_from_students() -> None:
    failure = diagnose(see_training({**TRAINED, "seed": 4711}), WRONG_WEIGHTS)

    assert failure.seen.startswith("In round 1 a client of FedSgdWeightServer trains with another seed")
    assert "4711" in failure.text
    assert "4711" not in failure.student_text


def test_right_weights_are_never_found_wrong_by_how_clients_trained() -> None:
    right = {"calls": [{**call(0, sent=1.0), "training": TRAINED}], "weights": digest(1.0)}
    seen = {"calls": [{**call(0, sent=1.0), "training": {**TRAINED, "seed": 9}}], "weights": digest(1.0)}

    explain(see(WEIGHT, seen, right, nr_rounds=1), WRONG_WEIGHTS)


def test_a_client_that_trains_right_and_sends_something_else_is_told_so() -> None:
    received = digest(1.0)
    right = {"received": received, "sent": digest(0.5), "first": digest(0.5), "again": digest(0.5)}
    seen = {**right, "sent": digest(0.1), "trained": digest(0.5), "class": NESTED}

    assert diagnose(see(GRAD, seen, right), WRONG_MESSAGE).seen.endswith(
        "its own model has the right weights."
    )


@pytest.mark.parametrize(
    ("calls", "accuracies", "sentence"),
    [
        pytest.param(
            [call(0, 0.0), call(1, 5.0), call(2, 1.0), call(0, 1.0)],
            [1.0, 2.0],
            "In round 1 the clients of FedSgdWeightServer do not all get the same weights.",
            id="changed between clients",
        ),
        pytest.param(
            [call(0, 0.0)] * 6,
            [1.0, 2.0, 3.0],
            "run(2) of FedSgdWeightServer goes through 3 rounds.",
            id="a round more",
        ),
    ],
)
def test_what_the_server_does_in_a_round_is_told(
    calls: list[dict[str, Any]], accuracies: list[float], sentence: str
) -> None:
    seen = {"calls": calls, "weights": digest(7.0), "result": {"test_accuracy": accuracies}}
    right = {
        "calls": [call(0, 0.0), call(1, 0.0), call(2, 1.0), call(0, 1.0)],
        "weights": digest(2.0),
    }

    assert diagnose(see(WEIGHT, seen, right), WRONG_WEIGHTS).seen == sentence


@pytest.mark.parametrize(
    ("own", "end", "is_told"),
    [
        pytest.param({"lr": 0.01}, 9.0, False, id="made with another rate"),
        pytest.param({"lr": LR}, 9.0, True, id="another rate in the result alone"),
        pytest.param({"lr": 0.01}, 2.0, True, id="right weights"),
    ],
)
def test_a_server_made_with_other_parameters_is_told_once(
    own: dict[str, float], end: float, is_told: bool
) -> None:
    result = {"n": 3, "c": 1, "b": 5, "e": 1, "lr": LR, "seed": 7, "message_count": [4, 8]}
    right = {**RIGHT_RUN, "result": result}
    seen = {**RIGHT_RUN, "weights": digest(end), "own": own, "result": {**result, "lr": 0.01}}

    failure = other_parameters(see(GRAD, seen, right))

    assert (failure is not None) is is_told


def test_what_clients_do_in_other_processes_is_not_guessed() -> None:
    run = {**run_with([]), "elsewhere": True}
    few = {"calls": [call(0)] * 2, "weights": digest(1.0)}

    for diagnoses in (WRONG_WEIGHTS, WRONG_WITH_FEW_CLIENTS):
        failure = diagnose(see(WEIGHT, run, RIGHT_RUN), diagnoses)
        assert "ends with wrong weights. It asks clients in other processes" in str(failure)
    right = see(WEIGHT, {**run, "weights": RIGHT_RUN["weights"]}, RIGHT_RUN, clients={"sizes": [1, 2, 3]})
    explain(right, WRONG_WEIGHTS)
    assert find_decoys(right) == []
    explain(see(WEIGHT, {**run, "weights": few["weights"]}, few), WRONG_WITH_FEW_CLIENTS)
    tested = {**run, "accuracy": 40.0, "result": {"test_accuracy": [20.0, 40.0]}}
    reference = {**RIGHT_RUN, "result": {"test_accuracy": [50.0, 60.0]}}
    assert other_accuracies(see(WEIGHT, tested, reference)) is None
    assert other_accuracies(see(WEIGHT, {**tested, "accuracy": 30.0}, reference)) is not None
