"""Observes federated servers and their clients: what each client was sent and answered, the weights at the end, and the result.

Tensors cross as digests: norms and sampled entries.
"""

from __future__ import annotations

import copyreg
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import Signature, signature
from time import thread_time
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils.data import Subset

import lab_2_hfl.servers as lab_servers
from lab_2_hfl.clients import Client
from lab_2_hfl.dataset import split, test_loader, train_dataset
from lab_2_hfl.model import MnistCnn, compute_accuracy, device
from lab_2_hfl.randomness import find_generator
from probes.integrity import blocked, find_borrowed, hide

_ENTRIES_A_TENSOR = 48
# A server's own parameters: the fields of its result and its attributes.
_PARAMETERS = {"n": "nr_clients", "c": "client_fraction", "b": "batch_size", "lr": "lr", "seed": "seed"}

Digest = list[dict[str, Any]]


class Unfinished(RuntimeError):
    """A server that was made has no clients yet."""


class OtherParameters(TypeError):
    """A server can't be made with the handout's arguments."""


def run_server(
    namespace: Mapping[str, Any],
    name: str,
    arguments: Mapping[str, Any],
    order: Sequence[str],
    clients: Mapping[str, Any],
    nr_rounds: int,
    unusable: Sequence[str],
    exercise: str,
    digest_seed: int,
) -> dict[str, Any]:
    """Make the server `name`, run it, and tell what its clients got and sent, its weights at the end, and its result.

    Each call has the accuracy of the weights that the client got, and `accuracy` is that of the last weights.
    """
    meter = _Meter()  # before the server, which seeds torch for its own model
    with _large_enough(clients), blocked(unusable, exercise), _noted_departures() as departures:
        server = _make_server(namespace[name], clients, arguments, order)
        calls: list[dict[str, Any]] = []
        for index, client in _list_clients(server):
            departures.allow(client, _record(client, index, calls, digest_seed, meter))
        result = server.run(nr_rounds)
    last = [parameter.detach() for parameter in server.model.parameters()]
    return {
        "sizes": list(map(len, make_subsets(clients))),
        "calls": calls,
        "elsewhere": departures.count > 0,
        "weights": digest_tensors(last, digest_seed),
        "accuracy": meter.measure(last),
        "result": _read_result(result),
        "own": {field: to_number(getattr(server, name, None)) for field, name in _PARAMETERS.items()},
    }


def update_client(
    namespace: Mapping[str, Any],
    name: str,
    arguments: Mapping[str, Any],
    order: Sequence[str],
    clients: Mapping[str, Any],
    client: int,
    asked_twice: int,
    weights_seed: int,
    update_seed: int,
    unusable: Sequence[str],
    exercise: str,
    digest_seed: int,
) -> dict[str, Any]:
    """Ask one client of a new server for its update of weights that no training led to, and another one twice: each answer must stand alone."""
    torch.manual_seed(weights_seed)
    weights = [parameter.detach().clone() for parameter in MnistCnn().to(device).parameters()]
    before = digest_tensors(weights, digest_seed)
    with _large_enough(clients), blocked(unusable, exercise):
        server = _make_server(namespace[name], clients, arguments, order)
        chosen = server.clients[client]
        with _noted_training(weights) as training:
            sent = digest_tensors(chosen.update(weights, update_seed), digest_seed)
        trained = _digest_model(chosen, digest_seed)
        other = server.clients[asked_twice]
        first = digest_tensors(other.update(weights, update_seed), digest_seed)
        again = digest_tensors(other.update(weights, update_seed), digest_seed)
    return {
        "sizes": list(map(len, make_subsets(clients))),
        "sent": sent,
        "training": training,
        "trained": trained,
        "first": first,
        "again": again,
        "received": before,
        "changed": digest_tensors(weights, digest_seed) != before,
        "class": type(chosen).__qualname__,
    }


def describe_class(namespace: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Which of the lab's servers a class derives from, and the classes nested in it that are clients."""
    cls = namespace[name]
    if not isinstance(cls, type):
        return {"is_class": False}
    lab = {key: value for key, value in vars(lab_servers).items() if isinstance(value, type)}
    return {
        "is_class": True,
        "bases": [key for key, value in lab.items() if issubclass(cls, value)],
        "nested_clients": [
            key for key, value in vars(cls).items() if isinstance(value, type) and issubclass(value, Client)
        ],
    }


def inspect_server(
    namespace: Mapping[str, Any],
    name: str,
    arguments: Mapping[str, Any],
    order: Sequence[str],
    clients: Mapping[str, Any],
    unusable: Sequence[str],
    exercise: str,
) -> list[str]:
    """Signs that a new server hands its work to one of the lab's."""
    with _large_enough(clients), blocked(unusable, exercise):
        server = _make_server(namespace[name], clients, arguments, order)
    return find_borrowed(namespace, name, server, unusable)


def _make_server(
    cls: Any, clients: Mapping[str, Any], arguments: Mapping[str, Any], order: Sequence[str]
) -> Any:
    """A new server. Raises Unfinished if it has no clients, as after a constructor that is still `...`."""
    given = {**arguments, "client_subsets": make_subsets(clients)}
    server = _call(cls, {name: given[name] for name in order})
    made = getattr(server, "clients", None)
    if made is None or len(made) == 0:
        raise Unfinished("its constructor makes no clients (self.clients is missing or empty)")
    return server


def _call(cls: Any, arguments: Mapping[str, Any]) -> Any:
    """Call a class by position, as the handout does, or by name where it has the handout's names in another order.

    Raises OtherParameters if its parameters allow for neither.
    """
    try:
        parameters = signature(cls)
    except (TypeError, ValueError):  # what has none that can be read
        return cls(*arguments.values())
    places = list(parameters.parameters)
    moved = [name for index, name in enumerate(arguments) if name in places and places.index(name) != index]
    if not moved and _fits(parameters, *arguments.values()):
        return cls(*arguments.values())
    if _fits(parameters, **arguments):
        return cls(**arguments)
    raise OtherParameters(f"its constructor takes ({', '.join(map(str, places))})")


def _fits(parameters: Signature, *args: Any, **kwargs: Any) -> bool:
    """Whether a call with these arguments would be accepted."""
    try:
        parameters.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def make_subsets(clients: Mapping[str, Any]) -> list[Subset[Any]]:
    """The clients' data: `{"nr_clients", "iid", "seed"}` for the lab's split, `{"sizes", "seed"}` for parts of those sizes.

    Where the sizes add up to more than there is, examples are dealt again.
    """
    if "sizes" not in clients:
        return split(clients["nr_clients"], clients["iid"], clients["seed"])
    order = np.random.default_rng(clients["seed"]).permutation(len(train_dataset))
    ends = np.cumsum(clients["sizes"])
    parts = np.split(np.resize(order, ends[-1]), ends[:-1])
    return [Subset(train_dataset, part.tolist()) for part in parts]


@contextmanager
def _large_enough(clients: Mapping[str, Any]) -> Iterator[None]:
    """Meanwhile the training data count as many examples as a client has: its length is a batch size that stands for infinity, too."""
    largest = max(clients.get("sizes", [0]))
    images, targets = train_dataset.images, train_dataset.targets
    if largest > len(train_dataset):
        repeated = torch.arange(largest) % len(train_dataset)
        train_dataset.images, train_dataset.targets = images[repeated], targets[repeated]
    try:
        yield
    finally:
        train_dataset.images, train_dataset.targets = images, targets


def _list_clients(server: Any) -> list[tuple[int, Any]]:
    """A server's clients with their indices; a dict of them is by index."""
    return list(server.clients.items() if isinstance(server.clients, dict) else enumerate(server.clients))


class _Meter:
    """Measures the accuracy of weights with a model of its own, so that a server can be judged by the weights that it has."""

    def __init__(self) -> None:
        self._model = MnistCnn().to(device)
        self._last: list[Tensor] = []
        self._accuracy = 0.0

    def measure(self, weights: Sequence[Tensor]) -> float | None:
        """The accuracy in percent; None if these are no weights of the model."""
        shapes = [parameter.shape for parameter in self._model.parameters()]
        if [tensor.shape for tensor in weights] != shapes:
            return None
        if not self._last or not all(map(torch.equal, self._last, weights)):
            self._last = [tensor.detach().clone() for tensor in weights]
            with torch.no_grad():
                for parameter, tensor in zip(self._model.parameters(), weights, strict=True):
                    parameter.copy_(tensor)
            self._accuracy = compute_accuracy(self._model, test_loader)
        return self._accuracy


class _Departures:
    """Counts what goes to other processes, where nothing is recorded: copies of this one, and clients that are pickled.

    A recorded client is pickled with the `update` of its class.
    """

    def __init__(self) -> None:
        self.count = 0
        self._clients: dict[int, tuple[Any, Any]] = {}

    def allow(self, client: Any, record: Any) -> None:
        """Let a client be pickled whose `update` is `record`."""
        self._clients[id(record)] = client, record

    def reduce(self, function: Any) -> Any:
        """What pickle is to make of a function of C: of a `record`, the method that its client has in the other process."""
        if id(function) not in self._clients:
            return function.__reduce__()
        self.count += 1
        return getattr, (self._clients[id(function)][0], "update")

    def note_copy(self) -> None:
        self.count += 1


_departures: list[_Departures] = []  # of the run that goes on


def _note_copy() -> None:
    for each in _departures:
        each.note_copy()


if hasattr(os, "register_at_fork"):  # not on Windows, which can't copy a process
    os.register_at_fork(after_in_parent=hide(_note_copy))


@contextmanager
def _noted_departures() -> Iterator[_Departures]:
    departures, kind = _Departures(), type(hide(_note_copy))
    before = copyreg.dispatch_table.get(kind)
    copyreg.dispatch_table[kind] = hide(departures.reduce)
    _departures.append(departures)
    try:
        yield departures
    finally:
        _departures.remove(departures)
        if before is None:
            copyreg.dispatch_table.pop(kind, None)
        else:
            copyreg.dispatch_table[kind] = before


def _record(client: Any, index: int, calls: list[dict[str, Any]], digest_seed: int, meter: _Meter) -> Any:
    """Note what one client is sent and what it answers, by the `update` that it is given and that is returned."""
    update = client.update

    def record(*args: Any, **kwargs: Any) -> Any:
        # A list, since `model.parameters()` can be gone through only once.
        name = "" if args else _name_weights(update, kwargs)
        if args:
            params = list(args[0])
            args = (params, *args[1:])
        elif name in kwargs:
            params = kwargs[name] = list(kwargs[name])
        else:
            return update(*args, **kwargs)  # which says what it lacks
        received, accuracy = digest_tensors(params, digest_seed), meter.measure(params)
        start = thread_time()  # of this thread alone: no clock of the submission's shows less
        with _noted_training(params) as training:
            sent = update(*args, **kwargs)
        calls.append(
            {
                "client": index,
                "seconds": thread_time() - start,
                "received": received,
                "training": training,
                "accuracy": accuracy,
                "sent": digest_tensors(sent, digest_seed),
            }
        )
        return sent

    hidden = hide(record)  # what the submission holds must not lead to this module
    _replace_update(client, hidden)
    return hidden


def _name_weights(update: Any, given: Mapping[str, Any]) -> str:
    """The name under which an `update` is given weights: that of its first parameter, which the submission may have renamed."""
    try:
        first = next(iter(signature(update).parameters.values()), None)
    except (TypeError, ValueError):  # what has none that can be read
        first = None
    if first is None or first.kind in (first.VAR_POSITIONAL, first.VAR_KEYWORD):
        return next((name for name, value in given.items() if not isinstance(value, int | np.integer)), "")
    return first.name


@contextmanager
def _noted_training(received: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Meanwhile note how models are trained.

    count, largest: of the batches in training mode, and the size of the largest; evaluated: how many there were in evaluation mode
    begins, seed: whether the first one met the weights that were received, and with what torch was seeded last by then
    optimizer: the first that took a step, by its class and its options that are numbers
    """
    noted: dict[str, Any] = {"count": 0, "largest": 0, "evaluated": 0}

    def note_batch(module: Any, inputs: Any) -> None:
        if not isinstance(module, MnistCnn) or not torch.is_grad_enabled() or not inputs:
            return
        if noted["count"] + noted["evaluated"] == 0:
            noted["begins"] = _are_equal(list(module.parameters()), received)
            noted["seed"] = (find_generator() or torch.default_generator).initial_seed()
        if module.training:
            noted["count"] += 1
            noted["largest"] = max(noted["largest"], len(inputs[0]))
        else:
            noted["evaluated"] += 1

    def note_step(optimizer: Any, *_: Any) -> None:
        options = {
            key: to_number(value) for key, value in optimizer.param_groups[0].items() if key != "params"
        }
        numbers = {key: value for key, value in options.items() if type(value) in (int, float)}
        noted.setdefault("optimizer", {"class": type(optimizer).__name__, **numbers})

    # What the submission holds must not lead to this module.
    handles = [
        register_module_forward_pre_hook(hide(note_batch)),
        register_optimizer_step_pre_hook(hide(note_step)),
    ]
    try:
        yield noted
    finally:
        for handle in handles:
            handle.remove()


def _are_equal(seen: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Whether two lists have the same tensors."""
    return len(seen) == len(expected) and all(
        isinstance(b, Tensor) and a.shape == b.shape and bool((a == b).all())
        for a, b in zip(seen, expected, strict=True)
    )


def _digest_model(client: Any, seed: int) -> Digest | None:
    """The weights that a client's own model has by now; None if it has no such model."""
    model = getattr(client, "model", None)
    return digest_tensors(list(model.parameters()), seed) if isinstance(model, MnistCnn) else None


def _replace_update(client: Any, record: Any) -> None:
    """Make `record` the client's `update`, of frozen clients (dataclasses) and of those with slots as well."""
    try:
        object.__setattr__(client, "update", record)
    except AttributeError:  # slots leave no room in the client itself
        cls: Any = type(client)
        metaclass: Any = type(cls)
        body = {"__slots__": (), "update": staticmethod(record), "__module__": cls.__module__}
        object.__setattr__(client, "__class__", metaclass(cls.__name__, (cls,), body))


def digest_tensors(tensors: Sequence[Tensor], seed: int) -> Digest:
    """For each tensor its shape, its norm, and entries at places drawn from `seed`. Raises TypeError for anything but tensors."""
    if not isinstance(tensors, list | tuple) or not all(isinstance(tensor, Tensor) for tensor in tensors):
        raise TypeError("a client must send a list of tensors, one for each of the model's parameters")
    rng = np.random.default_rng(seed)
    digest = []
    for tensor in tensors:
        values = tensor.detach().to("cpu", torch.float64).reshape(-1)
        places = torch.from_numpy(rng.integers(0, max(1, values.numel()), _ENTRIES_A_TENSOR))
        entries = values[places].tolist() if values.numel() else []
        digest.append({"shape": list(tensor.shape), "norm": float(values.norm()), "entries": entries})
    return digest


def _read_result(result: Any) -> dict[str, Any]:
    """A RunResult's fields as plain lists and numbers; what is missing is None. `returned` is the name of its class."""
    fields = ("algorithm", "n", "c", "b", "e", "lr", "seed", "wall_time", "message_count", "test_accuracy")
    found = {field: to_number(getattr(result, field, None)) for field in fields}
    return {**found, "returned": type(result).__name__}


def to_number(value: Any) -> Any:
    if isinstance(value, np.ndarray | Tensor):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [to_number(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value
