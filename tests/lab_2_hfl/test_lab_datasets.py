"""Which data set is used, where it comes from, and what happens if it can't be had. No test reaches for the network."""

from __future__ import annotations

import gzip
import importlib.util
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import MNIST

from lab_2_hfl import images

pytestmark = pytest.mark.usefixtures("data_folder")

Labels = np.ndarray[Any, np.dtype[np.uint8]]


def make_idx(values: Labels) -> bytes:
    """An array of bytes in the IDX format: two zeros, 8 for bytes, the number of axes, their lengths, the data."""
    lengths = b"".join(length.to_bytes(4, "big") for length in values.shape)
    return bytes([0, 0, 8, values.ndim]) + lengths + values.tobytes()


def make_files(train: int = 40, test: int = 20) -> dict[str, bytes]:
    """The four files of a tiny MNIST: label and brightness of each picture are its number modulo 10."""
    files = {}
    for part, count in (("train", train), ("t10k", test)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        files[f"{part}-images-idx3-ubyte"] = make_idx(np.repeat(labels, 784).reshape(count, 28, 28))
        files[f"{part}-labels-idx1-ubyte"] = make_idx(labels)
    return files


def put_mnist(folder: Path, name: str = "MNIST") -> Path:
    raw = folder / name / "raw"
    raw.mkdir(parents=True)
    for file, content in make_files().items():
        (raw / file).write_bytes(content)
    return raw


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every connection is refused, and noted."""
    tried: list[str] = []

    def refuse(address: tuple[str, int], *_: object, **__: object) -> None:
        tried.append(address[0])
        raise OSError("no route to host")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(images, "getproxies", dict)
    return tried


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network in which torchvision's download brings the tiny MNIST."""

    def download(self: MNIST) -> None:
        if not self._check_exists():
            put_mnist(Path(self.root), type(self).__name__)

    monkeypatch.setattr(images, "_connect_to_any", lambda _: None)
    monkeypatch.setattr(MNIST, "download", download)


def load(monkeypatch: pytest.MonkeyPatch, chosen: str) -> tuple[images.ImageDataset, images.ImageDataset]:
    monkeypatch.setenv("LAB_2_HFL_DATASET", chosen)
    return images.load_images()


# --- choosing ---------------------------------------------------------------------------------------------------------------------------


def test_an_unknown_name_is_said_with_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ValueError, match=r"'cifar', but must be one of auto, mnist, fashion-mnist, digits\. Set it"
    ):
        load(monkeypatch, "cifar")


@pytest.mark.parametrize("chosen", ["mnist", "auto", "", " MNIST "])
def test_mnist_on_disk_is_read(data_folder: Path, monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    put_mnist(data_folder)
    train, test = load(monkeypatch, chosen)

    assert (train.name, len(train), len(test)) == ("mnist", 40, 20)
    assert [target for _, target in (train[3], train[25], test[19])] == [3, 5, 9]
    assert float(train[3][0].max()) == pytest.approx((3 / 255 - 0.1307) / 0.3081, rel=1e-5)


def test_fashion_mnist_is_read_where_debian_puts_it(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file, content in make_files().items():
        (data_folder / f"{file}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(images, "DEBIAN_FASHION_MNIST", data_folder)
    train, test = load(monkeypatch, "fashion-mnist")

    assert (train.name, len(train), len(test)) == ("fashion-mnist", 40, 20)
    assert train.targets[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_fashion_mnist_is_read_from_the_data_folder_elsewhere(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_mnist(data_folder, "FashionMNIST")
    monkeypatch.setattr(images, "DEBIAN_FASHION_MNIST", data_folder / "none")

    assert load(monkeypatch, "fashion-mnist")[0].name == "fashion-mnist"


def test_the_data_folder_may_start_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_2_HFL_DATA", "~/data")

    assert images.data_folder() == Path.home() / "data"


def test_the_default_folder_is_the_user_s_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_2_HFL_DATA", raising=False)

    assert images.data_folder().name == "lab_2_hfl"


# --- downloading ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_drawing")
def test_auto_falls_back_to_digits_without_a_network(
    monkeypatch: pytest.MonkeyPatch, no_network: list[str]
) -> None:
    train, _ = load(monkeypatch, "auto")

    assert train.name == "digits"
    assert len(no_network) == len(MNIST.mirrors)


def test_mnist_by_name_says_where_it_was_looked_for_and_what_to_do(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(images.DataUnavailableError) as error:
        load(monkeypatch, "mnist")

    for part in (f"mnist is not in {data_folder}", "no route to host", "LAB_2_HFL_DATASET=digits"):
        assert part in str(error.value)


@pytest.mark.usefixtures("small_drawing")
def test_a_refusal_is_remembered_by_auto(monkeypatch: pytest.MonkeyPatch, no_network: list[str]) -> None:
    load(monkeypatch, "auto")
    no_network.clear()
    load(monkeypatch, "auto")

    assert no_network == []


def test_mnist_by_name_tries_again_in_spite_of_a_refusal(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, no_network: list[str]
) -> None:
    (data_folder / "mnist.unreachable").touch()
    with pytest.raises(images.DataUnavailableError):
        load(monkeypatch, "mnist")

    assert no_network


@pytest.mark.usefixtures("small_drawing")
def test_a_refusal_is_forgotten_after_a_day(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, no_network: list[str]
) -> None:
    (data_folder / "mnist.unreachable").touch()
    os.utime(data_folder / "mnist.unreachable", (0, 0))
    load(monkeypatch, "auto")

    assert no_network


@pytest.mark.usefixtures("small_drawing")
def test_a_folder_that_cannot_be_written_is_said_and_does_not_stop_auto(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_2_HFL_DATA", str(data_folder / "file" / "folder"))
    (data_folder / "file").touch()
    train, _ = load(monkeypatch, "auto")

    assert train.name == "digits"
    assert "the download will be tried at each start" in capsys.readouterr().err


@pytest.mark.usefixtures("downloads")
def test_mnist_is_downloaded(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data_folder / "mnist.unreachable").touch()

    assert load(monkeypatch, "mnist")[0].name == "mnist"
    assert [path.name for path in data_folder.iterdir()] == ["MNIST"]


@pytest.mark.usefixtures("downloads")
@pytest.mark.parametrize("kept", [0, 3, 30], ids=["empty", "cut in the head", "cut in the data"])
def test_a_damaged_file_is_downloaded_again(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    path = put_mnist(data_folder) / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:kept])

    assert len(load(monkeypatch, "auto")[0]) == 40


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_download_leaves_no_part_that_looks_whole(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, interruption: BaseException
) -> None:
    def download(self: MNIST) -> None:
        Path(self.raw_folder).mkdir(parents=True)
        (Path(self.raw_folder) / "train-images-idx3-ubyte").write_bytes(b"half")
        raise interruption

    monkeypatch.setattr(images, "_connect_to_any", lambda _: None)
    monkeypatch.setattr(MNIST, "download", download)
    with pytest.raises((KeyboardInterrupt, images.DataUnavailableError)):
        load(monkeypatch, "mnist")

    assert not list(data_folder.rglob("*ubyte*"))


@pytest.mark.usefixtures("downloads")
def test_waiting_for_the_network_is_bounded_only_while_downloading(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float | None] = []
    fetch = images._fetch

    def note(*args: Any) -> None:
        limits.append(socket.getdefaulttimeout())
        fetch(*args)

    monkeypatch.setattr(images, "_fetch", note)
    load(monkeypatch, "mnist")

    assert limits == [images._TRANSFER_TIMEOUT_S]
    assert socket.getdefaulttimeout() is None


def test_a_proxy_is_not_gone_around(monkeypatch: pytest.MonkeyPatch, no_network: list[str]) -> None:
    monkeypatch.setattr(images, "getproxies", lambda: {"https": "proxy.example.org:3128"})
    images._connect_to_any(MNIST.mirrors)

    assert no_network == []


# --- digits -----------------------------------------------------------------------------------------------------------------------------


def test_digits_are_drawn_once_and_kept(monkeypatch: pytest.MonkeyPatch, small_drawing: list[str]) -> None:
    first, second = (load(monkeypatch, "digits")[0] for _ in range(2))

    assert small_drawing == ["progress=True"]
    assert first.images.equal(second.images)
    assert first.targets.tolist() == second.targets.tolist() == [*range(10), *range(10)]


def cut(content: bytes) -> bytes:
    return content[:-100]


def flip_a_bit(content: bytes) -> bytes:
    return bytes([content[0] ^ 1]) + content[1:]


@pytest.mark.parametrize("damage", [cut, flip_a_bit])
def test_a_damaged_cache_is_noticed_and_drawn_anew(
    data_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    small_drawing: list[str],
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[bytes], bytes],
) -> None:
    right = load(monkeypatch, "digits")[0].images
    path = data_folder / images.DIGITS_FILE
    path.write_bytes(damage(path.read_bytes()))

    assert load(monkeypatch, "digits")[0].images.equal(right)
    assert f"{path} is damaged" in capsys.readouterr().err
    assert len(small_drawing) == 2


@pytest.mark.usefixtures("small_drawing")
def test_a_full_disk_costs_the_cache_and_nothing_else(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)

    assert len(load(monkeypatch, "digits")[0]) == 20
    assert list(data_folder.iterdir()) == []
    assert "No space left on device" in capsys.readouterr().err


def test_ctrl_c_while_drawing_leaves_nothing(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(images.handwriting, "draw_digits", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load(monkeypatch, "digits")

    assert list(data_folder.iterdir()) == []


@pytest.mark.usefixtures("small_drawing")
def test_another_drawing_than_the_course_s_is_refused(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "DIGITS_CHECKSUM", "0" * 64)
    with pytest.raises(RuntimeError, match=r"0000 was expected.*versions of numpy and scikit-learn"):
        load(monkeypatch, "digits")

    assert list(data_folder.iterdir()) == []


# --- reduced sets -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def take(monkeypatch: pytest.MonkeyPatch) -> Callable[[Labels, str], Labels]:
    """The labels of the examples that are taken for a value of the variable."""

    def take(labels: Labels, wanted: str) -> Labels:
        monkeypatch.setenv("LAB_2_HFL_TRAIN_SAMPLES", wanted)
        return labels[images._take_balanced(labels, "LAB_2_HFL_TRAIN_SAMPLES")]

    return take


EQUAL = (np.arange(100) % 10).astype(np.uint8)
UNEQUAL = np.repeat(np.arange(10), [2, *[9] * 8, 30]).astype(
    np.uint8
)  # as in MNIST, no two classes need be of one size


@pytest.mark.parametrize(
    ("labels", "wanted", "counts"),
    [
        (EQUAL, "10", [1] * 10),
        (EQUAL, "60", [6] * 10),
        (EQUAL, "63", [7, 7, 7, *[6] * 7]),
        (EQUAL, "100", [10] * 10),
        (UNEQUAL, "20", [2] * 10),
        (UNEQUAL, "47", [2, *[5] * 9]),
        (UNEQUAL, "104", [2, *[9] * 8, 30]),
    ],
)
def test_as_many_as_asked_for_are_taken_and_balanced(
    take: Callable[[Labels, str], Labels], labels: Labels, wanted: str, counts: list[int]
) -> None:
    assert np.bincount(take(labels, wanted), minlength=10).tolist() == counts


def test_the_part_is_seeded_and_keeps_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_2_HFL_TRAIN_SAMPLES", "30")
    first, second = (images._take_balanced(EQUAL, "LAB_2_HFL_TRAIN_SAMPLES").tolist() for _ in range(2))

    assert first == second == sorted(set(first)) != list(range(30))


@pytest.mark.parametrize("wanted", ["9", "101", "ten", "-20", "1.5"])
def test_an_impossible_number_is_said(take: Callable[[Labels, str], Labels], wanted: str) -> None:
    with pytest.raises(ValueError, match=r"LAB_2_HFL_TRAIN_SAMPLES is .* a whole number from 10 to 100"):
        take(EQUAL, wanted)


def test_a_checksum_names_the_data() -> None:
    pictures, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    zeros = images.ImageDataset("a", pictures, labels)
    ones = images.ImageDataset("a", pictures, labels + 1)
    checksums = {
        images.compute_dataset_checksum(*parts) for parts in ([zeros], [ones], [zeros, ones], [ones, zeros])
    }

    assert len(checksums) == 4
    assert images.compute_dataset_checksum(zeros) in checksums


def test_the_choice_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On import: here of a copy, so that the one that other tests use stays."""
    spec = importlib.util.find_spec("lab_2_hfl.dataset")
    assert spec is not None
    assert spec.loader is not None
    put_mnist(images.data_folder())
    monkeypatch.setenv("LAB_2_HFL_DATASET", "mnist")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))

    assert capsys.readouterr().out == "lab_2_hfl uses mnist: 40 training and 20 test examples.\n"
