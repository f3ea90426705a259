"""Which runs of the lab's servers an experiment's results come from, and which parameter of the right ones was ignored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from grader import Failure, Table, is_number, withhold

from .accuracies import find_wrong_result, show_accuracies
from .evidence import ExperimentEvidence, Result
from .runs import ROUNDING, Parameter, Run, Source, find_sources, list_differences


def find_mean(evidence: ExperimentEvidence) -> Failure | None:
    """Every row has the mean of all accuracies of its own run, which may be what another run gave in the end."""
    runs = [find_own_run(evidence, result) for result in evidence.results]
    wrong = find_wrong_result(evidence)
    if wrong is None or not isinstance(evidence.right, Table) or not _are_means(evidence.results, runs):
        return None
    return Failure(
        f"{wrong.label} has {show_accuracies(wrong.seen)}, the mean over all rounds of its run.",
        "the accuracy after the last round, in percent",
        f"take the last value of the list, as in `result.test_accuracy[-1]`, in the cell tagged {evidence.tag!r}.",
        "mean-of-all-rounds",
    )


def _are_means(results: Sequence[Result], runs: Sequence[Run | None]) -> bool:
    return all(
        run is not None and math.isclose(result.seen[0], fmean(run["accuracies"]), abs_tol=ROUNDING)
        for result, run in zip(results, runs, strict=True)
    )


def find_own_run(evidence: ExperimentEvidence, result: Result) -> Run | None:
    """The run that a result should come from, if it was noted."""
    for run in evidence.runs:
        accuracies: Any = run.get("accuracies")
        is_whole = isinstance(accuracies, list) and len(accuracies) == result.last_round
        is_own = run.get("server") == result.run["server"] and not list_differences(run, result.run)
        if is_whole and is_own and all(map(is_number, accuracies)):
            return run
    return None


def find_wrong_run(evidence: ExperimentEvidence) -> Failure | None:
    """A result that a run with another parameter gave."""
    sources = _list_sources(evidence)
    for result, its_sources in sources:
        if not _list_ends(result, its_sources):
            return _explain_run(evidence, result, _find_nearest(result, its_sources, _list_taken(sources)))
    return None


def find_wrong_round(evidence: ExperimentEvidence) -> Failure | None:
    """A result that the right run gave, but after another round. A longer run may be cut."""
    for result, its_sources in _list_sources(evidence):
        ends = _list_ends(result, its_sources)
        if ends and result.last_round not in ends:
            reason, advice = (
                evidence.usage.explain("nr_rounds"),
                "run every server for nr_rounds rounds, and take what it gives at the end",
            )
            if reason is not None and evidence.usage.replaced:
                advice = reason[1]
            last = f"what it gives after round {result.last_round}, since nr_rounds is {result.last_round}"
            return Failure(
                f"{result.label} is what its run gave after round {max(ends)}{f': {reason[0]}' if reason else ''}.",
                withhold(last, "what it gives after the last of nr_rounds rounds")
                if evidence.arguments
                else last,
                f"{advice}, in the cell tagged {evidence.tag!r}.",
            )
    return None


def _list_sources(evidence: ExperimentEvidence) -> list[tuple[Result, list[Source]]]:
    """Each result with the runs that gave it, and after which round; none at all where some results may come from elsewhere."""
    sources = [(result, list(find_sources(evidence.runs, result.seen))) for result in evidence.results]
    enough = len(evidence.runs) >= len(sources) and not evidence.own_servers
    return sources if enough and all(found for _, found in sources) else []


def _list_ends(result: Result, sources: Sequence[Source]) -> list[int]:
    """After which rounds a run with the right parameters gave a result."""
    return [end for run, end in sources if not list_differences(run, result.run)]


def _list_taken(sources: Sequence[tuple[Result, list[Source]]]) -> list[Run]:
    """The runs behind the results that are right: another result may have the same accuracies by chance."""
    taken: list[Run] = []
    for result, its_sources in sources:
        right = (
            run
            for run, end in its_sources
            if end == result.last_round and not list_differences(run, result.run)
        )
        taken += [run for run in right if not any(run is other for other in taken)][:1]
    return taken


def _find_nearest(result: Result, sources: Sequence[Source], taken: Sequence[Run]) -> Run:
    """The run that most likely gave a result, of several that had the same accuracies.

    It is not taken, asked as many clients as the row has messages, and differs least from the right one.
    """

    def rate(source: Source) -> tuple[bool, bool, int, bool]:
        run, end = source
        is_taken = any(run is other for other in taken)
        is_miscounted = result.count is not None and run.get("clients per round") != result.count / (2 * end)
        is_other = run.get("server") != result.run["server"]
        return (
            is_taken,
            is_miscounted,
            is_other + len(list_differences(run, result.run)),
            end != result.last_round,
        )

    return min(sources, key=rate)[0]


def _explain_run(evidence: ExperimentEvidence, result: Result, run: Run) -> Failure:
    parameter = list_differences(run, result.run)[0]
    same = (each for each in evidence.results if run.get("server") in (None, each.run.get("server")))
    other = next((each.name for each in same if not list_differences(run, each.run)), None)
    found = f"{result.label} comes from a run with {describe_seen(evidence, parameter, run[parameter.name])}"
    expected = f"a run with {describe_right(evidence, parameter, result.run[parameter.name])}"
    reason = None if other else _find_reason(evidence, parameter, run, result.run)
    kind = "results-of-each-other's-runs" if other else f"runs-with-another-{parameter.noun}"
    if reason is not None:
        return Failure(
            f"{found}: {reason[0]}.", expected, f"{reason[1]}, in the cell tagged {evidence.tag!r}.", kind
        )
    return Failure(
        f"{found}." + (f" That is the run of {other}." if other else ""),
        expected,
        advise_parameter(evidence, parameter),
        kind,
    )


def describe_seen(evidence: ExperimentEvidence, parameter: Parameter, value: Any) -> str:
    """What a wrong run had. It may be an argument that was drawn for another parameter, so a student reads it only if it is a default."""
    text = parameter.describe(value)
    is_default = any(evidence.parameters.get(name) == value for name in parameter.arguments)
    return (
        withhold(text, f"another {parameter.noun}")
        if _is_drawn(evidence, parameter) and not is_default
        else text
    )


def describe_right(evidence: ExperimentEvidence, parameter: Parameter, value: Any) -> str:
    text = parameter.describe(value)
    is_drawn = _is_drawn(evidence, parameter)
    return withhold(text, f"the {parameter.noun} that the call asks for") if is_drawn else text


def _is_drawn(evidence: ExperimentEvidence, parameter: Parameter) -> bool:
    """Whether a run's value of the parameter goes back to arguments that nobody could foresee."""
    return bool(evidence.arguments and parameter.arguments)


def _find_reason(
    evidence: ExperimentEvidence, parameter: Parameter, run: Run, right: Run
) -> tuple[str, str] | None:
    """Why a run has another value of a parameter, as far as the function's source or another argument tells, and what to do."""
    names = [name for name in parameter.arguments if name in evidence.parameters]
    if run.get("split before") is True and parameter.name in ("n", "data"):
        return (
            "the data were split outside of the function, before it was called",
            "call split() inside the function, with the number of clients, the kind of split and the seed of the call",
        )
    if _are_exchanged(run, right):
        return (
            "the server got the fraction of clients for its learning rate, and the learning rate for the fraction",
            "pass both by their names, or in the order of the server's parameters, of which the first is the learning rate",
        )
    value = run.get("batch size" if parameter.name == "b" else parameter.name)
    taken = [
        name
        for name, argument in evidence.arguments.items()
        if name not in names and _is_taken(value, argument)
    ]
    if len(taken) == 1 and len(names) == 1 and parameter.name == names[0]:
        return (
            f"the server got the value of `{taken[0]}` for `{names[0]}`",
            f"pass `{names[0]}` in its place, and mind the order of the server's parameters",
        )
    reason = evidence.usage.explain(*names)
    if reason is None or evidence.usage.replaced.keys() & set(names):
        return reason
    where = "in place of a number or of what is set outside of the function"
    return reason[0], f"{_say_parameter(evidence, parameter)}, {where}"


def _are_exchanged(run: Run, right: Run) -> bool:
    """Whether a run's learning rate is the right one's fraction of clients, and the other way around."""
    rates, counts = ([each.get(name) for each in (run, right)] for name in ("lr", "clients per round"))
    n = right["n"]
    known = all(is_number(value) and math.isfinite(value) for value in (*rates, *counts))
    if not known or run.get("n") != n or rates[0] == rates[1]:
        return False
    return [max(1, round(rate * n)) for rate in rates] == counts[::-1]


_FEW = 4  # smaller numbers are equal by chance


def _is_taken(value: Any, argument: Any) -> bool:
    """Whether a run's value is surely that of an argument."""
    return is_number(value) and is_number(argument) and value == argument and argument not in range(_FEW)


def advise_parameter(evidence: ExperimentEvidence, parameter: Parameter) -> str:
    return f"{_say_parameter(evidence, parameter)}, in the cell tagged {evidence.tag!r}."


def _say_parameter(evidence: ExperimentEvidence, parameter: Parameter) -> str:
    passed = ", ".join(repr(name) for name in parameter.arguments if name in evidence.parameters)
    known = passed or not parameter.arguments
    if not known:
        return "compare what split() and the servers get with the handout's description"
    return parameter.advice.format(passed)
