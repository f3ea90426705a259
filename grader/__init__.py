"""The engine: runs a submission in a process of its own, takes observations, and lets checks decide outside of it.

What checks use: the fixtures `submission`, `ask`, `question` and `scripts`; `Failure`, `NotReached`, `fail`, `withhold` and `explain`; and
the functions on plain values.
"""

from .diagnosis import Diagnosis, explain
from .failure import Failure, MachineFailure, NotReached, fail, withhold
from .figure import Curves, Figure, Picture, Rows, make_figure, read_curves
from .grading import add_context, add_figures
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
    "asks",
    "bounded_memory",
    "check_lists",
    "check_option",
    "compare_columns",
    "explain",
    "fail",
    "is_number",
    "make_figure",
    "read_curves",
    "read_homework",
    "share_points",
    "show",
    "show_list",
    "withhold",
]
