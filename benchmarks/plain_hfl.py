"""Federated learning written the plain way: what the lab's servers must agree with, and what they are measured against.

Each picture is decoded and normalised every time it is needed, torch's DataLoader collates batches one example at a time, the model applies ReLU
before it pools, every client holds a model from the start, and the test set is one batch. Nothing of the lab is used except its
images, turned back into pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.optim import SGD
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms

MEAN, STD = 0.1307, 0.3081
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

Update = Callable[["PlainClient", list[Tensor]], list[Tensor]]


class Pictures(Dataset[tuple[Tensor, int]]):
    """Pictures `(examples, 28, 28)` of bytes, brought to tensors one at a time.

    images: what they were after normalisation, `(examples, 1, 28, 28)`; targets: their labels
    """

    def __init__(self, images: Tensor, targets: Tensor) -> None:
        self.pictures = ((images[:, 0] * STD + MEAN) * 255).round().to(torch.uint8).numpy()
        self.targets = targets.tolist()
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pictures[index])), self.targets[index]


class PlainCnn(nn.Module):
    """The lab's network, layer by layer as one would draw it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = self.dropout1(F.max_pool2d(x, 2))
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return F.log_softmax(self.fc2(self.dropout2(x)), dim=1)


@dataclass
class PlainRun:
    """The weights at the end; accuracies in percent and seconds, one value per round."""

    weights: list[Tensor]
    accuracies: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class PlainClient:
    """Holds its part of the data and a model."""

    def __init__(self, data: Subset[tuple[Tensor, int]], batch_size: int, lr: float, epochs: int) -> None:
        self.loader = DataLoader(data, batch_size=batch_size)
        self.model = PlainCnn().to(DEVICE)
        self.lr = lr
        self.epochs = epochs

    def receive(self, weights: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for parameter, weight in zip(self.model.parameters(), weights, strict=True):
                parameter.copy_(weight)

    def compute_loss(self, images: Tensor, targets: Tensor) -> Tensor:
        return F.nll_loss(self.model(images.to(DEVICE)), targets.to(DEVICE))


def send_gradient(client: PlainClient, weights: list[Tensor]) -> list[Tensor]:
    """FedSGD: the gradient over all the client's data, which its loader gives as one batch."""
    client.receive(weights)
    client.model.train()
    client.model.zero_grad()
    [(images, targets)] = client.loader
    torch.autograd.backward(client.compute_loss(images, targets))
    return [parameter.grad.clone() for parameter in client.model.parameters() if parameter.grad is not None]


def send_weights(client: PlainClient, weights: list[Tensor]) -> list[Tensor]:
    """FedAvg: the weights after local training."""
    client.receive(weights)
    client.model.train()
    optimizer = SGD(client.model.parameters(), lr=client.lr)
    for _ in range(client.epochs):
        for images, targets in client.loader:
            optimizer.zero_grad()
            torch.autograd.backward(client.compute_loss(images, targets))
            optimizer.step()
    return [parameter.detach().clone() for parameter in client.model.parameters()]


def start_fedsgd(
    subsets: list[Subset[tuple[Tensor, int]]], test: Pictures, *, lr: float, c: float, seed: int
) -> Iterator[PlainRun]:
    """FedSGD with gradients; yields the run so far after each round, without end."""
    torch.manual_seed(seed)
    model = PlainCnn().to(DEVICE)
    clients = [PlainClient(subset, len(subset), lr, 1) for subset in subsets]

    def step(gradients: list[Tensor]) -> None:
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.sub_(lr * gradient)

    return _run(model, clients, test, c, seed, send_gradient, step)


def start_fedavg(
    subsets: list[Subset[tuple[Tensor, int]]],
    test: Pictures,
    *,
    lr: float,
    b: int,
    c: float,
    e: int,
    seed: int,
) -> Iterator[PlainRun]:
    """FedAvg with weights; yields the run so far after each round, without end."""
    torch.manual_seed(seed)
    model = PlainCnn().to(DEVICE)
    clients = [PlainClient(subset, b, lr, e) for subset in subsets]

    def replace(weights: list[Tensor]) -> None:
        for parameter, weight in zip(model.parameters(), weights, strict=True):
            parameter.copy_(weight)

    return _run(model, clients, test, c, seed, send_weights, replace)


def _run(
    model: PlainCnn,
    clients: list[PlainClient],
    test: Pictures,
    c: float,
    seed: int,
    update: Update,
    apply: Callable[[list[Tensor]], None],
) -> Iterator[PlainRun]:
    rng = np.random.default_rng(seed)
    a_round = max(1, round(c * len(clients)))
    test_loader = DataLoader(test, batch_size=len(test))
    so_far = PlainRun([])
    for number in count():
        start = perf_counter()
        chosen = rng.choice(len(clients), a_round, replace=False)
        weights = [parameter.detach().clone() for parameter in model.parameters()]
        sizes = [len(clients[index].loader.dataset) for index in chosen]
        sent = []
        for index in chosen:
            torch.manual_seed(seed + int(index) + 1 + number * a_round)
            sent.append(update(clients[index], weights))
        shares = [size / sum(sizes) for size in sizes]
        with torch.no_grad():
            apply([sum_weighted(parts, shares) for parts in zip(*sent, strict=True)])
        so_far.accuracies.append(measure_accuracy(model, test_loader))
        so_far.seconds.append(perf_counter() - start)
        so_far.weights = [parameter.detach() for parameter in model.parameters()]
        yield so_far


def run(rounds: Iterator[PlainRun], number: int) -> PlainRun:
    """The run after this many rounds."""
    return next(islice(rounds, number - 1, None))


def sum_weighted(parts: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    return torch.stack([share * part for part, share in zip(parts, shares, strict=True)]).sum(dim=0)


def measure_accuracy(model: PlainCnn, loader: DataLoader[tuple[Tensor, int]]) -> float:
    """In percent."""
    model.eval()
    right = total = 0
    with torch.no_grad():
        for images, targets in loader:
            right += int((model(images.to(DEVICE)).argmax(dim=1).cpu() == targets).sum())
            total += len(targets)
    return 100 * right / total
