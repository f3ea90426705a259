"""A1.2: values for which the two FedSGDs differ."""

from __future__ import annotations

import pytest

from grader import Submission, fail, show

TAG = "fedsgd_diff"
MOST_SAMPLES = 600  # of a client, as the exercise says


def read_number(submission: Submission, name: str) -> int:
    value = submission.read_value(TAG, name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        fail(
            f"{name} is {show(value)}.",
            "a whole number of at least 1",
            f"assign one in the cell tagged {TAG!r}.",
            f"{name}-is-not-a-positive-whole-number",
        )
    return value


@pytest.mark.exercise("A1.2", points=0.25)
def test_batch_size(submission: Submission) -> None:
    """The batch size makes the two FedSGDs differ."""
    name = "fed_sgd_grad_unequal_weight_bs"
    value = read_number(submission, name)
    if value >= MOST_SAMPLES:
        fail(
            f"{name} is {value}: a client with at most {MOST_SAMPLES} samples still takes one step on all of them, so nothing differs.",
            "a batch size for which a client takes several steps a round",
            "think of how many steps a client takes, and choose again.",
            "a-batch-of-all-samples",
        )


@pytest.mark.exercise("A1.2", points=0.25)
def test_epochs(submission: Submission) -> None:
    """The number of local epochs makes the two FedSGDs differ."""
    name = "fed_sgd_grad_unequal_weight_e"
    value = read_number(submission, name)
    if value < 2:
        fail(
            f"{name} is {value}: with one epoch on all its data a client takes one step, so nothing differs.",
            "a number of local epochs for which a client takes several steps a round",
            "think of how many steps a client takes, and choose again.",
            "a-single-epoch",
        )
