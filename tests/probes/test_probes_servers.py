"""What is observed of a server and its clients, however they are kept and called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from lab_2_hfl.clients import Client
from lab_2_hfl.servers import DecentralizedServer, train_dataset
from probes import servers

ARGUMENTS = {"lr": 0.1, "client_fraction": 1.0, "seed": 3}
CLIENTS = {"sizes": [4, 6], "seed": 5}


class Renaming(Client):
    """Has a name of its own for the weights, and sends them back."""

    def update(self, weights: Any, seed: int) -> Any:  # noqa: ARG002
        return weights


class Asking(DecentralizedServer):
    """Keeps its clients by index, and names the arguments."""

    def __init__(self, lr: float, client_subsets: Any, client_fraction: float, seed: int) -> None:
        super().__init__(lr, -1, client_subsets, client_fraction, seed)
        self.clients = {index: Renaming(subset, 2) for index, subset in enumerate(client_subsets)}

    def run(self, nr_rounds: int) -> Any:
        for index in (1, 0) * nr_rounds:
            self.clients[index].update(weights=self.model.parameters(), seed=3)


@dataclass(frozen=True)
class Frozen:
    """A client of a submission's own that can't be changed."""

    data: Any

    def update(self, weights: Any, seed: int) -> Any:  # noqa: ARG002
        return list(weights)


@dataclass(frozen=True, slots=True)
class Slotted(Frozen):
    """One that has no room for anything else."""


@pytest.mark.parametrize("client", [Frozen, Slotted])
def test_clients_that_can_t_be_changed_are_observed(client: Any) -> None:
    class Own(Asking):
        def __init__(self, lr: float, client_subsets: Any, client_fraction: float, seed: int) -> None:
            super().__init__(lr, client_subsets, client_fraction, seed)
            self.clients = {index: client(subset) for index, subset in enumerate(client_subsets)}

    seen = servers.run_server({"cls": Own}, "cls", ARGUMENTS, CLIENTS, 1, [], "A1.3", 1)

    assert [call["client"] for call in seen["calls"]] == [1, 0]


def test_clients_are_observed_however_they_are_kept_and_called() -> None:
    seen = servers.run_server({"cls": Asking}, "cls", ARGUMENTS, CLIENTS, 1, [], "A1.3", 1)

    assert [call["client"] for call in seen["calls"]] == [1, 0]
    assert all(call["received"] == call["sent"] == seen["weights"] for call in seen["calls"])


def test_the_length_of_the_data_is_no_less_than_a_client_s() -> None:
    before = len(train_dataset)
    seen: list[int] = []

    class Counting(Asking):
        def run(self, nr_rounds: int) -> Any:
            seen.append(len(train_dataset))
            return nr_rounds

    servers.run_server(
        {"cls": Counting}, "cls", ARGUMENTS, {"sizes": [before + 50, 10], "seed": 3}, 1, [], "A1.1", 1
    )

    assert (seen, len(train_dataset)) == ([before + 50], before)


def test_a_result_that_is_none_is_told() -> None:
    assert servers._read_result(None)["returned"] == "NoneType"
