"""What the observer in a submission's kernel answers: plain data, whatever a notebook defines."""

from __future__ import annotations

import builtins
import dataclasses
import enum
import importlib
import math
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from grader import kernel_side
from grader.kernel_side import (
    Bindings,
    NotDefined,
    NotPlain,
    call,
    describe_error,
    describe_function,
    load_probes,
    read_class,
    read_value,
    to_plain,
)


class Text(str):
    """A str of a submission's own."""

    __slots__ = ()


class Number(int):
    """An int of a submission's own."""


class Curves(dict[str, Any]):
    """A dict of a submission's own, which shows others than it has."""

    def items(self) -> Any:
        raise AssertionError("the submission's code was run")


class Agreeing(type):
    """Its classes are equal to any other."""

    def __eq__(cls, other: object) -> bool:
        return True

    __hash__ = type.__hash__


class Alike(metaclass=Agreeing):
    """Equal to str, but none."""


class Run(NamedTuple):
    """A run of a submission's own."""

    n: int
    accuracy: float


NAN, INFINITY = {"$float": "nan"}, {"$float": "inf"}

PLAIN: dict[str, tuple[Any, Any]] = {
    "nothing": (None, None),
    "bool": (True, True),
    "int": (-3, -3),
    "float": (0.5, 0.5),
    "str": ("é\ud800", "é\ud800"),
    "NaN": (math.nan, NAN),
    "infinities": ([math.inf, -math.inf], [INFINITY, {"$float": "-inf"}]),
    "largest int": (2**63 - 1, 2**63 - 1),
    "giant int": (2**63, {"$odd": "a giant integer"}),
    "giant negative int": (-(10**5_000), {"$odd": "a giant integer"}),
    "ellipsis": ({"a": [...]}, {"a": [{"$odd": "..."}]}),
    "tuple": ((1, [2.0, "a"]), [1, [2.0, "a"]]),
    "dict": ({"a": [1], "b": {"c": None}}, {"a": [1], "b": {"c": None}}),
    "defaultdict": (defaultdict(list, {"a": [1]}), {"a": [1]}),
    "ordered dict": (OrderedDict(a=1), {"a": 1}),
    "str of its own": (Text("a"), "a"),
    "str of an enum": (enum.StrEnum("Key", {"A": "FedAvg E=1"}).A, "FedAvg E=1"),  # type: ignore[attr-defined]
    "dict of its own": (Curves({Text("a"): [1]}), {"a": [1]}),
    "dict with numpy's keys": ({np.str_("a"): 1}, {"a": 1}),
    "named tuple": (Run(10, 0.5), [10, 0.5]),
    "range": (range(2, 8, 2), [2, 4, 6]),
    "numpy int": (np.int64(3), 3),
    "numpy float": (np.float32(0.5), 0.5),
    "numpy NaN": (np.float64("nan"), NAN),
    "numpy bool": (np.bool_(True), True),
    "numpy str": (np.str_("a"), "a"),
    "numpy array": (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    "numpy scalar array": (np.array(2.5), 2.5),
    "numpy array of objects": (np.array([1, "a"], dtype=object), [1, "a"]),
    "torch scalar": (torch.tensor(2.5), 2.5),
    "torch tensor that needs a gradient": (torch.ones(2, requires_grad=True) * 2, [2.0, 2.0]),
    "torch bfloat16": (torch.ones(1, dtype=torch.bfloat16), [1.0]),
    "pandas series": (pd.Series([1, 2]), [1, 2]),
    "list of scalars": ([np.float64(1.5), torch.tensor(2)], [1.5, 2]),
}


@pytest.mark.parametrize(("value", "plain"), PLAIN.values(), ids=PLAIN)
def test_values_become_plain(value: Any, plain: Any) -> None:
    seen = to_plain(value)

    assert seen == plain
    assert type(seen) is type(plain)


def test_a_table_becomes_columns_and_rows() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, math.nan], 3: ["x", "y"]}, index=[7, 8])

    assert to_plain(frame) == {"$table": {"columns": ["a", "b", "3"], "rows": [[1, 0.5, "x"], [2, NAN, "y"]]}}


def test_long_text_is_cut() -> None:
    assert len(to_plain("a" * 1_000_000)) == kernel_side.MAX_CHARACTERS


def make_cycle() -> list[Any]:
    cycle: list[Any] = []
    cycle.append(cycle)
    return cycle


def nest(levels: int) -> list[Any]:
    return [nest(levels - 1)] if levels else []


NOT_PLAIN: dict[str, tuple[Callable[[], Any], str]] = {
    "a set": (lambda: {1}, "of type set"),
    "a complex number": (lambda: 1j, "of type complex"),
    "a function": (lambda: print, "of type builtin_function_or_method"),
    "a generator": (lambda: (n for n in "a"), "of type generator"),
    "an int of its own": (lambda: Number(1), "of type Number"),
    "an enum": (lambda: enum.Enum("Answer", "YES").YES, "of type Answer"),
    "a date of numpy": (lambda: np.datetime64("2025-01-01"), "of type date"),
    "a key that is no str": (lambda: {1: "a"}, "a key of type int"),
    "a class that says it equals str": (lambda: Alike(), "of type Alike"),
    "a set in a list": (lambda: [1, {2}], r"^a value in which \[1\] is a value of type set$"),
    "a set in curves": (
        lambda: {"a": [1], "b": [{2}]},
        r"^a value in which \['b'\]\[0\] is a value of type set$",
    ),
    "a dict of dicts": (
        lambda: {"N": {0: 1}},
        r"^a value in which \['N'\] is a dict with a key of type int \(keys must be str\)$",
    ),
    "a cycle": (make_cycle, "12 levels"),
    "deep nesting": (lambda: nest(50), "12 levels"),
    "a giant range": (lambda: range(10**30), "over 200,000 items"),
    "many items": (lambda: [0] * 300_000, "over 200,000 items"),
    "a large array": (lambda: np.zeros(300_000), "300,000 items"),
    "a large tensor": (lambda: torch.zeros(300_000), "300,000 items"),
    "a large table": (lambda: pd.DataFrame(np.zeros((300_000, 1))), "300,000 items"),
    "an array within an array": (lambda: [np.zeros(150_000), np.zeros(150_000)], "150,000 items"),
}


@pytest.mark.parametrize(("make", "what"), NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_has_no_plain_form_is_named(make: Callable[[], Any], what: str) -> None:
    with pytest.raises(NotPlain, match=what):
        to_plain(make())


@pytest.mark.parametrize("levels", [10, 11])
def test_what_is_not_too_deep_is_converted(levels: int) -> None:
    assert to_plain(nest(levels)) == nest(levels)


# --- answer classes ---------------------------------------------------------------------------------------------------------------------


class Trap:
    """Everything that could be asked of a value ends the test."""

    def __getattribute__(self, name: str) -> Any:
        pytest.fail(f"the attribute {name} was asked for")

    def __eq__(self, other: object) -> bool:
        pytest.fail("equality was asked for")

    def __hash__(self) -> int:
        pytest.fail("the hash was asked for")

    def __get__(self, instance: object, owner: object) -> str:
        pytest.fail("the descriptor was asked")


class Member(enum.StrEnum):
    FEDAVG = "fedavg"


class Plain(enum.Enum):
    FEDAVG = "fedavg"


class Answers:
    """An answer class with every kind of attribute."""

    right = "fedavg"
    yes = True
    number = 3
    unfilled = ...
    foreign_bool = np.bool_(True)
    own_text = Text("fedavg")
    member = Member.FEDAVG
    plain_member = Plain.FEDAVG
    two = ("fedavg",)
    computed = property(lambda _: "fedavg")
    descriptor = Trap()
    annotated: str


class Derived(Answers):
    """Has no answers of its own."""


@pytest.mark.parametrize(
    ("attribute", "found"),
    [
        ("right", {"value": "fedavg"}),
        ("yes", {"value": True}),
        ("number", {"value": 3}),
        ("unfilled", {"odd": "..."}),
        ("foreign_bool", {"odd": "numpy.bool"}),
        ("own_text", {"value": "fedavg"}),
        ("member", {"value": "fedavg"}),
        ("plain_member", {"odd": "Plain"}),
        ("two", {"odd": "tuple"}),
        ("computed", {"odd": "property"}),
        ("descriptor", {"odd": "Trap"}),
        ("annotated", {"missing": True}),
        ("absent", {"missing": True}),
    ],
)
def test_answers_are_read_without_running_their_code(attribute: str, found: dict[str, Any]) -> None:
    assert read_class({"A": Answers}, "A", [attribute]) == {"kind": "class", "attributes": {attribute: found}}


def test_inherited_answers_are_not_the_class_s_own() -> None:
    assert read_class({"A": Derived}, "A", ["right"])["attributes"] == {"right": {"missing": True}}


class Meta(type):
    """Would answer anything."""

    def __getattribute__(cls, name: str) -> Any:
        pytest.fail(f"the metaclass was asked for {name}")


@pytest.mark.parametrize(
    ("value", "kind", "name"),
    [
        (Meta("Fake", (), {"q1": "fedavg"}), "metaclass", "Meta"),
        (Answers(), "instance", "Answers"),
        ({"q1": "fedavg"}, "instance", "dict"),
        (Trap(), "instance", "Trap"),
    ],
    ids=["metaclass", "instance", "dict", "trap"],
)
def test_what_is_no_plain_class_is_named(value: Any, kind: str, name: str) -> None:
    assert read_class({"A": value}, "A", ["q1"]) == {"kind": kind, "type": name}


def test_a_named_tuple_s_answers_are_its_defaults() -> None:
    class Filled(NamedTuple):
        q1: str = "fedavg"
        q2: bool = False

    answers = read_class({"A": Filled}, "A", ["q1", "q2"])["attributes"]

    assert answers == {"q1": {"value": "fedavg"}, "q2": {"value": False}}


@pytest.mark.parametrize("slots", [False, True])
def test_a_dataclass_is_a_plain_class(slots: bool) -> None:
    @dataclasses.dataclass(slots=slots)
    class Filled:
        q1: str = "fedavg"

    assert read_class({"A": Filled}, "A", ["q1"])["attributes"] == {"q1": {"value": "fedavg"}}


def test_an_answer_that_is_only_a_slot_is_none() -> None:
    class Empty:
        __slots__ = ("q1",)

    assert read_class({"A": Empty}, "A", ["q1"])["attributes"] == {"q1": {"odd": "member_descriptor"}}


# --- globals and functions --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [read_value, describe_function])
def test_what_is_not_defined_is_named(ask: Callable[[dict[str, Any], str], Any]) -> None:
    with pytest.raises(NotDefined, match="answer"):
        ask({}, "answer")


def test_an_ellipsis_is_told_from_a_value() -> None:
    assert read_value({"x": ...}, "x") == call({"f": lambda: ...}, "f", {}) == {"$odd": "..."}


def test_a_function_is_called_with_keywords() -> None:
    assert call({"f": lambda n, c=1: [n, c]}, "f", {"n": np.int64(2)}) == [2, 1]


def test_parameters_and_defaults_are_described() -> None:
    def experiment(n: int, *, lr: float = 0.01, **rest: Any) -> None: ...

    assert describe_function({"f": experiment}, "f") == {
        "kind": "function",
        "parameters": {
            "n": {"kind": "POSITIONAL_OR_KEYWORD"},
            "lr": {"kind": "KEYWORD_ONLY", "default": 0.01},
            "rest": {"kind": "VAR_KEYWORD"},
        },
    }


def test_a_default_of_the_submission_s_own_may_be_anything() -> None:
    def experiment(n: int = 3, bar: Any = print) -> None: ...

    parameters = describe_function({"f": experiment}, "f")["parameters"]
    assert [parameter["default"] for parameter in parameters.values()] == [
        3,
        {"$odd": "builtin_function_or_method"},
    ]


def test_a_class_is_described_by_its_bases() -> None:
    assert describe_function({"A": Derived}, "A") == {
        "kind": "class",
        "bases": ["Derived", "Answers", "object"],
    }


def test_a_value_is_no_function() -> None:
    assert describe_function({"x": 3}, "x") == {"kind": "value", "type": "int"}


# --- exceptions -------------------------------------------------------------------------------------------------------------------------


def catch(function: Callable[[], Any]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    pytest.fail("nothing was raised")


class Mute(Exception):
    """Has no text that can be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("raise_it", "name", "message"),
    [
        (lambda: 1 / 0, "ZeroDivisionError", "division by zero"),
        (lambda: exec("raise SystemExit(3)"), "SystemExit", "3"),
        (lambda: exec("raise Mute", {"Mute": Mute}), "Mute", "(its text can't be shown: RuntimeError)"),
        (lambda: exec("raise ValueError('a' * 10_000)"), "ValueError", "a" * 2_000),
    ],
    ids=["ordinary", "SystemExit", "mute", "long"],
)
def test_an_exception_is_described(raise_it: Callable[[], Any], name: str, message: str) -> None:
    described = describe_error(catch(raise_it))

    assert (described["name"], described["message"]) == (name, message)


def test_a_traceback_is_cut_to_its_end() -> None:
    def descend(levels: int) -> None:
        if levels == 0:
            raise ValueError
        descend(levels - 1)

    frames = describe_error(catch(lambda: descend(100)))["frames"]

    assert len(frames) == kernel_side.MAX_TRACEBACK
    assert frames[-1][2:] == ["descend", "raise ValueError"]


CELLS = (
    "early = lambda: shared() + later(); shared = lambda: 'its own '",
    "later = lambda: 'first'",
    "shared = lambda: 'another '; later = lambda: 'second'; own = lambda: shared() + later()",
    "del later",
)


def test_a_function_is_called_with_the_globals_of_its_own_cell() -> None:
    namespace: dict[str, Any] = {}
    bindings = Bindings(namespace)
    for source in CELLS:
        exec(source, namespace)
        bindings.record()
    end = dict(namespace)

    seen = {}
    for name in ("early", "own"):
        with bindings.as_of(name):
            seen[name] = namespace[name]()

    assert seen == {"early": "its own first", "own": "another second"}
    assert namespace == end


def test_what_a_called_function_binds_stays() -> None:
    namespace: dict[str, Any] = {}
    bindings = Bindings(namespace)
    exec("count = 0\ndef add():\n    global count\n    count += 1", namespace)
    bindings.record()

    for _ in range(3):
        with bindings.as_of("add"):
            namespace["add"]()

    assert namespace["count"] == 3


# --- probes -----------------------------------------------------------------------------------------------------------------------------

PROBES = {
    "first": "def add(a, b): return a + b",
    "second": "from probes.first import add\ndef ask(namespace, name): return to_plain(add(namespace[name], len('ab')))",
}


def test_a_probe_imports_those_before_it_and_nobody_can_afterwards() -> None:
    before = {name for name in sys.modules if name.startswith("probes")}

    loaded = load_probes(PROBES, {**vars(builtins), "len": lambda _: 10})

    assert loaded["second"]["ask"]({"n": 4}, "n") == 14
    assert {name for name in sys.modules if name.startswith("probes")} == before
    with pytest.raises(ImportError):
        importlib.import_module("probes.first")


def test_a_module_of_a_probe_s_name_stays_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ModuleType("probes.first")
    monkeypatch.setitem(sys.modules, "probes.first", own)

    load_probes(PROBES, vars(builtins))

    assert sys.modules["probes.first"] is own


def test_probes_that_fail_leave_no_modules() -> None:
    with pytest.raises(ImportError):
        load_probes({"second": PROBES["second"]}, vars(builtins))

    assert "probes.second" not in sys.modules


def test_what_a_function_removed_is_there_for_the_next_question_and_what_a_cell_removed_is_not() -> None:
    namespace = {"kept": 1, "removed": 2}
    bindings = Bindings(namespace)
    del namespace["removed"]
    bindings.record()  # a cell
    namespace.clear()  # a function

    bindings.restore()

    assert namespace == {"kept": 1}
