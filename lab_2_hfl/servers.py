"""Servers: centralized training, FedSGD with gradients, and FedAvg with weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

import numpy as np
import numpy.random as npr
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import SGD
from torch.utils.data import Subset
from tqdm.auto import trange

from .clients import Client, GradientClient, WeightClient, average, copy_parameters
from .dataset import test_loader, train_dataset
from .loading import BatchLoader
from .model import MnistCnn, compute_accuracy, device, train_epoch
from .parallel import ask_clients
from .randomness import torch_stream
from .results import RunResult


class Server(ABC):
    """Holds the global model, which is made right after torch was seeded with `seed`."""

    def __init__(self, lr: float, batch_size: int, seed: int) -> None:
        self.lr = lr
        self.batch_size = batch_size
        self.seed = seed
        with torch_stream:
            torch.manual_seed(seed)
            self.model = MnistCnn().to(device)
        self.name = ""

    @abstractmethod
    def run(self, nr_rounds: int) -> RunResult:
        """Train for `nr_rounds` rounds and test after each."""

    def test(self) -> float:
        """The global model's accuracy on the test set, in percent."""
        return compute_accuracy(self.model, test_loader)


class CentralizedServer(Server):
    """Trains on all data in one place: what federated learning is compared with. A round is an epoch."""

    def __init__(self, lr: float, batch_size: int, seed: int) -> None:
        super().__init__(lr, batch_size, seed)
        self.name = "Centralized"
        self.optimizer = SGD(self.model.parameters(), lr=lr)
        self.loader_train = BatchLoader(train_dataset, batch_size)

    def run(self, nr_rounds: int) -> RunResult:
        result = RunResult(self.name, 1, 1.0, self.batch_size, 1, self.lr, self.seed)
        elapsed_s = 0.0
        for nr_round in trange(nr_rounds, desc="Epochs", leave=False):
            torch.manual_seed(self.seed + nr_round + 1)
            start = perf_counter()
            train_epoch(self.model, self.loader_train, self.optimizer)
            elapsed_s += perf_counter() - start
            result.wall_time.append(elapsed_s)
            result.message_count.append(0)  # nothing leaves the server
            result.test_accuracy.append(self.test())
        return result


class DecentralizedServer(Server):
    """A server whose data are held by its clients.

    lr, batch_size: what clients train with; batch_size -1 stands for infinity
    client_subsets: one part of the data per client
    client_fraction: C, the share of the clients that take part in a round (at least one does)
    seed: seeds the model, the choice of clients and, together with the client's index and the round, each update

    A subclass sets `clients`, one for each subset.
    """

    def __init__(
        self,
        lr: float,
        batch_size: int,
        client_subsets: list[Subset],  # type: ignore[type-arg]
        client_fraction: float,
        seed: int,
    ) -> None:
        super().__init__(lr, batch_size, seed)
        self.nr_clients = len(client_subsets)
        self.client_fraction = client_fraction
        self.client_sample_counts = [len(subset) for subset in client_subsets]
        self.nr_clients_per_round = max(1, round(client_fraction * self.nr_clients))
        self.rng = npr.default_rng(seed)
        self.clients: Sequence[Client] = []

    def _choose_clients(self) -> NDArray[np.int64]:
        """Indices of the clients of the next round."""
        return self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)

    def _ask_clients(
        self, chosen: NDArray[np.int64], nr_round: int, seconds: list[float], waits: list[float]
    ) -> Iterator[list[Tensor]]:
        """Each chosen client's update of the model's parameters, one at a time.

        Appends the client's time to `seconds`, and to `waits` how long the server waited for it.
        """
        parameters = [parameter.detach().clone() for parameter in self.model.parameters()]
        seeds = [self.seed + int(index) + 1 + nr_round * self.nr_clients_per_round for index in chosen]
        start = perf_counter()
        for update, took_s in ask_clients([self.clients[index] for index in chosen], parameters, seeds):
            seconds.append(took_s)
            waits.append(perf_counter() - start)
            yield update
            start = perf_counter()

    def _run_rounds(
        self, nr_rounds: int, result: RunResult, apply: Callable[[list[Tensor]], None]
    ) -> RunResult:
        """Run rounds in which `apply` brings the clients' mean update into the model; fills and returns `result`."""
        elapsed_s = 0.0
        for nr_round in trange(nr_rounds, desc="Rounds", leave=False):
            start = perf_counter()
            chosen = self._choose_clients()
            counts = [self.client_sample_counts[index] for index in chosen]
            seconds: list[float] = []
            waits: list[float] = []
            updates = self._ask_clients(chosen, nr_round, seconds, waits)
            apply(average(updates, [count / sum(counts) for count in counts]))
            server_s = perf_counter() - start - sum(waits)
            elapsed_s += server_s + max(seconds)  # as if all clients worked at once
            result.wall_time.append(elapsed_s)
            result.message_count.append(2 * self.nr_clients_per_round * (nr_round + 1))
            result.test_accuracy.append(self.test())
        return result


class FedSgdServer(DecentralizedServer):
    """FedSGD: clients send gradients, the server takes one SGD step along their mean (McMahan et al. 2017, section 2)."""

    def __init__(self, lr: float, client_subsets: list[Subset], client_fraction: float, seed: int) -> None:  # type: ignore[type-arg]
        super().__init__(lr, -1, client_subsets, client_fraction, seed)
        self.name = "FedSGD"
        self.optimizer = SGD(self.model.parameters(), lr=lr)
        self.clients = [GradientClient(subset) for subset in client_subsets]

    def run(self, nr_rounds: int) -> RunResult:
        result = RunResult(self.name, self.nr_clients, self.client_fraction, -1, 1, self.lr, self.seed)
        return self._run_rounds(nr_rounds, result, self._step)

    def _step(self, gradient: list[Tensor]) -> None:
        for parameter, part in zip(self.model.parameters(), gradient, strict=True):
            parameter.grad = part
        self.optimizer.step()
        self.optimizer.zero_grad()


FedSgdGradientServer = FedSgdServer


class FedAvgServer(DecentralizedServer):
    """FedAvg: clients train locally and send weights, the server takes their mean (McMahan et al. 2017, algorithm 1)."""

    def __init__(
        self,
        lr: float,
        batch_size: int,
        client_subsets: list[Subset],  # type: ignore[type-arg]
        client_fraction: float,
        nr_local_epochs: int,
        seed: int,
    ) -> None:
        super().__init__(lr, batch_size, client_subsets, client_fraction, seed)
        self.name = "FedAvg"
        self.nr_local_epochs = nr_local_epochs
        self.clients = [WeightClient(subset, lr, batch_size, nr_local_epochs) for subset in client_subsets]

    def run(self, nr_rounds: int) -> RunResult:
        result = RunResult(
            self.name,
            self.nr_clients,
            self.client_fraction,
            self.batch_size,
            self.nr_local_epochs,
            self.lr,
            self.seed,
        )
        return self._run_rounds(nr_rounds, result, self._replace)

    def _replace(self, weights: list[Tensor]) -> None:
        copy_parameters(weights, self.model)
