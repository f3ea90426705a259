"""The engine: runs a submission in a process of its own, takes observations, and lets checks decide outside of it.

What checks use: `Submission` (the fixture `submission`), `Failure`, `fail`, `explain`, and the comparisons.
"""

from .comparison import (
    check_curves,
    check_option,
    combine_tensors,
    compare_columns,
    compare_curves,
    is_number,
    match_tensors,
    show,
)
from .diagnosis import Diagnosis, explain
from .observation import Table
from .scripts import Scripts
from .submission import Submission
from .verdict import Failure, fail

__all__ = [
    "Diagnosis",
    "Failure",
    "Scripts",
    "Submission",
    "Table",
    "check_curves",
    "check_option",
    "combine_tensors",
    "compare_columns",
    "compare_curves",
    "explain",
    "fail",
    "is_number",
    "match_tensors",
    "show",
]
