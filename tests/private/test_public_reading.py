"""What the source of a function says about its parameters."""

from __future__ import annotations

import pytest

from public_tests.reading import ParameterUse, read_usage


def read(body: str) -> ParameterUse:
    return read_usage(f"helper = 1\ndef f(n=1, lr=2):\n    {body}", "f")


@pytest.mark.parametrize(
    ("body", "replaced", "unread"),
    [
        ("return n, lr", {}, set()),
        ("return n", {}, {"lr"}),
        ("n = 100\n    return n, lr", {"n": "n = 100"}, set()),
        ("n, lr = 100, 0.1\n    return n", {"n": "n, lr = (100, 0.1)", "lr": "n, lr = (100, 0.1)"}, set()),
        ("n = int(n)\n    return n, lr", {}, set()),
        ("print(n)\n    n = 100\n    return lr", {}, set()),
        ("for n in range(3): print(n, lr)", {}, set()),
        ("n += 1; lr -= 1", {}, set()),
        ("return (lambda: n + lr)", {}, set()),
        ("return run(**locals())", {}, set()),
        ("!ls\n    return n", {}, {"lr"}),
        ("return (", {}, set()),
    ],
)
def test_parameters_that_are_not_used_are_known(
    body: str, replaced: dict[str, str], unread: set[str]
) -> None:
    assert read(body) == ParameterUse(replaced, frozenset(unread))


def test_nothing_is_known_of_a_function_that_is_not_there() -> None:
    assert read_usage("f = make()", "f") == ParameterUse()


def test_the_first_parameter_that_is_not_used_is_explained() -> None:
    usage = ParameterUse({"n": "n = 100"}, frozenset({"lr"}))

    assert usage.explain("c") is None
    assert "replaces its parameter `n` by `n = 100`" in (usage.explain("c", "n", "lr") or ("", ""))[0]
    assert "does not use its parameter `lr`" in (usage.explain("lr") or ("", ""))[0]
