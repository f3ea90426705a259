"""The model that all clients train, and one epoch of training it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from .memory import keep_freed_memory
from .randomness import Dropout

keep_freed_memory()

# As many examples as keep a convolution's activations in a CPU's cache. On two cores a gradient over 600 examples takes half the time
# when their feature maps are computed in parts of this size; the result is the same sum.
_EXAMPLES_AT_ONCE = 100


def choose_device() -> torch.device:
    """CUDA if there is any, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


device = choose_device()


class MnistCnn(nn.Module):
    """A small convolutional network: two 3×3 convolutions (32 and 64 channels), max-pooling, two linear layers (128 and 10 units).

    Dropout of 0.25 after the pooling and 0.5 before the last layer; the output is log-softmax. 1,199,882 parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.dropout1 = Dropout(0.25)
        self.dropout2 = Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities `(batch, 10)` of images `(batch, 1, 28, 28)`."""
        x = self.dropout1(self._features(x))
        x = self.dropout2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)

    def _features(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or len(x) <= _EXAMPLES_AT_ONCE:
            return self._convolve(x)
        return torch.cat([self._convolve(part) for part in x.split(_EXAMPLES_AT_ONCE)])

    def _convolve(self, x: Tensor) -> Tensor:
        """Feature maps `(batch, 9216)`. ReLU after pooling equals ReLU before it, on a quarter of the values.

        With one channel both memory formats are the same bytes; strides that say channels-last make the convolutions keep it throughout.
        """
        x = x.reshape(len(x), *x.shape[2:], 1).permute(0, 3, 1, 2)
        x = F.relu(self.conv1(x), inplace=True)
        x = F.relu(F.max_pool2d(self.conv2(x), 2), inplace=True)
        return x.flatten(1)


def train_epoch(model: nn.Module, loader: Iterable[tuple[Tensor, Tensor]], optimizer: Optimizer) -> None:
    """Take one optimizer step on the NLL loss of each of the loader's batches."""
    model.train()
    for images, targets in loader:
        optimizer.zero_grad()
        loss = F.nll_loss(model(images.to(device)), targets.to(device))
        loss.backward()
        optimizer.step()


def compute_accuracy(model: nn.Module, loader: Iterable[tuple[Tensor, Tensor]]) -> float:
    """The share of the loader's examples that `model` gets right, in percent."""
    model.eval()
    right = total = 0
    with torch.inference_mode():
        for images, targets in loader:
            guesses = model(images.to(device)).argmax(dim=1)
            right += int((guesses == targets.to(device)).sum())
            total += len(targets)
    return 100 * right / total
