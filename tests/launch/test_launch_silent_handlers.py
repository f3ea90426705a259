"""Which exceptions a script drops without a word."""

import pytest

from launch.worker.silent_handlers import drops, find_handlers

PROGRAM = """
try:
    train()
except {caught}:
    {then}
"""


@pytest.mark.parametrize("caught", ["", "Exception", "(KeyError, RuntimeError)", "builtins.RuntimeError"])
def test_a_handler_that_calls_nothing_drops_what_it_catches(caught):
    assert drops(find_handlers(PROGRAM.format(caught=caught, then="pass")), 3, RuntimeError)


@pytest.mark.parametrize(
    ("caught", "then"), [("ValueError", "pass"), ("Exception", "raise"), ("Exception as e", "print(e)")]
)
def test_an_exception_that_goes_on_or_is_told_is_not_dropped(caught, then):
    assert not drops(find_handlers(PROGRAM.format(caught=caught, then=then)), 3, RuntimeError)


def test_suppress_drops():
    assert drops(find_handlers("with contextlib.suppress(Exception):\n    train()"), 2, RuntimeError)


def test_the_inner_handler_comes_first():
    handlers = find_handlers(
        "try:\n    try:\n        f()\n    except ValueError as e:\n        log(e)\nexcept:\n    pass"
    )
    assert not drops(handlers, 3, ValueError)
    assert drops(handlers, 3, KeyError)


def test_what_steers_a_program_is_no_mistake():
    assert not drops(find_handlers(PROGRAM.format(caught="", then="pass")), 3, StopIteration)
