"""No platform: a folder per student or team, or one archive or notebook each, side by side.

The key is the name of the folder or file, without its ending. A table beside them (`key,name,login,email`) says who they are; then a file that
has such a key for its name is theirs, whatever it is.
"""

from __future__ import annotations

import re

from ...intake import show
from ..cohort import Cohort, Member, Party
from ..configuration import Configuration
from ..csv_table import find_table
from ..gathering import Gathering
from ..tree import Tree

TITLE = "a plain folder"
LOOK = "a folder, an archive or a notebook per student, side by side"
ROSTER = ("key", "name")
_BLACKBOARD = re.compile(r"_attempt_\d{4}-\d{2}-\d{2}-")
_HAND_IN = re.compile(
    r"(.+?)(\.ipynb(?:\.txt|\.json)?|\.zip|\.7z|\.rar|\.tar|\.tgz|\.tar\.(?:gz|bz2|xz))", re.IGNORECASE
)


def recognise(tree: Tree) -> bool:
    """Whether there is a hand-in at all."""
    inner = _inner(tree)
    if any(_BLACKBOARD.search(top) for top in inner.tops):
        return False  # a file each, several of one student: by their names they would be several students
    return bool(inner.list_folders()) or any(_HAND_IN.fullmatch(top) for top in inner.tops)


def read(tree: Tree, configuration: Configuration) -> Cohort:  # noqa: ARG001
    """Read who handed in what."""
    inner = _inner(tree)
    gathering = Gathering("folder", inner)
    roster = find_table([tree, inner], ROSTER)
    known: dict[str, dict[str, str]] = {}
    for row in roster.list_records() if roster else ():
        if not row["key"]:
            gathering.tell("", f"{show(row['name'])} has no key in the roster, and is nobody here.")
        elif row["key"] in known:
            told = f"The roster has {show(row['key'])} twice; it is {show(known[row['key']]['name'])} who counts."
            gathering.tell("", f"{told} A key is one person's or one team's.")
        else:
            known[row["key"]] = row
    for key, row in known.items():
        member = Member(key, row["name"], row.get("login", ""), row.get("email", ""))
        gathering.add_party(Party(key, (member,), row["name"] or key))
    others = []
    for top in inner.tops:
        is_folder = top in inner.folders
        match = None if is_folder else _HAND_IN.fullmatch(top)
        stem = top.rpartition(".")[0]
        if not is_folder and match is None and stem not in known:
            others.append(top)
            continue
        key = top if is_folder else match[1] if match else stem
        if known and key not in known:
            gathering.tell(
                top, f"The roster does not name {key}; it is taken for one who hands in all the same.", key
            )
        gathering.add_party(Party(key, (Member(key, key),), key))
        gathering.claim(inner, top, key)
        names = inner.list_below(top) if is_folder else [name for name in (top,) if name in inner.files]
        for name in names:
            gathering.add_file(
                key, name[len(top) + 1 :] if is_folder else name, inner.files[name], inner.restore(top)
            )
    if inner.list_folders() == list(inner.tops) and len(inner.tops) == 1:
        below = [name.removeprefix(f"{inner.tops[0]}/") for name in inner.list_below(inner.tops[0])]
        if sum("/" not in name and _HAND_IN.fullmatch(name) is not None for name in below) > 1:
            gathering.add_rule(
                f"All files in {show(inner.tops[0])} are taken for one hand-in. If each is another student's, "
                "unpack the zip and name that folder, or put a table with the columns key,name into it."
            )
    tables = [top for top in others if top.lower().endswith(".csv")]
    gathering.leave_unmatched([top for top in others if top not in tables], "it is in no student's folder")
    return gathering.finish()


def _inner(tree: Tree) -> Tree:
    """Without the folders around: a folder by itself is one of them if it holds a roster, or no files right in it, which a student's does."""
    while len(tree.list_folders()) == len(tree.tops) == 1:
        inner = tree.descend(tree.tops[0])
        has_files = any(top in inner.files for top in inner.tops)
        if not inner.tops or (has_files and find_table([inner], ROSTER) is None):
            return tree
        tree = inner
    return tree
