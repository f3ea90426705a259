"""Curves as a small SVG within a page: told apart by the form of their points and the dashes of their lines, not by colour alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

from ..display import html

WIDTH, HEIGHT = 480, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 38
TICKS = 5
Placing = Callable[[float, float], tuple[float, float]]  # where a series' n-th value lies
LOOKS = 6  # as many as the style sheet has colours and the lists below have forms
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4", "1 5")
_FORMS = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "M-4,-4h8v8h-8z",
    "M0,-5l5,9h-10z",
    "M0,-5l5,5l-5,5l-5,-5z",
    "M0,5l5,-9h-10z",
    "M-4,-1h3v-3h2v3h3v2h-3v3h-2v-3h-3z",
)


def draw_curves(
    series: Mapping[str, Sequence[float]],
    reference: Mapping[str, Sequence[float]],
    *,
    x: str,
    y: str,
    title: str,
) -> Markup:
    """An SVG element; x and y name the axes. The reference's curves are broad and grey, below the others.

    Of series with a single value each has a place of its own, so that equal ones are seen.
    """
    curves = [curve for curve in [*series.values(), *reference.values()] if curve]
    longest = max(map(len, curves), default=1)
    low, high, step = _choose_scale([value for curve in curves for value in curve])

    def place(number: float, value: float) -> tuple[float, float]:
        across = (number - 1) / (longest - 1) if longest > 1 else number
        up = (value - low) / (high - low)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html(title)}">',
        *_draw_axes(low, high, step, longest, place, x, y),
        *(
            _draw_line(curve, place, "reference", "")
            if longest > 1
            else _draw_level(place((number + 0.5) / len(reference), curve[0]))
            for number, curve in enumerate(reference.values())
            if curve
        ),
    ]
    for look, curve in enumerate(series.values()):
        kind, alone = look % LOOKS, (look + 0.5) / len(series)
        parts.append(_draw_line(curve, place, f"curve look{kind}", _DASHES[kind]))
        marks = " ".join(
            f'<path transform="translate({at[0]:.1f} {at[1]:.1f})" d="{_FORMS[kind]}"/>'
            for at in (
                place(number if longest > 1 else alone, value) for number, value in enumerate(curve, start=1)
            )
            if longest <= 30
        )
        parts.append(f'<g class="mark look{kind}">{marks}</g>')
    return Markup("".join([*parts, "</svg>"]))


def draw_key(look: int | None) -> Markup:
    """A short line with a point for the legend; that of the reference's curves for None."""
    if look is None:
        line = '<line class="reference" x1="1" y1="7" x2="31" y2="7"/>'
    else:
        kind = look % LOOKS
        line = (
            f'<line class="curve look{kind}" stroke-dasharray="{_DASHES[kind]}" x1="1" y1="7" x2="31" y2="7"/>'
            f'<g class="mark look{kind}"><path transform="translate(16 7)" d="{_FORMS[kind]}"/></g>'
        )
    return Markup(
        f'<svg class="key" viewBox="0 0 32 14" width="32" height="14" aria-hidden="true">{line}</svg>'
    )


def _draw_level(at: tuple[float, float]) -> str:
    """A single value of the reference."""
    return f'<line class="reference" x1="{at[0] - 14:.1f}" x2="{at[0] + 14:.1f}" y1="{at[1]:.1f}" y2="{at[1]:.1f}"/>'


def _draw_line(curve: Sequence[float], place: Placing, kind: str, dashes: str) -> str:
    points = " ".join(
        "{:.1f},{:.1f}".format(*place(number, value)) for number, value in enumerate(curve, start=1)
    )
    return f'<polyline class="{kind}" stroke-dasharray="{dashes}" points="{points}"/>'


def _draw_axes(
    low: float, high: float, step: float, longest: int, place: Placing, x: str, y: str
) -> list[str]:
    parts = []
    for tick in range(round((high - low) / step) + 1):
        value = low + tick * step
        _, at = place(1, value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 6}" y="{at + 4:.1f}">{value:.6g}</text>')
    every = max(1, math.ceil(longest / 10))
    for number in range(1, longest + 1, every) if longest > 1 else ():
        at, _ = place(number, low)
        parts.append(f'<text class="tick middle" x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}">{number}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text class="tick middle" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 5}">{html(x)}</text>'
    )
    parts.append(f'<text class="tick middle" transform="translate(11 {middle}) rotate(-90)">{html(y)}</text>')
    return parts


def _choose_scale(values: Sequence[float]) -> tuple[float, float, float]:
    """The lowest and highest value of an axis, and the distance of its ticks: 1, 2 or 5 times a power of ten."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if not high - low > 1e-9 * max(abs(low), abs(high), 1e-300):
        spread = abs(high) or 1.0
        low, high = low - spread / 10, high + spread / 10
    power = 10.0 ** math.floor(math.log10((high - low) / TICKS))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * TICKS >= high - low)
    return math.floor(low / step) * step, math.ceil(high / step) * step, step
