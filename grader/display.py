"""Text of a submission, made safe to show: no control codes in terminals, no direction tricks in names, no endless lines."""

from __future__ import annotations

import unicodedata

MAX_CHARACTERS = 20_000

_DIRECTION_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def show_text(text: str, multiline: bool = False) -> str:
    """`text` with control characters, direction controls and lone surrogates written out as escapes; line ends kept if `multiline`."""
    cut = text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + "… (cut)"
    return "".join(character if _is_plain(character, multiline) else _escape(character) for character in cut)


def _is_plain(character: str, multiline: bool) -> bool:
    if character in "\n\t":
        return multiline
    return character not in _DIRECTION_CONTROLS and unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
