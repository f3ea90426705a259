"""On a machine without the accelerator that a program names, its tensors live on the CPU instead.

The launcher's worker adapts scripts so. As one of `homework.toml`'s probes, this file adapts a notebook's kernel as well: its source is sent
there as text, so it imports nothing of the launcher.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.utils._device

Note = Callable[[str, str], None]
"""Is told of a kind, here always `device`, and of what the program asked for."""

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
FURTHER_FUNCTIONS = (
    "zeros_like",
    "ones_like",
    "empty_like",
    "full_like",
    "rand_like",
    "randn_like",
    "randint_like",
    "normal",
)


class Devices:
    """Which accelerators are missing, and the translation of their names."""

    def __init__(self, note: Note) -> None:
        available = {
            "cuda": torch.cuda.is_available(),
            "mps": torch.backends.mps.is_available(),
            "xpu": hasattr(torch, "xpu") and torch.xpu.is_available(),
        }
        self.missing = {name for name, there in available.items() if not there}
        self.has_accelerator = any(available.values())
        self._note = note
        self._told: set[str] = set()

    def translate(self, value: Any) -> Any:
        """`"cpu"` for a missing accelerator by name, `torch.device` or number; any other value unchanged."""
        if isinstance(value, str):
            absent = value.partition(":")[0] in self.missing
        elif isinstance(value, torch.device):
            absent = value.type in self.missing
        else:
            absent = type(value) is int and not self.has_accelerator
        if not absent:
            return value
        self._tell(str(value))
        return torch.device("cpu")

    def _tell(self, asked: str) -> None:
        if asked not in self._told:
            self._told.add(asked)
            self._note("device", asked[:100])


def adapt(note: Note) -> None:
    """Replace what takes a device. Does nothing for accelerators that the machine has."""
    devices = Devices(note)
    if not devices.missing:
        return
    names = {function.__name__ for function in torch.utils._device._device_constructors()}
    for name in sorted(names | set(FURTHER_FUNCTIONS) | {"load"}):
        if hasattr(torch, name):
            setattr(torch, name, _translating(devices, getattr(torch, name)))
    for name in TENSOR_METHODS:
        setattr(
            torch.Tensor, name, _translating(devices, getattr(torch.Tensor, name), positional=name == "to")
        )
    _replace_context(devices)
    _replace_generator(devices)
    if not devices.has_accelerator:
        torch.Tensor.pin_memory = lambda tensor, *_, **__: tensor  # type: ignore[method-assign]
        torch.accelerator.synchronize = _answering(None)
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
        torch.cuda.Event = _Clock  # type: ignore[assignment, misc]
        _replace_types(devices)


def _replace_types(devices: Devices) -> None:
    """`torch.cuda.FloatTensor` and the like, also by name."""
    for name in [name for name in vars(torch.cuda) if name.endswith("Tensor") and hasattr(torch, name)]:
        setattr(torch.cuda, name, getattr(torch, name))
    for place, name in ((torch.Tensor, "type"), (torch, "set_default_tensor_type")):
        setattr(place, name, _naming_no_accelerator(devices, getattr(place, name)))


def _naming_no_accelerator(devices: Devices, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def naming(*args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[-1], str) and ".cuda." in args[-1]:
            devices.translate("cuda")
            args = (*args[:-1], args[-1].replace(".cuda.", "."))
        return function(*args, **kwargs)

    return naming


def _replace_generator(devices: Devices) -> None:
    """A class in its place, which makes the original's objects."""
    original: Any = torch.Generator

    class OnCpu(type(original)):  # type: ignore[misc]
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, original)

    class Generator(original, metaclass=OnCpu):  # type: ignore[misc]
        def __new__(cls, device: Any = "cpu") -> Any:
            return original.__new__(original, device=devices.translate(device))

    torch.Generator = Generator  # type: ignore[misc]


def _answering(answer: Any) -> Callable[..., Any]:
    return lambda *_, **__: answer


class _NoDevice(contextlib.nullcontext[None]):
    """Stands in for `with torch.cuda.device(n):`."""

    def __init__(self, device: Any = None) -> None:  # noqa: ARG002 - torch's signature
        super().__init__(None)


class _Clock:
    """Stands in for `torch.cuda.Event`: without an accelerator everything has been done when the call returns."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self._at_s = 0.0

    def record(self, *_: Any) -> None:
        self._at_s = time.perf_counter()

    def elapsed_time(self, end: _Clock) -> float:
        """Milliseconds."""
        return 1000 * (end._at_s - self._at_s)

    def synchronize(self) -> None:
        pass

    wait = synchronize

    def query(self) -> bool:
        return True
