"""Forward spans of the models that a script calls itself, and the tokens that enter them.

A script may call a stage (`net(x)`) or a plain method of one (`net.embed(tokens)`), which calls parts of
the stage. Either way the span belongs to the outermost module, found by following who registered whom.
"""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, WeakSet, ref

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from . import tensors
from .recorder import Recorder

MARK = "launch micro-batch"  # key in the metadata of an autograd node
SEARCH_LIMIT = 200  # autograd nodes looked at between a loss and the model's output
INTEGER_TYPES = (torch.int64, torch.int32, torch.int16, torch.uint8)


@dataclass
class Span:
    """A forward pass in progress: one call of a model, or calls of its parts by one of its methods."""

    root: nn.Module
    micro_batch: int
    start_s: float
    end_s: float
    at: list[Any] | None
    whole: bool  # the model itself was called
    input: dict[str, Any] | None = None  # the content of the first tensor of floating-point numbers
    output: Tensor | None = None  # of the part called last
    seen: set[int] = field(default_factory=set)  # parts called so far; a second call of one begins a new span


class Modules:
    """Follows module calls thread by thread."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.roots: WeakSet[nn.Module] = WeakSet()
        self._parents: WeakKeyDictionary[nn.Module, ReferenceType[nn.Module]] = WeakKeyDictionary()
        self._counts: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
        self._local = threading.local()
        self.in_backward: Callable[[], bool] = lambda: False

    def registered(self, parent: nn.Module, _name: str, child: nn.Module | None) -> None:
        """Remember who holds whom; torch calls this for every submodule that is set."""
        if child is not None:
            self._parents[child] = ref(parent)

    def root_of(self, module: nn.Module) -> nn.Module:
        for _ in range(100):  # a module that holds itself has no root
            parent = self._parents.get(module, lambda: None)()
            if parent is None:
                break
            module = parent
        return module

    def new_step(self) -> None:
        """Micro-batches are counted anew in every step."""
        self._counts.clear()

    def call(self, original: Callable[..., Any], module: nn.Module, args: Any, kwargs: Any) -> Any:
        """Run a module's forward; the outermost call in a thread makes or prolongs a span."""
        local = self._local
        if getattr(local, "depth", 0):
            if isinstance(module, nn.Embedding):
                self._tokens("embedding", args, kwargs)
            return original(module, *args, **kwargs)
        local.depth = 1
        try:
            with self.recorder.guard("a forward pass"):
                self._enter(module, args, kwargs)
            output = original(module, *args, **kwargs)
        finally:
            local.depth = 0
        with self.recorder.guard("a forward pass"):
            self._leave(output)
        return output

    def _enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        root = self.root_of(module)
        span: Span | None = getattr(self._local, "span", None)
        if span is not None and (span.root is not root or module is root or id(module) in span.seen):
            self.close_span()
            span = None
        if span is None:
            if next(root.parameters(), None) is None:
                return  # a loss or an activation
            span = self._local.span = self._open(root, whole=module is root)
            self._take_input(span, args, kwargs)
        span.seen.add(id(module))
        self._local.tokens = None
        place = "embedding" if isinstance(module, nn.Embedding) else "input"
        self._tokens(place, args, kwargs)

    def _open(self, root: nn.Module, *, whole: bool) -> Span:
        if root not in self.roots:
            self.roots.add(root)
            self._describe(root)
        micro_batch = self._counts.get(root, 0)
        now = self.recorder.now_s()
        return Span(root, micro_batch, now, now, self.recorder.student_line(), whole)

    def _take_input(self, span: Span, args: Any, kwargs: Any) -> None:
        given = next(_floating((*args, *kwargs.values())), None)
        if given is not None and self.recorder.detailed:
            span.input = tensors.digest(given)
            self._watch_gradient(given, "input", span.micro_batch)

    def _take_output(self, span: Span) -> dict[str, Any] | None:
        """The content of what a pass made, unless it is logits: millions of numbers that no message carries."""
        made = span.output
        if made is None or made.numel() > tensors.WHOLE_TENSOR_LIMIT or not self.recorder.detailed:
            return None
        self._watch_gradient(made, "output", span.micro_batch)
        return tensors.digest(made)

    def _watch_gradient(self, tensor: Tensor, place: str, micro_batch: int) -> None:
        """Have the gradient of a tensor written when a backward pass has computed it."""
        if not tensor.requires_grad or self.in_backward():
            return

        def note(gradient: Tensor) -> None:
            with self.recorder.guard("a gradient"):
                self.recorder.write(
                    "gradient",
                    place=place,
                    micro_batch=micro_batch,
                    step=self.recorder.step,
                    content=tensors.digest(gradient),
                )

        tensor.register_hook(note)

    def _describe(self, root: nn.Module) -> None:
        parameters = list(root.named_parameters())
        self.recorder.write(
            "model",
            name=type(root).__name__,
            parameters=[[name, list(value.shape)] for name, value in parameters[:2000]],
            count=sum(value.numel() for _, value in parameters),
        )

    def _leave(self, output: Any) -> None:
        span: Span | None = getattr(self._local, "span", None)
        if span is None:
            return
        span.end_s = self.recorder.now_s()
        span.output = next(_floating(output), None)
        for tensor in tensors.tensors_in(output):
            if tensor.grad_fn is not None:
                metadata(tensor.grad_fn)[MARK] = span.micro_batch
        if span.whole:
            self.close_span()

    def close_span(self) -> None:
        """Write the open span of this thread, if any: whatever comes next is not part of it."""
        span: Span | None = getattr(self._local, "span", None)
        if span is None:
            return
        self._local.span = None
        repeated = self.in_backward()  # activation checkpointing runs forwards again
        if not repeated:
            self._counts[span.root] = span.micro_batch + 1
        output = None
        with self.recorder.guard("the output of a forward pass"):
            output = self._take_output(span)
        self.recorder.write(
            "forward",
            model=type(span.root).__name__,
            micro_batch=span.micro_batch,
            step=self.recorder.step,
            start=round(span.start_s, 6),
            end=round(span.end_s, 6),
            gradients=torch.is_grad_enabled(),
            repeated=repeated or None,
            input=span.input,
            output=output,
            thread=self.recorder.thread(),
            at=span.at,
        )

    def _tokens(self, place: str, args: Any, kwargs: Any) -> None:
        for tensor in tensors.tensors_in((*args, *kwargs.values())):
            if tensor.dtype in INTEGER_TYPES:
                self.record_tokens(place, tensor)

    def record_tokens(self, place: str, tensor: Tensor, prediction: Tensor | None = None) -> None:
        """Write what a model or a loss was given; once, where a model hands it on to its embedding."""
        with self.recorder.guard("recording tokens"):
            span: Span | None = getattr(self._local, "span", None)
            made_from = [] if prediction is None else micro_batches([prediction])
            content = tensors.integers(tensor)
            if place == "embedding" and content["checksum"] == getattr(self._local, "tokens", None):
                return
            self._local.tokens = content["checksum"]
            file = None
            settings = self.recorder.settings
            if "tokens" in settings.dump and self.recorder.step <= settings.dump_steps:
                label = f"tokens-{self.recorder.next_id()}"
                file = tensors.dump(self.recorder, label, {"tokens": tensor})
            self.recorder.write(
                "tokens",
                place=place,
                step=self.recorder.step,
                micro_batch=made_from[0] if len(made_from) == 1 else span.micro_batch if span else None,
                file=file,
                at=self.recorder.student_line(),
                **content,
            )


def metadata(node: Any) -> dict[str, Any]:
    """What may be attached to an autograd node; torch's stubs take the property for a method."""
    return node.metadata  # type: ignore[no-any-return]


def micro_batches(outputs: Iterable[Tensor]) -> list[int]:
    """The micro-batches whose forward passes lead to `outputs`, by the marks left on the autograd graph."""
    found: set[int] = set()
    queue = deque(output.grad_fn for output in outputs)
    for _ in range(SEARCH_LIMIT):
        if not queue:
            break
        node = queue.popleft()
        if node is None:
            continue
        mark = metadata(node).get(MARK)
        if mark is None:
            queue.extend(following for following, _ in node.next_functions)
        else:
            found.add(mark)
    return sorted(found)


def _floating(value: Any) -> Iterator[Tensor]:
    """The tensors of floating-point numbers in a value that have content, which those on the meta device lack."""
    found = tensors.tensors_in(value)
    return (tensor for tensor in found if tensor.is_floating_point() and not tensor.is_meta)


def install(recorder: Recorder) -> Modules:
    """Replace `nn.Module.__call__` and the loss functions that take whole numbers."""
    modules = Modules(recorder)
    torch_module.register_module_module_registration_hook(modules.registered)
    original = nn.Module.__call__

    @functools.wraps(original)
    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return modules.call(original, self, args, kwargs)

    nn.Module.__call__ = call  # type: ignore[method-assign]
    for name in ("cross_entropy", "nll_loss"):
        _record_targets(modules, name)
    return modules


def _record_targets(modules: Modules, name: str) -> None:
    original = getattr(nn.functional, name)

    @functools.wraps(original)
    def loss(input: Tensor, target: Tensor, *args: Any, **kwargs: Any) -> Any:
        if isinstance(target, Tensor) and target.dtype in INTEGER_TYPES:
            modules.record_tokens("target", target, prediction=input)
        return original(input, target, *args, **kwargs)

    setattr(nn.functional, name, loss)
