"""`python -m launch SCRIPT`: run a script under watch and say how it went."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from .command import ScriptError, Style
from .progress import Screen, report_text
from .rank_count import count_ranks
from .run import DETAIL_STEPS, Dump, run
from .run_report import EXIT_STATUS, Interrupted, Outcome, RunReport
from .yardstick import RunComparison, find_yardstick, load_comparison

EPILOG = """\
exit status: 0 finished, 1 crashed, 2 not started, 3 deadlocked, 4 too slow, 5 wrong steps, 130 interrupted
"""

STEPS = 8
BY_COMPARING = (
    "--compare says whether every rank has the gradients of one process that trains on the same batches."
)
BY_HANDING_IN = "the gradients of every rank are looked at when you have handed in."

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m launch",
        description="Run a script that starts parallel workers, and say how they end and why.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("script", type=Path, help="a shell script that starts every rank, or a Python file")
    result.add_argument(
        "--ranks", type=_positive, help="how many ranks there must be; read from the script unless given"
    )
    result.add_argument(
        "--steps",
        type=_positive,
        default=STEPS,
        help=f"optimizer steps asked of every rank; default: {STEPS}",
    )
    result.add_argument(
        "--compare", action="store_true", help="also say how gradients differ from those of one process"
    )
    result.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="default: 120")
    result.add_argument(
        "--output", type=Path, metavar="FOLDER", help="default: launch-output/ and the script's name"
    )
    result.add_argument(
        "--alias",
        type=_alias,
        action="append",
        default=[],
        metavar="NAME=MODULE",
        help="let `import NAME` give MODULE",
    )
    result.add_argument(
        "--dump",
        choices=("gradients", "parameters", "tokens"),
        action="append",
        default=[],
        help="also write these tensors whole",
    )
    result.add_argument(
        "--style",
        type=Style,
        choices=[style for style in Style if style is not Style.SHELL],
        help="how a Python file becomes ranks; found from its text unless given",
    )
    result.add_argument(
        "--preload",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="import torch once for all ranks; default: yes, where the machine can",
    )
    return result


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _alias(text: str) -> tuple[str, str]:
    name, mark, module = text.partition("=")
    if not mark or not name.isidentifier() or not module:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=MODULE")
    return name, module


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report. Returns the exit status."""
    options = parser().parse_args(arguments)
    screen = Screen()
    for number in ENDING:
        signal.signal(number, _as_interrupt)
    try:
        yardstick = find_yardstick(Path.cwd())
        comparison = load_comparison(yardstick) if options.compare else None
        report = _run(options, comparison, screen)
    except Interrupted as interruption:
        return _show(interruption.report, screen)
    except (ScriptError, OSError) as error:
        print(f"launch: {error}", file=sys.stderr)
        return 2
    status = _show(report, screen)
    if comparison is not None:
        try:
            print(f"\n{comparison.tell(report, keep=bool(options.dump))}")
        except KeyboardInterrupt:
            print("\nNot compared: it was interrupted.")
            return EXIT_STATUS[Outcome.INTERRUPTED]
    elif report.outcome is Outcome.FINISHED:
        print(f"\nFinished is not yet right: {BY_COMPARING if yardstick else BY_HANDING_IN}")
    return status


def _run(options: argparse.Namespace, comparison: RunComparison | None, screen: Screen) -> RunReport:
    dump: set[Dump] = {*options.dump, *(comparison.dump if comparison else ())}
    return run(
        options.script,
        ranks=options.ranks or count_ranks(options.script),
        steps=options.steps,
        timeout_s=options.timeout,
        output_dir=options.output or Path("launch-output") / options.script.stem,
        alias=dict(options.alias),
        dump=dump,
        dump_steps=comparison.steps if comparison and not options.dump else DETAIL_STEPS,
        style=options.style,
        preload=options.preload,
        watch=screen.watch,
    )


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    """Being told to end is like Ctrl-C: everything that was started ends too, and the report is written.

    That takes seconds, in which being told again changes nothing: what was started would be left.
    """
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _show(report: RunReport, screen: Screen) -> int:
    screen.clear()
    print(report_text(report, Screen(sys.stdout)))
    return EXIT_STATUS[report.outcome]


if __name__ == "__main__":
    sys.exit(main())
