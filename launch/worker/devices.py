"""On a machine without the accelerator that a script names, its tensors live on the CPU instead."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.utils._device

from .recorder import Recorder

# Calls that only steer or ask the accelerator; without one they answer as an idle device would.
HARMLESS: dict[str, dict[str, Any]] = {
    "cuda": {
        "synchronize": None,
        "set_device": None,
        "empty_cache": None,
        "ipc_collect": None,
        "reset_peak_memory_stats": None,
        "reset_max_memory_allocated": None,
        "current_device": 0,
        "get_device_name": "CPU",
        "mem_get_info": (0, 0),
    },
    "mps": {
        "synchronize": None,
        "empty_cache": None,
        "set_per_process_memory_fraction": None,
        "current_allocated_memory": 0,
        "driver_allocated_memory": 0,
    },
    "xpu": {"synchronize": None, "empty_cache": None, "set_device": None, "current_device": 0},
}
TENSOR_METHODS = ("to", "new_tensor", "new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided")
LIKE_FUNCTIONS = (
    "zeros_like",
    "ones_like",
    "empty_like",
    "full_like",
    "rand_like",
    "randn_like",
    "randint_like",
)


class Devices:
    """Which accelerators are missing, and the translation of their names."""

    def __init__(self, recorder: Recorder) -> None:
        available = {
            "cuda": torch.cuda.is_available(),
            "mps": torch.backends.mps.is_available(),
            "xpu": hasattr(torch, "xpu") and torch.xpu.is_available(),
        }
        self.missing = {name for name, there in available.items() if not there}
        self._accelerated = any(available.values())
        self._recorder = recorder
        self._told: set[str] = set()

    def translate(self, value: Any) -> Any:
        """`"cpu"` for a missing accelerator by name, `torch.device` or number; any other value unchanged."""
        if isinstance(value, str):
            absent = value.partition(":")[0] in self.missing
        elif isinstance(value, torch.device):
            absent = value.type in self.missing
        else:
            absent = type(value) is int and not self._accelerated
        if not absent:
            return value
        self._tell(str(value))
        return torch.device("cpu")

    def _tell(self, asked: str) -> None:
        if asked not in self._told:
            self._told.add(asked)
            at = self._recorder.student_line()
            self._recorder.write("translation", what="device", asked=asked[:100], given="cpu", at=at)


def install(recorder: Recorder) -> None:
    """Replace what takes a device. Does nothing for accelerators that the machine has."""
    devices = Devices(recorder)
    if not devices.missing:
        return
    names = {function.__name__ for function in torch.utils._device._device_constructors()}
    for name in sorted(names | set(LIKE_FUNCTIONS) | {"load"}):
        if hasattr(torch, name):
            setattr(torch, name, _translating(devices, getattr(torch, name)))
    for name in TENSOR_METHODS:
        setattr(
            torch.Tensor, name, _translating(devices, getattr(torch.Tensor, name), positional=name == "to")
        )
    _replace_context(devices)
    for accelerator in devices.missing:
        _replace_accelerator(accelerator, devices)


def _translating(
    devices: Devices, function: Callable[..., Any], *, positional: bool = False
) -> Callable[..., Any]:
    translate = devices.translate

    @functools.wraps(function)
    def translating(*args: Any, **kwargs: Any) -> Any:
        for name in ("device", "map_location"):
            if kwargs.get(name) is not None:
                kwargs[name] = translate(kwargs[name])
        if positional and len(args) > 1:
            args = (args[0], translate(args[1]), *args[2:])
        return function(*args, **kwargs)

    return translating


def _replace_context(devices: Devices) -> None:
    """`with torch.device("cuda"):` and `torch.set_default_device("cuda")` both go through this class."""
    original = torch.utils._device.DeviceContext.__init__

    @functools.wraps(original)
    def initialise(self: Any, device: Any) -> None:
        original(self, torch.device(devices.translate(device)))

    torch.utils._device.DeviceContext.__init__ = initialise  # type: ignore[method-assign]


def _replace_accelerator(accelerator: str, devices: Devices) -> None:
    def moved_nowhere(tensor: Any, *_: Any, **__: Any) -> Any:
        devices.translate(accelerator)
        return tensor

    if hasattr(torch.Tensor, accelerator):
        setattr(torch.Tensor, accelerator, moved_nowhere)
    module = getattr(torch, accelerator, None)
    for name, answer in HARMLESS[accelerator].items():
        if hasattr(module, name):
            setattr(module, name, _answering(answer))
    if accelerator == "cuda":
        torch.cuda.device = _NoDevice  # type: ignore[assignment, misc]


def _answering(answer: Any) -> Callable[..., Any]:
    return lambda *_, **__: answer


class _NoDevice(contextlib.nullcontext[None]):
    """Stands in for `with torch.cuda.device(n):`."""

    def __init__(self, device: Any = None) -> None:  # noqa: ARG002 - torch's signature
        super().__init__(None)
