"""A1: FedSGD whose clients send weights, and FedAvg whose clients send pseudo-gradients."""

from __future__ import annotations

from time import perf_counter

import torch
from torch import Tensor
from torch.optim import SGD
from torch.utils.data import Subset
from tqdm.auto import trange

from lab_2_hfl.clients import Client, copy_parameters
from lab_2_hfl.model import device, train_epoch
from lab_2_hfl.results import RunResult
from lab_2_hfl.servers import DecentralizedServer, FedAvgServer

# A1.2: any local batch smaller than a client's 600 samples makes several steps per round, and so do two local epochs.
fed_sgd_grad_unequal_weight_bs = 100
fed_sgd_grad_unequal_weight_e = 2


class FedSgdWeightServer(FedAvgServer):
    """FedSGD by weights: each client takes one step on all its data and sends the result.

    A mean of w - η·g_k weighted by sample counts is w - η·(mean of g_k), which is FedSGD's own step (McMahan et al. 2017, section 2).
    """

    def __init__(self, lr: float, client_subsets: list[Subset], client_fraction: float, seed: int) -> None:  # type: ignore[type-arg]
        super().__init__(lr, -1, client_subsets, client_fraction, 1, seed)
        self.name = "FedSGDWeight"


class FedAvgGradServer(DecentralizedServer):
    """FedAvg by pseudo-gradients: clients send how far training moved their weights, old minus new; the server moves its own by the mean."""

    class PseudoGradClient(Client):
        """Trains like a FedAvg client and answers old minus new weights."""

        def __init__(self, client_data: Subset, lr: float, batch_size: int, nr_epochs: int) -> None:  # type: ignore[type-arg]
            super().__init__(client_data, batch_size)
            self.nr_epochs = nr_epochs
            self.lr = lr

        def update(self, in_params: list[Tensor], seed: int) -> list[Tensor]:
            torch.manual_seed(seed)
            copy_parameters(in_params, self.model)
            optimizer = SGD(self.model.parameters(), lr=self.lr)
            for _ in range(self.nr_epochs):
                train_epoch(self.model, self.loader_train, optimizer)
            optimizer.zero_grad()
            return [old - new.detach() for old, new in zip(in_params, self.model.parameters(), strict=True)]

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
        self.name = "FedAvgGrad"
        self.nr_local_epochs = nr_local_epochs
        self.clients = [
            self.PseudoGradClient(subset, lr, batch_size, nr_local_epochs) for subset in client_subsets
        ]

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
        elapsed_s = 0.0
        for nr_round in trange(nr_rounds, desc="Rounds", leave=False):
            elapsed_s += self._run_round(nr_round)
            result.wall_time.append(elapsed_s)
            result.message_count.append(2 * self.nr_clients_per_round * (nr_round + 1))
            result.test_accuracy.append(self.test())
        return result

    def _run_round(self, nr_round: int) -> float:
        """One round; returns its seconds as if the clients had run in parallel."""
        start = perf_counter()
        chosen = self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)
        total = sum(self.client_sample_counts[index] for index in chosen)
        weights = [parameter.detach().clone() for parameter in self.model.parameters()]
        mean = [torch.zeros_like(parameter, device=device) for parameter in weights]
        server_s = perf_counter() - start
        slowest_s = 0.0
        for index in chosen:
            start = perf_counter()
            seed = self.seed + int(index) + 1 + nr_round * self.nr_clients_per_round
            update = self.clients[index].update(weights, seed)
            sent = perf_counter()
            slowest_s = max(slowest_s, sent - start)
            for part, sum_part in zip(update, mean, strict=True):
                sum_part.add_(part, alpha=self.client_sample_counts[index] / total)
            server_s += perf_counter() - sent
        start = perf_counter()
        copy_parameters([old - step for old, step in zip(weights, mean, strict=True)], self.model)
        return slowest_s + server_s + perf_counter() - start
