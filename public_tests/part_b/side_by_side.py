"""What `python -m launch SCRIPT --compare` tells: from which step and on which ranks gradients differ from those of one process, and why."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from grader import Failure
from launch.run_report import RunReport
from launch.sentences import listed

from .comparison import Comparison, compare
from .contract import list_contracts
from .findings import find_gradient_mistake
from .trial import COMPARED_STEPS, Trial

STEPS = COMPARED_STEPS
HEAD = "Compared with one process that trains the same stages on the same batches"


def describe(report: RunReport) -> str:
    """The comparison of a run, in which gradients, parameters and tokens were written."""
    contracts = {contract.ranks: contract for contract in list_contracts()}
    contract = contracts.get(report.asked_ranks)
    if contract is None:
        counts = " or ".join(map(str, contracts))
        return f"Not compared with one process: {report.asked_ranks} ranks were asked for, and the exercises have {counts}."
    trial = Trial(contract, report.script, reports=(report,))
    comparison = compare(trial)
    mistake = find_gradient_mistake(trial, comparison)
    return tell(trial, comparison, mistake)


def tell(trial: Trial, comparison: Comparison, mistake: Failure | None) -> str:
    if trial.common_steps == 0:
        return f"Not compared with one process: {comparison.problem}."
    if mistake is None:
        steps = min(trial.common_steps, STEPS)
        which = f"steps 1 to {steps}" if steps > 1 else "step 1"
        return (
            f"{HEAD}: in {which} the gradients of all {len(trial.ranks)} ranks are those of the whole batch."
        )
    return f"{HEAD}{_say_where(trial, comparison)}:\n{textwrap.indent(str(mistake), '  ')}"


def _say_where(trial: Trial, comparison: Comparison) -> str:
    if not comparison.mismatches:
        return ""
    wrong = sorted(mismatch.rank for mismatch in comparison.mismatches)
    others = [rank for rank in sorted(trial.ranks) if rank not in wrong]
    where = f", gradients differ from step {comparison.mismatches[0].step} on, {_list_ranks(wrong)}"
    return f"{where}, and are right {_list_ranks(others)}" if others else where


def _list_ranks(ranks: Sequence[int]) -> str:
    return f"on rank{'s' * (len(ranks) > 1)} {listed([str(rank) for rank in ranks])}"
