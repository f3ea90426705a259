"""What one rank got from another is known by its content, however it was cut, stacked or scaled."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from launch.deliveries import Delivery, came_from, find_deliveries, is_sum
from launch.events import Call, Content, Return
from launch.run_report import RankReport, RankState
from launch.worker.tensors import digest
from launch.workers import Operation

torch.manual_seed(0)
ONE, OTHER, THIRD = torch.randn(3, 1, 16, 24)


def content(tensor: Tensor) -> Content:
    found = digest(tensor)
    return Content(found["sum"], tuple(found["samples"]), tuple(found["sketch"]))


def receive(peer: int | None = 0, number: int = 1, **fields) -> Operation:
    call = Call(1.0, number, fields.pop("op", "recv"), 0, peer=peer, shape=(1, 16, 24), **fields)
    return Operation(call, Return(2.0, number))


def arrived(*messages: Tensor | None) -> list[Delivery]:
    return [Delivery(receive(), None if each is None else content(each)) for each in messages]


@pytest.mark.parametrize(
    ("part", "messages"),
    [
        pytest.param(ONE, [OTHER, ONE], id="as it is"),
        pytest.param(ONE, [torch.stack([OTHER, ONE, THIRD])], id="stacked"),
        pytest.param(torch.cat([ONE, OTHER]), [ONE, OTHER], id="put together"),
        pytest.param(ONE.transpose(1, 2), [ONE], id="transposed"),
        pytest.param(ONE / 3, [OTHER, ONE], id="scaled"),
        pytest.param(ONE.double(), [ONE], id="as another type"),
        pytest.param(torch.cat([torch.zeros(2, 16, 24), ONE]), [ONE], id="among zeros"),
        pytest.param(torch.full((4,), float("nan")), [torch.full((4,), float("nan"))], id="not a number"),
    ],
)
def test_a_tensor_is_found_in_what_arrived(part: Tensor, messages: list[Tensor]) -> None:
    assert came_from(content(part), arrived(*messages)) is True


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([], id="nothing"),
        pytest.param([OTHER, THIRD], id="others"),
        pytest.param([ONE.reshape(-1)[:8]], id="a few numbers of it"),
        pytest.param([torch.zeros(1, 16, 24)], id="zeros"),
    ],
)
def test_a_tensor_that_did_not_arrive_is_not_found(messages: list[Tensor]) -> None:
    assert came_from(content(ONE), arrived(*messages)) is False


def test_nothing_is_claimed_where_a_receive_s_content_is_not_known() -> None:
    assert came_from(content(ONE), arrived(OTHER, None)) is None


@pytest.mark.parametrize(("size", "said"), [(4_000, None), (100, False)], ids=["an object", "a header"])
def test_a_pickled_object_may_hold_anything_if_it_is_large(size: int, said: bool | None) -> None:
    call = Call(1.0, 1, "recv", 0, peer=0, shape=(size,), dtype="uint8")
    pickled = Delivery(Operation(call, Return(2.0, 1)), content(torch.ones(size, dtype=torch.uint8)))
    assert came_from(content(ONE), [pickled]) is said


def test_a_sum_and_a_mean_of_what_arrived_are_known() -> None:
    parts = [content(torch.arange(5.0) ** power + power) for power in (1, 2, 3)]
    first, second, third = (torch.arange(5.0) ** power + power for power in (1, 2, 3))
    assert is_sum(content(first + third), parts)
    assert is_sum(content((first + second + third) / 3), parts)
    assert not is_sum(content(first + 2 * third), parts)
    assert not is_sum(content(first), parts[:1])


def test_deliveries_are_of_one_source() -> None:
    operations = (
        receive(0),
        receive(2),
        receive(None),
        receive(0, op="send"),
        receive(0, op="broadcast", group="0,1"),
        receive(1, op="broadcast", group="0,1"),
        receive(None, op="all_gather", group="0,1"),
        receive(None, op="all_gather", group="1,2"),
    )
    rank = RankReport(1, RankState.ENDED, "ended", operations=operations)
    found = [operations.index(each.operation) for each in find_deliveries(rank, 0, 3)]
    assert found == [0, 2, 4, 6]


def test_what_a_wait_delivered_belongs_to_the_receive() -> None:
    begun = receive(op="irecv")
    waited = Operation(Call(3.0, 2, "wait", 0), Return(4.0, 2, content=content(ONE)), target=begun)
    rank = RankReport(1, RankState.ENDED, "ended", operations=(begun, waited))
    assert list(find_deliveries(rank, 0, 3)) == [Delivery(begun, content(ONE))]
