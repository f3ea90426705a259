"""Calls experiments, and notes what decided each run of the lab's own servers meanwhile."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from torch.optim import SGD

from lab_2_hfl.clients import GradientClient, WeightClient
from lab_2_hfl.dataset import train_dataset
from lab_2_hfl.loading import BatchLoader
from lab_2_hfl.model import device
from lab_2_hfl.servers import FedSgdServer, Server
from lab_2_hfl.storage import data_folder
from probes.integrity import GIVEN_SERVERS
from probes.servers import to_number

_MAX_RUNS = 100

# A grader's kernel gives its probes a function that makes plain data of any value; elsewhere whoever asks does that.
_to_plain = globals().get("to_plain", lambda value: value)


def call_experiment(namespace: Mapping[str, Any], name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What an experiment function returns, what decided each run of the lab's own servers meanwhile, and whether there were other servers."""
    notes = _Notes()
    with notes.taken():
        value = namespace[name](**arguments)
    return {"value": _to_plain(value), "runs": notes.runs, "others": notes.others}


class _Notes:
    """Of each run of a server that is the lab's own; and whether there was one that is not, or was changed so that its run can't be told."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.others = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Meanwhile take notes."""
        methods = [(cls, "run") for cls in GIVEN_SERVERS.values()]
        saved = {(cls, name): vars(cls)[name] for cls, name in [*methods, (Server, "__init__")]}
        for cls, name in methods:
            type.__setattr__(cls, name, self._note_run(cls, saved[cls, name]))
        type.__setattr__(Server, "__init__", self._note_server(saved[Server, "__init__"]))
        try:
            yield
        finally:
            for (owner, name), method in saved.items():
                type.__setattr__(owner, name, method)

    def _note_server(self, make: Any) -> Any:
        @wraps(make)
        def noted(server: Any, *args: Any, **kwargs: Any) -> None:
            self.others |= type(server).__module__ != Server.__module__
            make(server, *args, **kwargs)

        return noted

    def _note_run(self, cls: type, run: Any) -> Any:
        @wraps(run)
        def noted(server: Any, *args: Any, **kwargs: Any) -> Any:
            result = run(server, *args, **kwargs)
            described = _describe_run(server) if type(server) is cls else None
            if described is None or len(self.runs) == _MAX_RUNS:
                self.others = True
            else:
                self.runs.append({**described, "accuracies": to_number(result.test_accuracy)})
            return result

        return noted


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
    rows = [loader.rows for loader in loaders if loader.rows is not None]
    if len(rates) != 1 or None in rates or len(batches) > 1 or len(epochs) != 1 or len(rows) < len(clients):
        return None
    return {
        "server": type(server).__name__,
        "n": len(clients),
        "clients a round": int(server.nr_clients_per_round),
        "b": int(min(batches, default=-1)),
        "e": int(min(epochs)),
        "lr": rates.pop(),
        "seed": int(server.seed),
        "data": hashlib.sha256(b";".join(each.numpy().tobytes() for each in rows)).hexdigest()[:16],
    }


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
