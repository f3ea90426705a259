"""What is observed of a server and its clients, however they are kept and called."""

from __future__ import annotations

import functools
import os
import pickle
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from lab_2_hfl.clients import Client
from lab_2_hfl.servers import DecentralizedServer, FedSgdServer, train_dataset
from probes import servers
from probes.integrity import Unusable

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be copied here")
ARGUMENTS = {"lr": 0.1, "client_fraction": 1.0, "seed": 3}
ORDER = ["lr", "client_subsets", "client_fraction", "seed"]
CLIENTS = {"sizes": [4, 6], "seed": 5}


class Renaming(Client):
    """Has a name of its own for the weights, and sends them back."""

    def update(self, weights: Any, seed: int) -> Any:  # noqa: ARG002
        return weights


class Honest(DecentralizedServer):
    def __init__(self, lr: float, client_subsets: Any, client_fraction: float, seed: int) -> None:
        super().__init__(lr, -1, client_subsets, client_fraction, seed)
        self.clients = [Renaming(subset, -1) for subset in client_subsets]

    def run(self, nr_rounds: int) -> Any:
        return nr_rounds


HELD = object.__new__(FedSgdServer)


class Holds(Honest):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.inner = {"server": [HELD]}


class Names(Honest):
    def run(self, nr_rounds: int) -> Any:
        return [FedSgdServer for _ in range(nr_rounds)]


class Copies(Honest):
    run = FedSgdServer.run


class Notes(Honest):
    def run(self, nr_rounds: int) -> Any:
        return clients.append(nr_rounds)  # noqa: F821 - a global of the notebook, with the name of an attribute


class InProcesses(Honest):
    """Asks its clients, or copies of them, in processes."""

    def run(self, nr_rounds: int) -> Any:
        weights = list(self.model.parameters())
        for client in self.clients:
            copied = pickle.loads(pickle.dumps(client))  # as a pool does
            assert copied.update(weights, 1) is weights
        return nr_rounds


class Copying(Honest):
    def run(self, nr_rounds: int) -> Any:
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        return nr_rounds


@pytest.mark.parametrize(
    ("cls", "signs"),
    [
        (Honest, []),
        (Holds, ["a Holds holds a FedSgdServer"]),
        (Names, ["Names.run uses FedSgdServer"]),
        (Copies, ["Copies.run is FedSgdServer.run"]),
        (Notes, []),
    ],
)
def test_a_server_that_hands_its_work_on_is_flagged(cls: type, signs: list[str]) -> None:
    namespace = {"cls": cls, "FedSgdServer": FedSgdServer, "clients": []}

    assert servers.inspect_server(namespace, "cls", ARGUMENTS, ORDER, CLIENTS, ["FedSgdServer"], "A1.1") == [
        sign.replace("a Holds", "a cls") for sign in signs
    ]


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

    seen = servers.run_server({"cls": Own}, "cls", ARGUMENTS, ORDER, CLIENTS, 1, [], "A1.3", 1)

    assert [call["client"] for call in seen["calls"]] == [1, 0]


def by_position(eta: Any, subsets: Any, fraction: Any, start: Any) -> Any:
    return eta, subsets, fraction, start


def in_another_order(seed: Any, client_fraction: Any, client_subsets: Any, lr: Any) -> Any:
    return lr, client_subsets, client_fraction, seed


def with_defaults(
    lr: Any, batch_size: int = -1, client_subsets: Any = (), client_fraction: Any = 0, seed: Any = 0
) -> Any:
    return (lr, client_subsets, client_fraction, seed) if batch_size == -1 else None


def of_any_kind(*args: Any, **kwargs: Any) -> Any:
    return (*args, *kwargs.values())


def by_name_alone(**kwargs: Any) -> Any:
    return tuple(kwargs.values())


@pytest.mark.parametrize("cls", [by_position, in_another_order, with_defaults, of_any_kind, by_name_alone])
def test_a_server_is_made_whatever_its_parameters_are_called(cls: Any) -> None:
    assert servers._call(cls, dict(zip(ORDER, (1, 2, 3, 4), strict=True))) == (1, 2, 3, 4)


def test_other_parameters_are_told() -> None:
    def make(lr: Any, batch_size: Any, client_subsets: Any, client_fraction: Any, seed: Any) -> None: ...

    with pytest.raises(servers.OtherParameters, match=r"takes \(lr, batch_size, client_subsets, "):
        servers._call(make, dict(zip(ORDER, (1, 2, 3, 4), strict=True)))


def test_a_server_without_clients_is_unfinished() -> None:
    class Empty(Honest):
        def __init__(self, *_: Any) -> None: ...

    with pytest.raises(servers.Unfinished, match="makes no clients"):
        servers.inspect_server({"cls": Empty}, "cls", ARGUMENTS, ORDER, CLIENTS, [], "A1.3")


def test_the_lab_s_server_can_t_be_made_where_it_is_looked_at() -> None:
    with pytest.raises(Unusable):
        servers.inspect_server(
            {"cls": FedSgdServer}, "cls", ARGUMENTS, ORDER, CLIENTS, ["FedSgdServer"], "A1.1"
        )


def test_clients_are_observed_however_they_are_kept_and_called() -> None:
    seen = servers.run_server({"cls": Asking}, "cls", ARGUMENTS, ORDER, CLIENTS, 1, [], "A1.3", 1)

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
        {"cls": Counting}, "cls", ARGUMENTS, ORDER, {"sizes": [before + 50, 10], "seed": 3}, 1, [], "A1.1", 1
    )

    assert (seen, len(train_dataset)) == ([before + 50], before)


def test_a_result_that_is_none_is_told() -> None:
    assert servers._read_result(None)["returned"] == "NoneType"


def decorate(function: Any) -> Any:
    return lambda *args, **kwargs: function(*args, **kwargs)


class Decorating(Renaming):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.update = decorate(super().update)


@pytest.mark.parametrize("client", [Renaming, Decorating])
def test_arguments_may_be_named_in_any_order(client: type) -> None:
    class Swapped(Honest):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.clients = [client(each, -1) for each in servers.make_subsets(CLIENTS)]

        def run(self, nr_rounds: int) -> Any:
            for each in self.clients:
                each.update(seed=3, weights=self.model.parameters())
            return nr_rounds

    calls = servers.run_server({"S": Swapped}, "S", ARGUMENTS, ORDER, CLIENTS, 1, [], "A1.1", 7)["calls"]

    assert [call["received"] == call["sent"] for call in calls] == [True, True]


def test_who_leaves_the_weights_out_is_told_what_is_missing() -> None:
    class Forgetting(Honest):
        def run(self, nr_rounds: int) -> Any:
            return self.clients[nr_rounds].update(seed=3)

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'weights'"):
        servers.run_server({"S": Forgetting}, "S", ARGUMENTS, ORDER, CLIENTS, 1, [], "A1.1", 7)


def test_more_samples_than_there_are_are_dealt_again() -> None:
    subsets = servers.make_subsets({"sizes": [5, len(train_dataset)], "seed": 3})

    assert [len(subset) for subset in subsets] == [5, len(train_dataset)]
    assert set(subsets[0].indices) < set(subsets[1].indices)


class Training(Client):
    """Trains on two batches, and looks at others without training on them."""

    def update(self, weights: Any, seed: int) -> Any:  # noqa: ARG002
        images = torch.zeros(9, 1, 28, 28)
        for size in (4, 3):
            self.model.train()
            self.model(images[:size])
            with torch.no_grad():
                self.model(images)
            self.model.eval()
            self.model(images)
        return list(weights)


def test_batches_that_a_client_trains_on_are_noted() -> None:
    class Own(Asking):
        def __init__(self, lr: float, client_subsets: Any, client_fraction: float, seed: int) -> None:
            super().__init__(lr, client_subsets, client_fraction, seed)
            self.clients = {index: Training(subset, 2) for index, subset in enumerate(client_subsets)}

    seen = servers.run_server({"cls": Own}, "cls", ARGUMENTS, ORDER, CLIENTS, 1, [], "A1.3", 1)

    batches = [(call["training"]["count"], call["training"]["largest"]) for call in seen["calls"]]
    assert batches == [(2, 4)] * 2
    assert seen["sizes"] == [4, 6]


@functools.cache
def known_by_name() -> int:
    return 1


@pytest.mark.parametrize("cls", [InProcesses, pytest.param(Copying, marks=needs_fork), Honest])
def test_a_run_whose_clients_are_asked_elsewhere_says_so(cls: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "hide", functools.lru_cache(maxsize=0))

    answer = servers.run_server({"S": cls}, "S", ARGUMENTS, ORDER, CLIENTS, 1, [], "A1.1", 7)

    assert answer["elsewhere"] is (cls is not Honest)
    assert answer["calls"] == []
    assert pickle.loads(pickle.dumps(known_by_name)) is known_by_name
