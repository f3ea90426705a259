"""The picture of a run: a row per rank, a box per micro-batch, and the time in which nothing is computed.

rank 0  | F0 | F1 | F2 |                    | B0 | B1 | B2 | step |
rank 1       | F0 | F1 | F2 |          | B0 | B1 | B2 |      step |
rank 2            | F0 | F1 | F2 | B0 | B1 | B2 |            step |

Below each row the same passes are drawn thin as they would lie without any waiting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from .events import printable
from .ideal_schedule import name_ranks, schedule_ideally
from .run_report import Outcome, RankReport, RankState, RunReport
from .timeline import Box, Message, Pause, Pipeline, Row, Timeline

WIDTH = 1240
LEFT, RIGHT = 156, 28
RIGHT_WITH_WORDS = 350  # where each rank stopped is written here
TOP, ROW, BOX, BOTTOM = 134, 84, 34, 52
IDEAL_TOP, IDEAL = BOX + 16, 12  # below the time spent waiting
STEPS_SHOWN = 2
STOP_SHARE = 0.1  # of the time shown, for the standstill at its end, however long it lasted
TICKS = 8
SHAPES_LIMIT = 1000  # of one kind in one row
SHADES = 4  # of the boxes of one direction, so that neighbours differ

STYLE = Path(__file__).with_name("picture.css").read_text(encoding="utf-8")
_HATCHED = "".join(
    f'<pattern id="back{shade}" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect width="8" height="8" class="b{shade}"/><line y2="8" class="hatch"/></pattern>'
    for shade in range(SHADES)
)
DEFINITIONS = f"""<defs>{_HATCHED}
<pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse"><rect width="5" height="5" class="done"/>
<circle cx="2" cy="2" r="1" class="dot"/></pattern>
<pattern id="stopped" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
<rect width="7" height="7" class="stopground"/><line y2="7" class="stopline"/></pattern>
<marker id="head" markerWidth="9" markerHeight="9" refX="7" refY="4" orient="auto"><path d="M0,0 L8,4 L0,8 z" class="bad"/></marker>
</defs>"""


@dataclass(frozen=True)
class Frame:
    """The part of a run that is drawn, and where on the page its moments lie."""

    start_s: float
    end_s: float
    steps: tuple[int, ...]
    right: float

    def x(self, t: float) -> float:
        share = (min(max(t, self.start_s), self.end_s) - self.start_s) / (self.end_s - self.start_s)
        return LEFT + share * (WIDTH - LEFT - self.right)

    def shows(self, item: Box | Pause) -> bool:
        return item.step in self.steps and (item.end_s is None or item.end_s > self.start_s)


def draw(report: RunReport) -> str:
    """The run as an SVG document, complete in itself."""
    timeline = report.timeline
    frame = choose_frame(report)
    height = TOP + ROW * max(1, len(report.ranks)) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(printable(report.script.name))}: {report.outcome.value}</title>",
        f"<style>{STYLE}</style>",
        DEFINITIONS,
        f'<rect width="{WIDTH}" height="{height}" class="ground"/>',
        *_heading(report, frame),
    ]
    if frame is None:
        parts.append(
            _text(LEFT, TOP + 30, "No forward pass, backward pass or message was recorded.", "small")
        )
    else:
        parts += _bands(frame, timeline, len(report.ranks))
        parts += _rows(report, frame)
        parts += _axis(frame, height)
    return "\n".join([*parts, "</svg>"]) + "\n"


def choose_frame(report: RunReport) -> Frame | None:
    """Two steps that show the rhythm: after the first, which warms up, or at the end of a failed run."""
    items = _items(report.timeline)
    if not items:
        return None
    steps = sorted({item.step for item in items})
    wrong = report.outcome not in (Outcome.FINISHED, Outcome.WRONG_STEPS)
    made = [step for step in steps if step <= report.asked_steps]
    shown = steps[-STEPS_SHOWN:] if wrong else (made[1 : 1 + STEPS_SHOWN] or made[:1] or steps[:1])
    inside = [item for item in items if item.step in shown]
    start_s = min(
        [item.start_s for item in inside if isinstance(item, Box)] or [item.start_s for item in inside]
    )
    end_s = max(item.start_s if item.end_s is None else item.end_s for item in inside)
    ends = [end for row in report.timeline.rows for end in _step_ends(row, shown)]
    end_s = max([end_s, *ends])
    length_s = max(end_s - start_s, 1e-3)
    margin_s = length_s * (STOP_SHARE if wrong else 0.01)
    return Frame(start_s, start_s + length_s + margin_s, tuple(shown), RIGHT_WITH_WORDS if wrong else RIGHT)


def _items(timeline: Timeline) -> list[Box | Pause]:
    """Boxes and pauses; the pauses of starting up only where there is nothing else."""
    items: list[Box | Pause] = [box for row in timeline.rows for box in row.boxes]
    pauses = [pause for row in timeline.rows for pause in row.pauses]
    items += [pause for pause in pauses if pause.kind != "setup"]
    return items or list[Box | Pause](pauses)


def _step_ends(row: Row, shown: Sequence[int]) -> list[float]:
    return [end for number, (_, end) in row.steps.items() if number in shown]


# --- the head of the page -------------------------------------------------------------------------


def _heading(report: RunReport, frame: Frame | None) -> Iterator[str]:
    name = printable(report.script.name)
    made = max((rank.steps for rank in report.ranks), default=0)
    kind = "title" if report.outcome is Outcome.FINISHED else "title bad"
    yield _text(24, 36, f"{name}: {report.outcome.value}", kind)
    yield _text(
        24,
        58,
        f"{len(report.ranks)} ranks, {made} of {report.asked_steps} steps, {report.duration_s:.1f} s",
        "small",
    )
    for number, pipeline in enumerate(report.pipelines[:2]):
        prefix = f"ranks {', '.join(map(str, pipeline.ranks))}: " if len(report.pipelines) > 1 else ""
        yield _text(24, 77 + 17 * number, prefix + bubble_words(pipeline), "small")
    yield from _legend(report, frame)


def bubble_words(pipeline: Pipeline) -> str:
    """The bubble of a pipeline, measured and ideal, with the formula filled in."""
    p, m = len(pipeline.ranks), pipeline.micro_batches
    ideal = f"ideal (p - 1)/(m + p - 1) = {p - 1}/{m + p - 1} = {pipeline.ideal_bubble:.0%}"
    measured = "not measured" if pipeline.bubble is None else f"{pipeline.bubble:.0%}"
    return f"bubble {measured}, {ideal}, with p = {p} stages and m = {m} micro-batches"


def _legend(report: RunReport, frame: Frame | None) -> Iterator[str]:
    pauses = [pause for row in report.timeline.rows for pause in row.pauses if frame and frame.shows(pause)]
    entries = [
        (_legend_box("box f1"), "F0 forward", 100),
        (_legend_box("box backward", "url(#back1)"), "B0 backward", 112),
        (_legend_box("optimizer"), "optimizer step", 126),
        (_legend_line("waits"), "waits for a message", 158),
    ]
    if frame and _list_ideals(report, frame):
        entries.append((_legend_box("ideal f1", height=7), "without waiting", 128))
    if any(pause.kind == "group" for pause in pauses):
        entries.append((_legend_line("together"), "waits for a group", 142))
    if any(pause.end_s is None for pause in pauses):
        entries.append((_legend_box("stop"), "never returned", 124))
    x = float(WIDTH - 12 - sum(width for *_, width in entries))
    for shape, words, width in entries:
        yield f'<g transform="translate({x:.1f} 24)">{shape}{_text(26, 12, words, "small")}</g>'
        x += width


def _legend_box(kind: str, fill: str = "", height: int = 15) -> str:
    paint = f' style="fill: {fill}"' if fill else ""
    return f'<rect y="{(15 - height) / 2:g}" width="18" height="{height}" rx="3" class="{kind}"{paint}/>'


def _legend_line(kind: str) -> str:
    if kind == "together":
        return f'<line x1="0" y1="8" x2="18" y2="8" class="{kind}"/>'
    return f'<rect y="5" width="18" height="5" rx="2.5" class="{kind}"/>'


# --- the rows -------------------------------------------------------------------------------------


def _bands(frame: Frame, timeline: Timeline, rows: int) -> Iterator[str]:
    """A shade behind each step, from the end of the last one to its own, whichever rank is latest."""
    start_s = frame.start_s
    for index, step in enumerate(frame.steps):
        ends = [row.steps[step][1] for row in timeline.rows if step in row.steps]
        last = index == len(frame.steps) - 1
        end_s = frame.end_s if last or not ends else max(ends)
        left, right = frame.x(start_s), frame.x(end_s)
        size = f'width="{right - left:.1f}" height="{ROW * rows + 30}"'
        yield f'<rect x="{left:.1f}" y="{TOP - 24}" {size} class="step{index % 2}"/>'
        yield _text((left + right) / 2, TOP - 8, f"step {step}", "small middle")
        start_s = end_s


def _rows(report: RunReport, frame: Frame) -> Iterator[str]:
    rows = {row.rank: row for row in report.timeline.rows}
    places = {rank.rank: TOP + ROW * index for index, rank in enumerate(report.ranks)}
    shown = [message for message in report.timeline.messages if message.step in frame.steps]
    for message in shown[:SHAPES_LIMIT]:
        if message.source in places and message.destination in places:
            yield from _message(message, frame, places)
    names = name_ranks(report.timeline.rows, report.pipelines)
    ideals = _list_ideals(report, frame)
    for rank in report.ranks:
        y = places[rank.rank]
        words = [names[rank.rank]] if rank.rank in names else []
        yield _text(24, y + 14, f"rank {rank.rank}", "rank")
        for line, word in enumerate([*words, f"{rank.steps} of {report.asked_steps} steps"]):
            yield _text(24, y + 31 + 16 * line, word, "small")
        if rank.rank in rows:
            yield from _row(rows[rank.rank], frame, y)
        for box in ideals.get(rank.rank, [])[:SHAPES_LIMIT]:
            yield from _ideal_box(box, frame, y + IDEAL_TOP)
        if frame.right == RIGHT_WITH_WORDS:
            yield from _stop(rank, rows.get(rank.rank), frame, y)
    yield from _wants(report, places)


def _row(row: Row, frame: Frame, y: float) -> Iterator[str]:
    for pause in [pause for pause in row.pauses if frame.shows(pause)][:SHAPES_LIMIT]:
        if pause.kind != "setup" and pause.end_s is not None:
            yield _pause(pause, pause.end_s, frame, y)
    for number, (start_s, end_s) in row.steps.items():
        if number in frame.steps:
            width = max(2.0, frame.x(end_s) - frame.x(start_s))
            yield _rect(
                frame.x(start_s),
                y,
                width,
                BOX,
                "optimizer",
                f"optimizer step {number}: {_ms(start_s, end_s)}",
            )
    for box in [box for box in row.boxes if frame.shows(box)][:SHAPES_LIMIT]:
        yield from _box(box, frame, y)


def _list_ideals(report: RunReport, frame: Frame) -> dict[int, list[Box]]:
    """The passes of the steps shown as they would lie without waiting, by rank; each step begins where it began."""
    ideals: dict[int, list[Box]] = {}
    for pipeline in report.pipelines:
        for step in frame.steps:
            for rank, boxes in schedule_ideally(report.timeline.rows, pipeline, step).items():
                ideals.setdefault(rank, []).extend(boxes)
    return ideals


def _box(box: Box, frame: Frame, y: float) -> Iterator[str]:
    left, right = frame.x(box.start_s), frame.x(box.end_s)
    width = max(1.5, right - left)
    label = _name(box)
    batches = ", ".join(str(batch) for batch in box.micro_batches)
    tip = f"{box.kind} of micro-batch {batches}, step {box.step}: {_ms(box.start_s, box.end_s)}"
    size = f'x="{left:.2f}" y="{y}" width="{width:.2f}" height="{BOX}" rx="3"'
    yield f'<rect class="box {_look(box)} {size}><title>{escape(tip)}</title></rect>'
    if width > 7 * len(label) + 3 and box.micro_batches:
        yield _text((left + right) / 2, y + BOX / 2 + 5, label, "number halo")


def _ideal_box(box: Box, frame: Frame, y: float) -> Iterator[str]:
    left, right = frame.x(box.start_s), frame.x(box.end_s)
    if right - left < 0.5:
        return
    size = f'x="{left:.2f}" y="{y}" width="{right - left:.2f}" height="{IDEAL}" rx="1.5"'
    yield f'<rect class="ideal {_look(box)} {size}/>'
    if right - left > 5 * len(_name(box)) + 3:
        yield _text((left + right) / 2, y + IDEAL - 2.5, _name(box), "tiny halo")


def _name(box: Box) -> str:
    """`F0` and `B0`, as in the handout; `B0,1` of a backward pass of two micro-batches."""
    return ("F" if box.kind == "forward" else "B") + ",".join(str(batch) for batch in box.micro_batches)


def _look(box: Box) -> str:
    """The class of a box, and where it is hatched its fill; up to the quotation mark that ends the attribute."""
    shade = (box.micro_batches[0] if box.micro_batches else 0) % SHADES
    return f'f{shade}"' if box.kind == "forward" else f'backward" fill="url(#back{shade})"'


def _pause(pause: Pause, end_s: float, frame: Frame, y: float) -> str:
    left, right = frame.x(pause.start_s), frame.x(end_s)
    kind = "waits" if pause.kind == "message" else "together"
    tip = f"{pause.call}, step {pause.step}: {_ms(pause.start_s, end_s)}"
    if kind == "together":
        middle = y + BOX + 7.5
        line = f'<line class="{kind}" x1="{left:.2f}" x2="{max(left + 1, right):.2f}" y1="{middle}" y2="{middle}">'
        return f"{line}<title>{escape(tip)}</title></line>"
    return _rect(left, y + BOX + 5, max(1.0, right - left), 5, kind, tip, radius=2)


def _message(message: Message, frame: Frame, places: dict[int, int]) -> Iterator[str]:
    if not frame.start_s <= message.sent_s <= message.received_s <= frame.end_s:
        return
    down = places[message.destination] > places[message.source]
    y1 = places[message.source] + (BOX + 7 if down else 0)
    y2 = places[message.destination] + (0 if down else BOX + 7)
    yield (
        f'<line class="message" x1="{frame.x(message.sent_s):.1f}" y1="{y1}" '
        f'x2="{frame.x(message.received_s):.1f}" y2="{y2}"/>'
    )


# --- where it stopped -----------------------------------------------------------------------------


def _stop(rank: RankReport, row: Row | None, frame: Frame, y: float) -> Iterator[str]:
    """The call that never returned, hatched, and in words where the rank was at the end."""
    open_pauses = [pause for pause in row.pauses if pause.end_s is None] if row else []
    bad = rank.state in (RankState.BLOCKED, RankState.FAILED)
    for pause in open_pauses:
        left, right = frame.x(pause.start_s), frame.x(frame.end_s)
        yield _rect(left, y, max(3.0, right - left), BOX, "stop", pause.call)
    x = WIDTH - RIGHT_WITH_WORDS + 44
    yield _text(x, y + 15, _short(rank.where.removeprefix("waits in ")), "badbold" if bad else "small")
    if rank.at is not None:
        yield _text(x, y + 33, _short(str(rank.at)), "small bad" if bad else "small")


def _wants(report: RunReport, places: dict[int, int]) -> Iterator[str]:
    """Arrows from each rank that waits in vain to those it waits for."""
    x = WIDTH - RIGHT_WITH_WORDS + 4
    for wait in report.waits:
        for partner in wait.partners:
            if wait.rank not in places or partner not in places or partner == wait.rank:
                continue
            y1, y2 = places[wait.rank] + BOX / 2, places[partner] + BOX / 2
            side = 1 if y2 > y1 else -1
            bend = 12 + 12 * abs(y2 - y1) / ROW + (14 if side < 0 else 0)
            yield (
                f'<path class="want" d="M{x} {y1 + 4 * side} C{x + bend} {y1 + 4 * side}, '
                f'{x + bend} {y2 - 9 * side}, {x + 2} {y2 - 9 * side}"/>'
            )


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


# --- the axis and small shapes --------------------------------------------------------------------


def _axis(frame: Frame, height: int) -> Iterator[str]:
    """Milliseconds or seconds from the left edge, at round numbers."""
    length_s = frame.end_s - frame.start_s
    tick_s = _round_up(length_s / TICKS)
    unit, factor = ("ms", 1000) if length_s < 2 else ("s", 1)
    y = height - BOTTOM + 6
    count = int(length_s / tick_s)
    for number in range(count + 1):
        x = frame.x(frame.start_s + number * tick_s)
        words = f"{number * tick_s * factor:g}" + (f" {unit}" if number == count else "")
        yield f'<line x1="{x:.1f}" y1="{y}" x2="{x:.1f}" y2="{y + 5}" class="axis"/>'
        yield _text(x, y + 19, words, "small middle")
    yield f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - frame.right}" y2="{y}" class="axis"/>'


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten.

    >>> _round_up(0.013)
    0.02
    """
    power = 10.0 ** len(f"{int(value)}") if value >= 1 else 1.0
    while power / 10 >= value:
        power /= 10
    return next(round(power / 10 * factor, 12) for factor in (1, 2, 5, 10) if power / 10 * factor >= value)


def _ms(start_s: float, end_s: float) -> str:
    return f"{(end_s - start_s) * 1000:.1f} ms"


def _rect(x: float, y: float, width: float, height: float, kind: str, tip: str, radius: int = 3) -> str:
    return (
        f'<rect class="{kind}" x="{x:.2f}" y="{y}" width="{width:.2f}" height="{height}" rx="{radius}">'
        f"<title>{escape(tip)}</title></rect>"
    )


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class={quoteattr(kind)}>{escape(words)}</text>'
