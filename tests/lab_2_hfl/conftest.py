"""The lab's own tests: on 600 and 100 digits, with one thread, and with the plain way of the benchmarks at hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # for `plain_hfl`


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Several wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for data sets, of which all examples are taken."""
    monkeypatch.setenv("LAB_2_HFL_DATA", str(tmp_path))
    for variable in ("LAB_2_HFL_TRAIN_SAMPLES", "LAB_2_HFL_TEST_SAMPLES"):
        monkeypatch.delenv(variable)
    return tmp_path


@pytest.fixture
def small_drawing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`digits` with 20 training and 10 test examples, drawn in no time; lists an entry for each drawing."""
    from lab_2_hfl import handwriting, images

    drawings: list[str] = []
    pictures = np.arange(30 * 28 * 28, dtype=np.int64).reshape(30, 28, 28).astype(np.uint8)
    labels = (np.arange(30) % 10).astype(np.uint8)

    def draw(progress: bool = True) -> tuple[handwriting.Images, ...]:
        drawings.append(f"progress={progress}")
        return pictures[:20], labels[:20], pictures[20:], labels[20:]

    monkeypatch.setattr(handwriting, "draw_digits", draw)
    monkeypatch.setattr(handwriting, "TRAIN_IMAGES", 20)
    content = np.hstack([pictures.reshape(30, -1), labels[:, None]]).tobytes()
    monkeypatch.setattr(images, "DIGITS_CHECKSUM", images.compute_checksum(content))
    return drawings
