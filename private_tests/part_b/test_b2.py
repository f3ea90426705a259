"""B2: two pipelines of three stages, whose gradients are reduced stage by stage."""

from __future__ import annotations

import pytest

from public_tests.part_b.comparison import Comparison
from public_tests.part_b.trial import Trial

from .finishing import check_finishes
from .pipelining import check_micro_batches, check_non_blocking
from .replicas import check_different_data, check_reductions, check_replicas
from .shell_script import check_shell_script
from .stages import check_stages
from .training_steps import check_exchange, check_gradients, check_parameters


@pytest.mark.exercise("B2", points=0.5)
def test_finishes(trial: Trial) -> None:
    """It starts, makes the steps asked on every rank, and ends."""
    check_finishes(trial)


@pytest.mark.exercise("B2")
def test_exchange(trial: Trial, comparison: Comparison) -> None:
    """Activations and gradients travel in messages between neighbouring stages, and gradients are reduced between pipelines."""
    check_exchange(trial, comparison)


@pytest.mark.exercise("B2", points=0.25)
def test_shell_script(trial: Trial) -> None:
    """The shell script starts all ranks and waits for them."""
    check_shell_script(trial)


@pytest.mark.exercise("B2", points=0.25)
def test_stages(trial: Trial, comparison: Comparison) -> None:
    """Two pipelines of three stages have the depth and width asked, and read batches of the size asked."""
    check_stages(trial, comparison)


@pytest.mark.exercise("B2", points=0.25)
def test_micro_batches(trial: Trial) -> None:
    """Batches are cut into three micro-batches, on which the stages work at the same time."""
    check_micro_batches(trial)


@pytest.mark.exercise("B2", points=0.25)
def test_non_blocking(trial: Trial) -> None:
    """Messages are sent without holding up the computation."""
    check_non_blocking(trial)


@pytest.mark.exercise("B2", points=0.5)
def test_different_data(trial: Trial) -> None:
    """The two pipelines read different stories."""
    check_different_data(trial)


@pytest.mark.exercise("B2", points=0.5)
def test_reductions(trial: Trial, comparison: Comparison) -> None:
    """Gradients are reduced within the group of each stage, and every rank makes every group."""
    check_reductions(trial, comparison)


@pytest.mark.exercise("B2", points=0.5)
def test_replicas(trial: Trial, comparison: Comparison) -> None:
    """The replicas of a stage stay identical."""
    check_replicas(trial, comparison)


@pytest.mark.exercise("B2", points=0.75)
def test_gradients(trial: Trial, comparison: Comparison) -> None:
    """In every step every rank has the mean gradient of both pipelines' batches."""
    check_gradients(trial, comparison)


@pytest.mark.exercise("B2", points=0.25)
def test_parameters(trial: Trial, comparison: Comparison) -> None:
    """Parameters change by Adam's steps along these gradients, and by nothing else."""
    check_parameters(trial, comparison)
