"""What the hidden checks say about the result of an experiment and the runs behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from grader import Failure, Table, explain
from private_tests.experiments.diagnoses import EXPERIMENT_DIAGNOSES
from private_tests.experiments.evidence import ExperimentEvidence
from public_tests.reading import ParameterUse

RUN = {
    "server": "FedAvgServer",
    "new": True,
    "n": 10,
    "data": "non-IID",
    "clients per round": 3,
    "lr": 0.1,
    "b": 5,
    "e": 2,
    "seed": 7,
}
FIRST = {**RUN, "server": "FedSgdServer", "b": -1, "e": 1, "accuracies": [30.0, 43.0]}
SECOND = {**RUN, "accuracies": [95.0, 93.0]}
CURVES = {"FedSGD": [30.0, 43.0], "FedAvg": [95.0, 93.0]}
COLUMNS = ["Algorithm", "N", "C", "Message count", "Test accuracy"]
DEFAULTS = {"n": 100, "lr": 0.01, "seed": 10}
TABLE = Table(COLUMNS, [["FedSGD", 10, 0.1, 20, 43.0], ["FedAvg", 10, 0.1, 20, 93.0]])


def find_failure(seen: Any, right: Any, **noted: Any) -> Failure | None:
    evidence = ExperimentEvidence("f()", "tag", DEFAULTS, seen, right, [FIRST, SECOND], **noted)
    try:
        explain(evidence, EXPERIMENT_DIAGNOSES)
    except Failure as failure:
        return failure
    return None


def diagnose(seen: Any, right: Any, **noted: Any) -> str:
    """What was seen to be wrong."""
    failure = find_failure(seen, right, **noted)
    return failure.seen if failure else ""


def change(row: int, column: str, value: Any, table: Table = TABLE) -> Table:
    rows = [list(cells) for cells in table.rows]
    rows[row][COLUMNS.index(column)] = value
    return Table(COLUMNS, rows)


# --- values alone, as of servers that were not noted ----------------------------------------------------------

TABLES: dict[str, tuple[Any, str]] = {
    "equal": (TABLE, ""),
    "columns in another order": (Table(COLUMNS[::-1], [row[::-1] for row in TABLE.rows]), ""),
    "another spelling": (change(0, "Algorithm", "fed-sgd"), ""),
    "an image more": (change(1, "Test accuracy", 94.0), ""),
    "a float for N": (change(1, "N", 10.0), ""),
    "single precision": (change(1, "C", 0.10000000149011612), ""),
    "nothing": (None, "f() gives None (is a return missing?)."),
    "a row less": (Table(COLUMNS, TABLE.rows[:1]), "f() has 1 row."),
    "a column more": (Table([*COLUMNS, "E"], [[*row, 1] for row in TABLE.rows]), "f() has 'E' in addition."),
    "a row per round": (
        Table(COLUMNS, [row for row in TABLE.rows for _ in range(2)]),
        "f() has 4 rows: one for each round of each run.",
    ),
    "in another order": (Table(COLUMNS, TABLE.rows[::-1]), "f() has the rows in another order."),
    "all accuracies": (
        change(0, "Test accuracy", [30.0, 43.0]),
        "Row 1 of f() has the test accuracy a list of 2.",
    ),
    "both labels exchanged": (
        Table(COLUMNS, [["FedAvg", *TABLE.rows[0][1:]], ["FedSGD", *TABLE.rows[1][1:]]]),
        "Row 1 of f() is labelled 'FedAvg'.",
    ),
    "labels exchanged": (change(0, "Algorithm", "FedAvg"), "Row 1 of f() is labelled 'FedAvg'."),
    "another N": (change(1, "N", 100), "Row 2 of f() has N = 100."),
    "a text for C": (change(0, "C", "0.1"), "Row 1 of f() has C = '0.1'."),
    "messages of one round": (change(1, "Message count", 2), "Row 2 of f() has the message count 2."),
    "NaN messages": (change(1, "Message count", math.nan), "Row 2 of f() has the message count nan."),
    "infinity": (change(1, "Test accuracy", math.inf), "Row 2 of f() has the test accuracy inf."),
    "a fraction": (change(1, "Test accuracy", 0.93), "Row 2 of f() has the test accuracy 0.93."),
    "another accuracy": (change(1, "Test accuracy", 60.0), "Row 2 of f() has the test accuracy 60.0."),
}


@pytest.mark.parametrize(("table", "sentence"), TABLES.values(), ids=TABLES)
def test_a_wrong_table_is_told(table: Any, sentence: str) -> None:
    assert diagnose(table, TABLE) == sentence


WRONG_CURVES: dict[str, tuple[Any, str]] = {
    "equal": (CURVES, ""),
    "within tolerance": ({**CURVES, "FedSGD": [31.0, 42.0]}, ""),
    "in another order": (dict(reversed(CURVES.items())), ""),
    "a key less": ({"FedSGD": [30.0, 43.0]}, "f() lacks the key 'FedAvg'."),
    "a round less": ({**CURVES, "FedSGD": [43.0]}, "f()['FedSGD'] has 1 value."),
    "the last round alone": (
        {key: curve[-1:] for key, curve in CURVES.items()},
        "Each curve of f() has 1 value.",
    ),
    "other rounds": (
        {key: curve * 2 for key, curve in CURVES.items()},
        "Each curve of f() has 4 values.",
    ),
    "fractions": (
        {**CURVES, "FedSGD": [0.3, 0.43]},
        "The curve 'FedSGD' of f() has the test accuracies 0.3, 0.43.",
    ),
    "a wrong round": (
        {**CURVES, "FedAvg": [95.0, 88.0]},
        "The curve 'FedAvg' of f() is wrong from round 2 on (88.0).",
    ),
    "exchanged": (
        dict(zip(CURVES, reversed(CURVES.values()), strict=True)),
        "The curve 'FedSGD' of f() is wrong from round 1 on (95.0). These are the values of 'FedAvg'.",
    ),
}


@pytest.mark.parametrize(("curves", "sentence"), WRONG_CURVES.values(), ids=WRONG_CURVES)
def test_wrong_curves_are_told(curves: Any, sentence: str) -> None:
    assert diagnose(curves, CURVES) == sentence


def test_where_both_algorithms_give_the_same_it_is_not_said_which_is_mislabelled() -> None:
    right = Table(COLUMNS, [["FedSGD", 10, 0.1, 20, 43.0], ["FedAvg", 10, 0.1, 20, 43.0]])

    seen = diagnose(Table(COLUMNS, right.rows[::-1]), right)

    assert seen == "f() has the rows in another order, or under each other's names."


@pytest.mark.parametrize(
    ("table", "advice"),
    [
        pytest.param(TABLES["a column more"][0], "leave out the other columns", id="other columns"),
        pytest.param(change(0, "Message count", 30), "in place of the sum of all", id="counts added up"),
        pytest.param(change(0, "Message count", 10), "count the messages of all rounds", id="of one round"),
        pytest.param(change(0, "Message count", 7), "none was seen to run in this one", id="no run"),
    ],
)
def test_what_to_do_next_is_about_what_was_seen(table: Table, advice: str) -> None:
    failure = find_failure(table, TABLE)

    assert failure is not None
    assert advice in failure.advice


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(change(0, "N", 0.15), id="in another column"),
        pytest.param(change(0, "C", "0.15"), id="as a text"),
        pytest.param("   N     C\n0  10  0.15", id="in a text"),
    ],
)
def test_a_student_does_not_read_drawn_arguments_in_what_was_returned(table: Any) -> None:
    failure = find_failure(table, TABLE, arguments={"c": 0.15})

    assert failure is not None
    assert "0.15" in failure.text
    assert "0.15" not in failure.student_text


def test_message_counts_tell_another_order_where_accuracies_are_alike() -> None:
    right = Table(COLUMNS, [["FedSGD", 10, 0.1, 4, 10.0], ["FedSGD", 100, 0.1, 40, 10.0]])

    assert diagnose(Table(COLUMNS, right.rows[::-1]), right) == "f() has the rows in another order."


@pytest.mark.parametrize(
    ("seen", "right"),
    [(change(1, "Test accuracy", 0.93), TABLE), ({**CURVES, "FedAvg": [0.95, 0.93]}, CURVES)],
)
def test_fractions_are_recognised(seen: Any, right: Any) -> None:
    failure = find_failure(seen, right)

    assert failure is not None
    assert "percent" in failure.expected


# --- the noted runs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "value", "words", "advice"),
    [
        ("new", False, "a server that was not new any more", "make a new server for every run"),
        ("n", 9, "9 clients", "pass 'n' on to split()"),
        ("data", "IID", "the IID split", "pass 'seed' on to split()"),
        ("data", "5f2e", "another split of the data", "pass 'seed' on to split()"),
        ("clients per round", 1, "1 client per round", "compare what split() and the servers get"),
        ("lr", 0.01, "the learning rate 0.01", "pass 'lr' on to the servers"),
        ("b", -1, "all of a client's samples in one batch", "compare what split() and the servers get"),
        ("e", 4, "4 local epochs", "compare what split() and the servers get"),
        ("seed", 10, "the server's seed 10", "pass 'seed' on to split() and the servers"),
    ],
)
def test_a_run_with_another_parameter_is_named(parameter: str, value: Any, words: str, advice: str) -> None:
    runs = [FIRST, {**SECOND, parameter: value}]
    of_curves, of_table = find_failure(CURVES, CURVES, runs=runs), find_failure(TABLE, TABLE, runs=runs)

    assert of_curves is not None
    assert of_table is not None
    assert of_curves.seen == f"The curve 'FedAvg' of f() comes from a run with {words}."
    assert of_table.seen == f"Row 2 of f() comes from a run with {words}."
    assert of_curves.advice.startswith(advice)


@pytest.mark.parametrize(
    ("noted", "usage", "reason"),
    [
        (
            {"lr": 0.01},
            ParameterUse(unread=frozenset({"lr"})),
            "the function does not use its parameter `lr`.",
        ),
        (
            {"lr": 0.01},
            ParameterUse({"lr": "lr = 0.01"}),
            "the function replaces its parameter `lr` by `lr = 0.01`.",
        ),
        ({"lr": 0.01}, ParameterUse(unread=frozenset({"n"})), "a run with the learning rate 0.01."),
        (
            {"data": "IID", "split before": True},
            ParameterUse(),
            "split outside of the function, before it was called.",
        ),
        ({"data": "IID", "split before": "x"}, ParameterUse(), "a run with the IID split."),
        ({"lr": 0.3}, ParameterUse(), "the server got the value of `c` for `lr`."),
        ({"lr": 3}, ParameterUse(), "a run with the learning rate 3."),
    ],
)
def test_the_reason_for_another_parameter_is_told(
    noted: dict[str, Any], usage: ParameterUse, reason: str
) -> None:
    runs = [FIRST, {**SECOND, **noted}]

    assert diagnose(CURVES, CURVES, runs=runs, usage=usage, arguments={"c": 0.3, "e": 3}).endswith(reason)


def test_rounds_that_are_not_used_are_told() -> None:
    usage = ParameterUse(unread=frozenset({"nr_rounds"}))
    curves = {key: curve * 2 for key, curve in CURVES.items()}

    assert diagnose(curves, CURVES, usage=usage).endswith("does not use its parameter `nr_rounds`.")


def test_of_several_runs_with_the_same_accuracies_the_nearest_is_named() -> None:
    runs = [FIRST, {**SECOND, "lr": 0.01, "e": 1, "seed": 3}, {**SECOND, "e": 3}]

    assert (
        diagnose(CURVES, CURVES, runs=runs)
        == "The curve 'FedAvg' of f() comes from a run with 3 local epochs."
    )


def test_of_two_servers_with_the_same_accuracies_the_right_one_is_named() -> None:
    runs = [FIRST, {**SECOND, "server": "FedSgdServer", "e": 3}, {**SECOND, "lr": 0.01}]

    assert diagnose(CURVES, CURVES, runs=runs).endswith("comes from a run with the learning rate 0.01.")


def test_of_two_runs_with_the_same_accuracies_that_with_the_row_s_messages_is_named() -> None:
    """Two rounds of 5 clients make 20 messages."""
    runs = [FIRST, {**SECOND, "lr": 0.01}, {**SECOND, "clients per round": 5, "lr": 0.01, "e": 3}]

    assert diagnose(TABLE, TABLE, runs=runs) == "Row 2 of f() comes from a run with 5 clients per round."


def test_the_run_of_a_right_result_is_not_taken_for_another_s() -> None:
    """Though it had the same accuracies, by chance."""
    first = {**FIRST, "accuracies": [30.0, 93.0]}
    wrong = {**SECOND, "server": "FedSgdServer", "lr": 0.01, "e": 3, "seed": 3}
    table = change(0, "Test accuracy", 93.0)

    assert (
        diagnose(table, table, runs=[first, wrong])
        == "Row 2 of f() comes from a run with the learning rate 0.01."
    )


@pytest.mark.parametrize(("right", "name"), [(CURVES, "the curve 'FedAvg'"), (TABLE, "row 2")])
def test_a_run_of_another_result_is_named(right: Any, name: str) -> None:
    exchanged: Any = (
        dict(zip(CURVES, reversed(CURVES.values()), strict=True))
        if right is CURVES
        else change(0, "Test accuracy", 93.0, change(1, "Test accuracy", 43.0))
    )

    assert diagnose(exchanged, right, runs=[FIRST, SECOND]).endswith(
        f"batches of 5. That is the run of {name}."
    )


@pytest.mark.parametrize("rate", [math.nan, math.inf])
def test_a_run_with_a_learning_rate_that_is_no_number_is_told(rate: float) -> None:
    curves = {**CURVES, "FedAvg": [10.0, 10.0]}
    runs = [FIRST, {**SECOND, "lr": rate, "accuracies": [10.0, 10.0]}]

    assert diagnose(curves, CURVES, runs=runs).endswith(f"comes from a run with the learning rate {rate}.")


def lengthen(run: Mapping[str, Any]) -> dict[str, Any]:
    return {**run, "accuracies": [*run["accuracies"], 50.0]}


def test_a_longer_run_may_be_cut() -> None:
    runs = [lengthen(FIRST), lengthen(SECOND)]

    assert diagnose(TABLE, TABLE, runs=runs) == ""
    assert diagnose(CURVES, CURVES, runs=runs) == ""


def test_another_round_than_the_last_is_named() -> None:
    runs = [FIRST, SECOND]

    assert (
        diagnose(change(1, "Test accuracy", 95.0), TABLE, runs=runs)
        == "Row 2 of f() is what its run gave after round 1."
    )
    assert (
        diagnose({**CURVES, "FedAvg": [93.0, 50.0]}, CURVES, runs=[FIRST, lengthen(SECOND)])
        == "The curve 'FedAvg' of f() is what its run gave after round 3."
    )


def test_an_exchange_is_not_taken_for_another_round() -> None:
    """Though a row's own run had the same accuracy after another round."""
    first = {**FIRST, "accuracies": [93.0, 43.0]}

    exchanged = change(0, "Test accuracy", 93.0, change(1, "Test accuracy", 43.0))

    assert diagnose(exchanged, TABLE, runs=[first, SECOND]).startswith("Row 2 of f() comes from a run")


WRONG = {**SECOND, "e": 3}


@pytest.mark.parametrize(
    "runs",
    [
        [FIRST, SECOND],
        [SECOND, FIRST],
        [WRONG, FIRST, SECOND],
        [FIRST, {**SECOND, "lr": 0.1 + 1e-17}],
        [WRONG],
        [FIRST, {**WRONG, "accuracies": [95.0, 92.0]}],
        [{**WRONG, "accuracies": ["95", 93.0]}, FIRST],
        [{**WRONG, "accuracies": None}, FIRST],
        [],
    ],
    ids=[
        *["right", "in another order", "one more with the same accuracies", "rounding", "too few"],
        *["a curve of none", "forged accuracies", "without accuracies", "none"],
    ],
)
def test_what_the_runs_do_not_contradict_passes(runs: Any) -> None:
    assert diagnose(CURVES, CURVES, runs=runs) == ""


def test_fewer_runs_than_results_say_nothing() -> None:
    """The others were kept from an earlier call, or did not happen here."""
    table = change(0, "Test accuracy", 93.0)

    assert diagnose(table, table, runs=[WRONG]) == ""


def test_rounded_accuracies_are_found() -> None:
    runs = [FIRST, {**WRONG, "accuracies": [95.03, 92.96]}]

    assert (
        diagnose(CURVES, CURVES, runs=runs)
        == "The curve 'FedAvg' of f() comes from a run with 3 local epochs."
    )


@pytest.mark.parametrize("forged", [{"data": ["IID"]}, {"n": "ten"}, {"e": [1]}, {"lr": None}])
def test_forged_notes_get_a_sentence_at_most(forged: dict[str, Any]) -> None:
    assert "comes from a run with" in diagnose(CURVES, CURVES, runs=[FIRST, {**SECOND, **forged}])


def test_right_notes_excuse_no_wrong_values() -> None:
    wrong = {**CURVES, "FedAvg": [95.0, 60.0]}

    runs = [FIRST, {**SECOND, "accuracies": [95.0, 60.0]}]

    assert diagnose(wrong, CURVES, runs=runs) == "The curve 'FedAvg' of f() is wrong from round 2 on (60.0)."


# --- servers of the submission's own --------------------------------------------------------------------------

OWN = {"class": "Mine", "n": 10, "clients per round": 3, "lr": 0.01}


def test_beside_own_servers_accuracies_alone_decide() -> None:
    assert diagnose(CURVES, CURVES, runs=[FIRST, WRONG], own_servers=[OWN]) == ""


def test_what_an_own_server_was_made_with_explains_wrong_accuracies() -> None:
    failure = find_failure({**CURVES, "FedAvg": [95.0, 60.0]}, CURVES, own_servers=[OWN])

    assert failure is not None
    assert (
        failure.seen
        == "The curve 'FedAvg' of f() has the test accuracies 95.0, 60.0, and a Mine was made with the learning rate 0.01."
    )
    assert failure.expected == "servers made with the learning rate 0.1"


@pytest.mark.parametrize(
    "own", [{"class": "Mine"}, {**OWN, "lr": 0.1}], ids=["nothing known", "as it should be"]
)
def test_an_own_server_that_explains_nothing_is_not_named(own: dict[str, Any]) -> None:
    assert (
        diagnose({**CURVES, "FedAvg": [95.0, 60.0]}, CURVES, own_servers=[own])
        == "The curve 'FedAvg' of f() is wrong from round 2 on (60.0)."
    )


@pytest.mark.parametrize(
    ("noted", "seen", "expected"),
    [
        pytest.param(
            {"lr": 0.3}, "another learning rate", "the learning rate that the call asks for", id="drawn"
        ),
        pytest.param(
            {"lr": 0.01}, "the learning rate 0.01", "the learning rate that the call asks for", id="default"
        ),
        pytest.param(
            {"new": False}, "a server that was not new any more", "a new server", id="nothing to withhold"
        ),
    ],
)
def test_a_student_reads_no_drawn_argument(noted: dict[str, Any], seen: str, expected: str) -> None:
    failure = find_failure(CURVES, CURVES, runs=[FIRST, {**SECOND, **noted}], arguments={"lr": 0.1, "c": 0.3})

    assert failure is not None
    assert failure.for_student.seen.startswith(f"The curve 'FedAvg' of f() comes from a run with {seen}")
    assert failure.for_student.expected == f"a run with {expected}"


def test_the_instructor_reads_drawn_arguments() -> None:
    failure = find_failure(CURVES, CURVES, runs=[FIRST, {**SECOND, "lr": 0.3}], arguments={"lr": 0.1})

    assert failure is not None
    assert failure.seen == "The curve 'FedAvg' of f() comes from a run with the learning rate 0.3."
    assert failure.expected == "a run with the learning rate 0.1"


# --- what was made of the right runs -------------------------------------------------------------------------

CHANGED: dict[str, tuple[Any, Any, str, str]] = {
    "means, of which another run ends with one": (
        Table(COLUMNS, [["FedSGD", 10, 0.1, 20, 36.5], ["FedAvg", 10, 0.1, 20, 94.0]]),
        TABLE,
        "Row 1 of f() has the test accuracy 36.5, the mean over all rounds of its run.",
        "`result.test_accuracy[-1]`",
    ),
    "a halved accuracy": (
        change(1, "Test accuracy", 46.5),
        TABLE,
        "Row 2 of f() has the test accuracy 46.5, which is not what its run gave.",
        "neither averaged nor scaled",
    ),
    "a smoothed curve": (
        {**CURVES, "FedSGD": [30.0, 36.5]},
        CURVES,
        "The curve 'FedSGD' of f() has the test accuracies 30.0, 36.5, which is not what its run gave.",
        "the list test_accuracy of each run as it is",
    ),
    "a count of its own": (
        change(1, "Message count", 18),
        TABLE,
        "Row 2 of f() has the message count 18.",
        "in place of computing it",
    ),
    "a value before the first round": (
        {key: [10.0, *curve] for key, curve in CURVES.items()},
        CURVES,
        "Each curve of f() has 3 values.",
        "with a value for each round and no others",
    ),
    "one curve without its first value": (
        {**CURVES, "FedAvg": [93.0]},
        CURVES,
        "f()['FedAvg'] has 1 value.",
        "with a value for each round and no others",
    ),
}


@pytest.mark.parametrize(("seen", "right", "sentence", "advice"), CHANGED.values(), ids=CHANGED)
def test_what_was_made_of_right_runs_is_told(seen: Any, right: Any, sentence: str, advice: str) -> None:
    other = {**SECOND, "n": 20, "accuracies": [94.0, 36.5]}
    failure = find_failure(seen, right, runs=[FIRST, SECOND, other])

    assert failure is not None
    assert failure.seen == sentence
    assert advice in failure.advice


def test_shorter_runs_are_told_by_their_rounds() -> None:
    failure = find_failure(
        {**CURVES, "FedAvg": [95.0]}, CURVES, runs=[FIRST, {**SECOND, "accuracies": [95.0]}]
    )

    assert failure is not None
    assert "run every server for nr_rounds rounds" in failure.advice


FORMS: dict[str, tuple[Any, Any, str]] = {
    "pivoted": (Table(["FedAvg", "FedSGD"], [[93.0, 43.0]]), TABLE, "before it is pivoted"),
    "an index": (Table(COLUMNS[1:], [row[1:] for row in TABLE.rows]), TABLE, "`reset_index()`"),
    "misspelt": (
        Table([name.lower() for name in COLUMNS], TABLE.rows),
        TABLE,
        "capitals and spaces count",
    ),
    "percent as text": (change(0, "C", "10%"), TABLE, "as a number and not as text"),
    "a table of curves": (Table(list(CURVES), [[30.0, 95.0], [43.0, 93.0]]), CURVES, "to_dict('list')"),
    "curves in dicts": ({"SGD": {"iid": [30.0, 43.0]}}, CURVES, "put all curves into one dict"),
}


@pytest.mark.parametrize(("seen", "right", "advice"), FORMS.values(), ids=FORMS)
def test_advice_is_for_the_form_that_was_given(seen: Any, right: Any, advice: str) -> None:
    failure = find_failure(seen, right)

    assert failure is not None
    assert advice in failure.advice


def test_a_rate_and_a_fraction_that_are_exchanged_are_told() -> None:
    runs = [{**run, "lr": 0.3, "clients per round": 1, "accuracies": [20.0, 21.0]} for run in (FIRST, SECOND)]
    failure = find_failure({key: [20.0, 21.0] for key in CURVES}, CURVES, runs=runs)

    assert failure is not None
    assert "the server got the fraction of clients for its learning rate" in failure.seen
