"""Every optimizer step: gradients as they enter it, parameters before and after; and the last one."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim import optimizer as torch_optimizer

from . import ending, tensors
from .modules import Modules
from .recorder import Recorder


@dataclass
class Known:
    """An optimizer as events refer to it."""

    number: int
    names: list[str]
    steps: int = 0
    start_s: float = 0.0
    fields: dict[str, Any] = field(default_factory=dict)


class Optimizers:
    """Counts steps. The process's step is the one that its busiest optimizer is working on."""

    def __init__(self, recorder: Recorder, modules: Modules) -> None:
        self.recorder = recorder
        self.modules = modules
        self._known: WeakKeyDictionary[Optimizer, Known] = WeakKeyDictionary()
        self._number = 0

    def before(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        """Runs as `optimizer.step()` is entered, when the gradients are still what backward left."""
        recorder = self.recorder
        self.modules.close_span()
        known = self._introduce(optimizer)
        if known.steps >= recorder.settings.steps:
            ending.stop(recorder)
        with recorder.guard("an optimizer step"):
            parameters = _parameters(optimizer)
            gradients = [parameter.grad for parameter in parameters]
            if self._dumps(known.steps):
                # As they are now: a reduction in the background may still write into them.
                parameters, gradients = _copy(parameters), _copy(gradients)
            known.fields = {"at": recorder.student_line()}
            if recorder.measured:
                known.fields["gradients"] = tensors.norms_and_samples(gradients, recorder.detailed)
                known.fields["before"] = tensors.norms_and_samples(parameters, recorder.detailed)
            self._dump_before(known, parameters, gradients)
        known.start_s = recorder.now_s()

    def after(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        """Runs as `optimizer.step()` returns."""
        recorder, known = self.recorder, self._introduce(optimizer)
        end_s = recorder.now_s()
        known.steps += 1
        with recorder.guard("an optimizer step"):
            parameters = _parameters(optimizer)
            if self._dumps(known.steps - 1):
                parameters = _copy(parameters)
            dumped = self._dump_after(known, parameters)
            if recorder.measured:
                known.fields["after"] = tensors.norms_and_samples(parameters, recorder.detailed)
            recorder.write(
                "step",
                optimizer=known.number,
                number=known.steps,
                start=round(known.start_s, 6),
                end=round(end_s, 6),
                thread=recorder.thread(),
                parameters_file=dumped,
                **known.fields,
            )
        recorder.step = max(recorder.step, known.steps + 1)
        self.modules.new_step()

    def zeroed(self, via: str, set_to_none: bool) -> None:
        """Write that gradients were cleared."""
        self.modules.close_span()
        recorder = self.recorder
        recorder.write(
            "zero_grad", via=via, set_to_none=set_to_none, step=recorder.step, at=recorder.student_line()
        )

    def _introduce(self, optimizer: Optimizer) -> Known:
        known = self._known.get(optimizer)
        if known is None:
            self._number += 1
            known = self._known[optimizer] = Known(self._number, [])
            with self.recorder.guard("describing an optimizer"):
                parameters = _parameters(optimizer)
                known.names = self._names(parameters)
                self.recorder.write(
                    "optimizer",
                    optimizer=known.number,
                    name=type(optimizer).__name__,
                    options=_options(optimizer),
                    parameters=[
                        [name, list(parameter.shape)]
                        for name, parameter in zip(known.names, parameters, strict=True)
                    ],
                )
        return known

    def _names(self, parameters: list[Tensor]) -> list[str]:
        """Names within the models that have run so far, with the model's first if there are several."""
        models = list(self.modules.roots)
        known = {
            id(parameter): name if len(models) == 1 else f"{type(model).__name__}.{name}"
            for model in models
            for name, parameter in model.named_parameters()
        }
        return [known.get(id(parameter), f"parameter {index}") for index, parameter in enumerate(parameters)]

    def _dumps(self, steps: int) -> bool:
        """Whether tensors are written whole in the step after so many."""
        settings = self.recorder.settings
        return steps < settings.dump_steps and bool(settings.dump & {"gradients", "parameters"})

    def _dump_before(
        self, known: Known, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]
    ) -> None:
        label = f"optimizer-{known.number}-step-{known.steps + 1}"
        settings = self.recorder.settings
        dump = settings.dump if known.steps < settings.dump_steps else frozenset()
        if known.steps == 0 and dump & {"gradients", "parameters"}:
            values = dict(zip(known.names, parameters, strict=True))
            known.fields["initial_file"] = tensors.dump(self.recorder, f"{label}-initial", values)
        if "gradients" in dump:
            present = {
                name: gradient
                for name, gradient in zip(known.names, gradients, strict=True)
                if gradient is not None
            }
            known.fields["gradients_file"] = tensors.dump(self.recorder, f"{label}-gradients", present)

    def _dump_after(self, known: Known, parameters: Sequence[Tensor]) -> str | None:
        settings = self.recorder.settings
        if known.steps > settings.dump_steps:
            return None
        last = "gradients" in settings.dump and known.steps == settings.dump_steps
        if "parameters" not in settings.dump and not last:
            return None
        label = f"optimizer-{known.number}-step-{known.steps}-parameters"
        return tensors.dump(self.recorder, label, dict(zip(known.names, parameters, strict=True)))


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


Kept = TypeVar("Kept", Tensor, Tensor | None)


def _copy(tensors: Sequence[Kept]) -> list[Kept]:
    return [tensor if tensor is None else tensor.detach().clone() for tensor in tensors]


def _options(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer's plain settings, such as `lr` and `betas`."""
    options = optimizer.param_groups[0].items()
    return {name: _plain(value) for name, value in options if name != "params" and _plain(value) is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor) and value.numel() == 1:
        return float(value)
    if isinstance(value, (tuple, list)) and all(isinstance(item, (int, float)) for item in value):
        return list(value)
    return None


def install(recorder: Recorder, modules: Modules) -> None:
    """Follow every optimizer's steps by torch's own hooks, and replace both `zero_grad`."""
    optimizers = Optimizers(recorder, modules)
    torch_optimizer.register_optimizer_step_pre_hook(optimizers.before)
    torch_optimizer.register_optimizer_step_post_hook(optimizers.after)
    of_optimizer, of_module = Optimizer.zero_grad, nn.Module.zero_grad

    @functools.wraps(of_optimizer)
    def zero_optimizer(self: Optimizer, set_to_none: bool = True) -> None:
        optimizers.zeroed("optimizer", set_to_none)
        of_optimizer(self, set_to_none)

    @functools.wraps(of_module)
    def zero_module(self: nn.Module, set_to_none: bool = True) -> None:
        optimizers.zeroed("module", set_to_none)
        of_module(self, set_to_none)

    Optimizer.zero_grad = zero_optimizer  # type: ignore[method-assign]
    nn.Module.zero_grad = zero_module  # type: ignore[method-assign]
