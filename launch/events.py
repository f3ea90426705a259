"""The events that workers write, one JSON object per line, as types. docs/launch.md explains each field.

What arrives was written by a process that runs a stranger's script. A line becomes an event only if every
field has the right type and a sane size; text loses the characters that could play tricks on a terminal.
"""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, NewType

LINE_LIMIT = 4_000_000  # bytes of one line
TEXT_LIMIT = 10_000  # characters of one text
NAME_LIMIT = 200  # characters of one name
CITED_LIMIT = 300  # characters of a text within a sentence
LIST_LIMIT = 100_000  # items of one list
INTEGER_LIMIT = 2**63


Name = NewType("Name", str)  # of a class, a function, a type: one word, whatever a script calls it


class SourceLine(NamedTuple):
    """A line of the student's code; `file` is relative to the script's folder."""

    file: str
    line: int
    function: Name

    def __str__(self) -> str:
        return f"{cite(self.file)}:{self.line}"


Seconds = NewType("Seconds", float)  # finite, and no longer than a run can last
Count = NewType("Count", int)  # of steps, ranks, micro-batches: not negative, and no more than a run can have

SECONDS_LIMIT = 1e7
COUNT_LIMIT = 10**7


@dataclass(frozen=True, slots=True)
class Content:
    """What is kept of a tensor's values: their sum, eight of them from the first to the last, and a sketch.

    The sketch has the smallest of all values' hashes, zeros left out: what two tensors have in common shows in
    it wherever it lies in them (Broder 1997, "On the resemblance and containment of documents"). It is empty
    for a tensor of more than 4,000,000 elements.
    """

    sum: float
    samples: tuple[float, ...]
    sketch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """Norm and samples of each of an optimizer's tensors, in order; None where there is no tensor."""

    norms: tuple[float | None, ...]
    samples: tuple[tuple[float, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class ThreadState:
    """Where one Python thread stood; `waiting` means inside the standard library's own waiting for others."""

    thread: int
    waiting: bool
    at: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What all events have: `t`, seconds since the run began."""

    t: Seconds


@dataclass(frozen=True, slots=True)
class Process(Event):
    """A Python process started. `rank` is as announced by RANK or by a last argument that is a number."""

    pid: int
    parent: int
    arguments: tuple[str, ...]
    forked: bool
    rank: Count | None = None


@dataclass(frozen=True, slots=True)
class Call(Event):
    """A call that may wait for others was entered; the fields that its operation lacks are None."""

    id: int
    op: Name
    thread: int
    step: Count = Count(1)
    at: SourceLine | None = None
    group: str | None = None  # "world", or the members as "0,3", then "0,3#2"
    peer: int | None = None  # destination, source or root, as a rank of the world
    tag: int | None = None
    shape: tuple[int, ...] | None = None
    dtype: Name | None = None
    buffer: int | None = None  # address of the tensor: equal for calls that use the same memory
    reduction: Name | None = None
    content: Content | None = None  # what was handed over
    background: bool = False  # a collective with async_op=True
    waits_for: int | None = None  # of a `wait`: the id of the operation that it waits for
    waited: Name | None = None
    ranks: tuple[int, ...] | None = None  # of `new_group`
    order: int | None = None  # of `new_group`: 1 for a process's first
    member: bool | None = None  # of `new_group`: whether the caller is in it
    local: bool | None = None  # of `new_group`: use_local_synchronization
    rank: Count | None = None  # of `init_process_group`, as asked
    world_size: Count | None = None
    backend: Name | None = None
    seconds: Seconds | None = None  # of `sleep`

    @property
    def elements(self) -> int | None:
        """Number of elements of the tensor, None for a call without one."""
        if self.shape is None:
            return None
        count = 1
        for size in self.shape:
            count *= size
        return count


@dataclass(frozen=True, slots=True)
class Return(Event):
    """The call with the same id returned, or raised `error`."""

    id: int
    content: Content | None = None  # what was received
    source: int | None = None
    error: str | None = None
    rank: Count | None = None
    world_size: Count | None = None


@dataclass(frozen=True, slots=True)
class Model(Event):
    """A top-level module ran for the first time: its class and parameters."""

    name: Name
    parameters: tuple[tuple[Name, tuple[int, ...]], ...]
    count: Count


@dataclass(frozen=True, slots=True)
class Forward(Event):
    """A forward pass of a top-level module; `micro_batch` counts from 0 within a step."""

    model: Name
    micro_batch: Count
    step: Count
    start: Seconds
    end: Seconds
    thread: int
    gradients: bool
    repeated: bool = False  # run again inside a backward pass
    input: Content | None = None  # of the first tensor of floating-point numbers that it was given
    output: Content | None = None
    at: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class Backward(Event):
    """A backward pass: the micro-batches whose graphs it walked, from `loss` or with an incoming gradient."""

    step: Count
    start: Seconds
    end: Seconds
    thread: int
    micro_batches: tuple[Count, ...] = ()
    shape: tuple[int, ...] | None = None
    loss: float | None = None
    content: Content | None = None
    at: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class Gradient(Event):
    """What a backward pass brought to a forward pass's "output", or what it left for its "input"."""

    place: str
    micro_batch: Count
    step: Count
    content: Content


@dataclass(frozen=True, slots=True)
class Tokens(Event):
    """Whole numbers that entered a model ("input"), an embedding or, as the target, a loss."""

    place: str
    step: Count
    shape: tuple[int, ...]
    checksum: int  # CRC-32 of the elements as little-endian int64
    first: tuple[int, ...]
    rows: tuple[int, ...] = ()  # of a batch the checksum of each sequence
    position: int = 0  # of its first sequence in the batch that it was cut from
    cut_from: int = 0  # sequences in the memory that it is a view of
    micro_batch: Count | None = None
    file: str | None = None
    at: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class OptimizerUsed(Event):
    """An optimizer stepped for the first time: class, settings and parameters in order."""

    optimizer: Count
    name: Name
    options: dict[str, float | bool | Name | tuple[float, ...]]
    parameters: tuple[tuple[Name, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Step(Event):
    """The `number`-th step of an optimizer: gradients as they entered, parameters before and after."""

    optimizer: Count
    number: Count
    start: Seconds
    end: Seconds
    thread: int
    gradients: Contents | None = None
    before: Contents | None = None
    after: Contents | None = None
    initial_file: str | None = None
    gradients_file: str | None = None
    parameters_file: str | None = None
    at: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class ZeroGrad(Event):
    """Gradients were cleared, through an "optimizer" or a "module"."""

    via: str
    set_to_none: bool
    step: Count
    at: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat(Event):
    """Twice a second: processor time used so far, where each thread stands, and what the process holds."""

    cpu_s: Seconds
    threads: tuple[ThreadState, ...]
    memory_bytes: int | None = None
    open_files: Count | None = None


@dataclass(frozen=True, slots=True)
class Raised(Event):
    """An exception that nobody caught; `fatal` if it ended the process and not only a thread."""

    type: Name
    message: str
    traceback: str
    thread: int
    fatal: bool
    at: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class Caught(Event):
    """An exception that the script caught, and printed or dropped: the first at its line, the second, the fourth, and so on."""

    type: Name
    message: str
    count: Count
    silent: bool = False  # dropped without a word
    at: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class SysExit(Event):
    """`sys.exit` with something else than success; `message` if it was called with a text."""

    code: int
    message: str | None = None
    at: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class Exit(Event):
    """The interpreter is about to end. A process that is killed leaves none."""

    code: int


@dataclass(frozen=True, slots=True)
class Dropped(Event):
    """What the isend or irecv `id` returned is gone, and nobody has waited for it: the message may be lost."""

    id: Count


@dataclass(frozen=True, slots=True)
class Stop(Event):
    """The process has made the steps it was asked for and was about to begin step `step`."""

    step: Count
    thread: int
    at: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class Translation(Event):
    """The script asked for one "device", "backend", "port", "file", "folder", "python" or "import" and was given another."""

    what: str
    asked: str
    given: str
    at: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class Fault(Event):
    """The instrumentation itself failed at something; the script went on."""

    activity: str
    message: str


@dataclass(frozen=True, slots=True)
class Cut(Event):
    """The process spent its allowance of recorded bytes; what follows is missing."""


KINDS: dict[str, type[Event]] = {
    "process": Process,
    "call": Call,
    "return": Return,
    "model": Model,
    "forward": Forward,
    "backward": Backward,
    "gradient": Gradient,
    "tokens": Tokens,
    "optimizer": OptimizerUsed,
    "step": Step,
    "zero_grad": ZeroGrad,
    "heartbeat": Heartbeat,
    "exception": Raised,
    "caught": Caught,
    "sys_exit": SysExit,
    "exit": Exit,
    "stop": Stop,
    "dropped": Dropped,
    "translation": Translation,
    "fault": Fault,
    "cut": Cut,
}

# Control characters but tab and line feed, marks that reverse the direction of text, lone surrogates.
_WORD = re.compile(r"\S+")
_TRICKS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with every character that is not plainly shown replaced by the replacement character.

    >>> printable("red: \\x1b[31m")
    'red: \ufffd[31m'
    """
    return _TRICKS.sub("\ufffd", text)


# What a name has besides letters: Python's own, and those of `DataParallel[Linear]`, `<lambda>` and `layers.0.weight`.
_NO_NAME = re.compile(r"[^\w.<>\[\]()/\\,#@+*=-]+")


def name_plainly(text: str) -> str:
    """A name as one word, so that it can't be taken for a part of the sentence in which it stands.

    >>> name_plainly("Net. For the instructor: ")
    'Net._For_the_instructor_'
    """
    return _NO_NAME.sub("_", text)[:NAME_LIMIT]


def cite(text: str) -> str:
    """What a script says, within a sentence: on one line, and in quotation marks unless it is one word."""
    words = printable(" ".join(text.split()))[:CITED_LIMIT]
    return words if _WORD.fullmatch(words) else '"' + words.replace('"', "'") + '"'


def parse(line: bytes) -> Event:
    """The event that a line states. Raises ValueError for anything else."""
    if len(line) > LINE_LIMIT:
        raise ValueError(f"a line of {len(line)} bytes")
    try:
        value = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")
    kind = value.pop("kind", None)
    if not isinstance(kind, str) or kind not in _CONVERTERS:
        raise ValueError(f"unknown kind {str(kind)[:40]!r}")
    event: Event = _CONVERTERS[kind](value)
    return event


Converter = Callable[[Any], Any]


def _converter(hint: Any) -> Converter:
    """A function from a JSON value to an annotated type, raising ValueError where the value does not fit."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    if hint is SourceLine:
        return lambda value: SourceLine(*_fixed(value, (_text, _integer, _name)))
    if dataclasses.is_dataclass(hint):
        return _object(typing.cast(type[Any], hint))
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return _alternatives([_converter(part) for part in arguments])
    if typing.get_origin(hint) is tuple and arguments[-1] is Ellipsis:
        item = _converter(arguments[0])
        return lambda value: tuple(item(part) for part in _listed(value))
    if typing.get_origin(hint) is tuple:
        items = tuple(_converter(part) for part in arguments)
        return lambda value: _fixed(value, items)
    if typing.get_origin(hint) is dict:
        item = _converter(arguments[1])
        return lambda value: {_text(name): item(part) for name, part in _mapping(value).items()}
    raise TypeError(f"no converter for {hint}")


def _integer(value: Any) -> int:
    if type(value) is not int or abs(value) >= INTEGER_LIMIT:
        raise ValueError("not a whole number")
    return value


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    return float(_integer(value))


def _seconds(value: Any) -> float:
    number = _number(value)
    if not -SECONDS_LIMIT < number < SECONDS_LIMIT:  # false for NaN, too
        raise ValueError("not a time of this run")
    return number


def _count(value: Any) -> int:
    number = _integer(value)
    if not 0 <= number <= COUNT_LIMIT:
        raise ValueError("not a count")
    return number


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > TEXT_LIMIT:
        raise ValueError("not a text")
    return printable(value)


def _name(value: Any) -> str:
    return name_plainly(_text(value))


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("neither true nor false")
    return value


def _nothing(value: Any) -> None:
    if value is not None:
        raise ValueError("not null")


_SCALARS: dict[Any, Converter] = {
    int: _integer,
    float: _number,
    str: _text,
    bool: _truth,
    types.NoneType: _nothing,
    Seconds: _seconds,
    Count: _count,
    Name: _name,
}


def _listed(value: Any) -> list[Any]:
    if type(value) is not list or len(value) > LIST_LIMIT:
        raise ValueError("not a list")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if type(value) is not dict or len(value) > LIST_LIMIT:
        raise ValueError("not an object")
    return value


def _fixed(value: Any, items: tuple[Converter, ...]) -> tuple[Any, ...]:
    if len(_listed(value)) != len(items):
        raise ValueError("wrong length")
    return tuple(item(part) for item, part in zip(items, value, strict=True))


def _alternatives(converters: list[Converter]) -> Converter:
    def convert(value: Any) -> Any:
        for converter in converters:
            try:
                return converter(value)
            except ValueError:
                continue
        raise ValueError("of none of the types allowed")

    return convert


def _object(kind: type[Any]) -> Converter:
    hints = typing.get_type_hints(kind)
    fields = {field.name: _converter(hints[field.name]) for field in dataclasses.fields(kind)}
    required = {field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING}

    def convert(value: Any) -> Any:
        given = _mapping(value)
        if not required <= given.keys() <= fields.keys():
            raise ValueError("fields missing or unknown")
        return kind(**{name: fields[name](part) for name, part in given.items()})

    return convert


_CONVERTERS: dict[str, Converter] = {kind: _object(event) for kind, event in KINDS.items()}
