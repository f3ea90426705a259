"""`from lab_2_hfl.hfl_complete import *` gives notebooks the course's names, with the course's signatures."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

SIGNATURES = {
    "MnistCnn": "",
    "train_epoch": "model loader optimizer",
    "split": "nr_clients iid seed",
    "RunResult": "algorithm n c b e lr seed wall_time message_count test_accuracy",
    "RunResult.as_df": "self skip_wtime",
    "Client": "client_data batch_size",
    "Client.update": "self in_params seed",
    "Server": "lr batch_size seed",
    "Server.run": "self nr_rounds",
    "Server.test": "self",
    "CentralizedServer": "lr batch_size seed",
    "DecentralizedServer": "lr batch_size client_subsets client_fraction seed",
    "GradientClient": "client_data",
    "FedSgdServer": "lr client_subsets client_fraction seed",
    "FedSgdGradientServer": "lr client_subsets client_fraction seed",
    "WeightClient": "client_data lr batch_size nr_epochs",
    "FedAvgServer": "lr batch_size client_subsets client_fraction nr_local_epochs seed",
}

USED_WITHOUT_IMPORT = """
    torch nn F np npr Subset DataLoader SGD Optimizer DataFrame perf_counter tqdm trange cast dataclass asdict field ABC abstractmethod
    datasets transforms Path ETA device transform train_dataset test_loader
"""


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What a notebook has after its setup cell."""
    names: dict[str, Any] = {}
    exec("from lab_2_hfl.hfl_complete import *", names)
    return names


@pytest.mark.parametrize("name", USED_WITHOUT_IMPORT.split())
def test_a_notebook_gets_the_name(names: dict[str, Any], name: str) -> None:
    assert name in names


@pytest.mark.parametrize(("name", "parameters"), SIGNATURES.items(), ids=SIGNATURES)
def test_parameters_are_in_the_course_s_order(names: dict[str, Any], name: str, parameters: str) -> None:
    owner, _, method = name.partition(".")
    function = getattr(names[owner], method) if method else names[owner]

    assert list(inspect.signature(function).parameters) == parameters.split()


def test_names_mean_what_notebooks_take_them_for(names: dict[str, Any]) -> None:
    import numpy.random
    import torch.nn.functional

    assert (names["npr"], names["F"]) == (numpy.random, torch.nn.functional)


def test_the_older_name_of_fedsgd_is_the_same_class(names: dict[str, Any]) -> None:
    assert names["FedSgdGradientServer"] is names["FedSgdServer"]


@pytest.mark.parametrize("name", ["Client", "Server", "DecentralizedServer"])
def test_what_subclasses_must_write_is_abstract(names: dict[str, Any], name: str) -> None:
    assert inspect.isabstract(names[name])


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_device_is_the_fastest_there_is(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, chosen: str
) -> None:
    import torch

    from lab_2_hfl.model import choose_device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    assert choose_device().type == chosen
