"""Dividing the training set among clients."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from lab_2_hfl.dataset import split, train_dataset

LABELS = train_dataset.targets.numpy()


def list_parts(nr_clients: int, iid: bool, seed: int = 5) -> list[list[int]]:
    return [list(subset.indices) for subset in split(nr_clients, iid, seed)]


@pytest.mark.parametrize("iid", [True, False], ids=["iid", "non-iid"])
@pytest.mark.parametrize("nr_clients", [1, 7, 10, 300])
def test_every_example_goes_to_one_client(nr_clients: int, iid: bool) -> None:
    parts = list_parts(nr_clients, iid)

    assert len(parts) == nr_clients
    assert sorted(chain(*parts)) == list(range(len(train_dataset)))


@pytest.mark.parametrize("iid", [True, False], ids=["iid", "non-iid"])
def test_a_seed_decides_the_split(iid: bool) -> None:
    assert list_parts(6, iid, 1) == list_parts(6, iid, 1) != list_parts(6, iid, 2)


def test_iid_parts_are_cut_from_one_seeded_permutation() -> None:
    permutation = np.random.default_rng(5).permutation(len(train_dataset))

    assert list(chain(*list_parts(7, True))) == permutation.tolist()


def test_iid_clients_see_most_labels() -> None:
    assert min(len(set(LABELS[part])) for part in list_parts(10, True)) >= 8


def test_non_iid_clients_get_two_shards_of_sorted_labels() -> None:
    by_label = np.array_split(np.argsort(LABELS, kind="stable"), 20)
    shards = np.random.default_rng(5).permutation(20)
    expected = [
        [*by_label[shards[2 * client]].tolist(), *by_label[shards[2 * client + 1]].tolist()]
        for client in range(10)
    ]

    assert list_parts(10, False) == expected


def test_non_iid_clients_see_few_labels() -> None:
    assert max(len(set(LABELS[part])) for part in list_parts(10, False)) <= 2


@pytest.mark.parametrize(
    ("nr_clients", "iid", "most"), [(0, True, 600), (601, True, 600), (301, False, 300), (-2, False, 300)]
)
def test_what_cannot_be_split_is_said(nr_clients: int, iid: bool, most: int) -> None:
    with pytest.raises(
        ValueError, match=f"600 training examples .* {nr_clients} clients .* 1 to {most} clients"
    ):
        split(nr_clients, iid, 1)
