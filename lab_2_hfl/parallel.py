"""Clients of a round that work at the same time.

A training step of 100 images keeps one core busy, but not two: they wait for each other in every layer. With one core per client a
round takes a quarter less time, and what the clients send is the same except for rounding.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.optim import SGD

from .clients import Client, GradientClient, WeightClient
from .loading import BatchLoader
from .model import MnistCnn, device
from .randomness import Dropout, own_stream

_MOST_AT_ONCE = 4  # the gradient over 600 examples takes a client some 300 MB
_LAYERS = {MnistCnn, nn.Conv2d, nn.Linear, Dropout}

Answer = tuple[list[Tensor], float]


def ask_clients(
    clients: Sequence[Client], parameters: list[Tensor], seeds: Sequence[int]
) -> Iterator[Answer]:
    """In order, each client's update of `parameters` with its seed, and the seconds that it took.

    Clients work at the same time if there are cores for them and if they are the lab's own: others may draw from torch's random
    stream, which all threads share. The stream is left as if the clients had worked one after another. A server that runs in a thread beside
    the main one never touches it where its clients are the lab's: so several servers can run at the same time.
    """
    at_once = min(len(clients), torch.get_num_threads(), _MOST_AT_ONCE)
    if (
        at_once > 1
        and device.type == "cpu"
        and all(map(_is_the_lab_s, clients))
        and _have_own_models(clients)
    ):
        yield from _ask_at_once(at_once, clients, parameters, seeds)
        return
    is_aside = threading.current_thread() is not threading.main_thread() and all(map(_is_the_lab_s, clients))
    for client, seed in zip(clients, seeds, strict=True):
        with own_stream() if is_aside else nullcontext():
            answer = _ask(client, parameters, seed)
        yield answer


def _ask(client: Client, parameters: list[Tensor], seed: int) -> Answer:
    start = perf_counter()
    update = client.update(parameters, seed)
    return update, perf_counter() - start


def _ask_at_once(
    at_once: int, clients: Sequence[Client], parameters: list[Tensor], seeds: Sequence[int]
) -> Iterator[Answer]:
    cores = torch.get_num_threads()

    def work(client: Client, seed: int) -> tuple[Answer, Tensor]:
        torch.set_num_threads(cores // at_once)  # OpenMP's number is each thread's own
        with own_stream() as generator:
            return _ask(client, parameters, seed), generator.get_state()

    pool = ThreadPoolExecutor(at_once, "client")
    waiting: deque[Future[tuple[Answer, Tensor]]] = deque()
    try:
        for client, seed in zip(clients, seeds, strict=True):
            if len(waiting) == 2 * at_once:  # so that few updates are in memory
                yield waiting.popleft().result()[0]
            waiting.append(pool.submit(work, client, seed))
        last_state = waiting[-1]
        while waiting:
            yield waiting.popleft().result()[0]
        if threading.current_thread() is threading.main_thread():
            torch.set_rng_state(last_state.result()[1])
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(cores)  # MKL's number, and that of new threads, is one for all


def _is_the_lab_s(client: Client) -> bool:
    """Whether client, update, model, loader and optimizer are as the lab made them, so that they draw from the thread's own stream.

    Makes the client's model and optimizer, if there are none yet: making the first ones changes or imports what all threads share.
    """
    if type(client) is WeightClient:
        if type(client.optimizer) is not SGD:
            return False
    elif type(client) is not GradientClient:
        return False
    if client.update.__module__ != Client.__module__:  # replaced, in the client or in its class
        return False
    if {type(layer) for layer in client.model.modules()} != _LAYERS:
        return False
    return type(client.loader_train) is BatchLoader and client.loader_train.holds_tensors


def _have_own_models(clients: Sequence[Client]) -> bool:
    """Whether no two clients would train the same model."""
    return len({id(client.model) for client in clients}) == len(clients)
