"""The data set that this process trains and tests on, loaded once, and its split among clients."""

from __future__ import annotations

import numpy as np
import numpy.random as npr
from torch.utils.data import Subset
from torchvision import transforms

from .images import MEAN, STD, load_images
from .loading import BatchLoader

_TEST_BATCH_SIZE = 100  # a batch's activations stay in the CPU's cache

# What was applied to every image, once, when it was loaded.
transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])

train_dataset, test_dataset = load_images()
test_loader = BatchLoader(test_dataset, _TEST_BATCH_SIZE)

print(
    f"lab_2_hfl uses {train_dataset.name}: {len(train_dataset):,} training and {len(test_dataset):,} test examples."
)


def split(nr_clients: int, iid: bool, seed: int) -> list[Subset]:  # type: ignore[type-arg]
    """Divide the training set among clients.

    iid: True gives each client a part of a seeded permutation. False sorts the examples by label, cuts them into 2·`nr_clients` shards and
    gives each client two of them by a seeded permutation, so that most see two labels (McMahan et al. 2017, section 3).
    Raises ValueError if there are not enough examples for every client to have some.
    """
    shards = nr_clients if iid else 2 * nr_clients
    if nr_clients < 1 or shards > len(train_dataset):
        raise ValueError(
            f"{len(train_dataset)} training examples can't be split among {nr_clients} clients with "
            f"{'one part' if iid else 'two shards'} each. Ask for 1 to {len(train_dataset) // (1 if iid else 2)} clients."
        )
    rng = npr.default_rng(seed)
    if iid:
        parts = np.array_split(rng.permutation(len(train_dataset)), nr_clients)
    else:
        by_label = np.array_split(np.argsort(train_dataset.targets.numpy(), kind="stable"), shards)
        parts = [
            np.concatenate([by_label[shard] for shard in pair])
            for pair in rng.permutation(shards).reshape(-1, 2)
        ]
    return [Subset(train_dataset, part.tolist()) for part in parts]
