"""Whether the runs behind a table or curves are those asked for, where a submission makes them with the lab's own servers.

Accuracies on so few images can't tell all runs apart: at a small learning rate one with other clients a round may have the same. But where
each row or curve is exactly what a run of the lab's own server gave, that run's parameters must be the reference's. What is computed
otherwise, or changed before it is returned, is judged by the accuracies alone: two runs may have the same by chance.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grader import Table, fail, is_number, show

Run = Mapping[str, Any]

_ROUNDING = 0.051  # accuracies may be given with one decimal; those of different runs are further apart

# What decides a run, in the order in which a difference is told: the first explains those after it.
_PARAMETERS = {
    "n": "{} clients",
    "data": "other samples at its clients",
    "clients a round": "{} clients a round",
    "lr": "the learning rate {}",
    "b": "the batch size {}",
    "e": "{} local epochs",
    "seed": "the server's seed {}",
}
_RIGHT_DATA = "the samples of split() for the function's own arguments"


def check_runs(what: str, tag: str, answer: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Fail if a row or a curve is that of a run with other parameters than the reference's.

    answer, expected: each with its `value`, a table or curves, which agree; the `runs` of the lab's servers behind it, the reference's in
    the order of its rows or curves; and whether there were `others`
    """
    right_runs: Sequence[Run] = expected["runs"]
    noted = answer.get("runs")
    runs = [run for run in noted if isinstance(run, dict)] if isinstance(noted, list) else []
    if answer.get("others") is not False or _count_servers(right_runs) - _count_servers(runs):
        return
    results = list(_list_results(answer["value"], expected["value"]))
    sources = [
        [run for run in runs if _has_given(run, values, right)]
        for (_, values), right in zip(results, right_runs, strict=True)
    ]
    if not all(sources):
        return
    for (label, _), its, right in zip(results, sources, right_runs, strict=True):
        if all(_find_difference(run, right) is not None for run in its):
            _fail_for(f"{label} of {what}", tag, its[0], right)


def _count_servers(runs: Sequence[Run]) -> Counter[str]:
    return Counter(str(run.get("server")) for run in runs)


def _list_results(seen: Any, expected: Any) -> Iterator[tuple[str, list[Any]]]:
    """Each row's or curve's name and its accuracies; of a row that is the last one."""
    if isinstance(seen, Table):
        column = seen.columns.index("Test accuracy")
        yield from ((f"Row {number}", [row[column]]) for number, row in enumerate(seen.rows, start=1))
    else:
        yield from ((f"The curve {key!r}", seen[key]) for key in expected)


def _has_given(run: Run, values: Sequence[Any], right: Run) -> bool:
    """Whether `values` are the last accuracies of `run`, one of the same algorithm and length as the reference's."""
    accuracies = run.get("accuracies")
    if run.get("server") != right["server"] or not isinstance(accuracies, list):
        return False
    if len(accuracies) != len(right["accuracies"]) or not all(map(is_number, accuracies)):
        return False
    last = accuracies[len(accuracies) - len(values) :]
    return all(abs(a - b) <= _ROUNDING for a, b in zip(last, values, strict=True))


def _find_difference(run: Run, right: Run) -> str | None:
    """The first parameter in which `run` differs from the reference's run."""
    return next((name for name in _PARAMETERS if not _is_same(run.get(name), right[name])), None)


def _is_same(seen: Any, right: Any) -> bool:
    return seen == right or (
        is_number(seen) and is_number(right) and math.isclose(seen, right, abs_tol=1e-12)
    )


def _fail_for(label: str, tag: str, run: Run, right: Run) -> None:
    name = _find_difference(run, right)
    assert name is not None
    words = _PARAMETERS[name]
    fail(
        f"{label} comes from a run with {words.format(show(run.get(name)))}.",
        f"a run with {_RIGHT_DATA if name == 'data' else words.format(show(right[name]))}",
        f"compare the arguments of split() and of both servers with the handout's description, in the cell tagged {tag!r}.",
    )
