"""Both notebooks run from top to bottom in a fresh kernel, on a small part of the embedded data."""

import copy
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

ENVIRONMENT = {
    "LAB_2_HFL_DATASET": "digits",
    "LAB_2_HFL_TRAIN_SAMPLES": "300",
    "LAB_2_HFL_TEST_SAMPLES": "50",
    "OMP_NUM_THREADS": "1",  # on batches this small, threads only get in each other's way
}

FEW_ROUNDS = """
def run_few_rounds(run):
    return lambda server, nr_rounds: run(server, min(nr_rounds, 3))

for server_class in (FedSgdServer, FedAvgServer):
    server_class.run = run_few_rounds(server_class.run)
"""


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def execute(notebook: NotebookNode, folder: Path) -> dict[str, list[NotebookNode]]:
    """The outputs of each code cell by its id; raises nbclient's CellExecutionError if a cell fails."""
    notebook = copy.deepcopy(notebook)
    after_setup = 2
    notebook.cells.insert(after_setup, new_code_cell(FEW_ROUNDS, id="few-rounds"))  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def test_handout_runs_and_shows_nothing_while_unfilled(handout: NotebookNode, tmp_path: Path) -> None:
    outputs = execute(handout, tmp_path)

    assert [cell for cell, shown in outputs.items() if shown and cell != "setup"] == []


def test_solved_notebook_runs_and_draws_each_experiment_and_prints_its_numbers(
    solved: NotebookNode, tmp_path: Path
) -> None:
    outputs = execute(solved, tmp_path)
    experiments = {cell: each for cell, each in outputs.items() if cell.startswith("run-")}
    shown = {
        cell: {kind for output in outputs for kind in output.get("data", {})}
        for cell, outputs in experiments.items()
    }

    assert len(experiments) == 5
    assert [cell for cell, kinds in shown.items() if not {"image/png", "text/html"} <= kinds] == []
