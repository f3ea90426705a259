"""What is kept of a tensor: enough to recognise it elsewhere; or all of it, in a file."""

from __future__ import annotations

import ctypes
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from .recorder import Recorder

SAMPLES = 8  # elements kept of a tensor, from its first to its last
ROWS = 64  # sequences of a batch that have a checksum of their own
INTEGERS = 24  # leading elements kept of a tensor of tokens
WHOLE_TENSOR_LIMIT = 4_000_000  # elements; of a larger one only a strided part enters the sum
SKETCH = 64  # hashes kept of a tensor's values
HASH_FACTOR = 0x2545F491  # odd: no two values share a hash


def digest(tensor: Tensor) -> dict[str, Any]:
    """`{"sum", "samples", "sketch"}` of a tensor: sum and samples are close for close values."""
    with torch.no_grad():
        flat = tensor.detach().reshape(-1)
        count = flat.numel()
        if count == 0:
            return {"sum": 0.0, "samples": []}
        stride = -(-count // WHOLE_TENSOR_LIMIT)
        part = flat if stride == 1 else flat[::stride]
        small = part.dtype in (torch.float16, torch.bfloat16)
        total = part.sum(dtype=torch.float32 if small else None)
        sketch = _sketch(flat) if stride == 1 else []
        return {"sum": float(total), "samples": _samples(flat).tolist(), "sketch": sketch}


def _sketch(flat: Tensor) -> list[int]:
    """The smallest hashes of the values, in order; the values' bits as 32-bit floats are what is hashed."""
    bits = flat.to(torch.float32).contiguous().view(torch.int32)
    hashes = bits[flat != 0] * HASH_FACTOR  # wraps around
    smallest = torch.topk(hashes, min(4 * SKETCH, hashes.numel()), largest=False, sorted=False).values
    found: list[int] = torch.unique(smallest)[:SKETCH].tolist()
    return found


def _samples(flat: Tensor) -> Tensor:
    """At most SAMPLES evenly spaced elements of a flat tensor: those at `i * (n - 1) // (SAMPLES - 1)`."""
    last = flat.numel() - 1
    if last < SAMPLES:
        return flat
    step, remainder = divmod(last, SAMPLES - 1)
    if remainder == 0:
        return flat[::step]
    return flat[[i * last // (SAMPLES - 1) for i in range(SAMPLES)]]


def tensors_in(value: Any, depth: int = 2) -> Iterator[Tensor]:
    """Tensors in a value: itself, or the items of a tuple, list or dict, two levels deep."""
    if isinstance(value, Tensor):
        yield value
    elif depth and isinstance(value, (tuple, list)):
        for item in value[:100]:
            yield from tensors_in(item, depth - 1)
    elif depth and isinstance(value, dict):
        for item in list(value.values())[:100]:
            yield from tensors_in(item, depth - 1)


def norms_and_samples(tensors: Sequence[Tensor | None], detailed: bool) -> dict[str, Any]:
    """The Euclidean norm and, if `detailed`, samples of each tensor, in order; None for a missing tensor."""
    present = [tensor.detach() for tensor in tensors if tensor is not None]
    with torch.no_grad():
        norms = iter(torch.stack(torch._foreach_norm(present)).tolist() if present else ())
        samples = iter(_all_samples(present) if detailed else [[]] * len(present))
    return {
        "norms": [None if tensor is None else next(norms) for tensor in tensors],
        "samples": [None if tensor is None else next(samples) for tensor in tensors],
    }


def _all_samples(tensors: Sequence[Tensor]) -> Iterable[list[float]]:
    """Samples of many tensors with one conversion: one for each would cost more than the arithmetic."""
    parts = [_samples(tensor.reshape(-1)) for tensor in tensors]
    if not parts:
        return
    values = torch.cat([part.to(torch.float32) for part in parts]).tolist()
    start = 0
    for part in parts:
        yield values[start : start + part.numel()]
        start += part.numel()


def integers(tensor: Tensor) -> dict[str, Any]:
    """Shape, checksums and first elements of a tensor of whole numbers, such as a batch of tokens.

    A checksum is CRC-32 over the elements as little-endian int64, row by row, whatever type they came in.
    """
    values = tensor.detach().to("cpu", torch.int64).contiguous()
    found = {
        "shape": list(values.shape),
        "checksum": zlib.crc32(_raw(values)),
        "first": values.reshape(-1)[:INTEGERS].tolist(),
    }
    if values.ndim == 2 and values.numel():
        length = values.shape[1]
        found["rows"] = [zlib.crc32(_raw(row)) for row in values[:ROWS]]
        found["position"] = tensor.storage_offset() // length
        found["cut_from"] = tensor.untyped_storage().nbytes() // (length * tensor.element_size())
    return found


def dump(recorder: Recorder, label: str, tensors: dict[str, Tensor]) -> str | None:
    """Write tensors whole, as safetensors, and return the file's name; None once the allowance is spent.

    The layout is a length, a JSON header and raw bytes: it can be read without running anything, which a
    pickle cannot. See https://github.com/huggingface/safetensors#format.
    """
    values = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    header, offset = {}, 0
    for name, value in values.items():
        end = offset + value.numel() * value.element_size()
        header[name] = {
            "dtype": _TYPE_NAMES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    recorder.dump_bytes_left -= offset
    if recorder.dump_bytes_left < 0:
        return None
    text = json.dumps(header).encode("utf-8")
    name = f"{recorder.name}-{label}.safetensors"
    with (recorder.settings.events / name).open("xb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in values.values():
            file.write(_raw(value))
    return name


def _raw(contiguous: Tensor) -> bytes:
    """The bytes of a contiguous tensor; by address: numpy may be missing, and a storage converts slowly."""
    return ctypes.string_at(contiguous.data_ptr(), contiguous.numel() * contiguous.element_size())


_TYPE_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
