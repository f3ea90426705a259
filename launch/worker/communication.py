"""Every call of torch.distributed that meets another rank: recorded as it is made and as it returns."""

from __future__ import annotations

import functools
import inspect
import itertools
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlparse
from weakref import WeakKeyDictionary, finalize

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import distributed_c10d

from . import ending, rendezvous, silent_handlers, tensors
from .recorder import TEXT_LIMIT, Recorder

POINT_TO_POINT = ("send", "recv", "isend", "irecv")
COLLECTIVES = (
    "all_reduce",
    "all_reduce_coalesced",
    "broadcast",
    "broadcast_object_list",
    "reduce",
    "all_gather",
    "all_gather_coalesced",
    "all_gather_into_tensor",
    "all_gather_single",
    "all_gather_object",
    "gather",
    "gather_into_tensor",
    "gather_object",
    "scatter",
    "scatter_object_list",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "reduce_scatter_single",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "monitored_barrier",
)
# Made of other recorded calls, which are recorded too.
COMPOUND = ("batch_isend_irecv", "send_object_list", "recv_object_list")
PEERS = ("dst", "src", "group_dst", "group_src")
INPUTS = ("tensor", "input_tensor", "input")
OUTPUTS = (
    "tensor",
    "output_tensor",
    "output",
    "tensor_list",
    "gather_list",
    "output_tensor_list",
    "object_list",
    "object_gather_list",
    "scatter_object_output_list",
)
WRITES_OUTPUT_ONLY = ("recv", "irecv", "scatter", "reduce_scatter", "reduce_scatter_tensor")


POLLS = 20  # calls of is_completed() in a row, with nothing between them, that count as waiting


@dataclass
class Poll:
    """Calls of is_completed() in a row: how many, and the event that stands for them once there are many."""

    pending: Pending
    activity: int  # of the recorder, after the last one
    count: int = 0
    call: int | None = None


@dataclass
class Pending:
    """A started operation: its call, and where its result is once it is over, a tensor or a list."""

    call: int
    op: str
    result: Any
    waited: bool = False


def _digest_all(result: Any) -> dict[str, Any] | None:
    """The content of all tensors in a result, one after the other; None without any."""
    found = list(tensors.tensors_in(result))
    if len(found) < 2:
        return tensors.digest(found[0]) if found else None
    return tensors.digest(torch.cat([tensor.detach().reshape(-1).to(torch.float32) for tensor in found]))


class Communication:
    """The wrappers' common state."""

    def __init__(self, recorder: Recorder, close_span: Callable[[], None]) -> None:
        self.recorder = recorder
        self.close_span = close_span
        self.works: WeakKeyDictionary[Any, Pending] = WeakKeyDictionary()
        self._local = threading.local()
        self._group_names: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._same_ranks: dict[str, int] = {}
        self._new_groups = itertools.count(1)

    @property
    def inside(self) -> bool:
        """Whether this thread is within a recorded call already, whose parts are not events of their own."""
        return getattr(self._local, "inside", False)

    def perform(
        self, op: str, function: Callable[[], Any], fields: dict[str, Any], *, opaque: bool = True
    ) -> tuple[int, Any]:
        """Run `function` between a `call` and a `return` event. Returns the call's number and the result."""
        recorder = self.recorder
        call = recorder.next_id()
        with recorder.guard(op):
            self.close_span()
            at = recorder.student_line()
            recorder.write(
                "call", id=call, op=op, thread=recorder.thread(), step=recorder.step, at=at, **fields
            )
        self._local.inside = opaque
        try:
            result = function()
        except BaseException as error:
            recorder.write("return", id=call, error=f"{type(error).__name__}: {error}"[:TEXT_LIMIT])
            ending.leave_if_over(recorder)
            raise
        finally:
            self._local.inside = False
        return call, result

    def returned(self, call: int, pending: Pending | None = None, **fields: Any) -> None:
        """Write the `return` event of a call, with the content of what it delivered."""
        with self.recorder.guard("the end of a call"):
            if pending is not None and self.recorder.detailed:
                fields["content"] = _digest_all(pending.result)
            self.recorder.write("return", id=call, **fields)

    def dropped(self, pending: Pending) -> None:
        """Say that a message's handle is gone; of one that was waited for there is nothing to say."""
        if not pending.waited:
            self.recorder.write("dropped", id=pending.call)

    def polled(self, pending: Pending, over: bool) -> None:
        """A script that asks again and again, and does nothing else, waits: an event from the 20th time on says so."""
        recorder, poll = self.recorder, getattr(self._local, "poll", None)
        pending.waited = pending.waited or over
        if poll is not None and (over or poll.pending is not pending or poll.activity != recorder.activity):
            if poll.call is not None:
                recorder.write("return", id=poll.call)
            poll = None
        if not over:
            poll = poll or Poll(pending, recorder.activity)
            poll.count += 1
            if poll.count == POLLS:
                poll.call = recorder.next_id()
                at, thread = recorder.student_line(), recorder.thread()
                recorder.write(
                    "call",
                    id=poll.call,
                    op="is_completed",
                    thread=thread,
                    step=recorder.step,
                    at=at,
                    waits_for=pending.call,
                    waited=pending.op,
                )
            poll.activity = recorder.activity
        self._local.poll = poll

    def name_of_group(self, group: Any) -> str:
        """`"world"`, or the ranks of a group as `"0,3"`; `"0,3#2"` for the second group of the same ranks."""
        if group is None or group is dist.group.WORLD:
            return "world"
        if isinstance(group, int):
            return "not a member"
        name = self._group_names.get(group)
        if name is None:
            name = self._group_names[group] = self.new_group_name(dist.get_process_group_ranks(group))
        return name

    def new_group_name(self, ranks: Sequence[int]) -> str:
        """A name that two ranks give to the same group without asking each other."""
        text = ",".join(str(rank) for rank in sorted(ranks))
        number = self._same_ranks[text] = self._same_ranks.get(text, 0) + 1
        return text if number == 1 else f"{text}#{number}"

    def keep_group_name(self, group: Any, name: str) -> None:
        if not isinstance(group, int):
            self._group_names[group] = name

    def next_new_group(self) -> int:
        return next(self._new_groups)


def install(recorder: Recorder, close_span: Callable[[], None]) -> None:
    """Replace the functions wherever torch offers them, and `Work.wait`."""
    communication = Communication(recorder, close_span)
    for names, wrap in ((POINT_TO_POINT, _message), (COLLECTIVES, _collective), (COMPOUND, _compound)):
        for name in names:
            _replace(name, wrap, communication)
    _replace("init_process_group", _init_process_group, communication)
    _replace("new_group", _new_group, communication)
    _replace("destroy_process_group", _destroy_process_group, communication)
    _wrap_wait(communication)
    _wrap_is_completed(communication)


Wrap = Callable[[str, Callable[..., Any], Communication], Callable[..., Any]]


def _replace(name: str, wrap: Wrap, communication: Communication) -> None:
    original = getattr(distributed_c10d, name, None)
    if original is None:
        return  # an older or newer torch
    wrapped = functools.wraps(original)(wrap(name, original, communication))
    for module in (distributed_c10d, dist, sys.modules.get("torch.distributed.device_mesh")):
        if getattr(module, name, None) is original:
            setattr(module, name, wrapped)


def _binder(function: Callable[..., Any]) -> Callable[..., dict[str, Any] | None]:
    """A function from arguments to a dict by parameter name; None for arguments that do not fit."""
    signature = inspect.signature(function)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return signature.bind(*args, **kwargs).arguments
        except TypeError:
            return None  # the call itself will raise, with torch's own words

    return bind


def _message(name: str, original: Callable[..., Any], communication: Communication) -> Callable[..., Any]:
    bind, sends = _binder(original), "send" in name

    def message(*args: Any, **kwargs: Any) -> Any:
        arguments = bind(args, kwargs)
        tensor = arguments.get("tensor") if arguments else None
        if communication.inside or arguments is None or not isinstance(tensor, Tensor):
            return original(*args, **kwargs)
        fields = _describe(communication, arguments)
        if sends and communication.recorder.detailed:
            fields["content"] = tensors.digest(tensor)
        call, result = communication.perform(name, lambda: original(*args, **kwargs), fields)
        pending = Pending(call, name, tensor)
        if name in ("isend", "irecv"):
            if result is not None:
                communication.works[result] = pending
                finalize(result, communication.dropped, pending).atexit = False
            communication.returned(call)
        else:
            source = result if name == "recv" else None
            communication.returned(call, None if sends else pending, source=source)
        return result

    return message


def _describe(communication: Communication, arguments: dict[str, Any]) -> dict[str, Any]:
    """Peer, tag, group, shape and type of a call, as far as it has them."""
    group: Any = arguments.get("group")
    fields: dict[str, Any] = {"group": communication.name_of_group(group)}
    for name in PEERS:
        peer = arguments.get(name)
        if peer is not None:
            in_group = name.startswith("group_") and not isinstance(group, (int, type(None)))
            fields["peer"] = dist.get_global_rank(group, peer) if in_group else int(peer)
    if "tag" in arguments:
        fields["tag"] = int(arguments["tag"])
    tensor = next((arguments[name] for name in INPUTS if isinstance(arguments.get(name), Tensor)), None)
    if tensor is not None:
        fields.update(
            shape=list(tensor.shape),
            dtype=str(tensor.dtype).removeprefix("torch."),
            buffer=tensor.data_ptr(),
        )
    operation = arguments.get("op")
    if operation is not None:
        fields["reduction"] = str(getattr(operation, "name", operation))[:40]
    return fields


def _collective(name: str, original: Callable[..., Any], communication: Communication) -> Callable[..., Any]:
    bind, reads = _binder(original), name not in WRITES_OUTPUT_ONLY

    def collective(*args: Any, **kwargs: Any) -> Any:
        arguments = bind(args, kwargs)
        if communication.inside or arguments is None:
            return original(*args, **kwargs)
        fields = _describe(communication, arguments)
        given = next((arguments[key] for key in INPUTS if isinstance(arguments.get(key), Tensor)), None)
        taken = next((arguments[key] for key in OUTPUTS if arguments.get(key) is not None), None)
        if given is not None and reads and communication.recorder.detailed:
            fields["content"] = tensors.digest(given)
        background = bool(arguments.get("async_op"))
        if background:
            fields["background"] = True
        call, result = communication.perform(name, lambda: original(*args, **kwargs), fields)
        pending = Pending(call, name, taken)
        if background and result is not None:
            communication.works[result] = pending
        communication.returned(call, None if background else pending)
        return result

    return collective


def _compound(name: str, original: Callable[..., Any], communication: Communication) -> Callable[..., Any]:
    bind = _binder(original)

    def compound(*args: Any, **kwargs: Any) -> Any:
        arguments = bind(args, kwargs)
        if communication.inside or arguments is None:
            return original(*args, **kwargs)
        fields = _describe(communication, arguments)
        if name == "send_object_list" and communication.recorder.detailed:
            with communication.recorder.guard(name):
                fields["content"] = _digest_all(arguments.get("object_list"))
        call, result = communication.perform(name, lambda: original(*args, **kwargs), fields, opaque=False)
        objects = arguments.get("object_list") if name == "recv_object_list" else None
        communication.returned(call, Pending(call, name, objects))
        return result

    return compound


def _wrap_wait(communication: Communication) -> None:
    original = dist.Work.wait

    @functools.wraps(original)
    def wait(self: Any, *args: Any, **kwargs: Any) -> Any:
        pending = communication.works.get(self)
        if communication.inside or pending is None:
            return original(self, *args, **kwargs)
        pending.waited = True
        call, result = communication.perform(
            "wait", lambda: original(self, *args, **kwargs), {"waits_for": pending.call, "waited": pending.op}
        )
        communication.returned(call, pending)
        return result

    dist.Work.wait = wait  # type: ignore[method-assign]


def _wrap_is_completed(communication: Communication) -> None:
    original = dist.Work.is_completed

    @functools.wraps(original)
    def is_completed(self: Any) -> bool:
        over = bool(original(self))
        pending = communication.works.get(self)
        if pending is not None and not communication.inside:
            with communication.recorder.guard("is_completed"):
                communication.polled(pending, over)
        return over

    dist.Work.is_completed = is_completed  # type: ignore[method-assign]


def _init_process_group(
    name: str, original: Callable[..., Any], communication: Communication
) -> Callable[..., Any]:
    bind, recorder = _binder(original), communication.recorder

    def init_process_group(*args: Any, **kwargs: Any) -> Any:
        arguments = bind(args, kwargs)
        if arguments is None:
            return original(*args, **kwargs)
        rendezvous.choose_interface()
        rendezvous.fill_address()
        asked = arguments.get("backend")
        arguments["backend"] = rendezvous.own_backend(asked, recorder)
        arguments["init_method"] = rendezvous.own_file(arguments.get("init_method"), recorder)
        if arguments["backend"] == "gloo":
            arguments.pop("device_id", None)  # gloo has no device to bind to
        rank, world_size = _identity(arguments)
        fields = {"rank": rank, "world_size": world_size, "backend": str(arguments["backend"])}
        call, result = communication.perform(name, lambda: original(**arguments), fields)
        communication.returned(call, rank=dist.get_rank(), world_size=dist.get_world_size())
        with recorder.guard("looking for handlers"):
            silent_handlers.watch(recorder)
        return result

    return init_process_group


def _identity(arguments: dict[str, Any]) -> tuple[int | None, int | None]:
    """Rank and world size as `init_process_group` finds them: arguments, address, environment."""
    query = parse_qs(urlparse(arguments.get("init_method") or "").query)

    def find(name: str) -> int | None:
        value = arguments.get(name, -1)
        if isinstance(value, int) and value >= 0:
            return value
        text = query.get(name, [os.environ.get(name.upper(), "")])[0]
        return int(text) if text.isdecimal() and len(text) < 6 else None

    return find("rank"), find("world_size")


def _new_group(name: str, original: Callable[..., Any], communication: Communication) -> Callable[..., Any]:
    bind, recorder = _binder(original), communication.recorder

    def new_group(*args: Any, **kwargs: Any) -> Any:
        arguments = bind(args, kwargs)
        if communication.inside or arguments is None or not dist.is_initialized():
            return original(*args, **kwargs)
        if "backend" in arguments:
            arguments["backend"] = rendezvous.own_backend(arguments["backend"], recorder)
        asked = arguments.get("ranks")
        ranks = list(range(dist.get_world_size())) if asked is None else [int(rank) for rank in asked]
        arguments["ranks"] = ranks
        group = communication.new_group_name(ranks)
        fields = {
            "ranks": ranks,
            "group": group,
            "order": communication.next_new_group(),
            "member": dist.get_rank() in ranks,
            "local": bool(arguments.get("use_local_synchronization")),
        }
        call, result = communication.perform(name, lambda: original(**arguments), fields)
        communication.keep_group_name(result, group)
        communication.returned(call)
        return result

    return new_group


def _destroy_process_group(
    name: str, original: Callable[..., Any], communication: Communication
) -> Callable[..., Any]:
    bind = _binder(original)

    def destroy_process_group(*args: Any, **kwargs: Any) -> Any:
        arguments = bind(args, kwargs) or {}
        fields = (
            {"group": communication.name_of_group(arguments.get("group"))} if dist.is_initialized() else {}
        )
        call, result = communication.perform(name, lambda: original(*args, **kwargs), fields)
        communication.returned(call)
        return result

    return destroy_process_group
