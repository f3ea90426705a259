"""The light loader yields what torch's DataLoader would, from any data set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, TensorDataset

from lab_2_hfl.dataset import test_loader, train_dataset
from lab_2_hfl.loading import BatchLoader


class Inverted(Dataset[tuple[Tensor, int]]):
    """A data set of a student's own."""

    def __len__(self) -> int:
        return 23

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, target = train_dataset[index]
        return -image, target


class InvertedSubset(Subset[tuple[Tensor, int]]):
    """A Subset that changes what its examples are."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:  # type: ignore[override]
        image, target = super().__getitem__(index)
        return -image, target

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, int]]:
        return [self[index] for index in indices]


DATASETS: dict[str, Callable[[], Dataset[Any]]] = {
    "all examples": lambda: train_dataset,
    "subset": lambda: Subset(train_dataset, [5, 3, 5, 599, 0]),
    "subset by array": lambda: Subset(train_dataset, np.array([9, 2, 4])),  # type: ignore[arg-type]
    "subset by range": lambda: Subset(train_dataset, range(30, 10, -3)),
    "nested subset": lambda: Subset(Subset(train_dataset, range(100, 200)), [7, 0, 99]),
    "subset of another data set": lambda: Subset(Inverted(), [1, 22, 3]),
    "another data set": lambda: Inverted(),
    "subclass of Subset": lambda: InvertedSubset(train_dataset, [4, 8]),
    "subset of a subclass": lambda: Subset(InvertedSubset(train_dataset, range(10)), [3, 1]),
    "concatenation": lambda: ConcatDataset([Subset(train_dataset, [1]), Subset(train_dataset, [2])]),
    "tensors": lambda: TensorDataset(torch.arange(6.0).reshape(3, 2), torch.arange(3)),
}


@pytest.mark.parametrize("name", DATASETS)
def test_batches_are_those_of_a_data_loader(name: str) -> None:
    dataset = DATASETS[name]()
    seen, expected = list(BatchLoader(dataset, 2)), list(DataLoader(dataset, batch_size=2))

    assert len(seen) == len(expected) == len(BatchLoader(dataset, 2))
    for (images, targets), (right_images, right_targets) in zip(seen, expected, strict=True):
        assert torch.equal(images, right_images)
        assert torch.equal(targets, right_targets)


def test_a_pass_takes_from_the_random_stream_what_a_data_loader_s_takes() -> None:
    states = []
    for loader in (BatchLoader(train_dataset, 2_000), DataLoader(train_dataset, batch_size=2_000)):
        torch.manual_seed(3)
        next(iter(loader))
        states.append(torch.get_rng_state())

    assert torch.equal(*states)


@pytest.mark.parametrize(
    ("examples", "batch_size", "lengths"),
    [(10, 4, [4, 4, 2]), (8, 4, [4, 4]), (3, 4, [3]), (5, -1, [5]), (0, 4, []), (0, -1, [])],
)
def test_the_last_batch_may_be_smaller(examples: int, batch_size: int, lengths: list[int]) -> None:
    loader = BatchLoader(Subset(train_dataset, range(examples)), batch_size)

    assert [len(targets) for _, targets in loader] == lengths


def test_a_loader_can_be_gone_through_again() -> None:
    loader = BatchLoader(Subset(train_dataset, range(5)), 2)

    assert len(list(loader)) == len(list(loader)) == 3


@pytest.mark.parametrize("batch_size", [0, -2])
def test_an_impossible_batch_size_is_said(batch_size: int) -> None:
    with pytest.raises(ValueError, match=rf"batch size is {batch_size}, .* at least 1, or -1"):
        BatchLoader(train_dataset, batch_size)


def test_it_has_the_attributes_of_a_data_loader() -> None:
    loader = BatchLoader(train_dataset, 50)

    assert (loader.dataset, loader.batch_size, len(loader)) == (train_dataset, 50, 12)


def test_torch_s_data_loader_takes_the_training_set() -> None:
    images, targets = next(iter(DataLoader(train_dataset, batch_size=4, shuffle=True)))

    assert (images.shape, targets.shape) == ((4, 1, 28, 28), (4,))


def test_the_test_loader_yields_every_test_example() -> None:
    assert sum(len(targets) for _, targets in test_loader) == 100


def spoil_an_example() -> None:
    image, _ = train_dataset[0]
    image.mul_(0.3081).add_(0.1307)


def spoil_a_batch() -> None:
    images, targets = next(iter(BatchLoader(train_dataset, 10)))
    images.zero_()
    targets.zero_()


@pytest.mark.parametrize("spoil", [spoil_an_example, spoil_a_batch])
def test_what_is_done_to_a_picture_does_not_change_the_data(spoil: Callable[[], None]) -> None:
    images, targets = train_dataset.images.clone(), train_dataset.targets.clone()

    spoil()

    assert torch.equal(train_dataset.images, images)
    assert torch.equal(train_dataset.targets, targets)
