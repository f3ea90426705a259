"""Clients that work at the same time send what they would send one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import current_thread, main_thread

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Subset

from lab_2_hfl import clients
from lab_2_hfl.clients import Client, GradientClient, WeightClient
from lab_2_hfl.dataset import split
from lab_2_hfl.model import MnistCnn
from lab_2_hfl.parallel import ask_clients
from lab_2_hfl.randomness import Dropout, own_stream, seed_stream
from lab_2_hfl.servers import FedAvgServer

SEEDS = [5, 6, 7, 8, 9, 10]

Make = Callable[[], list[Client]]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which models were trained."""
    seen: list[str] = []
    forward = MnistCnn.forward

    def spy(self: MnistCnn, x: Tensor) -> Tensor:
        seen.append(current_thread().name)
        return forward(self, x)

    monkeypatch.setattr(MnistCnn, "forward", spy)
    return seen


@pytest.fixture
def parameters() -> list[Tensor]:
    torch.manual_seed(3)
    return [parameter.detach() for parameter in MnistCnn().parameters()]


def make_weight_clients() -> list[Client]:
    return [WeightClient(subset, 0.05, 20, 2) for subset in split(6, False, 4)]


def make_gradient_clients() -> list[Client]:
    return [GradientClient(subset) for subset in split(6, False, 4)]


def ask(make: Make, parameters: list[Tensor], threads: int) -> tuple[list[list[Tensor]], Tensor]:
    """The clients' updates, and a number that is drawn afterwards."""
    torch.set_num_threads(threads)
    return [update for update, _ in ask_clients(make(), parameters, SEEDS)], torch.rand(1)


@pytest.mark.parametrize("make", [make_weight_clients, make_gradient_clients])
def test_updates_and_the_random_stream_are_the_same(
    make: Make, parameters: list[Tensor], workers: list[str]
) -> None:
    alone, drawn_alone = ask(make, parameters, threads=1)
    assert {*workers} == {main_thread().name}
    workers.clear()
    together, drawn_together = ask(make, parameters, threads=2)

    assert {*workers} == {"client_0", "client_1"}
    for one, other in zip(alone, together, strict=True):
        for part, other_part in zip(one, other, strict=True):
            torch.testing.assert_close(part, other_part, rtol=0, atol=1e-6)
    assert torch.equal(drawn_alone, drawn_together)


def test_new_threads_compute_on_all_cores_again(parameters: list[Tensor]) -> None:
    ask(make_weight_clients, parameters, threads=3)

    with ThreadPoolExecutor() as pool:
        assert pool.submit(torch.get_num_threads).result() == 3


class OtherClient(WeightClient):
    pass


class OtherModel(MnistCnn):
    pass


def change_client(made: list[Client]) -> None:
    made[2] = OtherClient(split(6, False, 4)[2], 0.05, 20, 2)


def change_model(made: list[Client]) -> None:
    made[2].model = OtherModel()


def change_layer(made: list[Client]) -> None:
    made[2].model.dropout1 = nn.Dropout(0.25)  # type: ignore[assignment]


def share_model(made: list[Client]) -> None:
    made[2].model = made[3].model


def change_loader(made: list[Client]) -> None:
    made[2].loader_train = torch.utils.data.DataLoader(split(6, False, 4)[2], 20, shuffle=True)  # type: ignore[assignment]


def change_optimizer(made: list[Client]) -> None:
    assert isinstance(made[2], WeightClient)
    made[2].optimizer = torch.optim.Adam(made[2].model.parameters())


def change_update(made: list[Client]) -> None:
    given = made[2].update
    made[2].update = lambda parameters, seed: given(parameters, seed)  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "change",
    [change_client, change_model, change_layer, share_model, change_loader, change_optimizer, change_update],
)
def test_what_is_a_student_s_works_alone(
    change: Callable[[list[Client]], None], parameters: list[Tensor], workers: list[str]
) -> None:
    made = make_weight_clients()
    change(made)
    torch.set_num_threads(2)
    updates = list(ask_clients(made, parameters, SEEDS))

    assert len(updates) == len(SEEDS)
    assert {*workers} == {main_thread().name}


def test_a_client_s_error_is_the_caller_s(parameters: list[Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("broken")

    monkeypatch.setattr(clients, "train_epoch", fail)

    with pytest.raises(KeyError, match="broken"):
        ask(make_weight_clients, parameters, threads=2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each client took."""
    took: list[float] = []

    def spy(*arguments: object) -> Iterator[tuple[list[Tensor], float]]:
        for update, seconds in ask_clients(*arguments):  # type: ignore[arg-type]
            took.append(seconds)
            yield update, seconds

    monkeypatch.setattr("lab_2_hfl.servers.ask_clients", spy)
    return took


def test_wall_time_has_the_slowest_client_s(clock: list[float]) -> None:
    torch.set_num_threads(2)
    result = FedAvgServer(0.05, 20, split(6, True, 4), 1.0, 1, 3).run(1)

    assert max(clock) < result.wall_time[0] < sum(clock)


def test_dropout_is_torch_s() -> None:
    """In a thread's own stream as well."""
    x = torch.ones(50, 40)
    torch.manual_seed(9)
    by_torch = nn.Dropout(0.3)(x)
    with own_stream():
        seed_stream(9)
        own = Dropout(0.3)(x)
        assert torch.equal(Dropout(0.3).eval()(x), x)

    assert torch.equal(own, by_torch)


def test_servers_that_run_at_the_same_time_give_what_they_give_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.set_num_threads(1)  # else clients have random streams of their own in any case
    subsets = [Subset(subset.dataset, subset.indices[:10]) for subset in split(4, True, 4)]

    def weigh(seed: int) -> float:
        server = FedAvgServer(0.05, 5, subsets, 0.5, 1, seed)
        monkeypatch.setattr(server, "test", lambda: 0.0)
        server.run(2)
        return sum(float(parameter.detach().double().abs().sum()) for parameter in server.model.parameters())

    in_turn = [weigh(seed) for seed in SEEDS[:3]]
    with ThreadPoolExecutor(3) as pool:
        at_once = list(pool.map(weigh, SEEDS[:3]))

    assert at_once == pytest.approx(in_turn, rel=1e-7)
