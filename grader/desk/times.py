"""Times as platforms write them."""

from __future__ import annotations

import contextlib
from datetime import datetime

_FORMATS = (
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y, %H:%M",
    "%d. %b %Y, %H:%M",
    "%d %b %Y, %H:%M",
    "%b %d, %Y, %H:%M",
)
# Of which `%b` knows only those of the machine's own language.
_MONTHS = {"Mär": "Mar", "Mrz": "Mar", "Mai": "May", "Okt": "Oct", "Dez": "Dec"}


def read_time(given: object) -> datetime | None:
    """A time; None if it can't be read. It states an offset where the text does."""
    if isinstance(given, datetime):
        return given
    text = " ".join(str(given or "").split())
    if text.endswith(" UTC"):
        text = f"{text[:-4]} +0000"
    for month, english in _MONTHS.items():
        text = text.replace(f" {month} ", f" {english} ")
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(text)
    for form in _FORMATS:
        with contextlib.suppress(ValueError):
            return datetime.strptime(text, form)
    return None
