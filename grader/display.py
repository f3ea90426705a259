"""Makes text of a submission safe to show: as text, wherever it is shown.

Whatever a student's code prints, raises or is called may contain characters that a terminal, a browser or a reader's
eye takes for something else. Each function here takes any string and returns one that its medium shows literally.
"""

from __future__ import annotations

import html as _html
import re
import unicodedata

MAX_CHARACTERS = 20_000
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_JOINERS = "\u200c\u200d"  # join emoji and letters of some scripts, and can't show anything false
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(text: str, *, max_characters: int = MAX_CHARACTERS, one_line: bool = False) -> str:
    """Return text for a terminal or a plain report, with what cannot be seen written out as an escape (``\\x1b``).

    Colours are dropped. Line ends and tabs stay, unless ``one_line`` asks for them to be written out too. A text that
    is too long loses its middle, because the cause of an error comes at its end.
    """
    text = _COLOURS.sub("", _cut(text, max_characters).replace("\r\n", "\n"))
    letters = text if one_line else text.replace("\n", "").replace("\t", "")
    if letters.isprintable():  # nearly always, and sooner known than by a look at each character
        return _cut(text, max_characters)
    kept = _JOINERS if one_line else _JOINERS + "\n\t"
    shown = "".join(
        _escape(character)
        if character not in kept and unicodedata.category(character) in _HIDDEN
        else character
        for character in text
    )
    return _cut(shown, max_characters)


def brief(name: str, *, max_characters: int = 60) -> str:
    """The beginning of a name that is too long for its place.

    >>> brief("amuster"), brief("amuster", max_characters=4)
    ('amuster', 'amu…')
    """
    return name if len(name) <= max_characters else f"{name[: max_characters - 1]}…"


def quote(text: str, *, max_characters: int = 1_000) -> str:
    """Somebody else's words within a sentence of the grader's: on one line, and in quotation marks that they can't end."""
    words = " ".join(text.replace('"', "'").split())
    return f'"{plain(words, max_characters=max_characters, one_line=True)}"'


def html(text: str, *, max_characters: int = MAX_CHARACTERS) -> str:
    """Return text for an HTML page: within an element or a quoted attribute."""
    return _html.escape(plain(text, max_characters=max_characters), quote=True)


def _escape(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _cut(text: str, max_characters: int) -> str:
    if len(text) <= max_characters:
        return text
    left_out = f" … {len(text) - max_characters:,} characters left out … "
    if max_characters < 3 * len(left_out):  # of a name, more should be left than that
        left_out = "…"
    room = max(0, max_characters - len(left_out))
    tail = room // 2
    return text[: room - tail] + left_out + (text[-tail:] if tail else "")
