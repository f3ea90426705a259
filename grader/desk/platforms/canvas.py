"""Canvas: files side by side, `musteranna_10231_880000_homework_1.ipynb`, with the ids of the user and of the attachment, and `LATE`
before them. Anonymous ones are `anon_Ab3dE_880009_…`. A text that was typed has no attachment and ends in `_text.html`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...intake import show
from ..cohort import Cohort, Member, Party
from ..configuration import Configuration
from ..csv_table import CsvTable
from ..gathering import Gathering
from ..grades import (
    ExportError,
    ExportRequest,
    GradeEntry,
    Outgoing,
    find_decimal_mark,
    format_points,
    name_all,
    name_row,
    pack_zip,
)
from ..tree import Tree

TITLE = "Canvas"
LOOK = "files such as `musteranna_10231_880000_homework_1.ipynb`"


@dataclass(frozen=True)
class CanvasFile:
    """A file's name, taken apart. attachment: None for a text that was typed"""

    whole: str
    user: str
    attachment: int | None
    name: str
    label: str
    is_late: bool


def parse_name(whole: str) -> CanvasFile | None:
    """Take a file's name apart; None if it is not one of Canvas's."""
    parts = whole.split("_")
    if parts[0] == "anon" and parts[2:] in (["text.html"], ["LATE", "text.html"]):
        return CanvasFile(whole, parts[1], None, "text.html", f"anonymous {parts[1]}", "LATE" in parts)
    if parts[0] == "anon" and len(parts) > 3:
        rest = parts[2:] if parts[1] == "LATE" else parts[1:]
        is_late = parts[1] == "LATE" or rest[1] == "LATE"
        if rest[1] == "LATE":
            rest = [rest[0], *rest[2:]]
        if len(rest) > 2 and _is_number(rest[1]):
            return CanvasFile(
                whole, rest[0], int(rest[1]), "_".join(rest[2:]), f"anonymous {rest[0]}", is_late
            )
    for place, part in enumerate(parts[1:], 1):
        if not _is_number(part):
            continue
        label = parts[:place]
        is_late = label[-1] == "LATE" and len(label) > 1
        label = label[:-1] if is_late else label
        after = parts[place + 1 :]
        if len(after) > 1 and _is_number(after[0]):
            return CanvasFile(whole, part, int(after[0]), "_".join(after[1:]), "_".join(label), is_late)
        if after == ["text.html"]:
            return CanvasFile(whole, part, None, "text.html", "_".join(label), is_late)
        return None
    return None


def recognise(tree: Tree) -> bool:
    """Whether a source is Canvas's, by its structure: most of its files are named so."""
    inner = tree.enter()
    names = [top for top in inner.tops if top not in inner.folders]
    found = [name for name in names if parse_name(name)]
    return len(found) * 2 > len(names)


def read(tree: Tree, configuration: Configuration) -> Cohort:  # noqa: ARG001
    """Read who handed in what."""
    tree = tree.enter()
    gathering = Gathering("canvas", tree)
    given = {top: parse_name(top) for top in tree.tops if top not in tree.folders}
    for key, files in _group(found for found in given.values() if found):
        gathering.add_party(Party(key, (Member(key, files[0].label),), files[0].label))
        for file in sorted(files, key=lambda each: each.attachment or 0):
            gathering.claim(tree, file.whole, key)
            if file.whole in tree.unread:
                continue
            if file.attachment is None:
                sentence = f"{gathering.name(key)} typed a text, which is not graded: read it on Canvas."
                gathering.tell(file.whole, sentence, key)
                continue
            gathering.add_file(key, file.name, tree.files[file.whole], tree.restore(file.whole))
            gathering.set_late(key, file.is_late)
    unknown = [name for name, found in given.items() if not found]
    unknown += tree.list_folders()
    gathering.leave_unmatched(unknown, "its name has no ids of a user and an attachment")
    return gathering.finish()


def _group(files: Iterator[CanvasFile]) -> list[tuple[str, list[CanvasFile]]]:
    grouped: dict[str, list[CanvasFile]] = {}
    for file in files:
        grouped.setdefault(file.user, []).append(file)
    return list(grouped.items())


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit()


def write_grades(entries: Sequence[GradeEntry], request: ExportRequest) -> Outgoing:
    """The gradebook that Canvas gave, filled in, and feedback under the names of the downloaded files. Raises ExportError."""
    table = request.require_template("Canvas", "export the gradebook")
    place = _find_assignment(table, request)
    ids = _find_ids(table, {entry.key for entry in entries})
    by_key = {entry.key: entry for entry in entries}
    mark = find_decimal_mark([cell for row in table.rows for cell in row])
    cells = {}
    known = set()
    strangers = []
    for number, row in enumerate(table.rows):
        entry = by_key.get(row[ids].strip()) if len(row) > max(ids, place) else None
        if entry is None and len(row) > ids and _is_number(row[ids].strip()):  # that of the maximum has no id
            strangers.append(name_row((row[0], row[ids])))
        if entry is not None:
            known.add(entry.key)
            if entry.points is not None:
                cells[number, place] = format_points(entry.points, mark)
    files = {"gradebook.csv": table.fill(cells).encode()}
    feedback: dict[str, bytes] = {}
    lost = []
    for entry in entries:
        if not entry.pages or not entry.origin:
            continue
        name = parse_name(entry.origin)
        if name is None or not _is_number(name.user):
            lost.append(entry)
            continue
        stem = entry.origin.rpartition(".")[0] or entry.origin
        feedback |= {f"{stem}{page.suffix}": page.read_bytes() for page in entry.pages}
    if feedback:
        files["feedback.zip"] = pack_zip(feedback)
    warnings = []
    if lost:
        warnings.append(
            f"Canvas finds whose feedback it is by the user's number, which anonymous files do not have: {name_all(lost)}."
        )
    unmatched = tuple(entry.key for entry in entries if entry.key not in known)
    return Outgoing(files, tuple(warnings), unmatched, tuple(strangers))


def _find_assignment(table: CsvTable, request: ExportRequest) -> int:
    """The assignment's column. One is never made up: Canvas would make an assignment of it."""
    if request.column is not None:
        if request.column not in table.header:
            raise ExportError(
                f"The template has no column {show(request.column)}; it has {', '.join(table.header)}."
            )
        return table.header.index(request.column)
    found = [place for place, name in enumerate(table.header) if re.fullmatch(r".*\(\d+\)", name.strip())]
    named = [place for place in found if table.header[place].rpartition("(")[0].strip() == request.title]
    if len(named or found) != 1:
        listing = ", ".join(table.header[place] for place in found) or "none"
        raise ExportError(
            f"Which column is the assignment's can't be seen: name it with --column. Those of assignments are {listing}."
        )
    return (named or found)[0]


def _find_ids(table: CsvTable, keys: set[str]) -> int:
    width = len(table.header)
    hits = [
        sum(len(row) > place and row[place].strip() in keys for row in table.rows) for place in range(width)
    ]
    if not hits or max(hits) == 0:
        raise ExportError(
            "No column of the template has the id of a student of this cohort. Is it another course's?"
        )
    return hits.index(max(hits))
