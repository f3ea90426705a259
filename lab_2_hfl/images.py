"""The homework's images: which data set is used, where it comes from, and its examples as tensors.

Environment variables choose, so that a notebook stays the same everywhere:

- `LAB_2_HFL_DATASET`: `mnist`, `fashion-mnist`, `digits` or `auto` (default: MNIST if it is on disk or can be downloaded, else digits)
- `LAB_2_HFL_DATA`: the folder that holds the data (default: the user's cache folder)
- `LAB_2_HFL_TRAIN_SAMPLES`, `LAB_2_HFL_TEST_SAMPLES`: take only this many examples, balanced over the classes, for quick checks
"""

from __future__ import annotations

import gzip
import hashlib
import os
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import getproxies

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import datasets

from . import handwriting
from .storage import compute_checksum, data_folder, write_atomically

MEAN = 0.1307
STD = 0.3081
CHOICES = ("auto", "mnist", "fashion-mnist", "digits")

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")

# The drawn images are the same on every machine; a cache with another checksum is damaged.
DIGITS_FILE = "digits-v1.npy"
DIGITS_CHECKSUM = "04c111e5f796a711cf57b96f70a710782c78447129eabff4ad28c9c95b590a0e"

_CONNECT_TIMEOUT_S = 3.0
_TRANSFER_TIMEOUT_S = 20.0
_RETRY_DOWNLOAD_AFTER_S = 24 * 3600
_SUBSET_SEED = 1_797


class DataUnavailableError(RuntimeError):
    """The chosen data set is not available; the message says where it was looked for and what to do."""


@dataclass(frozen=True)
class RawImages:
    """A data set as it lies on disk: pictures `(examples, 28, 28)` and labels `(examples,)`, uint8, for training and testing."""

    name: str
    train_pictures: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_pictures: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


class ImageDataset(Dataset[tuple[Tensor, int]]):
    """Examples that were decoded and normalised once.

    images: `(examples, 1, 28, 28)` float32, normalised with mean 0.1307 and standard deviation 0.3081
    targets: `(examples,)` int64
    """

    def __init__(self, name: str, pictures: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        self.name = name
        pixels = torch.from_numpy(np.ascontiguousarray(pictures)).unsqueeze(1).to(torch.float32)
        self.images = (
            pixels.div_(255).sub_(MEAN).div_(STD)
        )  # the order of ToTensor and Normalize, to the last bit
        self.targets = torch.from_numpy(labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        # A copy, as from any decoder: scaling a picture in place to look at it must not change what is trained on.
        return self.images[index].clone(), int(self.targets[index])

    def __repr__(self) -> str:
        return f"ImageDataset({self.name!r}, {len(self)} examples)"


def load_images() -> tuple[ImageDataset, ImageDataset]:
    """The training and the test examples that the environment asks for.

    Raises ValueError if a variable has an invalid value, DataUnavailableError if a data set that was asked for by name is not available.
    """
    raw = _load_raw(_choose(), data_folder())
    train = _take_balanced(raw.train_labels, "LAB_2_HFL_TRAIN_SAMPLES")
    test = _take_balanced(raw.test_labels, "LAB_2_HFL_TEST_SAMPLES")
    return (
        ImageDataset(raw.name, raw.train_pictures[train], raw.train_labels[train]),
        ImageDataset(raw.name, raw.test_pictures[test], raw.test_labels[test]),
    )


def compute_dataset_checksum(*parts: ImageDataset) -> str:
    """SHA-256 over the images and labels of `parts`, in hexadecimal: names the data that a result was computed on."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.images.numpy().tobytes())
        digest.update(part.targets.numpy().tobytes())
    return digest.hexdigest()


def _choose() -> str:
    chosen = os.environ.get("LAB_2_HFL_DATASET", "").strip().lower() or "auto"
    if chosen not in CHOICES:
        raise ValueError(
            f"LAB_2_HFL_DATASET is {chosen!r}, but must be one of {', '.join(CHOICES)}. "
            "Set it to one of these, or unset it to use MNIST if it is available."
        )
    return chosen


def _load_raw(chosen: str, folder: Path) -> RawImages:
    if chosen == "digits":
        return load_digits(folder)
    if chosen == "fashion-mnist":
        return _load_fashion_mnist(folder)
    if chosen == "mnist":
        return _load_mnist(folder)
    try:
        return _load_mnist(folder, patient=False)
    except DataUnavailableError:
        return load_digits(folder)


# --- MNIST and Fashion-MNIST ------------------------------------------------------------------------------------------------------------


def _load_mnist(folder: Path, patient: bool = True) -> RawImages:
    return _from_torchvision("mnist", datasets.MNIST, folder, patient)


def _load_fashion_mnist(folder: Path) -> RawImages:
    if (DEBIAN_FASHION_MNIST / "train-images-idx3-ubyte.gz").is_file():
        parts = [
            _read_idx(DEBIAN_FASHION_MNIST / f"{part}-{kind}-ubyte.gz")
            for part in ("train", "t10k")
            for kind in ("images-idx3", "labels-idx1")
        ]
        return RawImages("fashion-mnist", *parts)
    return _from_torchvision("fashion-mnist", datasets.FashionMNIST, folder, patient=True)


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """One gzip-compressed IDX file of bytes: two zero bytes, a type code, the number of axes, their lengths (big-endian), the data."""
    content = gzip.decompress(path.read_bytes())
    axes = content[3]
    shape = np.frombuffer(content, dtype=">u4", count=axes, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * axes).reshape(
        tuple(int(length) for length in shape)
    )


def _from_torchvision(name: str, source: type[datasets.MNIST], folder: Path, patient: bool) -> RawImages:
    """Read `source` from disk, otherwise download it; `patient` also tries if a download has failed within the last day."""
    parts = _read_from_disk(source, folder)
    if parts is None:
        _download(name, source, folder, patient)
        parts = [source(str(folder), train=part) for part in (True, False)]
    pictures = [part.data.numpy() for part in parts]
    labels = [part.targets.numpy().astype(np.uint8) for part in parts]
    return RawImages(name, pictures[0], labels[0], pictures[1], labels[1])


def _read_from_disk(source: type[datasets.MNIST], folder: Path) -> list[datasets.MNIST] | None:
    """The training and the test part; None if a file is missing or damaged, for which torchvision has no single exception."""
    try:
        return [source(str(folder), train=part) for part in (True, False)]
    except (RuntimeError, ValueError, TypeError, AssertionError, LookupError, OSError):
        return None


def _download(name: str, source: type[datasets.MNIST], folder: Path, patient: bool) -> None:
    refusal = folder / f"{name}.unreachable"
    if not patient and _is_recent(refusal):
        raise DataUnavailableError(f"{name} could not be downloaded within the last day.")
    previous = socket.getdefaulttimeout()
    try:
        _connect_to_any(source.mirrors)
        socket.setdefaulttimeout(_TRANSFER_TIMEOUT_S)
        _fetch(source, folder)
    except (OSError, URLError, RuntimeError) as error:
        _note_refusal(refusal)
        raise DataUnavailableError(
            f"{name} is not in {folder} and could not be downloaded ({error}). Put its files there, set LAB_2_HFL_DATA to the folder "
            "that has them, or set LAB_2_HFL_DATASET=digits to use the embedded data set, which needs no download."
        ) from error
    finally:
        socket.setdefaulttimeout(previous)
    refusal.unlink(missing_ok=True)


def _fetch(source: type[datasets.MNIST], folder: Path) -> None:
    """Download next to the final place, and move only complete files there: torchvision accepts any file, even one that was cut off."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as fresh:
        source(fresh, train=True, download=True)
        for file in sorted(Path(fresh).rglob("*-ubyte")):
            target = folder / file.relative_to(fresh)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)


def _connect_to_any(mirrors: list[str]) -> None:
    """Return once one mirror answers; raise OSError if none does, after a few seconds rather than urllib's minutes."""
    if getproxies().keys() & {"http", "https"}:
        return  # urllib goes through the proxy, and perhaps nothing else may leave this machine
    failure: OSError = OSError("no mirror is known")
    for mirror in mirrors:
        address = urlsplit(mirror)
        try:
            socket.create_connection(
                (address.hostname, 443 if address.scheme == "https" else 80), _CONNECT_TIMEOUT_S
            ).close()
        except OSError as error:
            failure = error
        else:
            return
    raise failure


def _is_recent(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < _RETRY_DOWNLOAD_AFTER_S
    except OSError:
        return False


def _note_refusal(path: Path) -> None:
    """Remember a failed download, so that not every import waits for it; if nothing can be written, every import will."""
    try:
        write_atomically(path, b"")
    except OSError as error:
        print(
            f"lab_2_hfl: can't write {path} ({error}); the download will be tried at each start.",
            file=sys.stderr,
        )


# --- digits -----------------------------------------------------------------------------------------------------------------------------


def load_digits(folder: Path) -> RawImages:
    """The embedded data set, drawn on first use and cached in `folder`; a damaged cache is drawn again."""
    path = folder / DIGITS_FILE
    content = _read_if_intact(path)
    if content is None:
        content = _draw()
        try:
            write_atomically(path, content)
        except OSError as error:
            print(
                f"lab_2_hfl: the digits were drawn but can't be kept in {path} ({error}). They will be drawn again next time: free some "
                "space, or set LAB_2_HFL_DATA to a folder that can be written.",
                file=sys.stderr,
            )
    table = np.frombuffer(content, dtype=np.uint8).reshape(-1, handwriting.PIXELS + 1)
    pictures = table[:, :-1].reshape(-1, handwriting.SIDE, handwriting.SIDE)
    labels = table[:, -1]
    train = slice(0, handwriting.TRAIN_IMAGES)
    test = slice(handwriting.TRAIN_IMAGES, None)
    return RawImages("digits", pictures[train], labels[train], pictures[test], labels[test])


def _read_if_intact(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if compute_checksum(content) == DIGITS_CHECKSUM:
        return content
    print(f"lab_2_hfl: {path} is damaged; drawing the digits again.", file=sys.stderr)
    return None


def _draw() -> bytes:
    train, train_labels, test, test_labels = handwriting.draw_digits()
    pictures = np.concatenate([train, test]).reshape(-1, handwriting.PIXELS)
    labels = np.concatenate([train_labels, test_labels])[:, None]
    content = np.hstack([pictures, labels]).tobytes()
    if compute_checksum(content) != DIGITS_CHECKSUM:
        raise RuntimeError(
            f"The digits drawn on this machine have the checksum {compute_checksum(content)}, but {DIGITS_CHECKSUM} was expected. Results "
            "would not agree with the course's. Please report this with the versions of numpy and scikit-learn; meanwhile set "
            "LAB_2_HFL_DATASET=mnist."
        )
    return content


# --- reduced sets -----------------------------------------------------------------------------------------------------------------------


def _take_balanced(labels: NDArray[np.uint8], variable: str) -> NDArray[np.int64]:
    """Indices of as many examples as `variable` asks for, as evenly spread over the classes as possible; all if it is not set."""
    wanted = os.environ.get(variable, "").strip()
    if not wanted:
        return np.arange(len(labels))
    if not wanted.isdecimal() or not handwriting.CLASSES <= int(wanted) <= len(labels):
        raise ValueError(
            f"{variable} is {wanted!r}, but must be a whole number from {handwriting.CLASSES} to {len(labels)}. Set it so, or unset it "
            "to use all examples."
        )
    order = np.random.default_rng(_SUBSET_SEED).permutation(len(labels))
    place = np.empty(len(labels), dtype=np.int64)  # of each example among those of its class
    for label in range(handwriting.CLASSES):
        members = order[labels[order] == label]
        place[members] = np.arange(len(members))
    return np.sort(np.lexsort((labels, place))[: int(wanted)])
