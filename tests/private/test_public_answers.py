"""What is said about an answer of multiple choice that is none."""

from __future__ import annotations

from typing import Any

import pytest

from grader import Failure, Submission
from public_tests.answers import read_answer

OPTIONS = {"q1": ["fedsgd", "fedavg"]}


def read(found: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Submission, "read_class", lambda *_: {"q1": found})
    return read_answer(Submission.__new__(Submission), "tag", "Answers", "q1", OPTIONS)


def test_an_option_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read({"value": "fedavg"}, monkeypatch) == "fedavg"


@pytest.mark.parametrize(
    ("found", "seen", "advice"),
    [
        ({"missing": True}, "is not defined.", "write `q1 = …` into the class itself"),
        ({"odd": "..."}, "is still `...`.", "put the answer in place of the `...`"),
        ({"odd": "tuple"}, "is a tuple.", "or a comma behind it"),
        ({"odd": "Answer"}, "is of type Answer.", "write the answer itself after `q1 =`"),
        ({"value": "both"}, "is 'both', which is not one of the options", "fedsgd"),
    ],
)
def test_what_is_no_answer_is_told(
    found: dict[str, Any], seen: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Failure) as failure:
        read(found, monkeypatch)

    assert failure.value.seen.startswith(f"Answers.q1 {seen}")
    assert advice in failure.value.text
