"""The values of an experiment's result: message counts, and accuracies within the tolerance."""

from __future__ import annotations

from grader import Failure, Table, show

from .accuracies import are_close, find_wrong_result, show_accuracies
from .evidence import ExperimentEvidence, list_rows
from .other_runs import advise_parameter, describe_right, describe_seen, find_own_run
from .runs import ROUNDING, find_sources, list_differences


def _advise(evidence: ExperimentEvidence, *names: str) -> str:
    """What to do where it is not known which run is behind a value: to use one of these parameters, or to look for oneself."""
    reason = evidence.usage.explain(*names)
    advice = reason[1] if reason else "compare the run behind it with the handout's description"
    if reason is None and not evidence.runs and not evidence.own_servers:
        advice = "run the servers in every call (none was seen to run in this one), or keep results under all of the function's parameters"
    return f"{advice}, in the cell tagged {evidence.tag!r}."


def find_wrong_count(evidence: ExperimentEvidence) -> Failure | None:
    """A row with another number of messages."""
    if not isinstance(evidence.right, Table):
        return None
    pairs = zip(list_rows(evidence.seen), list_rows(evidence.right), strict=True)
    for number, (row, right) in enumerate(pairs, start=1):
        if row["Message count"] != right["Message count"]:
            kind, advice = _advise_count(evidence, row["Message count"], right["Message count"])
            if not advice and find_own_run(evidence, evidence.results[number - 1]) is not None:
                kind, advice = (
                    "message-count-of-one's-own",
                    "take the count from the RunResult, `result.message_count[-1]`, in place of computing it, in the cell tagged "
                    f"{evidence.tag!r}.",
                )
            return Failure(
                f"Row {number} of {evidence.what} has the message count {show(row['Message count'])}.",
                "the count after the last round: two messages for each of max(1, round(C·N)) clients, over all rounds (RunResult counts "
                "cumulatively, so it is the last value, not a sum)",
                advice or _advise(evidence, "c", "n", "nr_rounds"),
                kind,
            )
    return None


def _advise_count(evidence: ExperimentEvidence, seen: float, right: float) -> tuple[str, str]:
    """What it is called, and what to do about a count that is the right one added up, or of a single round; no advice for others."""
    rounds = evidence.nr_rounds
    known = {
        right * (rounds + 1) / 2: (
            "messages-summed",
            "take the last value of the list, `result.message_count[-1]`, in place of the sum of all",
        ),
        right / rounds: (
            "messages-of-one-round",
            "count the messages of all rounds, as the last value of the list does, `result.message_count[-1]`",
        ),
    }
    if seen not in known or rounds == 1:
        return "another-message-count", ""
    kind, advice = known[seen]
    return kind, f"{advice}, in the cell tagged {evidence.tag!r}."


def find_fractions(evidence: ExperimentEvidence) -> Failure | None:
    """Accuracies between 0 and 1."""
    result = find_wrong_result(evidence)
    if result is None or not are_close([100 * value for value in result.seen], result.right):
        return None
    return Failure(
        f"{result.label} has {show_accuracies(result.seen)}.",
        "a value in percent",
        "keep the percent that RunResult holds.",
        "fractions-in-place-of-percent",
    )


def find_changed_values(evidence: ExperimentEvidence) -> Failure | None:
    """The run of a result was right, but no run gave what stands in its place, as after smoothing."""
    result = find_wrong_result(evidence)
    if (
        result is None
        or find_own_run(evidence, result) is None
        or any(find_sources(evidence.runs, result.seen))
    ):
        return None
    is_row = isinstance(evidence.right, Table)
    return Failure(
        f"{result.label} has {show_accuracies(result.seen)}, which is not what its run gave.",
        f"the test accuracy after {'the last' if is_row else 'each'} round, as run() returns it",
        f"take {'`result.test_accuracy[-1]`' if is_row else 'the list test_accuracy of each run'} as it is, neither averaged nor scaled, in the "
        f"cell tagged {evidence.tag!r}.",
        "values-changed-after-the-run",
    )


def find_wrong_server(evidence: ExperimentEvidence) -> Failure | None:
    """Wrong accuracies, and a server of the submission's own that was made with what no run of the reference has."""
    result = find_wrong_result(evidence)
    if result is None:
        return None
    for server in evidence.own_servers:
        differences = [list_differences(server, right) for right in evidence.right_runs]
        for parameter in differences[0]:
            if all(parameter in each for each in differences):
                found = describe_seen(evidence, parameter, server[parameter.name])
                return Failure(
                    f"{result.label} has {show_accuracies(result.seen)}, and a {server.get('class')} was made with {found}.",
                    f"servers made with {describe_right(evidence, parameter, result.run[parameter.name])}",
                    advise_parameter(evidence, parameter),
                    f"own-servers-with-another-{parameter.noun}",
                )
    return None


def find_wrong_accuracy(evidence: ExperimentEvidence) -> Failure | None:
    """An accuracy that is further from the reference's than rounding explains."""
    result = find_wrong_result(evidence)
    if result is None:
        return None
    if isinstance(evidence.right, Table):
        return Failure(
            f"{result.label} has {show_accuracies(result.seen)}.",
            "the accuracy after the last round, in percent, of the run that the row names, with exactly the given arguments",
            _advise(evidence, *evidence.parameters),
        )
    far = next(
        index
        for index, pair in enumerate(zip(result.seen, result.right, strict=True))
        if not are_close(*([x] for x in pair))
    )
    alike = [
        key
        for key, curve in evidence.right.items()
        if all(abs(a - b) <= ROUNDING for a, b in zip(result.seen, curve, strict=True))
    ]
    hint = f" These are the values of {' and '.join(map(repr, alike))}." if alike else ""
    return Failure(
        f"{result.label} is wrong from round {far + 1} on ({show(result.seen[far])}).{hint}",
        "the test accuracy after each round, in percent, for exactly the given parameters",
        _advise(evidence, *evidence.parameters),
    )
