"""The public check of a function's parameters says what hides them."""

from typing import Any

import pytest

from grader.failure import Failure
from grader.kernel_side import describe_function
from grader.notebook import Cell
from public_tests import test_experiments


class Submitted:
    """A submission that has one function."""

    def __init__(self, function: Any, source: str = "") -> None:
        self._function = function
        self._source = source

    def require_cell(self, tag: str) -> Cell:
        return Cell(0, "code", self._source, (tag,))

    def describe_function(self, _: str, name: str) -> dict[str, Any]:
        return describe_function({name: self._function}, name)


def wrapped(*args: Any, **kwargs: Any) -> None:
    """What a decorator without functools.wraps makes of a function."""


def test_a_function_behind_a_decorator_is_told_of_wraps() -> None:
    with pytest.raises(Failure, match=r"functools\.wraps"):
        test_experiments.test_signature(Submitted(wrapped), "client_number_experiments", [].append)


def test_a_parameter_that_is_not_used_is_remarked_on() -> None:
    remarks: list[Failure] = []
    head = "def client_number_experiments(iid=True, seed=10, lr=0.01, c=0.1, b=100, e=1, nr_rounds=10):"
    source = f"{head}\n    return iid, seed, lr, c, b, nr_rounds"
    names: dict[str, Any] = {}
    exec(source, names)

    submission = Submitted(names["client_number_experiments"], source)
    test_experiments.test_signature(submission, "client_number_experiments", remarks.append)

    assert [remark.seen for remark in remarks] == [
        "In client_number_experiments the function does not use its parameter `e`."
    ]
