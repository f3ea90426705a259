"""A homework whose explanation has a rubric."""

from __future__ import annotations

from msgspec.structs import replace

from grader.homework import Homework, RubricLine

LINES = (RubricLine("says how many", 0.25), RubricLine("says why", 0.5))


def with_rubric(homework: Homework) -> Homework:
    first, second = homework.exercises
    (item,) = second.manual
    return replace(homework, exercises=(first, replace(second, manual=(replace(item, rubric=LINES),))))
