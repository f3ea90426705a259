"""The public check of a function's parameters says what hides them."""

from typing import Any

import pytest

from grader.failure import Failure
from grader.kernel_side import describe_function
from public_tests import test_experiments


class Submitted:
    """A submission that has one function."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def describe_function(self, _: str, name: str) -> dict[str, Any]:
        return describe_function({name: self._function}, name)


def wrapped(*args: Any, **kwargs: Any) -> None:
    """What a decorator without functools.wraps makes of a function."""


def test_a_function_behind_a_decorator_is_told_of_wraps() -> None:
    with pytest.raises(Failure, match=r"functools\.wraps"):
        test_experiments.test_signature(Submitted(wrapped), "client_number_experiments")
