"""Which stories to read: TinyStories (Eldan and Li 2023) if it is on this machine, otherwise those of the grammar.

The environment variable LAB_STORIES decides:

    auto         (default) TinyStories if an earlier run has downloaded it, otherwise the grammar; never downloads
    tinystories  TinyStories, downloaded with the `datasets` library if necessary (about 1 GB, once)
    grammar      the grammar's stories

"auto" deliberately looks only at the disk and not at the network: each rank of a run decides alone, and if one
of them reached the network and another did not, they would silently train on different texts.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from typing import Any

import torch.distributed as dist

from .stories import stories

NAME = "roneneldan/TinyStories"
CHOICES = ("auto", "tinystories", "grammar")


def read_stories(split: str, first: int) -> Iterator[str]:
    """The stories of a split ("train" or "validation") from number `first` on, without end.

    Raises ValueError on any other split or value of LAB_STORIES, RuntimeError if TinyStories was asked for and
    is not available.
    """
    if split not in ("train", "validation"):
        raise ValueError(
            f'split={split!r} was asked for, but there are "train" and "validation": use one of them.'
        )
    choice = os.environ.get("LAB_STORIES", "auto")
    if choice not in CHOICES:
        raise ValueError(
            f"LAB_STORIES is {choice!r}, but must be one of {', '.join(CHOICES)}: set it to one of them."
        )
    texts, reason = (None, "LAB_STORIES=grammar") if choice == "grammar" else _tinystories(split, choice)
    _say(f"TinyStories: reading {'the embedded stories' if texts is None else NAME} ({reason}).")
    return stories(split, first) if texts is None else _cycle(texts, first)


def _tinystories(split: str, choice: str) -> tuple[Sequence[dict[str, str]] | None, str]:
    """The downloaded data set, or None, and why."""
    download = choice == "tinystories"
    if importlib.util.find_spec("datasets") is None:
        if download:
            raise RuntimeError(
                "LAB_STORIES=tinystories was asked for, but the `datasets` library it is loaded with is not "
                "installed: pip install datasets, or set LAB_STORIES=grammar."
            )
        return None, "the `datasets` library is not installed"
    if not download:
        os.environ["HF_HUB_OFFLINE"] = "1"  # read when `datasets` is imported
    datasets: Any = importlib.import_module("datasets")
    try:
        return datasets.load_dataset(NAME, split=split), "the copy on this machine"
    except (OSError, ValueError) as error:  # what `datasets` raises for no network, no copy, no room
        if download:
            raise RuntimeError(
                f"LAB_STORIES=tinystories was asked for, but {NAME} could not be loaded: {error}. Check the "
                "network and the free disk space, or set LAB_STORIES=grammar."
            ) from error
        return None, "TinyStories is not on this machine; LAB_STORIES=tinystories downloads it"


def _cycle(texts: Sequence[dict[str, str]], first: int) -> Iterator[str]:
    return (texts[index % len(texts)]["text"] for index in count(first))


@cache
def _say(message: str) -> None:
    """Print a message once per process, and among the processes of a run only in rank 0."""
    rank = dist.get_rank() if dist.is_initialized() else int(os.environ.get("RANK", "0"))
    if rank == 0:
        print(message, file=sys.stderr, flush=True)
