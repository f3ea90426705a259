"""Canvas: files side by side, `musteranna_10231_880000_homework_1.ipynb`, with the ids of the user and of the attachment, and `LATE`
before them. Anonymous ones are `anon_Ab3dE_880009_…`. A text that was typed has no attachment and ends in `_text.html`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..cohort import Cohort, Member, Party
from ..configuration import Configuration
from ..gathering import Gathering
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
