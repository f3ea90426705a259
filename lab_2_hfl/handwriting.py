"""The embedded data set `digits`: real handwriting, enlarged to the size of MNIST without any download.

The 1,797 digits of scikit-learn (8×8 pixels, 16 grey levels, UCI "Optical Recognition of Handwritten Digits") are split into writers'
samples for training and for testing, and each is redrawn on 28×28 pixels many times: rotated, shifted, scaled, sheared, and with thinner or
thicker strokes.

Everything after the random bits is integer arithmetic, and the bits come from PCG64's raw stream, which NumPy keeps stable. So the images
have the same bytes on every machine, and one checksum can tell a damaged cache from a good one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

TRAIN_IMAGES = 60_000
TEST_IMAGES = 10_000
SIDE = 28
PIXELS = SIDE * SIDE
CLASSES = 10

_SEED = 20_17
_SOURCE_SIDE = 8
_ONE = 1 << 12  # fixed-point 1.0 for coordinates, in source pixels
_TEST_SHARE = 7  # one source digit in seven is kept for testing, as in 60,000 : 10,000
_CHUNK = 1_000

# Ranges of the distortions, in whole steps, so that no floating point decides a pixel.
_MAX_ROTATION_DEG = 9
_SCALE_PERCENT = (92, 115)
_MAX_SHEAR_PERCENT = 8
_MAX_SHIFT_EIGHTHS = 7  # of a target pixel
_STROKE_CUT = (25, 85)  # brightness, of 255, below which ink is dropped: a high cut gives thin strokes
_STROKE_GAIN_PERCENT = (130, 320)
_NOISE_LEVEL = 10  # brightness, of 255, that a pixel may gain or lose

Images = NDArray[np.uint8]


class _Bits:
    """Whole random numbers from the raw PCG64 stream (the distributions of `Generator` may change between NumPy releases)."""

    def __init__(self, seed: int) -> None:
        self._stream = np.random.PCG64(seed)

    def integers(self, low: int, high: int, size: int) -> NDArray[np.int64]:
        """`size` numbers from `low` to `high`, both included."""
        raw = self._stream.random_raw(size)
        return (raw % np.uint64(high - low + 1)).astype(np.int64) + low

    def permutation(self, size: int) -> NDArray[np.int64]:
        return np.argsort(self._stream.random_raw(size), kind="stable")


def draw_digits(progress: bool = True) -> tuple[Images, Images, Images, Images]:
    """Draw the whole data set.

    Returns training images `(60000, 28, 28)`, training labels `(60000,)`, test images `(10000, 28, 28)` and test labels `(10000,)`, all
    uint8. The source digits of the two parts are disjoint.
    """
    from sklearn.datasets import load_digits  # a second to import, needed only when the cache is made

    sources = load_digits()
    pictures = (sources.images * 255 // 16).astype(np.int64)
    labels = sources.target.astype(np.uint8)
    bits = _Bits(_SEED)
    train_sources, test_sources = _separate_sources(labels, bits)
    with tqdm(
        total=TRAIN_IMAGES + TEST_IMAGES, desc="Drawing digits", unit="image", disable=not progress
    ) as bar:
        train = _draw_part(pictures, labels, train_sources, TRAIN_IMAGES, bits, bar)
        test = _draw_part(pictures, labels, test_sources, TEST_IMAGES, bits, bar)
    return *train, *test


def _separate_sources(labels: Images, bits: _Bits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the source digits for training and for testing, with every class split in the same proportion."""
    order = bits.permutation(len(labels))
    by_class = [order[labels[order] == label] for label in range(CLASSES)]
    test = np.concatenate([members[: len(members) // _TEST_SHARE] for members in by_class])
    train = np.concatenate([members[len(members) // _TEST_SHARE :] for members in by_class])
    return train, test


def _draw_part(
    pictures: NDArray[np.int64],
    labels: Images,
    sources: NDArray[np.int64],
    count: int,
    bits: _Bits,
    bar: tqdm,  # type: ignore[type-arg]
) -> tuple[Images, Images]:
    """`count` images, equally many of each class, with every source of a class used about equally often."""
    per_class = count // CLASSES
    chosen = np.concatenate(
        [np.resize(sources[labels[sources] == label], per_class) for label in range(CLASSES)]
    )
    chosen = chosen[bits.permutation(count)]
    images = np.empty((count, SIDE, SIDE), dtype=np.uint8)
    for start in range(0, count, _CHUNK):
        part = chosen[start : start + _CHUNK]
        images[start : start + _CHUNK] = _redraw(pictures[part], bits)
        bar.update(len(part))
    return images, labels[chosen]


def _redraw(pictures: NDArray[np.int64], bits: _Bits) -> Images:
    """One distorted 28×28 picture of each 8×8 picture `(count, 8, 8)`."""
    rows, columns = _source_coordinates(len(pictures), bits)
    ink = _sample(pictures, rows, columns)
    return _stroke(ink, bits)


def _source_coordinates(count: int, bits: _Bits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each target pixel lies in its source, `(count, 28, 28)`, in fixed-point source pixels: a random affine map."""
    degrees = np.arange(-_MAX_ROTATION_DEG, _MAX_ROTATION_DEG + 1)
    cosines = np.array([round(math.cos(math.radians(d)) * _ONE) for d in degrees], dtype=np.int64)
    sines = np.array([round(math.sin(math.radians(d)) * _ONE) for d in degrees], dtype=np.int64)
    turn = bits.integers(0, len(degrees) - 1, count)[:, None, None]
    scale_y = bits.integers(*_SCALE_PERCENT, count)[:, None, None]
    scale_x = bits.integers(*_SCALE_PERCENT, count)[:, None, None]
    shear = bits.integers(-_MAX_SHEAR_PERCENT, _MAX_SHEAR_PERCENT, count)[:, None, None]
    shift_y = bits.integers(-_MAX_SHIFT_EIGHTHS, _MAX_SHIFT_EIGHTHS, count)[:, None, None]
    shift_x = bits.integers(-_MAX_SHIFT_EIGHTHS, _MAX_SHIFT_EIGHTHS, count)[:, None, None]

    # Target pixel centres relative to the picture's middle, in eighths of a pixel: 8i + 4 - 112.
    axis = 8 * np.arange(SIDE, dtype=np.int64) + 4 - 4 * SIDE
    y = axis[None, :, None] - shift_y
    x = axis[None, None, :] - shift_x
    x = x + y * shear // 100
    turned_y = (y * cosines[turn] - x * sines[turn]) // scale_y  # times _ONE * 8 / 100
    turned_x = (y * sines[turn] + x * cosines[turn]) // scale_x
    # 20 target pixels hold the 8 source pixels at 100 percent, as MNIST's digits fill 20 of 28 pixels.
    middle = (_SOURCE_SIDE - 1) * _ONE // 2
    return turned_y * 100 // 20 + middle, turned_x * 100 // 20 + middle


def _sample(
    pictures: NDArray[np.int64], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Bilinear interpolation of `pictures` at fixed-point places; outside there is no ink."""
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)))
    rows = np.clip(rows + _ONE, 0, (_SOURCE_SIDE + 1) * _ONE - 1)
    columns = np.clip(columns + _ONE, 0, (_SOURCE_SIDE + 1) * _ONE - 1)
    row, column = rows // _ONE, columns // _ONE
    down, right = rows % _ONE, columns % _ONE
    picture = np.arange(len(pictures))[:, None, None]
    top = padded[picture, row, column] * (_ONE - right) + padded[picture, row, column + 1] * right
    bottom = padded[picture, row + 1, column] * (_ONE - right) + padded[picture, row + 1, column + 1] * right
    return np.floor_divide(top * (_ONE - down) + bottom * down, _ONE * _ONE)


def _stroke(ink: NDArray[np.int64], bits: _Bits) -> Images:
    """Cut and amplify the blurred ink: where the cut lies decides how thick the pen was. Then a little sensor noise on the ink."""
    count = len(ink)
    cut = bits.integers(*_STROKE_CUT, count)[:, None, None]
    gain = bits.integers(*_STROKE_GAIN_PERCENT, count)[:, None, None]
    drawn = np.clip((ink - cut) * gain // 100, 0, 255)
    noise = bits.integers(-_NOISE_LEVEL, _NOISE_LEVEL, drawn.size).reshape(drawn.shape)
    noisy = np.where(drawn > 0, drawn + noise, 0)
    return np.clip(noisy, 0, 255).astype(np.uint8)
