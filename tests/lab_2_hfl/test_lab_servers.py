"""How servers choose clients, seed them, weight their updates and count messages, seen through clients that send what a test wants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import Subset

from lab_2_hfl.clients import Client, GradientClient, WeightClient, average
from lab_2_hfl.dataset import split, train_dataset
from lab_2_hfl.model import MnistCnn, device
from lab_2_hfl.results import RunResult
from lab_2_hfl.servers import CentralizedServer, DecentralizedServer, FedAvgServer, FedSgdServer, Server


def make_subsets(*sizes: int) -> list[Subset[Any]]:
    return [Subset(train_dataset, list(range(size))) for size in sizes]


def make_weights() -> list[Tensor]:
    return [parameter.detach() for parameter in MnistCnn().to(device).parameters()]


class ConstantClient(Client):
    """Answers weights that are all `value`, and notes the seeds that it is given."""

    def __init__(self, data: Subset[Any], value: float = 0.0) -> None:
        super().__init__(data, -1)
        self.value = value
        self.seeds: list[int] = []

    def update(self, in_params: list[Tensor], seed: int) -> list[Tensor]:
        self.seeds.append(seed)
        return [torch.full_like(parameter, self.value) for parameter in in_params]


@pytest.fixture(autouse=True)
def untested(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accuracies take a second a round, and are not what is looked at here."""
    monkeypatch.setattr(Server, "test", lambda _: 0.0)


def make_server(subsets: list[Subset[Any]], c: float, seed: int = 10) -> FedAvgServer:
    server = FedAvgServer(0.01, 10, subsets, c, 1, seed)
    server.clients = [ConstantClient(subset) for subset in subsets]
    return server


def list_seeds(server: DecentralizedServer) -> list[list[int]]:
    return [client.seeds for client in server.clients if isinstance(client, ConstantClient)]


@pytest.mark.parametrize(
    ("clients", "c", "a_round"),
    [(10, 0.1, 1), (10, 0.0, 1), (13, 0.27, 4), (14, 0.24, 3), (5, 0.5, 2), (7, 0.5, 4), (4, 1.0, 4)],
)
def test_clients_a_round_are_rounded_and_at_least_one(clients: int, c: float, a_round: int) -> None:
    server = make_server(make_subsets(*[3] * clients), c)
    server.run(1)

    assert server.nr_clients_per_round == a_round == sum(map(len, list_seeds(server)))


def test_each_round_draws_clients_once_without_replacement() -> None:
    server = make_server(make_subsets(*[3] * 8), 0.5, seed=3)
    server.run(2)
    rng = np.random.default_rng(3)
    first, second = (set(rng.choice(8, 4, replace=False).tolist()) for _ in range(2))

    times = [len(seeds) for seeds in list_seeds(server)]

    assert times == [(index in first) + (index in second) for index in range(8)]


def test_a_client_s_seed_depends_on_its_index_and_the_round() -> None:
    server = make_server(make_subsets(3, 3, 3), 1.0, seed=40)
    server.run(2)

    assert list_seeds(server) == [[41, 44], [42, 45], [43, 46]]


def test_messages_are_counted_both_ways_and_added_up() -> None:
    server = make_server(make_subsets(*[3] * 10), 0.3)

    assert server.run(3).message_count == [6, 12, 18]


def test_fedavg_weights_clients_by_their_samples() -> None:
    subsets = make_subsets(10, 30)
    server = make_server(subsets, 1.0)
    server.clients = [ConstantClient(subsets[0], 1.0), ConstantClient(subsets[1], 5.0)]
    server.run(1)

    assert all(torch.all(parameter == 4.0) for parameter in server.model.parameters())


def test_fedsgd_steps_along_the_weighted_mean_of_gradients() -> None:
    subsets = make_subsets(10, 30)
    server = FedSgdServer(0.5, subsets, 1.0, 10)
    server.clients = [ConstantClient(subsets[0], 1.0), ConstantClient(subsets[1], 5.0)]
    before = [parameter.detach().clone() for parameter in server.model.parameters()]
    server.run(1)

    for old, new in zip(before, server.model.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old - 0.5 * 4.0)


def test_average_leaves_the_updates_as_they_were() -> None:
    updates = [[torch.ones(2)], [torch.zeros(2)]]

    average(updates, [0.25, 0.75])

    assert [part.tolist() for [part] in updates] == [[1.0, 1.0], [0.0, 0.0]]


def test_a_seed_makes_the_server_s_model() -> None:
    server = make_server(make_subsets(3), 1.0, seed=5)
    torch.manual_seed(5)
    expected = MnistCnn()

    for seen, right in zip(server.model.parameters(), expected.parameters(), strict=True):
        assert torch.equal(seen.cpu(), right)


def test_an_update_depends_on_weights_and_seed_alone() -> None:
    client = WeightClient(Subset(train_dataset, range(20)), 0.05, 7, 2)
    weights = make_weights()
    first = client.update(weights, 3)
    torch.rand(5)
    second = client.update(weights, 3)

    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, weights, strict=True))


def test_what_a_client_sends_stays_as_sent() -> None:
    client = WeightClient(Subset(train_dataset, range(10)), 0.05, 5, 1)
    weights = make_weights()
    sent = client.update(weights, 3)
    noted = [part.clone() for part in sent]
    client.update(weights, 4)

    assert all(torch.equal(a, b) for a, b in zip(sent, noted, strict=True))


def test_a_gradient_client_without_data_sends_zeros() -> None:
    client = GradientClient(Subset(train_dataset, []))

    assert all(not part.any() for part in client.update(make_weights(), 1))


def test_minus_one_stands_for_one_batch_of_everything() -> None:
    [client] = FedAvgServer(0.01, -1, make_subsets(37), 1.0, 1, 10).clients

    assert (len(client.loader_train), client.loader_train.batch_size) == (1, 37)


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_every_curve_has_a_value_a_round(rounds: int) -> None:
    result = make_server(make_subsets(3, 3), 0.5).run(rounds)

    assert [len(result.wall_time), len(result.message_count), len(result.test_accuracy)] == [rounds] * 3


def test_wall_time_is_cumulative() -> None:
    times = make_server(make_subsets(3, 3), 1.0).run(3).wall_time

    assert 0 < times[0] < times[1] < times[2]


def test_results_say_what_was_run() -> None:
    subsets = make_subsets(3, 3, 3, 3)
    fedavg = FedAvgServer(0.02, 5, subsets, 0.5, 3, 7).run(0)
    fedsgd = FedSgdServer(0.02, subsets, 0.5, 7).run(0)
    centralized = CentralizedServer(0.02, 300, 7).run(0)

    assert fedavg == RunResult("FedAvg", 4, 0.5, 5, 3, 0.02, 7)
    assert fedsgd == RunResult("FedSGD", 4, 0.5, -1, 1, 0.02, 7)
    assert centralized == RunResult("Centralized", 1, 1.0, 300, 1, 0.02, 7)


def test_attributes_that_notebooks_read_are_there() -> None:
    server = FedAvgServer(0.02, 5, make_subsets(4, 6), 0.5, 3, 7)
    client = server.clients[0]

    assert (server.lr, server.batch_size, server.nr_local_epochs, server.seed) == (0.02, 5, 3, 7)
    assert (server.nr_clients, server.client_fraction, server.client_sample_counts) == (2, 0.5, [4, 6])
    assert isinstance(server.rng, np.random.Generator)
    assert isinstance(client, WeightClient)
    assert client.nr_epochs == 3
    assert client.optimizer.param_groups[0]["params"] == list(client.model.parameters())


def test_centralized_training_moves_the_model_and_sends_nothing() -> None:
    server = CentralizedServer(0.05, 100, 7)
    before = [parameter.detach().clone() for parameter in server.model.parameters()]
    result = server.run(1)

    assert result.message_count == [0]
    assert not all(torch.equal(a, b) for a, b in zip(before, server.model.parameters(), strict=True))


def test_accuracy_is_in_percent_of_the_test_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    server = FedAvgServer(0.01, 10, split(2, True, 1), 1.0, 1, 10)
    with torch.no_grad():
        server.model.fc2.weight.zero_()
        server.model.fc2.bias.copy_(torch.eye(10)[3])  # always answers 3, which a tenth of the images are

    assert server.test() == 10.0
