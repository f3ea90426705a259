"""Moodle's assignments: `Anna Muster_7770000_assignsubmission_file/…`.

The last number before `_assignsubmission_` is the id: a participant's, or in team assignments a group's.
"""

from __future__ import annotations

import re

from ..cohort import Cohort, Member, Party
from ..configuration import Configuration
from ..gathering import Gathering
from ..tree import Tree

TITLE = "Moodle"
LOOK = "folders or files such as `Anna Muster_7770000_assignsubmission_file`"
_ENTRY = re.compile(
    r"(?P<name>.*?)(?:_(?P<id>\d+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL
)


def recognise(tree: Tree) -> bool:
    """Whether a source is Moodle's, by its structure."""
    return any(_ENTRY.fullmatch(top) for top in _inner(tree).tops)


def read(tree: Tree, configuration: Configuration) -> Cohort:
    """Read who handed in what."""
    tree = _inner(tree)
    gathering = Gathering("moodle", tree)
    entries = {top: match for top in tree.tops if (match := _ENTRY.fullmatch(top))}
    is_team = configuration.teams or any(match["id"] is None for match in entries.values())
    for top, match in entries.items():
        label = match["name"]
        key = match["id"] or f"group {label}"  # the group of those who are in none has no id
        gathering.add_party(Party(key, () if is_team else (Member(key, label),), label, is_team))
        gathering.claim(tree, top, key)
        if top in tree.unread:
            continue
        if match["kind"] != "file":
            names = [top] if top in tree.files else tree.list_below(top)
            for name in names:
                gathering.tell(
                    name,
                    f"{gathering.name(key)} wrote a text online, which is not graded: read it on Moodle.",
                    key,
                )
        elif top in tree.files:
            gathering.add_file(key, match["file"] or top, tree.files[top], tree.restore(top))
        else:
            for name in tree.list_below(top):
                gathering.add_file(key, name[len(top) + 1 :], tree.files[name], tree.restore(top))
    others = [top for top in tree.tops if top not in entries]
    gathering.leave_unmatched(others, "its name has no `_assignsubmission_`")
    return gathering.finish()


def _inner(tree: Tree) -> Tree:
    """Without the folder into which somebody unpacked it; the folder of a single participant is none."""
    return tree if any(_ENTRY.fullmatch(top) for top in tree.tops) else tree.enter()
