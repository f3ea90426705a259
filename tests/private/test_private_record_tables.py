"""The documentation shows the records."""

from __future__ import annotations

from pathlib import Path

from private_tests.answer_key.tables import format_records

DOCS = Path(__file__).resolve().parents[2] / "docs" / "data.md"


def test_the_documentation_shows_the_records() -> None:
    assert format_records() in DOCS.read_text(encoding="utf-8"), (
        "run `python -m private_tests.answer_key.tables` and put what it prints into docs/data.md"
    )
