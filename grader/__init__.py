"""The engine: runs a submission in a process of its own, takes observations, and lets checks decide outside of it.

What checks use: the fixtures `submission`, `ask`, `question` and `scripts`; `Failure`, `NotReached`, `fail`, `withhold`, `explain` and
`recognise`; and the functions on plain values. Each is imported when it is first used, so that a command that refuses its arguments does so
at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cell_source import parse_cell
    from .diagnosis import Diagnosis, explain, recognise
    from .failure import Failure, MachineFailure, NotReached, fail, withhold
    from .figure import Curves, Figure, Picture, Rows, make_figure, read_curves
    from .grading import add_context, add_figures, add_judgement
    from .homework import Homework, read_homework
    from .memory_bound import bounded_memory
    from .observation import Table
    from .question import Ask, Question, asks
    from .scripts import Scripts
    from .submission import Submission
    from .values import (
        check_lists,
        check_option,
        compare_columns,
        is_number,
        share_points,
        show,
        show_list,
    )

_MODULES = {
    "Ask": "question",
    "Curves": "figure",
    "Diagnosis": "diagnosis",
    "Failure": "failure",
    "Figure": "figure",
    "Homework": "homework",
    "MachineFailure": "failure",
    "NotReached": "failure",
    "Picture": "figure",
    "Question": "question",
    "Rows": "figure",
    "Scripts": "scripts",
    "Submission": "submission",
    "Table": "observation",
    "add_context": "grading",
    "add_figures": "grading",
    "add_judgement": "grading",
    "asks": "question",
    "bounded_memory": "memory_bound",
    "check_lists": "values",
    "check_option": "values",
    "compare_columns": "values",
    "explain": "diagnosis",
    "fail": "failure",
    "is_number": "values",
    "make_figure": "figure",
    "parse_cell": "cell_source",
    "read_curves": "figure",
    "read_homework": "homework",
    "recognise": "diagnosis",
    "share_points": "values",
    "show": "values",
    "show_list": "values",
    "withhold": "failure",
}

__all__ = [
    "Ask",
    "Curves",
    "Diagnosis",
    "Failure",
    "Figure",
    "Homework",
    "MachineFailure",
    "NotReached",
    "Picture",
    "Question",
    "Rows",
    "Scripts",
    "Submission",
    "Table",
    "add_context",
    "add_figures",
    "add_judgement",
    "asks",
    "bounded_memory",
    "check_lists",
    "check_option",
    "compare_columns",
    "explain",
    "fail",
    "is_number",
    "make_figure",
    "parse_cell",
    "read_curves",
    "read_homework",
    "recognise",
    "share_points",
    "show",
    "show_list",
    "withhold",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
