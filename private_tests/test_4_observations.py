"""A2 and A3: the multiple-choice answers, against the key."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest

from grader import Submission, check_option, fail

from .answer_key.key import KEY, Answer

CLASSES = {
    "ClientNumberObservations": ("A2.1", "client_number_observations", 1.0),
    "ClientFractionObservations": ("A2.2", "client_fraction_observations", 1.0),
    "LocalEpochObservations": ("A3.1", "local_epoch_observations", 0.5),
    "IidNonIidObservations": ("A3.2", "iid_noniid_observations", 1.0),
    "NonIidParameterObservations": ("A3.3", "noniid_parameter_observations", 1.0),
}

CASES = [
    pytest.param(
        name,
        question,
        id=f"{name}.{question}",
        marks=pytest.mark.exercise(exercise, points=points / len(KEY[name])),
    )
    for name, (exercise, _, points) in CLASSES.items()
    for question in KEY[name]
]


def list_options(name: str, question: str) -> tuple[Answer, ...]:
    """The options that the handout gives."""
    from solutions import observations

    hint = get_type_hints(getattr(observations, name))[question]
    return (False, True) if hint is bool else get_args(hint)


@pytest.mark.parametrize(("name", "question"), CASES)
def test_answer(submission: Submission, name: str, question: str) -> None:
    """The answer is right."""
    _, tag, _ = CLASSES[name]
    found = submission.read_class(tag, name, list(KEY[name]))[question]
    options = list_options(name, question)
    what, expected = f"{name}.{question}", "one of " + ", ".join(map(repr, options))
    if "value" not in found:
        state = (
            "not defined"
            if found.get("missing")
            else "still `...`"
            if found.get("odd") == "..."
            else f"a {found.get('odd')}"
        )
        fail(f"{what} is {state}.", expected, f"assign the answer itself in the cell tagged {tag!r}.")
    value = found["value"]
    check_option(what, value, options)
    if value != KEY[name][question]:
        fail(
            f"{what} is {value!r}, which the experiments do not bear out.",
            "the option that the curves and tables with the handout's parameters show",
            "run the experiment with its defaults on all data, and look at the question again.",
        )
