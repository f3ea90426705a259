"""What is wrong with an experiment's result, in the order in which it is told.

1. The form: a table with its columns and rows, or curves with their keys and lengths, all of finite numbers.
2. The labels of a table's rows.
3. The runs, where all results are exactly what runs of the lab's own servers gave: these were noted, and say which parameter was ignored, even
   where the accuracies hardly show it. Notes come from the submission's process: they reveal a mistake, and excuse none.
4. The values, in any case: message counts, and accuracies within the tolerance.
"""

from __future__ import annotations

from grader import Diagnosis

from .evidence import ExperimentEvidence
from .form import find_wrong_form
from .labels import find_wrong_label
from .measurements import (
    find_changed_values,
    find_fractions,
    find_wrong_accuracy,
    find_wrong_count,
    find_wrong_server,
)
from .other_runs import find_mean, find_wrong_round, find_wrong_run

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
