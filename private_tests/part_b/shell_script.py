"""The shell script starts all ranks and waits for them."""

from __future__ import annotations

from grader import fail
from launch.run_report import Outcome
from public_tests.part_b.trial import Trial

from .finishing import require, require_script


def check_shell_script(trial: Trial) -> None:
    """The shell script starts all ranks and waits for them."""
    require_script(trial)
    shell, report = trial.contract.shell, trial.report
    if not trial.is_shell:
        fail(
            f"There is no {shell}; {trial.name} was started directly.",
            f"{shell}, which starts {trial.contract.ranks} ranks and waits for them",
            f"hand in {shell}: a loop over the ranks, `python {trial.contract.script} $rank &`, and `wait` at the end.",
            "no-shell-script",
        )
    missing = [number for number in range(trial.contract.ranks) if number not in trial.ranks]
    # The launcher ends all ranks when one has failed, some perhaps before they had begun.
    is_cut_short = report.outcome is Outcome.CRASHED and (missing or not report.script_waited)
    require(trial, bool(trial.ranks) and not is_cut_short)
    # That they wait for a rank that was not started is then what the run ended with.
    require(trial, not (missing and report.outcome is Outcome.DEADLOCKED))
    if missing:
        fail(
            f"{trial.name} does not start rank {missing[0]}.",
            f"all {trial.contract.ranks} ranks started, each in the background",
            f"start ranks 0 to {trial.contract.ranks - 1}, each once."
            if _starts_in_background(trial)
            else "end each line that starts a rank with `&`.",
            "a-rank-is-not-started",
        )
    if not report.script_waited:
        fail(
            f"{trial.name} ends before its ranks do.",
            "a script that ends when its last rank has ended",
            "add `wait` as its last line.",
            "the-script-does-not-wait",
        )
    if report.outcome is Outcome.FINISHED and report.exit_status not in (None, 0):
        fail(
            f"{trial.name} ends with exit status {report.exit_status}, although all ranks had finished.",
            "exit status 0",
            "remove what fails after the ranks, or end with `wait`.",
            "the-script-ends-with-an-error",
        )


def _starts_in_background(trial: Trial) -> bool:
    text = trial.script.read_text(encoding="utf-8", errors="replace") if trial.script else ""
    return "&" in text.replace("&&", "")
