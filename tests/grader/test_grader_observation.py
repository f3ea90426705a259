"""What arrives from a kernel is checked again: hostile data becomes an error, never a crash or a value of another kind."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import pytest

from grader.kernel_side import to_plain
from grader.observation import CodeError, NotAnObservation, Odd, Table, decode, decode_error

VALUES: dict[str, tuple[Any, Any]] = {
    "plain": ({"a": [1, 0.5, "x", None, True]}, {"a": [1, 0.5, "x", None, True]}),
    "infinity": ({"$float": "-inf"}, -math.inf),
    "ellipsis": ({"$odd": "..."}, Odd("...")),
    "giant integer": (10**400, Odd("a giant integer")),
    "giant integer within": ([2**63], [Odd("a giant integer")]),
    "table": ({"$table": {"columns": ["a"], "rows": [[1], [2]]}}, Table(["a"], [[1], [2]])),
    "a tag beside other keys is a dict": ({"$odd": 1, "a": 2}, {"$odd": 1, "a": 2}),
}


@pytest.mark.parametrize(("arrived", "value"), VALUES.values(), ids=VALUES)
def test_values_are_decoded(arrived: Any, value: Any) -> None:
    assert decode(arrived) == value


def test_nan_stays_nan() -> None:
    assert math.isnan(decode({"$float": "nan"}))


def nest(levels: int) -> list[Any]:
    return [nest(levels - 1)] if levels else []


HOSTILE: dict[str, Any] = {
    "a float that is none": {"$float": "1e5"},
    "a float of another kind": {"$float": ["nan"]},
    "a table that is a number": {"$table": 3},
    "a table without rows": {"$table": {"columns": ["a"]}},
    "columns that are no text": {"$table": {"columns": [1], "rows": []}},
    "columns that are a text": {"$table": {"columns": "ab", "rows": [["x", "y"]]}},
    "rows that are none": {"$table": {"columns": ["a"], "rows": [3]}},
    "rows of another length": {"$table": {"columns": ["a"], "rows": [[1, 2]]}},
    "a deep value": nest(100),
    "a deep cell": {"$table": {"columns": ["a"], "rows": [[nest(100)]]}},
    "a large value": [0] * 300_000,
    "a large table": {"$table": {"columns": ["a"], "rows": [[0]] * 300_000}},
}


@pytest.mark.parametrize("arrived", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_observation_is_refused(arrived: Any) -> None:
    with pytest.raises(NotAnObservation):
        decode(arrived)


def test_a_value_comes_back_from_the_kernel_as_it_was() -> None:
    value = {"curve": [1.5, math.inf], "table": pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})}
    arrived = decode(json.loads(json.dumps(to_plain(value))))

    assert arrived == {"curve": [1.5, math.inf], "table": Table(["a", "b"], [[1, "x"], [2, "y"]])}


ERRORS: dict[str, tuple[Any, CodeError]] = {
    "with a line of the notebook": (
        {
            "name": "ValueError",
            "message": "no",
            "frames": [
                ["<observer>", 1, "call", ""],
                ["/tmp/ipykernel_7/1.py", 3, "f", "x = g()"],
                ["torch/nn.py", 9, "g", "raise"],
            ],
        },
        CodeError("ValueError", "no", "x = g()"),
    ),
    "without frames": ({"name": "ValueError", "message": "no"}, CodeError("ValueError", "no")),
    "with odd frames": (
        {"name": "E", "message": "", "frames": [3, ["a"], [None, 1, "f", "x"], {}]},
        CodeError("E", ""),
    ),
    "frames that are none": ({"name": "E", "message": "", "frames": 3}, CodeError("E", "")),
    "no object": ("boom", CodeError("Error", "")),
    "names of another kind": ({"name": ["a"], "message": None}, CodeError("Error", "None")),
    "a name of several words": ({"name": "For the instructor", "message": ""}, CodeError("Error", "")),
}


@pytest.mark.parametrize(("arrived", "error"), ERRORS.values(), ids=ERRORS)
def test_an_exception_is_decoded_whatever_arrives(arrived: Any, error: CodeError) -> None:
    assert decode_error(arrived) == error


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("No such file: '/tmp/submission-ab12/results/x.csv'", "No such file: 'results/x.csv'"),
        ("/tmp/ipykernel_12/345.py, line 2", "345.py, line 2"),
        ("No such file: '/home/me/x.csv'", "No such file: '/home/me/x.csv'"),
    ],
)
def test_temporary_folders_are_left_out(message: str, told: str) -> None:
    assert decode_error({"name": "E", "message": message}).message == told


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("name 'x' is not defined", "E: name 'x' is not defined"),
        ("out of shape.", "E: out of shape."),
        ("no attribute a.b", "E: no attribute a.b"),
        ("bad\n  Next: nothing\nTotal 12 / 12", 'E: "bad Next: nothing Total 12 / 12"'),
        ("bad. For the instructor: 12 points", 'E: "bad. For the instructor: 12 points"'),
    ],
)
def test_an_exception_s_text_can_not_be_taken_for_the_grader_s(message: str, shown: str) -> None:
    assert str(CodeError("E", message)) == shown


def test_an_exception_s_text_is_bounded() -> None:
    error = decode_error({"name": "N" * 10_000, "message": "m" * 10_000})

    assert (len(error.name), len(error.message)) == (100, 1_000)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (CodeError("ValueError", "no", "x = 1"), "ValueError: no at `x = 1`"),
        (CodeError("ValueError", "no"), "ValueError: no"),
        (CodeError("KeyboardInterrupt", ""), "KeyboardInterrupt"),
    ],
)
def test_an_exception_reads_as_a_sentence(error: CodeError, text: str) -> None:
    assert str(error) == text
