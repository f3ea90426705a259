"""Clients: each holds a part of the data and answers the server's parameters with an update."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cache, cached_property

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import SGD, Optimizer
from torch.utils.data import Subset

from .loading import BatchLoader
from .model import MnistCnn, device, train_epoch
from .randomness import seed_stream, torch_stream


class Client(ABC):
    """A participant with data of its own.

    client_data: the examples that only this client sees
    batch_size: examples per local batch; -1 stands for infinity

    A client's model is made when it is first used: most of a hundred clients are never chosen in a short run.
    """

    def __init__(self, client_data: Subset, batch_size: int) -> None:  # type: ignore[type-arg]
        self.loader_train = BatchLoader(client_data, batch_size)

    @cached_property
    def model(self) -> MnistCnn:
        """The client's own copy of the model; its parameters mean nothing until `update` sets them."""
        return copy.deepcopy(_blank_model())

    @abstractmethod
    def update(self, in_params: list[Tensor], seed: int) -> list[Tensor]:
        """Answer the server's parameters `in_params`, with all randomness seeded by `seed`; one tensor per parameter, in model order."""

    def _start(self, in_params: Iterable[Tensor], seed: int) -> None:
        """Seed, and set the model's parameters to the server's."""
        seed_stream(seed)
        copy_parameters(in_params, self.model)


class GradientClient(Client):
    """FedSGD's client: sends the gradient over all its data (McMahan et al. 2017, section 2)."""

    def __init__(self, client_data: Subset) -> None:  # type: ignore[type-arg]
        super().__init__(client_data, -1)

    def update(self, in_params: list[Tensor], seed: int) -> list[Tensor]:
        """The gradient of the mean loss over the client's data, at `in_params`."""
        self._start(in_params, seed)
        self.model.train()
        for images, targets in self.loader_train:  # one batch holds all of them
            F.nll_loss(self.model(images.to(device)), targets.to(device)).backward()
        return [_take_gradient(parameter) for parameter in self.model.parameters()]


class WeightClient(Client):
    """FedAvg's client: trains from the server's weights and sends its own (McMahan et al. 2017, algorithm 1, ClientUpdate)."""

    def __init__(self, client_data: Subset, lr: float, batch_size: int, nr_epochs: int) -> None:  # type: ignore[type-arg]
        super().__init__(client_data, batch_size)
        self.lr = lr
        self.nr_epochs = nr_epochs

    @cached_property
    def optimizer(self) -> Optimizer:
        """Plain SGD on the client's model."""
        return SGD(self.model.parameters(), lr=self.lr)

    def update(self, in_params: list[Tensor], seed: int) -> list[Tensor]:
        """The weights after `nr_epochs` epochs of SGD from `in_params`."""
        self._start(in_params, seed)
        for _ in range(self.nr_epochs):
            train_epoch(self.model, self.loader_train, self.optimizer)
        self.optimizer.zero_grad()  # frees the gradients: they weigh as much as the model
        return [parameter.detach().clone() for parameter in self.model.parameters()]


def copy_parameters(values: Iterable[Tensor], model: torch.nn.Module) -> None:
    """Set the parameters of `model`, in order, to `values`."""
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), values, strict=True):
            parameter.copy_(value)


def average(updates: Iterable[Sequence[Tensor]], weights: Iterable[float]) -> list[Tensor]:
    """The weighted mean of the clients' updates, parameter by parameter; `weights` add up to 1.

    Updates are taken one at a time, so that only one of them need be in memory. Raises ValueError if there are none.
    """
    means: list[Tensor] | None = None
    for update, weight in zip(updates, weights, strict=True):
        if means is None:
            means = [weight * part for part in update]
            continue
        for mean, part in zip(means, update, strict=True):
            mean.add_(part, alpha=weight)
    if means is None:
        raise ValueError("There are no updates to average; at least one client must take part in a round.")
    return means


def _take_gradient(parameter: Tensor) -> Tensor:
    gradient = parameter.grad
    parameter.grad = None
    return torch.zeros_like(parameter) if gradient is None else gradient


@cache
def _blank_model() -> MnistCnn:
    """The model that clients' models are copied from, made without touching the random state that training depends on."""
    with torch_stream, torch.random.fork_rng():
        return MnistCnn().to(device)
