"""A light loader: it makes batches by slicing tensors, while torch's DataLoader collates one example at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset, default_collate

from .images import ImageDataset
from .randomness import find_generator

Batch = tuple[Tensor, Tensor]


class BatchLoader:
    """Yields `(images, targets)` batches of a data set, in order, the last one smaller if necessary.

    Examples of an `ImageDataset`, or of (nested) `Subset`s of one, are sliced; those of any other data set are collated one by one.

    dataset: what to load from
    batch_size: examples per batch; -1 stands for infinity, the whole data set in one batch
    Raises ValueError for any other batch size below 1.
    """

    def __init__(self, dataset: Dataset[Any], batch_size: int) -> None:
        if batch_size < 1 and batch_size != -1:
            raise ValueError(
                f"The batch size is {batch_size}, but must be at least 1, or -1 for all examples at once."
            )
        self.dataset = dataset
        self.batch_size = max(1, len(dataset)) if batch_size == -1 else batch_size  # type: ignore[arg-type]
        self._source, self._indices = _resolve(dataset)

    @property
    def holds_tensors(self) -> bool:
        """Whether batches are slices, so that making them runs no code of a data set's."""
        return self._source is not None

    @property
    def rows(self) -> Tensor | None:
        """Which examples of the `ImageDataset` behind `dataset` are loaded, in order; None if there is no such data set."""
        if self._source is None:
            return None
        return torch.arange(len(self._source)) if self._indices is None else self._indices

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Batch]:
        """Begins a pass; takes one number from torch's random stream, as every pass over a DataLoader does.

        Dropout draws from the same stream, so a client with a DataLoader of its own gets the same masks as the lab's.
        """
        torch.empty((), dtype=torch.int64).random_(generator=find_generator())
        return self._yield_batches()

    def _yield_batches(self) -> Iterator[Batch]:
        for start in range(0, len(self.dataset), self.batch_size):  # type: ignore[arg-type]
            yield self._take(start, min(start + self.batch_size, len(self.dataset)))  # type: ignore[arg-type]

    def _take(self, start: int, stop: int) -> Batch:
        if self._source is None:
            images, targets = default_collate([self.dataset[index] for index in range(start, stop)])
            return images, targets
        if self._indices is None:  # copies, since a slice would share the data set's memory
            return self._source.images[start:stop].clone(), self._source.targets[start:stop].clone()
        chosen = self._indices[start:stop]
        return self._source.images[chosen], self._source.targets[chosen]


def _resolve(dataset: Dataset[Any]) -> tuple[ImageDataset | None, Tensor | None]:
    """The tensors behind `dataset` and which of their rows it has (None for all of them); no tensors if it is of another kind."""
    if type(dataset) is ImageDataset:
        return dataset, None
    if type(dataset) is Subset:  # a subclass may change what its examples are
        source, rows = _resolve(dataset.dataset)
        indices = torch.as_tensor(dataset.indices, dtype=torch.int64)
        return source, indices if rows is None else rows[indices]
    return None, None
