"""Calls experiments, and notes what decided each run of the lab's own servers meanwhile."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from typing import Any

import numpy.random as npr
import torch
from torch.optim import SGD
from torch.utils.data import Subset

from lab_2_hfl.clients import GradientClient, WeightClient
from lab_2_hfl.dataset import split, train_dataset
from lab_2_hfl.loading import BatchLoader
from lab_2_hfl.model import device
from lab_2_hfl.servers import DecentralizedServer, FedSgdServer, Server
from lab_2_hfl.storage import data_folder
from probes.integrity import GIVEN_SERVERS, hide
from probes.servers import to_number

_MAX_RUNS = 100

# A grader's kernel gives its probes a function that makes plain data of any value; elsewhere whoever asks does that.
_to_plain = globals().get("to_plain", lambda value: value)


def call_experiment(namespace: Mapping[str, Any], name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What an experiment function returns, what decided each run of the lab's own servers meanwhile, and with what other servers were made."""
    notes = _Notes(namespace)
    with notes.taken():
        value = namespace[name](**arguments)
    return {"value": _to_plain(value), "runs": notes.runs, "own_servers": notes.own_servers}


class _Notes:
    """Of each run of a server that is the lab's own; and of each server that is not, or was changed so that its run can't be told."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._before = {id(each): each for each in _list_subsets(namespace)}
        self.runs: list[dict[str, Any]] = []
        self.own_servers: list[dict[str, Any]] = []

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Meanwhile take notes."""
        wrappers = {(cls, "run"): self._note_run for cls in GIVEN_SERVERS.values()} | {
            (cls, "__init__"): self._note_server for cls in (Server, DecentralizedServer)
        }
        saved = {(cls, name): vars(cls)[name] for cls, name in wrappers}
        for (cls, name), wrap in wrappers.items():
            type.__setattr__(cls, name, hide(wrap(cls, saved[cls, name])))
        try:
            yield
        finally:
            for (cls, name), method in saved.items():
                type.__setattr__(cls, name, method)

    def _note_server(self, cls: type, make: Any) -> Any:
        @wraps(make)
        def noted(server: Any, *args: Any, **kwargs: Any) -> None:
            make(server, *args, **kwargs)
            own = type(server).__module__ != Server.__module__
            if own and cls is (DecentralizedServer if isinstance(server, DecentralizedServer) else Server):
                self._add_own(server, signature(make).bind(server, *args, **kwargs).arguments)

        return noted

    def _add_own(self, server: Any, made_with: Mapping[str, Any]) -> None:
        if len(self.own_servers) < _MAX_RUNS:
            described = _describe_own(server, made_with) if "client_subsets" in made_with else {}
            self.own_servers.append({"class": type(server).__name__, **described})

    def _note_run(self, cls: type, run: Any) -> Any:
        @wraps(run)
        def noted(server: Any, *args: Any, **kwargs: Any) -> Any:
            new = _is_new(server)
            result = run(server, *args, **kwargs)
            described = _describe_run(server) if type(server) is cls else None
            if described is None or len(self.runs) == _MAX_RUNS:
                self._add_own(server, {})
            else:
                kept = self._before.keys() >= {id(client.loader_train.dataset) for client in server.clients}
                accuracies = to_number(result.test_accuracy)
                self.runs.append({**described, "new": new, "split before": kept, "accuracies": accuracies})
            return result

        return noted


def _list_subsets(namespace: Mapping[str, Any]) -> list[Any]:
    """Parts of the data that the notebook's globals held before an experiment was called."""
    lists = [value for value in namespace.values() if isinstance(value, list | tuple)]
    return [each for value in lists for each in value if isinstance(each, Subset)]


def _is_new(server: Any) -> bool:
    """Whether a server draws its clients as after it was made. One that has run before goes on with its model."""
    unused = npr.default_rng(server.seed).bit_generator.state
    return isinstance(server.rng, npr.Generator) and bool(server.rng.bit_generator.state == unused)


def _describe_run(server: Any) -> dict[str, Any] | None:
    """What decides a run of a lab's server but for its length; None if clients or optimizers are not all as the lab makes them.

    A batch of all that any client has is an infinite one, and FedSGD has one epoch of such batches.
    """
    clients = list(server.clients)
    kind = GradientClient if type(server) is FedSgdServer else WeightClient
    if not all(type(client) is kind and type(client.loader_train) is BatchLoader for client in clients):
        return None
    optimizers = [server.optimizer] if kind is GradientClient else _list_optimizers(clients)
    rates = {_read_rate(optimizer) for optimizer in optimizers}
    loaders = [client.loader_train for client in clients]
    batches = {loader.batch_size for loader in loaders if loader.batch_size < len(loader.dataset)}
    epochs = {getattr(client, "nr_epochs", 1) for client in clients}
    data = _name_data(loaders, server.seed)
    if len(rates) != 1 or None in rates or len(batches) > 1 or len(epochs) != 1 or data is None:
        return None
    return {
        "server": type(server).__name__,
        "n": len(clients),
        "data": data,
        "clients per round": int(server.nr_clients_per_round),
        "lr": rates.pop(),
        "b": int(min(batches, default=-1)),
        "batch size": int(max(loader.batch_size for loader in loaders)),
        "e": int(min(epochs)),
        "seed": int(server.seed),
    }


def _describe_own(server: Any, made_with: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a server that is not the lab's; what it does with them is its own affair."""
    subsets, size = made_with["client_subsets"], made_with["batch_size"]
    data = _name_data([BatchLoader(subset, -1) for subset in subsets], made_with["seed"])
    return {
        "n": len(subsets),
        **({"data": data} if data is not None else {}),
        "clients per round": int(server.nr_clients_per_round),
        "lr": to_number(made_with["lr"]),
        **({"b": -1 if size >= max(map(len, subsets)) else size} if isinstance(size, int) else {}),
        "seed": to_number(made_with["seed"]),
    }


def _name_data(loaders: Sequence[BatchLoader], seed: int) -> str | None:
    """`IID` or `non-IID` if each client has what split() deals to it with `seed`, else a digest of what they have; None for other data sets."""
    rows = [loader.rows for loader in loaders]
    if any(row is None for row in rows):
        return None
    dealt = [row.tolist() for row in rows if row is not None]
    for iid, name in ((True, "IID"), (False, "non-IID")):
        possible = len(dealt) * (1 if iid else 2) <= len(train_dataset)
        if possible and dealt == [list(subset.indices) for subset in split(len(dealt), iid, seed)]:
            return name
    return hashlib.sha256(repr(dealt).encode()).hexdigest()[:16]


def _read_rate(optimizer: Any) -> float | None:
    """The learning rate of plain SGD."""
    groups = optimizer.param_groups if type(optimizer) is SGD else []
    if len(groups) != 1 or groups[0]["momentum"] or groups[0]["weight_decay"]:
        return None
    return float(groups[0]["lr"])


def _list_optimizers(clients: Sequence[WeightClient]) -> list[Any]:
    """Those that clients have used; one is made when it is first used."""
    return [vars(client)["optimizer"] for client in clients if "optimizer" in vars(client)]


def describe_data(namespace: Mapping[str, Any], name: str = "") -> dict[str, str]:  # noqa: ARG001
    """What experiments compute on and with, and the folder that the data set is kept in."""
    return {
        "dataset": train_dataset.name,
        "torch": str(torch.__version__),
        "device": str(device),
        "folder": os.path.realpath(data_folder()),
    }
