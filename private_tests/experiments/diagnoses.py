"""What is wrong with an experiment's result, in the order in which it is told.

1. The form: a table with its columns and rows, or curves with their keys and lengths, all of finite numbers.
2. The labels of a table's rows.
3. The runs, where all results are exactly what runs of the lab's own servers gave: these were noted, and say which parameter was ignored, even
   where the accuracies hardly show it. Notes come from the submission's process: they reveal a mistake, and excuse none.
4. The values, in any case: message counts, and accuracies within the tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from grader import Diagnosis, Failure, Table, check_lists, compare_columns, is_number, show, withhold
from public_tests.batches import count

from .evidence import ExperimentEvidence, Result, list_rows
from .questions import HOMEWORK
from .runs import ROUNDING, Parameter, Run, Source, find_sources, list_differences

# In points. Rounding, enlarged by training, was seen to decide four test images where servers were written by hand; the lab's servers give
# equal values.
ACCURACY_TOLERANCE = 100 * 4 / int(HOMEWORK.hidden.environment["LAB_2_HFL_TEST_SAMPLES"]) + 1e-6

_ORDER = "FedSGD, then FedAvg, for each setting"


def _advise(evidence: ExperimentEvidence, *names: str) -> str:
    """What to do where it is not known which run is behind a value: to use one of these parameters, or to look for oneself."""
    reason = evidence.usage.explain(*names)
    advice = reason[1] if reason else "compare the run behind it with the handout's description"
    if reason is None and not evidence.runs and not evidence.own_servers:
        advice = "run the servers in every call (none was seen to run in this one), or keep results under all of the function's parameters"
    return f"{advice}, in the cell tagged {evidence.tag!r}."


# --- 1. the form --------------------------------------------------------------------------------------------


def _catch(check: Callable[..., None], *arguments: Any) -> Failure | None:
    """The failure with which a check ends."""
    try:
        check(*arguments)
    except Failure as failure:
        return failure
    return None


def find_wrong_form(evidence: ExperimentEvidence) -> Failure | None:
    """Another kind of value, or columns, rows, keys or lengths that are not the reference's."""
    if not isinstance(evidence.right, Table):
        return _find_wrong_lengths(evidence) or _find_wrong_curves(evidence)
    what, seen, right = evidence.what, evidence.seen, evidence.right
    cell = f"in the cell tagged {evidence.tag!r}"
    if not isinstance(seen, Table):
        given = show(seen)
        if evidence.arguments and isinstance(seen, str):  # in which the drawn arguments may stand
            given = withhold(given, "a string")
        return Failure(
            f"{what} gives {given}.",
            f"a DataFrame with the columns {', '.join(right.columns)}",
            f"return the DataFrame at the end of the function, {cell}; to print or to show it is not enough.",
            "no-table",
        )
    advice = _advise_columns(set(seen.columns), right.columns, cell)
    if failure := _catch(compare_columns, what, seen.columns, right.columns, advice):
        failure.kind = "other-columns"
        return failure
    return _find_wrong_rows(evidence) or _find_other_cells(evidence)


def _advise_columns(seen: set[str], right: Sequence[str], cell: str) -> str:
    if seen > set(right):
        return f"leave out the other columns, as in `table[[{', '.join(map(repr, right))}]]`, {cell}."
    if seen < set(right):
        return f"add what is missing to every row, {cell}. If it is the table's index, `reset_index()` makes columns of it."
    if not seen & {*right, *map(str.lower, right)}:
        return f"return the table with these columns and a row per run, before it is pivoted, {cell}."
    return f"name the columns exactly like this, {cell}: capitals and spaces count."


def _find_wrong_curves(evidence: ExperimentEvidence) -> Failure | None:
    seen, lengths = evidence.seen, {len(curve) for curve in evidence.right.values()}
    keys, values = list(evidence.right), "the test accuracy after each round"
    advice = "return the list test_accuracy of each run"
    if isinstance(seen, Table):
        advice = "return a dict of lists in place of the DataFrame, as `table.to_dict('list')` makes one of columns"
    elif isinstance(seen, dict) and any(isinstance(seen[key], dict) for key in seen.keys() - set(keys)):
        advice = "put all curves into one dict, each under its own key"
    elif isinstance(seen, dict) and all(isinstance(seen.get(key), list) for key in keys):
        advice = _advise_length(evidence) or advice
    where = f"{advice}, in the cell tagged {evidence.tag!r}."
    return _catch(check_lists, evidence.what, seen, keys, lengths, values, where)


def _advise_length(evidence: ExperimentEvidence) -> str:
    """What to do about a curve of another length, as far as the runs tell."""
    lasted = {len(run["accuracies"]) for run in evidence.runs if isinstance(run.get("accuracies"), list)}
    if lasted == {evidence.nr_rounds}:
        return "return the list test_accuracy of each run as it is, with a value for each round and no others"
    return "run every server for nr_rounds rounds" if lasted else ""


def _find_wrong_lengths(evidence: ExperimentEvidence) -> Failure | None:
    """Curves that all have another number of rounds, as of servers that run for the same number in any case."""
    seen, right = evidence.seen, evidence.right
    if not isinstance(seen, dict) or seen.keys() != right.keys():
        return None
    lengths = {len(curve) if isinstance(curve, list) else -1 for curve in seen.values()}
    if len(lengths) != 1 or min(lengths) in (-1, evidence.nr_rounds):
        return None
    if lengths == {1}:
        return Failure(
            f"Each curve of {evidence.what} has 1 value.",
            "the test accuracy after each round: as many values as nr_rounds says",
            f"return the whole list test_accuracy of each run, in the cell tagged {evidence.tag!r}.",
            "curves-of-one-value",
        )
    reason = evidence.usage.explain("nr_rounds")
    return Failure(
        f"Each curve of {evidence.what} has {lengths.pop()} values{f': {reason[0]}' if reason else ''}.",
        "as many values as nr_rounds says, one per round",
        f"{reason[1] if reason else _advise_length(evidence) or 'pass nr_rounds on to run()'}, in the cell tagged {evidence.tag!r}.",
        "curves-of-another-length",
    )


def _find_wrong_rows(evidence: ExperimentEvidence) -> Failure | None:
    """Another number of rows."""
    found, right = len(evidence.seen.rows), len(evidence.right.rows)
    if found == right:
        return None
    rows = count(found, "row")
    expected = f"{right} rows: {_ORDER}"
    rounds = sum(len(run["accuracies"]) for run in evidence.runs if isinstance(run.get("accuracies"), list))
    if found in (rounds, right * evidence.nr_rounds):
        return Failure(
            f"{evidence.what} has {rows}: one for each round of each run.",
            expected,
            f"keep only the last row of each run, as `result.as_df().tail(1)` does, in the cell tagged {evidence.tag!r}.",
            "a-row-for-each-round",
        )
    return Failure(
        f"{evidence.what} has {rows}.",
        expected,
        f"add one row per run, with its final values, in the cell tagged {evidence.tag!r}.",
        "another-number-of-rows",
    )


def _find_other_cells(evidence: ExperimentEvidence) -> Failure | None:
    """A count or an accuracy that is no finite number."""
    for number, row in enumerate(list_rows(evidence.seen), start=1):
        for column in ("Message count", "Test accuracy"):
            value, name = row[column], column.lower().replace(" ", "_")
            if not is_number(value) or not math.isfinite(value):
                advice = (
                    f"take the last value of the list, as in `result.{name}[-1]`"
                    if isinstance(value, list)
                    else f"put the last value of the RunResult's {name} there"
                )
                return Failure(
                    f"Row {number} of {evidence.what} has the {column.lower()} {show(value)}.",
                    "a finite number",
                    f"{advice}, in the cell tagged {evidence.tag!r}.",
                    f"{column.lower()}-is-not-a-number",
                )
    return None


# --- 2. the labels of rows ----------------------------------------------------------------------------------


def find_wrong_label(evidence: ExperimentEvidence) -> Failure | None:
    """A row with another algorithm, N or C."""
    if not isinstance(evidence.right, Table):
        return None
    rows, right_rows = list_rows(evidence.seen), list_rows(evidence.right)
    if failure := _find_other_order(evidence, rows, right_rows):
        return failure
    cell = f"in the cell tagged {evidence.tag!r}"
    for number, (row, right) in enumerate(zip(rows, right_rows, strict=True), start=1):
        where = f"Row {number} of {evidence.what}"
        if _normalize(row["Algorithm"])[:6] != _normalize(right["Algorithm"]):
            return Failure(
                f"{where} is labelled {show(row['Algorithm'])}.",
                f"{right['Algorithm']!r}; the order is {_ORDER}",
                f"give each row the name of the algorithm whose run it shows, {cell}.",
                "rows-with-another-algorithm",
            )
        for column in ("N", "C"):
            if not is_number(row[column]) or not math.isclose(row[column], right[column], rel_tol=_SINGLE):
                is_text = isinstance(row[column], str)
                reason = None if is_text else evidence.usage.explain(column.lower())
                form = ", as a number and not as text" if is_text else ""
                return Failure(
                    f"{where} has {_describe_cell(evidence, column, row[column])}{f': {reason[0]}' if reason else ''}.",
                    f"the {column} that the call and the order of the settings ask for",
                    f"{reason[1] if reason else f'write the {column} of each run into its row{form}'}, {cell}.",
                    f"rows-with-another-{column}",
                )
    return None


_SINGLE = 1e-6  # what rounding to single precision changes, as in a column of that type


def _describe_cell(evidence: ExperimentEvidence, column: str, value: Any) -> str:
    """A cell and its value, which a student does not read where it may be an argument that was drawn."""
    text = str(value)
    is_drawn = any(
        isinstance(drawn, int | float) and not isinstance(drawn, bool) and text in (str(drawn), f"{drawn:g}")
        for drawn in evidence.arguments.values()
    )
    shown = f"{column} = {show(value)}"
    return withhold(shown, f"another {column}") if is_drawn else shown


def _find_other_order(
    evidence: ExperimentEvidence, rows: Sequence[Mapping[str, Any]], right_rows: Sequence[Mapping[str, Any]]
) -> Failure | None:
    """The rows are all there, each with the values of its label, in another order."""
    labels, right_labels = [list(map(_name_row, each)) for each in (rows, right_rows)]
    if labels == right_labels or sorted(labels) != sorted(right_labels):
        return None
    right_row = dict(zip(right_labels, right_rows, strict=True))
    if not _have_values_of(rows, [right_row[label] for label in labels]):
        return None
    if _have_values_of(rows, right_rows):  # as where one algorithm gives what the other does
        return Failure(
            f"{evidence.what} has the rows in another order, or under each other's names.",
            _ORDER,
            "make the rows in this order, each with the name of the algorithm whose run it shows, in the cell tagged "
            f"{evidence.tag!r}.",
            "rows-in-another-order",
        )
    algorithms = [name for name, _, _ in labels]
    is_grouped = algorithms == sorted(algorithms) or algorithms == sorted(algorithms, reverse=True)
    advice = (
        "let the loop over the settings be the outer one and that over the two algorithms the inner one"
        if is_grouped
        else "go through the settings in the order in which the exercise names them, and in each through FedSGD before FedAvg"
    )
    return Failure(
        f"{evidence.what} has the rows in another order.",
        _ORDER,
        f"{advice}, in the cell tagged {evidence.tag!r}.",
        "rows-in-another-order",
    )


def _have_values_of(rows: Sequence[Mapping[str, Any]], right_rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether rows have the message counts and, within the tolerance, the accuracies of others."""
    counts, accuracies = (
        [[row[column] for row in each] for each in (rows, right_rows)]
        for column in ("Message count", "Test accuracy")
    )
    return counts[0] == counts[1] and _are_close(*accuracies)


def _name_row(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The algorithm, N and C of a row, so that equal ones are alike."""
    n, c = (f"{row[column]:.9g}" if is_number(row[column]) else show(row[column]) for column in ("N", "C"))
    return _normalize(row["Algorithm"])[:6], n, c


def _normalize(label: Any) -> str:
    return "".join(filter(str.isalpha, str(label))).lower()


# --- 3. the runs --------------------------------------------------------------------------------------------


def find_mean(evidence: ExperimentEvidence) -> Failure | None:
    """Every row has the mean of all accuracies of its own run, which may be what another run gave in the end."""
    runs = [_find_own_run(evidence, result) for result in evidence.results]
    wrong = _find_wrong_result(evidence)
    if wrong is None or not isinstance(evidence.right, Table) or not _are_means(evidence.results, runs):
        return None
    return Failure(
        f"{wrong.label} has {_show_accuracies(wrong.seen)}, the mean over all rounds of its run.",
        "the accuracy after the last round, in percent",
        f"take the last value of the list, as in `result.test_accuracy[-1]`, in the cell tagged {evidence.tag!r}.",
        "mean-of-all-rounds",
    )


def _are_means(results: Sequence[Result], runs: Sequence[Run | None]) -> bool:
    return all(
        run is not None and math.isclose(result.seen[0], fmean(run["accuracies"]), abs_tol=ROUNDING)
        for result, run in zip(results, runs, strict=True)
    )


def _find_own_run(evidence: ExperimentEvidence, result: Result) -> Run | None:
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
    found = f"{result.label} comes from a run with {_describe_seen(evidence, parameter, run[parameter.name])}"
    expected = f"a run with {_describe_right(evidence, parameter, result.run[parameter.name])}"
    reason = None if other else _find_reason(evidence, parameter, run, result.run)
    kind = "results-of-each-other's-runs" if other else f"runs-with-another-{parameter.noun}"
    if reason is not None:
        return Failure(
            f"{found}: {reason[0]}.", expected, f"{reason[1]}, in the cell tagged {evidence.tag!r}.", kind
        )
    return Failure(
        f"{found}." + (f" That is the run of {other}." if other else ""),
        expected,
        _advise_parameter(evidence, parameter),
        kind,
    )


def _describe_seen(evidence: ExperimentEvidence, parameter: Parameter, value: Any) -> str:
    """What a wrong run had. It may be an argument that was drawn for another parameter, so a student reads it only if it is a default."""
    text = parameter.describe(value)
    is_default = any(evidence.parameters.get(name) == value for name in parameter.arguments)
    return (
        withhold(text, f"another {parameter.noun}")
        if _is_drawn(evidence, parameter) and not is_default
        else text
    )


def _describe_right(evidence: ExperimentEvidence, parameter: Parameter, value: Any) -> str:
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
    if not all(map(is_number, (*rates, *counts))) or run.get("n") != n or rates[0] == rates[1]:
        return False
    return [max(1, round(rate * n)) for rate in rates] == counts[::-1]


_FEW = 4  # smaller numbers are equal by chance


def _is_taken(value: Any, argument: Any) -> bool:
    """Whether a run's value is surely that of an argument."""
    return is_number(value) and is_number(argument) and value == argument and argument not in range(_FEW)


def _advise_parameter(evidence: ExperimentEvidence, parameter: Parameter) -> str:
    return f"{_say_parameter(evidence, parameter)}, in the cell tagged {evidence.tag!r}."


def _say_parameter(evidence: ExperimentEvidence, parameter: Parameter) -> str:
    passed = ", ".join(repr(name) for name in parameter.arguments if name in evidence.parameters)
    known = passed or not parameter.arguments
    if not known:
        return "compare what split() and the servers get with the handout's description"
    return parameter.advice.format(passed)


# --- 4. the values ------------------------------------------------------------------------------------------


def find_wrong_count(evidence: ExperimentEvidence) -> Failure | None:
    """A row with another number of messages."""
    if not isinstance(evidence.right, Table):
        return None
    pairs = zip(list_rows(evidence.seen), list_rows(evidence.right), strict=True)
    for number, (row, right) in enumerate(pairs, start=1):
        if row["Message count"] != right["Message count"]:
            kind, advice = _advise_count(evidence, row["Message count"], right["Message count"])
            if not advice and _find_own_run(evidence, evidence.results[number - 1]) is not None:
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
    result = _find_wrong_result(evidence)
    if result is None or not _are_close([100 * value for value in result.seen], result.right):
        return None
    return Failure(
        f"{result.label} has {_show_accuracies(result.seen)}.",
        "a value in percent",
        "keep the percent that RunResult holds.",
        "fractions-in-place-of-percent",
    )


def find_changed_values(evidence: ExperimentEvidence) -> Failure | None:
    """The run of a result was right, but no run gave what stands in its place, as after smoothing."""
    result = _find_wrong_result(evidence)
    if (
        result is None
        or _find_own_run(evidence, result) is None
        or any(find_sources(evidence.runs, result.seen))
    ):
        return None
    is_row = isinstance(evidence.right, Table)
    return Failure(
        f"{result.label} has {_show_accuracies(result.seen)}, which is not what its run gave.",
        f"the test accuracy after {'the last' if is_row else 'each'} round, as run() returns it",
        f"take {'`result.test_accuracy[-1]`' if is_row else 'the list test_accuracy of each run'} as it is, neither averaged nor scaled, in the "
        f"cell tagged {evidence.tag!r}.",
        "values-changed-after-the-run",
    )


def find_wrong_server(evidence: ExperimentEvidence) -> Failure | None:
    """Wrong accuracies, and a server of the submission's own that was made with what no run of the reference has."""
    result = _find_wrong_result(evidence)
    if result is None:
        return None
    for server in evidence.own_servers:
        differences = [list_differences(server, right) for right in evidence.right_runs]
        for parameter in differences[0]:
            if all(parameter in each for each in differences):
                found = _describe_seen(evidence, parameter, server[parameter.name])
                return Failure(
                    f"{result.label} has {_show_accuracies(result.seen)}, and a {server.get('class')} was made with {found}.",
                    f"servers made with {_describe_right(evidence, parameter, result.run[parameter.name])}",
                    _advise_parameter(evidence, parameter),
                    f"own-servers-with-another-{parameter.noun}",
                )
    return None


def find_wrong_accuracy(evidence: ExperimentEvidence) -> Failure | None:
    """An accuracy that is further from the reference's than rounding explains."""
    result = _find_wrong_result(evidence)
    if result is None:
        return None
    if isinstance(evidence.right, Table):
        return Failure(
            f"{result.label} has {_show_accuracies(result.seen)}.",
            "the accuracy after the last round, in percent, of the run that the row names, with exactly the given arguments",
            _advise(evidence, *evidence.parameters),
        )
    far = next(
        index
        for index, pair in enumerate(zip(result.seen, result.right, strict=True))
        if not _are_close(*([x] for x in pair))
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


def _find_wrong_result(evidence: ExperimentEvidence) -> Result | None:
    return next((result for result in evidence.results if not _are_close(result.seen, result.right)), None)


def _are_close(seen: Sequence[float], right: Sequence[float]) -> bool:
    return all(abs(a - b) <= ACCURACY_TOLERANCE for a, b in zip(seen, right, strict=True))


def _show_accuracies(values: Sequence[float]) -> str:
    return f"the test {'accuracy' if len(values) == 1 else 'accuracies'} {', '.join(map(show, values))}"


EXPERIMENT_DIAGNOSES: tuple[Diagnosis[ExperimentEvidence], ...] = (
    find_wrong_form,
    find_wrong_label,
    find_mean,
    find_wrong_run,
    find_wrong_round,
    find_wrong_count,
    find_fractions,
    find_changed_values,
    find_wrong_server,
    find_wrong_accuracy,
)
