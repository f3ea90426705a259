"""What ranks wrote, read again: by type, whoever wrote it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from launch.worker import tensors
from public_tests.part_b.replay import _read, _read_numbers


def write(folder: Path, **values: torch.Tensor) -> str | None:
    recorder: Any = SimpleNamespace(
        dump_bytes_left=1_000, name="rank", settings=SimpleNamespace(events=folder)
    )
    return tensors.dump(recorder, "some", values)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16, torch.uint8])
def test_tokens_may_be_whole_numbers_of_any_size(dtype: torch.dtype, tmp_path: Path) -> None:
    """An embedding takes int32, too."""
    tokens = torch.arange(6, dtype=dtype).reshape(2, 3)
    found = _read_numbers(tmp_path, write(tmp_path, tokens=tokens))
    assert found is not None
    assert torch.equal(found, tokens.long())


def test_a_file_without_tokens_has_none(tmp_path: Path) -> None:
    assert _read_numbers(tmp_path, write(tmp_path, others=torch.arange(3))) is None


def test_whole_numbers_are_no_parameters(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="floating-point numbers were expected"):
        _read(tmp_path, write(tmp_path, weight=torch.arange(3)))
