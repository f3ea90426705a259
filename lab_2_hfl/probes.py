"""Observes federated servers: what a grader runs beside a notebook's classes, to see what they compute.

The grader sends this file as text to a notebook's kernel before any of the notebook's code, and runs the same functions on its own reference
classes. What crosses is plain data: digests of tensors (norms and sampled entries), counts and accuracies.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from time import thread_time
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import SGD
from torch.utils.data import Subset

import lab_2_hfl.clients as lab_clients
import lab_2_hfl.dataset as lab_dataset
import lab_2_hfl.model as lab_model
import lab_2_hfl.servers as lab_servers
from lab_2_hfl.clients import Client, GradientClient, WeightClient
from lab_2_hfl.dataset import split, test_loader, train_dataset
from lab_2_hfl.loading import BatchLoader
from lab_2_hfl.model import MnistCnn, compute_accuracy, device
from lab_2_hfl.servers import FedAvgServer, FedSgdServer, Server

_ENTRIES_A_TENSOR = 48
_MAX_RUNS = 100

# A grader's kernel gives its probes a function that makes plain data of any value; elsewhere whoever asks does that.
_to_plain = globals().get("to_plain", lambda value: value)

Digest = list[dict[str, Any]]

# Bound now, so that what a notebook does to these names later does not matter.
_BLOCKABLE = {"FedSgdServer": FedSgdServer, "FedAvgServer": FedAvgServer}
_METHODS: dict[tuple[str, str], FunctionType] = {
    (name, method): vars(cls)[method] for name, cls in _BLOCKABLE.items() for method in ("__init__", "run")
}


class Unusable(RuntimeError):
    """A class of the lab was used where the exercise asks to do without."""


class Unfinished(RuntimeError):
    """A server that was made has no clients yet."""


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


def _list_lab() -> dict[str, Any]:
    """What the lab's modules define: functions by their code, classes by each of their attributes, data by identity."""
    found: dict[str, Any] = {}
    for module in (lab_clients, lab_dataset, lab_model, lab_servers):
        for name, value in vars(module).items():
            if not name.startswith("__") and not isinstance(value, ModuleType):
                found[name] = getattr(value, "__code__", value)
            if isinstance(value, type) and (value.__module__, value.__name__) == (module.__name__, name):
                for key, attribute in vars(value).items():
                    if callable(attribute) or key in ("__module__", "__init__"):
                        found[f"{name}.{key}"] = getattr(attribute, "__code__", attribute)
    return found


_LAB = _list_lab()


def find_tampering() -> list[str]:
    """What a notebook replaced of the lab, for a person to look at: answers are compared with a reference elsewhere."""
    now = _list_lab()
    gone = object()
    return [
        f"{name} of the lab was replaced" for name, value in _LAB.items() if now.get(name, gone) is not value
    ]


@contextmanager
def blocked(names: Sequence[str], exercise: str) -> Iterator[None]:
    """Make classes of the lab unusable for a while, however a notebook got hold of them."""

    methods = {
        function: f"{name} can't be used in {exercise}: it is the server that yours is compared with"
        for (name, _), function in _METHODS.items()
        if name in names
    }
    saved = {function: function.__code__ for function in methods}
    for function, message in methods.items():
        # The code, not the attribute: so whoever kept the function before is refused as well.
        function.__code__ = _make_refusal(message, function.__code__)
    try:
        yield
    finally:
        for function, code in saved.items():
            function.__code__ = code


def _make_refusal(message: str, replaced: CodeType) -> CodeType:
    """Code that takes the place of a function's and raises Unusable."""

    def refuse(*_: Any, **__: Any) -> None:
        refusal: Any = (
            "REFUSAL"  # the function whose code this becomes has other globals: both come as constants
        )
        raise refusal("MESSAGE")

    values = {"REFUSAL": Unusable, "MESSAGE": message}
    code = refuse.__code__
    constants = tuple(
        values.get(value, value) if isinstance(value, str) else value for value in code.co_consts
    )
    return code.replace(co_consts=constants, co_freevars=replaced.co_freevars)


def run_server(
    namespace: Mapping[str, Any],
    name: str,
    arguments: Mapping[str, Any],
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
    with _large_enough(clients), blocked(unusable, exercise):
        server = _make_server(namespace[name], clients, arguments)
        calls: list[dict[str, Any]] = []
        for index, client in _list_clients(server):
            _record(client, index, calls, digest_seed, meter)
        result = server.run(nr_rounds)
    last = [parameter.detach() for parameter in server.model.parameters()]
    return {
        "calls": calls,
        "weights": digest_tensors(last, digest_seed),
        "accuracy": meter.measure(last),
        "result": _read_result(result),
    }


def _make_server(cls: Any, clients: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    """A new server. Raises Unfinished if it has no clients, as after a constructor that is still `...`."""
    server = cls(client_subsets=make_subsets(clients), **arguments)
    made = getattr(server, "clients", None)
    if made is None or len(made) == 0:
        raise Unfinished("its constructor makes no clients (self.clients is missing or empty)")
    return server


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


def _record(client: Any, index: int, calls: list[dict[str, Any]], digest_seed: int, meter: _Meter) -> None:
    """Note what one client is sent and what it answers."""
    update = client.update

    def record(*args: Any, **kwargs: Any) -> Any:
        # A list, since `model.parameters()` can be gone through only once. Whoever names the argument may have renamed it.
        if args:
            params = list(args[0])
            args = (params, *args[1:])
        else:
            name = next(iter(kwargs))
            params = list(kwargs[name])
            kwargs[name] = params
        received, accuracy = digest_tensors(params, digest_seed), meter.measure(params)
        start = thread_time()  # of this thread alone: no clock of the submission's shows less
        sent = update(*args, **kwargs)
        calls.append(
            {
                "client": index,
                "seconds": thread_time() - start,
                "received": received,
                "accuracy": accuracy,
                "sent": digest_tensors(sent, digest_seed),
            }
        )
        return sent

    _replace_update(client, record)


def _replace_update(client: Any, record: Any) -> None:
    """Make `record` the client's `update`, of frozen clients (dataclasses) and of those with slots as well."""
    try:
        object.__setattr__(client, "update", record)
    except AttributeError:  # slots leave no room in the client itself
        cls: Any = type(client)
        metaclass: Any = type(cls)
        body = {"__slots__": (), "update": staticmethod(record), "__module__": cls.__module__}
        object.__setattr__(client, "__class__", metaclass(cls.__name__, (cls,), body))


def _read_result(result: Any) -> dict[str, Any]:
    """A RunResult's fields as plain lists and numbers; what is missing is None. `returned` is the name of its class."""
    fields = ("algorithm", "n", "c", "b", "e", "lr", "seed", "wall_time", "message_count", "test_accuracy")
    found = {field: _to_number(getattr(result, field, None)) for field in fields}
    return {**found, "returned": type(result).__name__}


def _to_number(value: Any) -> Any:
    if isinstance(value, np.ndarray | Tensor):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_to_number(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def update_client(
    namespace: Mapping[str, Any],
    name: str,
    arguments: Mapping[str, Any],
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
        server = _make_server(namespace[name], clients, arguments)
        chosen = server.clients[client]
        sent = digest_tensors(chosen.update(weights, update_seed), digest_seed)
        other = server.clients[asked_twice]
        first = digest_tensors(other.update(weights, update_seed), digest_seed)
        again = digest_tensors(other.update(weights, update_seed), digest_seed)
    return {
        "sent": sent,
        "first": first,
        "again": again,
        "received": before,
        "changed": digest_tensors(weights, digest_seed) != before,
        "class": type(chosen).__qualname__,
    }


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
        methods = [(cls, "run") for cls in _BLOCKABLE.values()]
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
                self.runs.append({**described, "accuracies": _to_number(result.test_accuracy)})
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


def find_borrowed(
    namespace: Mapping[str, Any],
    name: str,
    arguments: Mapping[str, Any],
    clients: Mapping[str, Any],
    unusable: Sequence[str],
) -> list[str]:
    """Signs that a server hands its work to a server of the lab that it should do without, for a person to look at.

    Its parts are gone through: what a new server holds, and the names and the code of its methods and of its clients'.
    """
    forbidden = {cls for key, cls in _BLOCKABLE.items() if key in unusable}
    borrowed = {_METHODS[key, "run"].__code__: f"{key}.run" for key in _BLOCKABLE if key in unusable}
    server = namespace[name](client_subsets=make_subsets(clients), **arguments)
    signs: dict[str, None] = {}
    for part in _list_parts(server):
        if type(part) in forbidden:
            signs[f"a {name} holds a {type(part).__name__}"] = None
        for owner in type(part).__mro__:
            if owner.__module__.startswith("lab_2_hfl"):
                break
            for key, method in vars(owner).items():
                for code in _list_code(method):
                    named = {
                        word
                        for word in code.co_names
                        if any(namespace.get(word, _BLOCKABLE.get(word)) is cls for cls in forbidden)
                    }
                    signs |= {f"{owner.__qualname__}.{key} uses {word}": None for word in sorted(named)}
                    if code in borrowed:
                        signs[f"{owner.__qualname__}.{key} is {borrowed[code]}"] = None
    return list(signs)


_MAX_PARTS = 2_000


def _list_parts(server: Any) -> list[Any]:
    """A server and the objects that it holds, directly or not; no data, no classes, no modules."""
    found: dict[int, Any] = {id(server): server}
    waiting = [server]
    while waiting and len(found) < _MAX_PARTS:
        for value in gc.get_referents(waiting.pop()):
            plain = isinstance(value, str | int | float | type | ModuleType | Tensor | Subset | FunctionType)
            if not plain and id(value) not in found:
                found[id(value)] = value
                waiting.append(value)
    return list(found.values())


def _list_code(method: Any) -> Iterator[CodeType]:
    """The code of a function and of all functions within it."""
    waiting = [method.__code__] if isinstance(method, FunctionType) else []
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [value for value in code.co_consts if isinstance(value, CodeType)]


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
