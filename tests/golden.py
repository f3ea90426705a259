"""What the golden submissions of both parts share: cases read from folders, and changes to a right answer."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

KIT = Path(__file__).resolve().parent.parent
CASES = Path(__file__).parent / "cases"

Change = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class GoldenCase:
    """A submission, and what grading it must give.

    says: each stands in the message of a failed check, or in a note
    change: replacements in a right answer; `old` stands once in the texts that may be changed
    quick: whether the case is graded without GOLDEN=all
    """

    name: str
    folder: Path
    what: str
    says: tuple[str, ...] = ()
    change: tuple[Change, ...] = ()
    quick: bool = False

    def find_unsaid(self, messages: Iterable[str]) -> list[str]:
        """The phrases of `says` that no message has."""
        texts = list(messages)
        return [phrase for phrase in self.says if not any(phrase in text for text in texts)]


Kind = TypeVar("Kind", bound=GoldenCase)


def read_cases(kind: type[Kind], part: str) -> list[Kind]:
    """The cases of `tests/cases/PART`."""
    return [
        kind(name=file.parent.name, folder=file.parent, **tomllib.loads(file.read_text(encoding="utf-8")))
        for file in sorted((CASES / part).glob("*/case.toml"))
    ]


def make_changes(texts: Mapping[str, str], changes: Iterable[Change]) -> dict[str, str]:
    """The texts, by name, with the changes made one after the other."""
    changed = dict(texts)
    for change in changes:
        old, new = change["old"], change["new"]
        count = sum(text.count(old) for text in changed.values())
        assert count == 1, f"{old!r} stands {count} times in {', '.join(changed)}"
        changed = {name: text.replace(old, new) for name, text in changed.items()}
    return changed
