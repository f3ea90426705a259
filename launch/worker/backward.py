"""Backward spans: which micro-batch's graph was walked, from which loss or with which incoming gradient."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from . import tensors
from .modules import Modules, micro_batches
from .recorder import Recorder


class BackwardWatch:
    """The state of the three functions that start a backward pass: only the outermost one counts."""

    def __init__(self, recorder: Recorder, modules: Modules) -> None:
        self.recorder = recorder
        self.modules = modules
        self._local = threading.local()

    def running(self) -> bool:
        return getattr(self._local, "running", False)

    def run(self, outputs: Any, gradients: Any, function: Callable[[], Any]) -> Any:
        """Run `function`, which walks the graph of `outputs`, and write the span."""
        if self.running():
            return function()
        recorder, fields = self.recorder, dict[str, Any]()
        with recorder.guard("a backward pass"):
            self.modules.close_span()
            fields = _describe(_listed(outputs), _listed(gradients) if recorder.detailed else [])
            fields["at"] = recorder.student_line()
        start_s = recorder.now_s()
        self._local.running = True
        try:
            result = function()
        finally:
            self._local.running = False
        recorder.write(
            "backward",
            step=recorder.step,
            start=round(start_s, 6),
            end=round(recorder.now_s(), 6),
            thread=recorder.thread(),
            **fields,
        )
        return result


def _listed(value: Any) -> list[Tensor]:
    values = value if isinstance(value, (list, tuple)) else [value]
    return [item for item in values if isinstance(item, Tensor)]


def _describe(outputs: list[Tensor], gradients: list[Tensor]) -> dict[str, Any]:
    fields: dict[str, Any] = {"micro_batches": micro_batches(outputs)}
    if outputs:
        fields["shape"] = list(outputs[0].shape)
        if outputs[0].numel() == 1:
            fields["loss"] = float(outputs[0].detach())
    if gradients:
        fields["content"] = tensors.digest(gradients[0])
    return fields


def install(recorder: Recorder, modules: Modules) -> None:
    """Replace `Tensor.backward`, `torch.autograd.backward` and `torch.autograd.grad`."""
    backward = BackwardWatch(recorder, modules)
    modules.in_backward = backward.running
    tensor_backward: Callable[..., Any] = Tensor.backward
    whole, partial = torch.autograd.backward, torch.autograd.grad

    @functools.wraps(tensor_backward)
    def method(self: Tensor, gradient: Any = None, *args: Any, **kwargs: Any) -> Any:
        return backward.run(self, gradient, lambda: tensor_backward(self, gradient, *args, **kwargs))

    @functools.wraps(whole)
    def function(tensors: Any, grad_tensors: Any = None, *args: Any, **kwargs: Any) -> Any:
        return backward.run(tensors, grad_tensors, lambda: whole(tensors, grad_tensors, *args, **kwargs))

    @functools.wraps(partial)
    def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, *args: Any, **kwargs: Any) -> Any:
        return backward.run(
            outputs, grad_outputs, lambda: partial(outputs, inputs, grad_outputs, *args, **kwargs)
        )

    Tensor.backward = method  # type: ignore[method-assign]
    torch.autograd.backward = function
    torch.autograd.grad = grad
