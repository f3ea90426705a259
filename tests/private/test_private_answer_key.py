"""The answer key, and the rules that derive it from the records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grader import read_homework
from private_tests.answer_key import records
from private_tests.answer_key.key import KEY
from private_tests.answer_key.rules import RULES, measure_roughness
from solutions import observations

HANDOUT = read_homework(Path(__file__).parents[2]).handout
STORED = sorted(path.stem for path in records.FOLDER.glob("*.json"))
QUESTIONS = [(name, question) for name, answers in KEY.items() for question in answers]


@pytest.mark.parametrize(("name", "question"), QUESTIONS)
def test_the_solution_answers_as_the_key_does(name: str, question: str) -> None:
    assert getattr(getattr(observations, name), question) == KEY[name][question]


def test_every_question_has_a_key_and_a_rule() -> None:
    asked = {
        (name, question)
        for tag in HANDOUT.cells
        if tag.endswith("_observations")
        for name, questions in HANDOUT.options(tag).items()
        for question in questions
    }

    assert asked == set(QUESTIONS) == {(name, question) for name in RULES for question in RULES[name]}


def test_the_records_that_the_kit_keeps_are_stored() -> None:
    kept = {
        dataset: {str(seed) for name, seed in records.KEPT if name == dataset} for dataset, _ in records.KEPT
    }

    assert {dataset: set(records.read(dataset)["seeds"]) for dataset in STORED} == kept


@pytest.mark.parametrize("dataset", STORED)
@pytest.mark.parametrize(("name", "question"), QUESTIONS)
def test_the_records_bear_the_key_out(dataset: str, name: str, question: str) -> None:
    """On every stored seed; `pytest -rP` shows the margins."""
    derived = {
        seed: RULES[name][question](stored["experiments"])
        for seed, stored in records.read(dataset)["seeds"].items()
    }
    for seed, found in derived.items():
        print(
            f"{dataset}, seed {seed}, {name}.{question}: {found.answer!r} by {found.margin:.2f} {found.unit}"
        )

    assert {seed: found.answer for seed, found in derived.items()} == dict.fromkeys(
        derived, KEY[name][question]
    )


@pytest.mark.parametrize("dataset", STORED)
def test_records_say_where_they_come_from(dataset: str) -> None:
    for seed, stored in records.read(dataset)["seeds"].items():
        facts = stored["provenance"]

        assert (facts["dataset"], facts["train_samples"], facts["test_samples"]) == (
            dataset,
            60_000,
            10_000,
        ), seed
        assert {
            "dataset_checksum",
            "device",
            "torch",
            "torchvision",
            "numpy",
            "python",
            "commit",
            "date",
        } <= facts.keys()


# --- the rules tell answers apart -------------------------------------------------------------------------------------------------------


def make_table(column: str, sgd: list[float], avg: list[float]) -> list[dict[str, Any]]:
    rows = []
    for low, high in zip(sgd, avg, strict=True):
        rows += [{"Algorithm": "FedSGD", column: low}, {"Algorithm": "FedAvg", column: high}]
    return rows


ACCURACY, MESSAGES = "Test accuracy", "Message count"

# For each answer, figures of which it is the right one.
MADE_UP: list[tuple[str, str, str, Any, Any]] = [
    (
        "ClientNumberObservations",
        "q1",
        "client_number",
        make_table(MESSAGES, [20, 100], [20, 100]),
        "neither",
    ),
    ("ClientNumberObservations", "q1", "client_number", make_table(MESSAGES, [20, 300], [20, 100]), "fedsgd"),
    ("ClientNumberObservations", "q1", "client_number", make_table(MESSAGES, [20, 100], [20, 300]), "fedavg"),
    ("ClientNumberObservations", "q2", "client_number", make_table(ACCURACY, [40, 41], [90, 80]), "fedavg"),
    ("ClientNumberObservations", "q2", "client_number", make_table(ACCURACY, [40, 60], [90, 80]), "fedsgd"),
    ("ClientNumberObservations", "q3", "client_number", make_table(ACCURACY, [40, 41], [90, 80]), "negative"),
    ("ClientNumberObservations", "q3", "client_number", make_table(ACCURACY, [40, 41], [80, 90]), "positive"),
    (
        "ClientFractionObservations",
        "q1",
        "client_fraction",
        make_table(ACCURACY, [40, 41], [70, 80]),
        "fedavg",
    ),
    (
        "ClientFractionObservations",
        "q1",
        "client_fraction",
        make_table(ACCURACY, [40, 81], [70, 80]),
        "fedsgd",
    ),
    (
        "ClientFractionObservations",
        "q2",
        "client_fraction",
        make_table(MESSAGES, [0, 0], [20, 40]),
        "increase",
    ),
    (
        "ClientFractionObservations",
        "q2",
        "client_fraction",
        make_table(MESSAGES, [0, 0], [40, 20]),
        "decrease",
    ),
    (
        "ClientFractionObservations",
        "q2",
        "client_fraction",
        make_table(MESSAGES, [0, 0], [20, 20]),
        "neither",
    ),
    (
        "ClientFractionObservations",
        "q3",
        "client_fraction",
        make_table(ACCURACY, [40, 41], [70, 80]),
        "fedsgd",
    ),
    (
        "ClientFractionObservations",
        "q3",
        "client_fraction",
        make_table(ACCURACY, [40, 60], [70, 80]),
        "fedavg",
    ),
]


@pytest.mark.parametrize(("name", "question", "experiment", "table", "answer"), MADE_UP)
def test_a_table_rule_follows_its_figures(
    name: str, question: str, experiment: str, table: Any, answer: Any
) -> None:
    assert RULES[name][question]({experiment: table}).answer == answer


def make_epochs(sgd: float, *avg: float) -> dict[str, list[float]]:
    return {
        "FedSGD E=1": [sgd],
        **{f"FedAvg E={e}": [final] for e, final in zip((1, 2, 4), avg, strict=True)},
    }


@pytest.mark.parametrize(
    ("curves", "answers"),
    [
        (make_epochs(40, 80, 88, 92), {"q1": "fedavg", "q2": "increase", "q3": "decrease"}),
        (make_epochs(85, 80, 82, 90), {"q1": "fedsgd", "q2": "increase", "q3": "increase"}),
        (make_epochs(40, 80, 70, 65), {"q1": "fedavg", "q2": "decrease", "q3": "decrease"}),
        (make_epochs(40, 80, 88, 85), {"q1": "fedavg", "q2": "depends", "q3": "decrease"}),
    ],
)
def test_the_rules_of_local_epochs_follow_the_curves(curves: Any, answers: dict[str, str]) -> None:
    rules = RULES["LocalEpochObservations"]

    assert {question: rule({"local_epoch": curves}).answer for question, rule in rules.items()} == answers


def make_splits(iid: list[float], noniid: list[float]) -> dict[str, list[float]]:
    return {
        f"{name} {split}": curve
        for name in ("FedSGD", "FedAvg")
        for split, curve in (("iid", iid), ("non-iid", noniid))
    }


@pytest.mark.parametrize(
    ("iid", "noniid", "answers"),
    [
        ([50, 60, 70], [20, 30, 25], {"q1": "iid", "q2": False}),
        ([50, 60, 70], [20, 30, 35], {"q1": "iid", "q2": True}),
        ([10, 20, 30], [20, 30, 40], {"q1": "non-iid", "q2": True}),
    ],
)
def test_the_rules_of_the_split_follow_the_curves(
    iid: list[float], noniid: list[float], answers: dict[str, Any]
) -> None:
    rules = RULES["IidNonIidObservations"]
    curves = {"iid_noniid": make_splits(iid, noniid)}

    assert {question: rule(curves).answer for question, rule in rules.items()} == answers


@pytest.mark.parametrize(
    ("old", "new", "answers"),
    [
        ([30, 10, 40, 20], [10, 15, 20, 25], {"q1": "better", "q2": False}),
        ([10, 15, 20, 25], [30, 10, 40, 20], {"q1": "worse", "q2": True}),
        ([30, 10, 40, 20], [30, 11, 41, 20], {"q1": "similar", "q2": False}),
    ],
)
def test_the_rules_of_parameters_follow_the_curves(
    old: list[float], new: list[float], answers: dict[str, Any]
) -> None:
    curves = {
        f"{name} {kind}": curve
        for name in ("FedSGD", "FedAvg")
        for kind, curve in (("Old", old), ("New", new))
    }
    rules = RULES["NonIidParameterObservations"]

    assert {
        question: rule({"noniid_parameter": curves}).answer for question, rule in rules.items()
    } == answers


@pytest.mark.parametrize(("curve", "falls"), [([1, 2, 3], 0), ([3, 1, 2, 0], 4), ([5], 0)])
def test_roughness_adds_up_what_a_curve_falls(curve: list[float], falls: float) -> None:
    assert measure_roughness(curve) == falls
