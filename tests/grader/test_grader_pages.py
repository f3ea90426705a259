"""The page on a submission: what each reader gets to see, and that all of it is shown as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from grader.figure import Curves, Picture, Rows, read_curves, read_rows
from grader.homework import Exercise
from grader.observation import Table
from grader.pages import Audience, draw_curves, format_submission
from grader.pages.excerpt import mark_lines

EXERCISES = (Exercise("X1", "First", 1), Exercise("X2", "Second", 2))
HOSTILE = "</style></script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'\x1b[31m\u202e"
PARTS = {"seen": "What was seen.", "expected": "what was expected", "next": "do this."}


class Elements(HTMLParser):
    """The elements of a page and their attributes, as a browser finds them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def make_test(number: str = "X1", score: float = 0, most: float = 1, **extra: Any) -> dict[str, Any]:
    return {
        "number": number,
        "name": "a check",
        "score": score,
        "max_score": most,
        "output": "the message",
        "extra_data": {"outcome": "failed", **extra},
    }


def make_page(*tests: dict[str, Any], audience: Audience = "student", **extra: Any) -> str:
    results = {"output": "Homework", "score": 0.5, "max_score": 3, "tests": list(tests), "extra_data": extra}
    return format_submission(results, EXERCISES, audience)


def test_a_message_has_its_three_parts() -> None:
    page = make_page(make_test(**PARTS))

    for part in (
        "<dt>Seen</dt><dd>What was seen.</dd>",
        "<dt>Expected</dt><dd>what was expected</dd>",
        "<dt>Next</dt><dd>do this.</dd>",
    ):
        assert part in page
    assert "the message" not in page  # it says the same


def test_what_was_not_reached_refers_to_what_failed() -> None:
    unreached = {**make_test(not_reached=True), "output": "Not reached: What was seen."}
    page = make_page({**make_test(**PARTS), "name": "it starts"}, unreached)

    assert "Not reached, because of: it starts." in page
    assert page.count("What was seen.") == 1


def test_an_exercise_that_nobody_has_begun_is_told_in_one_line() -> None:
    page = make_page(make_test(**PARTS), make_test("X2", **PARTS), untouched=["X1", "X2"])

    assert page.count("still empty") == 4  # a line each, their number, and the next step
    assert "What was seen." not in page


def test_the_next_step_stands_on_top() -> None:
    page = make_page(
        make_test("X1", 1, outcome="passed"),
        make_test("X2", **PARTS),
        make_test("X2", seen="Later.", next="no"),
    )

    step = page.index('<b>Next step</b> <a href="#exercise-X2">X2</a>: do this.')
    assert step < page.index("<h2")


def test_a_page_without_points_counts_checks_and_says_what_they_look_at() -> None:
    results = {"output": "Homework", "score": 0, "max_score": 0, "extra_data": {}}
    tests = [make_test(most=0, outcome=outcome) for outcome in ("passed", "passed", "failed")]
    page = format_submission({**results, "tests": tests}, EXERCISES)
    complete = format_submission({**results, "tests": tests[:1]}, EXERCISES)

    assert "2 of 3 checks" in page
    assert "<b>2 of 3</b> checks passed" in page
    assert "Whether it is right is graded after you hand in." in complete
    assert "Nothing is left to do here" in complete


SECRETS: dict[str, Any] = {
    "instructor": "secret seen\n  Expected: secret expected\n  Next: secret advice",
}
SECRET_CONTEXT: dict[str, Any] = {
    "grading_seed": "secret seed",
    "isolation": "secret level",
    "tampering": ["secret sign"],
    "B1": ["secret note"],
    "anything_new": "secret fact",
    "figures": {
        "X1": [
            {"type": "curves", "title": "own", "x": "a", "y": "b", "series": {"own curve": [1, 2]}}
            | {"reference": {"secret curve": [3.25, 4]}},
            {
                "type": "rows",
                "title": "own",
                "columns": ["own"],
                "rows": [["mine"]],
                "reference": [["secret"]],
            },
            {
                "type": "picture",
                "title": "secret",
                "svg": "<svg/>",
                "description": "",
                "only_instructor": True,
            },
        ]
    },
}


@pytest.mark.parametrize("audience", ["student", "instructor"])
def test_what_is_the_instructor_s_is_not_on_a_student_s_page(audience: Audience) -> None:
    page = make_page(make_test(**PARTS, **SECRETS), audience=audience, **SECRET_CONTEXT)
    found = len(re.findall("secret|3.25", page))

    assert found >= 9 if audience == "instructor" else found == 0
    assert "What was seen." in page
    assert "mine" in page


def test_hostile_text_is_shown_as_text_wherever_it_stands() -> None:
    figures = [
        Curves(title=HOSTILE, x=HOSTILE, y=HOSTILE, series={HOSTILE: [1.0]}, reference={HOSTILE: [2.0]}),
        Rows(title=HOSTILE, columns=[HOSTILE], rows=[[HOSTILE]], reference=[[HOSTILE]]),
        Picture(title=HOSTILE, svg=HOSTILE, description=HOSTILE),
    ]
    parts = dict.fromkeys(("seen", "expected", "next", "answer"), HOSTILE)
    page = make_page(
        {**make_test(**parts, remarks=[HOSTILE], instructor=HOSTILE), "name": HOSTILE, "output": HOSTILE},
        audience="instructor",
        submission=HOSTILE,
        handed_in=[HOSTILE],
        tampering=[HOSTILE],
        fact=HOSTILE,
        figures={"X1": msgspec.to_builtins(figures)},
        code={"X1": [(HOSTILE, HOSTILE)]},
    )

    assert page.count("&lt;script&gt;") >= 25
    assert "<script" not in page
    assert page.count("</style>") == 1
    elements = Elements(page)
    assert {"script", "iframe", "object"}.isdisjoint(elements.names)
    assert not [name for name in elements.attributes if name.startswith("on")]
    assert not {"\x1b", "\u202e"} & set(page)


def test_a_page_loads_nothing() -> None:
    page = make_page(make_test(**PARTS))

    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert "url(" not in page


def test_a_line_is_marked_that_a_message_names_or_quotes() -> None:
    source = "import torch\ndef f():\n    return q\n\n\nf()\n"
    named = mark_lines("b1.py", source, ["Rank 1 waits in recv() b1.py:6 and otherb1.py:1."])
    quoted = mark_lines("b1.py", source, ["It raised NameError: q at `return q`."])

    assert [line.number for line in named.lines if line.is_marked] == [6]
    assert [line.number for line in quoted.lines if line.is_marked] == [3]
    assert [line.number for line in quoted.passages[0]] == [1, 2, 3, 4, 5, 6]


ANSWERS = """\
import torch

class Answers:
    q1 = "a"
    q2: str = "b"

class Server:
    class Client:
        def update(self, weights):
            return weights

number: int = 7
def many_runs(n):
    run = [n]
    return run
"""


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("Answers.q2 is 'b', which is not one of the options.", [5]),
        ("many_runs(n=3) is None (is a return missing?).", [13]),
        ("Server.Client.update(…) returned 7.", [9]),
        ("After 2 rounds the model of Server(…) has other weights than its run.", [7]),
        ("A number of the Answers: many_run, torch.number, other.many_runs, Answers2.q1.", []),
        ("many_runs raised KeyError at `return run`.", [15]),
    ],
)
def test_where_no_line_is_named_a_definition_is_marked(message: str, lines: list[int]) -> None:
    marked = mark_lines("the cell", ANSWERS, [message]).lines

    assert [line.number for line in marked if line.is_marked] == lines


@pytest.mark.parametrize("source", ["%%time\nx_y = 1\n", "(" * 9_000, "x_y = 1\0", "x_y" + ".a" * 19_000])
def test_what_is_no_plain_python_has_no_definitions(source: str) -> None:
    assert mark_lines("the cell", source, ["x_y is 1."]).passages == []


def test_without_a_place_no_passage_is_shown() -> None:
    assert mark_lines("b1.py", "a = 1\n", ["b1.py:99 and nothing else"]).passages == []


@pytest.mark.parametrize(
    "curve",
    [[], [1.0], [0.0, 0.0], [-5.0, 1e12], [1e-9, 2e-9], list(range(400))],
    ids=lambda curve: str(len(curve)),
)
def test_any_curve_can_be_drawn(curve: list[float]) -> None:
    drawn = str(draw_curves({"one": curve}, {}, x="round", y="accuracy", title="Accuracies"))

    assert "nan" not in drawn
    assert "inf" not in drawn
    assert len(drawn) < 40_000


def test_equal_single_values_lie_beside_each_other() -> None:
    drawn = str(draw_curves({"one": [5.0], "two": [5.0]}, {"one": [5.0]}, x="round", y="", title=""))
    places = re.findall(r'translate\(([\d.]+) ([\d.]+)\)" d=', drawn)

    assert len({x for x, _ in places}) == 2
    assert len({y for _, y in places}) == 1
    assert '<line class="reference"' in drawn


def test_of_what_a_submission_gave_only_finite_numbers_are_drawn() -> None:
    given = {
        "right": [1, 2.5],
        "text": ["a"],
        "endless": [float("inf")],
        "none": [],
        "truth": [True],
        "big": [1e300],
    }

    assert read_curves(given) == {"right": [1.0, 2.5]}
    assert read_curves([1, 2]) == {}
    assert read_rows(Table(["a", "b"], [[1, "x"], [float("nan"), None]])) == (
        ["a", "b"],
        [[1, "x"], ["nan", "None"]],
    )
