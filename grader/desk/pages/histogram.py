"""A histogram as a small SVG within a page."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ...display import html

WIDTH, HEIGHT, BASE = 150, 72, 58


def draw_histogram(counts: Sequence[int], most: float, title: str) -> Markup:
    """Bars for the tenths of the points, and apart from them one for all points."""
    step = WIDTH / (len(counts) + 1)
    highest = max(counts, default=0) or 1
    bars = []
    for number, count in enumerate(counts):
        height = BASE * 0.76 * count / highest
        left = step * (number + (0.5 if number == len(counts) - 1 else 0)) + 1
        bars.append(
            f'<rect class="histogram-bar" x="{left:.0f}" y="{BASE - height:.1f}" width="{step - 2:.0f}" height="{height:.1f}"/>'
        )
        if count:
            bars.append(
                f'<text class="tick middle" x="{left + step / 2 - 1:.0f}" y="{BASE - height - 3:.0f}">{count}</text>'
            )
    words = ", ".join(map(str, counts))
    label = html(f"{title}: {words} in tenths of {most:g} points, the last number for all of them")
    axis = f'<text class="tick" x="0" y="{HEIGHT - 2}">0</text><text class="tick end" x="{WIDTH}" y="{HEIGHT - 2}">{most:g}</text>'
    line = f'<line class="grid" x1="0" x2="{WIDTH}" y1="{BASE}" y2="{BASE}"/>'
    head = f'<svg class="histogram chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    return Markup(f"{head}{line}{''.join(bars)}{axis}</svg>")
