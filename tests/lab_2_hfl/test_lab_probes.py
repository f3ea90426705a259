"""What probes see of a notebook that meddles with the lab, or hands its work to the lab's own servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from torch.optim import SGD

from lab_2_hfl import probes, servers
from lab_2_hfl.clients import Client, GradientClient
from lab_2_hfl.servers import DecentralizedServer, FedAvgServer, FedSgdServer

ARGUMENTS = {"lr": 0.1, "client_fraction": 1.0, "seed": 3}
CLIENTS = {"sizes": [4, 6], "seed": 5}
KEPT = {"init": FedSgdServer.__init__, "run": FedSgdServer.run}


def test_nothing_is_found_in_an_untouched_lab() -> None:
    assert probes.find_tampering() == []


@pytest.mark.parametrize("name", ["run", "__init__"])
def test_a_replaced_method_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(FedAvgServer, name, lambda *_: None)

    assert probes.find_tampering() == [f"FedAvgServer.{name} of the lab was replaced"]


def test_replaced_code_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FedSgdServer.run, "__code__", (lambda *_: None).__code__)

    assert probes.find_tampering() == ["FedSgdServer.run of the lab was replaced"]


def test_replaced_data_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "train_dataset", [])

    assert "train_dataset of the lab was replaced" in probes.find_tampering()


@pytest.mark.parametrize(
    "use",
    [
        lambda subsets: FedSgdServer(0.1, subsets, 1.0, 3),
        lambda subsets: KEPT["init"](object.__new__(FedSgdServer), 0.1, subsets, 1.0, 3),
        lambda _: KEPT["run"](None, 1),
    ],
    ids=["class", "kept __init__", "kept run"],
)
def test_a_blocked_class_can_t_be_used_by_what_was_kept_of_it(use: Any) -> None:
    subsets = probes.make_subsets(CLIENTS)
    with (
        probes.blocked(["FedSgdServer"], "A1.1"),
        pytest.raises(probes.Unusable, match=r"FedSgdServer can't be used in A1\.1"),
    ):
        use(subsets)

    assert len(FedSgdServer(0.1, subsets, 1.0, 3).clients) == 2
    assert probes.find_tampering() == []


def test_a_replaced_method_does_not_keep_the_original_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FedSgdServer, "run", lambda *_: None)
    with probes.blocked(["FedSgdServer"], "A1.1"), pytest.raises(probes.Unusable):
        KEPT["run"](None, 1)


class Honest(DecentralizedServer):
    def __init__(self, lr: float, client_subsets: Any, client_fraction: float, seed: int) -> None:
        super().__init__(lr, -1, client_subsets, client_fraction, seed)

    def run(self, nr_rounds: int) -> Any:
        return nr_rounds


class Holds(Honest):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.inner = {"server": [KEPT["make"](**kwargs)]}


class Names(Honest):
    def run(self, nr_rounds: int) -> Any:
        return [FedSgdServer for _ in range(nr_rounds)]


class Copies(Honest):
    run = FedSgdServer.run


class Notes(Honest):
    def run(self, nr_rounds: int) -> Any:
        return clients.append(nr_rounds)  # noqa: F821 - a global of the notebook, with the name of an attribute


KEPT["make"] = lambda **kwargs: FedSgdServer(**kwargs)


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

    assert probes.find_borrowed(namespace, "cls", ARGUMENTS, CLIENTS, ["FedSgdServer"]) == [
        sign.replace("a Holds", "a cls") for sign in signs
    ]


class Renaming(Client):
    """Has a name of its own for the weights, and sends them back."""

    def update(self, weights: Any, seed: int) -> Any:  # noqa: ARG002
        return weights


class Asking(Honest):
    """Keeps its clients by index, and names the arguments."""

    def __init__(self, lr: float, client_subsets: Any, client_fraction: float, seed: int) -> None:
        super().__init__(lr, client_subsets, client_fraction, seed)
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

    seen = probes.run_server({"cls": Own}, "cls", ARGUMENTS, CLIENTS, 1, [], "A1.3", 1)

    assert [call["client"] for call in seen["calls"]] == [1, 0]


def test_clients_are_observed_however_they_are_kept_and_called() -> None:
    seen = probes.run_server({"cls": Asking}, "cls", ARGUMENTS, CLIENTS, 1, [], "A1.3", 1)

    assert [call["client"] for call in seen["calls"]] == [1, 0]
    assert all(call["received"] == call["sent"] == seen["weights"] for call in seen["calls"])


def test_the_length_of_the_data_is_no_less_than_a_client_s() -> None:
    before = len(servers.train_dataset)
    seen: list[int] = []

    class Counting(Asking):
        def run(self, nr_rounds: int) -> Any:
            seen.append(len(servers.train_dataset))
            return nr_rounds

    probes.run_server(
        {"cls": Counting}, "cls", ARGUMENTS, {"sizes": [before + 50, 10], "seed": 3}, 1, [], "A1.1", 1
    )

    assert (seen, len(servers.train_dataset)) == ([before + 50], before)


def test_more_samples_than_there_are_are_dealt_again() -> None:
    subsets = probes.make_subsets({"sizes": [5, len(servers.train_dataset)], "seed": 3})

    assert [len(subset) for subset in subsets] == [5, len(servers.train_dataset)]
    assert set(subsets[0].indices) < set(subsets[1].indices)


# --- runs that are noted ----------------------------------------------------------------------------------------------------------------

SUBSETS = probes.make_subsets(CLIENTS)


def note(function: Any) -> list[dict[str, Any]]:
    answer = probes.call_experiment({"f": function}, "f", {})
    assert answer["value"] == "returned"
    runs: list[dict[str, Any]] = answer["runs"]
    return runs


def run(server: DecentralizedServer) -> str:
    server.run(1)
    return "returned"


def test_the_runs_behind_an_experiment_are_noted() -> None:
    def experiment() -> str:
        run(FedSgdServer(0.1, SUBSETS, 0.5, 3))
        return run(FedAvgServer(0.2, 4, SUBSETS, 1.0, 2, 5))

    sgd, avg = note(experiment)

    assert {key: sgd[key] for key in ("n", "clients a round", "b", "e", "lr", "seed")} == {
        "n": 2,
        "clients a round": 1,
        "b": -1,
        "e": 1,
        "lr": 0.1,
        "seed": 3,
    }
    assert [avg[key] for key in ("clients a round", "b", "e", "lr", "seed")] == [2, 4, 2, 0.2, 5]
    assert sgd["data"] == avg["data"]
    assert len(avg["accuracies"]) == 1


def test_a_batch_of_all_is_an_infinite_one_and_other_data_are_told_apart() -> None:
    other = probes.make_subsets({**CLIENTS, "seed": 6})

    (whole,), (infinite,), (elsewhere,) = (
        note(lambda subsets=subsets, b=b: run(FedAvgServer(0.1, b, subsets, 0.5, 1, 3)))
        for subsets, b in ((SUBSETS, 6), (SUBSETS, -1), (other, 6))
    )

    assert whole == infinite
    assert elsewhere["data"] != whole["data"]


class Own(FedAvgServer):
    """A server of a submission's own."""


class OwnRun(FedSgdServer):
    """One that runs otherwise."""

    def run(self, nr_rounds: int) -> Any:
        return nr_rounds


def make_without_momentum() -> FedSgdServer:
    return FedSgdServer(0.1, SUBSETS, 0.5, 3)


def make_with_momentum() -> FedSgdServer:
    server = make_without_momentum()
    server.optimizer = SGD(server.model.parameters(), 0.1, momentum=0.9)
    return server


def make_with_own_client() -> FedSgdServer:
    server = make_without_momentum()
    server.clients = [Renaming(subset, -1) for subset in SUBSETS]
    server.clients = [*server.clients[:1], GradientClient(SUBSETS[1])]
    return server


def ask(server: Any) -> dict[str, Any]:
    return probes.call_experiment({"f": lambda: run(server())}, "f", {})


def test_a_lab_s_server_is_no_other() -> None:
    assert ask(make_without_momentum)["others"] is False


@pytest.mark.parametrize(
    "make",
    [
        lambda: Own(0.1, 4, SUBSETS, 0.5, 1, 3),
        lambda: OwnRun(0.1, SUBSETS, 0.5, 3),
        make_with_momentum,
        make_with_own_client,
    ],
    ids=["derived", "derived, with another run", "another optimizer", "another client"],
)
def test_other_servers_are_told_apart(make: Any) -> None:
    answer = ask(make)

    assert (answer["runs"], answer["others"]) == ([], True)


def test_what_decides_is_noted_and_not_the_label() -> None:
    def make_sgd() -> FedSgdServer:
        server = make_without_momentum()
        server.optimizer.param_groups[0]["lr"] = 0.3
        return server

    def make_avg() -> FedAvgServer:
        server = FedAvgServer(0.1, 4, SUBSETS, 1.0, 1, 3)
        for client in server.clients:
            client.nr_epochs, client.lr = 2, 0.2
        return server

    assert [each["lr"] for each in ask(make_sgd)["runs"]] == [0.3]
    assert [(each["lr"], each["e"]) for each in ask(make_avg)["runs"]] == [(0.2, 2)]


def test_the_lab_is_as_it_was_after_an_experiment_that_fails() -> None:
    with pytest.raises(ZeroDivisionError):
        note(lambda: 1 / 0)

    assert probes.find_tampering() == []


def test_a_result_that_is_none_is_told() -> None:
    assert probes._read_result(None)["returned"] == "NoneType"
