"""torch's random stream, or a thread's own one: clients that train at the same time must not draw from each other's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class _Local(threading.local):
    generator: torch.Generator | None = None


_local = _Local()
torch_stream = threading.Lock()
"""For whoever seeds torch's own stream and draws a model from it: servers may be made in several threads."""


def find_generator() -> torch.Generator | None:
    """This thread's own generator; None stands for torch's."""
    return _local.generator


@contextmanager
def own_stream() -> Iterator[torch.Generator]:
    """Let this thread draw the lab's random numbers from a generator of its own, which `seed_stream` then seeds."""
    _local.generator = torch.Generator()
    try:
        yield _local.generator
    finally:
        _local.generator = None


def seed_stream(seed: int) -> None:
    """Seed this thread's own generator, or torch's."""
    generator = find_generator()
    if generator is None:
        torch.manual_seed(seed)
    else:
        generator.manual_seed(seed)


class Dropout(nn.Dropout):
    """Sets each element to zero with probability `p` while training, and divides the others by 1 - p (Srivastava et al. 2014).

    Gives what `nn.Dropout` gives after the same seed; in a thread with a generator of its own it draws from that one.
    """

    def forward(self, x: Tensor) -> Tensor:
        generator = find_generator()
        if generator is None or not self.training or self.p in (0, 1):  # the last two draw nothing
            return super().forward(x)
        kept = 1 - self.p
        return x * torch.empty_like(x).bernoulli_(kept, generator=generator).div_(kept)
