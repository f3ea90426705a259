"""All steps of B1 as the homework asks for them: `python benchmarks/class_size.py [--steps 5000] [--output FOLDER] [--picture FILE]`.

Trains the reference solution at class size under the launcher, which takes an hour or more, and draws its losses. A folder that already
holds a run's report is only read.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import launch

KIT = Path(__file__).resolve().parent.parent
SMOOTHED = 50  # steps whose mean is drawn
_LOSS = re.compile(r"^step (\d+) loss ([\d.]+)", re.MULTILINE)
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 330, 56, 44, 42, 16
_STYLE = """
svg { --ground: #ffffff; --ink: #1f2933; --soft: #52606d; --grid: #dde3ea; --curve: #2a6fb0; --each: #b5d2ef; }
@media (prefers-color-scheme: dark) {
  svg { --ground: #1a2129; --ink: #e6eaef; --soft: #a9b4c0; --grid: #323d49; --curve: #7fb8ea; --each: #2f5478; } }
text { font: 12px Inter, "Segoe UI", Arial, "DejaVu Sans", sans-serif; fill: var(--soft); }
.title { font-size: 15px; font-weight: 600; fill: var(--ink); } .ground { fill: var(--ground); } .grid { stroke: var(--grid); }
polyline { fill: none; stroke-linejoin: round; } .each { stroke: var(--each); stroke-width: 1; } .mean { stroke: var(--curve); stroke-width: 2; }
"""


def train(steps: int, output: Path) -> None:
    """Exits if not all steps were made."""
    report = launch.run(
        KIT / "solutions" / "b1.sh",
        ranks=3,
        steps=steps,
        timeout_s=300 + 6.0 * steps,
        output_dir=output,
        environment={"PYTHONPATH": str(KIT)},
    )
    if report.outcome is not launch.Outcome.FINISHED:
        sys.exit(report.sentence)


def smooth(losses: Sequence[float]) -> list[float]:
    """The mean of each step and those around it."""
    half = SMOOTHED // 2
    return [statistics.fmean(losses[max(0, place - half) : place + half + 1]) for place in range(len(losses))]


def draw(losses: Sequence[float], title: str) -> str:
    """An SVG: each step's loss, and the mean of those around it."""
    top = float(int(max(losses)) + 1)

    def place(step: float, loss: float) -> tuple[float, float]:
        across = _LEFT + step / len(losses) * (_WIDTH - _LEFT - _RIGHT)
        return across, _HEIGHT - _BOTTOM - loss / top * (_HEIGHT - _TOP - _BOTTOM)

    def line(values: Sequence[float], kind: str) -> str:
        shown = range(0, len(values), max(1, len(values) // _WIDTH))  # no more than can be seen
        points = " ".join("{:.1f},{:.1f}".format(*place(step + 1, values[step])) for step in shown)
        return f'<polyline class="{kind}" points="{points}"/>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{_HEIGHT}"/><text class="title" x="{_LEFT}" y="24">{escape(title)}</text>',
    ]
    for loss in range(0, int(top) + 1, max(1, int(top) // 6)):
        (left, at), (right, _) = place(0, loss), place(len(losses), loss)
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text text-anchor="end" x="{left - 8}" y="{at + 4:.1f}">{loss}</text>')
    for step in range(0, len(losses) + 1, max(1, len(losses) // 5)):
        across, at = place(step, 0)
        parts.append(f'<text text-anchor="middle" x="{across:.1f}" y="{at + 18:.1f}">{step:,}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text text-anchor="middle" x="{middle}" y="{_HEIGHT - 8}">step</text>')
    return "\n".join([*parts, line(losses, "each"), line(smooth(losses), "mean"), "</svg>"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--output", type=Path, default=Path("launch-output/class-size"))
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    if not (options.output / "report.json").is_file():
        train(options.steps, options.output)
    report = json.loads((options.output / "report.json").read_text(encoding="utf-8"))
    found = dict(_LOSS.findall((options.output / "output.txt").read_text(encoding="utf-8")))
    losses = [float(found[step]) for step in sorted(found, key=int)]
    disk = sum(path.stat().st_size for path in options.output.rglob("*") if path.is_file())
    print(
        f"{report['outcome']}: {len(losses):,} steps in {report['duration_s'] / 60:.0f} minutes; loss {losses[0]:.2f} at first, "
        f"{statistics.fmean(losses[-100:]):.2f} in the last 100 steps; {disk >> 20} MiB on disk"
    )
    if options.picture is not None:
        title = f"B1 at class size: the loss of each step, and the mean of {SMOOTHED} steps"
        options.picture.write_text(draw(losses, title), encoding="utf-8")


if __name__ == "__main__":
    main()
