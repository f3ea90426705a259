"""The embedded digits: real handwriting, drawn the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lab_2_hfl import handwriting, images

Drawn = tuple[handwriting.Images, handwriting.Images, handwriting.Images, handwriting.Images]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    """The whole data set, drawn once for all tests: ten seconds."""
    return handwriting.draw_digits(progress=False)


def test_the_drawing_has_the_bytes_that_every_machine_gets(
    drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handwriting, "draw_digits", lambda: drawn)

    assert images.compute_checksum(images._draw()) == images.DIGITS_CHECKSUM


def test_the_drawing_has_mnist_s_size_and_equal_classes(drawn: Drawn) -> None:
    train, train_labels, test, test_labels = drawn

    assert (train.shape, test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert np.bincount(train_labels).tolist() == [6_000] * 10
    assert np.bincount(test_labels).tolist() == [1_000] * 10


def test_no_picture_is_drawn_twice(drawn: Drawn) -> None:
    train, _, test, _ = drawn

    assert len({picture.tobytes() for picture in np.concatenate([train, test])}) == 70_000


def test_source_digits_of_training_and_testing_are_disjoint() -> None:
    labels = load_digits().target.astype(np.uint8)
    train, test = handwriting._separate_sources(labels, handwriting._Bits(handwriting._SEED))

    assert set(train).isdisjoint(test)
    assert sorted([*train, *test]) == list(range(1_797))
    assert min(np.bincount(labels[test])) >= 24


def test_each_part_is_drawn_from_its_own_sources_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn undistorted, and few: every picture is one of the sources that its part was given."""
    used: list[set[bytes]] = []
    monkeypatch.setattr(handwriting, "TRAIN_IMAGES", 200)
    monkeypatch.setattr(handwriting, "TEST_IMAGES", 100)

    def note(pictures: np.ndarray, _bits: object) -> handwriting.Images:
        used.append({picture.tobytes() for picture in pictures})
        return np.zeros((len(pictures), 28, 28), np.uint8)

    monkeypatch.setattr(handwriting, "_redraw", note)
    handwriting.draw_digits(progress=False)
    train, test = used

    assert (len(train), len(test)) == (200, 100)
    assert train.isdisjoint(test)


def test_progress_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(handwriting, "TRAIN_IMAGES", 20)
    monkeypatch.setattr(handwriting, "TEST_IMAGES", 10)
    handwriting.draw_digits()

    assert "Drawing digits: 100%" in capsys.readouterr().err


def test_random_whole_numbers_lie_within_both_bounds() -> None:
    numbers = handwriting._Bits(1).integers(-2, 3, 1_000)

    assert set(numbers.tolist()) == {-2, -1, 0, 1, 2, 3}
