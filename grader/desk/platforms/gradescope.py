"""Gradescope's export of submissions: `submission_metadata.yml`, and a folder per submission, `submission_123`.

Its ids are those of submissions; a person is known by `:sid`, else by `:email`. A submission of several is a group's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..cohort import Cohort, Member, Party
from ..configuration import Configuration
from ..csv_table import make_table
from ..gathering import Gathering
from ..grades import ExportRequest, GradeEntry, Outgoing, defuse, format_points
from ..times import read_time
from ..tree import Tree

TITLE = "Gradescope"
LOOK = "submission_metadata.yml beside folders such as `submission_123`"
_METADATA = "submission_metadata.yml"
_SUBMISSION = re.compile(r"submission_\d+")
_MAX_BYTES = 64 << 20


def recognise(tree: Tree) -> bool:
    """Whether a source is Gradescope's, by its structure."""
    return _METADATA in _inner(tree).files


def read(tree: Tree, configuration: Configuration) -> Cohort:
    """Read who handed in what."""
    tree = _inner(tree)
    gathering = Gathering("gradescope", tree)
    metadata = _read_metadata(tree, gathering)
    for top in tree.tops:
        if _SUBMISSION.fullmatch(top) and top not in metadata:
            gathering.leave_unmatched([top], f"{_METADATA} does not name it")
        elif top not in metadata and top != _METADATA:
            gathering.leave_unmatched([top], "its name is not submission_ and a number")
    newest: dict[str, datetime | None] = {}
    for top, entry in metadata.items():
        party = _read_party(top, entry)
        time = _read_created(entry)
        at = configuration.to_utc(time) if time is not None else None
        gathering.add_party(party)
        gathering.claim(tree, top, party.key)
        if party.key in newest:
            gathering.tell(
                top,
                f"{gathering.name(party.key)} has several submissions; {top} was left out, since it is not the newest.",
                party.key,
            )
            continue
        newest[party.key] = at
        for name in tree.list_below(top):
            gathering.add_file(party.key, name[len(top) + 1 :], tree.files[name], top)
        gathering.set_time(party.key, at)
    return gathering.finish()


def _read_metadata(tree: Tree, gathering: Gathering) -> dict[str, Mapping[str, Any]]:
    """What the file says of each submission, the newest first."""
    path = tree.files.get(_METADATA)
    if path is None:
        return {}
    try:
        import yaml
    except ImportError:
        gathering.tell(_METADATA, "PyYAML, which reads it, is not installed here: pip install -e '.[desk]'.")
        return {}

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc, unused-ignore]
        """Takes Ruby's own types for what they are written as; in C where it can, since a file of a large course has megabytes."""

    Loader.add_multi_constructor("!", lambda loader, _, node: _construct(loader, node))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"larger than {_MAX_BYTES >> 20} MiB")
        found = yaml.load(path.read_bytes(), Loader=Loader)
        if not isinstance(found, dict):
            raise ValueError("not a table of submissions")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = " ".join(str(error).split())[:200]
        gathering.tell(_METADATA, f"{_METADATA} can't be read, so nobody is known: {line}.")
        return {}
    entries = {str(key): entry for key, entry in found.items() if isinstance(entry, dict)}
    gathering.leave_unmatched(
        [str(key) for key in found if str(key) not in entries], "its entry is not a table"
    )
    return dict(sorted(entries.items(), key=lambda each: _sort_key(each[1]), reverse=True))


def _construct(loader: Any, node: Any) -> Any:
    if node.id == "mapping":
        return loader.construct_mapping(node, deep=True)
    return (
        loader.construct_sequence(node, deep=True) if node.id == "sequence" else loader.construct_scalar(node)
    )


def _sort_key(entry: Mapping[str, Any]) -> float:
    time = _read_created(entry)
    return time.timestamp() if time is not None else 0.0


def _read_created(entry: Mapping[str, Any]) -> datetime | None:
    created = entry.get(":created_at")
    return read_time(
        created.get("utc") if isinstance(created, dict) else created
    )  # Ruby writes its own type as a table


def _read_party(top: str, entry: Mapping[str, Any]) -> Party:
    given = [each for each in entry.get(":submitters") or [] if isinstance(each, dict)]
    members = [_read_member(each, f"{top}-{number}") for number, each in enumerate(given, 1)]
    label = ", ".join(member.name or member.key for member in members) or top
    if len(members) == 1:
        return Party(members[0].key, (members[0],), label)
    key = f"team-{'+'.join(sorted(member.key for member in members))}" if members else top
    return Party(key, tuple(members), label, is_team=bool(members))


def _read_member(given: Mapping[str, Any], nameless: str) -> Member:
    name, sid, email = (str(given.get(key) or "").strip() for key in (":name", ":sid", ":email"))
    return Member(sid or email or nameless, name, email=email)


def _inner(tree: Tree) -> Tree:
    return tree if _METADATA in tree.files else tree.enter()


def write_grades(entries: Sequence[GradeEntry], request: ExportRequest) -> Outgoing:  # noqa: ARG001
    """A table with a row per student, as an assignment takes it whose grades come from elsewhere; and feedback by submission."""
    rows = [("Name", "SID", "Email", "Total Score", "Max Points")]
    for entry in entries:
        for member in entry.members or (Member(entry.key, entry.label),):
            is_sid = member.key != member.email and not _SUBMISSION.match(member.key)
            sid = member.key if is_sid else ""
            points = format_points(entry.points), format_points(entry.max_points)
            rows.append((defuse(member.name), defuse(sid), defuse(member.email), *points))
    files = {"grades.csv": make_table(rows).encode()}
    for entry in entries:
        if entry.origin:
            files |= entry.read_pages(f"feedback/{entry.origin}")
    return Outgoing(files, ("Gradescope takes no files of feedback back: send them in another way.",))
