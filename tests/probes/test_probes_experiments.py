"""What is noted of the runs behind an experiment."""

from __future__ import annotations

from typing import Any

import pytest
from torch.optim import SGD

from lab_2_hfl.clients import GradientClient
from lab_2_hfl.dataset import split
from lab_2_hfl.servers import DecentralizedServer, FedAvgServer, FedSgdServer, Server
from probes.experiments import call_experiment
from probes.integrity import find_tampering
from probes.servers import make_subsets

CLIENTS = {"sizes": [4, 6], "seed": 5}
SUBSETS = make_subsets(CLIENTS)


def note(function: Any) -> list[dict[str, Any]]:
    answer = call_experiment({"f": function}, "f", {})
    assert answer["value"] == "returned"
    runs: list[dict[str, Any]] = answer["runs"]
    return runs


def run(server: Server) -> str:
    server.run(1)
    return "returned"


def test_the_runs_behind_an_experiment_are_noted() -> None:
    def experiment() -> str:
        run(FedSgdServer(0.1, SUBSETS, 0.5, 3))
        return run(FedAvgServer(0.2, 4, SUBSETS, 1.0, 2, 5))

    sgd, avg = note(experiment)

    assert {key: sgd[key] for key in ("n", "clients per round", "b", "e", "lr", "seed")} == {
        "n": 2,
        "clients per round": 1,
        "b": -1,
        "e": 1,
        "lr": 0.1,
        "seed": 3,
    }
    assert [avg[key] for key in ("clients per round", "b", "e", "lr", "seed")] == [2, 4, 2, 0.2, 5]
    assert sgd["data"] == avg["data"]
    assert len(avg["accuracies"]) == 1


def test_data_that_were_split_before_an_experiment_are_noted() -> None:
    def experiment(subsets: Any) -> Any:
        return run(FedAvgServer(0.2, 50, subsets, 1.0, 2, 5))

    def ask_with(**notebook: Any) -> Any:
        namespace = {
            "experiment": lambda: experiment(notebook.get("parts") or make_subsets(CLIENTS)),
            **notebook,
        }
        [noted] = call_experiment(namespace, "experiment", {})["runs"]
        return noted

    assert ask_with(parts=SUBSETS)["split before"] is True
    assert ask_with(others=SUBSETS)["split before"] is False
    assert (ask_with()["b"], ask_with()["batch size"]) == (-1, 50)


def test_a_batch_of_all_is_an_infinite_one_and_other_data_are_told_apart() -> None:
    other = make_subsets({**CLIENTS, "seed": 6})

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


class OwnClient(GradientClient):
    """A client of a submission's own."""


def make_without_momentum() -> FedSgdServer:
    return FedSgdServer(0.1, SUBSETS, 0.5, 3)


def make_with_momentum() -> FedSgdServer:
    server = make_without_momentum()
    server.optimizer = SGD(server.model.parameters(), 0.1, momentum=0.9)
    return server


def make_with_own_client() -> FedSgdServer:
    server = make_without_momentum()
    server.clients = [OwnClient(SUBSETS[0]), GradientClient(SUBSETS[1])]
    return server


def ask(server: Any) -> dict[str, Any]:
    return call_experiment({"f": lambda: run(server())}, "f", {})


def test_a_lab_s_server_is_not_the_submission_s_own() -> None:
    assert ask(make_without_momentum)["own_servers"] == []


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

    assert answer["runs"] == []
    assert answer["own_servers"] != []


@pytest.mark.parametrize("size", [6, -1])
def test_what_an_own_server_is_made_with_is_noted(size: int) -> None:
    [lab] = ask(lambda: FedAvgServer(0.1, size, SUBSETS, 0.5, 1, 3))["runs"]
    own = ask(lambda: Own(0.1, size, SUBSETS, 0.5, 1, 3))["own_servers"][0]

    assert own == {"class": "Own", **{key: lab[key] for key in own if key != "class"}}
    assert own.keys() >= {"n", "data", "clients per round", "lr", "b", "seed"}


def test_a_server_without_clients_is_noted_by_its_name() -> None:
    class Alone(Server):
        def run(self, nr_rounds: int) -> Any:
            return nr_rounds

    assert ask(lambda: Alone(0.1, 4, 3))["own_servers"] == [{"class": "Alone"}]


def test_own_arguments_may_be_of_any_kind() -> None:
    class Odd(DecentralizedServer):
        def __init__(self) -> None:
            super().__init__("slow", None, client_subsets=["ab", "c"], client_fraction=0.5, seed=3)  # type: ignore[arg-type,list-item]

        def run(self, nr_rounds: int) -> Any:
            return nr_rounds

    [noted] = ask(Odd)["own_servers"]

    assert {key: noted.get(key) for key in ("n", "lr", "b", "data")} == {
        "n": 2,
        "lr": "slow",
        "b": None,
        "data": None,
    }


def test_a_server_that_has_run_before_is_not_new() -> None:
    server = make_without_momentum()

    assert [ask(lambda: server)["runs"][0]["new"] for _ in range(2)] == [True, False]


@pytest.mark.parametrize(("iid", "name"), [(True, "IID"), (False, "non-IID")])
def test_the_split_behind_a_run_is_named(iid: bool, name: str) -> None:
    [noted] = ask(lambda: FedSgdServer(0.1, split(4, iid, 3), 0.5, 3))["runs"]

    assert noted["data"] == name


def test_a_split_with_another_seed_than_the_server_s_has_no_name() -> None:
    [noted] = ask(lambda: FedSgdServer(0.1, split(4, True, 10), 0.5, 3))["runs"]

    assert noted["data"] not in ("IID", "non-IID")


def test_more_clients_than_shards_can_be_split() -> None:
    [noted] = ask(lambda: FedSgdServer(0.1, split(301, True, 3), 0.01, 3))["runs"]

    assert noted["data"] == "IID"


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

    assert find_tampering() == []
