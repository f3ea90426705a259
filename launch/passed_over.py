"""What of a shell script was passed over in a run, as worker/prelude.bash and worker/environment.sh noted it: claims, like events."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .events import cite, printable
from .journal import open_plain

FILE = "passed-over"
BYTES_LIMIT = 20_000
SHOWN = 10  # notes
_SENTENCES = {
    ("environment", ""): "`{line}` was passed over: the environment is the launcher's own.",
    ("exercise", ""): "`{line}` was passed over: it is of another exercise.",
    ("folder", ""): "`{line}` was passed over: that folder is of another machine.",
    ("folder", "*"): "`{line}`: that folder is of another machine; {given} was taken.",
    ("keyboard", ""): "`{line}` reads the keyboard, where nobody answers: it was given an empty line.",
    (
        "keyboard",
        "waited",
    ): "`{line}` reads the keyboard, where nobody answers: the script waited until its ranks had ended.",
}


def read_notes(events: Path, source: Path) -> list[str]:
    """A sentence for each different thing that was passed over. `source`: the script's folder, which no sentence names."""
    descriptor = open_plain(events / FILE)
    if descriptor is None:
        return []
    with os.fdopen(descriptor, "rb") as file:
        text = file.read(BYTES_LIMIT).decode("utf-8", "replace")
    sentences = dict.fromkeys(
        _sentences(text.replace(f"{source}/", "").replace(str(source), ".").splitlines())
    )
    return list(sentences)[:SHOWN]


def _sentences(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        kind, _, rest = printable(line[:300]).partition("\t")
        what, _, given = rest.partition("\t")
        known = _SENTENCES.get((kind, given)) or _SENTENCES.get((kind, "*"))
        if known is not None:
            yield known.format(line=what.strip().replace("`", "'"), given=cite(given))
